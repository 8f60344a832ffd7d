"""Checks against a region's own history: a year of normal runs raises nothing, what is wrong is told in one run."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from pipelines.watch import history
from pipelines.watch.history import WINDOW, Finding, Judgement, Seen, clock_message, judge
from pipelines.watch.rhythms import Rhythm, overdue

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
HOLIDAYS = {(1, 1), (5, 25), (7, 4), (9, 7), (11, 26), (11, 27), (12, 24), (12, 25)}
KEPT_RUNS = math.ceil(WINDOW / HOUR)


@dataclasses.dataclass
class Region:
    """A simulated region. `a_day`: changed tasks on a working day in the middle of the season."""

    properties: int
    a_day: float
    season: float  # how much less there is to do in the worst month, 0 to 1
    nights: float = 0.02  # share of the daily rate in each hour of the night
    weekend: float = 0.03

    def rate(self, at: datetime) -> float:
        """Expected changes in the hour before `at` (UTC; the offices work from 14 to 24)."""
        swing = 1 - self.season * (1 - math.cos(2 * math.pi * (at.timetuple().tm_yday - 196) / 365)) / 2
        hour = 0.09 if at.hour >= 14 else self.nights
        quiet = self.weekend if at.weekday() >= 5 or (at.month, at.day) in HOLIDAYS else 1.0
        return self.a_day * swing * hour * quiet

    def runs(self, dice: random.Random, days: int) -> Iterator[list[Seen]]:
        """Hourly runs, some of them skipped or failed, a daily one in the morning, a weekly one on Sunday."""
        tasks, stays, linked = self.properties * 30, self.properties * 8, 0.72
        before = (START - HOUR * hour for hour in range(72, 0, -1))
        window = deque([poisson(dice, self.rate(at)) for at in before], maxlen=72)
        properties, people, supplies = self.properties, 40, 60
        pending = 0
        for hour in range(days * 24):
            at = START + HOUR * hour + timedelta(minutes=7 + dice.random() * 20)
            changed = poisson(dice, self.rate(at) * dice.gammavariate(2, 0.5))  # bursts
            if dice.random() < 0.001:
                changed += properties * 5  # a bulk edit
            booked = poisson(dice, self.rate(at) / 6)
            pending += changed
            window.append(changed)
            tasks += changed // 4
            stays += booked
            linked = min(max(linked + dice.gauss(0, 0.0005), 0.69), 0.75)
            if dice.random() < 0.01 or 3000 <= hour < 3030:
                continue  # GitHub started none; and once for more than a day
            ok = dice.random() > 0.005
            if dice.random() < 0.02 / 24:
                properties += dice.choice((-1, 1, 1, 2))
            counts = {
                "tasks_total": tasks,
                "tasks_linked": round(tasks * linked),
                "tasks_resolved": round(tasks * linked * 0.99),
            }
            if not ok:
                yield [Seen(name, at, ok=False, rows=0) for name in ("properties", "reservations", "tasks")]
                continue
            yield [
                Seen("properties", at, True, "whole", properties, properties, properties, **counts),
                Seen("reservations", at, True, "changes", booked, booked, stays, **counts),
                Seen("tasks", at, True, "changes", pending, sum(window), tasks, **counts),
            ]
            pending = 0
            if at.hour == 5:
                people += dice.choice((-1, 0, 0, 0, 1))
                supplies += dice.choice((0, 0, 0, 1))
                later = at + HOUR / 2
                yield [
                    Seen("people", later, True, "whole", people, people, people, **counts),
                    Seen("supplies", later, True, "whole", supplies, supplies, supplies, **counts),
                    Seen("tags", later, True, "whole", 10, 10, 10, **counts),
                    Seen(
                        "property_details", later, True, "changes", properties // 7, 0, properties, **counts
                    ),
                    Seen("reservations", later, True, "whole", stays, stays, stays, **counts),
                    Seen("tasks", later, True, "changes", 0, tasks, tasks, **counts),
                ]
            if at.hour == 7 and at.weekday() == 6:
                later = at + HOUR / 2
                yield [
                    Seen("templates", later, True, "whole", 30, 30, 30, **counts),
                    Seen("subdepartments", later, True, "whole", 3, 3, 3, **counts),
                    Seen("tasks", later, True, "whole", tasks, tasks, tasks, **counts),
                ]


def poisson(dice: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


class History:
    """Keeps what `sync_runs` would hold, and judges each run before it is kept."""

    def __init__(self, region_code: str = "smoky") -> None:
        self.region_code = region_code
        self.past: dict[str, list[Seen]] = defaultdict(list)
        self.rhythms: dict[str, Rhythm] = {}

    def judge(self, run: list[Seen]) -> Judgement:
        found = judge(self.past, run)
        at = run[0].started_at
        late = overdue(self.rhythms.values(), at, self.region_code, [seen.entity for seen in run if seen.ok])
        return Judgement(found.findings + late.findings, found.judged | late.judged)

    def keep(self, run: list[Seen]) -> None:
        for seen in run:
            kept = self.past[seen.entity]
            kept.append(seen)
            if len(kept) > KEPT_RUNS + 200:
                del kept[:200]
            if seen.ok:
                known = self.rhythms.get(seen.entity)
                first, runs = (known.first_at, known.runs + 1) if known else (seen.started_at, 1)
                self.rhythms[seen.entity] = Rhythm(
                    self.region_code, seen.entity, runs, first, seen.started_at
                )

    def live(self, run: list[Seen]) -> list[Finding]:
        found = self.judge(run).findings
        self.keep(run)
        return found


REGIONS = {
    "large": Region(2000, 900, 0.3),
    "middle, with empty weekends and nights": Region(400, 120, 0.6, nights=0.0, weekend=0.0),
    "small and nearly closed in winter": Region(250, 12, 0.9),
}


@pytest.mark.parametrize("name", REGIONS)
def test_a_year_of_normal_runs_raises_nothing(name: str) -> None:
    """The two without a dead season live through five months of it: all that they meet is in these."""
    simulated, kept, runs = REGIONS[name], History(), 0
    days = 365 if simulated.season > 0.8 else 150
    for run in simulated.runs(random.Random(name), days):
        findings = kept.live(run)
        assert findings == [], run[0].started_at
        runs += 1
    assert runs > 22 * days
    assert kept.judge(run).judged >= {"check:volume_is_kept:properties", "check:entities_are_fresh:people"}


@pytest.fixture(scope="module")
def ten_weeks() -> History:
    """Ten weeks of a middling region, up to a Wednesday evening."""
    kept = History()
    for run in Region(400, 300, 0.2).runs(random.Random("ten weeks"), 70):
        kept.live(run)
    return kept


def next_run(kept: History, entity: str, later: timedelta = HOUR, **changes: object) -> list[Seen]:
    """A run of one entity like the last of its kind, but for the changes."""
    last = next(
        seen
        for seen in reversed(kept.past[entity])
        if seen.ok and seen.reading == changes.get("reading", seen.reading)
    )
    return [
        dataclasses.replace(
            last,
            **{"started_at": kept.past["tasks"][-1].started_at + later, "rows": last.rows or 1, **changes},
        )
    ]  # type: ignore[arg-type]


def messages(judgement: Judgement) -> dict[str, str]:
    return {finding.key: finding.message for finding in judgement.findings}


def test_a_run_like_the_others_is_well(ten_weeks: History) -> None:
    for entity in ("properties", "tasks", "reservations", "people", "templates"):
        judgement = ten_weeks.judge(next_run(ten_weeks, entity))
        assert messages(judgement) == {} and f"check:volume_is_kept:{entity}" in judgement.judged


def test_a_dead_region_is_told_in_the_first_run_after_a_silence_unlike_its_own(ten_weeks: History) -> None:
    night = next_run(ten_weeks, "tasks", timedelta(hours=20), rows=0)
    assert messages(judge(ten_weeks.past, night)) == {}
    dead = next_run(ten_weeks, "tasks", timedelta(days=8), rows=0)
    told = messages(judge(ten_weeks.past, dead))["check:changes_arrive:tasks"]
    assert told.startswith("no tasks changed for 8 days (since 2026-03-1")
    assert "Next: compare with Breezeway" in told
    alive = next_run(ten_weeks, "tasks", timedelta(days=8), rows=1)
    assert "check:changes_arrive:tasks" in ten_weeks.judge(alive).judged


@pytest.mark.parametrize(
    ("entity", "changes", "told"),
    [
        ("properties", {"rows": 150}, "the API listed 150 properties, less than half of the usual 4"),
        ("properties", {"rows": 0, "live_rows": 0}, "the API listed no properties where there were 4"),
        ("people", {"rows": 12}, "the API listed 12 people, less than half of the usual"),
        ("tags", {"rows": 0}, "the API listed no tags where there were 10"),
        ("subdepartments", {"rows": 0}, "the API listed no subdepartments where there were 3"),
        (
            "tasks",
            {"reading": "whole", "listed": 4000},
            "the API listed 4000 tasks, less than half of the usual",
        ),
        ("tasks", {"live_rows": 4000}, "the warehouse holds 4000 tasks, less than half of the usual"),
        ("tasks", {"live_rows": 0}, "the warehouse holds no tasks where there were"),
        (
            "reservations",
            {"reading": "whole", "listed": 900},
            "the API listed 900 reservations, less than half",
        ),
    ],
)
def test_halved_and_vanished_rows_are_told_at_once(
    ten_weeks: History, entity: str, changes: dict[str, object], told: str
) -> None:
    found = messages(ten_weeks.judge(next_run(ten_weeks, entity, **changes)))
    assert list(found) == [f"check:volume_is_kept:{entity}"]
    assert (
        found[f"check:volume_is_kept:{entity}"].startswith(told)
        and "Next: " in found[f"check:volume_is_kept:{entity}"]
    )


def test_a_filter_that_suddenly_matches_nothing_is_told_at_once() -> None:
    kept = History()
    for run in Region(2000, 900, 0.3, weekend=0.3).runs(random.Random("busy"), 30):
        kept.keep(run)
    (now,) = next_run(kept, "tasks", reading="changes", rows=0, listed=0)
    told = messages(kept.judge([now]))
    assert (
        "no task changed in the last days, where it never listed fewer than"
        in told["check:volume_is_kept:tasks"]
    )


def test_small_catalogues_may_lose_half_of_their_rows(ten_weeks: History) -> None:
    assert messages(ten_weeks.judge(next_run(ten_weeks, "tags", rows=4, live_rows=4))) == {}


def test_a_run_beside_the_cursor_or_with_refusals_is_no_measure_of_volume(ten_weeks: History) -> None:
    for changes in ({"reading": "part", "live_rows": 1}, {"failures": 3, "live_rows": 1}):
        (now,) = next_run(ten_weeks, "tasks")
        judgement = ten_weeks.judge([dataclasses.replace(now, **changes)])  # type: ignore[arg-type]
        assert messages(judgement) == {} and "check:volume_is_kept:tasks" not in judgement.judged


def test_a_level_that_lasts_becomes_the_usual_one() -> None:
    kept, level = History(), [400] * 20 + [150] * 10
    told = []
    for day, count in enumerate(level):
        told.append(
            bool(
                kept.live(
                    [Seen("properties", START + timedelta(days=day), True, "whole", count, count, count)]
                )
            )
        )
    assert told == [False] * 20 + [True] * 7 + [False] * 3


def test_linkage_below_its_own_past_is_told(ten_weeks: History) -> None:
    (now,) = next_run(ten_weeks, "tasks")
    assert now.tasks_total and now.tasks_linked and now.tasks_resolved
    fewer = dataclasses.replace(now, tasks_linked=now.tasks_total // 2, tasks_resolved=now.tasks_total // 2)
    told = messages(ten_weeks.judge([fewer]))
    assert list(told) == ["check:linkage_is_kept:tasks_linked"]
    assert told["check:linkage_is_kept:tasks_linked"].startswith(
        "50.0 % of the tasks carry a link to a stay, usually 7"
    )
    unresolved = dataclasses.replace(now, tasks_resolved=now.tasks_linked // 2)
    assert list(messages(ten_weeks.judge([unresolved]))) == ["check:linkage_is_kept:tasks_resolved"]


def test_nothing_is_judged_without_a_past_or_when_the_run_failed(ten_weeks: History) -> None:
    first = judge(
        {}, [Seen("tasks", START, rows=0, live_rows=0, tasks_total=0, tasks_linked=0, tasks_resolved=0)]
    )
    assert first.findings == []
    (now,) = next_run(ten_weeks, "tasks", rows=0, live_rows=0)
    assert judge(ten_weeks.past, [dataclasses.replace(now, ok=False)]).judged == set()


# --- overdue -----------------------------------------------------------------------------------------------


def hourly(region: str, entity: str, last: datetime, runs: int = 500) -> Rhythm:
    return Rhythm(region, entity, runs, last - HOUR * (runs - 1), last)


def test_a_schedule_that_stopped_is_told_by_the_others() -> None:
    now = START + timedelta(days=100)
    daily = Rhythm("smoky", "people", 60, now - timedelta(days=64), now - timedelta(days=5))
    told = messages(overdue([hourly("smoky", "tasks", now), daily], now, "smoky", ["tasks"]))
    assert told == {
        "check:entities_are_fresh:people": "people has not been loaded for 5 days, usually every 24 hours. Next: see "
        "whether its scheduled job still starts, and run it by hand; the run after a long pause reads all that "
        "changed since."
    }


def test_a_region_that_is_no_longer_loaded_is_told_once_by_the_first_region_that_is_well() -> None:
    now = START + timedelta(days=100)
    rhythms = [
        hourly("austin", "tasks", now - timedelta(hours=9)),
        hourly("mammoth", "tasks", now - HOUR),
        hourly("smoky", "tasks", now - HOUR),
    ]
    told = messages(overdue(rhythms, now, "mammoth", ["tasks"]))
    assert list(told) == ["check:entities_are_fresh:region austin"]
    assert told["check:entities_are_fresh:region austin"].startswith(
        "region austin has not been loaded for 9 hours"
    )
    assert messages(overdue(rhythms, now, "smoky", ["tasks"])) == {}
    back = [hourly("austin", "tasks", now), *rhythms[1:]]
    judgement = overdue(back, now, "mammoth", ["tasks"])
    assert judgement.findings == [] and "check:entities_are_fresh:region austin" in judgement.judged


def test_runs_by_hand_now_and_then_have_no_rhythm() -> None:
    now = START + timedelta(days=100)
    by_hand = Rhythm("austin", "tasks", 20, now - timedelta(days=6), now - timedelta(days=5, hours=20))
    assert overdue([by_hand, hourly("smoky", "tasks", now)], now, "smoky", ["tasks"]).findings == []


# --- columns, clock ----------------------------------------------------------------------------------------


def judged_columns(
    reading: str, now: dict[str, list[str]], past: list[dict[str, list[str]]], entity: str = "tasks"
) -> str:
    judgement = Judgement()
    history.null_columns(judgement, entity, reading, now, [(reading, columns) for columns in past])
    return judgement.findings[0].message if judgement.findings else ""


def test_a_column_that_was_filled_and_is_null_in_all_rows_is_told() -> None:
    usual = {"empty": ["bill_to"], "sparse": ["finished_at"]}
    told = judged_columns("whole", {"empty": ["bill_to", "finished_at", "name"], "sparse": []}, [usual] * 3)
    assert told.startswith(
        "null in all rows of this run, filled in those before: tasks.finished_at, tasks.name. Next: "
    )
    assert judged_columns("whole", {"empty": ["bill_to"], "sparse": []}, [usual] * 3) == ""
    assert judged_columns("whole", {"empty": ["name"], "sparse": []}, [usual] * 2) == "", (
        "too little to compare with"
    )


def test_a_batch_of_changed_tasks_may_lack_what_only_some_tasks_have() -> None:
    usual = {"empty": [], "sparse": ["cost"]}
    assert judged_columns("changes", {"empty": ["cost"], "sparse": []}, [usual] * 30) == ""
    assert "tasks.name" in judged_columns("changes", {"empty": ["cost", "name"], "sparse": []}, [usual] * 30)
    assert judged_columns("changes", {"empty": ["name"], "sparse": []}, [usual] * 29) == ""
    once = [usual] * 29 + [{"empty": ["name"], "sparse": []}]
    assert judged_columns("changes", {"empty": ["name"], "sparse": []}, once) == ""


def test_a_clock_an_hour_off_is_told_and_a_slow_answer_is_not() -> None:
    assert (clock_message(3600) or "").startswith(
        "this machine's clock is 60 minutes ahead of the API's. Next: set it"
    )
    assert "behind" in (clock_message(-3600) or "")
    assert clock_message(120) is None and clock_message(None) is None
