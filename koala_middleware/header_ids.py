"""The browser's ids in a header, for the next service: ``path=value`` pairs, joined with ``&``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from koala_middleware.browser_ids import BrowserId, is_browser_id, is_granted

HEADER = "X-Koala-Browser-Ids"
_LONGEST = 4096  # half of what servers take for all headers
_MOST_PAIRS = 128


def to_header(browser_ids: Mapping[str, str]) -> str:
    """Return the value of the header, with the first of the ids if it has no room for all."""
    from urllib.parse import urlencode  # here, because few applications need it

    pairs = list(browser_ids.items())[:_MOST_PAIRS]
    while len(value := urlencode(pairs)) > _LONGEST:
        pairs.pop()
    return value


def from_header(
    value: str, wanted: Iterable[BrowserId], granted: Mapping[str, bool] | None
) -> dict[str, str]:
    """Return those ids in the header that are wanted and granted, by their paths.

    Their ``parse`` has accepted them in the service before; here anything printable is valid.
    """
    if not value.isascii() or len(value) > _LONGEST:
        return {}
    from urllib.parse import unquote_plus  # here, because few applications need it

    paths = {each.path for each in wanted if is_granted(each.consent, granted)}
    found: dict[str, str] = {}
    for pair in value.split("&")[:_MOST_PAIRS]:
        path, _, sent = (
            unquote_plus(part, errors="surrogateescape") for part in pair.partition("=")
        )
        if path in paths and is_browser_id(sent):
            found.setdefault(path, sent)
    return found
