"""Bare lists below one parent: contacts, tags, comments, requirements (breezeway-api.md, sections 3.3, 3.4 and 5.4).

What one of them refuses is that list's: it never fails another, nor the region. A refusal and a 404 are no news of
what was loaded before, nor are empty lists alone, where every parent that has lines loaded gives one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from .absence import is_gone

# After so many refusals without one answer the account does not have this endpoint: asking on is a waste.
REFUSALS_UNTIL_OFF = 20
FAULTS_UNTIL_OFF = 2  # each has taken minutes of repeating, or will not change with the parent
# So many parents whose loaded lines are all gone, and none that has any, are not believed at once.
EMPTIED_TOGETHER = 3
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
_UNUSABLE = "an unusable answer"


class Lacking(Enum):
    """Why there is no list: the API refuses it, or knows nothing at that place."""

    REFUSED = "refused"
    ABSENT = "absent"


Found = list[Any] | Lacking
Lines = tuple[int, str]
"""A parent's id, and the name of one of its lists."""


class BareLists:
    """The lists of one entity during one run, by name; `paths` in messages are `place` and the name."""

    def __init__(self, entity: str, place: str) -> None:
        self._entity = entity
        self._place = place
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._answered: set[str] = set()
        self._with_rows: set[str] = set()
        self._refused: dict[str, Counter[str]] = {}
        # By name and number of the path: what one path answers says nothing of another's faults.
        self._faults_in_a_row: Counter[tuple[str, int]] = Counter()
        self._answering: set[tuple[str, int]] = set()
        self._off: set[str | tuple[str, int]] = set()
        self._lacking: Counter[str] = Counter()  # parents that were not given it
        self._longest: Counter[str] = Counter()
        self._may_go_on: Counter[tuple[str, int]] = Counter()

    def read(self, reading: Reading, name: str, *paths: str) -> Found:
        """The list at the first of these paths that has one. Raises AuthError, and what calls the region off."""
        lacking = Lacking.ABSENT
        self._asked.add(name)
        for number, path in enumerate(paths):
            if name in self._off or (name, number) in self._off:
                lacking = Lacking.REFUSED
                continue
            try:
                listing = reading.client.bare(path, label=self._label(name))
            except AuthError:
                raise
            except ApiError as e:
                if reading.cause is not None:
                    raise
                self._note(reading, name, number, e)
                if not is_gone(e):
                    lacking = Lacking.REFUSED
            else:
                if listing.nameless:
                    reading.fail_once(
                        self._entity,
                        f"{self._label(name)} holds entries that are no records: they are left out.",
                    )
                with self._lock:
                    self._answered.add(name)  # it answers: no refusal switches it off in this run
                    self._answering.add((name, number))
                    self._faults_in_a_row[name, number] = 0
                    self._may_go_on[name, len(listing.rows)] += listing.may_go_on
                    self._longest[name] = max(self._longest[name], len(listing.rows))
                    if listing.rows:
                        self._with_rows.add(name)
                return listing.rows
        with self._lock:
            self._lacking[name] += 1
        return lacking

    def _label(self, name: str) -> str:
        return f"{self._place}/{name}"

    def _note(self, reading: Reading, name: str, number: int, error: ApiError) -> None:
        with self._lock:
            answered = name in self._answered
            if error.permanent:
                kind = _UNUSABLE if error.status in (None, 200) else str(error.status)
                refused = self._refused.setdefault(name, Counter())
                refused[kind] += 1
                often = sum(count for kind, count in refused.items() if kind not in ("404", "410"))
                if not answered and (often >= REFUSALS_UNTIL_OFF or refused[_UNUSABLE] >= FAULTS_UNTIL_OFF):
                    self._off.add(name)
                return
            path = name, number
            self._faults_in_a_row[path] += 1
            most = REFUSALS_UNTIL_OFF if path in self._answering else FAULTS_UNTIL_OFF
            if self._faults_in_a_row[path] >= most:
                self._off.add(path)
        reading.fail_once(
            self._entity,
            f"{self._label(name)} could not be read ({error.status or 'no answer'}), of one parent at least: what is "
            "loaded stays. Next: run again.",
        )

    def answers(self, name: str) -> bool:
        """Whether the list was given for at least one parent."""
        return name in self._answered

    def lacks(self, name: str) -> bool:
        """Whether it was asked for, and given for none."""
        return name in self._asked and name not in self._answered

    def emptied(
        self,
        reading: Reading,
        state: dict[str, Any],
        found: Iterable[tuple[int, Mapping[str, Found]]],
        held: Collection[Lines],
    ) -> set[Lines]:
        """The lists that are not believed: empty for every parent that has such lines loaded, and with lines for none.

        Told, and kept as they are loaded; the next run that finds them empty too is believed. `state` is kept between
        runs.
        """
        empty: dict[str, set[Lines]] = {}
        for parent, lists in found:
            for name, rows in lists.items():
                if rows == [] and (parent, name) in held:
                    empty.setdefault(name, set()).add((parent, name))
        now = reading.started_at.isoformat()
        known, kept = state.setdefault("emptied", {}), set[Lines]()
        for name in self._with_rows & known.keys():
            del known[name]
        for name, lines in empty.items():
            together = len(lines) >= EMPTIED_TOGETHER and name not in self._with_rows
            if together and known.setdefault(name, now) == now:
                kept |= lines
                reading.fail(
                    self._entity,
                    f"{self._label(name)} came back empty for all {len(lines)} parents that have such lines loaded: "
                    "what is loaded stays. The next run that finds them empty too is believed.",
                )
        return kept

    def refused_of(self, parent: int, found: Mapping[str, Found], held: Collection[Lines]) -> bool:
        """Whether a list is refused that has lines loaded, which stay: a refusal, a 404 too, is no news of them."""
        return any(isinstance(rows, Lacking) and (parent, name) in held for name, rows in found.items())

    def tell(self, reading: Reading, loaded: Collection[str]) -> None:
        """When all is asked: say which list was given to nobody, and which may be a part of one.

        A 404 may just mean that there are none; where lines of that name are `loaded` it is told.
        """
        for name, refused in sorted(self._refused.items()):
            absent = refused["404"] + refused["410"]
            if name not in self._answered and (
                sum(refused.values()) > absent or absent >= REFUSALS_UNTIL_OFF or name in loaded
            ):
                counts = ", ".join(
                    f"{kind} {count} times" for kind, count in sorted(refused.items()) if count
                )
                told = (
                    f"{self._label(name)} answered nothing but {counts}: is it enabled for this account? "
                    "It is left out."
                )
                if all(kind.isdecimal() for kind, count in refused.items() if count):
                    reading.warn(told)
                else:  # no refusal, but answers that cannot be used
                    reading.fail_once(self._entity, told)
        for name, count in sorted(self._lacking.items()):
            if name in self._answered:  # else it is told above
                reading.warn(
                    f"{self._label(name)} was refused or not found for {count} parents, and given for others: what is "
                    "loaded of them stays. Next: look at one in Breezeway."
                )
        for (name, length), count in sorted(self._may_go_on.items()):
            if count and length == self._longest[name]:  # a longer one shows that lists are not cut there
                reading.warn(
                    f"{count} lists of {self._label(name)} have exactly {length} rows, and no page 2: whether they are "
                    "cut there cannot be told. Next: compare one with Breezeway."
                )


def given(found: Mapping[str, Found]) -> dict[str, list[Any]]:
    """The lists to write: what is not refused; a 404 is an empty one."""
    return {
        name: [] if rows is Lacking.ABSENT else rows
        for name, rows in found.items()
        if isinstance(rows, list) or rows is Lacking.ABSENT
    }
