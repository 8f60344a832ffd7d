"""Where the rows go: the configured database behind a destination's name.

Regions share one dataset and have their own staging dataset each (engines.py says why).
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.destination import Destination as DltDestination
from dlt.common.runtime.run_context import active
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.pipeline import Pipeline

from breezeway_source.errors import ConfigError
from breezeway_source.settings import Settings
from pipelines.database.engines import ENGINES, Engine, engine_of
from pipelines.database.folder import is_whole
from pipelines.database.places import shown, why

DATASET = Settings.dataset_name
PREFIX = "breezeway_"  # of a pipeline's name; the region's code behind it
SANDBOX_PREFIX = "breezeway_sandbox_"
LOCAL_FILE = "breezeway_local.duckdb"
SANDBOX_FILE = "breezeway_sandbox.duckdb"
# How loading sessions call themselves in pg_stat_activity, the region behind it; dlt makes a space a `+` (1.31).
SESSION_PREFIX = "breezeway:"
DUCKDB_KEY = "DESTINATION__DUCKDB__CREDENTIALS"
POSTGRES_KEY = "DESTINATION__POSTGRES__CREDENTIALS"
# Waiting for a table that a reader holds open must not stop all regions (design: "readers never block a run").
LOCK_TIMEOUT = "-clock_timeout=10s"
# Days and clock times of scripts are those of UTC, whatever zone the server, the role or the database has.
SESSION_ZONE = "-cTimeZone=UTC"
# What administrators hand out for other drivers; libpq takes `postgresql` alone.
POSTGRES_SCHEMES = re.compile(r"^(?:postgres|postgresql|postgis|pgsql)(?:\+\w+)?(?=://)")

log = logging.getLogger("breezeway")


class _FileCredentials(DuckDbCredentials):
    """A file's path, taken and told without being an address: for those dlt imports sqlalchemy, where there is one."""

    def __str__(self) -> str:
        return f"{self.drivername}:///{self.database}"


@dataclass(frozen=True)
class Target:
    """One configured destination.

    `location` tells one database from another by host, port, name or resolved file, never by user or password:
    another user's run is a run on the same rows.
    """

    engine: Engine
    location: str
    dataset: str = DATASET
    file: Path | None = None
    postgres: PostgresCredentials | None = None
    sandbox: bool = False

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def file_format(self) -> Any:
        """Of load files; None for dlt's own choice."""
        return self.engine.file_format

    @property
    def has_sql(self) -> bool:
        """Whether links, views and checks are made there."""
        return self.engine.has_scripts

    @property
    def is_sqlite(self) -> bool:
        return self.location.startswith("sqlalchemy:sqlite")

    @property
    def takes_turns(self) -> bool:
        """Whether one writer at a time is all that it takes."""
        return self.engine.dialect == "duckdb" or self.is_sqlite

    @property
    def place(self) -> str:
        """Database and dataset: what rows, cursors and packages belong to."""
        return f"{self.name} {self.location} {self.dataset}"

    def pipeline_name(self, region_code: str) -> str:
        return f"{SANDBOX_PREFIX if self.sandbox else PREFIX}{region_code}"

    def pipeline(self, region_code: str, pipelines_dir: str | None = None) -> Pipeline:
        """The region's pipeline, where dlt's own tools look for it: `dlt pipeline breezeway_smoky info`.

        A working folder that belongs to another database or dataset is emptied: packages left over from one must
        never be loaded into another, and the cursors are in the destination. Whoever loads holds the folder's
        lock by then.
        """
        root = pipelines_root(pipelines_dir)
        name = self.pipeline_name(region_code)
        self._claim(root, name)
        return dlt.pipeline(
            name,
            destination=self._dlt_destination(region_code),
            dataset_name=self.dataset,
            pipelines_dir=str(root),
        )

    def _claim(self, root: Path, name: str) -> None:
        """Make the working folder this database's. Safe to be killed in: what nobody owns is emptied again."""
        owner = root / f".{name}.owner"
        if not owner.is_file() or owner.read_text("utf-8") != self.place:
            owner.unlink(missing_ok=True)
            if (root / name).exists():
                log.info("%s: its working folder belongs to another database and is emptied", name)
                shutil.rmtree(root / name)
            root.mkdir(parents=True, exist_ok=True)
            owner.write_text(self.place, "utf-8")
        elif not is_whole(root / name):
            log.warning(
                "%s: its working folder was cut off (a power failure, a full disk) and is emptied; nothing is lost: "
                "what was not loaded yet is read again.",
                name,
            )
            shutil.rmtree(root / name)
        # The layout before had one folder a database, which dlt's tools did not find. Its packages are read again.
        earlier = root / f"{self.name}_{hashlib.sha256(self.location.encode()).hexdigest()[:10]}"
        if (earlier / name).exists():
            shutil.rmtree(earlier / name)

    def session(self, region_code: str) -> PostgresCredentials:
        """PostgreSQL's address as loads use it: with their name, time-out and time zone."""
        assert self.postgres is not None
        credentials = self.postgres.copy()
        query = credentials.query or {}
        # Tabs between options: dlt writes a space as `+` into the URL, which libpq refuses (dlt 1.31).
        options = "\t".join(filter(None, (query.get("options"), LOCK_TIMEOUT, SESSION_ZONE)))
        session = {"application_name": f"{SESSION_PREFIX}{region_code}"}
        credentials.query = {**query, **session, "options": options}
        return credentials

    def _dlt_destination(self, region_code: str) -> Any:
        staging = self.engine.staging_layout(region_code)
        # dlt takes resolved credentials as they are, and resolves others again for each client it makes (1.31).
        if self.file is not None:
            credentials = _FileCredentials()
            credentials.database = str(self.file)
            return _configured_once(
                dlt.destinations.duckdb(credentials.resolve(), staging_dataset_name_layout=staging)
            )
        if self.postgres is not None:
            return _configured_once(
                dlt.destinations.postgres(self.session(region_code), staging_dataset_name_layout=staging)
            )
        if self.is_sqlite:  # jobs beside each other find it locked
            return DltDestination.from_reference(
                self.name, staging_dataset_name_layout=staging, loader_parallelism_strategy="sequential"
            )
        return DltDestination.from_reference(self.name, staging_dataset_name_layout=staging)


def _configured_once(destination: Any) -> Any:
    """The destination, which tells what it can do without resolving its configuration anew.

    dlt (1.31) asks that twelve times a run: a seventh of a quiet hour's CPU.
    """
    configured = destination.configuration(destination.spec(), accept_partial=True)
    capabilities = destination.capabilities

    def known(config: Any = None, naming: Any = None) -> Any:
        return capabilities(configured if config is None else config, naming)

    destination.capabilities = known
    return destination


def pipelines_root(pipelines_dir: str | None = None) -> Path:
    """The folder of all working folders: dlt's own (DLT_DATA_DIR moves it) unless one is given."""
    return Path(pipelines_dir or active().get_data_entity("pipelines"))


def find_target(name: str, *, dataset: str = DATASET, sandbox: bool = False) -> Target:
    """The destination as configured. Raises ConfigError for an unknown or refused name, a missing package and
    unusable credentials."""
    engine = engine_of(name)
    if name == "duckdb":
        return duckdb_target(_duckdb_file(sandbox), dataset=dataset, sandbox=sandbox)
    if name == "postgres":
        credentials = _postgres_credentials()
        location = f"{credentials.host}:{credentials.port}/{credentials.database}"
        socket = (credentials.query or {}).get("host", "")
        return Target(engine, f"{location}?{socket}", dataset, postgres=credentials, sandbox=sandbox)
    return Target(engine, _other_location(engine, dataset), dataset, sandbox=sandbox)


def duckdb_target(file: Path, *, dataset: str = DATASET, sandbox: bool = False) -> Target:
    """A DuckDB file. Refuses a file named like a dataset: DuckDB could not tell `breezeway.tasks` apart."""
    file = file.absolute()
    _refuse_clash(file, dataset)
    try:
        file = file.resolve()  # one file, one lock, one working folder, by whatever way it is reached
        is_dir, is_other = file.is_dir(), file.exists() and not file.is_file()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as e:  # RuntimeError: a link to itself (Python 3.12)
        raise ConfigError(
            f"The DuckDB file {shown(file)} cannot be opened: {why(e)}. Next: name another ({DUCKDB_KEY})."
        ) from e
    _refuse_clash(file, dataset)
    if is_dir:
        raise ConfigError(f"The DuckDB file {str(file)!r} is a folder: name a file in it ({DUCKDB_KEY}).")
    if is_other:
        raise ConfigError(f"The DuckDB file {str(file)!r} is a pipe or a device: name a file ({DUCKDB_KEY}).")
    if not file.parent.is_dir():
        raise ConfigError(
            f"The folder of the DuckDB file {str(file)!r} does not exist: make it, or name another ({DUCKDB_KEY})."
        )
    return Target(ENGINES["duckdb"], str(file), dataset, file=file, sandbox=sandbox)


def _refuse_clash(file: Path, dataset: str) -> None:
    """DuckDB calls a database after the file's name up to the first dot, and compares without case."""
    database = file.name.lower().partition(".")[0]
    if database == "information_schema" or database == dataset or database.startswith(f"{dataset}_staging_"):
        raise ConfigError(
            f"The DuckDB file {file.name!r} has the name of a dataset (DuckDB takes the text before the first dot), "
            f"which it refuses as ambiguous: choose another, such as {f'{dataset}_local.duckdb'!r} ({DUCKDB_KEY})."
        )


def _duckdb_file(sandbox: bool) -> Path:
    """The configured file. Sandbox rows go into a file of their own unless the environment names one."""
    configured = os.environ.get(DUCKDB_KEY)
    if configured is None and not sandbox:
        value = _configured("destination.duckdb.credentials")
        if isinstance(value, dict):
            value = value.get("database")
        configured = str(value) if value else None
    if not configured:
        return Path(SANDBOX_FILE if sandbox else LOCAL_FILE)
    if configured.startswith(":"):
        raise ConfigError(
            f"The DuckDB file {configured!r} would be gone with the run: name a file ({DUCKDB_KEY})."
        )
    if configured.startswith(("md:", "motherduck:")):  # else a file of that name
        raise ConfigError(f"{DUCKDB_KEY} names a database of MotherDuck. Next: --destination motherduck.")
    return Path(configured.strip().removeprefix("duckdb:///")).expanduser()


def _postgres_credentials() -> PostgresCredentials:
    explicit = _configured("destination.postgres.credentials")
    if isinstance(explicit, str):
        explicit = POSTGRES_SCHEMES.sub("postgresql", explicit.strip())
    try:
        credentials = resolve_configuration(
            PostgresCredentials(), sections=("destination", "postgres"), explicit_value=explicit
        )
    except (ConfigurationException, ValueError):  # whose texts quote the address
        credentials = None
    if credentials is None or credentials.drivername != "postgresql":
        raise ConfigError(
            "PostgreSQL has no usable credentials: set destination.postgres.credentials in .dlt/secrets.toml "
            f"or {POSTGRES_KEY}, such as postgresql://user:password@host:5432/database."
        )
    credentials.query = dict(credentials.query or {})
    if "options" in credentials.query:
        credentials.query["options"] = "\t".join(credentials.query["options"].split())
    return credentials


def _configured(key: str) -> Any:
    return dlt.secrets.get(key) or dlt.config.get(key)


# --- the other destinations --------------------------------------------------------------------------------

# Of their credentials, what tells one database from another; never user or password.
_PLACE = ("drivername", "host", "port", "database", "project_id", "server_hostname", "catalog")


def _other_location(engine: Engine, dataset: str) -> str:
    """Tells one database from another. Raises ConfigError where package or credentials are missing."""
    key = f"destination.{engine.name}"
    destination: Any = DltDestination.from_reference(engine.name)
    try:
        _ = destination.client_class  # imports the driver
        spec = destination.spec()
        if hasattr(spec, "_bind_dataset_name"):
            spec._bind_dataset_name(dataset)
        credentials = destination.configuration(spec).credentials
    except ImportError:  # dlt's MissingDependencyException is one
        raise ConfigError(
            f"The destination {engine.name!r} needs a package that is not installed. "
            f"Next: pip install 'dlt[{engine.extra}]'."
        ) from None
    except ConfigFieldMissingException as e:
        keys = _missing_keys(e.traces, key)
        raise ConfigError(
            f"The destination {engine.name!r} has no usable credentials: set {', '.join(keys)} in "
            f".dlt/secrets.toml, or {keys[0].upper().replace('.', '__')} and so on in the environment."
        ) from None
    except (ConfigurationException, ValueError) as e:  # whose texts quote the address
        raise ConfigError(f"{key}.credentials cannot be read ({type(e).__name__}).") from None
    told = (str(getattr(credentials, name, None) or "") for name in _PLACE)
    return ":".join([engine.name, *(re.sub(r"://\S*@", "://", text) for text in told)])


def _missing_keys(traces: Mapping[str, Any], place: str) -> list[str]:
    """The missing keys in full, down to the fields of the credentials; of several kinds of them, the first."""
    keys = []
    for field, found in traces.items():
        nested = next((trace.traces for trace in found if hasattr(trace, "traces")), None)
        inner = f"{place}.{field}"
        keys += _missing_keys(nested, inner) if nested else [inner]
    return [key for key in keys if ".credentials" in key] or keys
