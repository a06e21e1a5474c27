"""Report a fault in a request once, and never what the browser sent."""

from __future__ import annotations

_reported: dict[tuple[str, ...], object] = {}


def log_once(message: str, fault: BaseException | None = None) -> None:
    """Log ``message`` as an error, the first time only, and where ``fault`` was raised.

    The text of an exception may quote a cookie, so only its type and its place are logged.
    """
    import logging  # here, because most processes have nothing to report
    import traceback

    places = traceback.extract_tb(fault.__traceback__) if fault else []
    key = (message, type(fault).__name__, *map(str, places[-1:]))
    this_call = object()
    # One step, so that of threads that meet the fault at once only one reports it.
    if _reported.setdefault(key, this_call) is not this_call:
        return
    if fault:
        message = f"{message}: {type(fault).__name__}\n"
    logger = logging.getLogger("koala_middleware")
    logger.error("".join([message, *traceback.format_list(places)]).rstrip())
