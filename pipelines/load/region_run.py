"""One region, once: finish what is pending, restore state, then extract, normalise, load, SQL, checks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pendulum
from dlt.common.pipeline import LoadInfo
from dlt.common.schema.typing import TSchemaTables
from dlt.pipeline import Pipeline

from breezeway_source.api.access import Access
from breezeway_source.api.counters import Counters
from breezeway_source.columns import TABLES
from breezeway_source.errors import BreezewayError
from breezeway_source.plan import Plan
from breezeway_source.reading import Reading
from breezeway_source.settings import Region, Settings
from breezeway_source.source import region_source
from breezeway_source.sql_warehouse import SqlWarehouse
from pipelines.database.causes import find_cause, one_line
from pipelines.database.ddl import rows_of
from pipelines.database.destinations import Target
from pipelines.database.fitness import UnfitDatabase
from pipelines.database.future import TOLERANCE, Clock, forget_the_future, is_folder_ahead, right_load_ids
from pipelines.database.indexes import ensure_indexes
from pipelines.database.locks import database_use, ddl_lock, folder_lock, region_lock
from pipelines.database.marts import ours
from pipelines.database.mixing import refuse_mixed_rows
from pipelines.database.patience import is_refused, persistent
from pipelines.database.post_sql import ensure_comments, ensure_views, make_views, run_scripts
from pipelines.database.session import Session
from pipelines.database.state_table import keep_short
from pipelines.database.waits import doing
from pipelines.load.afterwards import Ending
from pipelines.load.pending import PUT_BACK, begin_again, clean_notes, give_up, is_put_back
from pipelines.watch.checks import CheckResult, run_checks
from pipelines.watch.interrupt import INTERRUPTED_EXIT, words_of
from pipelines.watch.report import RegionReport
from pipelines.watch.sync_runs import new_run_id
from pipelines.watch.ways_out import is_lasting

log = logging.getLogger("breezeway")
T = TypeVar("T")


class RefusedPackage(BreezewayError):
    """The database refuses the rows themselves: the same package would be refused for ever, so it is gone."""


class WrongClock(Exception):
    """The API's answers tell another time than the one the reading was begun with: nothing of it is loaded."""


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
            with (
                region_lock(self.target, self.region.code) as hold,
                folder_lock(self.target, self.region.code, self.pipelines_dir),
            ):
                pipeline = self.target.pipeline(self.region.code, self.pipelines_dir)
                pipeline.activate()
                ending.session = session = Session(self.target, pipeline)
                ask = partial(client.get, "/property", {"limit": 1, "page": 1}, label="/property")
                clock = Clock(self.started_at, counters, ask)
                while True:
                    report.started_at = started_at = pendulum.instance(clock.run_time)
                    ending.reading = reading = Reading(
                        region=self.region,
                        settings=self.settings,
                        plan=self.plan,
                        client=client,
                        warehouse=SqlWarehouse(session, self.region.code, scripted=self.target.has_sql),
                        started_at=started_at,
                    )
                    self.watch(reading)
                    try:
                        self._load(session, reading, report, hold, clock)
                        break
                    except WrongClock:
                        log.warning("%s: reading again with the API's time", self.region.code)
                        give_up(pipeline)
                    except Exception as e:
                        if (
                            reading.cause is not None
                        ):  # what dlt shows may be a worker that was only called off
                            raise reading.cause from e
                        raise
                    finally:
                        self._tell(reading, report)
        except KeyboardInterrupt as stop:
            report.fail(INTERRUPTED_EXIT, words_of(stop))
        except Exception as e:
            known = find_cause(e, BreezewayError)
            ending.can_write = find_cause(e, UnfitDatabase) is None
            log.debug("region %s failed", self.region.code, exc_info=True)
            report.fail(known.exit_code if known else 1, str(known) if known else one_line(e))
            if ending.session is not None:
                clean_notes(ending.session.pipeline)
        report.requests = counters.snapshot()
        report.settle()
        ending.close()
        return report

    def new_report(self) -> RegionReport:
        """The report of a run that has done nothing yet."""
        report = RegionReport(
            self.region.code,
            self.target.name,
            self.started_at,
            self.plan.entities,
            dataset=self.target.dataset,
        )
        report.rows = dict.fromkeys(self.plan.entities, 0)
        return report

    def _load(
        self,
        session: Session,
        reading: Reading,
        report: RegionReport,
        hold: Callable[[], None],
        clock: Clock,
    ) -> None:
        pipeline = session.pipeline
        with database_use(self.target):
            if self.target.has_sql:
                self._refuse_strangers(session, report, clock)
            had_pending = pipeline.has_pending_data
            self._finish_pending(session, report, hold, clock)
            pipeline.sync_destination()
        while True:
            with _timed(report, "extract"):
                source = region_source(
                    self.region.code, reading.package_entities, lambda chosen: reading, session.tables
                )
                pipeline.extract(source, loader_file_format=self.target.file_format)
            if abs(clock.run_time - reading.started_at) > TOLERANCE:
                raise WrongClock
            try:
                self._load_package(session, report, hold, clock, last=not reading.has_more)
            except Exception as e:
                if not is_refused(e, is_lasting):
                    raise
                give_up(pipeline)
                raise RefusedPackage(
                    f"The database refused what was read: {one_line(e)}. It is given up, and read again by the next run"
                ) from e
            report.rows = self._rows(reading)
            if not reading.has_more:
                break
            reading.next_package()
        if self.target.has_sql:
            with session.sql_client() as client, _timed(report, "sql"):
                right_load_ids(client, clock)
                reads_all = had_pending or self.plan.whole_tasks or self.plan.full
                for result in run_checks(client, self.region.code, None if reads_all else reading.started_at):
                    report.checks.append(dict(result.report()))
                    report.check_notes |= result.notes()
                    if result.reads_part:
                        report.checked_in_part.add(result.name)
                report.linkage = linkage(client, self.region.code)
        self._tell_null_fields(reading, report)

    def _refuse_strangers(self, session: Session, report: RegionReport, clock: Clock) -> None:
        """Rows of the other kind. What a clock ahead left rules no run, nor does a folder newer than its database."""
        with session.sql_client() as client:
            refuse_mixed_rows(client, self.target)
            warnings = forget_the_future(client, session.pipeline, self.region.code, clock)
            if not warnings and is_put_back(client, session.pipeline):
                warnings = [PUT_BACK]
        report.warnings += warnings
        if warnings or is_folder_ahead(session.pipeline, clock.now):
            give_up(session.pipeline)

    def _finish_pending(
        self, session: Session, report: RegionReport, hold: Callable[[], None], clock: Clock
    ) -> None:
        """Load the packages an earlier run left: dlt would load them and then read nothing new."""
        pipeline = session.pipeline
        if pipeline.has_pending_data:
            log.info("%s: loading what an earlier run left", self.region.code)
            if not begin_again(session, clock.now):
                return
            try:
                self._load_package(session, report, hold, clock, last=False)
            except Exception as e:
                if not is_refused(e, is_lasting):
                    raise
                give_up(pipeline)
                report.warnings.append(
                    f"the database refused what an earlier run had read ({one_line(e)}); it is read again"
                )

    def _load_package(
        self,
        session: Session,
        report: RegionReport,
        hold: Callable[[], None],
        clock: Clock,
        *,
        last: bool,
    ) -> None:
        """Normalise and load; `hold` makes sure before each attempt that the region is still this run's."""
        pipeline = session.pipeline
        with _timed(report, "normalize"):
            pipeline.normalize()
        if last:
            session.keep()
        with database_use(self.target):
            with _timed(report, "load"):
                changes = self._persistent(lambda: self._make_tables(pipeline, hold), alters=True)
                self._tell_changes(changes, report)
                info = self._persistent(lambda: self._load_rows(pipeline, hold))
                if info is not None:
                    info.raise_on_failed_jobs()
                    clock.load_ids += info.loads_ids
            with _timed(report, "sql"):
                self._after_load(session, report, last=last)

    def _persistent(self, step: Callable[[], T], *, alters: bool = False) -> T:
        return persistent(self.target, step, lasting=is_lasting, alters=alters)

    def _make_tables(self, pipeline: Pipeline, hold: Callable[[], None]) -> TSchemaTables:
        hold()
        with ddl_lock(self.target):
            return pipeline.sync_schema()

    def _load_rows(self, pipeline: Pipeline, hold: Callable[[], None]) -> LoadInfo | None:
        hold()
        return pipeline.load()

    def _after_load(self, session: Session, report: RegionReport, *, last: bool) -> None:
        """Links and views after every package; indexes that are missing only after the last one of the run: the
        packages of a first load are written and linked twice as fast without them."""
        if not self.target.has_sql:
            if last:
                report.warnings.append(
                    f"deletions, marts and checks are made on duckdb and postgres only, not on {self.target.name}"
                )
                with session.sql_client() as client:
                    report.warnings += make_views(client)
            return

        def sql() -> list[str]:
            with session.sql_client() as client:
                warnings = run_scripts(
                    client,
                    self.region.code,
                    with_marts=self.settings.marts,
                    reckon=last and self.plan.whole_tasks,
                )
                keep_short(client, session.pipeline)
                tables = {**TABLES, **ours(client)}
                warnings += ensure_indexes(client, tables) if last else []
                return warnings + ensure_views(client) + ensure_comments(client, tables)

        for warning in self._persistent(sql):
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


@contextmanager
def _timed(report: RegionReport, step: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        with doing(step):
            yield
    finally:
        report.seconds[step] += time.monotonic() - start
