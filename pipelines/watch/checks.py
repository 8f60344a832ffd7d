"""Checks: queries that return the bad rows of a region. None means passed."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from pipelines.database.ddl import SQL_DIR, SqlClient, roomy_transaction, rows_of, with_region
from pipelines.database.each_table import for_each_table
from pipelines.database.indexes import unique_keys

Severity = Literal["error", "warn"]

SAMPLE_ROWS = 5
EVER = datetime(1970, 1, 1, tzinfo=timezone.utc)
log = logging.getLogger("breezeway")
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
    reads_part: bool = False
    """Only what the run wrote was looked at: nothing found says nothing about what was found before."""

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


def run_checks(client: SqlClient, region_code: str, since: datetime | None = None) -> list[CheckResult]:
    """Run every check for one region; samples hold ids only.

    Those that read lines look at what was written from `since` on, the run's start; at everything without it, as a
    weekly run does: seven million lines take half a minute.
    """
    kept_unique = unique_keys(client)
    return [run_check(client, check, region_code, since, kept_unique) for check in checks()]


def run_check(
    client: SqlClient,
    check: Check,
    region_code: str,
    since: datetime | None = None,
    kept_unique: Collection[str] = (),
) -> CheckResult:
    """Run one check for one region."""
    text = for_each_table(check.sql, kept_unique)
    if text is None:
        log.debug("%s: %s cannot fail, unique indexes keep it", region_code, check.name)
        return CheckResult(check.name, check.severity, 0, check.about)
    reads_part = since is not None and ":since" in check.sql
    query = with_region(_within(text, since), region_code).rstrip().rstrip(";")
    with roomy_transaction(client):
        # Counted first: with a LIMIT, PostgreSQL plans for an early first row, which is slow where there is none.
        ((rows,),) = rows_of(client, f"select count(*) from (\n{query}\n) as bad")
        sample = rows_of(client, f"{query}\nlimit {SAMPLE_ROWS}") if rows else []
    return CheckResult(check.name, check.severity, rows, check.about, tuple(sample), reads_part)


def _within(sql: str, since: datetime | None) -> str:
    start = (since or EVER).isoformat()
    sql = re.sub(r"(?<!:):since\b", f"cast('{start}' as timestamp with time zone)", sql)
    return re.sub(r"(?<!:):reads_all\b", str(since is None).lower(), sql)
