"""What follows a region's run, whatever became of it: judge it by its history, note it in `sync_runs`, find the news.

Nothing here raises or changes status and exit code: a database that cannot be written is a line of the report.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum

from breezeway_source.api.counters import Counters
from breezeway_source.reading import Reading
from pipelines.database.ddl import SqlClient
from pipelines.database.destinations import Target, pipelines_root
from pipelines.database.locks import ddl_lock
from pipelines.database.mixing import refuse_mixed_rows
from pipelines.database.session import Session
from pipelines.watch import history, rhythms, sync_runs
from pipelines.watch.checks import CheckReport
from pipelines.watch.problems import News, judged_fields, news_of
from pipelines.watch.report import RegionReport
from pipelines.watch.ways_out import with_next

log = logging.getLogger("breezeway")
Told = Mapping[str, Mapping[str, str]]


@dataclass
class Ending:
    """One region's run at its end. `reading` and `session` are None where it did not come that far."""

    target: Target
    report: RegionReport
    counters: Counters
    run_id: str
    pipelines_dir: str | None = None
    reading: Reading | None = None
    session: Session | None = None
    can_write: bool = True
    """False where the database could not be used at all: not to be waited for twice."""
    began: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        """Judge, note, find the news. `report.news` is set in any case, and the database is let go."""
        try:
            self._close()
        finally:
            if self.session is not None:
                self.session.close()

    def _close(self) -> None:
        self._check_clock()
        told = _read_told(self._told_file)
        written = False
        if not self.can_write:
            self.report.warnings.append("the run is not in sync_runs: the database cannot be used")
        elif self.target.has_sql:
            try:
                with self._database() as client:
                    self._note(client, told)
                written = True
            except Exception as e:  # whatever the database says, the run's own result stands
                log.debug("%s: sync_runs", self.report.region, exc_info=True)
                lacking = f"the run is not in sync_runs, and not judged by its history: {_short(e)}"
                self.report.warnings.append(with_next(lacking))
        if not written:
            self.report.news = self._news(told[1] if told else {}, set())
        _write_told(self._told_file, self._finished_at, self.report.news)

    @property
    def _finished_at(self) -> datetime:
        # On the run's own clock, which tests and re-runs set.
        return self.report.started_at + timedelta(seconds=time.monotonic() - self.began)

    @property
    def _loaded(self) -> bool:
        return self.report.status != "failed"

    def _check_clock(self) -> None:
        message = history.clock_message(self.counters.clock_ahead_s)
        if self.counters.clock_ahead_s is not None and self._loaded:
            self._add_check("clock_is_right", {"check:clock_is_right": message} if message else {})

    def _note(self, client: SqlClient, told: tuple[datetime, Told] | None) -> None:
        report = self.report
        if not sync_runs.exists(client):
            with ddl_lock(self.target):
                sync_runs.ensure_table(client)
        live_rows: dict[str, int] = {}
        null_columns: dict[str, dict[str, list[str]]] = {}
        if self._loaded:
            live_rows = sync_runs.count_live_rows(client, report.region, report.entities)
            for entity in report.entities:
                if report.rows.get(entity, 0) >= sync_runs.ENOUGH_ROWS:
                    found = sync_runs.find_null_columns(client, report.region, entity, report.started_at)
                    if found is not None:
                        null_columns[entity] = found
        rows = sync_runs.rows_of_run(
            report,
            self.counters,
            run_id=self.run_id,
            finished_at=self._finished_at,
            reading=self.reading,
            live_rows=live_rows,
            null_columns=null_columns,
        )
        judged = self._judge(client, rows) if self._loaded else set()
        stored = sync_runs.open_problems(client, report.region)
        before = max(filter(None, (told, stored)), key=lambda known: known[0], default=None)
        report.news = self._news(before[1] if before else {}, judged)
        rows[0] = dataclasses.replace(rows[0], problems=report.news.open)
        sync_runs.record(client, rows, now=report.started_at)

    def _judge(self, client: SqlClient, rows: list[sync_runs.RunRow]) -> set[str]:
        """Add the checks against history to the report; gives the keys of what could be judged."""
        report = self.report
        past: dict[str, list[history.Seen]] = defaultdict(list)
        for seen in sync_runs.past_runs(client, report.region, report.started_at - history.WINDOW):
            past[seen.entity].append(seen)
        judgement = history.judge(past, [row.seen for row in rows])
        late = rhythms.overdue(
            sync_runs.rhythms(client, report.started_at - rhythms.WINDOW),
            sync_runs.plain(report.started_at),
            report.region,
            report.entities,
        )
        judgement.findings += late.findings
        judgement.judged |= late.judged
        for row in rows:
            if row.null_columns is not None:
                history.null_columns(
                    judgement,
                    row.entity,
                    row.reading or "",
                    row.null_columns,
                    sync_runs.past_null_columns(
                        client, report.region, row.entity, 2 * history.ENOUGH_COLUMN_RUNS
                    ),
                )
        for check in history.CHECKS:
            self._add_check(check, {f.key: f.message for f in judgement.findings if f.check == check})
        return judgement.judged

    def _add_check(self, name: str, notes: dict[str, str]) -> None:
        check: CheckReport = {"name": name, "severity": "warn", "rows": len(notes)}
        self.report.checks.append(dict(check))
        if notes:
            self.report.check_notes[name] = notes

    def _news(self, before: Told, judged: set[str]) -> News:
        extent = self.reading.extent if self.reading else (lambda entity: "part")
        whole = [entity for entity in self.report.entities if extent(entity) != "part"]
        judged |= judged_fields(self.report, before, [e for e in whole if extent(e) == "whole"])
        return news_of(self.report, before, judged=judged, whole_entities=whole)

    @contextmanager
    def _database(self) -> Iterator[SqlClient]:
        """The dataset; with a pipeline of its own where the run did not come to have one."""
        with tempfile.TemporaryDirectory(prefix="breezeway-history-") as folder:
            session = self.session or Session(self.target, self.target.pipeline(self.report.region, folder))
            with session.sql_client() as client:
                refuse_mixed_rows(client, self.target)
                yield client

    @property
    def _told_file(self) -> Path:
        """What was told last, also while the database cannot be written."""
        place = hashlib.sha256(self.target.place.encode()).hexdigest()[:10]
        return (
            pipelines_root(self.pipelines_dir)
            / f".{self.target.pipeline_name(self.report.region)}.{place}.told.json"
        )


def _read_told(file: Path) -> tuple[datetime, Told] | None:
    try:
        known = json.loads(file.read_text("utf-8"))
        at = pendulum.parse(known["at"])
        problems: Any = known["problems"]
        return (at, problems) if isinstance(at, datetime) and isinstance(problems, dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_told(file: Path, at: datetime, news: News) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"at": at.isoformat(), "problems": news.open}), "utf-8")
    except OSError as e:
        log.debug("what was told is not kept: %s", e)


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
