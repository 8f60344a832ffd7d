"""Stays without timestamps, and the links of tasks followed to them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pendulum
import pytest
from loading import Loader
from small_worlds import NOW, HidingWorld, ago, asked_by_id, small_world

from breezeway_source.entities.windows import CheckoutWindow
from breezeway_source.sandbox import World

HOME = 2001
ENDED, UNKNOWN = 99_400_000, 99_500_000
LONG_AGO = {
    "checkin_date": "2024-01-02",
    "checkout_date": "2024-01-05",
    "_updated_at": NOW.subtract(years=2),
}


@pytest.fixture
def world() -> World:
    """With a stay that ended long before the first run, and is loaded by its window."""
    made = small_world(kind=HidingWorld)
    made.add_reservation(property_id=HOME, id=ENDED, **LONG_AGO)
    return made


@pytest.fixture
def loaded(quick_loader: Loader) -> Loader:
    quick_loader.first_load()
    quick_loader.pass_time(hours=1)
    return quick_loader


def day(days: int) -> str:
    """A day so many days after NOW."""
    found: date = NOW.date() + timedelta(days=days)
    return found.isoformat()


def stay_ids(loader: Loader) -> list[int]:
    return sorted(loader.column("select reservation_id from reservations"))


def stay(loader: Loader, reservation_id: int, column: str) -> Any:
    (value,) = loader.column(f"select {column} from reservations where reservation_id = %s", reservation_id)
    return value


def links(loader: Loader) -> dict[int, tuple[Any, Any, Any]]:
    """By task: the link the API gave, the stay it leads to, and why."""
    rows = loader.query("select task_id, linked_reservation_id, reservation_pk, link_status from tasks")
    return {task_id: (linked, found, status) for task_id, linked, found, status in rows}


def linked_task(world: World, stay_id: int, home: int = HOME, **fields: Any) -> int:
    link = {"id": stay_id, "external_reservation_id": None}
    return int(world.add_task(home_id=home, linked_reservation=link, **fields)["id"])


# --- stays ----------------------------------------------------------------------------------------------


def test_hourly_stays_are_asked_for_by_update_from_three_days_before_the_last_run(loaded: Loader) -> None:
    loader, sandbox = loaded, loaded.sandbox
    sandbox.reset_log()
    loader.load()
    *asked, control = [r.query for r in sandbox.logged() if r.endpoint == "/reservation"]
    assert {query["updated_at_ge"] for query in asked} == {"2026-03-07"}
    assert len({request["page"] for request in asked}) == 1 and len(asked) == 3
    # The upcoming stays came: one day of theirs tells whether that was for want of a match.
    first, last = (date.fromisoformat(control[f"checkout_date_{side}"]) for side in ("ge", "le"))
    assert (last - first).days == 2 and last.isoformat() > sandbox.world.today
    assert "updated_at_ge" not in control
    sandbox.no_match = "empty"
    sandbox.reset_log()
    loader.load()
    assert sandbox.count("GET /reservation") == 3
    # What ended long ago still updates, also where the filter keeps the default window.
    sandbox.no_match = "upcoming"
    for keeps in (True, False):
        sandbox.updated_keeps_default_window = keeps
        loader.pass_time(days=5)
        sandbox.world.edit_reservation(ENDED, note=f"after the fact, {keeps}")
        loader.load()
        assert stay(loader, ENDED, "note") == f"after the fact, {keeps}"


def test_stays_that_did_not_come_or_by_filters_not_heeded_are_told_and_keep_their_start(
    loaded: Loader,
) -> None:
    loader, sandbox = loaded, loaded.sandbox
    sandbox.world.edit_reservation(ENDED, note="edited while stays did not come")
    loader.pass_time(days=5)
    sandbox.faults.refuse_endpoint("/reservation", 403)
    (report,) = loader.run().regions
    assert report.exit_code == 1 and {failure["entity"] for failure in report.failures} == {"reservations"}
    sandbox.faults.unrefuse_endpoint("/reservation")
    sandbox.deviate("upcoming_instead", "/reservation")
    (report,) = loader.run().regions
    assert [failure["entity"] for failure in report.failures] == ["reservations"]
    assert "so was one day of theirs: the filters are not heeded" in report.failures[0]["message"]
    sandbox.behave()
    loader.wipe()
    loader.pass_time(days=4)
    loader.load()
    assert stay(loader, ENDED, "note") == "edited while stays did not come"


def test_a_window_holds_its_two_days_and_nothing_beyond_them_though_it_asks_for_more() -> None:
    window = CheckoutWindow(pendulum.date(2026, 3, 1), pendulum.date(2026, 3, 31))
    held = {
        day: window.has(date.fromisoformat(day))
        for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")
    }
    assert [*held.values()] == [False, True, True, False]
    assert window.asked.params() == {"checkout_date_ge": "2026-02-28", "checkout_date_le": "2026-04-01"}
    assert window.holds({"checkout_date": "soon"}) is None


def test_an_answer_of_upcoming_stays_instead_of_none_adds_nothing_wrong(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date().subtract(days=30))
    within = {s["id"] for s in world.reservations.values() if s["checkout_date"] >= day(-30)}
    linked = {t["linked_reservation"]["id"] for t in world.tasks.values() if t.get("linked_reservation")}
    found = "select reservation_id, property_id, checkout_date, deleted_at from reservations order by 1"
    rows: list[tuple[Any, ...]] = []
    for no_match, past_end, options in (
        ("upcoming", "upcoming", ()),
        ("upcoming", "upcoming", ("--reconcile",)),
        ("upcoming", "empty", ("--full", "--reconcile")),
        ("empty", "upcoming", ("--full", "--reconcile")),
    ):
        loader.sandbox.no_match, loader.sandbox.past_end = no_match, past_end
        loader.load(*options)
        rows = rows or loader.query(found)
        assert loader.query(found) == rows
        assert stay_ids(loader) == sorted(within | (linked & set(world.reservations)))
        loader.pass_time(hours=1)


def test_a_run_of_all_stays_does_not_pass_over_an_edit_before_the_first_day(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date())
    linked_task(world, ENDED)
    loader.first_load()
    for options in (("--entities", "daily"), ("--full",)):
        world.edit_reservation(ENDED, note=f"before {options}")
        loader.pass_time(days=5)
        loader.load(*options)
        reading = (
            "select reading from sync_runs where entity = 'reservations' order by started_at desc limit 1"
        )
        assert loader.column(reading) == ["whole"]  # one narrow window beside all the others
        assert stay(loader, ENDED, "note") == f"before {options}"
        loader.pass_time(hours=1)


def test_a_daily_run_writes_the_stays_that_changed_and_tells_of_edits_that_no_filter_shows(
    loaded: Loader,
) -> None:
    """Hourly runs ask for what was updated; where that is never shown, they would bring nothing, for ever."""
    loader, world = loaded, loaded.sandbox.world
    ended = [ENDED, *(stay["id"] for stay in world.stays_by_checkout("2025-12-01", "2026-03-01"))][:3]
    upcoming = world.stays_by_checkout("2026-03-11")[0]["id"]
    (at,) = loader.column("select synced_at from reservations where reservation_id = %s", upcoming)
    loader.pass_time(days=5)
    for touch, no_match in ((False, "empty"), (False, "upcoming"), (True, "empty")):
        note = f"{touch}, {no_match}"
        loader.sandbox.no_match = no_match
        for stay_id in ended:
            world.edit_reservation(stay_id, touch=touch, note=note)
        if touch:
            world.edit_reservation(upcoming, guests=[])  # a change of a list is one
        elif no_match == "empty":
            loader.load()
            assert stay(loader, ENDED, "note") is None
        report = loader.load("--entities", "daily")
        told = [text for text in report.warnings if "filter of updated_at" in text]
        assert loader.column("select count(*) from reservations where note = %s", note) == [3]
        assert report.rows["reservations"] == 3 + touch  # the others, read again, are not written
        assert [text.split(" ")[0] for text in told] == ([] if touch else ["3"])
        assert (stay(loader, upcoming, "synced_at") != at) is touch
        loader.pass_time(days=5)
    listed = world.stays_by_checkout(loader.settings.start_date.isoformat())
    assert loader.load("--entities", "reservations", "--full").rows["reservations"] == len(listed)


def test_stays_that_moved_went_or_came_again_and_their_links_end_as_they_are(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    old, first, second, late = (world.add_reservation(property_id=HOME)["id"] for _ in range(4))
    arrival = world.reservations.pop(late)
    task_id, left_behind = linked_task(world, old), linked_task(world, old, home=2002)
    relinked = linked_task(world, first)
    # Changed long ago: no later run has a reason to write it again, which would link it anew.
    waits = linked_task(world, late, created_at="2026-02-01T08:00:00", updated_at=ago(days=20))
    loader.first_load()
    assert links(loader)[task_id] == (old, old, "linked")
    assert links(loader)[relinked] == (first, first, "linked")
    assert links(loader)[waits] == (late, None, "reservation_not_found")

    loader.pass_time(hours=1)
    new = world.move_reservation(old, 2002)["id"]
    still_names_the_old = {"id": old, "external_reservation_id": None}
    world.edit_task(left_behind, linked_reservation=still_names_the_old)
    world.reservations[late] = arrival  # it arrives after its task
    world.edit_reservation(late, note="arrived")
    world.edit_task(relinked, linked_reservation={"id": second, "external_reservation_id": None})
    loader.load()
    assert links(loader)[task_id] == (new, new, "linked")
    assert links(loader)[relinked] == (second, second, "linked")
    assert links(loader)[waits] == (late, late, "linked")

    # One whose day could not be read is in no window: asked for by its id once no list shows it.
    loader.query("update reservations set checkout_date = null where reservation_id = %s", ENDED)
    world.delete_reservation(ENDED)
    world.edit_task(relinked, linked_reservation=None)
    flickering = world.reservations[first]
    gone = "select reservation_id from reservations where deleted_at is not null order by 1"
    for run in range(3):  # the one that came again has two proofs, and was listed between them
        if run == 1:
            world.reservations[first] = flickering
        else:
            world.delete_reservation(first)
        loader.pass_time(days=1)
        loader.load("--entities", "daily", "--reconcile")
        assert loader.column(gone) == ([] if run == 0 else sorted([old, ENDED]))
    assert links(loader)[relinked] == (None, None, "no_link_at_source")
    assert links(loader)[task_id] == (new, new, "linked")
    assert links(loader)[left_behind] == (old, None, "reservation_deleted")


# --- links ----------------------------------------------------------------------------------------------


def test_missing_stays_are_fetched_by_id_a_few_a_run_and_unknown_ones_remembered(
    quick_loader: Loader,
) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date(), max_link_lookups=2)
    world.reservations.clear()
    for task_id in list(world.tasks):
        world.edit_task(task_id, linked_reservation=None)
    old = [world.add_reservation(property_id=HOME, **LONG_AGO)["id"] for _ in range(2)]
    left_as_deleted = world.add_reservation(property_id=HOME, status="deleted", **LONG_AGO)["id"]
    unknown = [left_as_deleted, UNKNOWN]
    tasks = {linked_task(world, stay_id): stay_id for stay_id in (*old, *unknown)}
    asked: list[int] = []
    for run in range(2):
        sandbox.reset_log()
        warnings = loader.load().warnings
        asked += asked_by_id(sandbox, "/reservation/{id}")
        assert len(asked) == 2 * (run + 1)
        assert any("(max_link_lookups = 2): the others follow" in text for text in warnings) is (run == 0)
        statuses = [links(loader)[task][2] for task in tasks]
        assert statuses.count("reservation_not_loaded") == 2 - 2 * run and None not in statuses
        loader.pass_time(hours=1)
    assert sorted(asked) == sorted([*old, *unknown])
    for task_id, stay_id in tasks.items():
        known = (stay_id, "linked") if stay_id in old else (None, "reservation_not_found")
        assert links(loader)[task_id] == (stay_id, *known)
    loader.wipe()
    for days, again in ((28, []), (3, sorted(unknown))):
        loader.pass_time(days=days)
        world.edit_task(max(tasks), name="Edited")  # it is of a run's own tasks, and as unknown as before
        sandbox.reset_log()
        loader.load()
        assert sorted(asked_by_id(sandbox, "/reservation/{id}")) == again


def test_stays_that_were_refused_are_not_called_unknown_and_asked_for_again_once_one_of_them_is_answered(
    quick_loader: Loader,
) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date())
    old = [world.add_reservation(property_id=HOME, **LONG_AGO)["id"] for _ in range(3)]
    tasks = [linked_task(world, stay_id) for stay_id in old]
    sandbox.faults.refuse_endpoint("/reservation/{id}", 403)
    (report,) = loader.run().regions
    assert {(f["entity"], f["status"]) for f in report.failures} == {("reservations", 403)}
    assert report.exit_code == 1 and {links(loader)[task][2] for task in tasks} == {"reservation_not_loaded"}
    refused = len(asked_by_id(sandbox, "/reservation/{id}"))
    assert refused >= 3
    for hours, asks in ((1, 0), (24, 1), (1, 0)):
        loader.pass_time(hours=hours)
        sandbox.reset_log()
        loader.load()  # well: that they are refused has been told
        assert len(asked_by_id(sandbox, "/reservation/{id}")) == asks
    sandbox.faults.unrefuse_endpoint("/reservation/{id}")
    loader.pass_time(hours=25)
    sandbox.reset_log()
    loader.load()
    assert len(asked_by_id(sandbox, "/reservation/{id}")) == refused
    assert {links(loader)[task][2] for task in tasks} == {"linked"}


def test_not_found_for_every_stay_is_told_and_so_is_a_list_that_leaves_out_what_ids_give(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    assert isinstance(world, HidingWorld)
    old = world.add_reservation(property_id=HOME, **LONG_AGO | {"checkout_date": "2022-01-05"})["id"]
    days = {"checkin_date": "2026-01-02", "checkout_date": "2026-01-05"}
    *left_out, linked_by_none = (world.add_reservation(property_id=HOME, **days)["id"] for _ in range(4))
    for stay_id in (old, *left_out):
        linked_task(world, stay_id)
    for stay_id in (*left_out, linked_by_none):
        world.hide_reservation(stay_id)
    loader.sandbox.deviate("gone", "/reservation/{id}")
    (report,) = loader.run().regions
    assert report.exit_code == 1 and "is taken for deleted or unknown" in report.failures[0]["message"]
    assert not {old, *left_out} & {*stay_ids(loader)}
    loader.sandbox.behave()
    loader.pass_time(hours=1)
    (report,) = loader.run("--full").regions  # what was not believed is remembered of none
    assert report.exit_code == 1
    assert "3 stays that tasks link to are given by their ids" in report.failures[0]["message"]
    assert {old, *left_out} <= {*stay_ids(loader)} and linked_by_none not in stay_ids(loader)


def test_bounds_that_are_left_out_and_open_ended_blocks_are_no_filters_that_are_not_heeded(
    loaded: Loader,
) -> None:
    loader, world = loaded, loaded.sandbox.world
    upcoming = sorted(row["id"] for row in world.stays_by_checkout(world.today))
    world.edit_reservation(upcoming[0], touch=False, checkout_date="9999-12-31")
    loader.sandbox.deviate("filters_shifted", "/reservation")
    assert loader.load().requests["by_endpoint"]["/reservation"] > 3  # the control question among them
    loader.sandbox.behave()
    for stay_id in upcoming:
        world.edit_reservation(stay_id, touch=False, checkout_date="9999-12-31")
    loader.pass_time(hours=1)
    loader.load()
