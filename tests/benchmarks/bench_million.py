"""A million tasks with seven child rows each into PostgreSQL, ours and plain dlt in one run. By hand:

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/bench_million.py [tasks ...]

Of several sizes each step's time and the peak memory stand side by side at the end: how cost grows.

Plain is dlt alone: the finished rows, the same hints, its best format for PostgreSQL (csv, not compressed). Ours
is a whole run of the region: raw rows, made into the contract's, in packages of 250 properties, with links, views,
indexes and checks. Both get their rows from memory: the API's time is not what is measured. Each side runs in a
process of its own, whose peak memory is printed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pendulum
import psycopg2
from databases import fresh_postgres

from breezeway_source.api.listing import Listing
from breezeway_source.columns import TABLES
from breezeway_source.hints import table_hints
from breezeway_source.plan import Plan
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.personal import PersonalData
from breezeway_source.settings import Region, Settings
from pipelines.database.destinations import find_target
from pipelines.load.region_run import RegionRun
from pipelines.load.regions import load_regions

TASKS_PER_PROPERTY = 200
PAGE_ROWS = 100
CHANGED_PROPERTIES = 500  # at least this many are needed: 100,000 tasks
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOW = pendulum.datetime(2026, 3, 1, 6, tz="UTC")
STAYS_FROM = date(2024, 1, 1)
STAYS_DAYS = 780


def raw_task(number: int, updated_at: datetime) -> dict[str, Any]:
    """One task as the API gives it, about 1 KB, with seven lines below it."""
    cost = Decimal(number % 9000) / 100
    return {
        "id": 70_000_000 + number,
        "name": "Departure clean",
        "description": "Strip the beds, start the washer, wipe the kitchen, check the deck and the grill.",
        "home_id": 1 + number // TASKS_PER_PROPERTY,
        "reference_property_id": f"PMS-{1 + number // TASKS_PER_PROPERTY}",
        "template_id": 3301,
        "type_department": "housekeeping",
        "type_priority": "normal",
        "type_task_status": {"code": "finished", "name": "Finished", "stage": "finished"},
        "scheduled_date": "2026-01-09",
        "created_at": "2026-01-01T00:28:25",
        "updated_at": updated_at.isoformat(),
        "started_at": "2026-01-09T15:00:00",
        "finished_at": "2026-01-09T17:06:58",
        "paused": False,
        "created_by": {"id": 601, "name": "Ops Desk"},
        "finished_by": {"id": 655, "name": "Ada Sample"},
        "assignments": [
            {"id": number, "assignee_id": 655, "name": "Ada Sample", "type_task_user_status": "accepted"}
        ],
        "rate_type": "piece",
        "rate_paid": "120.00 USD",
        "total_time": "2:06:58",
        "total_cost": cost,
        "bill_to": "owner",
        "costs": [
            {
                "id": number,
                "cost": cost,
                "description": "Linen",
                "type_cost": {"id": 2, "code": "material", "name": "M"},
            }
        ],
        "supplies": [
            {
                "id": None,
                "supply_id": 440,
                "name": "Filter",
                "quantity": 1,
                "unit_cost": cost,
                "total_price": cost,
            },
            {
                "id": number,
                "supply_id": 441,
                "name": "Soap",
                "quantity": 2,
                "unit_cost": cost,
                "total_price": cost,
            },
        ],
        "photos": [
            {"id": number, "url": "https://img.example.test/1.jpg"},
            {"id": -number, "url": "https://x.test/2"},
        ],
        "tags": ["deep"],
        "task_tags": [{"id": 4, "name": "deep"}],
        "linked_reservation": {"id": 88_000_000 + number // 3, "external_reservation_id": f"R-{number}"},
        "report_url": f"https://portal.example.test/r/{number}",
    }


def raw_stay(number: int, properties: int) -> dict[str, Any]:
    """One stay of a week; the stays' check-outs are spread over `STAYS_DAYS`."""
    checkout = STAYS_FROM + timedelta(days=number % STAYS_DAYS)
    return {
        "id": 88_000_000 + number,
        "property_id": min(1 + number * 3 // TASKS_PER_PROPERTY, properties),  # that of its three tasks
        "checkin_date": (checkout - timedelta(days=7)).isoformat(),
        "checkout_date": checkout.isoformat(),
        "status": "active",
    }


def stays_of(properties: int) -> int:
    """A stay for every third task."""
    return properties * TASKS_PER_PROPERTY // 3 + 1


class FromMemory:
    """Stands where the client does: the lists of the region, without HTTP."""

    def __init__(self, tasks: int, changed: int, now: datetime) -> None:
        self.properties = tasks // TASKS_PER_PROPERTY
        self.changed = changed  # so many tasks of the first `CHANGED_PROPERTIES` changed just now
        self.now = now
        self.seconds_of_threads = defaultdict[int, float](float)

    def client(self, region: Region, counters: Any) -> FromMemory:
        return self

    def abort(self) -> None: ...

    def tokens(self) -> list[str]:
        return []

    def get(self, path: str, params: dict[str, Any], *, label: str, fault: Any) -> dict[str, Any]:
        """How many rows a list has."""
        return {"results": [], "total_results": len(self.listing(path, params, label=label).rows)}

    def listing(
        self, path: str, params: dict[str, Any] | None = None, *, label: str, **_verdict: Any
    ) -> Listing:
        start = time.thread_time()
        try:
            return self._listing(path, params or {})
        finally:
            self.seconds_of_threads[threading.get_ident()] += time.thread_time() - start

    def _listing(self, path: str, params: dict[str, Any]) -> Listing:
        if path == "/property":
            return self._all(
                [{"id": p + 1, "name": f"House {p}", "status": "active"} for p in range(self.properties)]
            )
        if path == "/task/":
            first = (int(params["home_id"]) - 1) * TASKS_PER_PROPERTY
            if "updated_at" in params:
                count = (
                    self.changed // CHANGED_PROPERTIES
                    if first < CHANGED_PROPERTIES * TASKS_PER_PROPERTY
                    else 0
                )
                just_now = self.now - timedelta(minutes=1)
                return self._all([raw_task(first + n, just_now) for n in range(count)])
            return self._all([raw_task(first + n, START) for n in range(TASKS_PER_PROPERTY)])
        return self._stays(params)

    def _stays(self, params: dict[str, Any]) -> Listing:
        """The stays of a window of check-out days; none has changed since it was first read."""
        if "updated_at_ge" in params:
            return self._all([])
        first, last = params.get("checkout_date_ge", ""), params.get("checkout_date_le", "9999-12-31")
        days = (STAYS_FROM + timedelta(days=day) for day in range(STAYS_DAYS))
        numbers = (
            number
            for day, at in enumerate(days)
            if first <= at.isoformat() <= last
            for number in range(day, stays_of(self.properties), STAYS_DAYS)
        )
        return self._all([raw_stay(number, self.properties) for number in numbers])

    def _all(self, rows: list[dict[str, Any]]) -> Listing:
        return Listing(rows, total=len(rows))


def ours(tasks: int, changed: int, hour: int, folder: str, *, whole: bool) -> dict[str, Any]:
    """One run of the region by our own order, `hour` hours after the first."""
    now = NOW.add(hours=hour)
    access: Any = FromMemory(tasks, changed, now)
    plan = Plan(("properties", "reservations", "tasks"), whole_tasks=whole, whole_stays=whole)
    region = Region("smoky", "Smoky", "id", "secret")
    run = RegionRun(region, Settings(), plan, find_target("postgres"), access, now, folder)
    start = time.monotonic()
    (report,) = load_regions([run]).regions
    if report.exit_code:
        raise SystemExit(str(report.as_dict()))
    making = sum(access.seconds_of_threads.values())  # all threads share one core: Python's lock
    steps = report.seconds | {"extract": report.seconds["extract"] - making}
    return {"seconds": time.monotonic() - start - making, **steps, "rows": report.rows["tasks"]}


def plain(tasks: int, folder: str) -> dict[str, Any]:
    """The same rows, finished, through dlt alone."""
    keep = PersonalData("keep", None)
    task = RowBuilder(TABLES["tasks"], "smoky", NOW, keep).build(raw_task(1, START))
    stay = RowBuilder(TABLES["reservations"], "smoky", NOW, keep).build(raw_stay(1, 1))

    def rows(template: dict[str, Any], key: str, count: int) -> Iterator[list[dict[str, Any]]]:
        for first in range(0, count, PAGE_ROWS):
            yield [template | {key: n} for n in range(first, min(first + PAGE_ROWS, count))]

    resources = [
        dlt.resource(rows(task, "task_id", tasks), **table_hints(TABLES["tasks"])),
        dlt.resource(
            rows(stay, "reservation_id", stays_of(tasks // TASKS_PER_PROPERTY)),
            **table_hints(TABLES["reservations"]),
        ),
    ]

    os.environ["DATA_WRITER__DISABLE_COMPRESSION"] = "true"
    pipeline = dlt.pipeline(
        "plain",
        destination=find_target("postgres")._dlt_destination("plain"),
        dataset_name="plain",
        pipelines_dir=folder,
    )
    seconds = {}
    start = time.monotonic()
    for step, work in (
        ("extract", lambda: pipeline.extract(resources, loader_file_format="csv")),
        ("normalize", pipeline.normalize),
        ("load", pipeline.load),
    ):
        began = time.monotonic()
        work()
        seconds[step] = time.monotonic() - began
    return {"seconds": time.monotonic() - start, **seconds}


def in_process(*words: str, environment: dict[str, str]) -> dict[str, Any]:
    """One side in a process of its own; adds its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, __file__, "--side", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def side(name: str, tasks: int, changed: int, hour: int, folder: str) -> None:
    whole = name == "weekly"
    result = plain(tasks, folder) if name == "plain" else ours(tasks, changed, hour, folder, whole=whole)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def told(what: str, result: dict[str, Any]) -> None:
    steps = [step for step in STEPS if step in result]
    shares = ", ".join(
        f"{step} {result[step]:.1f} s ({result[step] / result['seconds']:.0%})" for step in steps
    )
    print(f"{what:12} {result['seconds']:7.1f} s  {shares}  peak {result['peak_mb']:.0f} MB", flush=True)


def vacuum(url: str) -> None:
    """What autovacuum has done before the next hour's run."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("vacuum analyze")


def main(tasks: int) -> dict[str, dict[str, Any]]:
    """All runs of one size, by their names; printed as they end."""
    print(f"{tasks} tasks", flush=True)
    results: dict[str, dict[str, Any]] = {}
    with fresh_postgres() as url, tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DESTINATION__POSTGRES__CREDENTIALS": url,
            "DLT_DATA_DIR": folder,
            "HOME": folder,
        }
        for name, side, changed, hour in RUNS:
            if hour:
                vacuum(url)
            words = (
                side,
                str(tasks),
                str(changed),
                str(hour),
                str(Path(folder) / side.replace("weekly", "ours")),
            )
            results[name] = in_process(*words, environment=environment)
            told(name, results[name])
    for name, theirs in (("first load", "plain"), ("weekly", "plain again")):
        loading = sum(results[name][step] for step in STEPS[:3])
        times = loading / results[theirs]["seconds"]
        print(f"loading, {name} over {theirs}: {times:.2f}   target <= 1.2; memory target <= 700 MB")
    return results


def side_by_side(sizes: dict[int, dict[str, dict[str, Any]]]) -> None:
    """Seconds of the steps and the peak memory, a column a size."""
    print("| " + " | ".join([" / ".join(STEPS), *(f"{tasks:,} tasks" for tasks in sizes)]) + " |")
    print("| --- |" + " --- |" * len(sizes))
    for name, *_ in RUNS:
        print("| " + " | ".join([name, *(_cell(results[name]) for results in sizes.values())]) + " |")


def _cell(result: dict[str, Any]) -> str:
    seconds = " / ".join(f"{result[step]:.1f}" for step in STEPS if step in result)
    return f"{seconds} s, {result['peak_mb']:.0f} MB"


STEPS = ("extract", "normalize", "load", "sql")
RUNS = (  # name, side, changed tasks, hours after the first load
    ("plain", "plain", 0, 0),
    ("plain again", "plain", 0, 0),  # the same rows once more, as a weekly run does
    ("first load", "ours", 0, 0),
    ("no change", "ours", 0, 1),
    ("5,000 changed", "ours", 5000, 2),
    ("and again", "ours", 5000, 3),
    ("weekly", "weekly", 0, 4),
)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    else:
        side_by_side({tasks: main(tasks) for tasks in map(int, sys.argv[1:] or ("1000000",))})
