"""Failures that only ours has, though the fault is not ours: each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from tests.others.suite import MODES


@dataclass(frozen=True)
class Accepted:
    """A test that fails with our middleware in some modes."""

    suite: str
    test: str
    reason: str
    modes: tuple[str, ...] = MODES[1:]


_BOTH = ("inside", "cookie", "options", "mint")

_AROUND = ("around", "cookie", "options", "mint")
_COMPATIBILITY = "tests.test_compatibility::test_double_to_single_communicator"
_NO_TYPE = "its scope has no type, which ASGI requires"

ACCEPTED = [
    Accepted("asgiref", _COMPATIBILITY, _NO_TYPE, _AROUND),
    Accepted(
        "asgiref",
        "tests.test_testing::test_receive_output_timeout_restores_cancellation_count",
        _NO_TYPE,
        _AROUND,
    ),
    Accepted(
        "WebTest",
        "tests.test_lint.TestMiddleware::test_lint_iterator_returned",
        "its application returns None, which our body finds out before the lint",
        _BOTH,
    ),
    *(
        Accepted(
            "Django",
            f"handlers.{test}",
            "it reads attributes of the HttpResponse that a handler returns as a WSGI body",
            _AROUND,
        )
        for test in (
            "test_exception.ExceptionHandlerTests.test_data_upload_max_memory_size_exceeded",
            "test_exception.ExceptionHandlerTests.test_data_upload_max_number_fields_exceeded",
            "test_exception.ExceptionHandlerTests.test_data_upload_max_number_files_exceeded",
            "tests.HandlerTests.test_bad_path_info",
            "tests.HandlerTests.test_invalid_multipart_boundary",
        )
    ),
    Accepted(
        "Django",
        "wsgi.tests.WSGITest.test_get_wsgi_application",
        "it calls bytes() on the HttpResponse that a handler returns as a WSGI body",
        _AROUND,
    ),
    Accepted(
        "Django",
        "builtin_server.tests.WSGIFileWrapperTests.test_file_response_closing",
        "ours is in MIDDLEWARE twice here, and the outer one answers with a copy of the response",
        _BOTH,
    ),
    Accepted(
        "Flask",
        "tests.test_basic::test_app_freed_on_zero_refcount",
        "app.wsgi_app = X(app.wsgi_app), as Flask documents it, is a cycle, whatever X is",
        _BOTH,
    ),
    *(
        Accepted("rq", f"tests.{test}", "it compares all of a job's meta", ("cookie",))
        for test in (
            "test_decorator.TestDecorator::test_decorator_accepts_meta_as_argument",
            "test_job.TestJob::test_custom_meta_is_rewriten_by_save_meta",
            "test_job.TestJob::test_persistence_of_typical_jobs",
            "test_queue.TestUniqueJob::test_enqueue_unique_stores_job_data_correctly",
            "test_scripts.TestSaveUniqueJob::test_enqueue_job_unique_stores_job_data_correctly",
        )
    ),
    Accepted(
        "aiohttp",
        "tests.test_web_app::test_app_run_middlewares",
        "it asks whether an application has no middleware",
        ("around", "cookie"),
    ),
    *(
        Accepted(
            "fastapi",
            f"tests.test_dump_json_fast_path::{test}",
            "it counts the calls of json.dumps(), of which the tracked event is one",
            ("cookie", "options"),
        )
        for test in (
            "test_default_response_class_skips_json_dumps",
            "test_explicit_response_class_uses_json_dumps",
        )
    ),
]


def reason(suite: str, mode: str, test: str) -> str | None:
    """Return why a failure is accepted, or None."""
    for accepted in ACCEPTED:
        if (accepted.suite, accepted.test) == (suite, test) and mode in accepted.modes:
            return accepted.reason
    return None
