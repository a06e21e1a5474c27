"""Firefox, driven by WebDriver BiDi: https://w3c.github.io/webdriver-bidi/"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_SECONDS = 60  # that an answer may take


class Firefox:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count()
        self._command("session.new", capabilities={})
        tree = self._command("browsingContext.getTree")
        self._tab: str = tree["contexts"][0]["context"]

    def _command(self, method: str, **parameters: object) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(_SECONDS))).get("id") != number:
            pass  # an event of the browser
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, url: str) -> None:
        self._command("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def resize(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        self._command("browsingContext.setViewport", context=self._tab, viewport=viewport)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression, which must be one of JSON."""
        found = self._command(
            "script.evaluate",
            expression=f"JSON.stringify({script})",
            target={"context": self._tab},
            awaitPromise=False,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def wait(self, script: str, wanted: object, seconds: float = 15) -> None:
        """Wait until an expression has a value."""
        end = time.monotonic() + seconds
        while (found := self.evaluate(script)) != wanted:
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        place = (
            "(box => [box.x + box.width / 2, box.y + box.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        x, y = map(round, self.evaluate(place))
        actions = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": actions})

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": keys})

    def _act(self, source: dict[str, object]) -> None:
        self._command("input.performActions", context=self._tab, actions=[source])

    def photograph(self, path: Path) -> None:
        taken = self._command("browsingContext.captureScreenshot", context=self._tab)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def firefox(program: str, profile: Path) -> Iterator[Firefox]:
    """Run Firefox without a window, with a profile of its own."""
    command = [program, "--headless", "--remote-debugging-port=0", "--profile", str(profile)]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as process:
        try:
            server = _written(profile / "WebDriverBiDiServer.json")
            url = f"ws://{server['ws_host']}:{server['ws_port']}/session"
            with connect(url, max_size=None, proxy=None) as socket:
                yield Firefox(socket)
        finally:
            process.terminate()


def _written(file: Path) -> Any:
    end = time.monotonic() + _SECONDS
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(file.read_text())
        assert time.monotonic() < end, "Firefox does not listen"
        time.sleep(0.05)
