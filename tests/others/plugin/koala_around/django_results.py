"""What became of each of Django's tests, in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases  # type: ignore[attr-defined]


class Runner(DiscoverRunner):
    """Write the names of all tests and of those that failed."""

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        names = [test.id() for test in iter_test_cases(suite)]
        result = super().run_suite(suite, **kwargs)
        wrong = [*result.failures, *result.errors, *((t, "") for t in result.unexpectedSuccesses)]
        failed = {getattr(test, "test_case", test).id(): text for test, text in wrong}
        results = {"ran": names, "failed": failed}
        Path(os.environ["KOALA_AROUND_RESULTS"]).write_text(json.dumps(results))
        return result
