"""The collector as a process of its own, so that it keeps up with the servers.

Prints its URL. Ends when its standard input does, and so with whoever started it. With ``--bad`` it
is slow, and refuses some of what it gets.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

from tests import collector


class _Handler(collector._Handler):
    def do_GET(self) -> None:  # noqa: N802 (http.server's name)
        """Answer ``/events/1000`` with all events but the first 1000, in the order they came."""
        first = int(self.path.rpartition("/")[2])
        with self.server.arrived:
            events = self.server.events[first:]
        body = json.dumps(events).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _BadHandler(_Handler):
    count = itertools.count(1)

    def do_POST(self) -> None:  # noqa: N802 (http.server's name)
        time.sleep(0.1)
        number = next(self.count)
        if number % 5 and number % 7:
            super().do_POST()
            return
        self.rfile.read(int(self.headers["Content-Length"]))
        if number % 5:
            self.send_response(429)
            self.send_header("Retry-After", "1")
        else:
            self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    with collector.collecting() as server:
        server.RequestHandlerClass = _BadHandler if "--bad" in sys.argv else _Handler
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
