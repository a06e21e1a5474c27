"""The command line: ``koala-middleware``, or ``python -m koala_middleware``."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from typing import TYPE_CHECKING

import koala_middleware
from koala_middleware.inspector.messages import TYPES
from koala_middleware.inspector.server.listening import DEFAULT_PORT
from koala_middleware.inspector.verdict import VERDICTS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    _Commands = _SubParsersAction[argparse.ArgumentParser]

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
    """Run one subcommand and return its exit code.

    It is 0 if all is done, 1 if it found faults or nobody reads what it prints, and 2 if it cannot
    run.
    """
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
    try:
        code: int = command.run(arguments)
        print(end="", flush=True)
    except BrokenPipeError:
        # The reader has seen enough, as in "| head". Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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
    for add in (_add_demo, _add_inspect, _add_tail, _add_check, _add_destinations):
        add(commands)
    return parser


def _add_demo(commands: _Commands) -> None:
    command = commands.add_parser(
        "demo", help="run three small sites and watch their events arrive"
    )
    command.add_argument(
        "--once", action="store_true", help="play visitors, print a table and exit"
    )
    _add_address(command, f"{DEFAULT_PORT}; with --once a free one")
    command.set_defaults(module="koala_middleware.demo.command", extra="demo")


def _add_inspect(commands: _Commands) -> None:
    command = commands.add_parser("inspect", help="receive events as Segment does, and show them")
    _add_address(command, str(DEFAULT_PORT))
    command.add_argument("--db", metavar="FILE", help="keep the events in this SQLite file")
    command.add_argument(
        "--keep",
        type=_number(1, 10**9),
        default=10**5,
        metavar="COUNT",
        help="how many events to keep (%(default)s)",
    )
    command.add_argument("--forward", metavar="URL", help="also pass each upload on to this host")
    command.add_argument(
        "--allow-host",
        metavar="NAME",
        type=_name,
        action="append",
        default=[],
        help="a name by which applications reach the inspector; may be repeated",
    )
    command.add_argument(
        "--fail-on-dropped",
        action="store_true",
        help="exit with 1 if an event did not reach Koala, for end-to-end tests",
    )
    command.set_defaults(module="koala_middleware.inspector.commands.inspect", extra="inspector")


def _add_tail(commands: _Commands) -> None:
    command = commands.add_parser("tail", help="print the events that arrive at an inspector")
    command.add_argument("--url", default=DEFAULT_URL, help="the inspector's (%(default)s)")
    command.add_argument(
        "-n",
        "--lines",
        type=_number(0, 1000),
        default=10,
        metavar="COUNT",
        help="how many to begin with (%(default)s)",
    )
    command.add_argument("--verdict", choices=list(VERDICTS), help="print only these")
    command.add_argument("--profile-id", metavar="ID", help="print only this visitor's")
    command.add_argument("--type", choices=TYPES, help="print only calls of this type")
    command.add_argument(
        "--text",
        metavar="SEARCH",
        help="print only what this finds, as on the page: words, event:'Order*', cause:no_cookie",
    )
    command.add_argument(
        "--json", action="store_true", help="print Segment's messages, one per line"
    )
    command.add_argument("--once", action="store_true", help="do not wait for more")
    command.set_defaults(module="koala_middleware.inspector.commands.tail", extra="inspector")


def _add_check(commands: _Commands) -> None:
    command = commands.add_parser(
        "check", help="print which events of a file would not reach Koala"
    )
    command.add_argument("file", help="one Segment message per line, as JSON; - is standard input")
    command.add_argument("--json", action="store_true", help="print the counts and issues as JSON")
    command.add_argument("--allow-empty", action="store_true", help="a file without events is fine")
    command.set_defaults(module="koala_middleware.inspector.commands.check", extra="inspector")


def _add_destinations(commands: _Commands) -> None:
    command = commands.add_parser("destinations", help="list the presets of browser ids")
    command.set_defaults(module="koala_middleware.destinations.command", extra="")


def _add_address(command: argparse.ArgumentParser, port: str) -> None:
    command.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    command.add_argument("--port", type=_number(0, 65535), help=f"0 picks a free one ({port})")


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+", text):
        expected = f"expected a name such as inspector.local, without a port, got {text!r}"
        raise argparse.ArgumentTypeError(expected)
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        expected = f"expected a number from {least} to {most}, got {text!r}"
        raise argparse.ArgumentTypeError(expected)

    return number


if __name__ == "__main__":
    sys.exit(main())
