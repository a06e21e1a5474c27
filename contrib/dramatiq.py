"""Koala's visitor for Dramatiq."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from koala_middleware import current
from koala_middleware.carrier import KEY, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import prepare, stamp
from koala_middleware.options import OptionKeywords

with needing("dramatiq"):
    from dramatiq import Broker, Message, Middleware, Worker

if TYPE_CHECKING:
    from typing_extensions import Unpack


class KoalaMiddleware(Middleware):
    """Let each message be processed as the visitor who was current where it was sent.

    ``broker.add_middleware(KoalaMiddleware())``, before the actors are declared. Segment's calls
    are instrumented, too.

    :param options: those of :class:`koala_middleware.Options`, of which a message needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for an unknown or wrong option.
    """

    def __init__(self, **options: Unpack[OptionKeywords]) -> None:
        self._options = prepare(options)

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Move to the front, so that all other middleware runs as the visitor, too."""
        others = [middleware for middleware in broker.middleware if middleware is not self]
        broker.middleware = [self, *others]

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        stamp(message.options)

    def after_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        """Take the visitor out of a message that the caller may keep, and send again."""
        if current.variable.get() is not None:
            message.options.pop(KEY, None)

    # Dramatiq has no hook around a message. A worker's thread processes one after the other, and
    # each begins by setting its own visitor, or nobody; so no token is kept.

    def before_process_message(self, broker: Broker, message: Any) -> None:
        current.variable.set(read_visitor(message.options, self._options))

    def after_process_message(
        self, broker: Broker, message: Any, *, result: Any = None, exception: Any = None
    ) -> None:
        current.variable.set(None)

    def after_skip_message(self, broker: Broker, message: Any) -> None:
        current.variable.set(None)
