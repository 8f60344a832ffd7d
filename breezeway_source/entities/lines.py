"""Costs and supplies of tasks, where the lists leave them out (breezeway-api.md, section 7).

Whether a list row is complete is contradictory in the sources. Where list rows lack them (null, absent, no list),
details are read, at most `details_per_run` a run, and tasks whose lines are still to come say so in `lines_from` and
are read, newest first, by the runs that follow; once the details of 20 finished tasks had none either, no more are.
Costs and supplies each: what lists lack or have empty is believed where other lists show some; where none does, and
none is loaded, details of the newest decide at the end of the run, the first one and each that reads all tasks. Where
they have lines, or any later detail, all tasks are read again. A detail that is refused, not found, or beyond the
bound, never takes away lines that are loaded, nor the task; nor does an empty list alone: where it would, the task is
asked by its id.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush, nlargest
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import instant, lines_of, record_id, says_deleted
from ..rows.values import is_empty
from .absence import is_gone, loaded_lists
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
    loaded: frozenset[str] = frozenset()  # its other lists, and its link


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
        # Of costs and supplies each, by their names:
        self._with_lines: set[str] = set()  # list rows show some
        self._shown: set[str] = set()  # details show some
        self._lied: set[str] = set()  # a detail had lines where the list that is believed had none
        self._count_empty = Counter[str]()  # finished tasks whose lists have none
        # The newest of them: what is used since of late shows there.
        self._empty: dict[str, list[tuple[datetime, int]]] = {kind: [] for kind in MONEY}
        self._confirmed = Counter[str]()  # details of such that have none either
        self._believed: set[str] = set()  # no detail is asked for any more
        self._doubted: set[str] = set()  # details decide at the end of the run
        # Tasks whose loaded lines go, as neither list nor detail has any.
        self._taken: dict[str, set[int]] = {kind: set() for kind in MONEY}
        self._decisive: set[int] = set()  # those that are asked for
        self._not_found: set[int] = set()  # lists show these tasks, their ids are answered 404 or as deleted
        self._left_out = Counter[str]()  # what lists have shown, and how many details are without it
        self._are_written = False  # tasks of this run are written without their lines
        self._has_details = False  # a detail was given in this run

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
        lie = self._remembered(EMPTY_LIE)
        lacks = any(
            _is_unreadable(raw.get(key))
            or self._takes_away(raw, key)
            or (key in lie and not _lines(raw, key))
            for key in MONEY
        )
        self._see(raw)
        if task_id is None or mode == "off" or not (lacks or mode == "on"):
            return raw, {"lines_from": "list"}
        if says_deleted(raw, "type_task_status", reading.started_at):
            return raw, {"lines_from": None}  # nobody is asked by id; read when it lives again
        asks = self._may_ask(mode, task_id, raw)
        if asks is None:
            return raw, {"lines_from": "list"}
        if asks:
            detail = self._detail(reading, task_id)
            if detail is None:
                # Deleted since the list was read, or an account without this endpoint: the list's word counts.
                with self._lock:
                    self._not_found.add(task_id)
                return self.without(raw)
            found = _merged(raw, detail)
            self._note(task_id, raw, found)
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
        return None if says_deleted(raw, "type_task_status", reading.started_at) else raw

    def _is_held(self, task_id: int | None) -> bool:
        return any(task_id in tasks for tasks in self._held.values())

    def _takes_away(self, raw: Mapping[str, Any], key: str) -> bool:
        return not _lines(raw, key) and record_id(raw) in self._held.get(key, ())

    def _remembered(self, name: str) -> set[str]:
        """Which of costs and supplies the state names; True is of a state that knew no difference."""
        known = self._state.get(name) or ()
        return set(MONEY if known is True else known)

    def _remember(self, name: str, kinds: Iterable[str]) -> None:
        self._state[name] = sorted(kinds)
        if not self._state[name]:
            del self._state[name]

    def _see(self, raw: Mapping[str, Any]) -> None:
        task_id, changed_at = record_id(raw), instant(raw, "updated_at") or LONG_AGO
        is_finished = _is_finished(raw)
        with self._lock:
            for kind in MONEY:
                if _lines(raw, kind):
                    self._with_lines.add(kind)
                elif is_finished and task_id is not None:
                    self._count_empty[kind] += 1
                    heappush(self._empty[kind], (changed_at, task_id))
                    if len(self._empty[kind]) > SAMPLE:
                        heappop(self._empty[kind])

    def _may_ask(self, mode: str, task_id: int, raw: Mapping[str, Any]) -> bool | None:
        """Whether a detail may be asked for; None when the lists are believed: never of a task that has lines."""
        with self._lock:
            known = bool(self._state.get(LACK)) or self._is_held(task_id)
            if mode == "auto" and not known and self._sampled >= SAMPLE:
                self._believed.update(key for key in MONEY if not _lines(raw, key))
                return None
            if mode == "auto" and self._left <= 0:
                return False
            self._left -= 1
            return True

    def _note(self, task_id: int, raw: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """What the task's detail, `found` with its list row, says of lists."""
        with self._lock:
            self._has_details = True
            self._asked.add(task_id)
            believed = self._believed | self._remembered(EMPTY_BELIEVED)
            lacked = [key for key in MONEY if _lines(found, key) and not _lines(raw, key)]
            if lacked:
                self._state[LACK] = True
                self._lied.update(
                    key for key in lacked if key in believed or not _is_unreadable(raw.get(key))
                )
            elif _is_finished(found):
                self._sampled += 1
            for key in MONEY:
                if _lines(found, key):
                    self._shown.add(key)
                elif task_id in self._held.get(key, ()):
                    self._taken[key].add(task_id)
                elif _is_finished(found):
                    self._confirmed[key] += 1

    def still_to_come(self, reading: Reading) -> Iterator[LinesOf]:
        """Loaded tasks whose lines are still to come, newest first, as many as this run may still ask for.

        And some whose lists were empty, where no list says otherwise.
        """
        if reading.settings.task_detail == "off":
            return
        asks_again = reading.plan.full or reading.plan.whole_tasks
        if reading.settings.task_detail == "auto":
            known = self._with_lines | self._shown | self._remembered(EMPTY_LIE)
            known |= set() if asks_again else self._remembered(EMPTY_BELIEVED)
            self._doubted = {
                kind
                for kind in MONEY
                if self._count_empty[kind] >= ENOUGH_EMPTY and not self._held.get(kind) and kind not in known
            }
        newest = nlargest(SAMPLE, {one for kind in self._doubted for one in self._empty[kind]})
        self._decisive = {task_id for _, task_id in newest} - self._asked
        for _, task_id in newest[: max(self._left, 0)]:
            if task_id in self._decisive:
                yield LinesOf(task_id, None)
        if self._are_to_come:
            waiting = dict(reading.warehouse.tasks_without_lines(max(self._left, 0)))
            loaded = loaded_lists(reading, "tasks", waiting)
            for task_id, property_id in waiting.items():
                if task_id not in self._asked and task_id not in self._not_found:
                    yield LinesOf(task_id, property_id, loaded.get(task_id, frozenset()))

    @property
    def _are_to_come(self) -> bool:
        return bool(self._state.get(LACK) or self._state.get(TO_COME))

    def read(self, reading: Reading, job: LinesOf) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The detail of one such task; None where it is gone, or leaves out what its list has shown."""
        raw = self._detail(reading, job.task_id)
        if raw is None:
            return None
        with self._lock:
            self._has_details = True
            self._left -= 1
            for kind in self._doubted if job.task_id in self._decisive else ():
                if _lines(raw, kind):
                    self._state[LACK] = True
                    self._lied.add(kind)
                else:
                    self._confirmed[kind] += 1
            left_out = [name for name in job.loaded if is_empty(raw.get(name))]
            self._left_out.update(left_out)
        if left_out:
            return None
        return raw, {"lines_from": "detail"}

    def are_read_again(self, reading: Reading) -> bool:
        """Whether empty lists turned out to be none in this run: what was believed before is to be read again."""
        lie, believed = self._remembered(EMPTY_LIE), self._remembered(EMPTY_BELIEVED)
        self._remember(EMPTY_LIE, (lie - self._with_lines) | self._lied)
        self._remember(EMPTY_BELIEVED, believed - self._with_lines - self._lied)
        new = self._lied - lie
        if not new:
            return False
        told = (
            f"lists of tasks have no {' and '.join(sorted(new))} where their details have lines: all tasks are read "
            "again in the next run, with their details."
        )
        if new & (self._doubted | self._believed | believed):  # lines are missing until then
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
        if self._left_out:
            reading.fail(
                "tasks",
                f"details of {max(self._left_out.values())} tasks are without {', '.join(sorted(self._left_out))}, "
                "which their lists have shown: they stay as loaded, without costs and supplies. Next: run --full, with "
                "details_per_run above the number of tasks: it puts lists and details together.",
            )
        for kind, taken in self._taken.items():
            others = "others" if kind in self._with_lines | self._shown else "no others"
            if len(taken) >= (SAMPLE if others == "others" else EMPTIED_TOGETHER):
                reading.warn(
                    f"{len(taken)} tasks had {kind} that neither lists nor details show any more, and {others} of this "
                    f"run do; the first is {min(taken)}: they are taken off. Next: compare it with Breezeway."
                )
        before = self._remembered(EMPTY_BELIEVED)
        believed = (self._doubted | (self._believed - self._shown - before)) - self._lied
        if believed:
            self._remember(EMPTY_BELIEVED, before | {kind for kind in believed if self._confirmed[kind]})
            reading.warn(
                f"{' and '.join(sorted(believed))} of all {max(self._count_empty[kind] for kind in believed)} finished "
                f"tasks that were listed are empty, also in the {max(self._confirmed[kind] for kind in believed)} "
                "details that were given: they are believed. Next: compare one with Breezeway."
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


def _lines(raw: Mapping[str, Any], key: str) -> list[Any] | None:
    return lines_of(raw.get(key))


def _merged(raw: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a list with what its detail says: nothing, null or empty, takes nothing away that the list shows."""
    said = {key: value for key, value in detail.items() if not is_empty(value) or is_empty(raw.get(key))}
    return {**raw, **said, **{key: raw[key] for key in MONEY if _lines(raw, key) and not _lines(detail, key)}}


def _is_unreadable(lines: Any) -> bool:
    """Null, absent, or in a form that is no list of lines: the detail may say more."""
    return lines is None or lines_of(lines) is None


def _is_finished(raw: Mapping[str, Any]) -> bool:
    status = raw.get("type_task_status")
    code = status.get("code") if isinstance(status, Mapping) else status
    return code in _FINISHED
