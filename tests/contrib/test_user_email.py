"""The ready-made callables for the options email and user_id."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import flask
import flask_login
import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from starlette.authentication import BaseUser, UnauthenticatedUser
from starlette.requests import HTTPConnection

from koala_middleware.contrib import django, starlette
from koala_middleware.contrib.flask import user_email, user_id

EMAIL = "alice@example.com"


def django_request(user: object, **attributes: object) -> HttpRequest:
    request = HttpRequest()
    request.user = user  # type: ignore[assignment]
    vars(request).update(attributes)
    return request


class Lazy:
    """A user as AuthenticationMiddleware sets one, counting how often it is loaded."""

    def __init__(self) -> None:
        self.loaded = 0
        self.user = SimpleLazyObject(self.load)

    def load(self) -> object:
        self.loaded += 1
        return SimpleNamespace(email=EMAIL, pk=7)


def test_django_user_is_loaded_only_when_told_to() -> None:
    """Loading one reads the session, which makes the page vary with cookies, and asks twice."""
    lazy = Lazy()
    request = django_request(lazy.user)
    assert django.user_email(request) is None
    assert lazy.loaded == 0
    assert django.load_user_email(request) == EMAIL
    assert django.user_email(request) == EMAIL


def test_django_user_is_not_loaded_in_async_code() -> None:
    import asyncio

    async def view() -> list[str | None]:
        first = django.load_user_email(django_request(lazy.user))
        str(lazy.user.email)
        return [first, django.load_user_email(django_request(lazy.user))]

    lazy = Lazy()
    assert asyncio.run(view()) == [None, EMAIL]
    assert lazy.loaded == 1


def test_django_user_that_auser_has_loaded() -> None:
    import asyncio

    async def view() -> str | None:
        loaded = SimpleNamespace(email=EMAIL)
        return django.user_email(django_request(Lazy().user, _acached_user=loaded))

    assert asyncio.run(view()) == EMAIL


def test_django_user_with_an_email_field_of_its_own() -> None:
    class User(AbstractBaseUser):
        EMAIL_FIELD = "mail"
        mail = EMAIL

        class Meta:
            app_label = "tests"

    assert django.user_email(django_request(User())) == EMAIL


@pytest.mark.parametrize("user", [None, SimpleNamespace(is_authenticated=False)])
def test_django_user_without_an_email(user: object) -> None:
    assert django.user_email(django_request(user)) is None


def test_django_without_authentication() -> None:
    assert django.user_email(HttpRequest()) is None


@pytest.mark.parametrize("email", [EMAIL, None])
def test_flask_login_user(email: str | None) -> None:
    class User(flask_login.UserMixin):  # type: ignore[misc]
        id = "1"

    app = flask.Flask(__name__, static_folder=None)
    app.secret_key = "tests"
    manager = flask_login.LoginManager(app)
    manager.user_loader(lambda user_id: None)
    with app.test_request_context():
        assert user_email(flask.request) is None
        user: Any = User()
        user.email = email
        flask_login.login_user(user)
        assert user_email(flask.request) == email


def test_flask_login_outside_a_request() -> None:
    assert user_email(flask.Request({})) is None


def test_starlette_user() -> None:
    scope = {"type": "http", "user": SimpleNamespace(email=EMAIL)}
    assert starlette.user_email(HTTPConnection(scope)) == EMAIL
    assert starlette.user_email(HTTPConnection({"type": "http"})) is None


def test_django_user_id_is_that_of_a_loaded_user() -> None:
    lazy = Lazy()
    request = django_request(lazy.user)
    assert django.user_id(request) is None
    assert lazy.loaded == 0
    str(lazy.user.email)
    assert django.user_id(request) == "7"
    assert django.user_id(django_request(Lazy().user, _acached_user=lazy.load())) == "7"


def test_django_user_id_of_nobody() -> None:
    assert django.user_id(django_request(SimpleNamespace(pk=None))) is None
    assert django.user_id(HttpRequest()) is None


def test_flask_login_user_id_is_that_of_a_loaded_user() -> None:
    class User(flask_login.UserMixin):  # type: ignore[misc]
        id = 7

    def load(key: str) -> User:
        loaded.append(key)
        return User()

    loaded: list[str] = []
    app = flask.Flask(__name__, static_folder=None)
    app.secret_key = "tests"
    flask_login.LoginManager(app).user_loader(load)
    with app.test_request_context():
        flask.session["_user_id"] = "7"
        assert (user_id(flask.request), loaded) == (None, [])
        assert flask_login.current_user.is_authenticated
        assert (user_id(flask.request), loaded) == ("7", ["7"])
        flask_login.logout_user()
        assert user_id(flask.request) is None
    assert user_id(flask.Request({})) is None


class Nameless(BaseUser):
    is_authenticated = True


class Authenticated(Nameless):
    def __init__(self, identity: object) -> None:
        self._identity = identity

    @property
    def identity(self) -> Any:
        return self._identity


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, None),
        (UnauthenticatedUser(), None),
        (Nameless(), None),
        (Authenticated("7"), "7"),
        (Authenticated(7), "7"),
        (Authenticated(None), None),
    ],
)
def test_starlette_user_id(user: object, expected: str | None) -> None:
    """Starlette leaves the identity to the application's class of users."""
    scope = {"type": "http", "user": user}
    assert starlette.user_id(HTTPConnection(scope)) == expected
    assert starlette.user_id(HTTPConnection({"type": "http"})) is None
