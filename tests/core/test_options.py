"""Every setting, validated once."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import AsyncIterator
from typing import Any, get_type_hints

import pytest

from koala_middleware import Mint, Options, asgi, parse_profile_id, wsgi
from koala_middleware.callables import answer
from koala_middleware.options import OptionKeywords, options_from_keywords
from koala_middleware.settings import options_from_settings
from koala_middleware.validation import checks_of


async def coroutine_function(value: object) -> bool:
    return True


async def async_generator(value: object) -> AsyncIterator[bool]:
    yield False


class AsyncCallable:
    async def __call__(self, value: object) -> bool:
        return True


COOKIE = "a cookie's name (letters, digits and !#$%&'*+-.^_`|~)"
FUNCTION = "a callable that is not a coroutine function"
RENAME = "rename it, as KOALA_ marks the options of koala_middleware"
CONTEXT = "True, False or some of ip, userAgent, page"

WRONG = [
    pytest.param("cookie_name", "", ValueError, COOKIE, id="cookie_name-empty"),
    pytest.param("cookie_name", "a b", ValueError, COOKIE, id="cookie_name-space"),
    pytest.param("cookie_name", "a;b", ValueError, COOKIE, id="cookie_name-semicolon"),
    pytest.param("cookie_name", "é", ValueError, COOKIE, id="cookie_name-no-ascii"),
    pytest.param("cookie_name", b"ko_id", TypeError, COOKIE, id="cookie_name-bytes"),
    pytest.param("cookie_name", None, TypeError, COOKIE, id="cookie_name-none"),
    pytest.param("property_name", "", ValueError, "a property's name", id="property_name-empty"),
    pytest.param("property_name", 1, TypeError, "a property's name", id="property_name-number"),
    pytest.param("parse", None, TypeError, FUNCTION, id="parse-none"),
    pytest.param("parse", coroutine_function, TypeError, FUNCTION, id="parse-async"),
    pytest.param("request_filter", True, TypeError, f"{FUNCTION}, or None", id="filter-bool"),
    pytest.param(
        "request_filter", coroutine_function, TypeError, f"{FUNCTION}, or None", id="filter-async"
    ),
    pytest.param(
        "request_filter", AsyncCallable(), TypeError, f"{FUNCTION}, or None", id="filter-async-call"
    ),
    pytest.param(
        "request_filter",
        functools.partial(coroutine_function),
        TypeError,
        f"{FUNCTION}, or None",
        id="filter-async-partial",
    ),
    pytest.param(
        "request_filter",
        functools.partial(AsyncCallable()),
        TypeError,
        f"{FUNCTION}, or None",
        id="filter-async-call-partial",
    ),
    pytest.param(
        "request_filter", async_generator, TypeError, f"{FUNCTION}, or None", id="filter-generator"
    ),
    pytest.param("anonymous_id_cookie", "", ValueError, f"{COOKIE}, or None", id="anonymous-empty"),
    pytest.param("anonymous_id_cookie", 5, TypeError, f"{COOKIE}, or None", id="anonymous-number"),
    pytest.param("identify", 1, TypeError, "True or False", id="identify-number"),
    pytest.param("header_name", "X Y", ValueError, "a header's name, or None", id="header-space"),
    pytest.param("header_name", 5, TypeError, "a header's name, or None", id="header-number"),
    pytest.param("email", coroutine_function, TypeError, f"{FUNCTION}, or None", id="email-async"),
    pytest.param("context", "ip", TypeError, CONTEXT, id="context-text"),
    pytest.param("context", None, TypeError, CONTEXT, id="context-none"),
    pytest.param("context", {"ip", "os"}, ValueError, CONTEXT, id="context-unknown"),
    pytest.param("context", [["ip"]], ValueError, CONTEXT, id="context-unhashable"),
    pytest.param("enabled", "no", TypeError, "True or False", id="enabled-text"),
    pytest.param("mint", True, TypeError, "a koala_middleware.Mint, or None", id="mint-bool"),
]
# A settings file may give these by their dotted paths.
TEXTS = [
    pytest.param("parse", "uuid", TypeError, FUNCTION, id="parse-text"),
    pytest.param("email", "a@example.com", TypeError, f"{FUNCTION}, or None", id="email-text"),
    pytest.param("mint", "Mint", TypeError, "a koala_middleware.Mint, or None", id="mint-text"),
]


@pytest.mark.parametrize(("name", "value", "error", "expected"), [*WRONG, *TEXTS])
def test_wrong_option_names_itself(
    name: str, value: object, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error) as raised:
        Options(**{name: value})  # type: ignore[arg-type]
    assert str(raised.value) == f"option {name}: expected {expected}, got {value!r}"


@pytest.mark.parametrize(("name", "value", "error", "expected"), WRONG)
def test_wrong_setting_names_itself_and_its_place(
    name: str, value: object, error: type[Exception], expected: str
) -> None:
    setting = f"KOALA_{name.upper()}"
    with pytest.raises(error) as raised:
        options_from_settings({setting: value}, "settings.py")
    assert str(raised.value) == f"{setting} in settings.py: expected {expected}, got {value!r}"


@pytest.mark.parametrize("middleware", [wsgi.KoalaMiddleware, asgi.KoalaMiddleware])
def test_middleware_refuses_unknown_option(middleware: Any) -> None:
    with pytest.raises(TypeError, match=r"option cookie_nam: no such option \(did you mean cookie"):
        middleware(print, cookie_nam="ko_id")


@pytest.mark.parametrize("middleware", [wsgi.KoalaMiddleware, asgi.KoalaMiddleware])
def test_middleware_refuses_wrong_option(middleware: Any) -> None:
    with pytest.raises(ValueError, match="option cookie_name: expected a cookie's name"):
        middleware(print, cookie_name="")


def test_unknown_option_lists_the_known() -> None:
    with pytest.raises(TypeError, match=r"no such option; expected one of cookie_name, property"):
        options_from_keywords({"colour": "grey"})


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        pytest.param("KOALA_COOKIE", "did you mean KOALA_COOKIE_NAME?", id="cookie"),
        pytest.param("KOALA_HEADER", "did you mean KOALA_HEADER_NAME?", id="header"),
        pytest.param("KOALA_MAIL", "did you mean KOALA_EMAIL?", id="mail"),
        pytest.param("KOALA_X", RENAME, id="short"),
        pytest.param("KOALA_SECRET_KEY", RENAME, id="key"),
        pytest.param("KOALA_WORKSPACE", RENAME, id="workspace"),
    ],
)
def test_unknown_setting(setting: str, advice: str) -> None:
    """It may be somebody's own, so the nearest name is guessed only where it is near."""
    with pytest.raises(TypeError) as raised:
        options_from_settings({setting: "secret"}, "app.config")
    message = str(raised.value)
    assert message.startswith(f"{setting} in app.config: no such option ({advice}); expected one")
    assert message.endswith(", ".join(f"KOALA_{name.upper()}" for name in checks_of(Options)))
    assert "secret" not in message


def test_keys_of_koala_are_let_through(caplog: pytest.LogCaptureFixture) -> None:
    """Koala has them pasted into the settings of a site."""
    caplog.set_level(logging.INFO)
    keys = {"KOALA_PUBLIC_KEY": "pk_1", "KOALA_API_KEY": "sk_1"}
    assert options_from_settings(keys, "app.config") == Options()
    assert [record.getMessage() for record in caplog.records] == [
        f"{key} in app.config is not an option of koala_middleware, which needs no key"
        for key in keys
    ]


MINT = Mint(".example.com")


@pytest.mark.parametrize(
    ("setting", "path", "expected"),
    [
        pytest.param("KOALA_PARSE", "koala_middleware.parse_profile_id", parse_profile_id, id="."),
        pytest.param("KOALA_PARSE", "koala_middleware:parse_profile_id", parse_profile_id, id=":"),
        pytest.param("KOALA_MINT", f"{__name__}.MINT", MINT, id="mint"),
    ],
)
def test_dotted_path(setting: str, path: str, expected: object) -> None:
    options = options_from_settings({setting: path}, "settings.py")
    assert getattr(options, setting[6:].lower()) is expected


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        pytest.param("nowhere.parse", "No module named 'nowhere'", id="no-module"),
        pytest.param("uuid.no", "module 'uuid' has no attribute 'no'", id="no-name"),
        pytest.param("uuid", "Empty module name", id="no-dot"),
        pytest.param(".a.b", "the 'package' argument is required to perform", id="relative"),
    ],
)
def test_dotted_path_to_nothing(path: str, problem: str) -> None:
    with pytest.raises(TypeError) as raised:
        options_from_settings({"KOALA_PARSE": path}, "settings.py")
    message = str(raised.value)
    expected = f"KOALA_PARSE in settings.py: expected {FUNCTION}, or its dotted path ({problem}"
    assert message.startswith(expected)
    assert message.endswith(f"), got {path!r}")


def test_dotted_path_to_something_else() -> None:
    with pytest.raises(TypeError, match=r"^KOALA_EMAIL in settings.py: expected a callable"):
        options_from_settings({"KOALA_EMAIL": f"{__name__}.COOKIE"}, "settings.py")


def test_options_are_the_keywords_of_type_checkers() -> None:
    """To add an option is to declare it in Options, with its check, and in OptionKeywords."""
    assert get_type_hints(OptionKeywords) == get_type_hints(Options)
    assert list(checks_of(Options)) == list(get_type_hints(Options))


def test_settings_of_others_are_ignored() -> None:
    assert options_from_settings({"DEBUG": True, "koala_x": 1}, "app.config") == Options()


def test_settings_are_read() -> None:
    assert options_from_settings({"KOALA_COOKIE_NAME": "k"}, "") == Options(cookie_name="k")


def test_options_defaults() -> None:
    assert dataclasses.asdict(Options()) == {
        "cookie_name": "ko_id",
        "property_name": "profile_id",
        "parse": parse_profile_id,
        "request_filter": None,
        "anonymous_id_cookie": "ajs_anonymous_id",
        "identify": False,
        "header_name": None,
        "email": None,
        "context": False,
        "browser_ids": (),
        "consent": None,
        "enabled": True,
        "explain": False,
        "mint": None,
        "flush_seconds": None,
        "threads": False,
    }


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().cookie_name = "other"  # type: ignore[misc]


def test_options_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        Options("ko_id")  # type: ignore[call-arg]


def test_anonymous_id_cookie_may_be_none() -> None:
    assert Options(anonymous_id_cookie=None).anonymous_id_cookie is None


def test_future_is_no_answer() -> None:
    """Only a coroutine can be closed."""

    class Future:
        def __await__(self) -> None: ...

    with pytest.raises(TypeError, match="got an awaitable"):
        answer(Future())
