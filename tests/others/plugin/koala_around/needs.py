"""What suites need to run under pytest at all, in every mode."""

from __future__ import annotations

import logging
import os
from typing import Any

import wrapt


def provide() -> None:
    """Prepare this Python for whichever suite it runs."""
    # As Tornado's own runner does: its tests fail where anything is logged.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    if "KOALA_AROUND_REDIS" in os.environ:
        wrapt.when_imported("redis.connection")(_use_our_redis)


def _use_our_redis(module: Any) -> None:
    """Connect to the server of this run, where a test means the default port."""
    init = module.Connection.__init__

    def connect_to_ours(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if self.port == 6379:
            self.port = int(os.environ["KOALA_AROUND_REDIS"])

    module.Connection.__init__ = connect_to_ours
