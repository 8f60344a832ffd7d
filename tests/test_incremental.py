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
TASKS = ("--entities", "properties", "tasks")


@pytest.fixture
def world() -> World:
    return small_world(stays_days=30)


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
    loader.load(*TASKS)
    assert names(loader)[late] == "changed before the reader, and newer"
    assert names(loader)[early] != "changed behind the reader"
    loader.sandbox.faults.before_response = None
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert names(loader)[early] == "changed behind the reader"


def test_a_run_writes_what_changed_was_added_or_came_late_and_not_the_whole_window(
    quick_loader: Loader,
) -> None:
    """Also what a slow clock stamped, and all of a new property."""
    loader, world = quick_loader, quick_loader.sandbox.world
    for task_id in world.tasks:
        world.edit_task(task_id, updated_at=ago(hours=20))
    loader.first_load()
    loader.pass_time(hours=1)
    slow, late, *_ = tasks_of(world, EARLY)
    news = [slow, late, *(tasks_of(world, property_id)[0] for property_id in (MIDDLE, LATE))]
    for task_id in news:
        world.edit_task(task_id, name="news")
    world.edit_task(slow, updated_at=ago(minutes=4))
    world.edit_task(late, updated_at=ago(hours=40))
    new = world.add_property()["id"]
    for home, hours in ((MIDDLE, 40), (new, 9600)):
        at = ago(hours=hours)
        news.append(world.add_task(home_id=home, name="news", updated_at=at, created_at=at[:19])["id"])
    report = loader.load()
    assert report.rows["tasks"] == len(news) < len(world.tasks)
    assert sorted(t for t, name in names(loader).items() if name == "news") == sorted(news)
    assert [p for p, window in task_windows(loader.sandbox).items() if window is None] == [new]


def test_changes_that_no_window_shows_are_told_by_the_run_that_reads_all(quick_loader: Loader) -> None:
    """The filter of `updated_at` answers nothing: hourly runs bring nothing, and the weekly one tells why."""
    loader, world = quick_loader, quick_loader.sandbox.world
    told = "tasks had changed in the days that an earlier run asked for, and it was not shown them"
    changed = [tasks_of(world, property_id)[0] for property_id in (EARLY, MIDDLE, LATE)]
    loader.first_load()
    for number, whole in enumerate((("--entities", "weekly"), ("--full", *TASKS))):
        loader.pass_time(hours=1)
        for task_id in changed:
            world.edit_task(task_id, name=f"edit {number}")
        loader.pass_time(hours=1)
        nothing = loader.sandbox.deviate("taken_as", "/task", updated_at="2001-01-01,2001-01-02")
        assert loader.load(*TASKS).rows["tasks"] == 0
        nothing.end()
        loader.pass_time(hours=1)
        assert any(text.startswith(f"3 {told}") for text in loader.load(*whole).warnings)
        assert sorted(t for t, name in names(loader).items() if name == f"edit {number}") == changed
    loader.pass_time(hours=1)
    assert not any(told in text for text in loader.load(*whole).warnings)


# --- 2. every property on its own ---------------------------------------------------------------------


def test_a_property_that_was_refused_or_away_is_read_from_its_own_older_start(quick_loader: Loader) -> None:
    """Whole, where it never answered or was away; a run that breaks off leaves every start as it was."""
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    never, away = (world.add_property()["id"] for _ in range(2))
    for property_id in (never, away):
        world.add_task(home_id=property_id)
    sandbox.faults.refuse_property(never, 403)
    assert [failure["property_id"] for failure in partial(loader, *TASKS)] == [never]
    sandbox.faults.refuse_property(MIDDLE, 422)
    world.hide_property(away)
    loader.pass_time(hours=1)
    world.edit_task(tasks_of(world, MIDDLE)[0], name="missed for weeks")
    for _ in range(2):
        failures = {f["property_id"]: (f["entity"], f["status"]) for f in partial(loader, *TASKS)}
        assert failures == {MIDDLE: ("tasks", 422), never: ("tasks", 403)}
        loader.pass_time(days=5)
    assert loader.column("select property_id from properties where deleted_at is not null") == [away]
    world.edit_task(tasks_of(world, away)[0], name="missed for weeks")
    world.edit_task(tasks_of(world, EARLY)[0], name="missed for weeks")
    sandbox.faults.refuse_endpoint("/property", 500)
    (report,) = loader.run(*TASKS).regions
    assert (report.status, report.exit_code) == ("failed", 3)
    loader.wipe()
    loader.pass_time(days=8)
    sandbox.faults.clear()
    world.unhide_property(away)
    sandbox.reset_log()
    loader.load(*TASKS)
    assert task_windows(sandbox) == {
        EARLY: "2026-03-12,2026-03-29",
        MIDDLE: "2026-03-07,2026-03-29",  # three days before the run that last read it
        LATE: "2026-03-12,2026-03-29",
        never: None,
        away: None,
    }
    assert names(loader) == {task_id: task["name"] for task_id, task in world.tasks.items()}
    assert loader.column("select property_id from properties where deleted_at is not null") == []
    sandbox.reset_log()
    loader.load(*TASKS)
    assert set(task_windows(sandbox).values()) == {"2026-03-25,2026-03-29"}


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
    (failure,) = partial(loader, *TASKS)
    assert (failure["entity"], failure["property_id"], failure["status"]) == ("tasks", MIDDLE, 403)
    lines_from = "select lines_from from tasks where task_id = %s"
    assert sorted(names(loader)) == sorted(world.tasks) and loader.column(lines_from, refused) == [None]
    loader.load(*TASKS)
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
    duckdb_database: Database, tmp_path: Path
) -> None:
    worlds = {
        "smoky": small_world(properties=1, stays_days=20),
        "austin": small_world(region="austin", properties=1, stays_days=20),
    }
    with (
        Sandbox.multi(worlds, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        assert loader.run(regions=("smoky", "austin")).exit_code == 0
        before = loader.query("select * from tasks where region_code = 'austin' order by task_id")
        silent, gone = tasks_of(worlds["smoky"], EARLY)[:2]
        worlds["smoky"].edit_task(silent, name="edited silently", touch=False)
        worlds["smoky"].delete_task(gone)
        loader.pass_time(hours=1)
        sandbox.reset_log()
        loader.load("--full", "--entities", "tasks")
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
        loader.load("--entities", "reservations")
        *windows, _control = [r.query for r in sandbox.logged() if r.endpoint == "/reservation"]
        assert {query["updated_at_ge"] for query in windows} == {"2026-03-07"}  # stays kept their cursor


def test_the_first_load_comes_in_pieces_and_a_crash_repeats_at_most_one(
    tmp_path: Path, duckdb_database: Database
) -> None:
    from killing import Death, die

    world = small_world(properties=10, tasks=2, stays_days=10)
    with (
        Sandbox(world, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        loader.configure(piece_properties=2)
        assert die(loader, Death("request", 7, "/task/"))
        assert len(task_windows(sandbox)) >= 6
        assert len(set(loader.column("select property_id from tasks"))) == 6  # three pieces are in
        loader.wipe()
        sandbox.reset_log()
        loader.load()
        whole = [property_id for property_id, window in task_windows(sandbox).items() if window is None]
        assert len(whole) == 4  # two were never read, two at most are repeated
        assert sorted(names(loader)) == sorted(world.tasks)


# --- 8. rows that come and go while pages are read ------------------------------------------------------


def drifting(loader: Loader, times: int, adds: bool = False) -> None:
    """While page 1 is on its way one of its tasks goes, so that page 2 begins one too late, or a new one comes."""
    world, left = loader.sandbox.world, times

    def change(request: LoggedRequest) -> None:
        nonlocal left
        if request.endpoint == "/task" and request.query.get("page") == "1" and left > 0:
            left -= 1
            if adds:
                world.add_task(home_id=EARLY)
            else:
                world.delete_task(tasks_of(world, EARLY)[0])

    loader.sandbox.faults.before_response = change


def test_a_list_that_changed_while_it_was_read_is_read_again(
    duckdb_database: Database, tmp_path: Path
) -> None:
    world = small_world(properties=1, tasks=12, stays_days=10)
    with (
        Sandbox(world, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):

        def pages() -> list[str]:
            asked = [r.query["page"] for r in sandbox.logged() if r.endpoint == "/task"]
            sandbox.reset_log()
            return asked

        assert len(world.tasks) > 100
        drifting(loader, 3)  # it never rests: what was seen is loaded
        (failure,) = partial(loader, *TASKS)
        assert (failure["entity"], failure["property_id"]) == ("tasks", EARLY)
        assert pages() == ["1", "2"] * 3
        assert len(names(loader)) >= len(world.tasks)
        loader.pass_time(hours=1)
        drifting(loader, 1)
        loader.load(*TASKS)
        assert task_windows(sandbox) == {EARLY: None}  # its cursor stayed: still never read completely
        assert pages() == ["1", "2"] * 2
        assert set(names(loader)) >= set(world.tasks)
        loader.pass_time(hours=1)
        drifting(loader, 1, adds=True)
        loader.load("--full", *TASKS)
        assert pages() == ["1", "2"] * 2
        assert set(names(loader)) >= set(world.tasks)
        assert loader.query("select task_id from tasks group by task_id having count(*) > 1") == []


# --- 9. one run of a region at a time -------------------------------------------------------------------


def test_a_second_run_of_the_region_ends_2_and_says_who_runs(quick_loader: Loader) -> None:
    """In the same process; with another's, and after its death, on both databases: test_locks.py."""
    loader = quick_loader
    second: list[Any] = []

    def start_another(request: LoggedRequest) -> None:
        if request.endpoint == "/property" and not second:
            second.append(None)
            second[0] = loader.run().regions[0]

    loader.sandbox.faults.before_response = start_another
    loader.load("--entities", "properties")
    assert (second[0].exit_code, second[0].status) == (2, "failed")
    assert second[0].error.startswith("Region 'smoky' is being loaded by ")
    assert f"{os.getpid()}" in second[0].error and "\n" not in second[0].error
    assert second[0].requests["total"] == 0
