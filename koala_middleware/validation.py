"""Dataclass fields that are declared with their checks, and checked on construction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import field, fields
from typing import Any, NoReturn, TypeVar

from koala_middleware.callables import FUNCTION, is_function

T = TypeVar("T")

# RFC 6265, section 4.1.1: a cookie's name is a token of RFC 2616.
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Check:
    """What a field takes.

    :param expected: completes the sentence "expected …".
    :param has_type: ``value -> bool``; False is a TypeError.
    :param is_valid: ``value -> bool``, asked of a value of the right type; False is a ValueError.
    :param is_importable: a settings file may give the value by its dotted path.
    """

    def __init__(
        self,
        expected: str,
        has_type: Callable[[Any], bool],
        is_valid: Callable[[Any], bool] = lambda value: True,
        is_importable: bool = False,
    ) -> None:
        self.expected = expected
        self.has_type = has_type
        self.is_valid = is_valid
        self.is_importable = is_importable

    def __call__(self, value: object, label: str) -> None:
        """Raise TypeError or ValueError, beginning with ``label``, if the value is wrong."""
        if not self.has_type(value):
            refuse(label, self.expected, value, TypeError)
        if not self.is_valid(value):
            refuse(label, self.expected, value)


def refuse(
    label: str, expected: str, value: object, error: type[Exception] = ValueError
) -> NoReturn:
    """Raise the error of a wrong value."""
    raise error(f"{label}: expected {expected}, got {value!r}")


def checked(default: T, check: Check) -> T:
    """Declare a field of a dataclass with its default and its check."""
    return field(default=default, metadata={"check": check})


def checks_of(kind: Any) -> dict[str, Check]:
    """Return the checks of a dataclass by the names of its fields."""
    return {each.name: each.metadata["check"] for each in fields(kind)}


def check_fields(instance: Any, owner: str) -> None:
    """Check each field of an instance of a dataclass; ``owner`` precedes its name in errors."""
    for name, check in checks_of(instance).items():
        check(getattr(instance, name), f"{owner} {name}")


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that somebody may have meant by an unknown one, or None."""
    from difflib import get_close_matches  # here, because a correct application needs none

    return next(iter(get_close_matches(name, known, n=1, cutoff=0.7)), None)


def text(expected: str, is_valid: Callable[[str], bool]) -> Check:
    """Return the check of a str."""
    return Check(expected, lambda value: isinstance(value, str), is_valid)


def instance_of(kind: type) -> Check:
    """Return the check of an object of one of our classes."""
    expected = f"a {kind.__module__.partition('.')[0]}.{kind.__name__}"
    return Check(expected, lambda value: isinstance(value, kind), is_importable=True)


def optional(check: Check) -> Check:
    """Return a check that also takes None."""
    return Check(
        f"{check.expected}, or None",
        lambda value: value is None or check.has_type(value),
        lambda value: value is None or check.is_valid(value),
        check.is_importable,
    )


def _is_token(value: str) -> bool:
    return value != "" and _TOKEN.issuperset(value)


COOKIE_NAME = text("a cookie's name (letters, digits and !#$%&'*+-.^_`|~)", _is_token)
HEADER_NAME = text("a header's name", _is_token)  # of the same characters (RFC 9110, section 5.1)
BOOL = Check("True or False", lambda value: isinstance(value, bool))
CALLABLE = Check(FUNCTION, is_function, is_importable=True)
SECONDS = Check(
    "a number of seconds, 0 or more",
    lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    lambda value: 0 <= value < float("inf"),
)
