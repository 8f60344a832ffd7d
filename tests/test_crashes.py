"""Runs killed with SIGKILL: the next one finishes what was pending, reads on, loses and doubles nothing."""

from __future__ import annotations

import pytest
from killing import Death, die
from loading import Loader
from small_worlds import NOW, HidingWorld, asked_by_id, small_world
from story.truth import HOURLY, differences

from breezeway_source.sandbox import World

KEPT, WIPED = "kept", "wiped"  # the working folder, when the next run comes
DEATHS = [
    (Death("request", 3), KEPT),  # extract
    (Death("request", 6), WIPED),
    (Death("normalize"), KEPT),
    (Death("file", 40), KEPT),
    (Death("load"), KEPT),
    (Death("load"), WIPED),
    (Death("statement", 1, "_staging_smoky"), KEPT),  # load: before the rows are staged
    (Death("statement", 1, "INSERT INTO"), KEPT),  # load: while they are merged
    (Death("statement", 1, "INSERT INTO"), WIPED),
    # load: rows are in, dlt has not noted it yet; of the first file, of a later one, of a merge, of the last
    (Death("file", 1, "pending_transitions"), KEPT),
    (Death("file", 9, "pending_transitions"), KEPT),
    (Death("file", 9, "pending_transitions"), WIPED),
    (Death("file", 1, "pending_transitions/tasks."), KEPT),
    (Death("file", 2, "pending_transitions/tasks."), KEPT),
    (Death("file", 2, "pending_transitions/tasks."), WIPED),
    (Death("file", 1, "pending_transitions/_dlt_pipeline_state."), KEPT),
    (Death("file", 1, "package_completed"), KEPT),
    (Death("file", 1, "loaded"), KEPT),  # all is loaded, the package is not put away
    (Death("file", 1, "loaded"), WIPED),
    (Death("sql"), KEPT),
    (Death("statement", 1, "update tasks"), KEPT),  # SQL: half-way
    (Death("statement", 1, "update tasks"), WIPED),
    (Death("checks"), KEPT),
]


@pytest.fixture
def world() -> World:
    return small_world(kind=HidingWorld)


def change(world: World) -> None:
    """An hour's changes: edited lines, a new task, a moved stay, a new property."""
    tasks = list(world.tasks)
    line = {
        "id": None,
        "supply_id": 440,
        "name": "Filter",
        "quantity": 2,
        "unit_cost": 20.5,
        "total_price": 41,
    }
    world.set_supplies(tasks[0], [line, line])
    world.set_supplies(tasks[1], [])
    world.edit_task(tasks[2], name="edited")
    world.add_task(home_id=2002, id=7_000_000_001)
    stay = next(s["id"] for s in world.reservations.values() if s["checkout_date"] > world.today)
    world.edit_reservation(stay, note="late arrival")
    new = world.add_property(id=2050)["id"]
    world.add_task(
        home_id=new, id=7_000_000_002, linked_reservation={"id": stay, "external_reservation_id": None}
    )


@pytest.mark.parametrize(
    ("death", "folder"),
    DEATHS,
    ids=lambda d: " ".join(map(str, vars(d).values())).strip() if d != str(d) else d,
)
def test_a_killed_run_is_made_good_by_the_next(loader: Loader, death: Death, folder: str) -> None:
    world = loader.sandbox.world
    assert isinstance(world, HidingWorld)
    loader.configure(start_date=NOW.date().subtract(days=90))
    loader.load()
    loader.pass_time(hours=1)
    change(world)
    assert die(loader, death)
    if folder == WIPED:
        loader.wipe()
    loader.pass_time(hours=1)
    world.edit_task(7_000_000_001, name="edited after the crash")
    loader.load()
    assert differences(loader, world, HOURLY, proven=True) == []
    assert loader.column("select name from tasks where task_id = 7000000001") == ["edited after the crash"]


@pytest.mark.parametrize(
    "death", [Death("file", 15), Death("normalize"), Death("load")], ids=["extract", "normalize", "load"]
)
def test_a_killed_first_load_is_made_good_by_the_next(loader: Loader, death: Death) -> None:
    assert die(loader, death)
    loader.load()
    assert sorted(loader.column("select task_id from tasks")) == sorted(loader.sandbox.world.tasks)


def test_what_an_old_folder_had_pending_does_not_undo_newer_rows(loader: Loader) -> None:
    world = loader.sandbox.world
    task_id = next(iter(world.tasks))
    loader.load()
    loader.pass_time(hours=1)
    world.edit_task(task_id, name="old")
    assert die(loader, Death("load"))
    left = loader.folder.rename(loader.folder.with_name("left"))
    loader.pass_time(hours=1)
    world.edit_task(task_id, name="new")
    for _ in range(2):  # meanwhile another machine loads
        loader.load()
        loader.pass_time(days=9)
    loader.wipe()
    left.rename(loader.folder)
    loader.load()
    assert loader.column("select name from tasks where task_id = %s", task_id) == ["new"]
    loader.pass_time(hours=1)
    assert loader.load().rows["tasks"] == 0


def test_a_wiped_folder_costs_no_request_more(loader: Loader) -> None:
    sandbox = loader.sandbox
    loader.load()
    counts = []
    for wiped in (False, True):
        loader.pass_time(hours=1)
        if wiped:
            loader.wipe()
        sandbox.reset_log()
        report = loader.load()
        assert report.rows["tasks"] == 0
        counts.append((sandbox.data_requests, sandbox.token_requests))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 1.01 * len(sandbox.world.properties) + 12
    assert asked_by_id(sandbox, "/reservation/{id}") == []
