"""Database objects beside the tables: the lock they are made under, and what a refusal of one means.

Everything here works through a dlt SQL client that is already open; its search path is the dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from breezeway_source.errors import ConfigError

SQL_DIR = Path(__file__).resolve().parents[2] / "sql_post"

REGION_CODE = re.compile(r"[a-z][a-z0-9_]*")
PLACEHOLDER = re.compile(r"(?<!:):region_code\b")

LOCK_WAIT_S = 30  # for our own turn: other regions' runs make the same objects
JOIN_MEMORY_MB = 64
TABLE_WAIT_S = 5  # for readers and writers of a table: they are never made to queue longer behind us

# PostgreSQL's codes for "somebody else holds it": lock_timeout expired, deadlock.
LOCK_TIMEOUT_STATE = "55P03"
BUSY_STATES = frozenset({LOCK_TIMEOUT_STATE, "40P01"})

SqlClient = SqlClientBase[Any]


def is_postgres(client: SqlClient) -> bool:
    """Whether the destination is PostgreSQL."""
    return client.capabilities.sqlglot_dialect == "postgres"


def ddl_lock_name(dataset_name: str) -> str:
    """The text whose hash is the advisory lock around every change of tables, views and indexes.

    The same as in `locks.ddl_lock`. Never ask for it while that one is held: it is another session's.
    """
    return f"{dataset_name}:ddl"


@contextmanager
def roomy_transaction(client: SqlClient) -> Iterator[None]:
    """One transaction whose joins over all tasks stay in memory.

    With PostgreSQL's default of 4 MB, the join of a million tasks goes to disk in parts and the rows come out
    in their order, so that writing them jumps through the table: twice the time (18.4).
    """
    with client.begin_transaction():
        if is_postgres(client):
            client.execute_sql(f"set local work_mem = '{JOIN_MEMORY_MB}MB'")
        yield


@contextmanager
def ddl_transaction(client: SqlClient, table_wait_s: int | None = None) -> Iterator[None]:
    """One transaction that alone in the dataset changes views, indexes or comments, with bounded waits.

    Raises what the client raises; `is_busy` tells whether a wait ran out.
    """
    with client.begin_transaction():
        if is_postgres(client):
            # lock_timeout covers the advisory lock too (PostgreSQL 13 and newer).
            client.execute_sql(f"set local lock_timeout = '{LOCK_WAIT_S}s'")
            client.execute_sql(
                "select pg_advisory_xact_lock(hashtext(%s))", ddl_lock_name(client.dataset_name)
            )
            client.execute_sql(f"set local lock_timeout = '{table_wait_s or TABLE_WAIT_S}s'")
        yield


def sql_state(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of an error that dlt has wrapped, None where there is none."""
    inner = getattr(error, "dbapi_exception", None) or error.__cause__ or error
    return getattr(inner, "pgcode", None)


def is_busy(error: DatabaseException) -> bool:
    """Whether the statement failed because another session held a lock for too long."""
    return sql_state(error) in BUSY_STATES


def busy(what: str) -> str:
    """The warning for what a lock kept from being made."""
    return f"{what}: not renewed, another session held a lock for too long; the next run tries again."


def is_lock_timeout(error: DatabaseException) -> bool:
    """Whether the statement waited for a lock until `lock_timeout` expired."""
    return sql_state(error) == LOCK_TIMEOUT_STATE


def first_line(error: Exception) -> str:
    """The database's own words, without the statement and the position it adds below."""
    inner = getattr(error, "dbapi_exception", None) or error
    return (str(inner).strip().splitlines() or [""])[0]


def rows_of(client: SqlClient, query: str, *args: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return [tuple(row) for row in client.execute_sql(query, *args) or ()]


def quoted(text: str) -> str:
    """The text as an SQL literal, for statements that take no parameters (COMMENT ON)."""
    return "'" + text.replace("'", "''") + "'"


def with_region(sql: str, region_code: str) -> str:
    """The script with `:region_code` replaced by the quoted code.

    Raises ConfigError for a code that is not lower-case letters, digits and underscores.
    """
    if not REGION_CODE.fullmatch(region_code):
        raise ConfigError(f"Region code {region_code!r} must match {REGION_CODE.pattern}.")
    return PLACEHOLDER.sub(f"'{region_code}'", sql)
