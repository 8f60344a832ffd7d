"""Whole runs inside the test's process: the command line's plan, a sandbox, a database, a movable clock."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

import duckdb
import pendulum
from databases import SHARED, Database, one_at_a_time
from dlt.destinations.sql_client import SqlClientBase

from breezeway_source.api.access import Access
from breezeway_source.reading import Reading
from breezeway_source.sandbox import Sandbox
from breezeway_source.settings import Region, Settings
from pipelines.database.destinations import DATASET, Target, duckdb_target, find_target
from pipelines.load.region_run import RegionRun
from pipelines.load.regions import load_regions
from pipelines.run import make_plan, parser
from pipelines.watch.report import RegionReport, RunReport

# As in the committed config.toml.
ZONES = {"smoky": "America/New_York", "sea_ranch": "America/Los_Angeles", "breckenridge": "America/Denver"}


class Loader:
    """Runs regions of the sandbox; `now` is the run's clock and the sandbox's, moved with `pass_time`."""

    def __init__(self, sandbox: Sandbox, database: Database, folder: Path, now: pendulum.DateTime) -> None:
        self.sandbox = sandbox
        self.database = database
        self.folder = folder
        self.now = now
        self.settings = Settings(base_url=sandbox.base_url, requests_per_minute=60_000.0)
        self.dataset = DATASET
        self.watch: Callable[[Reading], None] = lambda reading: None
        self._environment = patch.dict(os.environ)
        self._readers: dict[tuple[str, str], SqlClientBase[Any]] = {}

    def __enter__(self) -> Loader:
        self._environment.start()
        target_of(self.database)  # the environment names the database from here on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._environment.stop()

    @property
    def target(self) -> Target:
        return dataclasses.replace(target_of(self.database), dataset=self.dataset)

    def of_dataset(self, name: str) -> Loader:
        """The same account, loaded into another dataset of the same database."""
        other = Loader(
            self.sandbox, self.database, self.folder.with_name(f"{self.folder.name}_{name}"), self.now
        )
        other.dataset, other.settings = name, self.settings
        return other

    def configure(self, **settings: Any) -> None:
        """Change settings for the runs to come."""
        self.settings = dataclasses.replace(self.settings, **settings)

    def pass_time(self, **duration: int) -> pendulum.DateTime:
        """Move the clock of the runs and of the sandbox's worlds."""
        self.now = self.now.add(**duration)
        for world in self.sandbox.worlds.values():
            world.now = self.now
        return self.now

    def wipe(self) -> None:
        """Lose the working folder, as a fresh CI machine has lost it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *options: str, regions: tuple[str, ...] = ("smoky",)) -> RunReport:
        """One run with these command-line options; the report, whatever became of it."""
        plan = make_plan(parser().parse_args(list(options)))
        access = Access(self.settings, cache_dir=self.folder.parent / "tokens")
        with self._file_open():
            return load_regions(
                [
                    RegionRun(
                        region,
                        self.settings,
                        plan,
                        self.target,
                        access,
                        self.now,
                        str(self.folder),
                        self.watch,
                    )
                    for region in self.regions(regions)
                ]
            )

    @contextmanager
    def _file_open(self) -> Iterator[None]:
        """DuckDB's file stays open while a run works in this process: its openings are a sixth of a quiet run.

        Not where it cannot be opened, or is another program's: the run says what it has to say of that.
        """
        try:
            opened = duckdb.connect(self.database.url) if self.database.kind == "duckdb" else None
        except (duckdb.Error, OSError):
            opened = None
        try:
            yield
        finally:
            if opened is not None:
                opened.close()

    def regions(self, names: tuple[str, ...]) -> list[Region]:
        return [
            Region(
                name,
                name.title(),
                *self.sandbox.credentials[name],
                time_zone=ZONES.get(name, "America/Chicago"),
            )
            for name in names
        ]

    def load(self, *options: str) -> RegionReport:
        """One run of smoky that must end well."""
        (report,) = self.run(*options).regions
        assert (report.exit_code, report.error, report.failures) == (0, None, []), report.as_dict()
        return report

    def first_load(self, *options: str) -> None:
        """What `load` does to an empty database, done once a session for the same world, settings and clock.

        For tests about what comes after: the database is a copy, the working folder is empty (a fresh machine), and
        the sandbox has seen no requests of it.
        """
        sandbox, world = self.sandbox, self.sandbox.world
        assert not (sandbox.faults.permanent or sandbox.deviations._on), "part of no copy: load()"
        manners = (
            sandbox.page_totals,
            sandbox.past_end,
            sandbox.no_match,
            sandbox.updated_keeps_default_window,
        )
        content = {name: value for name, value in vars(world).items() if not hasattr(value, "acquire")}
        settings = dataclasses.replace(self.settings, base_url="")
        key = repr(
            (
                type(world).__qualname__,
                sorted(content.items()),
                manners,
                settings,
                self.dataset,
                self.now,
                options,
            )
        )
        self.once(key, lambda: self.load(*options))
        self.wipe()
        self.sandbox.reset_log()

    def once(self, what: str, make: Callable[[], object]) -> None:
        """Fill the empty database as `make` does: called by the first test of the session that asks for `what`, all
        others get a copy of what it left. Its working folder, its requests and what it did to the world are not kept.
        """
        session = Path(os.environ[SHARED]).name  # a server may outlive the session
        name = f"loaded_{self.database.kind}_{session}_{hashlib.sha256(what.encode()).hexdigest()[:16]}"
        with one_at_a_time(name) as shared:
            assert shared is not None, "pytest sets it"
            self.let_go()
            made = shared / f"{name}.made"
            if made.exists():
                self.database.copied_from(shared, name)
                return
            make()
            self.let_go()
            self.database.copy_to(shared, name)
            made.touch()

    def query(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """Rows of the dataset, unqualified names."""
        with self.client() as client:
            return [tuple(row) for row in client.execute_sql(sql, *args) or ()]

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """An open client on the dataset, made once: making one has dlt read its configuration anew."""
        place = self.database.url, self.dataset
        if place not in self._readers:
            pipeline = self.target.pipeline(
                "reader", str(self.folder.with_name(f"{self.folder.name}_reader"))
            )
            self._readers[place] = pipeline.sql_client()
        with self._readers[place] as client:
            yield client

    def let_go(self) -> None:
        """Close what is open for questions, before somebody takes the database's file."""
        self._readers.clear()

    def column(self, sql: str, *args: Any) -> list[Any]:
        return [row[0] for row in self.query(sql, *args)]


def target_of(database: Database) -> Target:
    """The destination a run finds configured for this database."""
    if database.kind == "duckdb":
        return duckdb_target(Path(database.url))
    os.environ["DESTINATION__POSTGRES__CREDENTIALS"] = database.url
    return find_target("postgres")
