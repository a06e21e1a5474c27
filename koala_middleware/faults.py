"""Report a fault in a request once, and never what the browser sent."""

from __future__ import annotations

_reported: set[tuple[str, ...]] = set()


def log_once(message: str, fault: BaseException | None = None) -> None:
    """Log ``message`` as an error, the first time only, and where ``fault`` was raised.

    The text of an exception may quote a cookie, so only its type and its place are logged.
    """
    import logging  # here, because most processes have nothing to report
    import traceback

    places = traceback.extract_tb(fault.__traceback__) if fault else []
    key = (message, type(fault).__name__, *map(str, places[-1:]))
    if key in _reported:
        return
    _reported.add(key)
    if fault:
        message = f"{message}: {type(fault).__name__}\n"
    logger = logging.getLogger("koala_middleware")
    logger.error("".join([message, *traceback.format_list(places)]).rstrip())
