"""Koala's visitor for AWS Lambda, in handlers that no framework is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload
from urllib.parse import urlencode

from koala_middleware import current, explanation
from koala_middleware.callables import is_coroutine_function
from koala_middleware.factory import VisitorFactory
from koala_middleware.faults import log_once
from koala_middleware.options import OptionKeywords, options_from_keywords
from koala_middleware.segment import instrument
from koala_middleware.segment.delivery import deliver
from koala_middleware.segment.exits import FLUSH_SECONDS
from koala_middleware.visitor import Visitor

if TYPE_CHECKING:
    from typing_extensions import Unpack

H = TypeVar("H", bound=Callable[..., Any])

Scope = dict[str, Any]

_ANSWER_SECONDS = 0.5  # of Lambda's timeout, for the answer


@overload
def koala_handler(handler: H, /) -> H: ...
@overload
def koala_handler(**options: Unpack[OptionKeywords]) -> Callable[[H], H]: ...
def koala_handler(handler: Any = None, /, **options: Any) -> Any:
    """Run a Lambda handler as the visitor of its request, and upload its events before it returns.

    For the events of API Gateway (payload formats 1.0 and 2.0), function URLs and Application Load
    Balancers; with any other event nobody is current. A decorator, with options or without.

    :param options: those of :class:`koala_middleware.Options`, except ``mint`` and
        ``anonymous_id``. A ``request_filter`` gets an ASGI scope, with Lambda's event at
        ``scope["aws.event"]``.
        Uploads may take ``flush_seconds``, but no longer than Lambda's timeout leaves.

    Raises TypeError or ValueError for an option that is unknown or wrong.
    """
    if handler is None:
        return lambda handler: _scoped(handler, options)
    return _scoped(handler, options)


def _scoped(handler: H, keywords: Any) -> H:
    if is_coroutine_function(handler):
        raise TypeError(f"koala_handler: expected a function, as Lambda does, got {handler!r}")
    options = options_from_keywords(keywords)
    options.refuse_new_ids("None: koala_handler sets no cookies")
    make_visitor = VisitorFactory(options, lambda scope: scope).make_visitor
    if not options.enabled and not explanation.everywhere:
        return handler
    instrument(flush_seconds=options.flush_seconds, threads=options.threads)
    flush_seconds = FLUSH_SECONDS if options.flush_seconds is None else options.flush_seconds

    def visitor_of(event: Any, context: Any) -> Visitor | None:
        try:
            scope = _scope(event, context) if options.enabled else None
            return None if scope is None else make_visitor(scope["headers"], scope)
        except Exception as fault:  # whatever a caller takes for an event
            log_once("an event of Lambda cannot be read: nobody is current", fault)
            return None

    @wraps(handler)
    def handle(event: Any, context: Any) -> Any:
        try:
            return current.call_as(visitor_of(event, context), handler, event, context)
        finally:
            deliver(min(flush_seconds, _seconds_left(context)))

    return cast(H, handle)


def _seconds_left(context: Any) -> float:
    """Return how long uploads may take before Lambda's timeout would cost the answer.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    try:
        seconds: float = context.get_remaining_time_in_millis() / 1000
    except Exception:  # of whatever calls a handler in tests
        return float("inf")
    return max(0.0, seconds - _ANSWER_SECONDS)


def _scope(event: Any, context: Any) -> Scope | None:
    """Return the ASGI scope of an HTTP request, or None for any other kind of event.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
    """
    request = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(request, dict) or not ("http" in request or "httpMethod" in event):
        return None
    headers = list(_headers(event))
    http = request.get("http")
    if isinstance(http, dict):
        method, peer = http.get("method"), http.get("sourceIp")
        path, query = event.get("rawPath"), event.get("rawQueryString")
    else:
        method, path, query = event["httpMethod"], event.get("path"), _query(event)
        peer = (request.get("identity") or {}).get("sourceIp")
    schemes = [value for name, value in headers if name == b"x-forwarded-proto"]
    return {
        "type": "http",
        "method": method or "GET",
        "scheme": schemes[0].decode("latin-1") if schemes else "https",
        "path": path or "/",
        "query_string": (query or "").encode(),
        "headers": headers,
        "client": (peer, 0) if peer else None,
        "aws.event": event,
        "aws.context": context,
    }


def _headers(event: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    given = event.get("multiValueHeaders") or event.get("headers") or {}
    pairs = [(name, value) for name, values in given.items() for value in _values(values)]
    pairs += [("cookie", cookie) for cookie in event.get("cookies") or ()]
    for name, value in pairs:
        yield name.lower().encode("latin-1"), str(value).encode("utf-8")


def _query(event: Mapping[str, Any]) -> str:
    given = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    pairs = [(name, value) for name, values in (given or {}).items() for value in _values(values)]
    if "elb" in event["requestContext"]:  # which leaves them encoded
        return "&".join(f"{name}={value}" for name, value in pairs)
    return urlencode(pairs)


def _values(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
