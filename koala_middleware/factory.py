"""How a middleware makes visitors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from koala_middleware.browser_ids import BrowserIdReader
from koala_middleware.callables import ask
from koala_middleware.causes import Cause
from koala_middleware.explanation import note_way_in, wants_request
from koala_middleware.faults import log_once
from koala_middleware.options import Options
from koala_middleware.request import RequestDetails
from koala_middleware.sources import request_line
from koala_middleware.visitor import Cookies, RefusedVisitor, Visitor


def needs_request(options: Options) -> bool:
    """Return whether the options need more of a request than its cookies."""
    return bool(
        options.header_name
        or options.email
        or options.context
        or options.browser_ids
        or options.consent
        or options.user_id
        or options.anonymous_id
        or options.mint
        or wants_request(options)
    )


class VisitorFactory:
    """A maker of visitors; the options decide once how it makes them.

    :param make_request: makes, from an environ or a scope, what options that take a request get.
    """

    __slots__ = (
        "_make_admitted",
        "_make_request",
        "_options",
        "_read_ids",
        "is_plain",
        "make_visitor",
    )

    def __init__(self, options: Options, make_request: Callable[[Any], object]) -> None:
        note_way_in(options)
        self._options = options
        self._make_request = make_request
        browser_ids = options.browser_ids
        self._read_ids = BrowserIdReader(browser_ids).read if browser_ids else None
        self._make_admitted = self._make_detailed if needs_request(options) else self._make_plain
        self.make_visitor: Callable[[Cookies | None, Any], Visitor] = (
            self._make_admitted if options.request_filter is None else self._make_filtered
        )
        """Makes a visitor from the cookies and the raw request: an environ, a scope or Django's."""
        self.is_plain: bool = self.make_visitor == self._make_plain
        """Whether visitors are made from nothing but their cookies."""

    def _make_plain(self, cookies: Cookies | None, raw: Any) -> Visitor:
        return Visitor(None, None, cookies, self._options)

    def _make_detailed(self, cookies: Cookies | None, raw: Any) -> Visitor:
        options = self._options
        details = RequestDetails(options, self._make_request, raw, self._read_ids)
        visitor = Visitor(None, None, cookies, options, details)
        if options.mint is not None and visitor.profile_id is None:
            details.make_profile_id(options.mint)
        if options.anonymous_id is not None and visitor.anonymous_id is None:
            details.make_anonymous_id()
        # One that has not read yet which of its ids are new.
        return Visitor(None, None, cookies, options, details) if details.new_ids else visitor

    def _make_filtered(self, cookies: Cookies | None, raw: Any) -> Visitor:
        request_filter: Any = self._options.request_filter
        try:
            admits = bool(ask(lambda: request_filter(self._make_request(raw))))
            cause = Cause.REFUSED
        except Exception as fault:
            # It may stand for somebody's consent, so a filter that fails refuses.
            log_once("the request_filter failed: its requests have no visitor", fault)
            admits, cause = False, Cause.FILTER_FAILED
        if admits:
            return self._make_admitted(cookies, raw)
        line = request_line(raw) if wants_request(self._options) else None
        return RefusedVisitor(self._options, cause, line)
