"""The command line: ``koala-middleware``, or ``python -m koala_middleware``."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata

import koala_middleware
from koala_middleware.inspector.server.listening import DEFAULT_PORT
from koala_middleware.inspector.verdict import VERDICTS

PROGRAM = "koala-middleware"
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
EXAMPLES = f"""\
examples:
  {PROGRAM} demo                       three small sites to click on, and their events
  {PROGRAM} inspect                    a local Segment; then set analytics.host = "{DEFAULT_URL}"
  {PROGRAM} tail --verdict dropped     what does not reach Koala, as it arrives
  {PROGRAM} check events.ndjson        the verdict on a file of events, for your CI

{PROGRAM} COMMAND --help lists the options of a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0 done, 1 it found faults, 2 it cannot run."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An event may have characters that this terminal, or a pipe, cannot take.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        print(f"{PROGRAM} {metadata.version(PROGRAM)}")
        return 0
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        command = import_module(arguments.module)  # here: it may need an extra
    except ModuleNotFoundError as missing:
        install = f"pip install '{PROGRAM}[{arguments.extra}]'"
        package = str(missing.name).partition(".")[0]
        print(
            f"{PROGRAM} {arguments.command}: {package} is not installed: {install}", file=sys.stderr
        )
        return 2
    code: int = command.run(arguments)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=koala_middleware.__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser("demo", help="run three small sites and watch their events arrive")
    demo.add_argument("--once", action="store_true", help="play visitors, print a table and exit")
    _add_address(demo, f"{DEFAULT_PORT}; with --once a free one")
    demo.set_defaults(module="koala_middleware.demo.command", extra="demo")

    inspect = commands.add_parser("inspect", help="receive events as Segment does, and show them")
    _add_address(inspect, str(DEFAULT_PORT))
    inspect.add_argument("--db", metavar="FILE", help="keep the events in this SQLite file")
    inspect.add_argument(
        "--keep",
        type=_number(1, 10**9),
        default=10**5,
        metavar="COUNT",
        help="how many events to keep (%(default)s)",
    )
    inspect.add_argument("--forward", metavar="URL", help="also pass each upload on to this host")
    inspect.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name by which applications reach the inspector; may be repeated",
    )
    inspect.set_defaults(module="koala_middleware.inspector.commands.inspect", extra="inspector")

    tail = commands.add_parser("tail", help="print the events that arrive at an inspector")
    tail.add_argument("--url", default=DEFAULT_URL, help="the inspector's (%(default)s)")
    tail.add_argument(
        "-n",
        "--lines",
        type=_number(0, 1000),
        default=10,
        metavar="COUNT",
        help="how many to begin with (%(default)s)",
    )
    tail.add_argument("--verdict", choices=list(VERDICTS), help="print only these")
    tail.add_argument("--profile-id", metavar="ID", help="print only this visitor's")
    tail.add_argument("--json", action="store_true", help="print Segment's messages, one per line")
    tail.add_argument("--once", action="store_true", help="do not wait for more")
    tail.set_defaults(module="koala_middleware.inspector.commands.tail", extra="inspector")

    check = commands.add_parser("check", help="print which events of a file would not reach Koala")
    check.add_argument("file", help="one Segment message per line, as JSON; - is standard input")
    check.set_defaults(module="koala_middleware.inspector.commands.check", extra="inspector")

    destinations = commands.add_parser("destinations", help="list the presets of browser ids")
    destinations.set_defaults(module="koala_middleware.destinations.command", extra="")
    return parser


def _add_address(command: argparse.ArgumentParser, port: str) -> None:
    command.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    command.add_argument("--port", type=_number(0, 65535), help=f"0 picks a free one ({port})")


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        expected = f"expected a number from {least} to {most}, got {text!r}"
        raise argparse.ArgumentTypeError(expected)

    return number


if __name__ == "__main__":
    sys.exit(main())
