"""One region, once: finish what is pending, restore state, then extract, normalise, load, SQL, checks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pendulum
from dlt.common.destination.exceptions import DestinationTransientException
from dlt.common.pipeline import LoadInfo
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.exceptions import DatabaseException
from dlt.pipeline import Pipeline
from dlt.pipeline.exceptions import PipelineStepFailed
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from breezeway_source import breezeway_source
from breezeway_source.api.access import Access
from breezeway_source.api.counters import Counters
from breezeway_source.columns import TABLES
from breezeway_source.errors import BreezewayError
from breezeway_source.plan import Plan
from breezeway_source.reading import Reading
from breezeway_source.settings import Region, Settings
from breezeway_source.sql_warehouse import SqlWarehouse
from pipelines.database.ddl import is_lock_timeout, rows_of
from pipelines.database.destinations import Target
from pipelines.database.locks import database_use, ddl_lock, refuse_behind_readers, region_lock
from pipelines.database.mixing import refuse_mixed_rows
from pipelines.database.post_sql import ensure_comments, ensure_indexes, ensure_views, run_scripts
from pipelines.database.state_table import keep_short
from pipelines.load.afterwards import Ending
from pipelines.load.pending import begin_again
from pipelines.watch.checks import CheckResult, run_checks
from pipelines.watch.problems import is_lasting
from pipelines.watch.report import RegionReport
from pipelines.watch.sync_runs import new_run_id

LOAD_ATTEMPTS = 4
log = logging.getLogger("breezeway")
T = TypeVar("T")


@dataclass(frozen=True)
class RegionRun:
    """What is needed to load one region; `watch` is told of the reading while it goes on."""

    region: Region
    settings: Settings
    plan: Plan
    target: Target
    access: Access
    started_at: pendulum.DateTime
    pipelines_dir: str | None = None
    watch: Callable[[Reading], None] = lambda reading: None

    def run(self, run_id: str = "") -> RegionReport:
        """Load the region. Never raises: what went wrong is in the report, and in `sync_runs` under `run_id`."""
        report = self.new_report()
        counters = Counters()
        ending = Ending(self.target, report, counters, run_id or new_run_id(), self.pipelines_dir)
        try:
            client = self.access.client(self.region, counters)
            with region_lock(self.target, self.region.code) as hold:
                pipeline = self.target.pipeline(self.region.code, self.pipelines_dir)
                pipeline.activate()
                ending.pipeline = pipeline
                ending.reading = reading = Reading(
                    region=self.region,
                    settings=self.settings,
                    plan=self.plan,
                    client=client,
                    warehouse=SqlWarehouse(pipeline, self.region.code, lambda: database_use(self.target)),
                    started_at=self.started_at,
                )
                self.watch(reading)
                try:
                    self._load(pipeline, reading, report, hold)
                except Exception as e:
                    if reading.cause is not None:  # what dlt shows may be a worker that was only called off
                        raise reading.cause from e
                    raise
                finally:
                    self._tell(reading, report)
        except Exception as e:
            known = find_cause(e, BreezewayError)
            log.debug("region %s failed", self.region.code, exc_info=True)
            report.fail(known.exit_code if known else 1, str(known) if known else one_line(e))
        report.requests = counters.snapshot()
        report.settle()
        ending.close()
        return report

    def new_report(self) -> RegionReport:
        """The report of a run that has done nothing yet."""
        report = RegionReport(self.region.code, self.target.name, self.started_at, self.plan.entities)
        report.rows = dict.fromkeys(self.plan.entities, 0)
        return report

    def _load(
        self, pipeline: Pipeline, reading: Reading, report: RegionReport, hold: Callable[[], None]
    ) -> None:
        with database_use(self.target):
            if self.target.has_sql:
                refuse_mixed_rows(pipeline, self.target)
            self._finish_pending(pipeline, report, hold)
            pipeline.sync_destination()
        while True:
            with _timed(report, "extract"):
                pipeline.extract(breezeway_source(reading), loader_file_format=self.target.file_format)
            self._load_package(pipeline, report, hold, last=not reading.has_more)
            report.rows = self._rows(reading)
            if not reading.has_more:
                break
            reading.next_package()
        if self.target.has_sql:
            with database_use(self.target), _timed(report, "sql"), pipeline.sql_client() as client:
                for result in run_checks(client, self.region.code):
                    report.checks.append(dict(result.report()))
                    report.check_notes |= result.notes()
                report.linkage = linkage(client, self.region.code)
        self._tell_null_fields(reading, report)

    def _finish_pending(self, pipeline: Pipeline, report: RegionReport, hold: Callable[[], None]) -> None:
        """Load the packages an earlier run left: dlt would load them and then read nothing new."""
        if pipeline.has_pending_data:
            log.info("%s: loading what an earlier run left", self.region.code)
            if not begin_again(pipeline):
                return
            self._load_package(pipeline, report, hold, last=False)

    def _load_package(
        self, pipeline: Pipeline, report: RegionReport, hold: Callable[[], None], *, last: bool
    ) -> None:
        """Normalise and load; `hold` makes sure before each attempt that the region is still this run's."""
        with _timed(report, "normalize"):
            pipeline.normalize()
        with database_use(self.target):
            with _timed(report, "load"):
                self._tell_changes(persistent(lambda: self._make_tables(pipeline, hold)), report)
                info = persistent(lambda: self._load_rows(pipeline, hold))
                if info is not None:
                    info.raise_on_failed_jobs()
            with _timed(report, "sql"):
                self._after_load(pipeline, report, last=last)

    def _make_tables(self, pipeline: Pipeline, hold: Callable[[], None]) -> TSchemaTables:
        hold()
        with ddl_lock(self.target):
            try:
                return pipeline.sync_schema()
            except DatabaseException as e:
                if is_lock_timeout(e):
                    refuse_behind_readers(self.target, e)
                raise

    def _load_rows(self, pipeline: Pipeline, hold: Callable[[], None]) -> LoadInfo | None:
        hold()
        return pipeline.load()

    def _after_load(self, pipeline: Pipeline, report: RegionReport, *, last: bool) -> None:
        """Links and views after every package; indexes that are missing only after the last one of the run: the
        packages of a first load are written and linked twice as fast without them."""
        if not self.target.has_sql:
            warning = (
                f"links, views and checks are made on duckdb and postgres only, not on {self.target.name}"
            )
            report.warnings.append(warning)
            return

        def sql() -> list[str]:
            with pipeline.sql_client() as client:
                run_scripts(client, self.region.code)
                keep_short(client, pipeline)
                warnings = ensure_indexes(client, TABLES) if last else []
                return warnings + ensure_views(client) + ensure_comments(client, TABLES)

        for warning in persistent(sql):
            if warning not in report.warnings:
                report.warnings.append(warning)

    def _tell_changes(self, changes: TSchemaTables | None, report: RegionReport) -> None:
        """Fields the API has and the contract does not, when their column is made."""
        contract = {t.name: t for root in TABLES.values() for t in (root, *root.children)}
        for table_name, table in (changes or {}).items():
            if table_name not in contract:
                continue
            known = {column.name for column in contract[table_name].columns}
            is_new = "_dlt_id" in table["columns"]
            for column, hint in table["columns"].items():
                if column.startswith("_dlt_") or (is_new and column in known):
                    continue
                change = f"{table_name}.{column} {hint.get('data_type')}"
                report.schema_changes.append(change)
                log.warning("%s: new column %s", self.region.code, change)

    def _tell_null_fields(self, reading: Reading, report: RegionReport) -> None:
        null_fields = reading.null_fields()
        report.checks.append(
            dict(CheckResult("documented_fields_are_filled", "warn", len(null_fields)).report())
        )
        for field in null_fields:
            reading.warn(str(field))
            key = f"check:documented_fields_are_filled:{field.table}.{field.column}"
            notes = report.check_notes.setdefault("documented_fields_are_filled", {})
            notes[key] = f"{field} Next: see the new columns for the field's new name."

    def _rows(self, reading: Reading) -> dict[str, int]:
        return {name: len(reading.written.get(name, ())) for name in self.plan.entities}

    def _tell(self, reading: Reading, report: RegionReport) -> None:
        report.failures = [failure.as_dict() for failure in reading.failures]
        report.warnings = [*reading.warnings, *report.warnings]


def linkage(client: Any, region_code: str) -> dict[str, Any]:
    """How many live tasks carry a link, and how many of those lead to a loaded stay."""
    rows = rows_of(
        client,
        "select total_tasks, linked, resolved, unresolved, linked_pct, resolution_pct "
        "from task_linkage where region_code = %s",
        region_code,
    )
    tasks, linked, resolved, unresolved, linked_pct, resolution_pct = (
        rows[0] if rows else (0, 0, 0, 0, None, None)
    )
    return {
        "tasks": tasks,
        "linked": linked,
        "resolved": resolved,
        "unresolved": unresolved,
        "linked_pct": None if linked_pct is None else float(linked_pct),
        "resolution_pct": None if resolution_pct is None else float(resolution_pct),
    }


def persistent(step: Callable[[], T]) -> T:
    """Run a step of the load; a deadlock or lost connection is tried again with back-off."""
    retrying = Retrying(
        stop=stop_after_attempt(LOAD_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=15),
        retry=retry_if_exception(is_transient),
        reraise=True,
    )
    result: T = retrying(step)
    return result


def is_transient(error: BaseException) -> bool:
    """Whether the database may answer the same statement well in a moment. What we say ourselves is final."""
    if isinstance(error, BreezewayError) or any(is_lasting(str(link)) for link in chain(error)):
        return False
    return find_cause(error, DestinationTransientException) is not None


E = TypeVar("E", bound=BaseException)


def find_cause(error: BaseException | None, kind: type[E]) -> E | None:
    """The first error of that kind down the chain: dlt wraps what a resource raises."""
    for link in chain(error):
        if isinstance(link, kind):
            return link
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = error.exception if isinstance(error, PipelineStepFailed) else None
        error = inner or error.__cause__ or error.__context__


def one_line(error: BaseException) -> str:
    """The innermost error in one line: a failed job's message holds a whole traceback."""
    last = list(chain(error))[-1]
    lines = [line.strip() for line in str(last).splitlines() if line.strip()]
    text = (lines[-1] if "Traceback" in str(last) else lines[0]) if lines else ""
    step = next((e.step for e in chain(error) if isinstance(e, PipelineStepFailed)), None)
    return f"{f'{step}: ' if step else ''}{type(last).__name__}: {text[:300]}"


@contextmanager
def _timed(report: RegionReport, step: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        report.seconds[step] += time.monotonic() - start
