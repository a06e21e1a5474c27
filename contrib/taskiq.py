"""Koala's visitor for Taskiq."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koala_middleware import current
from koala_middleware.carrier import read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import prepare, stamp
from koala_middleware.options import OptionKeywords

with needing("taskiq"):
    from taskiq import TaskiqMessage, TaskiqMiddleware

if TYPE_CHECKING:
    from typing_extensions import Unpack


class KoalaMiddleware(TaskiqMiddleware):
    """Let each task run as the visitor who was current where it was sent.

    ``broker.with_middlewares(KoalaMiddleware())``. Segment's calls are instrumented, too.

    :param options: those of :class:`koala_middleware.Options`, of which a task needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for an unknown or wrong option.
    """

    def __init__(self, **options: Unpack[OptionKeywords]) -> None:
        super().__init__()
        self._options = prepare(options)

    def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        stamp(message.labels)
        return message

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        """Set the visitor for the rest of the asyncio task, of which each message has its own.

        A broker in memory runs a task where it was sent, which has its visitor already.
        """
        if current.variable.get() is None:
            current.variable.set(read_visitor(message.labels, self._options))
        return message
