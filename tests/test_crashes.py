"""Runs killed with SIGKILL: the next one finishes what was pending, reads on, loses and doubles nothing.

In the suite each kind of point once, on the database that minds it; all on both: `pytest tests/test_crashes.py --long`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database
from killing import Death, die
from loading import Loader
from small_worlds import NOW, HidingWorld, asked_by_id, small_world
from story.truth import HOURLY, differences

from breezeway_source.sandbox import Sandbox, World

KEPT, WIPED = "kept", "wiped"  # the working folder, when the next run comes
DUCKDB, POSTGRES, LONG = ("duckdb",), ("postgres",), ()  # where, in the suite
DEATHS = {
    "while it reads": [
        (Death("request", 3), KEPT, LONG),
        (Death("request", 6), WIPED, LONG),
        (Death("normalize"), KEPT, DUCKDB),
        (Death("file", 40), KEPT, POSTGRES),
    ],
    "before its rows are in": [
        (Death("load"), KEPT, POSTGRES),
        (Death("load"), WIPED, LONG),
        (Death("statement", 1, "_staging_smoky"), KEPT, DUCKDB),  # before the rows are staged
        (Death("statement", 1, "INSERT INTO"), KEPT, POSTGRES),  # while they are merged
        (Death("statement", 1, "INSERT INTO"), WIPED, DUCKDB),
    ],
    # Rows are in, dlt has not noted it yet: of the first file, of a later one, of a merge, of the last.
    "before that is noted": [
        (Death("file", 1, "pending_transitions"), KEPT, LONG),
        (Death("file", 9, "pending_transitions"), KEPT, LONG),
        (Death("file", 9, "pending_transitions"), WIPED, LONG),
        (Death("file", 1, "pending_transitions/tasks."), KEPT, POSTGRES),
        (Death("file", 2, "pending_transitions/tasks."), KEPT, LONG),
        (Death("file", 2, "pending_transitions/tasks."), WIPED, POSTGRES),
        (Death("file", 1, "pending_transitions/_dlt_pipeline_state."), KEPT, DUCKDB),
        (Death("file", 1, "package_completed"), KEPT, LONG),
        (Death("file", 1, "loaded"), KEPT, DUCKDB),  # all is loaded, the package is not put away
        (Death("file", 1, "loaded"), WIPED, LONG),
    ],
    "in its SQL": [
        (Death("sql"), KEPT, LONG),
        (Death("statement", 1, "update tasks"), KEPT, POSTGRES),  # half-way
        (Death("statement", 1, "update tasks"), WIPED, DUCKDB),
        (Death("checks"), KEPT, LONG),
    ],
}


@pytest.fixture
def world() -> World:
    return small_world(kind=HidingWorld)


def change(world: World, number: int) -> None:
    """An hour's changes: edited lines, a new task, a moved stay, a new property."""
    tasks = list(world.tasks)
    line = {
        "id": None,
        "supply_id": 440,
        "name": "Filter",
        "quantity": 2 + number,
        "unit_cost": 20.5,
        "total_price": 20.5 * (2 + number),
    }
    world.set_supplies(tasks[0], [line, line])
    world.set_supplies(tasks[1], [line] * (number % 2))
    world.edit_task(tasks[2], name=f"edited {number}")
    world.add_task(home_id=2002, id=new_task(number))
    stay = next(s["id"] for s in world.reservations.values() if s["checkout_date"] > world.today)
    world.edit_reservation(stay, note=f"late arrival {number}")
    new = world.add_property(id=2050 + number)["id"]
    link = {"id": stay, "external_reservation_id": None}
    world.add_task(home_id=new, id=7_100_000_000 + number, linked_reservation=link)


def new_task(number: int) -> int:
    return 7_000_000_000 + number


@pytest.mark.parametrize("when", DEATHS)
def test_a_killed_run_is_made_good_by_the_next(
    loader: Loader, when: str, request: pytest.FixtureRequest
) -> None:
    world = loader.sandbox.world
    assert isinstance(world, HidingWorld)
    deaths = [
        (death, folder)
        for death, folder, where in DEATHS[when]
        if loader.database.kind in where or request.config.getoption("--long")
    ]
    loader.configure(
        start_date=NOW.date().subtract(days=90), marts=False
    )  # of marts after a crash: the story
    loader.first_load()
    for number, (death, folder) in enumerate(deaths):
        loader.pass_time(hours=1)
        change(world, number)
        assert die(loader, death), death
        if folder == WIPED:
            loader.wipe()
        loader.pass_time(hours=1)
        world.edit_task(new_task(number), name="edited after the crash")
        report = loader.load()
        assert not any("refused what an earlier run had read" in told for told in report.warnings), death
        assert (death, differences(loader, world, HOURLY, proven=True)) == (death, [])
        doubled = loader.column("select count(*) - count(distinct _dlt_load_id) from _dlt_pipeline_state")
        assert (death, doubled) == (death, [0])
        name = loader.column("select name from tasks where task_id = %s", new_task(number))
        assert (death, name) == (death, ["edited after the crash"])


@pytest.mark.parametrize(
    ("death", "kind"),
    [(Death("file", 15), "duckdb"), (Death("normalize"), "duckdb"), (Death("load"), "postgres")],
    ids=["extract", "normalize", "load"],
)
def test_a_killed_first_load_is_made_good_by_the_next(
    death: Death, kind: str, request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    with Loader(sandbox, database, tmp_path / "work", NOW) as loader:
        loader.configure(marts=False)
        assert die(loader, death)
        loader.load()
        assert sorted(loader.column("select task_id from tasks")) == sorted(sandbox.world.tasks)


def test_what_an_old_folder_had_pending_does_not_undo_newer_rows(duckdb_loader: Loader) -> None:
    loader, world = duckdb_loader, duckdb_loader.sandbox.world
    loader.configure(marts=False)
    task_id = next(iter(world.tasks))
    loader.first_load()
    loader.pass_time(hours=1)
    world.edit_task(task_id, name="old")
    assert die(loader, Death("load"))
    left = loader.folder.rename(loader.folder.with_name("left"))
    loader.pass_time(hours=1)
    world.edit_task(task_id, name="new")
    loader.pass_time(days=loader.settings.lookback_days + 2)  # what overlaps would mend it
    loader.load()  # of another machine
    loader.wipe()
    left.rename(loader.folder)
    loader.pass_time(hours=1)
    assert loader.load().rows["tasks"] == 0
    assert loader.column("select name from tasks where task_id = %s", task_id) == ["new"]


def test_a_wiped_folder_costs_no_request_more(quick_loader: Loader) -> None:
    loader, sandbox = quick_loader, quick_loader.sandbox
    loader.first_load()
    counts = []
    for _ in ("wiped", "kept"):
        loader.pass_time(hours=1)
        sandbox.reset_log()
        assert loader.load().rows["tasks"] == 0
        counts.append(sandbox.data_requests)
    assert counts[0] == counts[1] <= 1.01 * len(sandbox.world.properties) + 12
    assert asked_by_id(sandbox, "/reservation/{id}") == []
