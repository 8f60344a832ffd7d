"""What the database holds and allows, looked at without writing: for `--check`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import duckdb
import psycopg2

from breezeway_source.errors import ConfigError
from pipelines.database.destinations import Target

SCHEMA_RIGHTS = ("CREATE", "USAGE")
READ_ONLY = "default_transaction_read_only"
COUNTED = ("properties", "tasks", "reservations", "property_details")


@dataclass(frozen=True)
class Answer:
    """One line of the check; `exit_code` 0 when it is well. `state` of a doubt: see doubts.py."""

    region: str
    topic: str
    text: str
    exit_code: int = 0
    state: str = ""


class Peek:
    """A connection that only asks: DuckDB's is read-only, PostgreSQL's transactions are."""

    def __init__(self, connection: Any, mark: str, dataset: str) -> None:
        self.dataset = dataset
        self._connection = connection
        self._mark = mark

    def rows(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(query.replace("%s", self._mark), args)
        return list(cursor.fetchall())

    def value(self, query: str, *args: Any) -> Any:
        return self.rows(query, *args)[0][0]

    def columns(self, table: str) -> set[str]:
        query = (
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
        )
        return {name for (name,) in self.rows(query, self.dataset, table)}


@contextlib.contextmanager
def open_peek(target: Target) -> Iterator[Peek | None]:
    """None where there is nothing to look into yet."""
    connection: Any
    if target.postgres is not None:
        connection = psycopg2.connect(
            target.postgres.to_native_representation(), application_name="breezeway check"
        )
        connection.set_session(readonly=True)
        mark = "%s"
    elif target.file is not None and target.file.exists():
        connection, mark = duckdb.connect(str(target.file), read_only=True), "?"
    else:
        yield None
        return
    try:
        yield Peek(connection, mark, target.dataset)
    finally:
        connection.close()


def duckdb_rights(target: Target, region_code: str) -> Answer:
    assert target.file is not None
    file, folder = target.file, target.file.parent
    refused = [str(path) for path in (folder, file) if path.exists() and not os.access(path, os.W_OK)]
    if refused:
        text = f"{' and '.join(refused)} cannot be written: give the loading user the right, or choose another file"
        return Answer(region_code, "database", text, ConfigError.exit_code)
    state = f"{file.stat().st_size >> 20} MB" if file.exists() else "will be made"
    return Answer(region_code, "database", f"DuckDB file {file.name} ({state}) and its folder can be written")


def postgres_rights(peek: Peek, region_code: str) -> list[Answer]:
    user, server = peek.rows("select current_user, current_setting('server_version')")[0]
    answers = []
    missing = []
    if peek.value("select pg_is_in_recovery()"):
        missing.append("the server is a standby: give the address of the primary")
    if peek.value("select reset_val from pg_settings where name = %s", READ_ONLY) == "on":
        missing.append(f"{READ_ONLY} is on: alter role {user} set default_transaction_read_only = off")
    may_create = peek.value("select has_database_privilege(current_database(), 'CREATE')")
    for schema in (peek.dataset, f"{peek.dataset}_staging_{region_code}"):
        if not peek.value("select count(*) from pg_namespace where nspname = %s", schema):
            if not may_create:
                missing.append(f"schema {schema} is not there: grant create on database to {user}")
        elif not all(
            peek.value("select has_schema_privilege(%s, %s)", schema, right) for right in SCHEMA_RIGHTS
        ):
            missing.append(f"grant create, usage on schema {schema} to {user}")
        foreign = peek.value(
            "select count(*) from pg_tables where schemaname = %s and not pg_has_role(tableowner, 'USAGE')",
            schema,
        )
        if foreign:
            missing.append(
                f"{foreign} tables of {schema} belong to somebody else: alter their owner to {user}"
            )
    if not peek.value("select has_database_privilege(current_database(), 'TEMPORARY')"):
        missing.append(f"grant temporary on database to {user}")
    code = ConfigError.exit_code
    answers += [Answer(region_code, "database", text, code) for text in missing]
    return answers or [
        Answer(region_code, "database", f"PostgreSQL {server}: {user} has all rights it needs")
    ]


def loaded_rows(peek: Peek, region_code: str) -> dict[str, int]:
    """Live rows of the region by table; nothing before the first load."""
    return {
        table: peek.value(
            f"select count(*) from {peek.dataset}.{table} where region_code = %s and deleted_at is null",
            region_code,
        )
        for table in COUNTED
        if peek.columns(table)
    }


def past_requests(peek: Peek, region_code: str) -> dict[tuple[str, str], int]:
    """Median requests of the newest good runs by entity and extent; none from before a complete first run."""
    if "reading" not in peek.columns("sync_runs"):
        return {}
    found: dict[tuple[str, str], list[int]] = {}
    for entity, reading, requests in peek.rows(
        f"select entity, reading, requests from {peek.dataset}.sync_runs where region_code = %s and status = 'ok' "
        "and reading in ('whole', 'changes') order by started_at desc limit 1000",
        region_code,
    ):
        found.setdefault((entity, reading), []).append(requests)
    return {key: round(median(requests[:5])) for key, requests in found.items()}


def details_left(peek: Peek, region_code: str) -> int | None:
    """Live tasks whose comments and requirements are missing or older than the task; None before a first load."""
    if not (peek.columns("tasks") and peek.columns("task_details")):
        return None
    return int(
        peek.value(
            f"select count(*) from {peek.dataset}.tasks as tasks left join {peek.dataset}.task_details as details "
            "on details.region_code = tasks.region_code and details.task_id = tasks.task_id "
            "where tasks.region_code = %s and tasks.deleted_at is null and (details.task_id is null "
            "or details.task_updated_at is distinct from tasks.updated_at)",
            region_code,
        )
    )
