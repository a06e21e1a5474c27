"""What imports what: ``python -m tests.architecture`` prints the floors of the house.

A module stands one floor above the highest one that it imports. Imports within functions count,
too; those for type checkers only do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = "koala_middleware"
ROOT = Path(__file__).parent.parent
OUTBUILDINGS = ("contrib", "demo", "inspector")

Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Return the files of the package by their dotted names, less the package's own name."""
    return {
        ".".join(path.relative_to(parent).with_suffix("").parts): path
        for parent, folder in ((ROOT / PACKAGE, PACKAGE), (ROOT, "contrib"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def imported_names(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports."""
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pending += node.orelse
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case _:
                pending += ast.iter_child_nodes(node)


def import_graph() -> Graph:
    """Return which modules of the package each module imports."""
    files = modules()

    def module_of(name: str) -> str | None:
        parts = name.split(".")[1:]
        for end in range(len(parts), 0, -1):
            for candidate in (".".join(parts[:end]), ".".join([*parts[:end], "__init__"])):
                if candidate in files:
                    return candidate
        return None

    return {
        name: {
            target
            for imported in imported_names(path)
            if imported.startswith(f"{PACKAGE}.")
            for target in [module_of(imported)]
            if target is not None and target != name
        }
        for name, path in files.items()
    }


def room(module: str) -> str:
    """Return the folder of a module; ``""`` for the core's own files."""
    return module.rpartition(".")[0]


def core_graph() -> Graph:
    return {
        name: {target for target in targets if not target.startswith(OUTBUILDINGS)}
        for name, targets in import_graph().items()
        if not name.startswith(OUTBUILDINGS)
    }


def floors(graph: Graph) -> dict[str, int]:
    """Return the floor of each module. Raises graphlib.CycleError if imports form a circle."""
    heights: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        heights[name] = 1 + max((heights[target] for target in graph[name]), default=-1)
    return heights


def main() -> None:
    graph = core_graph()
    heights = floors(graph)
    for floor in range(max(heights.values()), -1, -1):
        print(f"floor {floor}")
        for name in sorted(name for name in heights if heights[name] == floor):
            print(f"    {name:32} {', '.join(sorted(graph[name]))}")


if __name__ == "__main__":
    main()
