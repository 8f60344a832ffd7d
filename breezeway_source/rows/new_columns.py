"""Which unknown fields become columns of one table: at most so many, and never two of them in one column.

Which field a column was made for is kept in dlt's state, so a field keeps its column in later runs, on other machines
too. (Not in dlt's schema: a column noted there before its rows come would pass a contract that freezes columns.)
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping


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

    def limit(
        self,
        most: int,
        loaded: Collection[str],
        known: Collection[str],
        holders: Mapping[str, str] | None = None,
    ) -> None:
        """At most `most` over all regions: `loaded` are the table's columns, `known` those of the dictionary.

        `holders`: the fields that columns were made for earlier.
        """
        with self._lock:
            self._most, self._loaded = most, loaded
            self._holders = {**self._holders, **(holders or {})}
            new = {
                name
                for name in [*loaded, *self._holders]
                if name not in known and not name.startswith("_dlt")
            }
            self._free = most - len(new)

    @property
    def fields(self) -> dict[str, str]:
        """The field that each column was made for, as `limit` takes it in a later run."""
        with self._lock:
            return dict(self._holders)

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
