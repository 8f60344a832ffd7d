"""The marts after whole runs: every cell equals what the sandbox's objects make it, on both databases."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import marts_truth
import pytest
from loading import Loader

from breezeway_source.sandbox import World
from pipelines.database.post_sql import run_scripts


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


def test_every_cell_after_each_kind_of_load(loader: Loader) -> None:
    world = loader.sandbox.world
    loader.first_load("--entities", "all")
    assert marts_truth.cells(loader) > 3000
    check(loader)
    home = busy_property(world)
    other = next(property_id for property_id in world.properties if property_id != home)

    edit_much(world)
    run(loader)
    check(loader)

    # A stay changes its property under its own id: the old property's departures find another next stay.
    stays = [
        stay["id"]
        for stay in world.reservations.values()
        if stay["property_id"] == home and stay["checkout_date"] >= "2025"
    ]
    world.edit_reservation(stays[-1], property_id=other)
    run(loader, "--entities", "daily", days=1)
    check(loader)
    assert sum(loader.column("select count_inspections_with_finding from mart_region_months")) >= 1

    # One that is moved comes back under a new id; it and others vanish, proven by two runs.
    linked = [
        (task["linked_reservation"] or {}).get("id")
        for task in world.tasks.values()
        if task["home_id"] == home
    ]
    moved = next(stay_id for stay_id in linked if stay_id in stays)
    world.move_reservation(moved, other)
    world.delete_reservation(next(stay for stay in stays if stay in world.reservations))
    doomed = [task["id"] for task in world.tasks.values() if task["home_id"] == home][:3]
    world.delete_task(doomed[0])
    world.delete_task(doomed[1], soft=True)
    world.hide_task(doomed[2])
    for _ in range(2):
        run(loader, "--entities", "daily", "--reconcile", days=1)
    check(loader)
    world.unhide_task(doomed[2])

    # A property merged into another: its tasks and stays move, it is gone.
    for task in [task for task in world.tasks.values() if task["home_id"] == home]:
        world.edit_task(task["id"], home_id=other)
    for stay in [stay for stay in world.reservations.values() if stay["property_id"] == home]:
        world.edit_reservation(stay["id"], property_id=other)
    world.delete_property(home)
    run(loader)
    check(loader)

    run(loader, "--entities", "weekly", days=2)
    check(loader)
    reckoned = dict(loader.query("select name, count_differences from marts_made where name like 'mart%'"))
    assert set(reckoned.values()) == {0} and len(reckoned) == 6

    for zone in ("UTC", "Pacific/Kiritimati", "America/Los_Angeles"):
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


def test_upcoming_turns_are_those_of_the_regions_own_day(loader: Loader) -> None:
    world = loader.sandbox.world
    today = datetime.now(timezone.utc).date()
    for days in range(-3, 18):
        world.add_reservation(
            property_id=2001,
            checkin_date=(today + timedelta(days=days - 1)).isoformat(),
            checkout_date=(today + timedelta(days=days)).isoformat(),
        )
    loader.load("--entities", "all")
    rows = loader.query(
        "select v.today, v.days_ahead, v.checkout_date, v.needs_attention, t.clean_state, v.property_name "
        "from mart_upcoming_turns v join mart_stay_turnovers t on v.reservation_id = t.reservation_id"
    )
    (seen,) = {row[0] for row in rows}
    out = [day for (day,) in loader.query("select checkout_date from mart_stay_turnovers where is_turn")]
    assert sorted(row[2] for row in rows) == sorted(
        day for day in out if seen - timedelta(days=1) <= day <= seen + timedelta(days=14)
    )
    assert len({row[2] for row in rows}) == 16
    assert all(row[1] == (row[2] - seen).days for row in rows)
    assert all(row[3] == (row[4] in ("none", "unassigned")) for row in rows)
    assert {row[5] for row in rows} <= {row["name"] for row in world.properties.values()}
    assert abs((seen - date.today()).days) <= 1


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
    loader.load("--entities", "all")
    done = next(t["id"] for t in world.tasks.values() if t["type_task_status"]["code"] == "finished")
    world.edit_task(done, status="in_progress")
    loader.pass_time(hours=1)
    loader.load()
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
