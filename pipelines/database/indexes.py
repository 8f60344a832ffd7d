"""Indexes and primary keys of PostgreSQL: keys, parents, and what scripts, checks, marts and reports look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlt.destinations.exceptions import DatabaseException

from breezeway_source.columns.marts import KEYS_WITH_NULLS
from pipelines.database.ddl import (
    SqlClient,
    busy,
    ddl_transaction,
    first_line,
    is_busy,
    is_postgres,
    rows_of,
    sql_state,
)

if TYPE_CHECKING:
    from breezeway_source.columns import Table


@dataclass(frozen=True)
class Index:
    """One index; `on` is what follows the table's name."""

    name: str
    table: str
    on: str
    unique: bool = False

    @property
    def sql(self) -> str:
        kind = "unique index" if self.unique else "index"
        return f"create {kind} if not exists {self.name} on {self.table} {self.on}"


# What the scripts, checks and reports look for, besides keys and parents.
LOOKUPS = (
    Index("ix_tasks_linked_reservation_id", "tasks", "(region_code, linked_reservation_id)"),
    Index("ix_tasks_reservation_pk", "tasks", "(region_code, reservation_pk)"),
    Index("ix_tasks_property_id", "tasks", "(region_code, property_id)"),
    Index("ix_tasks_updated_at", "tasks", "(region_code, updated_at)"),
    # What the checks of lines start from: the parents that a run has written.
    *(
        Index(f"ix_{name}_synced_at", name, "(region_code, synced_at)")
        for name in ("tasks", "reservations", "task_details")
    ),
    # The same words as in 30_link_tasks.sql: a partial index serves only a condition that implies its own.
    Index(
        "ix_tasks_to_link",
        "tasks",
        "(region_code) where link_status is null "
        "or link_status = 'reservation_not_loaded' or property_pk is null",
    ),
    Index(
        "ix_tasks_external_link",
        "tasks",
        "(region_code, linked_reservation_external_id) where linked_reservation_id is null",
    ),
    Index("ix_task_details_to_place", "task_details", "(region_code) where property_pk is null"),
    Index("ix_reservations_property_id", "reservations", "(region_code, property_id)"),
    Index("ix_reservations_to_place", "reservations", "(region_code) where property_pk is null"),
    Index("ix_tasks_deleted", "tasks", "(region_code, task_id) where deleted_at is not null"),
    # The same words as in the checks of these names.
    Index(
        "ix_tasks__supplies_price_of_a_unit",
        "tasks__supplies",
        "(region_code) where quantity > 1 and total_price = unit_cost and total_price <> 0",
    ),
    Index(
        "ix_tasks__supplies_unread",
        "tasks__supplies",
        "(region_code) where total_price is null and unparsed is not null",
    ),
    Index(
        "ix_tasks__supplies_negative",
        "tasks__supplies",
        "(region_code) where quantity < 0 or unit_cost < 0 or total_price < 0",
    ),
    Index(
        "ix_tasks__costs_unread", "tasks__costs", "(region_code) where cost is null and unparsed is not null"
    ),
    # What the marts are read and refreshed by, besides their keys.
    Index("ix_mart_task_lines_property_id", "mart_task_lines", "(region_code, property_id)"),
    Index("ix_mart_task_lines_work_month", "mart_task_lines", "(region_code, work_month)"),
    Index("ix_mart_task_money_property_id", "mart_task_money", "(region_code, property_id)"),
    Index("ix_mart_task_money_reservation_id", "mart_task_money", "(region_code, reservation_id)"),
    Index(
        "ix_mart_task_money_work_month",
        "mart_task_money",
        "(region_code, cast(date_trunc('month', cast(work_day as timestamp)) as date))",
    ),
    Index(
        "ix_mart_task_money_waiting",
        "mart_task_money",
        "(region_code) where link_status = 'reservation_not_loaded'",
    ),
    Index("ix_mart_stay_turnovers_property_id", "mart_stay_turnovers", "(region_code, property_id)"),
    Index("ix_mart_stay_turnovers_checkout_month", "mart_stay_turnovers", "(region_code, checkout_month)"),
    Index("ix_mart_stay_turnovers_checkout_date", "mart_stay_turnovers", "(checkout_date)"),
    Index("ix_mart_owner_billing_work_month", "mart_owner_billing", "(region_code, work_month)"),
    Index("ix_task_details_deleted", "task_details", "(region_code, task_id) where deleted_at is not null"),
    # What a run is judged by: its region's past, what that left open, and how often the others are loaded.
    Index("ix_sync_runs_recent", "sync_runs", "(region_code, started_at)"),
    Index("ix_sync_runs_problems", "sync_runs", "(region_code, finished_at) where problems is not null"),
    Index("ix_sync_runs_loaded", "sync_runs", "(started_at, region_code, entity) where status <> 'failed'"),
)
PRIMARY_KEY_WAIT_S = 2


def indexes(tables: Mapping[str, Table]) -> list[Index]:
    """Every index: the key of each root, root and parent of each child, and the lookups.

    dlt itself makes only the unique one on _dlt_id (1.31); its merges are three times faster with these.
    """
    wanted = []
    for table in tables.values():
        if table.key:
            wanted.append(Index(f"ux_{table.name}_key", table.name, f"({', '.join(table.key)})", unique=True))
        for child in table.children:
            parent_id = table.key[-1]
            wanted.append(Index(f"ix_{child.name}_root", child.name, "(_dlt_root_id)"))
            wanted.append(Index(f"ix_{child.name}_{parent_id}", child.name, f"(region_code, {parent_id})"))
    known = {*tables, *(child.name for table in tables.values() for child in table.children)}
    wanted += [index for index in LOOKUPS if index.table in known]
    return wanted


def ensure_indexes(client: SqlClient, tables: Mapping[str, Table]) -> list[str]:
    """Make the missing indexes and primary keys, one statement and transaction at a time; returns warnings.

    PostgreSQL only: DuckDB reads whole columns faster. Tables that do not exist yet are passed over.
    """
    if not is_postgres(client):
        return []
    query = """
        select pg_class.relname, pg_class.relkind::text
        from pg_class
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        where pg_namespace.nspname = %s and pg_class.relkind in ('r', 'i', 'p', 'I')"""
    existing = {name for name, _ in rows_of(client, query, client.dataset_name)}
    missing = [i for i in indexes(tables) if i.name not in existing and i.table in existing]
    warnings = [warning for index in missing if (warning := _make_index(client, index))]
    return warnings + _ensure_primary_keys(
        client, [index for index in indexes(tables) if index.table not in KEYS_WITH_NULLS]
    )


def unique_keys(client: SqlClient) -> set[str]:
    """The tables whose key an index keeps unique, so that no check need look."""
    if not is_postgres(client):
        return set()
    query = """
        select tables.relname, keys.relname
        from pg_index
        inner join pg_class as keys on pg_index.indexrelid = keys.oid
        inner join pg_class as tables on pg_index.indrelid = tables.oid
        inner join pg_namespace on tables.relnamespace = pg_namespace.oid
        where pg_namespace.nspname = %s and pg_index.indisunique and pg_index.indisvalid"""
    return {table for table, key in rows_of(client, query, client.dataset_name) if key == f"ux_{table}_key"}


def _ensure_primary_keys(client: SqlClient, wanted: list[Index]) -> list[str]:
    """The unique index of each root becomes its primary key, under the index's name: replication, BI tools and
    browsers of constraints read it."""
    unique, have = unique_keys(client), _primary_keys(client)
    lacking = [i for i in wanted if i.unique and i.table in unique and i.table not in have]
    return [warning for index in lacking if (warning := _make_primary_key(client, index))]


def _primary_keys(client: SqlClient) -> set[str]:
    query = """
        select pg_class.relname
        from pg_constraint
        inner join pg_class on pg_constraint.conrelid = pg_class.oid
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        where pg_namespace.nspname = %s and pg_constraint.contype = 'p'"""
    return {name for (name,) in rows_of(client, query, client.dataset_name)}


def _make_primary_key(client: SqlClient, index: Index) -> str | None:
    try:
        with ddl_transaction(client, table_wait_s=PRIMARY_KEY_WAIT_S):
            # Another region's run may have made it while this one waited for the lock.
            if index.table not in _primary_keys(client):
                client.execute_sql(
                    f"alter table {index.table} add constraint {index.name} primary key using index {index.name}"
                )
    except DatabaseException as error:
        if is_busy(error):
            return busy(f"The primary key of {index.table}")
        # A key column holds null, or the table is somebody else's: the index serves all the same.
        return f"The primary key of {index.table} was not made ({first_line(error)})."
    return None


def _make_index(client: SqlClient, index: Index) -> str | None:
    try:
        with ddl_transaction(client):
            client.execute_sql(index.sql)
    except DatabaseException as error:
        if is_busy(error):
            return busy(f"Index {index.name}")
        if sql_state(error) == "23505":
            return (
                f"Index {index.name} was not made: {index.table} holds a key twice (check keys_are_unique)."
            )
        if sql_state(error) == "42501":
            return (
                f"Index {index.name} was not made ({first_line(error)}): its owner can make it: {index.sql}"
            )
        raise
    return None
