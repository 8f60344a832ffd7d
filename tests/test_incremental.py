"""What an hourly run reads and writes: the run's clock as cursor, properties on their own, windows, page drift."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import NOW, ago, small_world, task_windows

from breezeway_source.api import pace
from breezeway_source.cursor import TaskCursor
from breezeway_source.sandbox import LoggedRequest, Sandbox, World

EARLY, MIDDLE, LATE = 2001, 2002, 2003


@pytest.fixture
def world() -> World:
    return small_world()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.001)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Properties are read in order, as a single worker reads them."""
    monkeypatch.setenv("EXTRACT__WORKERS", "1")


def tasks_of(world: World, property_id: int) -> list[int]:
    return [row["id"] for row in world.listed_tasks(property_id)]


def names(loader: Loader) -> dict[int, str]:
    return dict(loader.query("select task_id, name from tasks where deleted_at is null"))


def partial(loader: Loader, *options: str) -> list[dict[str, Any]]:
    """One run in which something fails and the rest is loaded; its failures."""
    (report,) = loader.run(*options).regions
    assert (report.exit_code, report.status, report.error) == (1, "partial", None), report.as_dict()
    return report.failures


# --- 1. the cursor is the run's clock -----------------------------------------------------------------


@pytest.mark.usefixtures("one_by_one")
def test_a_task_changed_while_later_properties_are_read_arrives_with_the_next_run(
    quick_loader: Loader,
) -> None:
    loader = quick_loader
    loader.first_load()
    world = loader.sandbox.world
    early, late = tasks_of(world, EARLY)[0], tasks_of(world, LATE)[0]
    loader.pass_time(hours=1)

    def edit(request: LoggedRequest) -> None:
        if request.query.get("home_id") == str(EARLY):  # its answer is already made
            world.advance(seconds=5)
            world.edit_task(early, name="changed behind the reader")
            world.advance(seconds=60)
            world.edit_task(late, name="changed before the reader, and newer")

    loader.sandbox.faults.before_response = edit
    loader.load()
    assert names(loader)[late] == "changed before the reader, and newer"
    assert names(loader)[early] != "changed behind the reader"
    loader.sandbox.faults.before_response = None
    loader.pass_time(hours=1)
    loader.load()
    assert names(loader)[early] == "changed behind the reader"


def test_a_run_writes_the_changed_tasks_and_not_the_whole_window(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    yesterday = {task_id: ago(hours=20) for task_id in world.tasks}
    for task_id, updated_at in yesterday.items():
        world.edit_task(task_id, updated_at=updated_at)
    loader.first_load()
    loader.pass_time(hours=1)
    changed = [tasks_of(world, property_id)[0] for property_id in (EARLY, MIDDLE, LATE)]
    for task_id in changed:
        world.edit_task(task_id, name="edited")
    report = loader.load()
    assert report.rows["tasks"] == len(changed)
    assert sorted(t for t, name in names(loader).items() if name == "edited") == changed


def test_a_change_stamped_by_a_clock_that_is_five_minutes_slow_arrives(quick_loader: Loader) -> None:
    quick_loader.first_load()
    world = quick_loader.sandbox.world
    task_id = tasks_of(world, EARLY)[0]
    world.edit_task(task_id, name="slow clock", updated_at=ago(minutes=4))
    quick_loader.pass_time(hours=1)
    quick_loader.load()
    assert names(quick_loader)[task_id] == "slow clock"


def test_a_row_of_the_window_that_the_warehouse_lacks_or_holds_otherwise_arrives(
    quick_loader: Loader,
) -> None:
    loader = quick_loader
    loader.first_load()
    world = loader.sandbox.world
    task_id = tasks_of(world, EARLY)[0]
    world.edit_task(task_id, name="committed late", updated_at=ago(hours=40))
    added = world.add_task(home_id=MIDDLE, updated_at=ago(hours=40), created_at="2026-03-08T17:30:00")["id"]
    loader.pass_time(hours=1)
    report = loader.load()
    assert report.rows["tasks"] == 2
    assert names(loader)[task_id] == "committed late" and added in names(loader)


@pytest.mark.parametrize("weekly", [("--entities", "weekly"), ("--full",)], ids=["weekly", "full"])
def test_changes_that_no_window_shows_are_told_by_the_run_that_reads_all(
    quick_loader: Loader, weekly: tuple[str, ...]
) -> None:
    """The filter of `updated_at` answers nothing: hourly runs bring nothing, and the weekly one tells why."""
    loader, world = quick_loader, quick_loader.sandbox.world
    told = "tasks had changed in the days that an earlier run asked for, and it was not shown them"
    loader.first_load()
    loader.pass_time(hours=1)
    assert not any(told in text for text in loader.load(*weekly).warnings)
    changed = [tasks_of(world, property_id)[0] for property_id in (EARLY, MIDDLE, LATE)]
    for task_id in changed:
        world.edit_task(task_id, name="edited")
    loader.pass_time(hours=1)
    nothing = loader.sandbox.deviate("taken_as", "/task", updated_at="2001-01-01,2001-01-02")
    assert loader.load().rows["tasks"] == 0
    nothing.end()
    loader.pass_time(hours=1)
    assert any(text.startswith(f"3 {told}") for text in loader.load(*weekly).warnings)
    assert sorted(t for t, name in names(loader).items() if name == "edited") == changed
    loader.pass_time(hours=1)
    assert not any(told in text for text in loader.load(*weekly).warnings)


# --- 2. every property on its own ---------------------------------------------------------------------


def test_a_failing_property_keeps_its_own_older_start_until_it_succeeds(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.first_load()
    sandbox, world = loader.sandbox, loader.sandbox.world
    sandbox.faults.refuse_property(MIDDLE, 422)
    task_id = tasks_of(world, MIDDLE)[0]
    loader.pass_time(hours=1)
    world.edit_task(task_id, name="missed for ten days")
    for _ in range(2):
        (failure,) = partial(loader)
        assert (failure["entity"], failure["property_id"], failure["status"]) == ("tasks", MIDDLE, 422)
        loader.pass_time(days=5)
    loader.wipe()
    sandbox.faults.unrefuse_property(MIDDLE)
    sandbox.reset_log()
    loader.load()
    assert task_windows(sandbox) == {
        EARLY: "2026-03-12,2026-03-21",
        MIDDLE: "2026-03-07,2026-03-21",  # three days before the run that last read it
        LATE: "2026-03-12,2026-03-21",
    }
    assert names(loader)[task_id] == "missed for ten days"
    sandbox.reset_log()
    loader.load()
    assert set(task_windows(sandbox).values()) == {"2026-03-17,2026-03-21"}


def test_a_property_refused_from_the_first_run_on_is_read_whole_when_it_answers(
    quick_loader: Loader,
) -> None:
    loader, sandbox = quick_loader, quick_loader.sandbox
    sandbox.faults.refuse_property(MIDDLE, 403)
    assert len(partial(loader)) == 1
    loader.wipe()
    loader.pass_time(hours=1)
    assert len(partial(loader)) == 1
    sandbox.faults.unrefuse_property(MIDDLE)
    loader.load()
    assert task_windows(sandbox)[MIDDLE] is None
    assert sorted(names(loader)) == sorted(sandbox.world.tasks)


def test_a_new_property_is_read_whole(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.first_load()
    sandbox, world = loader.sandbox, loader.sandbox.world
    new = world.add_property()["id"]
    old_task = world.add_task(home_id=new, updated_at=ago(days=400), created_at="2025-01-01T08:00:00")["id"]
    loader.wipe()
    loader.pass_time(hours=1)
    sandbox.reset_log()
    loader.load()
    windows = task_windows(sandbox)
    assert windows[new] is None and None not in (windows[EARLY], windows[MIDDLE], windows[LATE])
    assert old_task in names(loader)


def test_a_property_that_returns_is_read_whole(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.first_load()
    sandbox, world = loader.sandbox, loader.sandbox.world
    world.hide_property(MIDDLE)
    loader.pass_time(hours=1)
    loader.load()
    task_id = tasks_of(world, MIDDLE)[0]
    world.edit_task(task_id, name="changed while it was away")
    loader.pass_time(days=30)
    loader.load()
    assert loader.column("select property_id from properties where deleted_at is not null") == [MIDDLE]
    loader.wipe()
    world.unhide_property(MIDDLE)
    sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.load()
    assert [p for p, window in task_windows(sandbox).items() if window is None] == [MIDDLE]
    assert names(loader)[task_id] == "changed while it was away"
    assert loader.column("select property_id from properties where deleted_at is not null") == []


def test_a_run_that_breaks_off_leaves_the_cursor_where_it_was(quick_loader: Loader) -> None:
    loader, sandbox = quick_loader, quick_loader.sandbox
    loader.first_load()
    task_id = tasks_of(sandbox.world, EARLY)[0]
    loader.pass_time(hours=1)
    sandbox.world.edit_task(task_id, name="while the API is down")
    sandbox.faults.refuse_endpoint("/property", 500)
    (report,) = loader.run().regions
    assert (report.status, report.exit_code) == ("failed", 3)
    sandbox.faults.unrefuse_endpoint("/property")
    loader.pass_time(days=8)
    loader.load()
    assert task_windows(sandbox)[EARLY] == "2026-03-07,2026-03-19"
    assert names(loader)[task_id] == "while the API is down"


@pytest.mark.parametrize("held", [0, 10_000], ids=["none held", "all held"])
def test_the_state_of_ten_thousand_properties_is_below_a_megabyte(held: int) -> None:
    state: dict[str, Any] = {}
    properties = range(1_000_000, 1_010_000)
    tasks = TaskCursor(state)
    tasks.begin({p: NOW.subtract(seconds=p % 86_400) for p in properties}, NOW)
    for property_id in properties[held:]:
        tasks.done(property_id)
    assert len(json.dumps(state)) < (1_000_000 if held else 100_000)


def test_a_task_whose_detail_is_refused_loads_without_its_lines_and_is_asked_again(
    quick_loader: Loader,
) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    world.task_list_omits_money = True
    refused = tasks_of(world, MIDDLE)[0]
    sandbox.faults.next("403", path=f"/task/{refused}")
    (failure,) = partial(loader)
    assert (failure["entity"], failure["property_id"], failure["status"]) == ("tasks", MIDDLE, 403)
    lines_from = "select lines_from from tasks where task_id = %s"
    assert sorted(names(loader)) == sorted(world.tasks) and loader.column(lines_from, refused) == [None]
    loader.load()
    assert loader.column(lines_from, refused) == ["detail"]


# --- 3. windows beside the cursor, everything again, pieces --------------------------------------------


def test_a_window_is_read_beside_the_cursor(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.first_load()
    sandbox, world = loader.sandbox, loader.sandbox.world
    inside, outside = tasks_of(world, EARLY)[:2]
    world.edit_task(inside, name="untouched edit", touch=False)
    world.edit_task(inside, updated_at=ago(days=20), name="in the window")
    world.edit_task(outside, updated_at=ago(days=30), name="outside of it")
    loader.pass_time(hours=1)
    sandbox.reset_log()
    loader.load("--since", "2026-02-15", "--until", "2026-02-20")
    assert set(task_windows(sandbox).values()) == {"2026-02-15,2026-02-20"}
    assert names(loader)[inside] == "in the window" and names(loader)[outside] != "outside of it"
    stays = [r.query for r in sandbox.logged() if r.endpoint == "/reservation"]
    assert [(q["checkout_date_ge"], q["checkout_date_le"]) for q in stays] == [("2026-02-14", "2026-02-21")]
    loader.pass_time(days=9)
    sandbox.reset_log()
    loader.load()
    assert set(task_windows(sandbox).values()) == {"2026-03-07,2026-03-20"}  # from the first run's start


def test_full_reads_all_of_the_named_region_and_entities_and_nothing_else(
    postgres_database: Database, tmp_path: Path
) -> None:
    worlds = {
        "smoky": small_world(),
        "austin": World.seeded("austin", now=NOW, properties=2, tasks_per_property=3, first_property_id=2001),
    }
    with (
        Sandbox.multi(worlds, token_limit=False) as sandbox,
        Loader(sandbox, postgres_database, tmp_path / "work", NOW) as loader,
    ):
        assert loader.run(regions=("smoky", "austin")).exit_code == 0
        before = loader.query("select * from tasks where region_code = 'austin' order by task_id")
        silent, gone = tasks_of(worlds["smoky"], EARLY)[:2]
        worlds["smoky"].edit_task(silent, name="edited silently", touch=False)
        worlds["smoky"].delete_task(gone)
        loader.pass_time(hours=1)
        sandbox.reset_log()
        assert loader.run("--full", "--entities", "tasks").exit_code == 0
        assert set(task_windows(sandbox).values()) == {None}
        assert sandbox.count("GET /reservation") == 0
        rows = loader.query("select task_id, name, deleted_at from tasks where region_code = 'smoky'")
        found = {task_id: (name, deleted_at) for task_id, name, deleted_at in rows}
        assert found[silent] == ("edited silently", None)
        assert found[gone][1] is None  # unseen is not proof
        assert len(found) == len(worlds["smoky"].tasks) + 1
        assert loader.query("select * from tasks where region_code = 'austin' order by task_id") == before
        sandbox.reset_log()
        loader.pass_time(hours=1)
        assert loader.run().exit_code == 0
        *windows, _control = [r.query for r in sandbox.logged() if r.endpoint == "/reservation"]
        assert {query["updated_at_ge"] for query in windows} == {"2026-03-07"}  # stays kept their cursor


def test_the_first_load_comes_in_pieces_and_a_crash_repeats_at_most_one(
    tmp_path: Path, database: Database
) -> None:
    from killing import Death, die

    world = small_world(properties=10, tasks=2)
    with (
        Sandbox(world, token_limit=False) as sandbox,
        Loader(sandbox, database, tmp_path / "work", NOW) as loader,
    ):
        loader.configure(piece_properties=2)
        seen: list[int] = []

        def note(request: LoggedRequest) -> None:
            if request.endpoint == "/task":
                seen.append(int(request.query["home_id"]))

        sandbox.faults.before_response = note
        assert die(loader, Death("request", 7, "/task/"))
        assert len(set(seen)) >= 6
        assert len(set(loader.column("select property_id from tasks"))) == 6  # three pieces are in
        loader.wipe()
        sandbox.reset_log()
        loader.load()
        whole = [property_id for property_id, window in task_windows(sandbox).items() if window is None]
        assert len(whole) == 4  # two were never read, two at most are repeated
        assert sorted(names(loader)) == sorted(world.tasks)


# --- 8. rows that come and go while pages are read ------------------------------------------------------


@pytest.fixture
def long_list() -> World:
    """2001 has 145 tasks or so: two pages."""
    return small_world(properties=2, tasks=12)


def drifting(loader: Loader, world: World, times: int, adds: bool = False) -> None:
    """While page 1 is on its way one of its tasks goes, so that page 2 begins one too late, or a new one comes."""
    left = times

    def change(request: LoggedRequest) -> None:
        nonlocal left
        asked = (request.query.get("home_id"), request.query.get("page"))
        if request.endpoint == "/task" and asked == ("2001", "1") and left > 0:
            left -= 1
            if adds:
                world.add_task(home_id=EARLY)
            else:
                world.delete_task(tasks_of(world, EARLY)[0])

    loader.sandbox.faults.before_response = change


@pytest.mark.parametrize("adds", [False, True], ids=["a row goes", "a row comes"])
def test_a_list_that_changed_while_it_was_read_is_read_again(
    long_list: World, duckdb_database: Database, tmp_path: Path, adds: bool
) -> None:
    with (
        Sandbox(long_list, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        before = len(tasks_of(long_list, EARLY))
        drifting(loader, long_list, 1, adds)
        loader.load()
        pages = [r.query["page"] for r in sandbox.logged() if r.query.get("home_id") == "2001"]
        assert pages == ["1", "2", "1", "2"]
        assert before > 100
        assert set(names(loader)) >= set(long_list.tasks)
        assert loader.query("select task_id from tasks group by task_id having count(*) > 1") == []


def test_a_list_that_never_rests_is_loaded_and_its_property_read_again(
    long_list: World, duckdb_database: Database, tmp_path: Path
) -> None:
    with (
        Sandbox(long_list, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        drifting(loader, long_list, 3)
        (failure,) = partial(loader)
        assert (failure["entity"], failure["property_id"]) == ("tasks", EARLY)
        assert sandbox.count("GET /task") == 3 * 2 + 1
        assert len(names(loader)) >= len(long_list.tasks)  # what was seen is loaded
        loader.pass_time(hours=1)
        sandbox.reset_log()
        loader.load()
        assert task_windows(sandbox)[EARLY] is None  # its cursor stayed: still never read completely
        assert set(names(loader)) >= set(long_list.tasks)


# --- 9. one run of a region at a time -------------------------------------------------------------------


def test_a_second_run_of_the_region_ends_2_and_says_who_runs(loader: Loader) -> None:
    loader.first_load()
    second: list[Any] = []

    def start_another(request: LoggedRequest) -> None:
        if request.endpoint == "/property" and not second:
            second.append(None)
            second[0] = loader.run().regions[0]

    loader.sandbox.faults.before_response = start_another
    loader.pass_time(hours=1)
    loader.load()
    assert (second[0].exit_code, second[0].status) == (2, "failed")
    assert second[0].error.startswith("Region 'smoky' is being loaded by ")
    assert f"{os.getpid()}" in second[0].error and "\n" not in second[0].error
    assert second[0].requests["total"] == 0


def test_the_lock_of_a_dead_run_is_not_in_the_way(loader: Loader) -> None:
    from killing import Death, die

    loader.first_load()
    assert die(loader, Death("request", 2))
    loader.pass_time(hours=1)
    loader.load()
