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
        self.issued = 0

    def issue(self) -> None:
        with self._lock:
            self._open += 1
            self.issued += 1

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


@dataclass
class Progress:
    """How far the reading is, for a person who watches."""

    jobs: int = 0
    done: int = 0
