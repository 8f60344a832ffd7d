"""Checks of a run against its region's own past, from `sync_runs`. Severity warn: told, never a change of status.

Pure functions over what the history holds. Every threshold comes from the region itself: its rate by hour of the
week, its longest silences, its usual counts. So a quiet weekend, a small region or a season raises nothing, which
tests/test_history.py shows with a simulated year. A level that lasts becomes the new normal by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from statistics import median

from breezeway_source.entities.endpoints import ENDPOINTS

WINDOW = timedelta(weeks=8)
CHECKS = ("entities_are_fresh", "changes_arrive", "volume_is_kept", "linkage_is_kept", "columns_stay_filled")

# Lists that every run reads whole; tasks and stays only in some runs, the details never.
WHOLE_LISTS = frozenset(name for name, endpoint in ENDPOINTS.items() if endpoint.is_whole_list)

USUAL_DAYS = 14  # days whose last run makes up the usual level
HALF = 0.5
ENOUGH_TO_HALVE = 20  # rows; below that a halving is everyday life
LINKAGE_POINTS = 5.0  # percentage points below the usual
ENOUGH_TASKS = 50

SILENT_AT_LEAST = timedelta(hours=24)
SILENCE_FACTOR = 2.0  # times the second-longest silence of the window: one outage does not set the measure
EXPECTED_ROWS = 20.0  # rows the region's own rate makes us expect in the silence: by chance e^-20
ENOUGH_HISTORY = timedelta(days=14)
ENOUGH_ACTIVE_RUNS = 20
BULK_FACTOR = 10.0  # a bulk edit counts as ten usual runs at most
NEVER_LISTED_FEWER = 50
ENOUGH_LISTS = 200

COLUMN_RUNS = 3
ENOUGH_COLUMN_RUNS = 30
CLOCK_OFF_S = 300.0  # what the tasks' cursor allows for

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Seen:
    """One entity in one run, reduced to what is judged. `reading`: whole, changes or part."""

    entity: str
    started_at: datetime
    ok: bool = True
    reading: str | None = "changes"
    rows: int = 0
    listed: int | None = None
    live_rows: int | None = None
    failures: int = 0
    tasks_total: int | None = None
    tasks_linked: int | None = None
    tasks_resolved: int | None = None


@dataclass(frozen=True)
class Finding:
    """Something unlike the region's past; `message` says what, since when, and the next step."""

    check: str
    entity: str
    message: str

    @property
    def key(self) -> str:
        return f"check:{self.check}:{self.entity}"


@dataclass
class Judgement:
    """The findings, and the keys of all that could be judged: what is judged and not found is well again."""

    findings: list[Finding] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)

    def add(self, check: str, entity: str, message: str | None) -> None:
        """One answer of one check; None: all well."""
        finding = Finding(check, entity, message or "")
        self.judged.add(finding.key)
        if message:
            self.findings.append(finding)


def judge(past: Mapping[str, Sequence[Seen]], now: Iterable[Seen]) -> Judgement:
    """Compare a region's run, one Seen per entity, with its past runs by entity, oldest first."""
    judgement = Judgement()
    current = [seen for seen in now if seen.ok]
    for seen in current:
        before = past.get(seen.entity, ())
        _volume(judgement, before, seen)
        _silence(judgement, before, seen)
    if current:
        _linkage(judgement, past.get(current[0].entity, ()), current[0])
    return judgement


# --- volume ------------------------------------------------------------------------------------------------


def size(seen: Seen) -> int | None:
    """How many rows the API has, where the run read all of them. Of tasks and stays only changed ones are written."""
    is_whole = seen.entity in WHOLE_LISTS or (
        seen.reading == "whole" and seen.entity in ("tasks", "reservations")
    )
    if not is_whole or seen.reading == "part":
        return None
    return seen.rows if seen.entity in WHOLE_LISTS else seen.listed


def _volume(judgement: Judgement, past: Sequence[Seen], now: Seen) -> None:
    if now.failures or now.reading == "part":
        return  # told already, or no picture of the whole
    message = None
    now_listed = size(now)
    if now_listed is not None:
        message = _less(now.entity, "the API listed", now_listed, _usual(past, size), _COMPARE)
    if message is None and now.live_rows is not None:
        usual_live = _usual(past, lambda seen: seen.live_rows)
        message = _less(now.entity, "the warehouse holds", now.live_rows, usual_live, _RESTORE)
    if message is None:
        message = _empty_window(past, now)
    judgement.add("volume_is_kept", now.entity, message)


_COMPARE = (
    "compare with Breezeway's own pages and with the key pair's scope (--check); nothing is deleted without proof "
    "but rows of catalogues, which come back with the next whole list"
)
_RESTORE = "see deleted_at and deletion_proofs of these rows; --full reads them again"


def _less(entity: str, who: str, count: int, usual: float | None, next_step: str) -> str | None:
    if usual is None:
        return None
    if count == 0 and usual >= 1:
        return f"{who} no {entity} where there were {usual:.0f}. Next: {next_step}."
    if usual >= ENOUGH_TO_HALVE and count < HALF * usual:
        return f"{who} {count} {entity}, less than half of the usual {usual:.0f}. Next: {next_step}."
    return None


def _usual(past: Sequence[Seen], value: Callable[[Seen], float | None]) -> float | None:
    """The median over the last USUAL_DAYS days with a value, each by its last one; None without any."""
    values: list[float] = []
    day = None
    for seen in reversed(past):
        seen_on = seen.started_at.date()
        if seen_on == day or not seen.ok or (found := value(seen)) is None:
            continue
        day = seen_on
        values.append(found)
        if len(values) == USUAL_DAYS:
            break
    return float(median(values)) if values else None


def _empty_window(past: Sequence[Seen], now: Seen) -> str | None:
    """Tasks are asked for by days, with overlap: a window that was never empty and now is, is a broken filter."""
    if now.entity != "tasks" or now.reading != "changes" or now.listed:
        return None
    before = [seen.listed or 0 for seen in past if _is_steady(seen)]
    if len(before) < ENOUGH_LISTS or min(before) < NEVER_LISTED_FEWER:
        return None
    return (
        f"the API listed no task changed in the last days, where it never listed fewer than {min(before)}. "
        "Next: look at one property's tasks in Breezeway; --full reads all tasks without the filter."
    )


# --- freshness ---------------------------------------------------------------------------------------------


def _silence(judgement: Judgement, past: Sequence[Seen], now: Seen) -> None:
    """Runs go well and bring no change, for far longer than the region's own rate suggests."""
    if now.entity not in ("tasks", "reservations") or now.reading != "changes" or now.failures:
        return
    if now.rows:
        judgement.add("changes_arrive", now.entity, None)
        return
    last = next((seen for seen in reversed(past) if seen.rows and _is_steady(seen)), None)
    if last is not None and now.started_at - last.started_at < SILENT_AT_LEAST:
        judgement.add("changes_arrive", now.entity, None)
        return
    steady = [seen for seen in past if _is_steady(seen)]
    active = [seen for seen in steady if seen.rows]
    if len(active) < ENOUGH_ACTIVE_RUNS or active[-1].started_at - steady[0].started_at < ENOUGH_HISTORY:
        return
    last_at = active[-1].started_at
    silence = now.started_at - last_at
    message = None
    gaps = sorted(later.started_at - earlier.started_at for earlier, later in zip(active, active[1:]))
    if silence > SILENCE_FACTOR * gaps[-2]:
        expected = _expected(active, last_at, now.started_at)
        if expected >= EXPECTED_ROWS:
            message = (
                f"no {now.entity} changed for {span(silence)} (since {last_at:%Y-%m-%d %H:%M} UTC), where the "
                f"region's own rate makes about {expected:.0f} rows. Next: compare with Breezeway; if work goes "
                "on there, look at the key pair's scope with --check, and read the days again with --since."
            )
    judgement.add("changes_arrive", now.entity, message)


def _is_steady(seen: Seen) -> bool:
    """Whether it tells how many rows changed since the run before."""
    return seen.ok and seen.reading == "changes"


def _expected(active: Sequence[Seen], start: datetime, end: datetime) -> float:
    """Rows the region's rate by hour of the week makes us expect between two instants."""
    cap = BULK_FACTOR * median(seen.rows for seen in active)
    weeks = max((active[-1].started_at - active[0].started_at) / timedelta(weeks=1), 1.0)
    by_hour: dict[tuple[int, int], float] = defaultdict(float)
    for seen in active:
        by_hour[seen.started_at.weekday(), seen.started_at.hour] += min(seen.rows, cap) / weeks
    expected, at = 0.0, start + HOUR
    while at <= end:
        expected += by_hour.get((at.weekday(), at.hour), 0.0)
        at += HOUR
    return expected


# --- linkage -----------------------------------------------------------------------------------------------


def _linkage(judgement: Judgement, past: Sequence[Seen], now: Seen) -> None:
    """Of all tasks of the region, so any of its entities tells it."""
    for name, whole, part in (
        ("carry a link to a stay", "tasks_total", "tasks_linked"),
        ("have their linked stay loaded", "tasks_linked", "tasks_resolved"),
    ):
        count = getattr(now, whole)
        share = _percent(now, whole, part)
        usual = _usual(past, partial(_percent, whole=whole, part=part))
        if share is None or usual is None or count < ENOUGH_TASKS:
            continue
        message = None
        if share < usual - LINKAGE_POINTS:
            of = "tasks" if whole == "tasks_total" else "linked tasks"
            message = (
                f"{share:.1f} % of the {of} {name}, usually {usual:.1f} %. Next: count tasks by link_status; "
                "reservation_not_loaded is fetched in the next runs, reservation_not_found is unknown to the API."
            )
        judgement.add("linkage_is_kept", part, message)


def _percent(seen: Seen, whole: str, part: str) -> float | None:
    total, some = getattr(seen, whole), getattr(seen, part)
    return 100.0 * some / total if total and some is not None else None


# --- columns -----------------------------------------------------------------------------------------------


def null_columns(
    judgement: Judgement,
    entity: str,
    reading: str,
    now: Mapping[str, Sequence[str]] | None,
    past: Sequence[tuple[str, Mapping[str, Sequence[str]]]],
) -> None:
    """Columns that used to be filled and are null in all rows of this run; `past` is newest first.

    Where all rows are read, a column must have been filled somewhere in each of the last runs; where only the
    changed ones are, in most rows of each of many runs: a batch of new tasks has no `finished_at`.
    """
    alike = [columns for how, columns in past if how == reading]
    enough = COLUMN_RUNS if reading == "whole" or entity in WHOLE_LISTS else ENOUGH_COLUMN_RUNS
    if now is None or len(alike) < enough:
        return
    unlike = ("empty",) if enough == COLUMN_RUNS else ("empty", "sparse")
    spared = {name for columns in alike[:enough] for kind in unlike for name in columns.get(kind, ())}
    gone = sorted(set(now.get("empty", ())) - spared)
    message = None
    if gone:
        message = (
            f"null in all rows of this run, filled in those before: {', '.join(f'{entity}.{name}' for name in gone)}. "
            "Next: see the new columns for the field's new name, and tell whoever reads the old one."
        )
    judgement.add("columns_stay_filled", entity, message)


# --- clock -------------------------------------------------------------------------------------------------


def clock_message(clock_ahead_s: float | None) -> str | None:
    """What is wrong with this machine's clock, by the `Date` of the API's answers; None when it is right."""
    if clock_ahead_s is None or abs(clock_ahead_s) <= CLOCK_OFF_S:
        return None
    return (
        f"this machine's clock is {span(timedelta(seconds=abs(clock_ahead_s)))} "
        f"{'ahead of' if clock_ahead_s > 0 else 'behind'} the API's. Next: set it (NTP); this run took "
        "the API's time, for the cursor is the run's clock."
    )


def span(duration: timedelta) -> str:
    minutes = round(duration / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    if minutes < 48 * 60:
        return f"{round(minutes / 60)} hours"
    return f"{round(minutes / 1440)} days"
