"""A load as a function to call: from the command line, a scheduler such as Dagster, or a notebook."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dlt
import pendulum
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.runtime.run_context import RunContext, switched_run_context

from breezeway_source import arguments
from breezeway_source.api.access import Access
from breezeway_source.errors import BreezewayError, unreadable
from breezeway_source.plan import Plan, plan_of
from breezeway_source.reading import Reading
from breezeway_source.settings import (
    Region,
    Settings,
    read_regions,
    read_settings,
    select_regions,
)
from pipelines.database.destinations import Target, duckdb_target, find_target
from pipelines.database.engines import engine_of
from pipelines.load.mistyped import refuse_names
from pipelines.load.region_run import RegionRun
from pipelines.load.regions import load_regions
from pipelines.load.stand_in import stand_in
from pipelines.watch.report import RunReport

ROOT = Path(__file__).resolve().parents[2]


def load(
    regions: str | Iterable[str] = "all",
    entities: str | Iterable[str] = "hourly",
    destination: str = "duckdb",
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    full: bool = False,
    properties: int | str | Iterable[int | str] = (),
    reconcile: bool = False,
    sandbox: bool = False,
    dry_run: bool = False,
) -> RunReport:
    """Load these regions, and say what was done: what `run.py` does with the options of the same names.

        from pipelines.load.calling import load

        report = load("smoky", "hourly", "postgres")
        report.exit_code, report.regions[0].rows

    Configuration and credentials are those of `.dlt/` in the current folder, else the project's own, and of the
    environment; neither is changed. Several calls may run side by side, of different regions. A region that fails is
    in the report (`exit_code`, `error`, `failures`); raises ConfigError for what cannot start at all: an unknown
    name, a bad day, no credentials.
    """
    plan = plan_of(entities, since=since, until=until, full=full, properties=properties, reconcile=reconcile)
    sandbox, dry_run = arguments.switch("sandbox", sandbox), arguments.switch("dry_run", dry_run)
    place = arguments.text("destination", destination, "the name of one, such as duckdb or postgres")
    codes = arguments.names("regions", regions, "codes of regions, or all")
    with prepared(codes, place or "duckdb", sandbox=sandbox, dry_run=dry_run) as ready:
        return load_regions(ready.runs(plan))


@dataclass(frozen=True)
class Prepared:
    """What runs of some regions have in common; everything was checked, nothing was sent."""

    settings: Settings
    regions: list[Region]
    target: Target
    access: Access
    started_at: pendulum.DateTime
    pipelines_dir: str | None = None

    def runs(self, plan: Plan, watch: Callable[[Reading], None] = lambda reading: None) -> list[RegionRun]:
        """One run per region."""
        return [
            RegionRun(
                region,
                self.settings,
                plan,
                self.target,
                self.access,
                self.started_at,
                self.pipelines_dir,
                watch,
            )
            for region in self.regions
        ]


@contextlib.contextmanager
def prepared(
    names: Sequence[str], destination: str, *, sandbox: bool = False, dry_run: bool = False
) -> Iterator[Prepared]:
    """Settings, regions and destination as configured; the stand-in API and the folder of a dry run while it lasts.

    Raises ConfigError for what cannot start.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(project_configuration())
        settings, known = configuration()
        refuse_names(names, known)
        regions, started_at = select_regions(names, known), pendulum.now("UTC")
        target, pipelines_dir = stack.enter_context(
            _target(destination, settings.dataset_name, sandbox, dry_run)
        )
        cache_dir = None
        if sandbox:
            settings, regions, cache_dir = stack.enter_context(stand_in(settings, regions, started_at))
        elif not any(region.client_id and region.client_secret for region in regions):
            # With one region lacking credentials the others load; with all lacking them nothing can start.
            regions[0].key_pair()
        access = Access(settings, cache_dir=cache_dir)
        yield Prepared(settings, regions, target, access, started_at, pipelines_dir)


def configuration() -> tuple[Settings, dict[str, Region]]:
    """Settings and regions. Raises ConfigError also for a file that is no TOML."""
    try:
        return read_settings(), read_regions()
    except BreezewayError:
        raise
    except Exception as e:
        raise unreadable(e) from e


@contextlib.contextmanager
def project_configuration() -> Iterator[None]:
    """The project's own `.dlt/` where neither dlt nor the current folder knows of any, as `run.py` takes it."""
    with contextlib.ExitStack() as stack:
        try:
            if not _is_configured():
                # dlt reads the files of the folder it was first used in, once: the current one may be another.
                folder = "." if Path(".dlt").is_dir() else str(ROOT)
                stack.enter_context(switched_run_context(RunContext(folder)))
        except Exception as e:
            raise unreadable(e) from e
        yield


def _is_configured() -> bool:
    """Whether some file, or what a notebook has set in memory, speaks of this source."""
    providers = [*dlt.secrets.config_providers, *dlt.config.config_providers]
    files = [provider for provider in providers if not isinstance(provider, EnvironProvider)]
    return any(file.get_value("breezeway", dict, "", "sources")[0] is not None for file in files)


@contextlib.contextmanager
def _target(
    destination: str, dataset: str, sandbox: bool, dry_run: bool
) -> Iterator[tuple[Target, str | None]]:
    """Where the rows go; a dry run gets a folder of its own that goes away with it."""
    engine_of(destination)
    if not dry_run:
        yield find_target(destination, dataset=dataset, sandbox=sandbox), None
        return
    with tempfile.TemporaryDirectory(prefix="breezeway-dry-run-", ignore_cleanup_errors=True) as folder:
        target = duckdb_target(Path(folder) / "dry_run.duckdb", dataset=dataset, sandbox=sandbox)
        yield target, os.path.join(folder, "pipelines")
