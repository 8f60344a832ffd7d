"""Costs and supplies of tasks, where the lists leave them out (breezeway-api.md, section 7).

Whether a list row is complete is contradictory in the sources. Null means absent. Where list rows lack them, the
details of 20 finished tasks decide: if none has a line either, the lists are believed, and that is told. Else details
are read, at most `details_per_run` a run, and tasks whose lines are still to come say so in `lines_from` and are read,
newest first, by the runs that follow. A detail that is refused, or beyond the bound, never takes away lines that are
loaded; nor does an empty list alone: where it would, the task is asked by its id.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import record_id, says_deleted
from .absence import is_gone

MONEY = ("costs", "supplies")
SAMPLE = 20
_FINISHED = ("finished", "approved", "closed")


class KeepLoaded(Exception):
    """The loaded row stays until its task's lines are read: a row without them would take them away."""


@dataclass(frozen=True)
class LinesOf:
    """A loaded task whose lines are still to come."""

    task_id: int
    property_id: int | None


class Lines:
    """What one run asks of the details of tasks; used by all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {}
        self._held: Mapping[str, Collection[int]] = {}
        self._left = 0
        self._to_come = 0
        self._sampled = 0
        self._asked: set[int] = set()
        # List rows that show lines, and finished ones whose lists are empty.
        self._with_lines = self._empty = 0

    def begin(self, reading: Reading, state: dict[str, Any]) -> None:
        """`state` is kept between runs: whether details are known to have lines that lists lack.

        What has lines is asked in every run: this may be the first one whose lists are without.
        """
        self._state = state
        self._left = reading.settings.details_per_run
        if reading.settings.task_detail != "off":
            self._held = reading.warehouse.tasks_with_lines()

    def completed(
        self, reading: Reading, raw: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The task with its lines, and what its row says of them; None where it is gone.

        Raises ApiError where the detail was not given, KeepLoaded where the loaded row is to stay for now.
        """
        mode, task_id = reading.settings.task_detail, record_id(raw)
        lacks = any(_is_unreadable(raw.get(key)) or self._takes_away(raw, key) for key in MONEY)
        self._see(raw)
        if task_id is None or mode == "off" or not (lacks or mode == "on"):
            return raw, {"lines_from": "list"}
        if says_deleted(raw, "type_task_status"):
            return raw, {"lines_from": None}  # nobody is asked by id; read when it lives again
        asks = self._may_ask(mode, task_id)
        if asks is None:
            return raw, {"lines_from": "list"}
        if asks:
            try:
                detail = reading.client.one(f"/task/{task_id}", label="/task/{id}")
            except AuthError:
                raise
            except ApiError as e:
                if is_gone(e):  # deleted since the list was read
                    return None
                raise
            self._note(task_id, raw, detail)
            return raw | detail, {"lines_from": "detail"}
        with self._lock:
            self._to_come += 1
        return self.without(raw)

    def without(self, raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The task whose lines are not known. Raises KeepLoaded where some are loaded."""
        if self._is_held(record_id(raw)):
            raise KeepLoaded
        return raw, {"lines_from": None}

    def _is_held(self, task_id: int | None) -> bool:
        return any(task_id in tasks for tasks in self._held.values())

    def _takes_away(self, raw: Mapping[str, Any], key: str) -> bool:
        return not raw.get(key) and record_id(raw) in self._held.get(key, ())

    def _see(self, raw: Mapping[str, Any]) -> None:
        with self._lock:
            if any(raw.get(key) for key in MONEY):
                self._with_lines += 1
            elif _is_finished(raw) and not any(raw.get(key) is None for key in MONEY):
                self._empty += 1

    def _may_ask(self, mode: str, task_id: int) -> bool | None:
        """Whether a detail may be asked for; None when the lists are believed: never of a task that has lines."""
        with self._lock:
            known = bool(self._state.get("lists_lack_lines")) or self._is_held(task_id)
            if mode == "auto" and not known and self._sampled >= SAMPLE:
                return None
            if mode == "auto" and self._left <= 0:
                return False
            self._left -= 1
            return True

    def _note(self, task_id: int, raw: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        with self._lock:
            self._asked.add(task_id)
            if any(detail.get(key) and not raw.get(key) for key in MONEY):
                self._state["lists_lack_lines"] = True
            elif _is_finished(detail):
                self._sampled += 1

    def still_to_come(self, reading: Reading) -> Iterator[LinesOf]:
        """Loaded tasks whose lines are still to come, newest first, as many as this run may still ask for."""
        if self._state.get("lists_lack_lines") and reading.settings.task_detail == "auto":
            waiting = reading.warehouse.tasks_without_lines(max(self._left, 0))
            for task_id, property_id in waiting:
                if task_id not in self._asked:
                    yield LinesOf(task_id, property_id)

    def read(self, reading: Reading, job: LinesOf) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The detail of one such task; None where it is gone."""
        try:
            raw = reading.client.one(f"/task/{job.task_id}", label="/task/{id}")
        except ApiError as e:
            if is_gone(e):
                return None
            raise
        with self._lock:
            self._left -= 1
        return raw, {"lines_from": "detail"}

    def tell(self, reading: Reading) -> None:
        """How many are left, or that the lists are believed."""
        believed = self._sampled >= SAMPLE and not self._state.get("lists_lack_lines")
        if believed:
            reading.warn(
                f"lists of tasks have neither costs nor supplies, nor have the details of {SAMPLE} finished tasks: "
                "the lists are believed."
            )
        if self._empty >= SAMPLE and not self._with_lines and not any(self._held.values()):
            reading.warn(
                f"costs and supplies of all {self._empty} finished tasks that were listed are empty lists: they are "
                'believed. Next: compare one with Breezeway; task_detail = "on" reads them from each task\'s detail.'
            )
        loaded = reading.warehouse.count_tasks_without_lines() if self._state.get("lists_lack_lines") else 0
        left = max(loaded + self._to_come - len(self._asked), self._to_come)
        if left:
            runs = -(-left // max(reading.settings.details_per_run, 1))
            reading.warn(
                f"costs and supplies of {left} tasks are still to come: {runs} more runs at "
                f"details_per_run = {reading.settings.details_per_run}."
            )


def _is_unreadable(lines: Any) -> bool:
    """Null, absent, or in a form that is no list of lines: the detail may say more."""
    if isinstance(lines, dict):
        return any(isinstance(lines.get(key), list) for key in ("results", "data"))
    return not isinstance(lines, list) and lines != ""


def _is_finished(raw: Mapping[str, Any]) -> bool:
    status = raw.get("type_task_status")
    code = status.get("code") if isinstance(status, Mapping) else status
    return code in _FINISHED
