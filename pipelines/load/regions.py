"""Several regions side by side: each in its own thread, with its own pipeline and its own key pair's pace."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

# Loaded before any thread starts: imported by several at once they are seen half made (dlt 1.31).
import duckdb  # noqa: F401
import pyarrow.parquet  # noqa: F401

from pipelines.database.waits import thread_of
from pipelines.load.region_run import RegionRun
from pipelines.watch.interrupt import SideBySide, exit_code_of, words_of
from pipelines.watch.report import RegionReport, RunReport
from pipelines.watch.secrets import SECRETS
from pipelines.watch.sync_runs import new_run_id

log = logging.getLogger("breezeway")
# New objects before the collector looks for cycles among them: rows make none, but are many.
COLLECT_AFTER = 100_000


def load_regions(runs: Sequence[RegionRun]) -> RunReport:
    """Load every region and report on all; one that fails leaves the others alone.

    Ctrl-C and SIGTERM end it within seconds: `interrupted` of the report, which tells what was done by then.
    """
    report = RunReport(started_at=runs[0].started_at)
    start, run_id = time.monotonic(), new_run_id()
    _keep_secrets(runs)
    # A single one too: dlt would take Ctrl-C over in the main thread, and wait for its pools.
    work = SideBySide([(thread_of(run.region.code), partial(run.run, run_id)) for run in runs])
    with _rare_collections():
        report.interrupted = work.run(partial(_call_off, runs))
    report.regions = [_ended(run, result, report) for run, result in zip(runs, work.results, strict=True)]
    report.seconds = time.monotonic() - start
    return report


def _call_off(runs: Sequence[RegionRun]) -> None:
    for run in runs:
        run.access.abort()


def _ended(run: RegionRun, result: RegionReport | None, report: RunReport) -> RegionReport:
    """The region's own report, unless the interrupt ended it."""
    stop = report.interrupted
    if result is not None and (stop is None or result.status != "failed"):
        return result
    assert stop is not None
    if result is None:
        result = run.new_report()
    result.fail(exit_code_of(stop), words_of(stop))
    return result


def _keep_secrets(runs: Sequence[RegionRun]) -> None:
    """From here on no text holds what these runs know."""
    SECRETS.learn_configuration()
    for run in runs:
        SECRETS.learn(run.region.client_id, run.region.client_secret, run.settings.personal_data_key)
        SECRETS.ask(run.access.tokens)
        SECRETS.spare(run.region.code, run.target.name, run.target.dataset)
        if run.target.postgres is not None:
            password, user = run.target.postgres.password, run.target.postgres.username
            SECRETS.learn(str(password) if password else None)
            # Not the host: of an address with an unescaped sign, part of the password is taken for it.
            SECRETS.spare(user or "")


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Has the garbage collector look at many rows at once: with Python's 700 it took up to a quarter of the reading."""
    usual, enabled = gc.get_threshold(), gc.isenabled()
    gc.freeze()  # the modules are looked through no more
    gc.set_threshold(COLLECT_AFTER, *usual[1:])
    gc.enable()
    try:
        yield
    finally:
        if not enabled:
            gc.disable()
        gc.set_threshold(*usual)
        gc.unfreeze()
