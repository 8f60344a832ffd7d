"""What a person must know of a region's run: one line a problem, each with its next step, and which are news.

A problem has a key that stays the same while it lasts. It is told once, and once more when it is over; what a run
could not judge (an entity it did not read, checks it did not reach) stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pendulum

from breezeway_source.rows.filled import ALWAYS, ENOUGH_ROWS
from pipelines.watch.secrets import clean
from pipelines.watch.ways_out import with_next

WARNING_LASTS = timedelta(days=8)  # longer than the weekly schedule, so that its warnings are told once


class Outcome(Protocol):
    """What is judged of one region's run: the fields of `report.RegionReport`."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def status(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def rows(self) -> Mapping[str, int]: ...
    @property
    def failures(self) -> Iterable[Mapping[str, Any]]: ...
    @property
    def checks(self) -> Iterable[Mapping[str, Any]]: ...
    @property
    def check_notes(self) -> Mapping[str, Mapping[str, str]]: ...
    @property
    def checked_in_part(self) -> Collection[str]: ...
    @property
    def warnings(self) -> Iterable[str]: ...
    @property
    def schema_changes(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class Problem:
    """One line to tell. `key` is the same in every run while it lasts; `severity`: error or warn."""

    key: str
    text: str
    severity: str = "warn"


def problems_of(region: Outcome) -> list[Problem]:
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
    region: Outcome,
    before: Mapping[str, Mapping[str, str]],
    *,
    judged: Iterable[str] = (),
    whole_entities: Iterable[str] = (),
) -> News:
    """Compare this run's problems with those the last run left open.

    `judged`: keys of the history checks that could be answered; `whole_entities`: those read beside no cursor,
    so that a failure that did not come again is over.
    """
    now = pendulum.instance(region.started_at).to_iso8601_string()
    current = {problem.key: problem for problem in problems_of(region)}
    new = [problem for key, problem in current.items() if key not in before]
    still = [(problem, before[key]["since"]) for key, problem in current.items() if key in before]
    kept: dict[str, dict[str, str]] = {
        key: {"text": problem.text, "since": before.get(key, {}).get("since", now), "seen": now}
        for key, problem in current.items()
    }
    over = []
    checked = {check["name"] for check in region.checks} - set(region.checked_in_part)
    known, whole = {*judged, *(f"check:{name}" for name in checked)}, set(whole_entities)
    for key, entry in before.items():
        if key in current:
            continue
        if _is_over(key, region, known, whole):
            over.append(f"{entry['text'].partition(' Next: ')[0]} (since {entry['since'][:16]})")
        elif not _is_forgotten(key, entry, region.started_at):
            kept[key] = dict(entry)
    return News(new, still, over, list(region.schema_changes), kept)


def judged_fields(region: Outcome, before: Iterable[str], whole: Iterable[str]) -> set[str]:
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


def _is_over(key: str, region: Outcome, judged: set[str], whole_entities: set[str]) -> bool:
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
