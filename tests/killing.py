"""Runs that die: one whole run in a process of its own, ended by SIGKILL at a chosen point.

No handler runs, no file is closed, no transaction is rolled back by us: what is left is what a power cut leaves.
The sandbox and the database stay in the test's process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pendulum
from databases import Database
from dlt.common.storages import FileStorage
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from loading import Loader, target_of

from breezeway_source.api import pace
from breezeway_source.api.access import Access
from breezeway_source.api.client import Client
from breezeway_source.settings import Region, Settings
from pipelines.load import region_run
from pipelines.load.region_run import RegionRun
from pipelines.load.regions import load_regions
from pipelines.run import make_plan, parser

# What a run does so often that every step can be hit, in the order in which a run does it.
POINTS: dict[str, tuple[tuple[type, str], ...]] = {
    "request": ((Client, "get"),),  # during extraction
    "file": ((FileStorage, "atomic_rename"), (FileStorage, "rename_tree"), (FileStorage, "save")),
    "statement": ((DuckDbSqlClient, "execute_sql"), (Psycopg2SqlClient, "execute_sql")),  # load and SQL
}
STEPS = ("normalize", "load", "sql", "checks")


@dataclass(frozen=True)
class Death:
    """Where a run dies: before the `number`-th request, file operation or statement, or before a whole step.

    Over a run, "file" meets extract, normalize and load, "statement" meets restoring, load and SQL. With `about`
    only those count that are about it: a whole path, a part of a file's name or of a statement.
    """

    point: str
    number: int = 1
    about: str = ""


@dataclass(frozen=True)
class _Run:
    """What the dying process needs; all of it can be sent to it."""

    region: Region
    settings: Settings
    database: tuple[str, str]
    folder: Path
    now: str
    options: tuple[str, ...]
    first_delay_s: float
    page_size: int
    death: Death
    environment: dict[str, str]


def die(loader: Loader, death: Death, *options: str) -> bool:
    """One run of smoky that is killed; false when it had ended before it came to that point."""
    run = _Run(
        loader.regions(("smoky",))[0],
        loader.settings,
        (loader.database.kind, loader.database.url),
        loader.folder,
        loader.now.isoformat(),
        options,
        pace.FIRST_DELAY_S,
        Client.__init__.__kwdefaults__["page_size"],
        death,
        dict(os.environ),
    )
    process = _context().Process(target=_main, args=(run,), daemon=True)
    process.start()
    process.join()
    if process.exitcode not in (-signal.SIGKILL, 0):
        raise RuntimeError(f"the dying run ended with {process.exitcode}")
    return process.exitcode != 0


def _context() -> ForkServerContext:
    """Processes forked from a server without threads, which has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    tests = Path(__file__).resolve().parent
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join((str(tests), str(tests.parent)))):
        context.set_forkserver_preload(["killing"])
        multiprocessing.forkserver.ensure_running()
    return context


def _main(run: _Run) -> None:
    os.environ.clear()
    os.environ.update(run.environment)
    pace.FIRST_DELAY_S = run.first_delay_s
    Client.__init__.__kwdefaults__["page_size"] = run.page_size
    _arm(run.death)
    now: Any = pendulum.parse(run.now)
    database = Database(*run.database, run.folder)
    access = Access(run.settings, cache_dir=run.folder.parent / "tokens")
    plan = make_plan(parser().parse_args(list(run.options)))
    load_regions(
        [RegionRun(run.region, run.settings, plan, target_of(database), access, now, str(run.folder))]
    )
    os._exit(0)


def _arm(death: Death) -> None:
    if death.point in STEPS:
        _arm_step(death.point)
        return
    lock = threading.Lock()
    left = death.number

    def count_down(*args: Any) -> None:
        nonlocal left
        texts = [arg for arg in args if isinstance(arg, str)]
        if death.about and death.about not in (texts if death.point == "request" else " ".join(texts)):
            return
        with lock:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in POINTS[death.point]:
        setattr(owner, name, _before(count_down, getattr(owner, name)))


def _arm_step(step: str) -> None:
    def now(*args: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "normalize":
        region_run.Pipeline.normalize = _before(now, region_run.Pipeline.normalize)  # type: ignore[method-assign]
    elif step == "load":
        region_run.Pipeline.load = _before(now, region_run.Pipeline.load)  # type: ignore[method-assign]
    else:
        name = "run_scripts" if step == "sql" else "run_checks"
        setattr(region_run, name, _before(now, getattr(region_run, name)))


def _before(first: Callable[..., None], call: Callable[..., Any]) -> Callable[..., Any]:
    def both(*args: Any, **kwargs: Any) -> Any:
        first(*args)
        return call(*args, **kwargs)

    return both
