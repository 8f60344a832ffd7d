"""The dataset's tables without a load: made from the data dictionary, filled with rows of a few columns.

Tests of SQL use these; what dlt itself does to the tables is tested with real loads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from breezeway_source.columns import TABLES, Table
from breezeway_source.columns.marts import MADE_HERE

Client = SqlClientBase[Any]

TYPES = {
    "bigint": "bigint",
    "text": "varchar",
    "decimal": "numeric(24, 4)",
    "double": "double precision",
    "bool": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp with time zone",
    "json": "json",
}

_numbers = itertools.count(1)


def hour(number: float) -> datetime:
    """The start of run `number`; runs are an hour apart."""
    return datetime(2031, 3, 1, tzinfo=timezone.utc) + timedelta(hours=number)


def create_tables(client: Client, tables: Mapping[str, Table] = TABLES) -> None:
    """Every table and child table, empty, with dlt's own columns and the index dlt makes on PostgreSQL."""
    of_children = ("_dlt_root_id varchar", "_dlt_parent_id varchar", "_dlt_list_idx bigint")
    statements: list[str] = []
    for root in tables.values():
        statements += _made(client, root)
        for child in root.children:
            statements += _made(client, child, *of_children)
    client.execute_sql(";\n".join(statements))  # at once: hundreds of tests begin with it


def create_anew(client: Client) -> None:
    """The tables alone: whatever else is in the dataset goes, and the session's time zone."""
    name = client.dataset_name
    client.execute_sql(
        f"reset timezone; drop schema {name} cascade; create schema {name}; set search_path = '{name}'"
    )
    create_tables(client)


def create_table(client: Client, table: Table, *dlt_columns: str) -> None:
    """One table; `dlt_columns` as for a child."""
    client.execute_sql(";\n".join(_made(client, table, *dlt_columns)))


def _made(client: Client, table: Table, *dlt_columns: str) -> Iterator[str]:
    """The statements that make a table; a child's `dlt_columns` are those dlt adds to it."""
    columns = [f'"{c.name}" {TYPES[c.kind]}' for c in table.columns] + [
        "_dlt_id varchar not null",
        *dlt_columns,
    ]
    yield f"create table {table.name} ({', '.join(columns)})"
    if client.capabilities.sqlglot_dialect == "postgres":
        yield f"create unique index on {table.name} (_dlt_id)"


def insert(client: Client, table: str, *rows: Mapping[str, Any]) -> None:
    """Add rows as they are; _dlt_id is made up where it is missing."""
    made = ({} if table in MADE_HERE else {"_dlt_id": f"id{next(_numbers)}"} for _ in rows)
    full = [{**ids, **row} for ids, row in zip(made, rows, strict=True)]
    for columns, alike in itertools.groupby(full, key=tuple):
        values = [list(row.values()) for row in alike]
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(values))
        client.execute_sql(f"insert into {table} ({names}) values {places}", *itertools.chain(*values))


def remerge(client: Client, table: str, key: str, *rows: Mapping[str, Any]) -> None:
    """What dlt's delete-insert merge does to a root: the old row goes, what was computed later with it."""
    for row in rows:
        client.execute_sql(
            f"delete from {table} where region_code = %s and {key} = %s", row["region_code"], row[key]
        )
    insert(client, table, *rows)


def fetch(client: Client, query: str, *args: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return [tuple(row) for row in client.execute_sql(query, *args) or ()]


# --- rows, with what the tests do not care about filled in ---


RUN_0 = hour(0)


def property_row(
    property_id: int, at: datetime = RUN_0, region: str = "smoky", **more: Any
) -> dict[str, Any]:
    return {"region_code": region, "property_id": property_id, "synced_at": at, **more}


def stay(
    reservation_id: int, property_id: int = 1, at: datetime = RUN_0, region: str = "smoky", **more: Any
) -> dict[str, Any]:
    return {
        "region_code": region,
        "reservation_id": reservation_id,
        "property_id": property_id,
        "synced_at": at,
        **more,
    }


def task(
    task_id: int,
    linked_reservation_id: int | None = None,
    property_id: int | None = 1,
    at: datetime = RUN_0,
    region: str = "smoky",
    **more: Any,
) -> dict[str, Any]:
    return {
        "region_code": region,
        "task_id": task_id,
        "property_id": property_id,
        "linked_reservation_id": linked_reservation_id,
        "synced_at": at,
        **more,
    }


def proof(
    entity: str,
    record_id: int,
    asked_at: datetime,
    answer: str = "not_found",
    reason: str = "reconcile",
    region: str = "smoky",
) -> dict[str, Any]:
    return {
        "region_code": region,
        "entity": entity,
        "record_id": record_id,
        "asked_at": asked_at,
        "answer": answer,
        "reason": reason,
    }


def complete_read(
    entity: str, read_at: datetime, scope: str = "", region: str = "smoky", row_count: int = 1
) -> dict[str, Any]:
    return {
        "region_code": region,
        "entity": entity,
        "scope": scope,
        "read_at": read_at,
        "row_count": row_count,
    }
