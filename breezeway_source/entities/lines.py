"""Costs and supplies of tasks, where the lists leave them out (breezeway-api.md, section 7).

Whether a list row is complete is contradictory in the sources. Where list rows lack them (null, absent, no list), the
details of 20 finished tasks decide: if none has a line either, the lists are believed, and that is told. Else details
are read, at most `details_per_run` a run, and tasks whose lines are still to come say so in `lines_from` and are read,
newest first, by the runs that follow. Empty lists are believed where others show lines; where none does, and none is
loaded, details of the newest decide at the end of the run, the first one and each that reads all tasks, and where they
have lines all tasks are read again. A detail that is refused, not found, or beyond the bound, never takes away lines
that are loaded, nor the task; nor does an empty list alone: where it would, the task is asked by its id.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush, nlargest
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import instant, lines_of, record_id, says_deleted
from .absence import is_gone
from .bare_lists import EMPTIED_TOGETHER, LONG_AGO

MONEY = ("costs", "supplies")
SAMPLE = 20
ENOUGH_EMPTY = 5  # finished tasks without a line, of a run that saw none: worth asking
LACK, EMPTY_LIE, EMPTY_BELIEVED = "lists_lack_lines", "empty_lists_lie", "empty_lists_believed"
TO_COME = "lines_to_come"
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
        self._with_lines = 0  # list rows that show some
        self._lied = False  # a detail had lines where the list was an empty one
        self._count_empty = 0  # finished tasks whose lists are empty
        self._empty: list[tuple[datetime, int]] = []  # the newest: what is used since of late shows there
        self._decisive: set[int] = set()  # those that are asked for
        self._decides = False
        self._answered = 0  # details of these
        self._not_found: set[int] = set()  # lists show these tasks, their ids are answered 404 or as deleted
        self._are_written = False  # tasks of this run are written without their lines
        self._has_details = False  # a detail was given in this run
        self._show_lines = False  # one with lines
        self._taken: set[int] = set()  # tasks whose loaded lines go, as neither list nor detail has any

    def begin(self, reading: Reading, state: dict[str, Any]) -> None:
        """`state` is kept between runs: whether details are known to have lines that lists lack, and empty ones too.

        What has lines is asked in every run: this may be the first one whose lists are without.
        """
        self._state = state
        self._left = reading.settings.details_per_run
        if reading.settings.task_detail != "off":
            self._held = reading.warehouse.tasks_with_lines()

    def completed(self, reading: Reading, raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The task with its lines, and what its row says of them.

        Raises ApiError where the detail was not given, KeepLoaded where the loaded row stays until its lines are read.
        """
        mode, task_id = reading.settings.task_detail, record_id(raw)
        lacks = any(_is_unreadable(raw.get(key)) or self._takes_away(raw, key) for key in MONEY)
        lacks = lacks or (bool(self._state.get(EMPTY_LIE)) and not _has_lines(raw))
        self._see(raw)
        if task_id is None or mode == "off" or not (lacks or mode == "on"):
            return raw, {"lines_from": "list"}
        if says_deleted(raw, "type_task_status"):
            return raw, {"lines_from": None}  # nobody is asked by id; read when it lives again
        asks = self._may_ask(mode, task_id)
        if asks is None:
            return raw, {"lines_from": "list"}
        if asks:
            detail = self._detail(reading, task_id)
            if detail is None:
                # Deleted since the list was read, or an account without this endpoint: the list's word counts.
                with self._lock:
                    self._not_found.add(task_id)
                return self.without(raw)
            self._note(task_id, raw, detail)
            found = raw | detail
            self._note_lines(found)
            if self._is_held(task_id) and any(
                found.get(key) is not None and _is_unreadable(found[key]) for key in MONEY
            ):
                reading.fail_once(
                    "tasks",
                    f"costs or supplies of task {task_id} are no list of lines, in its detail neither: what is loaded "
                    "stays. Next: look at it at the source.",
                )
                raise KeepLoaded
            return found, {"lines_from": "detail"}
        with self._lock:
            self._to_come += 1
        return self.without(raw)

    def without(self, raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The task whose lines are not known. Raises KeepLoaded where some are loaded."""
        if self._is_held(record_id(raw)):
            raise KeepLoaded
        self._are_written = self._state[TO_COME] = True
        return raw, {"lines_from": None}

    def _detail(self, reading: Reading, task_id: int) -> dict[str, Any] | None:
        """The task by its id; None where it is gone, which is one proof of two and no news of a task."""
        try:
            raw = reading.client.one(f"/task/{task_id}", label="/task/{id}")
        except AuthError:
            raise
        except ApiError as e:
            if is_gone(e):
                return None
            raise
        return None if says_deleted(raw, "type_task_status") else raw

    def _is_held(self, task_id: int | None) -> bool:
        return any(task_id in tasks for tasks in self._held.values())

    def leaves_unsaid(self, detail: Mapping[str, Any]) -> bool:
        """Whether lines are loaded of which a task that no list shows says nothing."""
        one = record_id(detail)
        return any(detail.get(key) is None and one in self._held.get(key, ()) for key in MONEY)

    def _takes_away(self, raw: Mapping[str, Any], key: str) -> bool:
        return not lines_of(raw.get(key)) and record_id(raw) in self._held.get(key, ())

    def _see(self, raw: Mapping[str, Any]) -> None:
        with self._lock:
            if _has_lines(raw):
                self._with_lines += 1
            elif _is_finished(raw) and not any(raw.get(key) is None for key in MONEY):
                self._count_empty += 1
                task_id = record_id(raw)
                if task_id is not None:
                    heappush(self._empty, (instant(raw, "updated_at") or LONG_AGO, task_id))
                    if len(self._empty) > SAMPLE:
                        heappop(self._empty)

    def _note_lines(self, found: Mapping[str, Any]) -> None:
        with self._lock:
            if _has_lines(found):
                self._show_lines = True
            elif (task_id := record_id(found)) is not None and self._is_held(task_id):
                self._taken.add(task_id)

    def _may_ask(self, mode: str, task_id: int) -> bool | None:
        """Whether a detail may be asked for; None when the lists are believed: never of a task that has lines."""
        with self._lock:
            known = bool(self._state.get(LACK)) or self._is_held(task_id)
            if mode == "auto" and not known and self._sampled >= SAMPLE:
                return None
            if mode == "auto" and self._left <= 0:
                return False
            self._left -= 1
            return True

    def _note(self, task_id: int, raw: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        with self._lock:
            self._has_details = True
            self._asked.add(task_id)
            lacked = [key for key in MONEY if lines_of(detail.get(key)) and not lines_of(raw.get(key))]
            if lacked:
                self._state[LACK] = True
                self._lied = self._lied or not any(_is_unreadable(raw.get(key)) for key in lacked)
            elif _is_finished(detail):
                self._sampled += 1

    def still_to_come(self, reading: Reading) -> Iterator[LinesOf]:
        """Loaded tasks whose lines are still to come, newest first, as many as this run may still ask for.

        And some whose lists were empty, where no list says otherwise.
        """
        if reading.settings.task_detail == "off":
            return
        self._decides = (
            reading.settings.task_detail == "auto"
            and self._count_empty >= ENOUGH_EMPTY
            and not self._with_lines
            and not any(self._held.values())
            and not self._state.get(EMPTY_LIE)
            and (reading.plan.full or reading.plan.whole_tasks or not self._state.get(EMPTY_BELIEVED))
        )
        if self._decides:
            for _, task_id in nlargest(self._left, self._empty):
                self._decisive.add(task_id)
                yield LinesOf(task_id, None)
        if self._are_to_come:
            for task_id, property_id in reading.warehouse.tasks_without_lines(max(self._left, 0)):
                if task_id not in self._asked and task_id not in self._not_found:
                    yield LinesOf(task_id, property_id)

    @property
    def _are_to_come(self) -> bool:
        return bool(self._state.get(LACK) or self._state.get(TO_COME))

    def read(self, reading: Reading, job: LinesOf) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The detail of one such task; None where it is gone."""
        raw = self._detail(reading, job.task_id)
        if raw is None:
            return None
        with self._lock:
            self._has_details = True
            self._left -= 1
            if job.task_id in self._decisive:
                self._answered += 1
                if _has_lines(raw):
                    self._state[LACK] = self._lied = True
        return raw, {"lines_from": "detail"}

    def are_read_again(self, reading: Reading) -> bool:
        """Whether empty lists turned out to be none in this run: what was believed before is to be read again."""
        if self._with_lines and not self._lied:
            self._state.pop(EMPTY_LIE, None)
        if not self._lied or self._state.get(EMPTY_LIE):
            return False
        self._state[EMPTY_LIE] = True
        told = (
            "lists of tasks have empty costs and supplies where their details have lines: all tasks are read again in "
            "the next run, with their details."
        )
        if self._decides:  # lines are missing until then
            reading.fail("tasks", told)
        else:
            reading.warn(told)
        return True

    def tell(self, reading: Reading) -> None:
        """How many are left, what was not found, or that the lists are believed."""
        if self._not_found:
            told = (
                f"{len(self._not_found)} tasks that lists show are not found by their ids, the first is "
                f"{min(self._not_found)}: their costs and supplies are asked for again by the runs that follow."
            )
            if self._has_details or len(self._not_found) == 1:  # deleted since the list was read
                reading.warn(told)
            else:
                reading.fail("tasks", told)
        if len(self._taken) >= EMPTIED_TOGETHER and not self._with_lines and not self._show_lines:
            reading.warn(
                f"{len(self._taken)} tasks had costs or supplies that neither their lists nor their details show any "
                f"more, nor does any other task of this run show some; the first is {min(self._taken)}: they are taken "
                "off. Next: compare it with Breezeway."
            )
        believed = self._sampled >= SAMPLE and not self._state.get(LACK)
        if believed:
            reading.warn(
                f"lists of tasks have neither costs nor supplies, nor have the details of {SAMPLE} finished tasks: "
                "the lists are believed."
            )
        if self._decides and not self._lied:
            if self._answered:
                self._state[EMPTY_BELIEVED] = True
            reading.warn(
                f"costs and supplies of all {self._count_empty} finished tasks that were listed are empty, also in the "
                f"{self._answered} details that were given: they are believed. Next: compare one with Breezeway."
            )
        loaded = reading.warehouse.count_tasks_without_lines() if self._are_to_come else 0
        if not loaded and not self._are_written:
            self._state.pop(TO_COME, None)
        left = max(loaded + self._to_come - len(self._asked), self._to_come)
        if left:
            runs = -(-left // max(reading.settings.details_per_run, 1))
            reading.warn(
                f"costs and supplies of {left} tasks are still to come: {runs} more runs at "
                f"details_per_run = {reading.settings.details_per_run}."
            )


def _has_lines(raw: Mapping[str, Any]) -> bool:
    return any(lines_of(raw.get(key)) for key in MONEY)


def _is_unreadable(lines: Any) -> bool:
    """Null, absent, or in a form that is no list of lines: the detail may say more."""
    return lines is None or lines_of(lines) is None


def _is_finished(raw: Mapping[str, Any]) -> bool:
    status = raw.get("type_task_status")
    code = status.get("code") if isinstance(status, Mapping) else status
    return code in _FINISHED
