"""Several regions side by side: each in its own thread, with its own pipeline and its own key pair's pace."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

# Loaded before any thread starts: imported by several at once they are seen half made (dlt 1.31).
import duckdb  # noqa: F401
import pyarrow.parquet  # noqa: F401

from pipelines.load.region_run import RegionRun
from pipelines.watch.report import RunReport
from pipelines.watch.sync_runs import new_run_id

log = logging.getLogger("breezeway")
# New objects before the collector looks for cycles among them: rows make none, but are many.
COLLECT_AFTER = 100_000


def load_regions(runs: Sequence[RegionRun]) -> RunReport:
    """Load every region and report on all; one that fails leaves the others alone."""
    report = RunReport(started_at=runs[0].started_at)
    start, run_id = time.monotonic(), new_run_id()
    with _rare_collections():
        if len(runs) == 1:
            # In the main thread, where dlt ends a step in order on Ctrl-C.
            report.regions = [runs[0].run(run_id)]
        else:
            with ThreadPoolExecutor(max_workers=len(runs), thread_name_prefix="region") as pool:
                report.regions = list(pool.map(lambda run: run.run(run_id), runs))
    report.seconds = time.monotonic() - start
    return report


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Has the garbage collector look at many rows at once: with Python's 700 it took up to a quarter of the reading."""
    usual = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
