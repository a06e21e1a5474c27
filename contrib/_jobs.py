"""What the plugins of task queues share."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

from koala_middleware import current, segment
from koala_middleware.carrier import inject
from koala_middleware.explanation import note_way_in
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.patching import Patches

if TYPE_CHECKING:
    from typing_extensions import Unpack


def prepare(given: OptionKeywords) -> Options:
    """Return the options of a plugin, once Segment's calls are instrumented."""
    options = options_from_keywords(given)
    note_way_in(options)
    segment.instrument(flush_seconds=options.flush_seconds, threads=options.threads)
    return options


def stamp(carrier: MutableMapping[str, Any]) -> None:
    """Write the current visitor into what is about to be sent.

    Outside a request and a job it stays as it is: what passes on a message for later, a scheduler
    for one, passes on its visitor.
    """
    if current.variable.get() is not None:
        inject(carrier)


class Instrument(Protocol):
    """The type of :meth:`Hooks.instrument`."""

    def __call__(self, **options: Unpack[OptionKeywords]) -> None: ...


class Hooks:
    """The attributes of a queue's classes replaced between instrument() and uninstrument().

    :param hooks: of each method its owner, its name, and what is called in its place, as
        ``ours(options, original, *args, **kwargs)``; of each field the descriptor in its place.
    """

    def __init__(self, *hooks: tuple[Any, str, Any]) -> None:
        self._hooks = hooks
        self.options: Options | None = None
        self._patches = Patches()

    def instrument(self, **options: Unpack[OptionKeywords]) -> None:
        """Let each job run as the visitor who was current where it was enqueued.

        Call this where jobs are enqueued and where they run. Segment's calls are instrumented, too.

        :param options: those of :class:`koala_middleware.Options`, of which a job needs two:
            ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

        Raises TypeError or ValueError for an unknown or wrong option.
        """
        is_first = self.options is None
        self.options = prepare(options)
        if is_first:
            for owner, name, ours in self._hooks:
                if hasattr(ours, "__set__"):
                    self._patches.replace(owner, name, ours)
                else:
                    self._wrap(owner, name, ours)

    def uninstrument(self) -> None:
        """Undo :meth:`instrument`; Segment's calls stay instrumented."""
        self.options = None
        self._patches.undo()

    def _wrap(self, owner: Any, name: str, ours: Callable[..., Any]) -> None:
        method = vars(owner)[name]
        is_class_method = isinstance(method, classmethod)
        original = method.__func__ if is_class_method else method

        @wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if self.options is None:
                return original(*args, **kwargs)
            return ours(self.options, original, *args, **kwargs)

        self._patches.replace(owner, name, classmethod(wrapper) if is_class_method else wrapper)
