"""What a run counts about its requests, in the shape of the run report."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TypedDict


class RequestCounts(TypedDict):
    """`requests` of one region in the run report."""

    total: int
    by_endpoint: dict[str, int]
    retries: int
    refused: int
    paced_seconds: float


class Counters:
    """Requests of one region; thread-safe.

    `total` holds data calls with their retries, token calls apart. `refused` holds answers 429 and the
    proxy's 403. `paced_seconds` is the time in which pace or back-off held up all workers. Beside the report's
    figures the same by label, for the history of runs; `listed` holds the rows the lists gave, changed or not.
    `clock_ahead_s` says by how much this machine's clock is ahead of the API's, None while no answer told:
    the smallest difference seen, since a late answer only adds to it.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self.retries_by_label: Counter[str] = Counter()
        self.refused_by_label: Counter[str] = Counter()
        self.listed: Counter[str] = Counter()
        self.clock_ahead_s: float | None = None
        self.total = 0
        self.by_endpoint: dict[str, int] = {}
        self.retries = 0
        self.refused = 0
        self.paced_seconds = 0.0
        self.token_calls = 0

    def count_sent(self, label: str, *, is_retry: bool = False, paced_seconds: float = 0.0) -> None:
        """One data call goes out; `label` is its path with ids as {id}, `/task`."""
        with self._lock:
            self.total += 1
            self.by_endpoint[label] = self.by_endpoint.get(label, 0) + 1
            self.retries += is_retry
            self.retries_by_label[label] += is_retry
            self.paced_seconds += paced_seconds

    def count_refused(self, label: str = "") -> None:
        with self._lock:
            self.refused += 1
            self.refused_by_label[label] += 1

    def count_listed(self, label: str, rows: int) -> None:
        """One list was read to its end."""
        with self._lock:
            self.listed[label] += rows

    def note_date(self, headers: Mapping[str, str]) -> None:
        """The `Date` of an answer, and its `Age` where a cache kept it; anything unreadable is passed over."""
        try:
            told = parsedate_to_datetime(headers.get("Date", "")).timestamp() + int(headers.get("Age", 0))
        except (TypeError, ValueError, OverflowError):
            return
        ahead_s = self._clock() - told
        with self._lock:
            if self.clock_ahead_s is None or abs(ahead_s) < abs(self.clock_ahead_s):
                self.clock_ahead_s = ahead_s

    def count_token_call(self) -> None:
        with self._lock:
            self.token_calls += 1

    def snapshot(self) -> RequestCounts:
        with self._lock:
            return {
                "total": self.total,
                "by_endpoint": dict(sorted(self.by_endpoint.items())),
                "retries": self.retries,
                "refused": self.refused,
                "paced_seconds": round(self.paced_seconds, 1),
            }
