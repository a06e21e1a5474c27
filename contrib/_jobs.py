"""What the plugins of task queues share."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import wraps
from typing import Any

from koala_middleware import current, segment
from koala_middleware.carrier import inject
from koala_middleware.explanation import note_way_in
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.patching import Patches


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


class Hooks:
    """The methods of a queue's classes that are wrapped between instrument() and uninstrument()."""

    def __init__(self) -> None:
        self.options: Options | None = None
        self._patches = Patches()

    def wrap(self, owner: Any, name: str, ours: Callable[..., Any]) -> None:
        """Make a method call ``ours(options, original, *args, **kwargs)``."""
        method = vars(owner)[name]
        original = method.__func__ if isinstance(method, classmethod) else method

        @wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if self.options is None:
                return original(*args, **kwargs)
            return ours(self.options, original, *args, **kwargs)

        is_class_method = isinstance(method, classmethod)
        self._patches.replace(owner, name, classmethod(wrapper) if is_class_method else wrapper)

    def instrument(self, given: OptionKeywords, wrap_all: Callable[[], None]) -> None:
        """Take the options, and wrap the methods unless they are."""
        is_first = self.options is None
        self.options = prepare(given)
        if is_first:
            wrap_all()

    def uninstrument(self) -> None:
        """Put the methods back."""
        self.options = None
        self._patches.undo()
