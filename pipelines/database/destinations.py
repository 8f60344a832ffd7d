"""Where the rows go: DuckDB or PostgreSQL with all they need, other dlt destinations by their name.

Regions share one dataset and have their own staging dataset each: with dlt's default one, two regions loading at
once empty each other's staging tables.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.destination import Destination as DltDestination
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.runtime.run_context import active
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.pipeline import Pipeline

from breezeway_source.errors import ConfigError, unknown_name

DATASET = "breezeway"
PREFIX = "breezeway_"  # of a pipeline's name; the region's code behind it
SANDBOX_PREFIX = "breezeway_sandbox_"
LOCAL_FILE = "breezeway_local.duckdb"
SANDBOX_FILE = "breezeway_sandbox.duckdb"
# How loading sessions call themselves in pg_stat_activity, the region behind it; dlt makes a space a `+` (1.31).
SESSION_PREFIX = "breezeway:"
DUCKDB_KEY = "DESTINATION__DUCKDB__CREDENTIALS"
# Waiting for a table that a reader holds open must not stop all regions (design: "readers never block a run").
LOCK_TIMEOUT = "-clock_timeout=10s"


@dataclass(frozen=True)
class Target:
    """One configured destination; `location` tells one database from another and holds no secret."""

    name: str
    location: str
    file_format: Any
    file: Path | None = None
    postgres: PostgresCredentials | None = None
    sandbox: bool = False

    @property
    def has_sql(self) -> bool:
        """Whether links, views and checks are made there."""
        return self.name in ("duckdb", "postgres")

    def pipeline_name(self, region_code: str) -> str:
        return f"{SANDBOX_PREFIX if self.sandbox else PREFIX}{region_code}"

    def pipeline(self, region_code: str, pipelines_dir: str | None = None) -> Pipeline:
        """The region's pipeline. Its working folder belongs to this database: packages left over from one
        destination must never be loaded into another."""
        folder = hashlib.sha256(self.location.encode()).hexdigest()[:10]
        root = pipelines_dir or active().get_data_entity("pipelines")
        return dlt.pipeline(
            self.pipeline_name(region_code),
            destination=self._dlt_destination(region_code),
            dataset_name=DATASET,
            pipelines_dir=os.path.join(root, f"{self.name}_{folder}"),
        )

    def _dlt_destination(self, region_code: str) -> Any:
        staging = f"%s_staging_{region_code}"
        if self.file is not None:
            return dlt.destinations.duckdb(str(self.file), staging_dataset_name_layout=staging)
        if self.postgres is not None:
            credentials = self.postgres.copy()
            query = credentials.query or {}
            options = "\t".join(filter(None, (query.get("options"), LOCK_TIMEOUT)))
            session = {"application_name": f"{SESSION_PREFIX}{region_code}"}
            credentials.query = {**session, **query, "options": options}
            return dlt.destinations.postgres(credentials, staging_dataset_name_layout=staging)
        return DltDestination.from_reference(self.name)


def find_target(name: str, *, sandbox: bool = False) -> Target:
    """The destination as configured. Raises ConfigError for an unknown name or unusable credentials."""
    if name == "duckdb":
        return duckdb_target(_duckdb_file(sandbox), sandbox=sandbox)
    if name == "postgres":
        credentials = _postgres_credentials()
        location = f"{credentials.host}:{credentials.port}/{credentials.database}"
        socket = (credentials.query or {}).get("host", "")
        return Target(name, f"{location}?{socket}", "csv", postgres=credentials, sandbox=sandbox)
    try:
        DltDestination.from_reference(name)
    except (UnknownDestinationModule, ImportError, ValueError, AttributeError) as e:
        known = sorted(n for n in vars(dlt.destinations)["__all__"] if n not in ("destination", "dummy"))
        raise unknown_name("destination", name, known) from e
    return Target(name, name, None, sandbox=sandbox)


def duckdb_target(file: Path, *, sandbox: bool = False) -> Target:
    """A DuckDB file. Refuses a file named like the dataset: DuckDB could not tell `breezeway.tasks` apart."""
    file = file.absolute()
    if file.stem.lower() == DATASET or file.stem.lower().startswith(f"{DATASET}_staging_"):
        raise ConfigError(
            f"The DuckDB file {file.name!r} has the name of a dataset, which DuckDB refuses as ambiguous: "
            f"choose another, such as {LOCAL_FILE!r} ({DUCKDB_KEY})."
        )
    if not file.parent.is_dir():
        raise ConfigError(f"The folder of the DuckDB file {str(file)!r} does not exist ({DUCKDB_KEY}).")
    # Parquet: dlt's SQL text is 15 times slower on DuckDB and takes 40 times the memory (measured, dlt 1.31).
    return Target("duckdb", str(file), "parquet", file=file, sandbox=sandbox)


def _duckdb_file(sandbox: bool) -> Path:
    """The configured file. Sandbox rows go into a file of their own unless the environment names one."""
    configured = os.environ.get(DUCKDB_KEY)
    if configured is None and not sandbox:
        key = "destination.duckdb.credentials"
        value: Any = dlt.secrets.get(key) or dlt.config.get(key)
        if isinstance(value, dict):
            value = value.get("database")
        configured = str(value) if value else None
    if not configured:
        return Path(SANDBOX_FILE if sandbox else LOCAL_FILE)
    return Path(configured.removeprefix("duckdb:///"))


def _postgres_credentials() -> PostgresCredentials:
    sections = ("destination", "postgres", "credentials")
    try:
        credentials = resolve_configuration(
            PostgresCredentials(), sections=sections[:2], explicit_value=_explicit()
        )
    except (ConfigurationException, ValueError) as e:
        raise ConfigError(
            "PostgreSQL has no usable credentials: set destination.postgres.credentials in .dlt/secrets.toml "
            "or DESTINATION__POSTGRES__CREDENTIALS, such as postgresql://user:password@host:5432/database."
        ) from e
    credentials.query = dict(credentials.query or {})
    if "options" in credentials.query:
        # Tabs between options: dlt writes a space as `+` into the URL, which libpq refuses (dlt 1.31).
        credentials.query["options"] = "\t".join(credentials.query["options"].split())
    return credentials


def _explicit() -> Any:
    return dlt.secrets.get("destination.postgres.credentials") or dlt.config.get(
        "destination.postgres.credentials"
    )
