"""Read one cookie out of a raw ``Cookie`` header."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_ENCODED_UUID = 3 * 38  # a UUID in quotes, each character as %XX

# Bridges from ASGI to WSGI put a comma between the pieces in which HTTP/2 clients send the header:
# https://github.com/abersheeran/a2wsgi/blob/v1.10.10/a2wsgi/wsgi.py
_JOINT = re.compile(r",(?=[ \t]*[\w!#$%&'*+.^`|~-]+=)", re.ASCII)  # before another cookie's name
_MOST_MENTIONS = 64
LONGEST_VALUE = 4096  # RFC 6265, section 6.1: what browsers keep of one cookie
_LONGEST_ANONYMOUS_ID = 255


def cookie_values(header: str, name: str) -> Iterator[str]:
    """Yield the raw values of the cookie ``name``, in the order the browser sent them.

    The header is split at ``;`` (RFC 6265, section 4.2.1) in one pass, whatever its other cookies
    look like; at most 64 mentions of the name are looked at, and values of more than 4096
    characters are passed over. Values that only a comma delimits come last.
    """
    needle = name + "="
    pair_end = 0
    for mentions in range(_MOST_MENTIONS):
        found = header.find(needle, pair_end)
        if found < 0:
            if mentions and "," in header:
                apart = _JOINT.sub(";", header)
                if apart != header:
                    yield from cookie_values(apart, name)
            return
        pair_start = header.rfind(";", pair_end, found) + 1
        start = found + len(needle)
        pair_end = header.find(";", start)
        if pair_end < 0:
            pair_end = len(header)
        # Anything but white space before it: the tail of another cookie's name or value.
        if not header[pair_start:found].strip(" \t") and pair_end - start <= LONGEST_VALUE:
            yield header[start:pair_end].strip(" \t")


def with_joined(header: str) -> str:
    """Return a header, and once more with a semicolon for each comma that joins pieces of it."""
    apart = _JOINT.sub(";", header) if "," in header else header
    return header if apart == header else f"{header};{apart}"


def first_cookie_value(header: str, name: str) -> str | None:
    """Return the raw value, up to the next ``;``, of the first cookie ``name``, or None.

    Unlike :func:`cookie_values` it keeps to the order of a header whose pieces were joined with
    commas: browsers send the cookie with the most specific path first (RFC 6265, section 5.4).
    """
    found = re.search(rf"(?:^|[;,])[ \t]*{re.escape(name)}=([^;]*)", header)
    return found[1].strip(" \t") if found and len(found[1]) <= LONGEST_VALUE else None


def before_joint(value: str) -> str:
    """Return a cookie's value without what was joined to it with a comma."""
    return _JOINT.split(value, maxsplit=1)[0].rstrip(" \t")


def mentions_cookie(header: str, name: str) -> bool:
    """Return whether a header names the cookie, whatever its value and whoever joined the header.

    Pieces of it are sometimes joined with ``,`` (RFC 9113, section 8.2.3, asks for ``;``).
    """
    return re.search(rf"(?:^|[;,])[ \t]*{re.escape(name)}[ \t]*=", header) is not None


def parse_profile_id(value: str) -> str | None:
    """Return the profile id in a cookie's value, or None if there is none.

    Percent-encoding and one pair of double quotes are removed. What is left must be a UUID in its
    8-4-4-4-12 form, the form Koala documents; it is returned as it was sent, in either case.
    """
    if _UUID.fullmatch(value):
        return value
    if len(value) > _LONGEST_ENCODED_UUID:
        return None
    value = unquote_cookie(value)
    return value if _UUID.fullmatch(value) else None


def parse_anonymous_id(value: str) -> str | None:
    """Return Segment's anonymous id in a cookie's value, or None if there is none.

    Segment's browser library writes a UUID, in older versions as ``%22…%22``; sites may set one of
    their own. So any printable text of at most 255 characters will do, unless another cookie was
    joined to it with a comma.
    """
    if len(value) > 3 * _LONGEST_ANONYMOUS_ID or not value.isascii() or _JOINT.search(value):
        return None
    value = unquote_cookie(value)
    return value if 0 < len(value) <= _LONGEST_ANONYMOUS_ID and value.isprintable() else None


def unquote_cookie(value: str) -> str:
    """Remove percent-encoding and one pair of double quotes from a cookie's value."""
    if "%" in value:
        from urllib.parse import unquote  # here, because few values need it

        value = unquote(value, errors="surrogateescape")  # not printable if not UTF-8
    if value[:1] == '"' == value[-1:] and len(value) > 1:
        return value[1:-1]
    return value


def cookie_header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the ``Cookie`` header of an ASGI scope as one text, or None.

    HTTP/2 clients may send it in pieces, which belong together as ``"; "`` (RFC 9113, section
    8.2.3).
    """
    pieces = [value for name, value in headers if name == b"cookie"]
    return b"; ".join(pieces).decode("latin-1") if pieces else None
