"""Which keys the records of a table come with: what every record had, and none has any more, was taken away.

A key that is absent empties its column, or the lines below it, in every row that is written again; null in every row is
what `filled.py` tells. Kept in dlt's state between runs, a few hundred names for all tables.
"""

from __future__ import annotations

from collections.abc import Collection, KeysView, Mapping
from typing import Any, Final

ENOUGH_RECORDS: Final = 5  # of a run, to say that none of its records has a key
ENOUGH_WITH_LINES: Final = 3  # records of an earlier run that had lines of a kind, where none has any more
ENOUGH_TO_REMEMBER: Final = 20  # of a first run, to say that every record has one
_JUDGED_ELSEWHERE: Final = ("costs", "supplies")  # entities/lines.py asks about them


class MetKeys:
    """The keys of one table's records during one run; only those that are `documented` are remembered."""

    def __init__(self, documented: Collection[str]) -> None:
        self.records = 0
        self._in_all: set[Any] = set(documented)
        self._in_none: set[Any] = set(documented)

    def see(self, keys: KeysView[Any]) -> None:
        """One record's keys; costs two comparisons where they are those of the records before."""
        if not self._in_all <= keys:
            self._in_all &= keys
        if not keys.isdisjoint(self._in_none):
            self._in_none -= keys
        self.records += 1

    def lost(self, before: Collection[str]) -> list[str]:
        """Those of the keys every record had `before` that none has now."""
        return sorted(self._in_none.intersection(before)) if self.records >= ENOUGH_RECORDS else []

    def remembered(self, before: Collection[str] | None) -> list[str] | None:
        """What the next run is to know: keys that only some records have are forgotten, lost ones are not.

        `before` is None where nothing is known, or it is to be known anew.
        """
        if before is None:
            return sorted(self._in_all) if self.records >= ENOUGH_TO_REMEMBER else None
        return sorted((self._in_all | self._in_none).intersection(before))


def lines_lost(
    before: Mapping[str, int], now: Mapping[str, int], records: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Which kinds of lines some records had `before`, and none has `now`; and what the next run is to know.

    Both count, by kind, the records with lines of one reading of all; `records` are all of this one.
    """
    if records < ENOUGH_RECORDS:
        return {}, dict(before)
    lost = {kind: n for kind, n in sorted(before.items()) if n >= ENOUGH_WITH_LINES and not now.get(kind)}
    return lost, {kind: n for kind, n in now.items() if kind not in _JUDGED_ELSEWHERE}
