"""The command line: ``koala-middleware``, or ``python -m koala_middleware``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import koala_middleware

PROGRAM = "koala-middleware"
DEFAULT_PORT = 8765


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0 done, 1 it found faults, 2 it cannot run."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=koala_middleware.__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="run three small sites and see their events arrive")
    demo.add_argument("--once", action="store_true", help="play visitors, print a table and exit")
    demo.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    demo.add_argument(
        "--port",
        type=_port,
        help=f"0 picks a free one ({DEFAULT_PORT}; with --once a free one)",
    )
    demo.set_defaults(run=_demo)

    arguments = parser.parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, got {text!r}")
    return int(text)


def _demo(arguments: argparse.Namespace) -> int:
    try:
        from koala_middleware.demo.command import run  # here: needs the extra
    except ModuleNotFoundError as missing:
        install = "pip install 'koala-middleware[demo]'"
        package = str(missing.name).partition(".")[0]
        print(f"{PROGRAM} demo: {package} is not installed: {install}", file=sys.stderr)
        return 2
    port = arguments.port
    if port is None:
        port = 0 if arguments.once else DEFAULT_PORT
    return run(arguments.host, port, once=arguments.once)


if __name__ == "__main__":
    sys.exit(main())
