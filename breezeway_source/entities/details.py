"""Details: contacts and tags of properties, comments and requirements of tasks, one parent at a time.

They cost two requests a parent (breezeway-api.md, sections 3.3, 3.4 and 5.4), so each run reads a bounded share:
new properties at once and a seventh of the others a day; tasks whose comments and requirements are missing or
older than the task, newest first.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import dlt

from ..errors import ApiError
from ..reading import Reading
from ..rows.fields import record_id, text
from .properties import refuses_empty

PROPERTY_DETAILS = "property_details"
TASK_DETAILS = "task_details"
TASK_LISTS = ("comments", "requirements")
DAYS_TO_READ_ALL = 7
# After so many refusals without one answer the account does not have this endpoint: asking on is a waste.
REFUSALS_UNTIL_OFF = 20
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


class Lists:
    """Bare lists below one parent; a refusal for one parent (403, 404) passes without failing the load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: set[str] = set()
        self._refused: dict[str, Counter[int]] = {}

    def read(self, reading: Reading, paths: list[str], label: str) -> list[Any] | None:
        """The list at the first of these paths that has one, empty where none has; None when access is refused."""
        if self._is_off(label):
            return None
        refused = False
        for path in paths:
            try:
                rows: list[Any] = reading.client.bare(path, {}, label=label)
            except ApiError as e:
                if e.status not in (403, 404):
                    raise
                refused = refused or e.status == 403
                with self._lock:
                    self._refused.setdefault(label, Counter())[e.status] += 1
            else:
                with self._lock:
                    self._answered.add(label)  # it answers: never switched off in this run
                return rows
        return None if refused else []

    def _is_off(self, label: str) -> bool:
        with self._lock:
            refused = self._refused.get(label)
            return refused is not None and label not in self._answered and refused[403] >= REFUSALS_UNTIL_OFF

    def answers(self, label: str) -> bool:
        """Whether the list was given for at least one parent."""
        return label in self._answered

    def tell(self, reading: Reading) -> None:
        """When all is asked: say which list was given to nobody. A 404 may just mean that there are none."""
        for label, refused in self._refused.items():
            if label not in self._answered and (refused[403] or refused[404] >= REFUSALS_UNTIL_OFF):
                counts = ", ".join(f"{status} {count} times" for status, count in sorted(refused.items()))
                reading.warn(
                    f"{label} answered nothing but {counts}: is it enabled for this account? It is left out."
                )


@dataclass(frozen=True)
class PropertyJob:
    """Contacts and tags of one property; the reference id leads to the other documented path."""

    property_id: int
    reference_id: str | None


class PropertyDetails:
    """One row per property with its contacts and tags."""

    def __init__(self) -> None:
        self._lists = Lists()
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
        elif plan.full:
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
        if any(rows is None and (job.property_id, name) in self._held for name, rows in found.items()):
            # A refusal is no news of what was loaded before; without such lines the other list is written.
            self._refused[str(job.property_id)] = reading.started_at.isoformat()
            return []
        self._refused.pop(str(job.property_id), None)
        row = reading.row(PROPERTY_DETAILS, {"property_id": job.property_id} | _without_refused(found))
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
    found: Mapping[str, list[Any] | None] | None = None  # asked already; a list that was refused is None


class TaskDetails:
    """One row per task with its comments and requirements."""

    def __init__(self) -> None:
        self._lists = Lists()
        self._refused: list[TaskJob] = []

    def jobs(self, reading: Reading) -> Iterator[TaskJob | None]:
        """The due tasks, once all of the run's tasks are read."""
        while not reading.finished("tasks"):
            yield None
        if reading.has_more:  # a later package of this run loads more tasks; the last one reads the details
            return
        limit, settings, plan = reading.settings.details_per_run, reading.settings, reading.plan
        since = None if plan.full else reading.days_ago(settings.details_days)
        due = dict(reading.warehouse.due_task_details(limit + 1, since, plan.properties))
        for task_id, updated_at in reading.changed_tasks.items():
            if since is None or updated_at is None or updated_at >= since:
                due[task_id] = updated_at
        newest_first = sorted(due.items(), key=lambda item: item[1] or _LONG_AGO, reverse=True)
        if len(newest_first) > limit > 0:
            reading.warn(
                f"comments and requirements of {limit} tasks are read in this run; the rest follows in the next."
            )
        for task_id, updated_at in newest_first[:limit]:
            yield TaskJob(task_id, updated_at)
        stage = reading.stage(TASK_DETAILS)
        while not stage.idle:
            yield None
        yield from self._lacking_a_list(reading)
        self._lists.tell(reading)

    def _lacking_a_list(self, reading: Reading) -> Iterator[TaskJob]:
        """Tasks to write without the list that was refused: the account does not have it, now or ever before.

        A refusal is no news of what was loaded before: where the list exists, the task stays due.
        """
        if not self._refused:
            return
        unknown = {
            name
            for name in TASK_LISTS
            if not self._lists.answers(f"/task/{{id}}/{name}") and not reading.warehouse.has_task_lines(name)
        }
        for job in self._refused:
            if all(name in unknown for name, rows in (job.found or {}).items() if rows is None):
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
            if None in found.values():
                self._refused.append(replace(job, found=found))
                return []
        if not _without_refused(found):
            return []
        row = reading.row(
            TASK_DETAILS,
            {"task_id": job.task_id, "task_updated_at": job.updated_at} | _without_refused(found),
        )
        return [row] if row is not None else []


def _without_refused(found: Mapping[str, list[Any] | None]) -> dict[str, list[Any]]:
    return {name: rows for name, rows in found.items() if rows is not None}
