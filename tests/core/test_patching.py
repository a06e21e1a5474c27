"""How attributes are replaced and put back."""

from __future__ import annotations

import threading
import time
from types import ModuleType
from typing import Any

import pytest

from koala_middleware import patching
from koala_middleware.patching import Patches


class Base:
    kind = "base"

    @staticmethod
    def static() -> str:
        return "static"

    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @property
    def computed(self) -> str:
        return "computed"

    def method(self) -> str:
        return "method"


@pytest.fixture
def derived() -> type[Base]:
    return type("Derived", (Base,), dict(vars(Base)))


@pytest.mark.parametrize("name", ["kind", "static", "of_class", "computed", "method"])
def test_class_gets_the_very_same_attribute_back(derived: type[Base], name: str) -> None:
    """A staticmethod, a classmethod and a property stay what they are."""
    before = dict(vars(derived))
    patches = Patches()
    patches.replace(derived, name, "ours")
    assert getattr(derived, name) == "ours"
    patches.undo()
    assert dict(vars(derived)) == before


def test_inherited_attribute_is_inherited_again() -> None:
    derived = type("Derived", (Base,), {})
    patches = Patches()
    patches.replace(derived, "method", "ours")
    patches.undo()
    assert "method" not in vars(derived)


@pytest.mark.parametrize("owner", [Base(), ModuleType("module")], ids=["object", "module"])
@pytest.mark.parametrize("before", [{}, {"name": "before"}], ids=["absent", "present"])
def test_objects_and_modules_get_their_attributes_back(owner: Any, before: dict[str, str]) -> None:
    vars(owner).update(before)
    patches = Patches()
    patches.replace(owner, "name", "ours")
    assert owner.name == "ours"
    patches.undo()
    assert vars(owner).pop("name", None) == before.get("name")


def test_second_undo_changes_nothing(derived: type[Base]) -> None:
    patches = Patches()
    patches.replace(derived, "kind", "ours")
    patches.undo()
    derived.kind = "ours"
    patches.undo()
    assert derived.kind == "ours"


def test_values_in_place_are_known_by_identity(derived: type[Base]) -> None:
    patches = Patches()
    patches.replace(derived, "kind", ours := ["ours"])
    assert ours in patches
    assert ["ours"] not in patches
    patches.undo()
    assert ours not in patches


def test_what_somebody_put_on_top_stays(derived: type[Base]) -> None:
    patches = Patches()
    patches.replace(derived, "kind", "ours")
    derived.kind = "theirs"
    patches.undo()
    assert derived.kind == "theirs"


def test_attribute_that_was_deleted_stays_deleted(derived: type[Base]) -> None:
    patches = Patches()
    patches.replace(derived, "method", "ours")
    del derived.method
    patches.undo()
    assert "method" not in vars(derived)


def test_attribute_that_cannot_be_set_is_an_error_and_undone() -> None:
    patches = Patches()
    with pytest.raises(TypeError):
        patches.replace(int, "real", "ours")
    patches.undo()
    assert not patching._standing


@pytest.mark.parametrize("order", ["abc", "acb", "bac", "bca", "cab", "cba"])
def test_replacements_on_top_of_each_other_are_undone_in_any_order(
    derived: type[Base], order: str
) -> None:
    """None brings back one that has been undone before it."""
    before = vars(derived)["method"]
    each = {name: Patches() for name in "abc"}
    for name, patches in each.items():
        patches.replace(derived, "method", name)
    left = list("abc")
    for name in order:
        each[name].undo()
        left.remove(name)
        assert vars(derived)["method"] == (left[-1] if left else before)
    assert not patching._standing


def test_same_attribute_twice_in_one_is_undone_last_first(derived: type[Base]) -> None:
    before = vars(derived)["method"]
    patches = Patches()
    patches.replace(derived, "method", "first")
    patches.replace(derived, "method", "second")
    patches.undo()
    assert vars(derived)["method"] is before


def test_replacement_waits_for_an_undo_under_way() -> None:
    """Or the undo would put back what was there before both."""
    undoing = threading.Event()

    class Slow(type):
        def __setattr__(cls, name: str, value: object) -> None:
            if value == "before":
                undoing.set()
                time.sleep(0.1)
            super().__setattr__(name, value)

    owner = Slow("owner", (), {"kind": "before"})
    first, second = Patches(), Patches()
    first.replace(owner, "kind", "first")
    thread = threading.Thread(target=first.undo)
    thread.start()
    undoing.wait()
    second.replace(owner, "kind", "second")
    thread.join()
    assert vars(owner)["kind"] == "second"
    second.undo()
    assert vars(owner)["kind"] == "before"
