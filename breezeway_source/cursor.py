"""The cursor of the tasks: the run's clock and, for each property held back, its own older start.

It lives in dlt's state of the resource, so it is stored with the very package it speaks of. It is written
pessimistically: when reading begins every property is held at its old start, and each one that was read is let
go. An extraction that breaks off stores nothing; one that ends stores what it did. (design: "Cursor = the run's
clock"; "One failing property holds back only itself".)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict, cast

import pendulum

READ_WHOLE = ""  # in the state: no start, so the property is read without a window


class TaskState(TypedDict, total=False):
    """`since`: start of the last run; `known`: listed properties; `held`: property id to its own older start."""

    since: str
    known: list[int]
    held: dict[str, str]


class TaskCursor:
    """Decides from when each property's tasks are read, and remembers what was read."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = cast("TaskState", state)

    def starts(self, listed: Iterable[int]) -> dict[int, datetime | None]:
        """Per listed property the start of the last run that read it; None for one to be read whole.

        A property that is new, or back after it was absent from the list, is read whole.
        """
        since = self._state.get("since")
        known = set(self._state.get("known", ()))
        held = self._state.get("held", {})
        starts: dict[int, datetime | None] = {}
        for property_id in listed:
            kept = held.get(str(property_id))
            if kept is None:
                kept = since if property_id in known and since else READ_WHOLE
            starts[property_id] = pendulum.parse(kept) if kept else None  # type: ignore[assignment]
        return starts

    def begin(self, starts: dict[int, datetime | None], started_at: datetime) -> None:
        """Hold every listed property at its start; the others are forgotten, and read whole if they return."""
        self._state["since"] = started_at.isoformat()
        self._state["known"] = sorted(starts)
        self._state["held"] = {
            str(p): start.isoformat() if start else READ_WHOLE for p, start in starts.items()
        }

    def forget(self) -> None:
        """The next run reads every property whole."""
        self._state["held"] = dict.fromkeys(map(str, self._state.get("known", ())), READ_WHOLE)

    def done(self, property_id: int) -> None:
        """This property was read completely from its start to the run's start."""
        self._state["held"].pop(str(property_id), None)
