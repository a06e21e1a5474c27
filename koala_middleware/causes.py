"""Why an event has the visitor's profile id, or none: every cause, with what to do about it."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why an event has the visitor's profile id, or none. Each is also a str."""

    ADDED = "added"
    """The current visitor's profile id is added."""
    SET_BY_CALLER = "set_by_caller"
    """The call has a profile id of its own, which stays, even None."""
    NO_MIDDLEWARE = "no_middleware"
    """No middleware was built in this process."""
    NO_REQUEST = "no_request"
    """Nobody is current here: a thread, a job, a command, or ``profile(None)``."""
    NO_COOKIE = "no_cookie"
    """The request has no cookie of the name that the option ``cookie_name`` gives."""
    INVALID_COOKIE = "invalid_cookie"
    """The request has the cookie, but the option ``parse`` refuses its value."""
    REFUSED = "refused"
    """The ``request_filter`` refused the request."""
    FILTER_FAILED = "filter_failed"
    """The ``request_filter`` raised, which refuses the request, too."""
    TOO_LARGE = "too_large"
    """With the profile id the event would be over Segment's 32 KB, so it was sent without."""
    FAILED = "failed"
    """A fault of our own, which the log describes."""
    SWITCHED_OFF = "switched_off"
    """The option ``enabled`` is False."""

    __str__ = str.__str__


# What to do, in one sentence each. The names in braces are options.
DETAILS = {
    Cause.ADDED: "Nothing to do: track calls get the visitor's profile id as {property_name}.",
    Cause.SET_BY_CALLER: "Leave {property_name} out of the call, whose own value wins, even None.",
    Cause.NO_MIDDLEWARE: "Add KoalaMiddleware to the application: none was built in this process.",
    Cause.NO_REQUEST: "Take the visitor along with carry(), contrib.celery or profile(): nobody is "
    "current outside a request.",
    Cause.NO_COOKIE: "Check that the browser sends the cookie {cookie_name}, which this request "
    "lacks; the option mint makes one for new visitors.",
    Cause.INVALID_COOKIE: "Check the value of the cookie {cookie_name}, or set the option parse, "
    "which refuses it.",
    Cause.REFUSED: "Check the request_filter if this request should have a visitor: it was "
    "refused.",
    Cause.FILTER_FAILED: "Repair the request_filter, which raised and so refused the request: see "
    "the log of koala_middleware.",
    Cause.TOO_LARGE: "Send less in the properties: with the profile id the event would be over "
    "Segment's 32 KB.",
    Cause.FAILED: "See the error in the log of koala_middleware, and report it: it is ours.",
    Cause.SWITCHED_OFF: "Set the option enabled to True: it is False, so nobody is current.",
}
# Where the option property_name is another than Koala (Cloud) reads.
OTHER_PROPERTY = "Remove the option property_name: Koala (Cloud) reads profile_id."


def remedy_of(cause: Cause) -> str:
    """Return what to do about an event that Koala drops, where its options are not known."""
    detail = OTHER_PROPERTY if cause is Cause.ADDED else DETAILS[cause]
    return detail.format(cookie_name="ko_id (or your cookie_name)", property_name="profile_id")
