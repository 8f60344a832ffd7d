"""A machine whose clock is wrong rules neither itself nor the machines after it."""

from __future__ import annotations

import json
from pathlib import Path

import pendulum
import pytest
from databases import Database
from loading import Loader
from many_processes import environment, small_worlds, start
from quick_loading import QuickLoader
from small_worlds import small_world

from breezeway_source.sandbox import Sandbox, World

AHEAD_DAYS = 40
WITH_STAMPS = ("--entities", "hourly", "people", "property_details")
FAKETIME = [str(path) for path in Path("/usr/lib").glob("**/faketime/libfaketime.so.1")]


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


def shift_load_ids(loader: Loader) -> None:
    """As the load ids were, had the machine's own clock been ahead too when the newest package was loaded."""
    (newest,) = loader.column("select max(load_id) from _dlt_loads")
    ahead = str(float(newest) + AHEAD_DAYS * 86400)
    loader.query("update _dlt_loads set load_id = %s where load_id = %s", ahead, newest)
    loader.query("update _dlt_pipeline_state set _dlt_load_id = %s where _dlt_load_id = %s", ahead, newest)
    loader.query("update _dlt_version set inserted_at = %s", pendulum.now("UTC").add(days=AHEAD_DAYS))


def test_what_a_clock_that_was_ahead_left_is_removed_and_told_and_changes_of_that_time_arrive(
    short_loader: Loader,
) -> None:
    loader = short_loader
    loader.first_load(*WITH_STAMPS)
    before = loader.now
    loader.now = before.add(days=AHEAD_DAYS)  # the machine's clock alone: the world stays where it is
    loader.sandbox.world.edit_task(max(loader.sandbox.world.tasks), total_cost=1.5)
    assert loader.run(*WITH_STAMPS).status != "failed"  # its windows of days may be empty: told, exit 1
    shift_load_ids(loader)
    loader.wipe()

    loader.now = before
    loader.pass_time(hours=1)
    task_id = min(loader.sandbox.world.tasks)
    loader.sandbox.world.edit_task(task_id, name="Changed meanwhile")
    report = loader.load(*WITH_STAMPS)
    assert loader.column("select name from tasks where task_id = %s", task_id) == ["Changed meanwhile"]
    (told,) = [warning for warning in report.warnings if "clock was ahead" in warning]
    for table in ("_dlt_pipeline_state", "_dlt_loads", "sync_runs", "entity_reads"):
        assert table in told

    limit = loader.now.add(minutes=5)
    for table, column in (
        ("sync_runs", "started_at"),
        ("entity_reads", "read_at"),
        ("tasks", "synced_at"),
        ("property_details", "synced_at"),
        ("people", "synced_at"),
        ("task_changes", "noted_at"),
    ):
        assert loader.column(f"select count(*) from {table} where {column} > %s", limit) == [0], table
    now = pendulum.now("UTC")
    assert loader.column("select count(*) from _dlt_loads where load_id > %s", str(now.timestamp())) == [0]
    assert loader.column("select count(*) from _dlt_version where inserted_at > %s", now) == [0]

    loader.pass_time(hours=1)
    assert not any("clock" in warning for warning in loader.load().warnings), "told once"


def test_a_clock_that_is_behind_removes_nothing_of_the_right_ones(
    quick_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from it, everything is ahead: the API is asked for the time before a row is touched."""
    loader = quick_loader
    loader.first_load()
    monkeypatch.setattr(
        "breezeway_source.api.counters.parsedate_to_datetime",
        lambda header: pendulum.now("UTC").add(days=AHEAD_DAYS),
    )
    loader.now = loader.now.subtract(days=AHEAD_DAYS)
    report = loader.run().regions[0]
    assert not any("An earlier run's clock" in warning for warning in report.warnings)
    assert loader.column("select count(distinct run_id) from sync_runs") == [2]


@pytest.mark.skipif(
    not FAKETIME, reason="no libfaketime here; the tests above move the rows instead of the clock"
)
@pytest.mark.parametrize("api_agrees", [False, True], ids=["the API tells", "the API is ahead too"])
def test_a_machine_40_days_ahead_and_then_a_right_one(
    api_agrees: bool, duckdb_database: Database, tmp_path: Path
) -> None:
    """The first is a process on a clock of its own; both are fresh machines, as those of CI are."""
    with Sandbox.multi(small_worlds(("smoky",)), token_limit=False) as sandbox:
        world, folder = sandbox.world, tmp_path / "ahead"
        clock = {
            "LD_PRELOAD": FAKETIME[0],
            "FAKETIME": f"+{AHEAD_DAYS}d",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        place = {
            "DESTINATION__DUCKDB__CREDENTIALS": duckdb_database.url,
            "SOURCES__BREEZEWAY__MARTS": "false",
        }
        sandbox.faults.clock_ahead_s = AHEAD_DAYS * 86400.0 if api_agrees else 0.0
        first = start(
            ["--region", "smoky", "--entities", "tasks", "--report", "r.json"],
            folder,
            environment(sandbox, folder, **place, **clock),
        )
        said = first.communicate(timeout=120)
        assert first.returncode in (0, 1), said
        (ahead,) = json.loads((folder / "r.json").read_text("utf-8"))["regions"]
        told = [p for p in ahead["problems"] if "this machine's clock is 40 days ahead" in p]
        assert bool(told) != api_agrees

        sandbox.faults.clock_ahead_s = 0.0
        world.now = pendulum.now("UTC")
        task_id = min(world.tasks)
        world.edit_task(task_id, name="Changed")
        with QuickLoader(sandbox, duckdb_database, tmp_path / "right", world.now) as loader:
            report = loader.load()
            assert loader.column("select name from tasks where task_id = %s", task_id) == ["Changed"]
            (newest,) = loader.column("select max(load_id) from _dlt_loads")
        assert float(newest) < pendulum.now("UTC").timestamp()
        assert any("clock was ahead" in warning for warning in report.warnings) == api_agrees
        if not api_agrees:
            assert report.rows["tasks"] <= 1, "the changed one, within the overlap"
