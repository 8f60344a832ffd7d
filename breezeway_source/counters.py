"""What a run counts about its requests, in the shape of the run report."""

from __future__ import annotations

import threading
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
    proxy's 403. `paced_seconds` is the time in which pace or back-off held up all workers.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
            self.paced_seconds += paced_seconds

    def count_refused(self) -> None:
        with self._lock:
            self.refused += 1

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
