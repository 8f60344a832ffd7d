"""The run report: what one run did, region by region, as JSON and as a table (design, section 5)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pendulum
from rich.console import Console
from rich.table import Table

from breezeway_source.api.counters import Counters, RequestCounts
from breezeway_source.errors import BreezewayError, CheckFailed
from pipelines.database.destinations import DATASET
from pipelines.watch.interrupt import INTERRUPTED_EXIT, TERMINATED_EXIT, exit_code_of
from pipelines.watch.problems import News, problems_of
from pipelines.watch.secrets import SECRETS, clean

STATUS_BY_EXIT_CODE = {0: "ok", 1: "partial", 2: "failed", 3: "failed", 4: "partial"}
WORST_FIRST = (TERMINATED_EXIT, INTERRUPTED_EXIT, 3, 2, 1, 4, 0)
HEADINGS = ("region", "status", "requests", "rows", "linked", "resolved", "seconds")
STEPS = ("extract", "normalize", "load", "sql")


@dataclass
class RegionReport:
    """One region of one run. `rows` counts the distinct rows written, `linkage` live tasks only."""

    region: str
    destination: str
    started_at: pendulum.DateTime
    entities: tuple[str, ...] = ()
    exit_code: int = 0
    status: str = "ok"
    dataset: str = DATASET
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STEPS, 0.0))
    requests: RequestCounts = field(default_factory=lambda: Counters().snapshot())
    rows: dict[str, int] = field(default_factory=dict)
    schema_changes: list[str] = field(default_factory=list)
    linkage: dict[str, Any] | None = None
    checks: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    check_notes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Check to what it found: problem key to text."""
    checked_in_part: set[str] = field(default_factory=set)
    """Checks that looked at what this run wrote, not at everything."""
    news: News = field(default_factory=News)

    def fail(self, exit_code: int, error: str) -> None:
        """The region could not be loaded to the end."""
        self.exit_code, self.status, self.error = exit_code, "failed", clean(error)

    def settle(self) -> None:
        """Derive status and exit code of a region that was loaded from what came up on the way."""
        if self.status == "failed":
            return
        if self.failures:
            self.exit_code = BreezewayError.exit_code
        elif any(check["severity"] == "error" and check["rows"] for check in self.checks):
            self.exit_code = CheckFailed.exit_code
        self.status = STATUS_BY_EXIT_CODE[self.exit_code]

    def as_dict(self) -> dict[str, Any]:
        names = (
            "region status exit_code destination dataset seconds requests rows schema_changes linkage checks "
            "failures warnings error"
        )
        texts = {"schema_changes", "failures", "warnings"}
        report = {
            name: SECRETS.clean_all(getattr(self, name)) if name in texts else getattr(self, name)
            for name in names.split()
        }
        report["problems"] = [problem.text for problem in problems_of(self)]
        report["seconds"] = {step: round(seconds, 2) for step, seconds in self.seconds.items()}
        return report


@dataclass
class RunReport:
    """All regions of one run; the exit code is the worst: an interrupt's, 3, 2, 1, 4, 0."""

    started_at: pendulum.DateTime
    seconds: float = 0.0
    regions: list[RegionReport] = field(default_factory=list)
    interrupted: KeyboardInterrupt | None = None

    @property
    def exit_code(self) -> int:
        stopped = [] if self.interrupted is None else [exit_code_of(self.interrupted)]
        return worst([*stopped, *(region.exit_code for region in self.regions)])

    @property
    def status(self) -> str:
        """`failed` when no region was loaded, `partial` when something is missing."""
        states = {region.status for region in self.regions}
        return states.pop() if len(states) == 1 else "partial"

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "started_at": self.started_at.to_iso8601_string(),
            "seconds": round(self.seconds, 1),
            "regions": [region.as_dict() for region in self.regions],
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_dict(), indent=2, default=str) + "\n", "utf-8")


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code to end with: of an interrupted run its own, else 3 before 2 before 1 before 4."""
    found = set(exit_codes)
    return next((code for code in WORST_FIRST if code in found), 0)


def print_report(report: RunReport, console: Console) -> None:
    """The report as tables for a person: one line a region, then what needs attention."""
    table = Table(title=f"Breezeway load: {report.status}", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("region", "status", "rows") else "right")
    for region in report.regions:
        table.add_row(*cells(region))
    console.print(table)
    for line in attention(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def cells(region: RegionReport) -> tuple[str, ...]:
    """A region's line of the table, below HEADINGS."""
    linkage = region.linkage or {}
    return (
        region.region,
        region.status,
        str(region.requests["total"]),
        ", ".join(f"{name} {count}" for name, count in region.rows.items()),
        _percent(linkage.get("linked_pct")),
        _percent(linkage.get("resolution_pct")),
        f"{sum(region.seconds.values()):.1f}",
    )


def attention(report: RunReport) -> list[str]:
    """One line per thing a person should know."""
    lines = []
    for region in report.regions:
        name = region.region
        lines += [f"{name}: {problem.text}" for problem in problems_of(region)]
        lines += [f"{name}: over: {text}" for text in region.news.over]
        if region.schema_changes:
            lines.append(f"{name}: new columns: {', '.join(region.schema_changes)}")
    return lines


def _percent(value: Any) -> str:
    return "" if value is None else f"{value} %"
