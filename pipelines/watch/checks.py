"""Checks: queries that return the bad rows of a region. None means passed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from pipelines.database.ddl import SQL_DIR, SqlClient, roomy_transaction, rows_of, with_region

Severity = Literal["error", "warn"]

SAMPLE_ROWS = 5
HEADER = re.compile(r"-- (?P<about>.+) severity: (?P<severity>error|warn)")


class CheckReport(TypedDict):
    """A check as the run report tells it."""

    name: str
    severity: Severity
    rows: int


@dataclass(frozen=True)
class Check:
    """One file of sql_post/checks; `about` is the sentence that holds when it passes."""

    name: str
    severity: Severity
    about: str
    sql: str


@dataclass(frozen=True)
class CheckResult:
    """How one check went for one region: the number of bad rows and the keys of some of them."""

    name: str
    severity: Severity
    rows: int
    about: str = ""
    sample: tuple[tuple[Any, ...], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the run must end 4: bad rows, and the check is an error."""
        return self.severity == "error" and self.rows > 0

    def report(self) -> CheckReport:
        return {"name": self.name, "severity": self.severity, "rows": self.rows}

    def notes(self) -> dict[str, dict[str, str]]:
        """What to tell a person: this check's name to its problem's key and text; nothing when it passed."""
        if not self.rows:
            return {}
        such = "; ".join(" ".join(map(str, row[1:])) for row in self.sample)
        text = (
            f"{self.rows} rows against: {self.about} Ids: {such}. "
            f"Next: the query of sql_post/checks/*_{self.name}.sql lists them all."
        )
        return {self.name: {f"check:{self.name}": text}}


def checks() -> list[Check]:
    """The checks in number order. Raises ValueError for a file without the header line."""
    return [_check(path) for path in sorted((SQL_DIR / "checks").glob("*.sql"))]


def _check(path: Path) -> Check:
    sql = path.read_text("utf-8")
    header = HEADER.match(sql)
    if header is None:
        raise ValueError(f"{path.name} must begin with '-- <sentence>. severity: error|warn'")
    severity = cast("Severity", header["severity"])
    return Check(path.stem.lstrip("0123456789_"), severity, header["about"], sql)


def run_checks(client: SqlClient, region_code: str) -> list[CheckResult]:
    """Run every check for one region. Samples hold ids only."""
    return [run_check(client, check, region_code) for check in checks()]


def run_check(client: SqlClient, check: Check, region_code: str) -> CheckResult:
    """Run one check for one region."""
    query = with_region(check.sql, region_code).rstrip().rstrip(";")
    with roomy_transaction(client):
        # Counted first: with a LIMIT, PostgreSQL plans for an early first row, which is slow where there is none.
        ((rows,),) = rows_of(client, f"select count(*) from (\n{query}\n) as bad")
        sample = rows_of(client, f"{query}\nlimit {SAMPLE_ROWS}") if rows else []
    return CheckResult(check.name, check.severity, rows, check.about, tuple(sample))
