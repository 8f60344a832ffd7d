"""How far the reading of each entity is, for those who wait for it and those who watch."""

from __future__ import annotations

import threading
from dataclasses import dataclass


class Stage:
    """Counts the jobs of one resource, so that it and others can wait until all are done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._closed = self._abandoned = False
        self._issued = self._before = self._expected = 0
        self._kind = "lists"

    def expect(self, kind: str, jobs: int = 0, done: int = 0) -> None:
        """Jobs of that kind come next: so many with those that were done before, or as many as will come."""
        with self._lock:
            self._kind, self._expected, self._before = kind, jobs, self._issued - done

    def issue(self) -> None:
        with self._lock:
            self._open += 1
            self._issued += 1

    def finish(self) -> None:
        with self._lock:
            self._open -= 1

    def close(self) -> None:
        """No more jobs will come."""
        self._closed = True

    def abandon(self) -> None:
        """No more jobs will come, and those given out may never be done."""
        self._abandoned = True

    @property
    def idle(self) -> bool:
        """No job is under way."""
        with self._lock:
            return self._open == 0

    @property
    def finished(self) -> bool:
        return self._abandoned or (self._closed and self.idle)

    def progress(self, entity: str) -> Progress:
        with self._lock:
            issued = self._issued - self._before
            return Progress(entity, self._kind, issued - self._open, max(issued, self._expected))


@dataclass(frozen=True)
class Progress:
    """How far the reading of an entity is, for a person who watches: so many of all jobs of a kind are done."""

    entity: str
    kind: str
    done: int
    jobs: int

    def __str__(self) -> str:
        return f"{self.entity}, {self.done} of {self.jobs} {self.kind}"
