"""The whole road: the sandbox's rows in the database, every task with its stay."""

from __future__ import annotations

from loading import Loader


def test_every_row_of_the_api_is_loaded_once(loader: Loader) -> None:
    report = loader.load()
    world = loader.sandbox.world
    assert sorted(loader.column("select property_id from properties")) == sorted(world.properties)
    assert sorted(loader.column("select task_id from tasks")) == sorted(world.tasks)
    assert report.requests["total"] == loader.sandbox.data_requests
    assert loader.query("select region_code, count(*) from tasks group by 1") == [("smoky", len(world.tasks))]


def test_every_link_the_api_knows_is_resolved(loader: Loader) -> None:
    report = loader.load()
    world = loader.sandbox.world
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


def test_a_second_run_without_changes_writes_no_task(loader: Loader) -> None:
    loader.load()
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    report = loader.load()
    assert report.rows["tasks"] == 0
    assert loader.sandbox.count("GET /task") == len(loader.sandbox.world.properties)
