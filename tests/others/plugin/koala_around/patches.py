"""Where each project hands its applications over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import wrapt

from . import applications, clients, jobs, mode, servers, visits

_AROUND = [
    ("werkzeug.test", "run_wsgi_app", partial(applications.shared, applications.wsgi)),
    ("werkzeug.serving", "BaseWSGIServer.__init__", applications.wsgi),
    ("webob.request", "BaseRequest.call_application", applications.wsgi),
    ("asgiref.testing", "ApplicationCommunicator.__init__", applications.asgi),
    ("starlette.testclient", "_TestClientTransport.__init__", applications.asgi),
    ("httpx", "ASGITransport.__init__", applications.asgi),
    ("httpx", "WSGITransport.__init__", applications.wsgi),
    ("httpx2", "ASGITransport.__init__", applications.asgi),
    ("httpx2", "WSGITransport.__init__", applications.wsgi),
]
"""Modules, what gets an application there, and how that is wrapped: by servers and test clients."""

_INSIDE = [
    ("werkzeug.debug", "DebuggedApplication.__init__", applications.wsgi),
    ("werkzeug.middleware.dispatcher", "DispatcherMiddleware.__init__", applications.wsgi),
    ("werkzeug.middleware.lint", "LintMiddleware.__init__", applications.wsgi),
    ("werkzeug.middleware.proxy_fix", "ProxyFix.__init__", applications.wsgi),
    ("werkzeug.middleware.shared_data", "SharedDataMiddleware.__init__", applications.wsgi),
    ("webtest.lint", "middleware", applications.wsgi),
    ("asgiref.wsgi", "WsgiToAsgi.__init__", applications.wsgi),
    ("a2wsgi.asgi", "ASGIMiddleware.__init__", applications.asgi),
    ("a2wsgi.wsgi", "WSGIMiddleware.__init__", applications.wsgi),
    ("starlette.middleware.wsgi", "WSGIMiddleware.__init__", applications.wsgi),
]
"""The same for other middleware and for bridges: ours goes below."""


def apply() -> None:
    """Wrap what the mode wants wrapped, once it is imported."""
    if mode.AROUND:
        for module, path, wrap in _AROUND:
            _when_imported(module, _wrap_argument, path, wrap)
        _when_imported("falcon.app", _wrap_wsgi_calls, "App")
        _when_imported("falcon.asgi.app", _wrap_asgi_calls, "App")
        _when_imported("django.core.handlers.wsgi", _wrap_wsgi_calls, "WSGIHandler")
        _when_imported("django.core.handlers.asgi", _wrap_asgi_calls, "ASGIHandler")
        _when_imported("django.test.client", _wrap_client_handlers)
        _when_imported("django.tasks", jobs.instrument, "django_tasks")
        if mode.PLUGINS:
            _use_plugins()
    if mode.INSIDE:
        for module, path, wrap in _INSIDE:
            _when_imported(module, _wrap_argument, path, wrap)
        _when_imported("flask.app", _extend, "Flask.__init__", _use_flask)
        _when_imported("starlette.applications", _extend, "Starlette.__init__", _use_starlette)
        _when_imported("fastapi.applications", _extend, "FastAPI.__init__", _use_starlette)
        _when_imported("django.core.handlers.base", _use_django)
    logging.getLogger("koala_middleware").addHandler(visits.Reporter())


def _use_plugins() -> None:
    for name in ("arq", "celery", "huey", "rq"):
        _when_imported(name, jobs.instrument, name)
    _when_imported("taskiq", _extend, "AsyncBroker.__init__", jobs.add_to_taskiq)
    _when_imported("test.test_threading", jobs.instrument_threads)
    _when_imported("test.test_concurrent_futures", jobs.instrument_threads)
    _when_imported("aiohttp.web_app", _extend, "Application.__init__", servers.set_up_aiohttp)
    _when_imported(
        "tornado.httpserver", _wrap_argument, "HTTPServer.initialize", servers.wrap_tornado
    )
    _when_imported("aiohttp.client", _extend, "ClientSession.__init__", clients.hook_aiohttp)
    _when_imported("httpx", _extend, "Client.__init__", clients.hook_httpx)
    _when_imported("httpx", _extend, "AsyncClient.__init__", clients.hook_httpx_async)
    _when_imported("requests.sessions", _extend, "Session.__init__", clients.mount_on_requests)
    if mode.AS_VISITORS:
        _when_imported("_pytest.runner", jobs.run_tests_as_visitors)
        for module, path, of_client in [
            ("aiohttp.client_reqrep", "ClientRequest.send", False),
            ("httpx", "Client._send_single_request", True),
            ("httpx", "AsyncClient._send_single_request", True),
            ("requests.adapters", "HTTPAdapter.send", True),
        ]:
            _when_imported(module, clients.take_back, path, of_client)


def _when_imported(name: str, patch: Callable[..., None], *args: Any) -> None:
    wrapt.when_imported(name)(lambda module: patch(module, *args))


def _wrap_argument(module: Any, path: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap the application that a function is called with: its first argument, or by keyword."""

    def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        for name in ("app", "application", "request_callback", "wsgi_application"):
            if name in kwargs:
                return wrapped(*args, **{**kwargs, name: wrap(kwargs[name])})
        position = 2 if path == "BaseWSGIServer.__init__" else 0
        before, app, after = args[:position], args[position], args[position + 1 :]
        return wrapped(*before, wrap(app), *after, **kwargs)

    wrapt.wrap_function_wrapper(module, path, call)


def _wrap_wsgi_calls(module: Any, name: str) -> None:
    """Wrap the calls of a class of applications, whose test client takes no others."""
    cls = getattr(module, name)
    original = cls.__call__

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        return applications.shared(applications.wsgi, self, original)(environ, start_response)

    cls.__call__ = call


def _wrap_asgi_calls(module: Any, name: str) -> None:
    cls = getattr(module, name)
    original = cls.__call__

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await applications.shared(applications.asgi, self, original)(scope, receive, send)

    cls.__call__ = call


def _wrap_client_handlers(module: Any) -> None:
    from . import django

    for name, call in [
        ("ClientHandler.__call__", django.call_client_handler),
        ("AsyncClientHandler.__call__", django.call_async_client_handler),
    ]:
        wrapt.wrap_function_wrapper(module, name, call)


def _extend(module: Any, path: str, use: Callable[[Any], None]) -> None:
    """Do something with each instance once it has been made."""

    def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        use(instance)

    wrapt.wrap_function_wrapper(module, path, call)


def _use_flask(app: Any) -> None:
    from koala_middleware.contrib.flask import Koala, KoalaMiddleware

    if mode.MODE == "inside":
        Koala(app)
    else:
        app.wsgi_app = applications.wsgi(app.wsgi_app, KoalaMiddleware)


def _use_starlette(app: Any) -> None:
    from koala_middleware.contrib.starlette import KoalaMiddleware

    if mode.MODE == "inside":
        app.add_middleware(KoalaMiddleware)
    else:
        app.add_middleware(applications.asgi, KoalaMiddleware)


def _use_django(module: Any) -> None:
    from .django import Settings

    module.settings = Settings(module.settings)
