"""Who may write, and when: one run per region, one DDL at a time, one DuckDB process at a time.

Locks belong to a session or an open file, so the lock of a dead run is gone with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import duckdb
import pendulum
import psycopg2
from dlt.destinations.exceptions import DatabaseTransientException

from breezeway_source.errors import ConfigError
from pipelines.database.ddl import ddl_lock_name
from pipelines.database.destinations import DATASET, Target, pipelines_root
from pipelines.database.fitness import UnfitDatabase, first_line, is_held, refuse_unfit, unreadable_file
from pipelines.database.places import shown, why
from pipelines.database.waits import waiting

FILE_WAIT_S = 20.0
FILE_POLL_S = 0.25
# A run that was killed a moment ago: its session is there until the server notices.
ENDING_WAIT_S = 2.0
ENDING_POLL_S = 0.1

_duckdb_use = threading.RLock()


class _Turns:
    """Whether this process has its turn at a lake: a use within a use is the same one. Guarded by `_duckdb_use`."""

    held = False


_turns = _Turns()


@contextmanager
def region_lock(target: Target, region_code: str) -> Iterator[Callable[[], None]]:
    """Holds the region for this run. Raises ConfigError naming the run that holds it already, UnfitDatabase where
    the database cannot be loaded into.

    Gives a function for the moment before a load: it takes the lock again where the session was lost, and
    raises ConfigError where another run has come in between.
    """
    refuse_unfit(target, region_code)
    if target.postgres is not None:
        session = _RegionSession(target, region_code)
        try:
            try:
                session.ensure()
            except DatabaseTransientException as e:
                raise UnfitDatabase(f"PostgreSQL cannot be reached: {first_line(e.dbapi_exception)}") from e
            yield session.ensure
        finally:
            session.close()
    elif target.file is not None:
        of_dataset = "" if target.dataset == DATASET else f"{target.dataset}."
        path = target.file.with_name(f".{target.file.name}.{of_dataset}{region_code}.lock")
        with _file_lock(path, partial(_busy, region_code)):
            yield _nothing
    else:
        yield _nothing


def _nothing() -> None:
    """A file's lock cannot be lost."""


@contextmanager
def ddl_lock(target: Target) -> Iterator[None]:
    """Held while tables are made or altered: processes that do it at once break each other's statements.

    It waits on a connection of its own, without the time-outs of the loading ones.
    """
    if target.postgres is None:
        yield
        return
    connection = connect(target)
    try:
        with connection.cursor() as cursor, waiting("its turn to change tables"):
            cursor.execute("select pg_advisory_lock(hashtext(%s))", (ddl_lock_name(target.dataset),))
        yield
    finally:
        connection.close()  # ends the session, and the lock with it


@contextmanager
def database_use(target: Target) -> Iterator[None]:
    """For DuckDB, which has one writer: threads take turns, another process is waited for a little.

    The file stays open meanwhile, so that no other process gets in between two queries of one use. Raises
    UnfitDatabase naming the process that keeps the file, or why it cannot be opened. The writers of a lake, and of
    sqlite, take turns on one machine; between machines a lake's conflicts are tried again.
    """
    if not target.takes_turns:
        yield
        return
    with waiting(f"its turn at {'DuckDB' if target.engine.dialect == 'duckdb' else target.name}"):
        _duckdb_use.acquire()
    try:
        with _held(target):
            yield
    finally:
        _duckdb_use.release()


@contextmanager
def _held(target: Target) -> Iterator[None]:
    if target.file is not None:
        held = _open_file(target.file)
        try:
            yield
        finally:
            held.close()
        return
    name = hashlib.sha256(target.place.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"breezeway-{os.getuid()}-{name}.lock").open("a") as turn:
        if not _turns.held:
            fcntl.flock(turn, fcntl.LOCK_EX)
        outermost, _turns.held = not _turns.held, True
        try:
            yield
        finally:
            _turns.held = _turns.held and not outermost


def _open_file(file: Path) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + FILE_WAIT_S
    while True:
        try:
            return duckdb.connect(str(file))
        except (duckdb.Error, OSError) as e:
            if not is_held(e):
                raise unreadable_file(file, e) from e
            if time.monotonic() >= deadline:
                raise UnfitDatabase(
                    f"The DuckDB file {str(file)!r} is held by another program ({_holder(e)}): "
                    "close it, or let it finish, and run again."
                ) from e
            with waiting("another program that has the DuckDB file"):
                time.sleep(FILE_POLL_S)


def _holder(error: Exception) -> str:
    """Program and process, from DuckDB's own words: `Conflicting lock is held in PROGRAM (PID 123).`"""
    _, found, rest = str(error).partition("lock is held in ")
    return rest.split(")")[0].replace(" (PID", ", process") if found else "its process is not named"


@contextmanager
def folder_lock(target: Target, region_code: str, pipelines_dir: str | None = None) -> Iterator[None]:
    """Holds the region's working folder: another database's run would empty it. Raises ConfigError if it is taken."""
    root = pipelines_root(pipelines_dir)
    name = target.pipeline_name(region_code)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(
            f"The working folder {shown(root)} cannot be made: {why(e)}. Next: name one of yours with DLT_DATA_DIR."
        ) from e
    with _file_lock(root / f".{name}.lock", partial(_folder_busy, str(root / name))):
        yield


def _folder_busy(folder: str, who: str) -> str:
    return (
        f"The working folder {folder!r} is in use by {who}: wait until it has finished, or give this run a folder of "
        "its own with DLT_DATA_DIR."
    )


@contextmanager
def _file_lock(path: Path, busy: Callable[[str], str]) -> Iterator[None]:
    """Holds a file's lock, and says in it who does; `busy` gives the words for who holds it already."""
    with _locked(path, busy) as lock:
        lock.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": str(pendulum.now("UTC"))}, lock)
        lock.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path, busy: Callable[[str], str]) -> Iterator[IO[str]]:
    while True:
        try:
            lock = path.open("a+", encoding="utf-8")
        except OSError as e:
            raise ConfigError(
                f"The lock file {shown(path)} cannot be written: {why(e)}. Next: choose a folder of yours for what it "
                "locks (DESTINATION__DUCKDB__CREDENTIALS names the DuckDB file, DLT_DATA_DIR the working folder)."
            ) from e
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                lock.seek(0)
                raise ConfigError(busy(_who(lock.read()))) from e
            if not _is_same_file(path, lock):
                continue  # the run before removed it between our opening and our lock: it excludes nobody
            yield lock
            return


def _is_same_file(path: Path, opened: IO[str]) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(opened.fileno()))
    except FileNotFoundError:
        return False


def _who(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']} since {holder['since'][:19]} UTC"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _busy(region_code: str, who: str) -> str:
    return f"Region {region_code!r} is being loaded by {who}: wait until it has finished."


class _RegionSession:
    """A session of PostgreSQL that holds the region's advisory lock."""

    def __init__(self, target: Target, region_code: str) -> None:
        self._target = target
        self._region_code = region_code
        self._connection: Any = None

    def ensure(self) -> None:
        """Hold the lock: take it the first time, and again when the session has ended meanwhile."""
        try:
            if self._connection is not None:
                self._connection.cursor().execute("select 1")
                return
        except psycopg2.Error:
            self.close()
        name = f"breezeway run {self._region_code} pid {os.getpid()} on {socket.gethostname()}"
        self._connection = connect(self._target, name[:63])  # PostgreSQL cuts longer ones, with a notice
        deadline = time.monotonic() + ENDING_WAIT_S
        with self._connection.cursor() as cursor:
            while not self._take(cursor):
                if time.monotonic() >= deadline:
                    raise ConfigError(_busy(self._region_code, self._holder(cursor)))
                time.sleep(ENDING_POLL_S)

    def _take(self, cursor: Any) -> bool:
        cursor.execute(
            "select pg_try_advisory_lock(hashtext(%s), hashtext(%s))",
            (self._target.dataset, self._region_code),
        )
        return bool(cursor.fetchone()[0])

    def _holder(self, cursor: Any) -> str:
        cursor.execute(
            "select activity.application_name, activity.backend_start from pg_locks as locks "
            "join pg_stat_activity as activity on activity.pid = locks.pid "
            "where locks.locktype = 'advisory' and locks.granted and locks.database = "
            "(select oid from pg_database where datname = current_database()) "
            "and locks.classid::bigint = hashtext(%s)::bigint & 4294967295 "
            "and locks.objid::bigint = hashtext(%s)::bigint & 4294967295",
            (self._target.dataset, self._region_code),
        )
        found = cursor.fetchone()
        # Other users' sessions show no start; one that has just ended shows nothing.
        return (
            f"{found[0]} since {found[1]:%Y-%m-%d %H:%M:%S %Z}" if found and found[1] else "another process"
        )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


# For sessions that wait, or do nothing for hours: no time-out of the role, the database or the URL ends them.
# `idle_session_timeout` exists from PostgreSQL 14 on.
_PATIENT = """
    select set_config(name, '0', false) from pg_settings
    where name in ('lock_timeout', 'statement_timeout', 'idle_session_timeout')
    union all select set_config('TimeZone', 'UTC', false)"""


def connect(target: Target, application_name: str = "breezeway") -> Any:
    """A session of its own, in autocommit: an idle transaction would hold back vacuum for the whole run.

    Raises dlt's DatabaseTransientException when there is none to be had now.
    """
    assert target.postgres is not None
    url = target.postgres.to_native_representation()
    try:
        # Keep-alives: firewalls forget a connection that is silent for some minutes.
        connection = psycopg2.connect(url, application_name=application_name, keepalives_idle=60)
    except psycopg2.OperationalError as e:
        raise DatabaseTransientException(e) from e
    connection.autocommit = True
    connection.cursor().execute(_PATIENT)
    return connection
