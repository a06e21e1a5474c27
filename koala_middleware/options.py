"""Every setting, validated once when the middleware is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from koala_middleware.callables import FUNCTION, is_function
from koala_middleware.context import CONTEXT_KEYS
from koala_middleware.cookies import parse_profile_id
from koala_middleware.mint import Mint

# RFC 6265, section 4.1.1: a cookie's name is a token of RFC 2616.
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

SETTING_PREFIX = "KOALA_"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Hold what a middleware was told to do.

    :param cookie_name: the cookie to read.
    :param property_name: the property to add.
    :param parse: ``str -> str | None``, cleans and validates a cookie's value.
    :param request_filter: ``request -> bool``; when it returns False the request has no visitor.
    :param anonymous_id_cookie: Segment's own cookie, for a call with neither ``user_id`` nor
        ``anonymous_id``; None leaves it unread.
    :param identify: also add the profile id to the traits of ``identify``, which links a visitor
        with an email.
    :param header_name: a request header to fall back on when no cookie has an id.
    :param email: ``request -> str | None``, asked when a call has no email.
    :param context: fill a call's missing ``context.ip``, ``context.userAgent`` and
        ``context.page``; True, or some of these names.
    :param mint: a :class:`Mint`, to give a visitor without the cookie an id and the cookie.
    :param flush_seconds: how long the process may wait, when it ends, for the upload of what is
        queued: 5 unless it is given, once for all of the process.

    Raises TypeError or ValueError that names the option, what was expected and what came.
    """

    cookie_name: str = "ko_id"
    property_name: str = "profile_id"
    parse: Callable[[str], str | None] = parse_profile_id
    request_filter: Callable[[Any], bool] | None = None
    anonymous_id_cookie: str | None = "ajs_anonymous_id"
    identify: bool = False
    header_name: str | None = None
    email: Callable[[Any], str | None] | None = None
    context: bool | Collection[str] = False
    mint: Mint | None = None
    flush_seconds: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            check_option(field.name, getattr(self, field.name), f"option {field.name}")
        if self.mint is not None:
            self.mint.check_cookie_name(self.cookie_name)


class OptionKeywords(TypedDict, total=False):
    """The options as a middleware takes them, for type checkers."""

    cookie_name: str
    property_name: str
    parse: Callable[[str], str | None]
    request_filter: Callable[[Any], bool] | None
    anonymous_id_cookie: str | None
    identify: bool
    header_name: str | None
    email: Callable[[Any], str | None] | None
    context: bool | Collection[str]
    mint: Mint | None
    flush_seconds: float | None


def options_from_keywords(given: Mapping[str, Any]) -> Options:
    """Make Options of a middleware's keyword arguments."""
    for name in given:
        _check_known(name, f"option {name}", _CHECKS)
    return Options(**given)


def options_from_settings(settings: Mapping[str, Any], place: str) -> Options:
    """Make Options of a framework's ``KOALA_…`` settings; ``place`` says where a user sets them."""
    labels = {SETTING_PREFIX + name.upper(): name for name in _CHECKS}
    given = {key: settings[key] for key in settings if key.startswith(SETTING_PREFIX)}
    for label, value in given.items():
        _check_known(label, f"{label} in {place}", labels)
        check_option(labels[label], value, f"{label} in {place}")
    return Options(**{labels[label]: value for label, value in given.items()})


def check_option(name: str, value: object, label: str) -> None:
    """Raise TypeError or ValueError, beginning with ``label``, if an option has a wrong value."""
    problem = _CHECKS[name](value)
    if problem is not None:
        raise type(problem)(f"{label}: expected {problem}, got {value!r}")


def _check_known(name: str, label: str, known: Mapping[str, object]) -> None:
    if name not in known:
        from difflib import get_close_matches  # here, because a right application needs none

        close = get_close_matches(name, known)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise TypeError(f"{label}: no such option{hint}; expected one of {', '.join(known)}")


def _cookie_name(value: object) -> Exception | None:
    expected = "a cookie's name (letters, digits and !#$%&'*+-.^_`|~)"
    if not isinstance(value, str):
        return TypeError(expected)
    return None if value and _TOKEN.issuperset(value) else ValueError(expected)


def _property_name(value: object) -> Exception | None:
    expected = "a property's name"
    if not isinstance(value, str):
        return TypeError(expected)
    return None if value else ValueError(expected)


def _function(value: object) -> Exception | None:
    return None if is_function(value) else TypeError(FUNCTION)


def _bool(value: object) -> Exception | None:
    return None if isinstance(value, bool) else TypeError("True or False")


def _header_name(value: object) -> Exception | None:
    problem = _cookie_name(value)  # of the same characters (RFC 9110, section 5.1)
    return problem and type(problem)("a header's name")


def _context(value: object) -> Exception | None:
    expected = f"True, False or some of {', '.join(CONTEXT_KEYS)}"
    if isinstance(value, bool):
        return None
    if not isinstance(value, Collection) or isinstance(value, str):
        return TypeError(expected)
    return None if set(CONTEXT_KEYS).issuperset(value) else ValueError(expected)


def _mint(value: object) -> Exception | None:
    return None if isinstance(value, Mint) else TypeError("a koala_middleware.Mint")


def _seconds(value: object) -> Exception | None:
    expected = "a number of seconds, 0 or more"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return TypeError(expected)
    return None if 0 <= value < float("inf") else ValueError(expected)


def _or_none(check: _Check) -> _Check:
    def check_or_none(value: object) -> Exception | None:
        problem = None if value is None else check(value)
        return problem and type(problem)(f"{problem}, or None")

    return check_or_none


_Check = Callable[[object], Exception | None]
_CHECKS: dict[str, _Check] = {
    "cookie_name": _cookie_name,
    "property_name": _property_name,
    "parse": _function,
    "request_filter": _or_none(_function),
    "anonymous_id_cookie": _or_none(_cookie_name),
    "identify": _bool,
    "header_name": _or_none(_header_name),
    "email": _or_none(_function),
    "context": _context,
    "mint": _or_none(_mint),
    "flush_seconds": _or_none(_seconds),
}
