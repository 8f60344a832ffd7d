"""`--reconcile`: what vanished at the source is deleted after two proofs, and only then."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import NOW, HidingWorld, asked_by_id, small_world

from breezeway_source.api import pace
from breezeway_source.entities import absence
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.stores import Row, is_deleted

HOME = 2001
FINISHED = {"code": "finished", "name": "Finished", "stage": "finished"}
HOURLY, DAILY = ("--reconcile",), ("--entities", "daily", "--reconcile")


@pytest.fixture
def world() -> World:
    return small_world(kind=HidingWorld)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.001)


@pytest.fixture
def loaded(quick_loader: Loader) -> Loader:
    quick_loader.first_load()
    quick_loader.pass_time(hours=1)
    return quick_loader


def hiding(loader: Loader) -> HidingWorld:
    assert isinstance(loader.sandbox.world, HidingWorld)
    return loader.sandbox.world


def a_task(loader: Loader) -> int:
    return int(loader.sandbox.world.listed_tasks(HOME)[0]["id"])


def an_upcoming_stay(loader: Loader) -> int:
    world = loader.sandbox.world
    return int(next(s["id"] for s in world.reservations.values() if s["checkout_date"] > world.today))


def deleted(loader: Loader, entity: str = "tasks") -> list[int]:
    key = {"tasks": "task_id", "reservations": "reservation_id"}[entity]
    return loader.column(f"select {key} from {entity} where deleted_at is not null order by 1")


def proofs(loader: Loader) -> list[tuple[Any, ...]]:
    return loader.query(
        "select entity, record_id, status_code, answer, reason from deletion_proofs "
        "where reason = 'reconcile' order by asked_at, entity, record_id"
    )


def answers(loader: Loader) -> dict[int, list[tuple[int, str]]]:
    """By record, what it was found to be, the earliest first."""
    found: dict[int, list[tuple[int, str]]] = {}
    for _, record_id, status, answer, _ in proofs(loader):
        found.setdefault(record_id, []).append((status, answer))
    return found


def reconcile_twice(loader: Loader, *options: str, expected: int = 0) -> None:
    for _ in range(2):
        (report,) = loader.run(*(options or HOURLY)).regions
        assert report.exit_code == expected, report.as_dict()
        loader.pass_time(days=1)


def test_what_vanished_is_deleted_after_two_proofs_on_two_runs_and_what_lives_is_kept(
    quick_loader: Loader,
) -> None:
    """Every fate of a row at once, in hourly and in daily runs; on PostgreSQL the stories have them."""
    loader, world = quick_loader, hiding(quick_loader)
    loader.first_load()
    gone, restored, listed = [row["id"] for row in world.listed_tasks(HOME)[:3]]
    soft, hidden = [row["id"] for row in world.listed_tasks(HOME + 1)[:2]]
    upcoming = [s["id"] for s in world.reservations.values() if s["checkout_date"] > world.today]
    stay_gone, stay_soft, stay_hidden = upcoming[:3]
    tasks, stays = dict(world.tasks), dict(world.reservations)  # as they are before anything happens to them

    world.delete_task(gone)
    world.delete_task(soft, soft=True)
    world.delete_task(restored)
    world.delete_task(listed)
    world.hide_task(hidden)
    world.edit_task(hidden, name="hidden and edited")
    world.delete_reservation(stay_gone)
    world.delete_reservation(stay_soft, soft=True)
    world.hide_reservation(stay_hidden)
    world.edit_reservation(stay_hidden, touch=False, note="hidden and edited")
    loader.pass_time(days=1)
    loader.load(*HOURLY)
    assert deleted(loader) == deleted(loader, "reservations") == []
    assert answers(loader) == {
        gone: [(404, "not_found")],
        soft: [(200, "deleted")],
        restored: [(404, "not_found")],
        listed: [(404, "not_found")],
        hidden: [(200, "alive")],
        stay_gone: [(404, "not_found")],
        stay_soft: [(200, "deleted")],
        stay_hidden: [(200, "alive")],
    }
    assert loader.column("select name from tasks where task_id = %s", hidden) == ["hidden and edited"]
    notes = loader.column("select note from reservations where reservation_id = %s", stay_hidden)
    assert notes == ["hidden and edited"]

    # Two are there again: one edited, one as it was, which an hourly run has no reason to write.
    world.tasks[restored], world.tasks[listed] = dict(tasks[restored]), dict(tasks[listed])
    world.edit_task(restored, name="restored")
    loader.pass_time(hours=1)
    loader.load("--property", str(HOME))
    said = "select answer from deletion_proofs where record_id = %s order by asked_at"
    assert loader.column(said, listed) == ["not_found", "alive"]
    world.delete_task(listed)
    loader.wipe()
    second = loader.pass_time(days=1)
    loader.load(*HOURLY)
    assert deleted(loader) == sorted([gone, soft])
    assert deleted(loader, "reservations") == sorted([stay_gone, stay_soft])
    marked = "select deleted_at from tasks where deleted_at is not null"
    assert loader.column(marked) == [second, second]
    assert answers(loader)[gone] == [(404, "not_found")] * 2

    world.delete_task(restored)
    loader.pass_time(days=1)
    loader.sandbox.reset_log()
    loader.load(*DAILY)
    assert not {gone, soft} & set(asked_by_id(loader.sandbox, "/task/{id}"))  # proven: not asked for again
    assert deleted(loader) == sorted([gone, soft, listed])  # since it was seen alive: two proofs
    loader.pass_time(days=1)
    loader.load(*DAILY)
    assert deleted(loader) == sorted([gone, soft, listed, restored])
    live = loader.column("select count(*) from tasks where deleted_at is null")
    assert live == [len(world.live_tasks())]

    world.tasks[gone], world.reservations[stay_gone] = tasks[gone], stays[stay_gone]
    loader.pass_time(hours=1)
    loader.load("--reconcile")
    assert deleted(loader) == sorted([soft, listed, restored])
    assert deleted(loader, "reservations") == [stay_soft]


class FrankWorld(HidingWorld):
    """Its lists of tasks go on showing those with status `deleted`."""

    def listed_tasks(self, home_id: int | None = None) -> list[Row]:
        gone = [row for row in self.tasks.values() if is_deleted(row) and home_id in (None, row["home_id"])]
        return [*super().listed_tasks(home_id), *gone]


@pytest.mark.parametrize("world", [small_world(kind=FrankWorld)])
def test_a_row_that_its_list_shows_as_deleted_is_deleted_at_once_and_lives_again_by_its_own_word(
    world: World, quick_loader: Loader
) -> None:
    loader = quick_loader
    loader.first_load()
    task_id, stay_id = a_task(loader), an_upcoming_stay(loader)
    world.delete_task(task_id, soft=True)
    world.edit_reservation(stay_id, status="deleted")
    first = loader.pass_time(hours=1)
    loader.load()
    assert (deleted(loader), deleted(loader, "reservations")) == ([task_id], [stay_id])
    # Lists bring both again, and they keep the time at which they were first found so; nobody is asked by id.
    for options in (DAILY, ("--full",)):
        loader.pass_time(days=1)
        loader.load(*options)
        for table in ("tasks", "reservations"):
            assert loader.column(f"select deleted_at from {table} where deleted_at is not null") == [first]
    assert proofs(loader) == []
    # It says otherwise, with the very same time of change. What only vanished is no hourly run's to ask for.
    world.edit_task(task_id, type_task_status=FINISHED, touch=False)
    world.edit_reservation(stay_id, status="active")
    world.delete_task(max(world.tasks))
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load()
    assert (
        deleted(loader) == deleted(loader, "reservations") == asked_by_id(loader.sandbox, "/task/{id}") == []
    )


def test_properties_not_listed_completely_are_left_out_and_those_off_the_list_are_proven(
    loaded: Loader,
) -> None:
    world, faults = loaded.sandbox.world, loaded.sandbox.faults
    world.delete_task(a_task(loaded))
    faults.refuse_property(HOME, 422)
    loaded.sandbox.reset_log()
    assert loaded.run(*HOURLY).exit_code == 1
    assert asked_by_id(loaded.sandbox, "/task/{id}") == []
    loaded.pass_time(days=1)
    # Off the list of properties, which is whole: its tasks are asked for by id, those gone are proven so.
    faults.unrefuse_property(HOME)
    world.hide_property(HOME)
    gone = {task["id"] for task in world.tasks.values() if task["home_id"] == HOME}
    for task_id in gone:
        world.delete_task(task_id)
    reconcile_twice(loaded)
    assert gone < set(deleted(loaded)) and len(deleted(loaded)) == len(gone) + 1


def test_rows_that_live_and_are_listed_nowhere_never_keep_others_from_being_asked(
    loaded: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two may be asked for in a run; two live unlisted, and one is gone."""
    monkeypatch.setattr(absence, "MAX_PROOFS", 2)
    world = loaded.sandbox.world
    ids = sorted(task["id"] for task in world.listed_tasks())
    for task_id in ids[:2]:
        world.hide_task(task_id)
    world.delete_task(ids[2])
    for _ in range(4):
        loaded.pass_time(days=1)
        loaded.load("--reconcile")
    assert deleted(loaded) == [ids[2]]


# Kind: how often. The list of properties is served after the 401: the token is good.
NO_ANSWERS = {"401": 1, "403": 1, "422": 1, "500": 8, "200_empty": 2, "200_error": 2, "403_html": 8}


def test_an_answer_that_is_no_answer_and_not_found_for_what_a_list_shows_prove_nothing(
    loaded: Loader,
) -> None:
    world, faults = loaded.sandbox.world, loaded.sandbox.faults
    gone = [task["id"] for task in world.listed_tasks()[: len(NO_ANSWERS)]]
    for task_id, (kind, count) in zip(gone, NO_ANSWERS.items(), strict=True):
        world.delete_task(task_id)
        faults.next(kind, count, path=f"/task/{task_id}")
    (report,) = loaded.run("--reconcile").regions
    assert (report.exit_code, len(report.failures)) == (1, len(NO_ANSWERS)), report.as_dict()
    faults.refuse_endpoint("/task/{id}", 404)  # its answer to everything
    loaded.pass_time(days=1)
    (report,) = loaded.run("--reconcile").regions
    assert report.exit_code == 1
    assert any("which a list has just shown" in failure["message"] for failure in report.failures)
    assert proofs(loaded) == []
    faults.unrefuse_endpoint("/task/{id}")
    for expected in ([], sorted(gone)):
        loaded.pass_time(days=1)
        loaded.load("--reconcile")
        assert deleted(loaded) == expected


def test_rows_that_live_and_are_listed_nowhere_are_kept_and_show_that_lists_leave_some_out(
    loaded: Loader,
) -> None:
    """As where finished tasks are listed no more: others of their kind were never listed, and are not loaded."""
    world = hiding(loaded)
    tasks = sorted(task["id"] for task in world.listed_tasks(HOME))
    stays = [stay["id"] for stay in world.stays_by_checkout(world.today)]

    def told() -> list[list[str]]:
        loaded.pass_time(days=1)
        warnings = loaded.load("--reconcile").warnings
        return sorted(text.split(" ")[:3] for text in warnings if "shown by no list" in text)

    def all_are_alive() -> bool:
        return all({*said} == {(200, "alive")} for said in answers(loaded).values())

    for task_id, stay_id in zip(tasks[:2], stays[:2], strict=True):
        world.hide_task(task_id)
        world.hide_reservation(stay_id)
    assert told() == []
    for task_id in tasks[2:]:
        world.hide_task(task_id)  # the property's list answers as if there were none
    world.hide_reservation(stays[2])
    assert told() == [["3", "loaded", "stays"], [str(len(tasks)), "loaded", "tasks"]]
    assert {*answers(loaded)} == {*tasks, *stays[:3]} and all_are_alive()
    # Nor is a property that is hidden from a list which does not say the company in any other one.
    world.hide_property(HOME)
    loaded.sandbox.deviate("fields", "/property", company_id=None)
    loaded.sandbox.reset_log()
    loaded.run("--reconcile")
    assert {*tasks} <= {*asked_by_id(loaded.sandbox, "/task/{id}")} and all_are_alive()
    assert deleted(loaded) == deleted(loaded, "reservations") == []


def test_an_empty_list_of_properties_marks_nothing(loaded: Loader) -> None:
    world = loaded.sandbox.world
    for property_id in list(world.properties):
        world.hide_property(property_id)
    reconcile_twice(loaded, expected=1)
    assert deleted(loaded) == []
    assert loaded.column("select property_id from properties where deleted_at is not null") == []
    for property_id in list(world.properties):
        world.unhide_property(property_id)
    loaded.sandbox.reset_log()
    loaded.load()
    assert all("updated_at" in r.query for r in loaded.sandbox.logged() if r.endpoint == "/task")


def test_a_property_that_moved_to_another_region_of_the_key_pair_takes_its_rows_along(
    duckdb_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their ids its tasks and stays are answered as ever: they would be loaded, and counted, twice."""
    old, new = (
        small_world(region=region, properties=2, stays_days=20, first_property_id=first)
        for region, first in (("smoky", HOME), ("austin", 3001))
    )
    with (
        Sandbox.multi(
            {"smoky": old, "austin": new}, same_key=[("smoky", "austin")], token_limit=False
        ) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        loader.configure(start_date=NOW.date().subtract(days=1200))
        regions = [
            dataclasses.replace(region, company_id=sandbox.worlds[region.code].company_id)
            for region in loader.regions(("smoky", "austin"))
        ]
        monkeypatch.setattr(loader, "regions", lambda names: regions)
        loader.run(regions=("smoky", "austin"))
        new.add_property(**{**old.properties.pop(HOME), "company_id": new.company_id})
        for name, home in (("tasks", "home_id"), ("reservations", "property_id")):
            rows = getattr(old, name)
            for row in [row for row in rows.values() if row[home] == HOME]:
                getattr(new, name)[row["id"]] = rows.pop(row["id"])
        for _ in range(2):
            loader.pass_time(days=1)
            report = loader.run(*HOURLY, regions=("smoky", "austin"))
            assert [region.exit_code for region in report.regions] == [0, 0]
        for table in ("tasks", "reservations"):
            live = loader.query(
                f"select distinct region_code from {table} where property_id = %s and deleted_at is null",
                HOME,
            )
            assert live == [("austin",)], table


def test_a_row_no_list_shows_keeps_the_lists_and_the_link_its_answer_by_id_leaves_unsaid(
    loaded: Loader,
) -> None:
    """It lives; what is loaded of it was shown by its list, and its id gives less."""
    loader, world = loaded, hiding(loaded)
    stay = next(
        s["id"] for s in world.reservations.values() if s["guests"] and s["checkout_date"] > world.today
    )
    task = next(
        t["id"]
        for t in world.listed_tasks()
        if t.get("linked_reservation") and t["assignments"] and t["photos"]
    )
    tables = {"reservations__guests": stay, "tasks__assignments": task, "tasks__photos": task}

    def loaded_lines() -> list[object]:
        keys = {"r": "reservation_id", "t": "task_id"}
        return [
            loader.column(f"select count(*) from {table} where {keys[table[0]]} = %s", one)[0]
            for table, one in tables.items()
        ] + loader.column("select linked_reservation_id from tasks where task_id = %s", task)

    before = loaded_lines()
    assert all(before)
    world.hide_reservation(stay)
    world.hide_task(task)
    unsaid = loader.sandbox.deviate("fields", "/reservation/{id}", guests=None)
    loader.sandbox.deviate("fields", "/task/{id}", linked_reservation=None, assignments=None, photos=None)
    loader.load("--reconcile")
    assert loaded_lines() == before
    assert answers(loader)[stay] == answers(loader)[task] == [(200, "alive")]
    unsaid.end()
    world.edit_reservation(stay, guests=[], touch=False)
    loader.pass_time(hours=1)
    loader.load("--reconcile")
    assert loaded_lines() == [0, *before[1:]]
