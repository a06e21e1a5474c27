"""Print what the inspector sees: each cause once, and a summary at the end."""

from __future__ import annotations

from collections import Counter

from koala_middleware.inspector.json_text import printable
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from koala_middleware.inspector.storage.overview import Series
from koala_middleware.inspector.verdict import FINE, VERDICTS, remedy, summary

_NO_SERIES = Series(start=0, width=1, steps=0)


class Progress:
    """What has arrived since the start, and the causes that were printed."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._seen = store.newest()
        self._told: set[tuple[object, ...]] = set()
        self.counts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))

    def look(self) -> None:
        """Print a line for each cause that is new since the last look."""
        newest = self._store.newest()
        if newest <= self._seen:
            return
        found = self._store.overview(Filter(after=self._seen, before=newest + 1), _NO_SERIES)
        self._seen = newest
        self.counts.update({verdict: found[verdict] for verdict in VERDICTS})
        for issue in found["issues"]:
            key = (issue["verdict"], issue["reason"], issue["cause"])
            # An upload that is refused is logged each time.
            if issue["verdict"] == "upload_refused" or key in self._told:
                continue
            self._told.add(key)
            told = remedy(issue["reason"], issue["hint"], issue["cause"])
            name = issue["event"] or f"({issue['type'] or 'no type'})"
            call = f" at {issue['call']}" if issue["call"] else ""
            cause = f" ({issue['cause']})" if issue["cause"] else ""
            verdict = VERDICTS[issue["verdict"]]
            line = f"{name}{call}: {verdict}: {told['title']}{cause}. {told['remedy']}"
            print(printable(line), flush=True)

    def end(self) -> bool:
        """Print the summary, and return whether all events were fine."""
        self.look()
        if self.counts.total():
            print(summary(self.counts), flush=True)
        return not any(self.counts[verdict] for verdict in VERDICTS if verdict not in FINE)
