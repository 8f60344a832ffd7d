"""Details: contacts and tags of properties, comments and requirements of tasks, one parent at a time.

They cost two requests a parent (breezeway-api.md, sections 3.3, 3.4 and 5.4), so each run reads a bounded share:
new properties at once and a seventh of the others a day; tasks whose comments and requirements are missing or
older than the task, newest first and whatever their age, so that history fills by itself.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from typing import Any
from urllib.parse import quote

import dlt

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import record_id, text
from .absence import is_gone
from .ledger import begins
from .properties import refuses_empty

PROPERTY_DETAILS = "property_details"
TASK_DETAILS = "task_details"
TASK_LISTS = ("comments", "requirements")
DAYS_TO_READ_ALL = 7
# After so many refusals without one answer the account does not have this endpoint: asking on is a waste.
REFUSALS_UNTIL_OFF = 20
FAULTS_UNTIL_OFF = 2  # each has taken minutes of repeating, or will not change with the parent
_UNUSABLE = "an unusable answer"
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


class Lacking(Enum):
    """Why there is no list: the API refuses it, or knows nothing at that place."""

    REFUSED = "refused"
    ABSENT = "absent"


Found = list[Any] | Lacking


class Lists:
    """Bare lists below one parent. What one of them refuses is that list's: it never fails another, nor the region."""

    def __init__(self, entity: str) -> None:
        self._entity = entity
        self._lock = threading.Lock()
        self._answered: set[str] = set()
        self._refused: dict[str, Counter[str]] = {}
        self._faults_in_a_row: Counter[str] = Counter()
        self._off: set[str] = set()

    def read(self, reading: Reading, paths: list[str], label: str) -> Found:
        """The list at the first of these paths that has one. Raises AuthError, and what calls the region off."""
        lacking = Lacking.ABSENT
        for path in paths:
            if label in self._off:
                return Lacking.REFUSED
            try:
                rows: list[Any] = reading.client.bare(path, {}, label=label)
            except AuthError:
                raise
            except ApiError as e:
                if reading.cause is not None:
                    raise
                self._note(reading, label, e)
                if not is_gone(e):
                    lacking = Lacking.REFUSED
            else:
                with self._lock:
                    self._answered.add(label)  # it answers: no refusal switches it off in this run
                    self._faults_in_a_row[label] = 0
                return rows
        return lacking

    def _note(self, reading: Reading, label: str, error: ApiError) -> None:
        with self._lock:
            answered = label in self._answered
            if error.permanent:
                kind = _UNUSABLE if error.status in (None, 200) else str(error.status)
                refused = self._refused.setdefault(label, Counter())
                refused[kind] += 1
                often = sum(count for kind, count in refused.items() if kind not in ("404", "410"))
                if not answered and (often >= REFUSALS_UNTIL_OFF or refused[_UNUSABLE] >= FAULTS_UNTIL_OFF):
                    self._off.add(label)
                return
            self._faults_in_a_row[label] += 1
            if self._faults_in_a_row[label] >= (REFUSALS_UNTIL_OFF if answered else FAULTS_UNTIL_OFF):
                self._off.add(label)
        reading.fail_once(
            self._entity,
            f"{label} could not be read ({error.status or 'no answer'}), of one parent at least: what is loaded "
            "stays. Next: run again.",
        )

    def answers(self, label: str) -> bool:
        """Whether the list was given for at least one parent."""
        return label in self._answered

    def tell(self, reading: Reading) -> None:
        """When all is asked: say which list was given to nobody. A 404 may just mean that there are none."""
        for label, refused in self._refused.items():
            absent = refused["404"] + refused["410"]
            if label not in self._answered and (
                sum(refused.values()) > absent or absent >= REFUSALS_UNTIL_OFF
            ):
                counts = ", ".join(
                    f"{kind} {count} times" for kind, count in sorted(refused.items()) if count
                )
                told = (
                    f"{label} answered nothing but {counts}: is it enabled for this account? It is left out."
                )
                if all(kind.isdecimal() for kind, count in refused.items() if count):
                    reading.warn(told)
                else:  # no refusal, but answers that cannot be used
                    reading.fail_once(PROPERTY_DETAILS if "property" in label else TASK_DETAILS, told)


@dataclass(frozen=True)
class PropertyJob:
    """Contacts and tags of one property; the reference id leads to the other documented path."""

    property_id: int
    reference_id: str | None


class PropertyDetails:
    """One row per property with its contacts and tags."""

    def __init__(self) -> None:
        self._lists = Lists(PROPERTY_DETAILS)
        self._held: Collection[tuple[int, str]] = ()
        self._refused: dict[str, str] = {}

    def jobs(self, reading: Reading) -> Iterator[PropertyJob | None]:
        """New properties, and so many of the others that a week reads all; every one with --full."""
        while reading.properties() is None:
            yield None
        if "properties" not in reading.plan.entities and refuses_empty(reading):
            return
        listed = _references(reading.properties() or [])
        plan = reading.plan
        self._held = reading.warehouse.properties_with_lines()
        read_at = self._asked(reading, listed)
        if plan.properties:
            due = [property_id for property_id in listed if property_id in plan.properties]
        elif plan.full or begins(PROPERTY_DETAILS):
            due = list(listed)
        else:
            due = _due_properties(listed, read_at, reading.started_at)
        for property_id in due:
            yield PropertyJob(property_id, listed[property_id])
        stage = reading.stage(PROPERTY_DETAILS)
        while not stage.idle:
            yield None
        self._lists.tell(reading)

    def _asked(self, reading: Reading, listed: Mapping[int, Any]) -> dict[int, datetime]:
        """When each property was asked last. A refusal counts: else the refused ones would be asked day after
        day, as the longest unread, and the others never."""
        state = dlt.current.resource_state(PROPERTY_DETAILS)
        refused = {key: at for key, at in state.get("refused", {}).items() if int(key) in listed}
        self._refused = state["refused"] = refused
        asked = dict(reading.warehouse.property_details_read())
        for key, at in refused.items():
            asked[int(key)] = max(asked.get(int(key), _LONG_AGO), datetime.fromisoformat(at))
        return asked

    def read(self, reading: Reading, job: PropertyJob) -> list[dict[str, Any]]:
        """Both lists of one property."""
        contacts = [f"/property/{job.property_id}/contacts"]
        if job.reference_id:
            contacts.append(f"/property/external-id/{quote(job.reference_id, safe='')}/contacts")
        found = {
            "contacts": self._lists.read(reading, contacts, "/property/{id}/contacts"),
            "tags": self._lists.read(reading, [f"/property/{job.property_id}/tags"], "/property/{id}/tags"),
        }
        if any(
            isinstance(rows, Lacking) and (job.property_id, name) in self._held
            for name, rows in found.items()
        ):
            # A refusal, a 404 too, is no news of what was loaded before; without such lines the other list is written.
            self._refused[str(job.property_id)] = reading.started_at.isoformat()
            return []
        self._refused.pop(str(job.property_id), None)
        row = reading.row(PROPERTY_DETAILS, {"property_id": job.property_id} | _given(found))
        return [row] if row is not None else []


def _references(raws: Iterable[Mapping[str, Any]]) -> dict[int, str | None]:
    """The reference id by listed property, where it means that property alone.

    A retired property may still hold the reference that a live one took over (breezeway-api.md, section 3.2):
    then it leads to the live one.
    """
    holders: dict[str, list[tuple[bool, int]]] = {}
    references: dict[int, str | None] = {}
    for raw in raws:
        property_id, reference = record_id(raw), text(raw, "reference_property_id")
        if property_id is not None:
            references[property_id] = None
            if reference is not None:
                holders.setdefault(reference, []).append((raw.get("status") == "active", property_id))
    for reference, held in holders.items():
        active = [property_id for is_active, property_id in held if is_active]
        alone = active if len(held) > 1 else [property_id for _, property_id in held]
        if len(alone) == 1:
            references[alone[0]] = reference
    return references


def _due_properties(listed: Mapping[int, Any], read_at: Mapping[int, datetime], now: datetime) -> list[int]:
    """The new ones, then the longest unread; what was read earlier today counts towards today's seventh."""
    new = [property_id for property_id in listed if property_id not in read_at]
    old = sorted((read_at[property_id], property_id) for property_id in listed if property_id in read_at)
    unread_today = [property_id for at, property_id in old if at.date() < now.date()]
    share = math.ceil(len(old) / DAYS_TO_READ_ALL) - (len(old) - len(unread_today))
    return new + unread_today[: max(share, 0)]


@dataclass(frozen=True)
class TaskJob:
    """Comments and requirements of one task as of its `updated_at`."""

    task_id: int
    updated_at: datetime | None
    found: Mapping[str, Found] | None = None  # asked already, and at least one list was not given


class TaskDetails:
    """One row per task with its comments and requirements."""

    def __init__(self) -> None:
        self._lists = Lists(TASK_DETAILS)
        self._lacking: list[TaskJob] = []

    def jobs(self, reading: Reading) -> Iterator[TaskJob | None]:
        """The due tasks, once all of the run's tasks are read."""
        while not reading.finished("tasks"):
            yield None
        if reading.has_more:  # a later package of this run loads more tasks; the last one reads the details
            return
        reads_again = reading.plan.full or begins(TASK_DETAILS)
        due, left = _longest_unread(reading) if reads_again else _newest_due(reading)
        limit = reading.settings.details_per_run
        if left:
            runs = f"{-(-left // limit)} more runs" if limit else "none is read"
            reading.warn(
                f"comments and requirements of {left} tasks are still to come: {runs} at details_per_run = {limit}."
            )
        for task_id, updated_at in due:
            yield TaskJob(task_id, updated_at)
        stage = reading.stage(TASK_DETAILS)
        while not stage.idle:
            yield None
        yield from self._lacking_a_list(reading)
        self._lists.tell(reading)

    def _lacking_a_list(self, reading: Reading) -> Iterator[TaskJob]:
        """Tasks to write without a list: the account does not have it, now or ever before, or the task has none.

        Neither a refusal nor a 404 is news of what was loaded before: such a task stays due.
        """
        if not self._lacking:
            return
        unknown = {
            name
            for name in TASK_LISTS
            if not self._lists.answers(f"/task/{{id}}/{name}") and not reading.warehouse.has_task_lines(name)
        }
        held = reading.warehouse.details_with_lines([job.task_id for job in self._lacking])
        for job in self._lacking:
            lacking = {name: rows for name, rows in (job.found or {}).items() if isinstance(rows, Lacking)}
            if all(
                name in unknown if why is Lacking.REFUSED else (job.task_id, name) not in held
                for name, why in lacking.items()
            ):
                yield job

    def read(self, reading: Reading, job: TaskJob) -> list[dict[str, Any]]:
        """Both lists of one task."""
        found = job.found
        if found is None:
            place = f"/task/{job.task_id}"
            found = {
                name: self._lists.read(reading, [f"{place}/{name}"], f"/task/{{id}}/{name}")
                for name in TASK_LISTS
            }
            if any(isinstance(rows, Lacking) for rows in found.values()):
                self._lacking.append(replace(job, found=found))
                return []
        if not _given(found):
            return []
        row = reading.row(
            TASK_DETAILS, {"task_id": job.task_id, "task_updated_at": job.updated_at} | _given(found)
        )
        return [row] if row is not None else []


def _newest_due(reading: Reading) -> tuple[list[tuple[int, datetime | None]], int]:
    """The due tasks of this run, newest first whatever their age, and how many are left after it."""
    limit, properties, changed = (
        reading.settings.details_per_run,
        reading.plan.properties,
        reading.changed_tasks,
    )
    asked_for = limit + len(changed)
    loaded = dict(reading.warehouse.due_task_details(asked_for, properties))
    known = len(loaded)
    if known >= asked_for:  # there are more than that
        known = reading.warehouse.count_due_task_details(properties)
    left = known + sum(task_id not in loaded for task_id in changed)
    newest = sorted((loaded | changed).items(), key=lambda one: (one[1] or _LONG_AGO, one[0]), reverse=True)
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
    order = sorted(due.items(), key=lambda one: (one[1][0] or _LONG_AGO, one[0]), reverse=True)
    order.sort(key=lambda one: one[1][1] or _LONG_AGO)
    return [(task_id, of[0]) for task_id, of in order[:limit]], sum(of[2] for _, of in order[limit:])


def _given(found: Mapping[str, Found]) -> dict[str, list[Any]]:
    """The lists to write: what is not refused; a 404 is an empty one."""
    return {
        name: [] if rows is Lacking.ABSENT else rows
        for name, rows in found.items()
        if isinstance(rows, list) or rows is Lacking.ABSENT
    }
