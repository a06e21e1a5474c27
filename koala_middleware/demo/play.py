"""Play visitors with different cookies against each site, and check the events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from koala_middleware.demo.actions import ACTIONS, Action
from koala_middleware.inspector.storage.event_store import EventStore, Filter

MOST_SECONDS = 5.0  # that the events may take, and
TIMEOUT = 5.0  # that an answer may
_MOST_EVENTS = 1000


class Outcome(NamedTuple):
    """What a visitor did, how the site answered, and which events arrived."""

    action: Action
    cookie: str | None
    answer: str
    rows: list[dict[str, Any]]  # what the inspector lists of each

    @property
    def problem(self) -> str | None:
        """Return what was expected and what arrived, or None if all is well."""
        names = [row["event"] for row in self.rows]
        if names != [self.action.event]:
            return f"expected this event once, got {names}; the site answered {self.answer}"
        profile_id = self.rows[0]["profile_id"]
        if profile_id != self.cookie:
            return f"expected the profile id {self.cookie}, got {profile_id}"
        return None


class _Visit(NamedTuple):
    action: Action
    cookie: str | None
    ref: str
    answer: str


def play(url: str, store: EventStore, flush: Callable[[], object]) -> list[Outcome]:
    """Let two visitors with a cookie, and between them one without, do each action once.

    They share a connection, one after the other, while all actions go on at the same time: that
    is how a visitor would leak. An event is known by its ``ref``, whatever id it carries.
    """
    cookies = [str(uuid4()), None, str(uuid4())]
    with ThreadPoolExecutor(len(ACTIONS)) as pool:
        visits = [
            visit
            for visits in pool.map(lambda action: _visits(url, action, cookies), ACTIONS)
            for visit in visits
        ]
    arrived = _arrived(store, {visit.ref for visit in visits}, flush)
    return [
        Outcome(visit.action, visit.cookie, visit.answer, arrived[visit.ref]) for visit in visits
    ]


def _visits(url: str, action: Action, cookies: list[str | None]) -> list[_Visit]:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT)
    visits = []
    with closing(connection):
        for cookie in cookies:
            ref = uuid4().hex
            headers = {"Cookie": f"ko_id={cookie}"} if cookie else {}
            try:
                connection.request("POST", f"{action.path}?ref={ref}", headers=headers)
                response = connection.getresponse()
                response.read()
                answer = f"{response.status} {response.reason}"
            except (OSError, HTTPException) as error:
                answer = f"nothing: {error!r}"
                connection.close()
            visits.append(_Visit(action, cookie, ref, answer))
    return visits


def _arrived(
    store: EventStore, refs: set[str], flush: Callable[[], object]
) -> dict[str, list[dict[str, Any]]]:
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        flush()
        arrived = defaultdict(list)
        for row, message in store.messages(Filter(after=0), _MOST_EVENTS):
            properties = message.get("properties")
            if isinstance(properties, dict):  # else somebody else sent it
                arrived[str(properties.get("ref"))].append(row)
        if arrived.keys() >= refs or time.monotonic() > deadline:
            return arrived
        # A background task, and what a body does when it is closed, come after the answer.
        time.sleep(0.05)
