"""The tables of the marts, of the history of tasks, and what they are made of: the selects in sql_post/marts.

A table called like one of them that is not ours is left alone, and what would be made of it is empty. `mart_rows`
fills them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dlt.destinations.exceptions import DatabaseException

from breezeway_source.columns import Table
from breezeway_source.columns.marts import MADE_HERE, MARTS
from pipelines.database.ddl import (
    SQL_DIR,
    SqlClient,
    ddl_transaction,
    is_busy,
    is_postgres,
    quoted,
    rows_of,
)

MARK = "[dictionary "  # in the comment of every table of ours
TYPES = {
    "bigint": "bigint",
    "text": "varchar",
    "decimal": "decimal(24, 4)",
    "money": "decimal(38, 2)",
    "bool": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp with time zone",
    "local": "timestamp",
}
HISTORY = "task_changes"
# The view: it knows today.
VIEW = "mart_upcoming_turns"

Relations = Mapping[str, tuple[str, set[str]]]


@dataclass(frozen=True)
class Mart:
    """One file of sql_post/marts that makes a table."""

    table: Table
    sql: str

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def reads(self) -> frozenset[str]:
        """The marts it is made of."""
        return frozenset(re.findall(r"\bmart_\w+", self.sql)) & MARTS.keys() - {self.name}

    @property
    def columns(self) -> str:
        return ", ".join(column.name for column in self.table.columns)


@lru_cache(maxsize=1)
def marts() -> tuple[Mart, ...]:
    """The marts that are tables, in the order they are made in."""
    paths = sorted((SQL_DIR / "marts").glob("*.sql"))
    texts = {path.stem.lstrip("0123456789_"): path.read_text("utf-8") for path in paths}
    return tuple(
        Mart(MARTS[name], text) for name, text in texts.items() if name in MARTS and "create or" not in text
    )


def history_sql() -> str:
    """The script that adds to the history of tasks."""
    (path,) = (SQL_DIR / "marts").glob(f"*_{HISTORY}.sql")
    return path.read_text("utf-8")


# --- tables --------------------------------------------------------------------------------------------


def fingerprint(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def make_tables(client: SqlClient) -> list[str]:
    """Make the tables that are missing, and columns that are new; returns what was left alone, and why."""
    try:
        if _to_make(client):
            with ddl_transaction(client):
                # Another region's run may have made them while this one waited for the lock.
                for statement in _to_make(client):
                    client.execute_sql(statement)
    except DatabaseException as error:
        if not is_busy(error):
            raise
        return [
            "The marts' tables were not made: another session held a lock for too long; the next run tries again."
        ]
    return [
        f"{name} was left alone: it is not a table this project made, so this mart is missing, and those made of it "
        "are empty. Next: rename or drop it; the next run makes the mart."
        for name in sorted(_relations(client).keys() & _tables().keys() - ours(client).keys())
    ]


def ours(client: SqlClient) -> dict[str, Table]:
    """The tables of marts and history that exist and are ours, by name."""
    found = _relations(client)
    return {name: table for name, table in _tables().items() if _is_ours(table, found)}


def _is_ours(table: Table, found: Relations) -> bool:
    comment, columns = found.get(table.name, ("", set()))
    return MARK in comment and table.by_name.keys() <= columns


def _tables() -> dict[str, Table]:
    return {name: table for name, table in MADE_HERE.items() if name != VIEW}


def _to_make(client: SqlClient) -> list[str]:
    """The statements that are needed. What was dropped by hand, in part too, is no longer said to be complete."""
    found = _relations(client)
    is_noted = _is_ours(MADE_HERE["marts_made"], found)
    statements = []
    for name, table in _tables().items():
        columns = {column.name: f"{column.name} {TYPES[column.kind]}" for column in table.columns}
        missing = columns.keys() - found[name][1] if name in found else set()
        if name not in found:
            statements.append(f"create table {name} ({', '.join(columns.values())})")
            # On PostgreSQL `ensure_comments` puts the dictionary's fingerprint here, with the columns' comments.
            statements.append(f"comment on table {name} is {quoted(f'{table.about} {MARK}new]')}")
        elif MARK in found[name][0]:
            statements += [f"alter table {name} add column {columns[c]}" for c in columns if c in missing]
        else:
            continue
        if is_noted and (missing or name not in found):
            statements.append(f"delete from marts_made where name = {quoted(name)}")
    return statements


def _relations(client: SqlClient) -> Relations:
    """Comment and columns of everything in the dataset that is called like one of ours."""
    if is_postgres(client):
        query = """
            select pg_class.relname, obj_description(pg_class.oid, 'pg_class'), pg_attribute.attname
            from pg_class
            inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            inner join pg_attribute on pg_class.oid = pg_attribute.attrelid and pg_attribute.attnum > 0
            where pg_namespace.nspname = %s and pg_class.relname in ({names})"""
    else:
        query = """
            select columns.table_name, tables.comment, columns.column_name
            from duckdb_columns() as columns
            left join duckdb_tables() as tables on columns.table_oid = tables.table_oid
                and columns.database_name = tables.database_name
            where columns.database_name = current_database() and columns.schema_name = %s
                and columns.table_name in ({names})"""
    names = ", ".join(quoted(name) for name in _tables())
    found: dict[str, tuple[str, set[str]]] = {}
    for name, comment, column in rows_of(client, query.format(names=names), client.dataset_name):
        found.setdefault(name, (comment or "", set()))[1].add(column)
    return found
