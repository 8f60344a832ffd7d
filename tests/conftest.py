"""Fixtures all tests share: the stand-in API, both databases, and a loader between them.

A test about what happens after a first load begins with `loader.first_load()`: made once a session for equal worlds,
copied for all others. `loader.load()` is for tests of the first load itself, its requests or its report.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pendulum
import pytest
from databases import (  # noqa: F401
    Database,
    database,
    duckdb_database,
    duckdb_dataset,
    postgres_database,
    postgres_dataset,
    postgres_url,
    start_sharing,
    stop_sharing,
)
from dlt.common import validation
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.run_context import RunContext
from dlt.common.typing import get_type_hints
from loading import Loader
from quick_loading import QuickLoader
from tables import Client, create_anew

from breezeway_source.sandbox import Sandbox, World
from pipelines.watch.secrets import SECRETS, Secrets

NOW = pendulum.datetime(2026, 3, 10, 9, 30, tz="UTC")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew; read the diff")
    parser.addoption("--long", action="store_true", help="every point at which a run can be killed, and such")
    parser.addoption(
        "--all-deviations",
        nargs="?",
        choices=("together", "alone"),
        const="together",
        help="the whole matrix of deviations, several lists in a run, or each list alone: two hours",
    )


def pytest_configure(config: pytest.Config) -> None:
    """All xdist workers share one PostgreSQL and the worlds loaded once; see databases.py and loading.py."""
    # dlt's own context is the folder ".", read anew wherever a test has gone: the next tests would lack config.toml.
    Container()[PluggableRunContext].reload(RunContext(str(Path(__file__).resolve().parent.parent)))
    if start_sharing():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # else a timeout leaves the server running
        config.add_cleanup(stop_sharing)  # also after a failure, Ctrl-C or a worker that died


class HintsKept(dict[type, dict[str, Any]]):
    """What dlt reads out of the types of its own dictionaries, kept: anew at each use it is a tenth of a run's CPU."""

    def __call__(self, kind: type, **names: Any) -> dict[str, Any]:
        if kind not in self:
            self[kind] = get_type_hints(kind, **names)
        return self[kind]


validation.get_type_hints = HintsKept()  # type: ignore[attr-defined]


def pytest_collection_finish() -> None:
    """The modules are no garbage: looked through in each run, they cost a fifteenth of the suite."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the configuration, tokens or working folders of whoever runs it.

    Nor does it know the secrets of tests before it, one that used the word "secret" had it masked in all others, or
    what they left in the environment: a database's address there answers for all that follow.
    """
    vars(SECRETS).update(vars(Secrets()))
    home = tmp_path_factory.mktemp("home")
    with patch.dict(os.environ):
        os.environ |= {"HOME": str(home), "XDG_CACHE_HOME": f"{home}/cache", "DLT_DATA_DIR": f"{home}/dlt"}
        yield


@pytest.fixture
def world() -> World:
    """A small smoky: 6 properties with 8 tasks each."""
    return World.seeded("smoky", now=NOW, properties=6, tasks_per_property=8)


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, token_limit=False) as running:
        yield running


@pytest.fixture
def loader(sandbox: Sandbox, database: Database, tmp_path: Path) -> Iterator[Loader]:  # noqa: F811
    """Loads the sandbox into both databases; its clock starts at NOW."""
    with Loader(sandbox, database, tmp_path / "work", NOW) as made:
        yield made


@pytest.fixture
def duckdb_loader(sandbox: Sandbox, duckdb_database: Database, tmp_path: Path) -> Iterator[Loader]:  # noqa: F811
    """Loads the sandbox into DuckDB only, for what does not depend on the database."""
    with Loader(sandbox, duckdb_database, tmp_path / "work", NOW) as made:
        yield made


@pytest.fixture
def quick_loader(sandbox: Sandbox, duckdb_database: Database, tmp_path: Path) -> Iterator[QuickLoader]:  # noqa: F811
    """Loads the sandbox into DuckDB by the shortest way, for what is about reading: see quick_loading.py."""
    with QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as made:
        yield made


@pytest.fixture
def short_loader(sandbox: Sandbox, database: Database, tmp_path: Path) -> Iterator[Loader]:  # noqa: F811
    """Loads the sandbox into both databases without marts: PostgreSQL by dlt's way, DuckDB by the shortest."""
    kind = QuickLoader if database.kind == "duckdb" else Loader
    with kind(sandbox, database, tmp_path / "work", NOW) as made:
        made.configure(marts=False)
        yield made


@pytest.fixture(params=["duckdb", "postgres"])
def tables(request: pytest.FixtureRequest) -> Client:
    """An open client on a dataset of every table, empty, on both databases: for tests of SQL alone."""
    made: Client = request.getfixturevalue(f"{request.param}_tables")
    return made


@pytest.fixture
def duckdb_tables(duckdb_dataset: Client) -> Client:  # noqa: F811
    create_anew(duckdb_dataset)
    return duckdb_dataset


@pytest.fixture
def postgres_tables(postgres_dataset: Client) -> Client:  # noqa: F811
    create_anew(postgres_dataset)
    return postgres_dataset
