"""Fuzz the cookie reader with atheris; docs/fuzzing.rst has the command."""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, unquote_to_bytes
from uuid import UUID

import atheris

# libFuzzer sees which comparisons and patterns a header nearly matched.
atheris.enabled_hooks.add("RegEx")
atheris.enabled_hooks.add("str")

with atheris.instrument_imports(include=["koala_middleware.cookies", "koala_middleware.visitor"]):
    from koala_middleware.cookies import (
        cookie_header,
        cookie_values,
        parse_anonymous_id,
        parse_profile_id,
    )
    from koala_middleware.visitor import Visitor

NAMES = ["ko_id", "ajs_anonymous_id", "a", "%"]
TOKENS = [
    "ko_id=",
    "ajs_anonymous_id=",
    "a=",
    "%=",
    "ko_id",
    "=",
    ";",
    "; ",
    " ",
    "\t",
    '"',
    "%22",
    "%",
    "%2D",
    "%3B",
    "%FF",
    "%C3%A9",
    "é",
    "\x00",
    "\n",
    "\udc80",
    "\u0663",
    "3e6a2c18",
    "-3b02",
    "-40c4-b8d2",
    "-1842c193d3ba",
    "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba",
    "%33E6A2C18-3b02-40c4-b8d2-1842c193d3ba",
    "x" * 250,
    "x" * 4090,
]
ID = "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba"
IDS = [ID, ID.upper(), f'"{ID}"', f'""{ID}""', ID.replace("-", ""), "my own id", "é" * 40, ""]


class Counted(str):
    """Count the characters that the reader looks at."""

    looked_at = 0

    def find(self, sub: str, *bounds: Any) -> int:
        start = bounds[0]
        found = super().find(sub, start)
        self.looked_at += (len(self) if found < 0 else found + len(sub)) - start
        return found

    def rfind(self, sub: str, *bounds: Any) -> int:
        start, end = bounds
        found = super().rfind(sub, start, end)
        self.looked_at += end - (start if found < 0 else found)
        return found

    def __getitem__(self, key: Any) -> str:
        piece = super().__getitem__(key)
        self.looked_at += len(piece)
        return piece


def expected_values(header: str, name: str) -> list[str]:
    """Read a header pair by pair."""
    mentions = [pair for pair in header.split(";") if f"{name}=" in pair][:64]
    pairs = [pair.lstrip(" \t").partition("=") for pair in mentions]
    return [value.strip(" \t") for key, _, value in pairs if key == name and len(value) <= 4096]


def expected_text(value: str) -> str:
    # Only ASCII may be percent-encoded.
    decoded = b"".join(
        unquote_to_bytes(run) if run.isascii() else run.encode(errors="replace")
        for run in re.split("([^\x00-\x7f]+)", value)
    ).decode(errors="replace")
    quoted = len(decoded) > 1 and decoded.startswith('"') and decoded.endswith('"')
    return decoded[1:-1] if quoted else decoded


def expected_profile_id(value: str) -> str | None:
    text = expected_text(value)
    return text if is_canonical(text) else None


def is_canonical(text: str) -> bool:
    groups = text.split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and all(
        character in string.hexdigits for group in groups for character in group
    )


def expected_anonymous_id(value: str) -> str | None:
    text = expected_text(value)
    fits = len(value) <= 3 * 255 and value.isascii() and 0 < len(text) <= 255
    return text if fits and text.isprintable() and "\ufffd" not in text else None


def first(found: Iterator[str | None]) -> str | None:
    return next((each for each in found if each is not None), None)


def header_of(data: Any) -> str:
    """Make a header: as a server's bytes, as any text, or of what the reader looks for."""
    make = (latin_1, any_text, tokens, pairs)[data.ConsumeIntInRange(0, 3)]
    return make(data)


def latin_1(data: Any) -> str:
    raw: bytes = data.ConsumeBytes(data.remaining_bytes())
    return raw.decode("latin-1")


def any_text(data: Any) -> str:
    text: str = data.ConsumeUnicode(data.remaining_bytes())
    return text


def tokens(data: Any) -> str:
    header = ""
    while data.remaining_bytes() and len(header) < 20_000:
        header += data.PickValueInList(TOKENS) * data.PickValueInList([1, 1, 1, 2, 70])
    return header


def pairs(data: Any) -> str:
    """Make a header with ids that are right, encoded here and there, or nearly right."""
    header = ""
    while data.remaining_bytes():
        value = data.PickValueInList(IDS)
        encode = data.ConsumeIntInRange(0, 2**40)
        value = "".join(
            f"%{ord(character):02x}" if encode >> place & 1 else character
            for place, character in enumerate(value)
        )
        if not data.ConsumeIntInRange(0, 3):
            place = data.ConsumeIntInRange(0, len(value))
            value = value[:place] + data.PickValueInList(TOKENS) + value[place:]
        header += (
            data.PickValueInList(NAMES) + "=" + value + data.PickValueInList(["; ", ";", " ;\t"])
        )
    return header


def check_values(header: str, name: str) -> None:
    counted = Counted(header)
    values = list(cookie_values(counted, name))
    assert values == expected_values(header, name)
    assert counted.looked_at <= 3 * len(header) + 64 * 2, "more than three passes over the header"


def check_visitor(header: str) -> None:
    visitor = Visitor(None, None, header)
    profile_id, anonymous_id = visitor.profile_id, visitor.anonymous_id
    assert profile_id == first(map(expected_profile_id, expected_values(header, "ko_id")))
    assert anonymous_id == first(
        map(expected_anonymous_id, expected_values(header, "ajs_anonymous_id"))
    )
    if profile_id is not None:
        assert is_canonical(profile_id)
        assert str(UUID(profile_id)) == profile_id.lower()
        assert profile_id in unquote(header, errors="surrogateescape")


def check_parsers(value: str) -> None:
    assert parse_profile_id(value) == expected_profile_id(value)
    assert parse_anonymous_id(value) == expected_anonymous_id(value)


def check_pieces(header: str) -> None:
    """Split a header at each ``"; "`` as HTTP/2 does; it must come back whole."""
    try:
        raw = header.encode("latin-1")
    except UnicodeEncodeError:  # no server sends it
        return
    pieces = [(b"cookie", piece) for piece in raw.split(b"; ")]
    assert cookie_header([(b"host", b"a"), *pieces, (b"cookie2", b"b")]) == header


def fuzz_one(raw: bytes) -> None:
    header = header_of(atheris.FuzzedDataProvider(raw))
    for name in NAMES:
        check_values(header, name)
    check_visitor(header)
    check_parsers(header)
    check_pieces(header)


if __name__ == "__main__":
    # What a check finds is coverage, too: without it no header with an id would be kept.
    for function in (check_parsers, check_visitor, fuzz_one, pairs):
        atheris.instrument_func(function)
    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()
