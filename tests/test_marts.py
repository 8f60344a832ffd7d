"""The marts after whole runs: every cell equals what the sandbox's objects make it, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import marts_truth
import pytest
from conftest import NOW
from databases import Database
from loading import Loader
from tables import Client, fetch, insert, property_row, stay, task

from breezeway_source.sandbox import Sandbox, World
from pipelines.database.post_sql import ensure_views, run_scripts


def check(loader: Loader) -> None:
    problems = marts_truth.compare(loader, loader.sandbox.world)
    assert not problems, "\n".join(problems[:20])


def run(loader: Loader, *options: str, **passes: int) -> None:
    loader.pass_time(**(passes or {"hours": 1}))
    loader.load(*options)
    assert [c for c in loader.column("select name from marts_made where count_differences > 0")] == []


def busy_property(world: World) -> int:
    """A property with turns and tasks of every kind."""
    homes = [task["home_id"] for task in world.tasks.values()]
    return max(set(homes), key=homes.count)


def day(world: World, days: int) -> str:
    return (world.now.date() + timedelta(days=days)).isoformat()


def finished(world: World, **more: Any) -> dict[str, Any]:
    at = (world.now - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S")
    return {"status": "finished", "finished_at": at, **more}


def edit_much(world: World) -> None:
    """An hour in which money, people, days, departments, states and stays change."""
    home = busy_property(world)
    tasks = [task["id"] for task in world.tasks.values() if task["home_id"] == home]
    line = {
        "id": 1,
        "cost": 12.345,
        "bill_to": "guest",
        "type_cost": {"id": 1, "code": "labor", "name": "Labor"},
    }
    gone = {**line, "id": 2, "cost": 500, "deleted_at": "2026-03-01T10:00:00"}
    world.set_costs(tasks[0], [line, gone, {**line, "id": None, "cost": -2.5, "bill_to": None}])
    world.set_supplies(tasks[1], [])
    supply = {
        "id": None,
        "supply_id": 1,
        "quantity": 2e9,
        "unit_cost": 4.75,
        "total_price": 8.005,
        "bill_to": "damage",
    }
    world.set_supplies(tasks[2], [supply, {**supply, "quantity": None, "billable": True}])
    people = [{"id": n, "assignee_id": 900 + n % 3, "type_task_user_status": "accepted"} for n in range(5)]
    world.edit_task(tasks[3], rate_paid="100.00 USD", assignments=people, total_cost=99, **finished(world))
    world.edit_task(tasks[4], type_department="maintenance", status="closed")
    first = world.add_reservation(property_id=home, checkin_date=day(world, -4), checkout_date=day(world, 1))
    overlapping = world.add_reservation(
        property_id=home, checkin_date=day(world, -2), checkout_date=day(world, 0)
    )
    following = world.add_reservation(
        property_id=home, checkin_date=day(world, 1), checkout_date=day(world, 3)
    )
    world.add_reservation(
        property_id=home,
        checkin_date=day(world, 1),
        checkout_date=day(world, 2),
        type_reservation={"code": "hold", "name": "Hold"},
    )
    world.edit_reservation(overlapping["id"], checkout_time=None)
    link = {"id": first["id"], "external_reservation_id": None}
    world.add_task(home_id=home, linked_reservation=link, **finished(world, scheduled_date=day(world, 1)))
    world.add_task(
        home_id=home,
        linked_reservation={**link, "id": following["id"]},
        scheduled_date=day(world, 1),
        assignments=people[:1],
        rate_paid="10000000000000.00 USD",
    )
    world.add_task(home_id=home, scheduled_date=day(world, 3))
    inspection = world.add_task(home_id=home, type_department="inspection", **finished(world))
    answer = {"type_requirement": "condition", "response": "dirty", "action": "Deck?"}
    world.set_requirements(inspection["id"], [answer, {**answer, "response": "good"}])


@pytest.fixture(params=["duckdb", "postgres"])
def kept(request: pytest.FixtureRequest) -> Loader:
    """Its runs make marts. Into DuckDB rows come the short way here, by dlt's in the test of the README."""
    short = request.param == "duckdb"
    made: Loader = request.getfixturevalue("quick_loader" if short else "postgres_loader")
    made.configure(marts=True)
    return made


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as made:
        yield made


def test_every_cell_after_each_kind_of_load(kept: Loader) -> None:
    loader, world = kept, kept.sandbox.world
    loader.first_load("--entities", "all")
    assert marts_truth.cells(loader) > 3000
    check(loader)
    home = busy_property(world)
    other, left, *_ = (property_id for property_id in world.properties if property_id != home)

    def stays_of(property_id: int) -> list[int]:
        return [
            stay["id"]
            for stay in world.reservations.values()
            if stay["property_id"] == property_id and stay["checkout_date"] >= "2025"
        ]

    # Elsewhere a stay changes its property under its own id: the old property's departures find another next stay.
    edit_much(world)
    world.edit_reservation(stays_of(left)[-1], property_id=other)
    run(loader, "--entities", "hourly", "daily", days=1)
    check(loader)
    assert sum(loader.column("select count_inspections_with_finding from mart_region_months")) >= 1

    # A stay that is moved comes back under a new id; it and others vanish, proven by two runs.
    linked = [
        (task["linked_reservation"] or {}).get("id")
        for task in world.tasks.values()
        if task["home_id"] == home
    ]
    moved = next(stay_id for stay_id in linked if stay_id in stays_of(home))
    world.move_reservation(moved, other)
    world.delete_reservation(stays_of(home)[0])
    doomed = [task["id"] for task in world.tasks.values() if task["home_id"] == home][:3]
    world.delete_task(doomed[0])
    world.delete_task(doomed[1], soft=True)
    world.hide_task(doomed[2])
    run(loader, "--entities", "hourly", "daily", "--reconcile", days=1)

    # Meanwhile a property is merged into another: its tasks and stays move, it is gone.
    for task_id in [row["id"] for row in world.tasks.values() if row["home_id"] == left]:
        world.edit_task(task_id, home_id=other)
    for stay_id in [row["id"] for row in world.reservations.values() if row["property_id"] == left]:
        world.edit_reservation(stay_id, property_id=other)
    world.delete_property(left)
    run(loader, "--entities", "all", "weekly", "--reconcile", days=2)
    check(loader)
    assert loader.column("select count(*) from tasks where deleted_at is not null") == [2]
    reckoned = dict(loader.query("select name, count_differences from marts_made where name like 'mart%'"))
    assert set(reckoned.values()) == {0} and len(reckoned) == 6

    for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
        with loader.client() as client:
            client.execute_sql(f"set timezone = '{zone}'")
            run_scripts(client, "smoky", reckon=True)
        assert loader.column("select count_differences from marts_made where name like 'mart%'") == [0] * 6, (
            zone
        )
    # The region's zone decides: with another one days change, and all is made anew.
    with loader.client() as client:
        client.execute_sql("update regions set time_zone = 'Pacific/Auckland'")
        run_scripts(client, "smoky")
    check(loader)


def test_upcoming_turns_are_those_of_the_regions_own_day(tables: Client) -> None:
    today = datetime.now(timezone.utc).date()
    zones = {"east": "Pacific/Kiritimati", "west": "Pacific/Pago_Pago"}  # never of one day
    for region, zone in zones.items():
        insert(tables, "regions", {"region_code": region, "time_zone": zone})
        insert(tables, "properties", property_row(1, region=region, name="House"))
        for number in range(1, 24):
            out = today + timedelta(days=number - 5)
            days = {"checkin_date": out - timedelta(days=1), "checkout_date": out}
            insert(tables, "reservations", stay(number, region=region, status="active", **days))
        # Every third is cleaned by somebody, every third by nobody yet.
        cleans = [task(n, n, region=region, type_department="housekeeping") for n in range(1, 24) if n % 3]
        insert(tables, "tasks", *cleans)
        people = [{"task_id": n, "assignee_id": 7, "type_task_user_status": "accepted"} for n in range(1, 24)]
        insert(tables, "tasks__assignments", *({"region_code": region, **p} for p in people[::3]))
        run_scripts(tables, region)
    ensure_views(tables)
    rows = fetch(
        tables,
        "select v.region_code, v.today, v.days_ahead, v.checkout_date, v.needs_attention, t.clean_state, "
        "v.property_name from mart_upcoming_turns v join mart_stay_turnovers t "
        "on v.region_code = t.region_code and v.reservation_id = t.reservation_id",
    )
    for region, zone in zones.items():
        own = [row[1:] for row in rows if row[0] == region]
        (seen,) = {row[0] for row in own}
        assert abs(datetime.now(ZoneInfo(zone)).date() - seen) <= timedelta(days=date.today() != today)
        assert sorted(row[2] for row in own) == [seen + timedelta(days=n) for n in range(-1, 15)]
        assert all(row[1] == (row[2] - seen).days for row in own)
        assert all(row[3] == (row[4] in ("none", "unassigned")) for row in own)
        assert {row[4] for row in own} == {"none", "unassigned", "assigned"}
        assert {row[5] for row in own} == {"House"}


README = Path(__file__).parents[1] / "sql_post" / "README.md"
SHOWN = 4  # rows of an answer
# A query of the README, and its answer below it: a table, or the word why there is none.
EXAMPLE = re.compile(r"```sql\n(.*?);\n```\n(?:\n<!-- answer -->\n\n((?:\|[^\n]*\n)+))?", re.DOTALL)


def as_shown(loader: Loader, query: str) -> str:
    """The first rows of the answer, as the README shows them."""
    pipeline = loader.target.pipeline("smoky", str(loader.folder))
    with pipeline.sql_client() as client, client.execute_query(query) as cursor:
        names, rows = [column[0] for column in cursor.description], cursor.fetchall()
    cells = [["" if value is None else str(value) for value in row] for row in rows[:SHOWN]]
    more = [[f"… {len(rows) - SHOWN} more", *[""] * (len(names) - 1)]] if len(rows) > SHOWN else []
    lines = [names, ["---"] * len(names), *cells, *more]
    return "".join(
        f"| {' | '.join(line)} |\n".replace("|  |", "| |").replace("|  |", "| |") for line in lines
    )


def test_the_readmes_queries_run_and_say_what_the_marts_hold(
    duckdb_loader: Loader, request: pytest.FixtureRequest
) -> None:
    loader, world = duckdb_loader, duckdb_loader.sandbox.world
    text = README.read_text("utf-8")
    before, heading, rest = text.partition("## Marts")
    section, mark, after = rest.partition("<!-- generated: marts -->")
    loader.first_load("--entities", "all")
    done = next(t["id"] for t in world.tasks.values() if t["type_task_status"]["code"] == "finished")
    world.edit_task(done, status="in_progress")
    run(loader)
    check(loader)
    shown, answers = section, {}
    for example in EXAMPLE.finditer(section):
        query = example[1]
        mart = re.findall(r"breezeway\.(\w+)", query)[0]
        answers[mart] = loader.query(query)
        if mart != "mart_upcoming_turns":  # its answer is another one each day
            shown = shown.replace(
                example[0], f"```sql\n{query};\n```\n\n<!-- answer -->\n\n{as_shown(loader, query)}"
            )
    if request.config.getoption("--update-golden"):
        README.write_text(before + heading + shown + mark + after, "utf-8")
        section = shown
    assert shown == section, "the answers are stale: write them anew with --update-golden, and read the diff"
    assert answers.keys() == {*marts_truth.MARTS, "task_changes"}
    truth = marts_truth.marts(marts_truth.source_of(loader, world))
    months = sorted(truth["mart_region_months"].values(), key=lambda row: row["month"], reverse=True)
    columns = (
        "month",
        "count_turns",
        "clean_cost",
        "count_on_time",
        "count_late",
        "count_turns_without_clean",
    )
    with_cost = [row for row in months if row["clean_cost"] is not None]
    assert answers["mart_region_months"] == [tuple(row[name] for name in columns) for row in with_cost]
    late = [row for row in truth["mart_stay_turnovers"].values() if row["is_on_time"] is False]
    assert len(answers["mart_stay_turnovers"]) == len(late)
    assert len(answers["mart_payouts"]) == len(truth["mart_payouts"])
    assert [row[0] for row in answers["task_changes"]] == [done]
