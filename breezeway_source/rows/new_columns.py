"""Which unknown fields become columns of one table: at most so many, and never two of them in one column."""

from __future__ import annotations

import threading
from collections.abc import Collection


class NewColumns:
    """The unknown fields of one table in one run; used by all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._most: int | None = None
        self._loaded: Collection[str] = ()
        self._free = 0
        self._holders: dict[str, str] = {}
        self.beyond: set[str] = set()
        self.met: set[str] = set()

    def limit(self, most: int, loaded: Collection[str], known: Collection[str]) -> None:
        """At most `most` over all regions: `loaded` are the table's columns, `known` those of the dictionary."""
        with self._lock:
            self._most, self._loaded = most, loaded
            new = {
                name
                for name in [*loaded, *self._holders]
                if name not in known and not name.startswith("_dlt")
            }
            self._free = most - len(new)

    def takes(self, column: str, key: str) -> bool:
        """Whether this key has that column; the first to ask has it, and what has none goes to `unparsed`."""
        holder = self._holders.get(column)
        if holder == key:
            return True
        with self._lock:
            holder = self._holders.get(column)
            if holder is None and (self._most is None or column in self._loaded or self._free > 0):
                self._free -= column not in self._loaded
                self._holders[column] = key
                return True
            (self.beyond if holder is None else self.met).add(column)
            return holder == key
