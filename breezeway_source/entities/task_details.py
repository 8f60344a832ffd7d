"""Comments and requirements of tasks, one task at a time (breezeway-api.md, section 5.4).

They cost two requests a task, so each run reads a bounded share: tasks whose comments and requirements are missing
or older than the task, newest first and whatever their age, so that history fills by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..reading import Reading
from ..rows.fields import instant, made_later
from .bare_lists import LONG_AGO, BareLists, Found, Lacking, given
from .ledger import begins

NAME = "task_details"
LISTS = ("comments", "requirements")
MANY_LATE = 3


@dataclass(frozen=True)
class TaskJob:
    """Comments and requirements of one task as of its `updated_at`."""

    task_id: int
    updated_at: datetime | None
    found: Mapping[str, Found] | None = None  # asked already, and a list was not given, or is empty


class TaskDetails:
    """One row per task with its comments and requirements."""

    def __init__(self) -> None:
        self._lists = BareLists(NAME, "/task/{id}")
        self._lacking: list[TaskJob] = []
        self._listed_at: datetime | None = None  # when tasks were read last
        self._late: set[int] = set()

    def jobs(self, reading: Reading) -> Iterator[TaskJob | None]:
        """The due tasks, once all of the run's tasks are read."""
        while not reading.finished("tasks"):
            yield None
        if reading.has_more:  # a later package of this run loads more tasks; the last one reads the details
            return
        self._listed_at = instant(reading.state("tasks"), "since")
        reads_again, state = reading.plan.full or begins(reading, NAME), reading.state(NAME)
        due, left = _longest_unread(reading) if reads_again else _newest_due(reading, _came_back(state))
        limit = reading.settings.details_per_run
        if not due and state.get("lacking"):  # nobody is due that would show whether the list is given again
            since = datetime.fromisoformat(min(state["lacking"].values()))
            read_since = since, reading.started_at
            due = reading.warehouse.due_task_details(min(limit, 1), reading.plan.properties, read_since)
        stage = reading.stage(NAME)
        stage.expect("tasks", len(due))
        for task_id, updated_at in due:
            yield TaskJob(task_id, updated_at)
        while not stage.idle:
            yield None
        if not reads_again and self._remember(reading, state):
            # Given again: what was read without it is due, as far as this run may ask.
            asked = dict(due)
            more, left = _newest_due(reading, _came_back(state))
            more = [one for one in more if one[0] not in asked]
            left += len(more[max(limit - len(due), 0) :])
            for task_id, updated_at in more[: max(limit - len(due), 0)]:
                yield TaskJob(task_id, updated_at)
            while not stage.idle:
                yield None
        if left:
            runs = f"{-(-left // limit)} more runs" if limit else "none is read"
            reading.warn(
                f"comments and requirements of {left} tasks are still to come: {runs} at details_per_run = {limit}."
            )
        if len(self._late) >= MANY_LATE:
            reading.warn(
                f"{len(self._late)} tasks have comments made after the task's own last change, the first is "
                f"{min(self._late)}: a comment alone does not move it, so on tasks that are read already new ones are "
                "missed. Next: run --entities task_details --full now and then: it begins with those read longest ago."
            )
        unanswered = [name for name in LISTS if not self._lists.answers(name)]
        loaded = {name for name in unanswered if reading.warehouse.has_task_lines(name)}
        yield from self._believed(reading, state, unknown=set(unanswered) - loaded)
        self._remember(reading, state)
        self._lists.tell(reading, loaded)

    def _believed(
        self, reading: Reading, state: dict[str, Any], unknown: Collection[str]
    ) -> Iterator[TaskJob]:
        """Tasks to write without a list: the account does not have it (`unknown`), or the task has none.

        Neither a refusal nor a 404 is news of what was loaded before: such a task stays due.
        """
        if not self._lacking:
            return
        held = reading.warehouse.with_lines(NAME, [job.task_id for job in self._lacking])
        found = [(job.task_id, job.found or {}) for job in self._lacking]
        kept = self._lists.emptied(reading, state, found, held)
        for job, (task_id, lists) in zip(self._lacking, found, strict=True):
            if not self._lists.refused_of(task_id, lists, held) and all(
                name in unknown if rows is Lacking.REFUSED else (task_id, name) not in kept
                for name, rows in lists.items()
            ):
                yield job

    def _remember(self, reading: Reading, state: dict[str, Any]) -> bool:
        """A list that nobody is given counts as empty; once it is given, those read in between are due again.

        Whether one is given again.
        """
        lacking, now = state.setdefault("lacking", {}), reading.started_at.isoformat()
        is_back = False
        for name in LISTS:
            if self._lists.lacks(name):
                lacking.setdefault(name, now)
            elif self._lists.answers(name) and name in lacking:
                since, is_back = lacking.pop(name), True
                state["came_back"] = [min(since, *state.get("came_back", [since])), now]
        return is_back

    def read(self, reading: Reading, job: TaskJob) -> list[dict[str, Any]]:
        """Both lists of one task."""
        found = job.found
        if found is None:
            place = f"/task/{job.task_id}"
            found = {name: self._lists.read(reading, name, f"{place}/{name}") for name in LISTS}
            comments, listed_at = found["comments"], self._listed_at
            if isinstance(comments, list) and listed_at is not None:
                late = made_later(comments, job.updated_at, "created_at")
                if any(at <= listed_at for at in late):
                    self._late.add(job.task_id)
            if any(isinstance(rows, Lacking) or not rows for rows in found.values()):
                self._lacking.append(replace(job, found=found))
                return []
        if not given(found):
            return []
        row = reading.row(NAME, {"task_id": job.task_id, "task_updated_at": job.updated_at} | given(found))
        return [row] if row is not None else []


def _came_back(state: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Since when and until when a list was given to nobody; what was read then lacks it."""
    if "came_back" not in state:
        return None
    since, until = map(datetime.fromisoformat, state["came_back"])
    return since, until


def _newest_due(
    reading: Reading, lacked: tuple[datetime, datetime] | None
) -> tuple[list[tuple[int, datetime | None]], int]:
    """The due tasks of this run, newest first whatever their age, and how many are left after it.

    Due is also what was read while a list `lacked`, from and until then.
    """
    limit, properties, changed = (
        reading.settings.details_per_run,
        reading.plan.properties,
        reading.changed_tasks,
    )
    asked_for = limit + len(changed)
    loaded = dict(reading.warehouse.due_task_details(asked_for, properties, lacked))
    known = len(loaded)
    if known >= asked_for:  # there are more than that
        known = reading.warehouse.count_due_task_details(properties, lacked)
    left = known + sum(task_id not in loaded for task_id in changed)
    newest = sorted((loaded | changed).items(), key=lambda one: (one[1] or LONG_AGO, one[0]), reverse=True)
    return newest[:limit], max(left - limit, 0)


def _longest_unread(reading: Reading) -> tuple[list[tuple[int, datetime | None]], int]:
    """With --full all tasks are candidates: never read, then longest unread; repeated runs reach every one.

    What is left is what is due anyway: a task read earlier as it is now does not count.
    """
    limit, due = reading.settings.details_per_run, dict[int, tuple[datetime | None, datetime | None, bool]]()
    for task_id, updated_at, read_at, read_as_of in reading.warehouse.task_details_read(
        reading.plan.properties
    ):
        due[task_id] = updated_at, read_at, read_at is None or read_as_of != updated_at
    for task_id, updated_at in reading.changed_tasks.items():
        at, read_at, is_due = due.get(task_id, (None, None, True))
        due[task_id] = updated_at, read_at, is_due or at != updated_at
    order = sorted(due.items(), key=lambda one: (one[1][0] or LONG_AGO, one[0]), reverse=True)
    order.sort(key=lambda one: one[1][1] or LONG_AGO)
    return [(task_id, of[0]) for task_id, of in order[:limit]], sum(of[2] for _, of in order[limit:])
