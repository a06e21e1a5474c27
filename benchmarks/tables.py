"""The tables of a run, as text for a terminal and in reStructuredText for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import imports, parts, track
from benchmarks.results import Results
from benchmarks.targets import Target, targets
from benchmarks.wsgi import HEADER_SIZE, SIZES

Table = list[tuple[str, ...]]


def request_table(results: Results, group: str, cases: list[str] | None = None) -> Table:
    """Tell of each row what it adds to a request, and the ratios of that."""
    table: Table = [("Cookies", "Row", "Adds", "To the floor", "To us")]
    for case in cases or results.cases(group):
        for name in results.names(group):
            if name.startswith("bare"):
                continue
            added = f"{results.overhead(group, case, name) * 1e6:.2f} µs"
            ratios = (_ratio(results.ratio(group, case, name, to)) for to in ("floor", "us"))
            table.append((case, name, added, *ratios))
    return table


def call_table(results: Results) -> Table:
    table: Table = [("Call", "Time", "To the bare call", "To the call by hand")]
    for name in results.names(track.GROUP):
        seconds = f"{results.time(track.GROUP, 'call', name) * 1e6:.1f} µs"
        ratios = (results.time_ratio(track.GROUP, "call", name, to) for to in ("bare", "by hand"))
        table.append((name, seconds, *(f"{ratio:.3f}" for ratio in ratios)))
    return table


def header_table(results: Results) -> Table:
    rows = ("floor", "us", "us, asked")
    table: Table = [("Header", *rows)]
    for size in SIZES:
        added = (results.overhead(HEADER_SIZE, "bytes", f"{row}, {size}") for row in rows)
        table.append((f"{size:,} bytes", *(f"{seconds * 1e6:.2f} µs" for seconds in added)))
    return table


def parts_table(results: Results) -> Table:
    table: Table = [("Part", "Time")]
    for name in results.names(parts.GROUP):
        if name != "bare":
            table.append((name, f"{results.overhead(parts.GROUP, 'parts', name) * 1e6:.2f} µs"))
    return table


def import_table(results: Results) -> Table:
    table: Table = [("Import", "Time")]
    for case in results.cases(imports.GROUP):
        table.append((case, f"{results.time(imports.GROUP, case, 'us') * 1e3:.1f} ms"))
    return table


def target_table(results: Results) -> Table:
    table: Table = [("Target", "At most", "Measured", "")]
    for target in targets(results):
        measured = _in_unit(target, target.measured)
        verdict = "met" if target.met else "missed"
        table.append((target.what, _in_unit(target, target.limit), measured, verdict))
    return table


def all_tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Yield each table with its title."""
    for group in results.groups():
        if group == track.GROUP:
            yield "A call of track", call_table(results)
        elif group == HEADER_SIZE:
            yield "WSGI, by the size of the Cookie header", header_table(results)
        elif group == parts.GROUP:
            yield "A request without a cookie, in parts", parts_table(results)
        elif group == imports.GROUP:
            yield "Import", import_table(results)
        else:
            yield f"{group}: what is added to a request", request_table(results, group)
    yield "Targets", target_table(results)


def text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def list_table(table: Table) -> Iterator[str]:
    """Yield the lines of a table in reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", "")
    for line in table:
        for number, cell in enumerate(line):
            yield f"   {' ' if number else '*'} - {cell}".rstrip()
    yield ""


def _in_unit(target: Target, number: float) -> str:
    return f"{number:.{1 if target.unit == 'ms' else 2}f} {target.unit}"


def _ratio(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"
