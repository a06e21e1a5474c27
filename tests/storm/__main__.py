"""``python -m tests.storm``: storm the servers, print the results, exit with 1 on a fault."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.storm.report import results, table
from tests.storm.servers import SERVERS
from tests.storm.storm import Storm, storm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--requests", type=int, default=1500, help="per server (%(default)s)")
    parser.add_argument("--server", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--all-options", action="store_true", help="every option on")
    parser.add_argument("--json", type=Path, help="a file for the results")
    arguments = parser.parse_args()

    storms: list[Storm] = []
    broken = 0
    for name in arguments.server:
        if missing := SERVERS[name].missing():
            print(f"{name}: not installed: {', '.join(missing)}", file=sys.stderr)
            broken += 1
            continue
        try:
            storms.append(
                done := storm(name, arguments.requests, all_options=arguments.all_options)
            )
        except Exception as error:
            print(f"{name}: {error!r}", file=sys.stderr)
            broken += 1
            continue
        print(f"{name}: {done}", file=sys.stderr, flush=True)
        for example in done.verdict.examples:
            print(f"    {example}", file=sys.stderr)
    print(table(storms))
    if arguments.json:
        arguments.json.write_text(json.dumps(results(storms, arguments.requests), indent=1))
    return 1 if broken or any(done.faults for done in storms) else 0


if __name__ == "__main__":
    sys.exit(main())
