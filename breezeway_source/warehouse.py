"""What the source asks of the destination: facts of one region that are already loaded.

The source knows no destination. Whoever runs it passes an object with these queries; each is asked at most once
per package, and from the extracting thread: dlt's workers share its configuration context, which a query in one of
them breaks now and then (ContainerInjectableContextMangled, dlt 1.31).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol


class Warehouse(Protocol):
    """The loaded rows of one region, as far as reading needs them. Times are UTC, ids 64-bit integers."""

    def at_once(self) -> AbstractContextManager[None]:
        """What is asked within opens the database once, when the first question comes."""

    def columns(self, table: str) -> Collection[str]:
        """The columns that a table has, of whatever region; none where it is not there yet."""

    def task_versions(self, since: datetime | None) -> Mapping[int, int | None]:
        """`updated_at` (microseconds since 1970) of each task changed since then, of all with None.

        Of live ones, and of those whose own row says that they are deleted.
        """

    def tasks_with_lines(self) -> Mapping[str, Collection[int]]:
        """Ids of tasks with loaded lines, of `costs` and of `supplies`."""

    def tasks_without_lines(self, limit: int) -> list[tuple[int, int | None]]:
        """(task id, property id) of live tasks whose lines are still to come, the newest first."""

    def count_tasks_without_lines(self) -> int:
        """How many such tasks there are."""

    def live_tasks(self) -> Mapping[int, Collection[int]]:
        """The ids of live tasks by property id."""

    def live_stays(self) -> Mapping[int, date | None]:
        """The check-out day of each live stay."""

    def stay_hashes(self) -> Mapping[int, str]:
        """The `content_hash` of each live stay that has one."""

    def stay_ids(self) -> Collection[int]:
        """The ids of all stays, deleted ones included."""

    def missing_stays(self, limit: int, asked_since: datetime) -> list[int]:
        """Stays that live tasks link to, not loaded nor asked for since then; those of the newest tasks first."""

    def unknown_stays(self, since: datetime) -> Collection[int]:
        """Stays asked for by id since then that the API does not know."""

    def refused_stays(self, since: datetime) -> Mapping[int, datetime]:
        """Stays the API refused to give since then, and when it did last."""

    def half_proven(self, entity: str) -> Collection[int]:
        """Ids of `tasks` or `reservations` that an earlier run found gone, and that nothing has shown since."""

    def last_asked(self, entity: str) -> Mapping[int, datetime]:
        """When a reconciliation last asked for a row of `tasks` or `reservations` by its id."""

    def deleted(self, entity: str) -> Mapping[int, datetime]:
        """`deleted_at` of the rows of `properties`, `tasks` or `reservations` that have one."""

    def read_before(self, entity: str, moment: datetime) -> Collection[int]:
        """Ids of an entity's live rows that were read before then, those read first in front."""

    def live_properties(self) -> int:
        """How many live properties are loaded."""

    def live_catalogue(self, entity: str) -> Mapping[str, Collection[int]]:
        """Ids of a catalogue's live rows by the list they come from: a person's status, a tag's kind, '' elsewhere."""

    def due_task_details(
        self, limit: int, properties: Collection[int], lacked: tuple[datetime, datetime] | None
    ) -> list[tuple[int, datetime | None]]:
        """Live tasks whose comments and requirements are missing or older than the task, newest first.

        With `properties` only theirs. Also those whose details were read from the first moment of `lacked` on and
        before the second.
        """

    def count_due_task_details(
        self, properties: Collection[int], lacked: tuple[datetime, datetime] | None
    ) -> int:
        """How many such tasks there are."""

    def task_details_read(
        self, properties: Collection[int]
    ) -> list[tuple[int, datetime | None, datetime | None, datetime | None]]:
        """(task id, its `updated_at`, when its details were read, as of which `updated_at`) of each live task."""

    def with_lines(self, entity: str, ids: Collection[int]) -> Collection[tuple[int, str]]:
        """(id, name of a list) of those of these rows that have such lines loaded."""

    def linked_tasks(self, tasks: Collection[int]) -> Collection[int]:
        """Which of these tasks carry a link to a stay."""

    def property_details_read(self) -> Mapping[int, datetime]:
        """When contacts and tags of each property were read."""

    def properties_with_lines(self) -> Collection[tuple[int, str]]:
        """(property id, `contacts` or `tags`) of properties that have such lines loaded."""

    def has_task_lines(self, name: str) -> bool:
        """Whether any `comments` or `requirements` of tasks are loaded."""
