"""Read purposes and vendors out of the IAB's consent string, version 2.

https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework/blob/master/TCFv2/IAB%20Tech%20Lab%20-%20Consent%20string%20and%20vendor%20list%20formats%20v2.md
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection

PURPOSES = range(1, 12)  # of the 24 that the format has room for, those that exist

_CORE = re.compile(r"[\w-]{1,8192}", re.ASCII)

# Where the fields of the core string are, in bits.
_VERSION = 0, 6
_FIRST_PURPOSE = 152
_MOST_VENDOR = 213, 16
_IS_RANGE = 229, 1
_VENDORS = 230


class _Bits:
    """A string of bits. Raises ValueError beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, start: int, length: int) -> int:
        end = start + length
        if end > 8 * len(self._data):
            raise ValueError("the string is cut")
        value = int.from_bytes(self._data[start // 8 : (end + 7) // 8], "big")
        return value >> (-end % 8) & (1 << length) - 1


def decode(text: str, vendors: Collection[int] = ()) -> dict[str, bool] | None:
    """Return ``purpose_<n>``, and ``vendor_<n>`` for those wanted, or None for any other text.

    Only the core segment is read, in time linear in its length.
    """
    core = text.partition(".")[0]
    if not _CORE.fullmatch(core):
        return None
    try:
        bits = _Bits(urlsafe_b64decode(core + "=="))
        if bits.read(*_VERSION) != 2:
            return None
        consents = {
            f"purpose_{purpose}": bits.read(_FIRST_PURPOSE + purpose - 1, 1) == 1
            for purpose in PURPOSES
        }
        if vendors:
            granted = _vendors(bits, vendors)
            consents |= {f"vendor_{vendor}": vendor in granted for vendor in vendors}
        return consents
    except ValueError:  # it is cut
        return None


def _vendors(bits: _Bits, wanted: Collection[int]) -> set[int]:
    most = bits.read(*_MOST_VENDOR)
    if not bits.read(*_IS_RANGE):
        return {
            vendor for vendor in wanted if vendor <= most and bits.read(_VENDORS + vendor - 1, 1)
        }
    granted: set[int] = set()
    position = _VENDORS + 12
    for _ in range(bits.read(_VENDORS, 12)):
        is_range, first = bits.read(position, 1), bits.read(position + 1, 16)
        last = bits.read(position + 17, 16) if is_range else first
        position += 33 if is_range else 17
        granted.update(vendor for vendor in wanted if first <= vendor <= last)
    return granted
