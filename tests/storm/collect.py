"""The collector as a process of its own, so that it keeps up with the servers.

Prints its URL. Ends when its standard input does, and so with whoever started it.
"""

from __future__ import annotations

import json
import sys

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


def main() -> None:
    with collector.collecting() as server:
        server.RequestHandlerClass = _Handler
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
