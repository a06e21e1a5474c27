"""Have the garbage collector run finalizers as nobody.

It may close what another request has left unfinished, such as the body of a server that never calls
``close()``. That must not run as whoever is current by chance.
"""

from __future__ import annotations

import gc
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from koala_middleware import current

if TYPE_CHECKING:
    from koala_middleware.visitor import Visitor

_hidden: ContextVar[Visitor | None] = ContextVar("koala_hidden_visitor", default=None)

# Since 3.12 the collector runs between two bytecodes (python/cpython#97922). Before, it ran inside
# any allocation, including that of a ContextVar.set(), whose context a set() of ours would corrupt.
if sys.version_info >= (3, 12):

    def _around_collection(phase: str, info: object) -> None:
        if phase == "start":
            visitor = current.variable.get()
            if visitor is not None:
                _hidden.set(visitor)
                current.variable.set(None)
        elif (visitor := _hidden.get()) is not None:
            current.variable.set(visitor)
            _hidden.set(None)

    gc.callbacks.append(_around_collection)
