"""Check every event against the request that it says it is from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.storm.client import Outcome
from tests.storm.kinds import UNCARRIED
from tests.storm.plan import Request

BEFORE_FORK = "before fork"
MOST_EXAMPLES = 10


@dataclass
class Row:
    """What was found about one application behind one server.

    :param received: the expected events that came.
    :param extra: the events of chunks that were made for a client that had hung up.
    :param failed: the requests with a wrong response, and the events that nobody asked for.
    """

    server: str
    site: str
    requests: int = 0
    expected: int = 0
    received: int = 0
    extra: int = 0
    wrong_visitor: int = 0
    lost: int = 0
    duplicates: int = 0
    failed: int = 0

    @property
    def faults(self) -> int:
        return self.wrong_visitor + self.lost + self.duplicates + self.failed


@dataclass
class Verdict:
    """The table's rows by application, and the first faults in words."""

    rows: dict[str, Row]
    examples: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(text)


def master(ref: str = BEFORE_FORK) -> Outcome:
    """Return what is owed by a server whose master tracks before it forks."""
    return Outcome(Request(ref, "master", ref, None, None, None), frozenset({ref}))


def judge(
    server: str,
    outcomes: Iterable[Outcome],
    events: Iterable[Mapping[str, Any]],
    all_options: bool = False,
) -> Verdict:
    """Compare the events that arrived with those that should have."""
    verdict = Verdict({})
    by_ref = {outcome.request.ref: outcome for outcome in outcomes}
    arrived = Counter[tuple[str, str]]()
    unknown = Row(server, "unknown")
    for event in events:
        ref, part = event["properties"].get("ref"), event["event"]
        arrived[ref, part] += 1
        outcome = by_ref.get(ref)
        if outcome is None or part not in outcome.owed | outcome.possible:
            unknown.failed += 1
            verdict.fault(f"nobody asked for the event {event}")
        elif not (
            _is_right(event, outcome.request)
            and (not all_options or ref == BEFORE_FORK or _has_all(event, outcome.request))
        ):
            _row(verdict, server, outcome).wrong_visitor += 1
            verdict.fault(f"wrong visitor: {event} of {outcome.request}")
    for outcome in by_ref.values():
        _count(verdict, _row(verdict, server, outcome), outcome, arrived)
    if unknown.failed:
        verdict.rows[unknown.site] = unknown
    return verdict


def _row(verdict: Verdict, server: str, outcome: Outcome) -> Row:
    site = outcome.request.site
    return verdict.rows.setdefault(site, Row(server, site))


def _is_right(event: Mapping[str, Any], request: Request) -> bool:
    profile_id = None if event["event"] == UNCARRIED else request.profile_id
    if event["properties"].get("profile_id") != profile_id:
        return False
    if request.kind == "anonymous":
        return bool(event["anonymousId"] == request.anonymous_id)
    return bool(event["userId"] == "u1" and event["anonymousId"] is None)


def _has_all(event: Mapping[str, Any], request: Request) -> bool:
    """Return whether what the options add belongs to this request, too."""
    if event["event"] == UNCARRIED:
        return True
    if request.site == "starlette" and event["event"] == "page":
        return True  # Starlette makes it outside of all middleware, where only the ids are known
    path = event["context"].get("page", {}).get("path", "")
    email = event["properties"].get("email")
    return bool(email == f"{request.ref}@storm.test" and path.endswith(f"/{request.ref}"))


def _count(verdict: Verdict, row: Row, outcome: Outcome, arrived: Counter[tuple[str, str]]) -> None:
    ref = outcome.request.ref
    came = {part: arrived[ref, part] for part in outcome.owed | outcome.possible}
    lost = [part for part in outcome.owed if not came[part]]
    twice = [part for part, times in came.items() if times > 1]
    row.requests += outcome.request.site != "master"
    row.expected += len(outcome.owed)
    row.received += len(outcome.owed) - len(lost)
    row.extra += sum(1 for part in outcome.possible if came[part])
    row.lost += len(lost)
    row.duplicates += len(twice)
    row.failed += outcome.fault is not None
    if lost or twice or outcome.fault:
        verdict.fault(f"lost {lost}, twice {twice}, {outcome.fault}: {outcome.request}")
