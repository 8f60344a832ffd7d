"""Tasks: one row per task, listed one property at a time (breezeway-api.md, section 5.1).

There is no company-wide list, so a run costs at least one request per property. The cursor is the run's clock
(see `cursor.py`); the filter knows whole days only, so the rows of a window that the warehouse already holds
unchanged are left out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pendulum

from ..cursor import TaskCursor
from ..errors import ApiError, AuthError, ConfigError
from ..reading import Reading
from ..rows.fields import instant, made_later, record_id, says_deleted
from ..sql_values import microseconds
from .absence import OwnWord, Proofs, is_gone, leaves_unsaid, loaded_lists
from .lines import KeepLoaded, Lines, LinesOf
from .properties import refuses_empty

NAME = "tasks"
STATUS = "type_task_status"
CLOCK_SKEW = timedelta(minutes=5)
MANY_MISSED = MANY_LATE = 3
_MICROSECONDS = 1_000_000
_COST_TIMES = ("created_at", "updated_at", "deleted_at")


@dataclass(frozen=True)
class PropertyTasks:
    """The tasks of one property: those of a window of days, or all when `window` is None."""

    property_id: int
    window: tuple[str, str] | None
    changed_since: datetime | None  # None: every row counts as changed
    moves_cursor: bool


@dataclass(frozen=True)
class TaskById:
    """A loaded task that its property's complete list no longer has, or shows as deleted."""

    task_id: int
    property_id: int
    loaded: frozenset[str] = frozenset()  # its lists, and its link


class Tasks:
    """The tasks of one run; keeps the cursor and what the warehouse holds between head and workers."""

    def __init__(self) -> None:
        self._cursor: TaskCursor | None = None
        self._versions: Mapping[int, int | None] = {}
        self._live: Mapping[int, Any] = {}
        self._own_word = OwnWord(NAME, STATUS)
        self._proofs = Proofs(NAME, "tasks")
        self._lines = Lines()
        self._retired: set[int | None] = set()
        self._refusing: list[int] = []
        self._before: Mapping[
            int, datetime | None
        ] = {}  # by property the run that read it last, where all is read
        self._missed: set[int] = set()
        self._all = 0  # properties to read in this run
        self._late: set[int] = set()

    def jobs(self, reading: Reading) -> Iterator[PropertyTasks | TaskById | LinesOf | None]:
        """First the properties of this package, then the ids that vanished from their lists."""
        self._cursor = TaskCursor(reading.state(NAME))
        while reading.properties.rows() is None:
            yield None
        if reading.pending_tasks is None:
            self._own_word.begin(reading)
            self._proofs.begin(reading)
            self._lines.begin(reading, reading.state(NAME))
            reading.pending_tasks = self._all_jobs(reading)
            self._all = len(reading.pending_tasks)
        yield from self._next_piece(reading)
        stage = reading.stage(NAME)
        while not stage.idle:
            yield None
        stage.expect("tasks")
        if reading.plan.reconcile:
            yield from self._absent(reading)
        if not reading.has_more:
            if not reading.plan.beside_cursor(NAME):
                yield from self._lines.still_to_come(reading)
                while not stage.idle:
                    yield None
            self._lines.tell(reading)
            self._proofs.tell(reading)
            if self._lines.are_read_again(reading):
                self._cursor.forget()
        if not reading.has_more and len(self._missed) >= MANY_MISSED:
            reading.warn(
                f"{len(self._missed)} tasks had changed in the days that an earlier run asked for, and it was not "
                f"shown them; the first is {min(self._missed)}. They are loaded now, which is left to weekly runs "
                "then. Next: see with --check whether the filter of updated_at holds."
            )
        if not reading.has_more and len(self._late) >= MANY_LATE and reading.extent(NAME) == "whole":
            reading.warn(
                f"{len(self._late)} tasks have costs entered or changed after the task's own last change, the first is "
                f"{min(self._late)}: a cost alone does not move it, and hourly runs do not see it. Next: run "
                "--entities weekly as often as sums must be right."
            )
        if not reading.has_more and self._refusing:
            reading.warn(
                f"{len(self._refusing)} properties that the list calls deleted refuse their tasks, the first is "
                f"{min(self._refusing)}: what is loaded of them stays until --reconcile proves it gone."
            )

    def read(self, reading: Reading, job: PropertyTasks | TaskById | LinesOf) -> list[dict[str, Any]]:
        """The changed tasks of one property, one vanished task when it is still alive, or one with its lines."""
        if isinstance(job, TaskById):
            return _prove(reading, job, self._proofs)
        if isinstance(job, LinesOf):
            found = self._lines.read(reading, job)
            row = self._take(reading, *found) if found else None
            return [row] if row is not None else []
        params: dict[str, Any] = {"home_id": job.property_id}
        if job.window:
            params["updated_at"] = ",".join(job.window)
        try:
            listing = reading.client.listing("/task/", params, label="/task")
        except ApiError as e:
            if not e.permanent or isinstance(e, AuthError) or job.property_id not in self._retired:
                raise
            self._refusing.append(job.property_id)
            reading.absent_tasks.update(dict.fromkeys(self._live.get(job.property_id, ()), job.property_id))
            return []
        homes = {record_id(raw, "home_id") for raw in listing.rows}
        if homes and homes.isdisjoint((None, job.property_id)):
            # What is answered whatever is asked, as by a cache before the API, says nothing of this property.
            listing = replace(listing, whole=False, why="all its rows are of other properties")
        changed = [raw for raw in listing.rows if self._is_changed(raw, job)]
        if job.window is None:
            self._see_missed(reading, job.property_id, listing.rows)
        rows, refusal, keeps = self._rows(reading, changed)
        reading.tell_doubts(NAME, listing, job.property_id)
        self._proofs.shown(reading, listing.rows, "home_id")
        if listing.whole and reading.plan.reconcile and job.window is None:
            shown = {record_id(raw) for raw in listing.rows}
            for task_id in self._live.get(job.property_id, ()):
                if task_id not in shown:
                    reading.absent_tasks[task_id] = job.property_id
        if refusal is not None:
            reading.failed(NAME, refusal, job.property_id)
        elif not listing.whole:
            reading.fail(
                NAME,
                f"the tasks of property {job.property_id} are loaded, but did not come whole: {listing.why}; "
                "they are read again in the next run.",
                property_id=job.property_id,
            )
        elif job.moves_cursor and self._cursor is not None and not keeps:
            self._cursor.done(job.property_id)
        return rows

    def _rows(
        self, reading: Reading, raws: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], ApiError | None, bool]:
        """The rows of one list, what kept some back, and whether loaded ones stay until their lines are read: in
        both cases the others are loaded, and all are read again."""
        rows, whole, refusal, keeps = [], [], None, False
        for raw in raws:
            try:
                try:
                    completed = self._lines.completed(reading, raw)
                except AuthError:
                    raise
                except ApiError as e:
                    refusal = e
                    if not e.permanent:
                        break  # the API has trouble: asking for the next one would take as long
                    completed = self._lines.without(raw)
            except KeepLoaded:
                keeps = True
                continue
            whole.append(completed)
        with reading.turn:
            for raw, extra in whole:
                try:
                    row = self._take(reading, raw, extra)
                except ApiError as e:
                    refusal = e
                    continue
                if row is not None:
                    rows.append(row)
        return rows, refusal, keeps

    def _take(
        self, reading: Reading, raw: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        row = _take(reading, raw, **extra, **self._own_word.said(reading, raw))
        if row is not None and made_later(row["costs"], row.get("updated_at"), *_COST_TIMES):
            self._late.add(row["task_id"])
        return row

    def _all_jobs(self, reading: Reading) -> list[PropertyTasks]:
        """One job per property to read in this run, the incremental ones first."""
        assert self._cursor is not None
        plan = reading.plan
        listed = [p for raw in reading.properties.rows() or [] if (p := record_id(raw)) is not None]
        self._retired = {
            record_id(raw)
            for raw in reading.properties.rows() or []
            if says_deleted(raw, "status", reading.started_at)
        }
        for wanted in sorted(plan.properties - set(listed)):
            raise ConfigError(f"Property {wanted} is not listed in region {reading.region.code!r}.")
        starts: dict[int, datetime | None] = self._cursor.starts(listed)
        if (plan.full or plan.whole_tasks) and plan.gives_all(NAME) and reading.warehouse.live_properties():
            self._before = starts
        if plan.full:
            starts = dict.fromkeys(starts)
        if not listed and "properties" not in plan.entities:
            refuses_empty(reading)
        if listed and not plan.beside_cursor(NAME):
            self._cursor.begin(starts, reading.started_at)
        jobs = [
            self._job(reading, p, start)
            for p, start in starts.items()
            if not plan.properties or p in plan.properties
        ]
        if plan.beside_cursor(NAME) or any(job.changed_since for job in jobs):
            reading.reads_in_part(NAME)
        known_starts = [job.changed_since for job in jobs if job.changed_since is not None]
        known_starts += [start for start in self._before.values() if start is not None]
        if known_starts:
            since = (
                None
                if plan.reconcile
                else min(known_starts) - timedelta(days=reading.settings.lookback_days + 1)
            )
            self._versions = reading.warehouse.task_versions(since)
        if plan.reconcile:
            self._live = reading.warehouse.live_tasks()
        return sorted(jobs, key=lambda job: job.window is None)

    def _see_missed(self, reading: Reading, property_id: int, raws: list[dict[str, Any]]) -> None:
        """Tasks that changed in the days the run before asked for, before it began, and are loaded as they were."""
        start = self._before.get(property_id)
        if start is None:
            return
        first, end = start - timedelta(days=reading.settings.lookback_days), start - CLOCK_SKEW
        for raw in raws:
            task_id, at = record_id(raw), instant(raw, "updated_at")
            if task_id is None or at is None or says_deleted(raw, STATUS, reading.started_at):
                continue
            loaded = self._versions.get(task_id) or 0
            # A detail may tell the same moment to the microsecond.
            if first <= at < end and loaded < (microseconds(at) or 0) - _MICROSECONDS:
                self._missed.add(task_id)

    def _job(self, reading: Reading, property_id: int, start: datetime | None) -> PropertyTasks:
        plan = reading.plan
        if plan.since is not None:
            until = plan.until or reading.started_at.date().add(days=1)
            return PropertyTasks(property_id, (plan.since.isoformat(), until.isoformat()), None, False)
        moves = not plan.beside_cursor(NAME)
        if start is None or plan.whole_tasks or plan.properties:
            return PropertyTasks(property_id, None, None, moves)
        if plan.reconcile:
            return PropertyTasks(property_id, None, start - CLOCK_SKEW, moves)
        first_day = (
            pendulum.instance(start).in_timezone("UTC").date().subtract(days=reading.settings.lookback_days)
        )
        last_day = reading.started_at.date().add(days=1)
        return PropertyTasks(
            property_id, (first_day.isoformat(), last_day.isoformat()), start - CLOCK_SKEW, moves
        )

    def _next_piece(self, reading: Reading) -> Iterator[PropertyTasks]:
        """All incremental jobs and so many whole ones as one package may hold: a crash repeats at most those."""
        pending = reading.pending_tasks or []
        incremental = sum(job.window is not None for job in pending)
        size = incremental + reading.settings.piece_properties
        reading.stage(NAME).expect("properties", self._all, done=self._all - len(pending))
        reading.pending_tasks = pending[size:]
        yield from pending[:size]

    def _absent(self, reading: Reading) -> Iterator[TaskById]:
        """The vanished ids, and the tasks of properties that the list itself, shown to be whole, no longer has."""
        absent, reading.absent_tasks = reading.absent_tasks, {}
        if reading.properties.proven and not reading.has_more and not reading.plan.properties:
            listed = {record_id(raw) for raw in reading.properties.rows() or []}
            for property_id, task_ids in self._live.items():
                if property_id not in listed and listed:
                    absent |= dict.fromkeys(task_ids, property_id)
        # One that another property's list has brought has only moved.
        unseen = [task_id for task_id in absent if not reading.wrote(NAME, task_id)]
        asked = self._proofs.to_ask(reading, unseen)
        loaded = loaded_lists(reading, NAME, asked)
        for task_id in asked:
            yield TaskById(task_id, absent[task_id], loaded.get(task_id, frozenset()))

    def _is_changed(self, raw: Mapping[str, Any], job: PropertyTasks) -> bool:
        if job.changed_since is None:
            return True
        task_id, updated_at = record_id(raw), instant(raw, "updated_at")
        if updated_at is None or updated_at >= job.changed_since or self._own_word.is_news(raw):
            return True
        return self._versions.get(task_id or 0, 0) != microseconds(updated_at)


def _take(reading: Reading, raw: Mapping[str, Any], **extra: Any) -> dict[str, Any] | None:
    row = reading.row(NAME, raw, **extra)
    if row is not None and not row.get("deleted_at"):
        entities, linked = reading.plan.entities, row.get("linked_reservation_id")
        if "task_details" in entities:
            reading.changed_tasks[row["task_id"]] = row.get("updated_at")
        if linked is not None and "reservations" in entities:
            reading.linked_stays[linked] = None
    return row


def _prove(reading: Reading, job: TaskById, proofs: Proofs) -> list[dict[str, Any]]:
    """Ask for one task by id: only 404 or status `deleted` proves anything (design: "Deletion needs proof")."""
    try:
        raw = reading.client.one(f"/task/{job.task_id}", label="/task/{id}")
    except ApiError as e:
        if not is_gone(e):
            raise
        if proofs.is_believed(reading, "/task", "/task/{id}"):
            reading.proof(NAME, job.task_id, job.property_id, e.status or 404, "not_found", "reconcile")
        return []
    if says_deleted(raw, STATUS, reading.started_at):
        reading.proof(NAME, job.task_id, job.property_id, 200, "deleted", "reconcile")
        return []
    if proofs.is_elsewhere(reading, record_id(raw, "home_id")):
        reading.proof(NAME, job.task_id, job.property_id, 200, "not_found", "reconcile")
        return []
    proofs.alive(reading, job.task_id, job.property_id)
    if leaves_unsaid(raw, job.loaded):
        return []
    row = _take(reading, raw, lines_from="detail")
    return [row] if row is not None else []
