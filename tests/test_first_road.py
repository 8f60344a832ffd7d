"""The whole road: the sandbox's rows in the database, every task with its stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import NOW
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import HidingWorld, small_world
from story.truth import DAILY, HOURLY, WEEKLY, differences

from breezeway_source.api import pace
from breezeway_source.sandbox import Sandbox, World


@pytest.fixture
def world() -> World:
    return small_world(tasks=8)


def test_every_row_is_loaded_once_with_its_link_and_not_written_again(loader: Loader) -> None:
    loader.configure(marts=False)
    report = loader.load()
    world = loader.sandbox.world
    assert sorted(loader.column("select property_id from properties")) == sorted(world.properties)
    assert sorted(loader.column("select task_id from tasks")) == sorted(world.tasks)
    assert report.requests["total"] == loader.sandbox.data_requests
    assert loader.query("select region_code, count(*) from tasks group by 1") == [("smoky", len(world.tasks))]

    for task_id, link, stay, status in loader.query(
        "select task_id, linked_reservation_id, reservation_pk, link_status from tasks"
    ):
        linked = world.tasks[task_id].get("linked_reservation") or {}
        assert link == linked.get("id")
        if link is None:
            assert (stay, status) == (None, "no_link_at_source")
        elif link in world.reservations:
            assert (stay, status) == (link, "linked")
        else:
            assert (stay, status) == (None, "reservation_not_found")
    assert report.linkage is not None and report.linkage["linked_pct"] > 50

    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    assert loader.load().rows["tasks"] == 0
    assert loader.sandbox.count("GET /task") == len(world.properties)


def test_under_five_per_cent_of_mixed_faults_the_rows_are_exactly_the_apis(
    duckdb_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.001)
    world = small_world(kind=HidingWorld, properties=20, tasks=8)
    assert isinstance(world, HidingWorld)
    with (
        Sandbox(world, token_limit=False, seed=5) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        loader.configure(details_days=3650)
        sandbox.faults.random_rate = 0.05
        report = loader.load("--entities", "all")
        played = [request.fault for request in sandbox.logged() if request.fault]
        assert len(set(played)) >= 4, played
        assert report.requests["retries"] == len(played) - played.count("stall")  # late, and right
        assert report.requests["total"] == sandbox.data_requests
        assert differences(loader, world, (*HOURLY, *DAILY, *WEEKLY), proven=True) == []
