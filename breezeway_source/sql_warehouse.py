"""What is already loaded of one region, asked of a pipeline's destination in SQL that all of them understand."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date, datetime
from typing import Any, Protocol

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.exceptions import DatabaseException
from sqlglot.errors import SqlglotError

from .columns import TABLES
from .dialects import LINKED_TASKS, in_dialect
from .sql_values import day, instant, microseconds, of_properties

# Microseconds since 1970: compact, exact, and the same whatever time zone a session speaks in.
_MICROSECONDS = "cast(round(extract(epoch from updated_at) * 1000000) as bigint)"
_LIVE = "region_code = %s and deleted_at is null"
_AT_ONCE = 500  # ids named in one query
_WITH_DETAILS = (
    "from tasks left join task_details on task_details.region_code = tasks.region_code "
    "and task_details.task_id = tasks.task_id where tasks.region_code = %s and tasks.deleted_at is null"
)
# In a pipeline of one's own dlt makes those tables that got rows only.
_WITHOUT_DETAILS = _WITH_DETAILS.replace(
    "join task_details",
    "join (select region_code, task_id, updated_at as task_updated_at, synced_at from tasks where 1 = 0) task_details",
)
_DUE = (
    "task_details.task_id is null or task_details.task_updated_at <> tasks.updated_at "
    "or (task_details.task_updated_at is null and tasks.updated_at is not null) "
    "or (task_details.task_updated_at is not null and tasks.updated_at is null)"
)

log = logging.getLogger("breezeway")


class OpensDatabase(Protocol):
    """A pipeline of dlt's, or what opens its client in another way: who shares a DuckDB file opens it by turns."""

    def sql_client(self) -> AbstractContextManager[Any]: ...


class SqlWarehouse:
    """The queries of `Warehouse` on a pipeline's dataset.

    `scripted` off: a database other than DuckDB and PostgreSQL. Queries are turned into its dialect, links are those
    of the view, and what it refuses to answer counts as not loaded: more is read and written than needed.
    `linked` off: nobody makes links after a load, as where the source is used alone.
    """

    def __init__(
        self,
        pipeline: OpensDatabase,
        region_code: str,
        *,
        scripted: bool = True,
        linked: bool = True,
    ) -> None:
        self._pipeline = pipeline
        self._region_code = region_code
        self._scripted = scripted
        self._linked = linked
        self._use: ExitStack | None = None
        self._client: Any = None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        with ExitStack() as use:
            self._use = use
            try:
                yield
            finally:
                self._use = self._client = None

    @contextmanager
    def _open(self) -> Iterator[Any]:
        if self._use is None:
            with self._pipeline.sql_client() as client:
                yield client
            return
        if self._client is None:
            self._client = self._use.enter_context(self._pipeline.sql_client())
        yield self._client

    def columns(self, table: str) -> Collection[str]:
        try:
            with self._open() as client:
                name = client.make_qualified_table_name(table)
                with client.execute_query(f"select * from {name} where 1 = 0") as cursor:
                    return set(cursor.columns_schema or ())
        except (DatabaseException, SqlglotError):
            return ()

    def task_versions(self, since: datetime | None) -> Mapping[int, int | None]:
        version = _MICROSECONDS if self._scripted else "updated_at"
        query = (
            f"select task_id, {version} from tasks where region_code = %s "
            "and (deleted_at is null or lower(task_status_code) = 'deleted')"
        )
        rows = self._rows(query) if since is None else self._rows(f"{query} and updated_at >= %s", since)
        return dict(rows) if self._scripted else {task_id: microseconds(at) for task_id, at in rows}

    def tasks_with_lines(self) -> Mapping[str, Collection[int]]:
        # Table by table, here and below: one may not be made yet.
        return {
            kind: set(self._column(f"select distinct task_id from tasks__{kind} where region_code = %s"))
            for kind in ("costs", "supplies")
        }

    def tasks_without_lines(self, limit: int) -> list[tuple[int, int | None]]:
        rows = self._rows(
            f"select task_id, property_id from tasks where {_LIVE} and lines_from is null "
            "order by updated_at desc nulls last, task_id limit %s",
            limit,
        )
        return [(task_id, property_id) for task_id, property_id in rows]

    def count_tasks_without_lines(self) -> int:
        return sum(self._column(f"select count(*) from tasks where {_LIVE} and lines_from is null"))

    def live_tasks(self) -> Mapping[int, Collection[int]]:
        tasks: dict[int, set[int]] = {}
        for property_id, task_id in self._rows(f"select property_id, task_id from tasks where {_LIVE}"):
            tasks.setdefault(property_id, set()).add(task_id)
        return tasks

    def live_stays(self) -> Mapping[int, date | None]:
        rows = self._rows(f"select reservation_id, checkout_date from reservations where {_LIVE}")
        return dict(rows) if self._scripted else {stay_id: day(at) for stay_id, at in rows}

    def stay_hashes(self) -> Mapping[int, str]:
        try:
            query = f"select reservation_id, content_hash from reservations where {_LIVE}"
            return {stay_id: known for stay_id, known in self._rows(query) if known is not None}
        except DatabaseException as e:
            if "content_hash" in str(e):  # loaded before there was this column
                return {}
            raise

    def stay_ids(self) -> Collection[int]:
        return self._column("select reservation_id from reservations where region_code = %s")

    def missing_stays(self, limit: int, asked_since: datetime) -> list[int]:
        if not self._linked:
            unknown = set(self.unknown_stays(asked_since))
            missing = self._column(
                "select tasks.linked_reservation_id from tasks left join reservations "
                "on reservations.region_code = tasks.region_code "
                "and reservations.reservation_id = tasks.linked_reservation_id "
                "where tasks.region_code = %s and tasks.deleted_at is null and tasks.linked_reservation_id is not null "
                "and reservations.reservation_id is null group by tasks.linked_reservation_id "
                "order by max(tasks.updated_at) desc nulls last, tasks.linked_reservation_id limit %s",
                limit + len(unknown),
            )
            return [stay_id for stay_id in missing if stay_id not in unknown][:limit]
        return self._column(
            f"select linked_reservation_id from {'tasks' if self._scripted else LINKED_TASKS} "
            "where region_code = %s and deleted_at is null and reservation_pk is null "
            "and linked_reservation_id is not null "
            "and link_status in ('reservation_not_loaded', 'reservation_not_found') "
            "and linked_reservation_id not in (select record_id from deletion_proofs where region_code = %s "
            "and entity = 'reservations' and reason = 'link_lookup' and answer <> 'no_proof' and asked_at >= %s) "
            "group by linked_reservation_id order by max(updated_at) desc nulls last, linked_reservation_id limit %s",
            self._region_code,
            asked_since,
            limit,
        )

    def unknown_stays(self, since: datetime) -> Collection[int]:
        return self._column(
            "select record_id from deletion_proofs where region_code = %s and entity = 'reservations' "
            "and reason = 'link_lookup' and answer <> 'no_proof' and asked_at >= %s",
            since,
        )

    def refused_stays(self, since: datetime) -> Mapping[int, datetime]:
        return self._instants(
            self._rows(
                "select record_id, max(asked_at) from deletion_proofs where region_code = %s "
                "and entity = 'reservations' and answer = 'no_proof' and asked_at >= %s group by record_id",
                since,
            )
        )

    def half_proven(self, entity: str) -> Collection[int]:
        gone = "max(case when answer in ('not_found', 'deleted') and reason = 'reconcile' then asked_at end)"
        alive = "max(case when answer = 'alive' then asked_at end)"
        return self._column(
            "select record_id from deletion_proofs where region_code = %s and entity = %s "
            f"group by record_id having {gone} is not null and ({alive} is null or {alive} < {gone})",
            entity,
        )

    def last_asked(self, entity: str) -> Mapping[int, datetime]:
        return self._instants(
            self._rows(
                "select record_id, max(asked_at) from deletion_proofs where region_code = %s and entity = %s "
                "and reason = 'reconcile' group by record_id",
                entity,
            )
        )

    def deleted(self, entity: str) -> Mapping[int, datetime]:
        key = TABLES[entity].key[-1]
        return self._instants(
            self._rows(
                f"select {key}, deleted_at from {entity} where region_code = %s and deleted_at is not null"
            )
        )

    def read_before(self, entity: str, moment: datetime) -> Collection[int]:
        key = TABLES[entity].key[-1]
        return self._column(
            f"select {key} from {entity} where {_LIVE} and synced_at < %s order by synced_at, {key}", moment
        )

    def live_properties(self) -> int:
        return sum(self._column(f"select count(*) from properties where {_LIVE}"))

    def live_catalogue(self, entity: str) -> Mapping[str, Collection[int]]:
        table = TABLES[entity]
        part = {"people": "status", "tags": "tag_kind"}.get(entity, "''")
        found: dict[str, set[int]] = {}
        for name, one in self._rows(f"select {part}, {table.key[-1]} from {entity} where {_LIVE}"):
            found.setdefault(name or "", set()).add(one)
        return found

    def due_task_details(
        self, limit: int, properties: Collection[int], lacked: tuple[datetime, datetime] | None
    ) -> list[tuple[int, datetime | None]]:
        due, args = self._due(properties, lacked)
        rows = self._rows(
            f"select tasks.task_id, tasks.updated_at {due} "
            "order by tasks.updated_at desc nulls last, tasks.task_id desc limit %s",
            *args,
            limit,
        )
        return list(self._instants(rows).items())

    def count_due_task_details(
        self, properties: Collection[int], lacked: tuple[datetime, datetime] | None
    ) -> int:
        due, args = self._due(properties, lacked)
        return sum(self._column(f"select count(*) {due}", *args))

    def _due(
        self, properties: Collection[int], lacked: tuple[datetime, datetime] | None
    ) -> tuple[str, list[Any]]:
        where, args = of_properties(properties)
        read_then = "or (task_details.synced_at >= %s and task_details.synced_at < %s)" if lacked else ""
        return f"{self._with_details()} and ({_DUE} {read_then}) {where}", [*(lacked or ()), *args]

    def task_details_read(
        self, properties: Collection[int]
    ) -> list[tuple[int, datetime | None, datetime | None, datetime | None]]:
        where, args = of_properties(properties)
        rows = self._rows(
            "select tasks.task_id, tasks.updated_at, task_details.synced_at, task_details.task_updated_at "
            f"{self._with_details()} {where}",
            *args,
        )
        return [
            (one, *instants) if self._scripted else (one, *map(instant, instants)) for one, *instants in rows
        ]

    def with_lines(self, entity: str, ids: Collection[int]) -> Collection[tuple[int, str]]:
        key = TABLES[entity].key[-1]
        return {
            (one, child.field)
            for child in TABLES[entity].children
            for one in self._among(
                ids, key, f"select distinct {key} from {child.name} where region_code = %s"
            )
        }

    def linked_tasks(self, tasks: Collection[int]) -> Collection[int]:
        link = "(linked_reservation_id is not null or linked_reservation_external_id is not null)"
        return self._among(tasks, "task_id", f"select task_id from tasks where region_code = %s and {link}")

    def _among(self, ids: Collection[int], key: str, query: str) -> list[int]:
        ordered, found = sorted(ids), list[int]()
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            found += self._column(f"{query} and {key} in ({', '.join(['%s'] * len(some))})", *some)
        return found

    def property_details_read(self) -> Mapping[int, datetime]:
        return self._instants(
            self._rows("select property_id, synced_at from property_details where region_code = %s")
        )

    def properties_with_lines(self) -> Collection[tuple[int, str]]:
        query = "select distinct property_id from property_details__{} where region_code = %s"
        return {(one, lines) for lines in ("contacts", "tags") for one in self._column(query.format(lines))}

    def has_task_lines(self, name: str) -> bool:
        return bool(self._column(f"select task_id from task_details__{name} where region_code = %s limit 1"))

    def _with_details(self) -> str:
        return _WITH_DETAILS if self.columns("task_details") else _WITHOUT_DETAILS

    def _asked(self, query: str, *more: Any) -> Sequence[Any]:
        with self._open() as client:
            if not self._scripted:
                return client.execute_sql(in_dialect(query, client, self._region_code, *more)) or ()
            return client.execute_sql(query, self._region_code, *more) or ()

    def _instants(self, rows: Sequence[Any]) -> dict[int, Any]:
        return dict(rows) if self._scripted else {record_id: instant(at) for record_id, at in rows}

    def _column(self, query: str, *more: Any) -> list[int]:
        return [row[0] for row in self._rows(query, *more)]

    def _rows(self, query: str, *more: Any) -> Sequence[Any]:
        """The rows of a query whose first parameter is the region; none where the table does not exist yet."""
        try:
            return self._asked(query, *more)
        except DestinationUndefinedEntity:
            return ()
        except (DatabaseException, SqlglotError) as e:
            if self._scripted:
                raise
            log.debug("the database is not asked for what is loaded: %s", e)
            return ()
