"""What the lists themselves say: deleted, retired, empty, cut; heard at once, and nothing loaded is lost by it."""

from __future__ import annotations

from typing import Any

import pytest
from loading import Loader
from small_worlds import NOW, HidingWorld, asked_by_id, small_world

from breezeway_source.api import pace
from breezeway_source.rows.fields import says_deleted
from breezeway_source.sandbox import World
from breezeway_source.sandbox.stores import Row, is_deleted

HOME = 2001
DELETED = {"code": "deleted", "name": "Deleted", "stage": "finished"}
TASKS = ("--entities", "properties", "tasks")


class FrankWorld(HidingWorld):
    """Its lists of tasks go on showing those with status `deleted`."""

    def listed_tasks(self, home_id: int | None = None) -> list[Row]:
        gone = [row for row in self.tasks.values() if is_deleted(row) and home_id in (None, row["home_id"])]
        return [*super().listed_tasks(home_id), *gone]


@pytest.fixture
def world() -> World:
    return small_world(kind=FrankWorld)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.001)


@pytest.mark.parametrize(
    "raw", [{"status": "Deleted"}, {"status": {"code": "deleted"}}, {"deleted_at": "2026-03-01"}]
)
def test_a_row_says_deleted_by_its_status_or_its_day(raw: dict[str, Any]) -> None:
    assert says_deleted(raw, "status", NOW)
    for at in (None, "2026-06-01"):  # nothing, or a plan
        assert not says_deleted(raw | {"status": "active", "deleted_at": at}, "status", NOW)


def test_a_time_of_deletion_that_is_none_or_to_come_deletes_neither_task_nor_cost(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    for number, never in enumerate((0, "0001-01-01T00:00:00Z", "9999-12-31", "2026-06-01T10:00:00")):
        cost = {"id": number, "cost": 35, "deleted_at": never}
        world.add_task(home_id=HOME, name="Lives", deleted_at=never, costs=[cost])
    loader.load(*TASKS)
    assert loader.column("select count(*) from tasks where deleted_at is not null") == [0]
    of_them = "select cost from task_costs inner join tasks using (task_id) where tasks.name = 'Lives'"
    assert loader.column(of_them) == [35] * 4


def test_a_task_its_list_calls_deleted_is_deleted_though_its_time_of_change_stands(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    changed_within_the_window = [row["id"] for row in world.listed_tasks(HOME)[:2]]
    for task_id in changed_within_the_window:
        world.edit_task(task_id, name="Changed")
    loader.pass_time(minutes=20)
    loader.first_load()
    options: tuple[str, ...] = ()
    for task_id in changed_within_the_window:
        world.edit_task(task_id, type_task_status=DELETED, touch=False)
        at = loader.pass_time(hours=1)
        assert loader.load(*options).rows["tasks"] == 1  # one known to be deleted is not written again
        assert loader.column("select deleted_at from tasks where task_id = %s", task_id) == [at]
        options = ("--reconcile",)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_no_detail_is_asked_for_of_a_task_that_says_deleted(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    world.task_list_omits_money = True
    loader.load(*TASKS)
    task = next(row for row in world.listed_tasks(HOME) if row.get("supplies") or row.get("costs"))
    world.edit_task(task["id"], type_task_status=DELETED)
    at = loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load(*TASKS)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []
    assert loader.column("select deleted_at from tasks where task_id = %s", task["id"]) == [at]


def test_a_property_the_list_calls_deleted_may_refuse_its_tasks(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    loaded = loader.column("select task_id from tasks where property_id = %s", HOME)
    world.properties[HOME]["status"] = "deleted"
    loader.sandbox.faults.refuse_property(HOME, 422)
    loader.pass_time(hours=1)
    report = loader.load()
    assert any("1 properties that the list calls deleted" in warning for warning in report.warnings), (
        report.warnings
    )
    assert loader.column(
        "select count(*) from tasks where deleted_at is null and property_id = %s", HOME
    ) == [len(loaded)]
    for task_id in loaded:  # and what no list can show any more goes through the proof
        world.delete_task(task_id)
    for _ in range(2):
        loader.pass_time(days=1)
        loader.load("--reconcile")
    assert (
        loader.column("select task_id from tasks where deleted_at is null and property_id = %s", HOME) == []
    )


def test_lines_loaded_from_lists_outlive_lists_without_and_refused_details(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load(*TASKS)
    lines = "select (select count(*) from task_supplies) + (select count(*) from task_costs)"
    before = loader.column(lines)
    task = next(row for row in world.listed_tasks() if row.get("supplies") and row.get("costs"))
    world.task_list_omits_money = True
    world.edit_task(task["id"], name="Edited")
    loader.sandbox.faults.next("422", 1, path=f"/task/{task['id']}")
    loader.pass_time(hours=1)
    (report,) = loader.run(*TASKS).regions
    assert report.exit_code == 1 and loader.column(lines) == before and before[0] > 0
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert loader.column("select name from tasks where task_id = %s", task["id"]) == ["Edited"]
    assert loader.column(lines) == before


def test_a_catalogue_of_many_rows_in_short_lists_is_refused_when_all_come_back_empty(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(24):  # 8 of each kind, fewer than would be doubted alone
        kind = ("task_tags", "property_tags", "reservation_tags")[number % 3]
        getattr(world, kind)[70_000 + number] = {"id": 70_000 + number, "name": f"Tag {number}"}
    loader.load("--entities", "tags")
    live = "select count(*) from tags where deleted_at is null"
    (count,) = loader.column(live)
    for kind in ("task_tags", "property_tags", "reservation_tags"):
        assert len(getattr(world, kind)) < 20
        getattr(world, kind).clear()
    for exit_code, left in ((1, count), (0, 0)):
        loader.pass_time(days=1)
        assert loader.run("--entities", "tags").exit_code == exit_code
        assert loader.column(live) == [left]


def test_stays_that_fall_between_two_windows_are_missed_and_said(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    stays = "select count(*) from reservations where deleted_at is null"
    before = loader.column(stays)
    # The API ends three days early: whoever checks out on the last day of a window is in none.
    edge = next(row["id"] for row in world.reservations.values() if row["checkout_date"] > world.today)
    world.edit_reservation(edge, checkout_date="2026-03-31")
    loader.sandbox.deviate("filters_shifted", "/reservation", first=0, last=-3)
    loader.pass_time(days=1)
    loader.sandbox.reset_log()
    (report,) = loader.run("--entities", "reservations", "--reconcile").regions
    assert report.exit_code == 1, report.as_dict()
    assert any("brought" in failure["message"] for failure in report.failures), report.failures
    assert loader.column(stays) == before
    assert asked_by_id(loader.sandbox, "/reservation/{id}") == []


def test_a_stay_entered_while_windows_are_read_is_no_hole(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    loader.pass_time(days=1)
    before = len(world.reservations)

    def a_late_booking(request: Any) -> None:
        if (
            request.endpoint == "/reservation"
            and request.query.get("limit") == "1"
            and len(world.reservations) == before
        ):
            world.add_reservation(property_id=HOME, checkout_date=NOW.add(days=20).to_date_string())

    loader.sandbox.faults.before_response = a_late_booking
    loader.load("--entities", "reservations", "--reconcile")
    assert len(world.reservations) == before + 1
