"""Whether a database can be loaded into at all, found out the way loads connect: before anything is read.

`--check` and the start of every run ask the same. What is missing is said with the statement or address that mends it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from breezeway_source.errors import ConfigError
from pipelines.database import destinations
from pipelines.database.ddl import rows_of
from pipelines.database.destinations import DUCKDB_KEY, POSTGRES_KEY, Target

OLDEST_POSTGRES = 130000
DIRECT = (
    "Loads need a direct connection: a pooler such as pgbouncer, Supabase's or Neon's keeps neither session locks nor "
    f"settings. Next: set the server's own address ({POSTGRES_KEY}), usually another port or host than the pooler's"
)


class UnfitDatabase(ConfigError):
    """The database cannot be loaded into; nothing is written to it, the run's history neither."""


def refuse_unfit(target: Target, region_code: str) -> None:
    """Raises UnfitDatabase where a load could not work."""
    faults = faults_of(target, region_code)
    if faults:
        raise UnfitDatabase("; ".join(faults) + ".")


def faults_of(target: Target, region_code: str) -> list[str]:
    """What keeps loads from working, in words. Other destinations than PostgreSQL and DuckDB's family are not asked.

    Raises UnfitDatabase for a server that cannot be reached.
    """
    if target.postgres is not None:
        return _postgres_faults(target, region_code)
    if target.file is None and target.engine.dialect == "duckdb":
        return _extension_faults(target.name)
    return []


def _extension_faults(name: str) -> list[str]:
    """DuckDB fetches the extension into the user's home folder at its first use."""
    try:
        with duckdb.connect() as connection:
            connection.install_extension(name)
            connection.load_extension(name)
    except duckdb.Error as e:
        return [
            f"DuckDB's extension {name} is not to be had here ({first_line(e)}). Next: let this machine reach "
            f"extensions.duckdb.org, and the loading user have a home folder (HOME), or once on this machine: "
            f"python -c \"import duckdb; duckdb.connect().install_extension('{name}')\""
        ]
    return []


def _postgres_faults(target: Target, region_code: str) -> list[str]:
    """What is wrong with the server, seen through a connection like a load's. Raises UnfitDatabase without one."""
    assert target.postgres is not None
    client = Psycopg2SqlClient(
        target.dataset,
        target.engine.staging_layout(region_code) % target.dataset,
        target.session(region_code),
        postgres().capabilities(),
    )
    try:
        with client:
            ((number, version, encoding, path, wait, zone),) = rows_of(
                client,
                "select current_setting('server_version_num')::int, current_setting('server_version'), "
                "current_setting('server_encoding'), current_setting('search_path'), "
                "current_setting('lock_timeout'), current_setting('TimeZone')",
            )
    except psycopg2.Error as e:
        text = first_line(e)
        if "unsupported startup parameter" in text:
            raise UnfitDatabase(
                f"PostgreSQL cannot be loaded through this address ({text}). {DIRECT}."
            ) from e
        raise UnfitDatabase(f"PostgreSQL cannot be reached: {text}") from e
    faults = []
    if target.dataset not in path or wait not in destinations.LOCK_TIMEOUT or zone != "UTC":
        faults.append(
            f"The settings of the session do not arrive (search_path {path}, lock_timeout {wait}). {DIRECT}"
        )
    if encoding != "UTF8":
        faults.append(
            f"The database has the encoding {encoding}, which cannot hold every letter of the API's texts. Next: "
            f"create database ... encoding 'UTF8' template template0, and name it in {POSTGRES_KEY}"
        )
    if number < OLDEST_POSTGRES:
        faults.append(f"The server is PostgreSQL {version}: 13 or newer is needed")
    return faults


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


# --- DuckDB ------------------------------------------------------------------------------------------------


def unreadable_file(file: Path, error: Exception) -> UnfitDatabase:
    """Why DuckDB does not open a file, and what to do; a lock is no reason (locks.py waits for that)."""
    if isinstance(error, PermissionError) or "ermission denied" in str(error):
        return UnfitDatabase(
            f"The DuckDB file {str(file)!r} cannot be written: give the loading user the right, or choose another "
            f"({DUCKDB_KEY})."
        )
    made_by = _version_that_made(file)
    if made_by is None and file.exists() and not _is_duckdb(file):
        return UnfitDatabase(
            f"The DuckDB file {str(file)!r} cannot be opened: {first_line(error)}. Next: it is no database of "
            f"DuckDB, so move it away, or choose another file ({DUCKDB_KEY})."
        )
    if made_by is not None and _numbers(made_by) > _numbers(duckdb.__version__):
        return UnfitDatabase(
            f"The DuckDB file {str(file)!r} was made by DuckDB {made_by}, and this machine has {duckdb.__version__}, "
            f"which cannot read it. Next: pip install 'duckdb>={made_by}', or choose another file ({DUCKDB_KEY})."
        )
    return UnfitDatabase(
        f"The DuckDB file {str(file)!r} cannot be opened: {first_line(error)}. Next: restore it from a backup, or "
        f"choose another file ({DUCKDB_KEY}): a first load reads everything again."
    )


def _header(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(84)
    except OSError:
        return b""


def _is_duckdb(file: Path) -> bool:
    return _header(file)[8:12] == b"DUCK"


def _version_that_made(file: Path) -> str | None:
    """As the file's first block names it: `1.4.2`; None where it does not."""
    if not _is_duckdb(file):
        return None
    named = _header(file)[52:84].rstrip(b"\0").decode("ascii", "replace").removeprefix("v")
    return named if re.fullmatch(r"\d+\.\d+[\w.-]*", named) else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def is_held(error: Any) -> bool:
    """Whether another process has the file: DuckDB has one writer."""
    return isinstance(error, duckdb.Error) and "lock" in str(error).lower() and "checksum" not in str(error)
