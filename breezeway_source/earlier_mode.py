"""Rows as an earlier run read them, under another `personal_data`: remembered until all of them are read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pendulum

from .columns import TABLES
from .columns.model import Table

if TYPE_CHECKING:
    from .reading import Reading

STATE = "personal_data"


def holds_personal(table: Table) -> bool:
    """Whether a row, or what hangs on it, has values that `personal_data` covers."""
    return (
        table.personal_unknown
        or any(column.personal for column in table.columns)
        or any(holds_personal(child) for child in table.children)
    )


class EarlierMode:
    """What is left of an earlier `personal_data` in one region; one per run.

    dlt's state of each resource keeps the mode its rows were read under (of a key, a digest) and, after a change,
    since when the present one holds: live rows whose `synced_at` is older are still to come.
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._since: dict[str, datetime] = {}

    def begin(self, reading: Reading, entity: str, state: dict[str, Any]) -> None:
        """Look what the rows were read under."""
        if not holds_personal(TABLES[entity]):
            return
        now = reading.started_at.isoformat()
        known: dict[str, str | None] | None = state.get(STATE)
        if known is None:  # a state without it, or nothing loaded yet: then nothing is left either
            known = state[STATE] = {"mode": self._mode, "since": None if self._mode == "keep" else now}
        elif known["mode"] != self._mode:
            known.update(mode=self._mode, since=now)
        if known["since"] is not None:
            self._since[entity] = pendulum.parse(known["since"])  # type: ignore[assignment]

    def left(self, reading: Reading, entity: str) -> list[int]:
        """Ids of live rows that were read under the earlier mode, and not in this run; the longest unread first."""
        since = self._since.get(entity)
        if since is None:
            return []
        return [one for one in reading.warehouse.read_before(entity, since) if not reading.wrote(entity, one)]

    def end(self, reading: Reading, entity: str, state: Mapping[str, Any]) -> None:
        """Tell what is left; once it is nothing, nobody looks again."""
        if entity not in self._since:
            return
        left = len(self.left(reading, entity))
        if not left:
            state[STATE]["since"] = None
            return
        day = self._since[entity].strftime("%Y-%m-%d")
        reading.warn(
            f"personal_data is {reading.settings.personal_data!r} since {day}: {left} rows of {entity} are still as an "
            f"earlier run read them. Next: --entities all --full, again until this is over."
        )
