"""Who may write, and when: one run per region, one DDL at a time, one DuckDB process at a time.

Locks belong to a session or an open file, so the lock of a dead run is gone with it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pendulum
import psycopg2

from breezeway_source.errors import ConfigError

from pipelines.ddl import ddl_lock_name
from pipelines.destinations import DATASET, Target

FILE_WAIT_S = 20.0
FILE_POLL_S = 0.25

_duckdb_use = threading.RLock()


@contextmanager
def region_lock(target: Target, region_code: str) -> Iterator[None]:
    """Holds the region for this run. Raises ConfigError naming the run that holds it already."""
    if target.postgres is not None:
        with _advisory_region_lock(target, region_code):
            yield
    elif target.file is not None:
        with _file_region_lock(target.file, region_code):
            yield
    else:
        yield


@contextmanager
def ddl_lock(target: Target) -> Iterator[None]:
    """Held while tables are made or altered: processes that do it at once break each other's statements.

    It waits on a connection of its own, without the time-out of the loading ones.
    """
    if target.postgres is None:
        yield
        return
    connection = _connect(target)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtext(%s))", (ddl_lock_name(DATASET),))
        yield
    finally:
        connection.close()  # ends the session, and the lock with it


@contextmanager
def database_use(target: Target) -> Iterator[None]:
    """For DuckDB, which has one writer: threads take turns, another process is waited for a little.

    Raises ConfigError naming the process that keeps the file.
    """
    if target.file is None:
        yield
        return
    with _duckdb_use:
        _wait_for_file(target.file)
        yield


def _wait_for_file(file: Path) -> None:
    deadline = time.monotonic() + FILE_WAIT_S
    while True:
        try:
            duckdb.connect(str(file)).close()
            return
        except duckdb.IOException as e:
            if "lock" not in str(e).lower():
                raise ConfigError(f"The DuckDB file {str(file)!r} cannot be opened: {_last_line(e)}") from e
            if time.monotonic() >= deadline:
                raise ConfigError(
                    f"The DuckDB file {str(file)!r} is held by another program ({_holder(e)}): "
                    "close it, or let it finish, and run again."
                ) from e
            time.sleep(FILE_POLL_S)


def _holder(error: Exception) -> str:
    text = str(error)
    start = text.find("PID")
    return text[start:].split(")")[0] if start >= 0 else "its process is not named"


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]


@contextmanager
def _file_region_lock(file: Path, region_code: str) -> Iterator[None]:
    path = file.with_name(f".{file.name}.{region_code}.lock")
    with open(path, "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            lock.seek(0)
            raise ConfigError(_busy(region_code, _who(lock.read()))) from e
        lock.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": str(pendulum.now("UTC"))}, lock)
        lock.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _who(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']} since {holder['since'][:19]} UTC"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _busy(region_code: str, who: str) -> str:
    return f"Region {region_code!r} is being loaded by {who}: wait until it has finished."


@contextmanager
def _advisory_region_lock(target: Target, region_code: str) -> Iterator[None]:
    connection = _connect(target, f"breezeway run {region_code} pid {os.getpid()} on {socket.gethostname()}")
    try:
        with connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_lock(hashtext(%s), hashtext(%s))", (DATASET, region_code))
            row = cursor.fetchone()
            if row is None or not row[0]:
                cursor.execute(
                    "select activity.application_name, activity.backend_start from pg_locks as locks "
                    "join pg_stat_activity as activity on activity.pid = locks.pid "
                    "where locks.locktype = 'advisory' and locks.granted and locks.database = "
                    "(select oid from pg_database where datname = current_database()) "
                    "and locks.classid::bigint = hashtext(%s)::bigint & 4294967295 "
                    "and locks.objid::bigint = hashtext(%s)::bigint & 4294967295",
                    (DATASET, region_code),
                )
                holder = cursor.fetchone()
                who = f"{holder[0]} since {holder[1]:%Y-%m-%d %H:%M:%S}" if holder else "another process"
                raise ConfigError(_busy(region_code, who))
        yield
    finally:
        connection.close()


def _connect(target: Target, application_name: str = "breezeway") -> psycopg2.extensions.connection:
    """A session of its own, in autocommit: an idle transaction would hold back vacuum for the whole run."""
    assert target.postgres is not None
    try:
        connection = psycopg2.connect(target.postgres.to_native_representation(), application_name=application_name)
    except psycopg2.OperationalError as e:
        raise ConfigError(f"PostgreSQL cannot be reached: {_last_line(e)}") from e
    connection.autocommit = True
    return connection
