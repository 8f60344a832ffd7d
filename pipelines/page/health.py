"""Is all well: problems that are open, and a line per region with the age of each of its entities."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pendulum

from breezeway_source.entities.endpoints import ENDPOINTS
from pipelines.page import charts
from pipelines.page.asking import EIGHT_WEEKS, Questions, Row
from pipelines.page.axes import every_week
from pipelines.page.showing import Table, age, moment, percent, shown, table, zone_of
from pipelines.watch.history import span
from pipelines.watch.rhythms import ENOUGH_READS, OVERDUE_AT_LEAST, OVERDUE_FACTOR

# Words and a sign for each state: colour alone tells some readers nothing.
SIGNS = {"good": "✓", "late": "◷", "bad": "✕", "none": "○"}


@dataclass(frozen=True)
class Problem:
    """What is open in one region: since when, and what to do about it."""

    region: str
    text: str
    since: str
    next_step: str


@dataclass(frozen=True)
class Cell:
    """One entity of one region: its age, and whether that is as usual."""

    entity: str
    state: str
    text: str
    about: str


@dataclass
class RegionLine:
    """One region at a look."""

    code: str
    name: str
    zone_name: str | None = None
    state: str = "none"
    verdict: str = "never loaded"
    last_good: str = "never"
    data_age: str = "never"
    tasks: str = shown(None)
    linked: str = shown(None)
    resolved: str = shown(None)
    trend: str = ""
    trend_rows: list[tuple[str, ...]] = field(default_factory=list)
    requests: str = "0"
    failures: str = "0"
    cells: list[Cell] = field(default_factory=list)

    @property
    def sign(self) -> str:
        return SIGNS[self.state]

    @property
    def zone(self) -> ZoneInfo | timezone:
        """The region's zone, UTC without one."""
        return zone_of(self.zone_name)


@dataclass(frozen=True)
class Health:
    """The first two parts of the page."""

    state: str
    sentence: str
    problems: list[Problem]
    regions: list[RegionLine]

    @property
    def sign(self) -> str:
        return SIGNS[self.state]

    @property
    def problem_table(self) -> Table:
        return table(
            "What the last runs left open",
            "region | problem | since | next step",
            [(each.region, each.text, each.since, each.next_step) for each in self.problems],
        )


def health(questions: Questions, configured: Mapping[str, str], now: datetime) -> Health:
    """`configured`: code to name of the regions that should be there, loaded or not."""
    loaded = {row["region_code"]: row for row in questions.ask("regions")}
    runs = _by_region(questions.ask("runs"))
    days = {row["region_code"]: row for row in questions.ask("last_day")}
    weeks = _by_region(questions.ask("linkage"))
    left_open = {row["region_code"]: row for row in questions.ask("problems")}
    lines = []
    for code in sorted({*configured, *loaded, *runs}):
        known = loaded.get(code, {})
        line = RegionLine(code, known.get("name") or configured.get(code) or code, known.get("time_zone"))
        _runs(line, runs.get(code, []), now)
        _linkage(line, weeks.get(code, []))
        day = days.get(code, {})
        line.requests, line.failures = (
            shown(day.get("count_requests") or 0),
            shown(day.get("count_failures") or 0),
        )
        lines.append(line)
    problems = [problem for line in lines for problem in _problems(line, left_open.get(line.code), now)]
    return Health(*_verdict(lines, problems), problems, lines)


def _by_region(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["region_code"], []).append(row)
    return found


def _runs(line: RegionLine, rows: Sequence[Row], now: datetime) -> None:
    """Cells in the order of the table of endpoints; the region is as its worst entity."""
    by_entity = {row["entity"]: row for row in rows}
    newest = max(rows, key=lambda row: row["started_at"], default=None)
    runs_now = newest is not None and now - newest["started_at"] <= EIGHT_WEEKS
    for entity in ENDPOINTS:
        row = by_entity.get(entity)
        if row is None:
            line.cells.append(Cell(entity, "none", "never", "not loaded yet"))
            continue
        if runs_now and now - row["started_at"] > EIGHT_WEEKS:  # loaded once by hand, and not by the schedule
            cell = Cell(entity, "none", age(row["loaded_at"], now), "not tried in the last eight weeks")
            line.cells.append(cell)
            continue
        usual = _usual(row)
        is_late = row["loaded_at"] is None or now - row["last_started_at"] > max(
            OVERDUE_FACTOR * usual if usual else timedelta(days=8), OVERDUE_AT_LEAST
        )
        state = "bad" if row["status"] == "failed" else "late" if is_late else "good"
        about = f"usually every {span(usual)}" if usual else "its rhythm is not known yet"
        line.cells.append(Cell(entity, state, age(row["loaded_at"], now), about))
    if newest is None:
        return
    states = {cell.state for cell in line.cells}
    loaded = max((row["loaded_at"] for row in rows if row["loaded_at"]), default=None)
    good = max((row["good_at"] for row in rows if row["good_at"]), default=None)
    line.last_good = f"{moment(good, line.zone)} ({age(good, now)})" if good else "never"
    line.data_age = age(loaded, now)
    if newest["status"] == "failed":
        line.state, line.verdict = "bad", "the last run failed"
    elif newest["status"] == "partial":
        line.state, line.verdict = "late", "something is missing"
    elif "late" in states or "bad" in states:
        line.state, line.verdict = "late", "not as fresh as usual"
    else:
        line.state, line.verdict = "good", "well"


def _usual(row: Row) -> timedelta | None:
    if row["count_runs"] < ENOUGH_READS:
        return None
    length: timedelta = row["last_started_at"] - row["first_started_at"]
    usual: timedelta = length / (row["count_runs"] - 1)
    return usual


def _linkage(line: RegionLine, rows: Sequence[Row]) -> None:
    if not rows:
        return
    last = rows[-1]
    line.tasks = shown(last["tasks_total"])
    line.linked = percent(last["tasks_linked"], last["tasks_total"])
    line.resolved = percent(last["tasks_resolved"], last["tasks_linked"])
    by_week = {row["run_week"].isoformat(): row for row in rows if row["tasks_total"]}
    shares = [
        {"week": week, "share": 100 * by_week[week]["tasks_resolved"] / by_week[week]["tasks_total"]}
        if week in by_week
        else {"week": week, "share": None}
        for week in every_week(row["run_week"] for row in rows)
    ]
    if len(rows) > 1:  # a single point is no line
        line.trend = charts.line(shares, "week", "share")
    line.trend_rows = [
        (
            line.name,
            row["run_week"].isoformat(),
            shown(row["tasks_total"]),
            shown(row["tasks_linked"]),
            shown(row["tasks_resolved"]),
            percent(row["tasks_resolved"], row["tasks_total"]),
        )
        for row in rows
    ]


def _problems(line: RegionLine, row: Row | None, now: datetime) -> list[Problem]:
    if row is None:
        if line.state != "none":
            return []
        never = "has never been loaded"
        return [Problem(line.name, never, "the beginning", f"run pipelines/run.py --region {line.code}")]
    kept: Any = row["problems"]
    entries = json.loads(kept) if isinstance(kept, str) else kept or {}
    problems = []
    for key, entry in sorted(entries.items(), key=lambda item: (item[0].startswith("warning:"), item[0])):
        if key.startswith("warning:"):
            continue  # about one run; the report of that run has it
        text, _, step = str(entry.get("text", "")).partition(" Next: ")
        since = pendulum.parse(entry["since"])
        at = moment(since, line.zone) if isinstance(since, datetime) else shown(None)
        problems.append(Problem(line.name, text, at, step or "see the run's report"))
    return problems


def _verdict(lines: Sequence[RegionLine], problems: Sequence[Problem]) -> tuple[str, str]:
    if not lines:
        return "none", "Nothing has been loaded yet, and no region is configured."
    bad = [line.name for line in lines if line.state == "bad"]
    late = [line.name for line in lines if line.state == "late"]
    never = [line.name for line in lines if line.state == "none"]
    if not bad and not late and not never and not problems:
        return "good", f"All is well in {_regions(len(lines))}."
    parts = [f"{', '.join(bad)} failed"] if bad else []
    parts += [f"{', '.join(late)} not as usual"] if late else []
    parts += [f"{', '.join(never)} never loaded"] if never else []
    count = f"{len(problems)} open {'problem' if len(problems) == 1 else 'problems'}"
    state = "bad" if bad else "late"
    return state, f"Needs attention: {'; '.join([*parts, count])}."


def _regions(count: int) -> str:
    return f"{count} {'region' if count == 1 else 'regions'}"
