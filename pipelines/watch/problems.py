"""What a person must know of a region's run: one line a problem, each with its next step, and which are news.

A problem has a key that stays the same while it lasts. It is told once, and once more when it is over; what a run
could not judge (an entity it did not read, checks it did not reach) stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum

from breezeway_source.rows.filled import ALWAYS, ENOUGH_ROWS
from pipelines.watch.secrets import clean

if TYPE_CHECKING:
    from pipelines.watch.report import RegionReport

WARNING_LASTS = timedelta(days=8)  # longer than the weekly schedule, so that its warnings are told once

# Text of an error -> next step. The first that fits counts; an error that names its own way out fits none.
LASTING: tuple[tuple[str, str], ...] = (
    (
        r"read-only|readonly|ReadOnly",
        "give the loading user write access (a standby? default_transaction_read_only? the file's owner?), then "
        "run again: what was read waits in the working folder and is loaded first",
    ),
    (
        r"No space left|[Dd]isk full|could not extend file|[Cc]ould not write|File too large",
        "free space (or move the database or the working folder, DLT_DATA_DIR), then run again: what was read "
        "waits in the working folder and is loaded first",
    ),
)
WAYS_OUT: tuple[tuple[str, str], ...] = (
    (
        r"no credentials: set|Check client_id|is being loaded by|close it, or let it finish|--check|run again",
        "",
    ),
    (
        r"with a new token too",
        "the key pair was revoked or lost its rights: see its page in Breezeway, replace it, then run --check",
    ),
    (
        r"Token request",
        "the next run asks again; if it lasts, see whether something else uses the key pair (one token a minute)",
    ),
    *LASTING,
    (
        r"cannot be reached|[Cc]onnection refused|could not connect|server closed the connection|timeout expired",
        "see whether the database is up and reachable from here, then run again: nothing is lost",
    ),
    (
        r"password authentication failed|no pg_hba.conf",
        "set the right destination.postgres.credentials, then --check",
    ),
    (r"permission denied|must be owner", "grant the right to the loading user (--check lists what it needs)"),
    (
        r"lock timeout|LockNotAvailable|canceling statement due to lock",
        "end the session that holds the table (pg_stat_activity); the next run loads what this one read",
    ),
    (
        r"no complete answer|after \d+ attempts|^5\d\d for|in a row",
        "the next run asks again from the same cursor; if it lasts, ask Breezeway's support whether the API is up",
    ),
)
ELSE_NEXT = "run again: it continues where this one stopped; --verbose adds the traceback"


@dataclass(frozen=True)
class Problem:
    """One line to tell. `key` is the same in every run while it lasts; `severity`: error or warn."""

    key: str
    text: str
    severity: str = "warn"


def problems_of(region: RegionReport) -> list[Problem]:
    """All that needs attention in one region's run, worst first."""
    found = []
    if region.error:
        found.append(Problem("error", f"failed: {with_next(region.error)}", "error"))
    for failure in region.failures:
        key = f"failure:{failure['entity']}:{failure['property_id'] or ''}:{failure['status'] or ''}"
        found.append(Problem(key, f"{failure['entity']}: {_of_failure(failure)}", "error"))
    for check in region.checks:
        if not check["rows"]:
            continue
        notes = region.check_notes.get(check["name"]) or {f"check:{check['name']}": f"{check['rows']} rows"}
        severity = check["severity"]
        found += [
            Problem(key, f"check {check['name']} ({severity}): {text}", severity)
            for key, text in notes.items()
        ]
    told = "\n".join(problem.text for problem in found)
    found += [
        Problem(f"warning:{_plain(warning)}", warning) for warning in region.warnings if warning not in told
    ]
    return [replace(problem, key=clean(problem.key), text=clean(problem.text)) for problem in found]


def with_next(error: str) -> str:
    """The error with its next step, unless it names one itself."""
    if "Next: " in error:
        return error
    step = next((step for pattern, step in WAYS_OUT if re.search(pattern, error)), ELSE_NEXT)
    return f"{error.rstrip('.')}. Next: {step}." if step else error


def is_lasting(error: str) -> bool:
    """Whether trying the same again in a moment is in vain: a full disk, a read-only database."""
    return any(re.search(pattern, error) for pattern, _ in LASTING)


def _of_failure(failure: Mapping[str, Any]) -> str:
    message, property_id = str(failure["message"]).rstrip("."), failure["property_id"]
    if property_id is None:
        return with_next(message)
    if failure["status"] in (403, 404, 422):
        step = (
            f"look at property {property_id} in Breezeway. It holds back only itself: every run asks for it again, "
            f"from its own cursor; --property {property_id} reads it alone"
        )
    else:
        step = f"the next run reads property {property_id} again from its own cursor"
    return f"{message}. Next: {step}."


def _plain(text: str) -> str:
    """The text without its numbers, which change from run to run."""
    return re.sub(r"\d+", "#", text)[:200]


# --- news --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class News:
    """What changed since the region's last run; `open` is what stays known after this one."""

    new: list[Problem] = field(default_factory=list)
    still: list[tuple[Problem, str]] = field(default_factory=list)  # with the instant it was first told
    over: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    open: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        """Nothing to send to anybody."""
        return not (self.new or self.over or self.columns)


def news_of(
    region: RegionReport,
    before: Mapping[str, Mapping[str, str]],
    *,
    judged: Iterable[str] = (),
    whole_entities: Iterable[str] = (),
) -> News:
    """Compare this run's problems with those the last run left open.

    `judged`: keys of the history checks that could be answered; `whole_entities`: those read beside no cursor,
    so that a failure that did not come again is over.
    """
    now = region.started_at.to_iso8601_string()
    current = {problem.key: problem for problem in problems_of(region)}
    new = [problem for key, problem in current.items() if key not in before]
    still = [(problem, before[key]["since"]) for key, problem in current.items() if key in before]
    kept: dict[str, dict[str, str]] = {
        key: {"text": problem.text, "since": before.get(key, {}).get("since", now), "seen": now}
        for key, problem in current.items()
    }
    over = []
    known, whole = {*judged, *(f"check:{check['name']}" for check in region.checks)}, set(whole_entities)
    for key, entry in before.items():
        if key in current:
            continue
        if _is_over(key, region, known, whole):
            over.append(f"{entry['text'].partition(' Next: ')[0]} (since {entry['since'][:16]})")
        elif not _is_forgotten(key, entry, region.started_at):
            kept[key] = dict(entry)
    return News(new, still, over, list(region.schema_changes), kept)


def judged_fields(region: RegionReport, before: Iterable[str], whole: Iterable[str]) -> set[str]:
    """Of the documented fields that were null, those this run had enough rows to judge again."""
    judged = set()
    for key in before:
        kind, _, place = key.partition(":documented_fields_are_filled:")
        table, _, column = place.partition(".")
        if kind == "check" and place and region.rows.get(table.partition("__")[0], 0) >= ENOUGH_ROWS:
            is_root = "__" not in table
            if table.partition("__")[0] in whole or (is_root and column in ALWAYS.get(table, "").split()):
                judged.add(key)
    return judged


def _is_over(key: str, region: RegionReport, judged: set[str], whole_entities: set[str]) -> bool:
    if region.status == "failed":
        return False
    kind, _, rest = key.partition(":")
    if kind == "error":
        return True
    if kind == "failure":
        return rest.partition(":")[0] in whole_entities
    return kind == "check" and key in judged


def _is_forgotten(key: str, entry: Mapping[str, str], now: datetime) -> bool:
    """A warning is about one run; it is neither over nor told again while it keeps coming."""
    seen = pendulum.parse(entry["seen"])
    return key.startswith("warning:") and isinstance(seen, datetime) and now - seen > WARNING_LASTS
