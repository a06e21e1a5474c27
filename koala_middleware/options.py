"""Every option, declared once with its type, default and check."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from koala_middleware.browser_ids import BrowserId
from koala_middleware.context import CONTEXT_KEYS
from koala_middleware.cookies import parse_profile_id
from koala_middleware.mint import AS_ANALYTICS_JS, Mint
from koala_middleware.validation import (
    BOOL,
    CALLABLE,
    COOKIE_NAME,
    HEADER_NAME,
    SECONDS,
    Check,
    check_fields,
    checked,
    checks_of,
    instance_of,
    nearest,
    optional,
    refuse,
    text,
)

_CONTEXT = Check(
    f"True, False or some of {', '.join(CONTEXT_KEYS)}",
    lambda value: isinstance(value, bool | Collection) and not isinstance(value, str),
    lambda value: isinstance(value, bool) or all(key in CONTEXT_KEYS for key in value),
)
_ANONYMOUS_ID = Check(
    "'mint', a koala_middleware.Mint, or None",
    lambda value: value is None or isinstance(value, str | Mint),
    lambda value: not isinstance(value, str) or value == "mint",
)
Call = Literal["track", "identify", "page", "screen", "group", "alias"]
CALLS: tuple[Call, ...] = ("track", "identify", "page", "screen", "group", "alias")
_CALLS = Check(
    f"some of {', '.join(CALLS)}, in a list, tuple or set",
    lambda value: isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping),
    lambda value: all(call in CALLS for call in value),
)
_BROWSER_IDS = Check(
    "a list or tuple of koala_middleware.BrowserId",
    lambda value: isinstance(value, list | tuple),
    lambda value: all(isinstance(each, BrowserId) for each in value),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings for the middleware, validated on construction.

    :param cookie_name: the cookie to read.
    :param property_name: the property to add.
    :param parse: ``str -> str | None``, cleans and validates a cookie's value.
    :param request_filter: ``request -> bool``; when it returns False the request has no visitor.
    :param anonymous_id_cookie: Segment's own cookie, for a call with neither ``user_id`` nor
        ``anonymous_id``; None to read none.
    :param identify: also add the profile id to the traits of ``identify``, which links a visitor
        with an email.
    :param header_name: a request header to fall back on when no cookie has an id.
    :param email: ``request -> str | None``, asked when a call has no email.
    :param context: fill what a call's ``context`` lacks of ``ip``, ``userAgent``, ``page``,
        ``campaign``, ``locale``, ``groupId`` and ``userAgentData``; True, or some of these names.
    :param browser_ids: further ids that a browser holds, each a :class:`BrowserId`, such as those
        in ``koala_middleware.destinations``.
    :param consent: ``request -> Mapping[str, bool] | None``, what the visitor agreed to, for
        ``context.consent.categoryPreferences``.
    :param user_id: ``request -> str | None``, asked when a call has no user id.
    :param anonymous_id: ``"mint"`` gives a visitor without ``anonymous_id_cookie`` an id and the
        cookie, as Segment's browser library would; a :class:`Mint` says how to set it.
    :param calls: which of Segment's calls are filled. ``identify`` is with its own option, too.
    :param enabled: False makes the middleware pass everything through.
    :param explain: events say in ``context.koala`` why they have the visitor's profile id, or none.
    :param mint: a :class:`Mint`, to give a visitor without the cookie an id and the cookie.
    :param flush_seconds: how long the process may wait, when it ends, for the upload of what is
        queued: 5 unless it is given, once for all of the process.
    :param threads: True makes threads, and work for thread pools, keep the visitor of whoever
        starts or submits them, in all of the process.

    Raises TypeError or ValueError that names the option, what was expected and what was given.
    """

    cookie_name: str = checked("ko_id", COOKIE_NAME)
    property_name: str = checked("profile_id", text("a property's name", bool))
    parse: Callable[[str], str | None] = checked(parse_profile_id, CALLABLE)
    request_filter: Callable[[Any], bool] | None = checked(None, optional(CALLABLE))
    anonymous_id_cookie: str | None = checked("ajs_anonymous_id", optional(COOKIE_NAME))
    identify: bool = checked(False, BOOL)
    header_name: str | None = checked(None, optional(HEADER_NAME))
    email: Callable[[Any], str | None] | None = checked(None, optional(CALLABLE))
    context: bool | Collection[str] = checked(False, _CONTEXT)
    browser_ids: Sequence[BrowserId] = checked((), _BROWSER_IDS)
    consent: Callable[[Any], Mapping[str, bool] | None] | None = checked(None, optional(CALLABLE))
    user_id: Callable[[Any], str | None] | None = checked(None, optional(CALLABLE))
    anonymous_id: Literal["mint"] | Mint | None = checked(None, _ANONYMOUS_ID)
    calls: Collection[Call] = checked(CALLS[:1], _CALLS)
    enabled: bool = checked(True, BOOL)
    explain: bool = checked(False, BOOL)
    mint: Mint | None = checked(None, optional(instance_of(Mint)))
    flush_seconds: float | None = checked(None, optional(SECONDS))
    threads: bool = checked(False, BOOL)

    def __post_init__(self) -> None:
        check_fields(self, "option")
        if self.mint is not None:
            self.mint.check_cookie_name(self.cookie_name)
        if self.anonymous_id is not None:
            if self.anonymous_id_cookie is None:
                refuse(
                    "option anonymous_id", "None, as anonymous_id_cookie is None", self.anonymous_id
                )
            mint = self.anonymous_id if isinstance(self.anonymous_id, Mint) else AS_ANALYTICS_JS
            mint.check_cookie_name(self.anonymous_id_cookie)

    def fills(self, call: str) -> bool:
        """Return whether one of Segment's calls gets all that a visitor adds to it."""
        return call in self.calls or (call == "identify" and self.identify)

    def refuse_new_ids(self, expected: str) -> None:
        """Raise ValueError if an option makes ids, for what cannot set their cookies."""
        for name in ("mint", "anonymous_id"):
            value = getattr(self, name)
            if value is not None:
                refuse(f"option {name}", expected, value)


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
    browser_ids: Sequence[BrowserId]
    consent: Callable[[Any], Mapping[str, bool] | None] | None
    user_id: Callable[[Any], str | None] | None
    anonymous_id: Literal["mint"] | Mint | None
    calls: Collection[Call]
    enabled: bool
    explain: bool
    mint: Mint | None
    flush_seconds: float | None
    threads: bool


def options_from_keywords(given: Mapping[str, Any]) -> Options:
    """Return Options from a middleware's keyword arguments."""
    known = checks_of(Options)
    for name in given:
        if name not in known:
            near = nearest(name, known)
            hint = f" (did you mean {near}?)" if near else ""
            raise TypeError(
                f"option {name}: no such option{hint}; expected one of {', '.join(known)}"
            )
    return Options(**given)
