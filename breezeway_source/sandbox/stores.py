"""What one company's account holds: rows by id, and the look-ups the server needs."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import UserDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from .stamps import UTC, utc

Row = dict[str, Any]

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

STATUSES: dict[str, tuple[str, str]] = {
    "created": ("Created", "new"),
    "drafted": ("Drafted", "new"),
    "pending_approval": ("Pending Approval", "new"),
    "request_rejected": ("Request Rejected", "finished"),
    "request_approved": ("Request Approved", "new"),
    "in_progress": ("In Progress", "in_progress"),
    "finished": ("Finished", "finished"),
    "closed": ("Closed", "finished"),
    "approved": ("Approved", "finished"),
    "deleted": ("Deleted", "finished"),
}
"""Task status code -> (name, stage); `breezeway-api.md`, 5.1."""


def task_status(code: str) -> Row:
    """The `type_task_status` object of a code."""
    name, stage = STATUSES[code]
    return {"code": code, "name": name, "stage": stage}


def public(row: Row) -> Row:
    """The row as served: keys starting with an underscore stay private."""
    return {key: value for key, value in row.items() if not key.startswith("_")}


def created(row: Row) -> tuple[datetime, int]:
    """The order of every paged list."""
    return row.get("_created_at", BEGINNING), int(row["id"])  # some worlds spell ids as text


class Rows(UserDict[int, Row]):
    """Rows by id that count their changes, so that an index over them knows when it is stale.

    Put a changed row back under its id (`rows[id] = {...}`): a change inside a row is not noticed.
    """

    version = 0
    last_id = 0

    def __setitem__(self, key: int, row: Row) -> None:
        self.version += 1
        super().__setitem__(key, row)

    def __delitem__(self, key: int) -> None:
        self.version += 1
        self.last_id = max(self.last_id, key)
        super().__delitem__(key)


class Stores:
    """All rows of one company, as raw API objects by id.

    Keys starting with an underscore are never served: `_created_at` and `_updated_at` (instants the
    API filters or sorts by and does not return), `_status` of a person.
    """

    def __init__(
        self, region: str, *, now: datetime, company_id: int = 9001, company_name: str | None = None
    ) -> None:
        self.region = region
        self.company_id = company_id
        self.company_name = company_name or f"{region.replace('_', ' ').title()} Sample Stays"
        self.lock = threading.RLock()
        self._now = utc(now)
        self.properties = Rows()
        self.reservations = Rows()
        self.tasks = Rows()
        self.people = Rows()
        self.supplies = Rows()
        self.templates = Rows()
        self.subdepartments = Rows()
        self.task_tags = Rows()
        self.property_tags = Rows()
        self.reservation_tags = Rows()
        self.contacts: dict[int, list[Row]] = {}
        self.property_tag_links: dict[int, list[Row]] = {}
        self.comments: dict[int, list[Row]] = {}
        self.requirements: dict[int, list[Row]] = {}
        self.hidden_tasks: set[int] = set()
        self.hidden_properties: set[int] = set()
        self.task_list_omits_money = False
        self._tasks_version = -1
        self._tasks_by_home: dict[int, list[Row]] = {}
        self._tasks_by_stay: dict[int, list[Row]] = {}
        self._stays_version = -1
        self._stays: list[Row] = []
        self._checkouts: list[str] = []

    @property
    def now(self) -> datetime:
        """The world's clock, UTC: stamps of edits, and the "today" of default filters."""
        return self._now

    @now.setter
    def now(self, instant: datetime) -> None:
        self._now = utc(instant)

    def advance(self, **duration: float) -> datetime:
        """Move the clock, as in `world.advance(hours=1)`. Rows do not change by themselves."""
        self._now += timedelta(**duration)
        return self._now

    @property
    def today(self) -> str:
        return self._now.date().isoformat()

    # -- the truth, for comparison with what was loaded ------------------------------------------

    def live_tasks(self) -> list[Row]:
        """Every task that is not deleted, hidden ones (absent from the list, live by id) included."""
        with self.lock:
            return [row for row in self.tasks.values() if not is_deleted(row)]

    def listed_tasks(self, home_id: int | None = None) -> list[Row]:
        """The tasks a list shows, oldest first: of one property, or of all."""
        with self.lock:
            self._index_tasks()
            homes: Iterable[int] = list(self._tasks_by_home) if home_id is None else [home_id]
            return [
                row
                for home in homes
                for row in self._tasks_by_home.get(home, ())
                if row["id"] not in self.hidden_tasks and not is_deleted(row)
            ]

    def listed_properties(self) -> list[Row]:
        """The properties the list shows, of all statuses, oldest first."""
        with self.lock:
            rows = [row for row in self.properties.values() if row["id"] not in self.hidden_properties]
        return sorted(rows, key=created)

    # -- look-ups of the server ------------------------------------------------------------------

    def tasks_of_stay(self, reservation_id: int) -> list[Row]:
        """The listed tasks linked to a stay, oldest first."""
        with self.lock:
            self._index_tasks()
            rows = self._tasks_by_stay.get(reservation_id, ())
            return [row for row in rows if row["id"] not in self.hidden_tasks and not is_deleted(row)]

    def stays_by_checkout(self, first: str = "", last: str = "9999-12-31") -> list[Row]:
        """The stays whose check-out is in [first, last], both included."""
        with self.lock:
            if self._stays_version != self.reservations.version:
                self._stays = sorted(self.reservations.values(), key=lambda row: str(row["checkout_date"]))
                self._checkouts = [row["checkout_date"] for row in self._stays]
                self._stays_version = self.reservations.version
            return self._stays[bisect_left(self._checkouts, first) : bisect_right(self._checkouts, last)]

    def _index_tasks(self) -> None:
        if self._tasks_version == self.tasks.version:
            return
        by_home: dict[int, list[Row]] = {}
        by_stay: dict[int, list[Row]] = {}
        for row in sorted(self.tasks.values(), key=created):
            by_home.setdefault(row["home_id"], []).append(row)
            link = row.get("linked_reservation")
            if isinstance(link, dict) and link:
                by_stay.setdefault(int(link["id"]), []).append(row)
        self._tasks_by_home, self._tasks_by_stay = by_home, by_stay
        self._tasks_version = self.tasks.version


def is_deleted(task: Row) -> bool:
    """Whether a task is soft-deleted: not listed, served by id with this status."""
    return bool(task["type_task_status"]["code"] == "deleted")
