"""Stays without timestamps, and the links of tasks followed to them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pendulum
import pytest
from loading import Loader
from small_worlds import NOW, HidingWorld, ago, asked_by_id, small_world

from breezeway_source.entities.reservations import CheckoutWindow
from breezeway_source.sandbox import World

HOME = 2001
UNKNOWN = 99_500_000


@pytest.fixture
def world() -> World:
    return small_world(kind=HidingWorld)


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


def ended_stay(world: World) -> int:
    """A stay that ended long before the first run, and is loaded by its window."""
    row = world.add_reservation(property_id=HOME, checkin_date="2024-05-01", checkout_date="2024-05-08")
    return int(row["id"])


# --- stays ----------------------------------------------------------------------------------------------


def test_a_stay_that_ended_long_ago_still_updates(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    ended = ended_stay(world)
    loader.first_load()
    loader.pass_time(hours=1)
    world.edit_reservation(ended, note="Found: one umbrella")
    loader.load()
    assert stay(loader, ended, "note") == "Found: one umbrella"


def test_hourly_stays_are_asked_for_by_update_from_three_days_before_the_last_run(
    quick_loader: Loader,
) -> None:
    loader = quick_loader
    loader.first_load()
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load()
    *asked, control = [r.query for r in loader.sandbox.logged() if r.endpoint == "/reservation"]
    assert {query["updated_at_ge"] for query in asked} == {"2026-03-07"}
    assert len({request["page"] for request in asked}) == 1 and len(asked) == 3
    # The upcoming stays came: one day of theirs tells whether that was for want of a match.
    first, last = (date.fromisoformat(control[f"checkout_date_{side}"]) for side in ("ge", "le"))
    assert (last - first).days == 2 and last.isoformat() > loader.sandbox.world.today
    assert "updated_at_ge" not in control
    loader.sandbox.no_match = "empty"
    loader.sandbox.reset_log()
    loader.load()
    assert loader.sandbox.count("GET /reservation") == 3


def test_stays_that_could_not_be_read_keep_their_start(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    ended = next(iter(world.reservations))
    loader.pass_time(hours=1)
    world.edit_reservation(ended, note="edited while stays were refused")
    loader.sandbox.faults.refuse_endpoint("/reservation", 403)
    (report,) = loader.run().regions
    assert report.exit_code == 1 and {failure["entity"] for failure in report.failures} == {"reservations"}
    loader.sandbox.faults.unrefuse_endpoint("/reservation")
    loader.wipe()
    loader.pass_time(days=9)
    loader.load()
    assert stay(loader, ended, "note") == "edited while stays were refused"


def test_a_window_holds_its_two_days_and_nothing_beyond_them_though_it_asks_for_more() -> None:
    window = CheckoutWindow(pendulum.date(2026, 3, 1), pendulum.date(2026, 3, 31))
    held = {
        day: window.has(date.fromisoformat(day))
        for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")
    }
    assert [*held.values()] == [False, True, True, False]
    assert window.asked.params() == {"checkout_date_ge": "2026-02-28", "checkout_date_le": "2026-04-01"}
    assert window.holds({"checkout_date": "soon"}) is None


@pytest.mark.parametrize(
    ("no_match", "past_end"), [("upcoming", "upcoming"), ("upcoming", "empty"), ("empty", "upcoming")]
)
def test_an_answer_of_upcoming_stays_instead_of_none_adds_nothing_wrong(
    quick_loader: Loader, no_match: str, past_end: str
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.sandbox.no_match, loader.sandbox.past_end = no_match, past_end
    loader.configure(start_date=NOW.date().subtract(days=30))
    loader.first_load()
    within = {s["id"] for s in world.reservations.values() if s["checkout_date"] >= day(-30)}
    linked = {(t.get("linked_reservation") or {}).get("id") for t in world.tasks.values()}
    expected = sorted(within | (linked & set(world.reservations)))
    assert stay_ids(loader) == expected
    rows = loader.query("select reservation_id, property_id, checkout_date, deleted_at from reservations")
    loader.pass_time(hours=1)
    loader.load("--reconcile")
    loader.pass_time(hours=1)
    loader.load("--reconcile")
    again = loader.query("select reservation_id, property_id, checkout_date, deleted_at from reservations")
    assert sorted(again) == sorted(rows)


@pytest.mark.parametrize("days", [0, 1])
def test_filters_that_are_not_heeded_are_told_and_what_changed_meanwhile_comes_later(
    quick_loader: Loader, days: int
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    loader.pass_time(days=days, hours=1)
    ended = ended_stay(world)
    world.edit_reservation(ended, note="seen late")
    loader.sandbox.deviate("upcoming_instead", "/reservation")
    (report,) = loader.run().regions
    assert [failure["entity"] for failure in report.failures] == ["reservations"]
    assert "so was one day of theirs: the filters are not heeded" in report.failures[0]["message"]
    loader.sandbox.behave()
    loader.pass_time(days=loader.settings.lookback_days + 2)
    loader.load()
    assert stay(loader, ended, "note") == "seen late"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_filter_that_keeps_the_default_window_loses_no_ended_stay(
    quick_loader: Loader, keeps: bool
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.sandbox.updated_keeps_default_window = keeps
    ended = ended_stay(world)
    loader.first_load()
    loader.pass_time(hours=1)
    world.edit_reservation(ended, note="after the fact")
    loader.load()
    assert stay(loader, ended, "note") == "after the fact"


def test_a_daily_run_reads_stays_whose_edit_left_no_trace(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    ended = ended_stay(world)
    loader.first_load()
    loader.pass_time(days=5)
    loader.load()
    loader.pass_time(days=1)
    world.edit_reservation(ended, touch=False, note="silent")
    loader.load()
    assert stay(loader, ended, "note") is None
    loader.load("--entities", "daily")
    assert stay(loader, ended, "note") == "silent"


@pytest.mark.parametrize("options", [("--entities", "daily"), ("--full",)], ids=["daily", "full"])
def test_a_run_of_all_stays_does_not_pass_over_an_edit_before_the_first_day(
    quick_loader: Loader, options: tuple[str, ...]
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date())
    long_ago = {
        "checkin_date": "2024-01-02",
        "checkout_date": "2024-01-05",
        "_updated_at": NOW.subtract(years=2),
    }
    old = world.add_reservation(property_id=HOME, **long_ago)["id"]
    world.add_task(home_id=HOME, linked_reservation={"id": old, "external_reservation_id": None})
    loader.first_load()
    loader.pass_time(hours=1)
    world.edit_reservation(old, note="after years")
    loader.load(*options)
    reading = "select reading from sync_runs where entity = 'reservations' order by started_at desc limit 1"
    assert loader.column(reading) == ["whole"]  # one narrow window beside all the others
    loader.pass_time(days=9)
    loader.load()
    assert stay(loader, old, "note") == "after years"


def test_a_moved_stay_ends_with_the_old_one_deleted_and_its_task_on_the_new_one(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    old = world.add_reservation(property_id=HOME)["id"]
    link = {"id": old, "external_reservation_id": None}
    task_id = world.add_task(home_id=HOME, linked_reservation=link)["id"]
    left_behind = world.add_task(home_id=2002, linked_reservation=link)["id"]
    loader.first_load()
    assert links(loader)[task_id] == (old, old, "linked")
    loader.pass_time(hours=1)
    new = world.move_reservation(old, 2002)["id"]
    world.edit_task(left_behind, linked_reservation=link)  # still names the old stay
    loader.load()
    assert links(loader)[task_id] == (new, new, "linked")
    for _ in range(2):
        assert stay(loader, old, "deleted_at") is None
        loader.pass_time(days=1)
        loader.load("--entities", "daily", "--reconcile")
    assert stay(loader, old, "deleted_at") is not None and stay(loader, new, "deleted_at") is None
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
    long_ago = {
        "checkin_date": "2024-01-02",
        "checkout_date": "2024-01-05",
        "_updated_at": NOW.subtract(years=2),
    }
    old = [world.add_reservation(property_id=HOME, **long_ago)["id"] for _ in range(3)]
    wanted = [*old, UNKNOWN, UNKNOWN + 1]
    tasks = {
        world.add_task(home_id=HOME, linked_reservation={"id": link, "external_reservation_id": None})[
            "id"
        ]: link
        for link in wanted
    }
    asked: list[int] = []
    for run in range(4):
        sandbox.reset_log()
        warnings = loader.load().warnings
        now_asked = asked_by_id(sandbox, "/reservation/{id}")
        assert len(now_asked) == (2, 2, 1, 0)[run]
        assert any("(max_link_lookups = 2): the others follow" in text for text in warnings) is (run < 2)
        asked += now_asked
        assert all(status is not None for _, _, status in links(loader).values())
        if run == 0:
            assert sum(links(loader)[t][2] == "reservation_not_loaded" for t in tasks) == 3
        loader.pass_time(hours=1)
    assert sorted(asked) == sorted(wanted)
    for task_id, link in tasks.items():
        known = link in old
        assert links(loader)[task_id] == (
            link,
            link if known else None,
            "linked" if known else "reservation_not_found",
        )
    loader.wipe()
    loader.pass_time(days=28)
    sandbox.reset_log()
    loader.load()
    assert asked_by_id(sandbox, "/reservation/{id}") == []
    loader.pass_time(days=3)
    loader.load()
    assert sorted(asked_by_id(sandbox, "/reservation/{id}")) == [UNKNOWN, UNKNOWN + 1]


def test_a_refused_stay_is_not_called_unknown_and_not_asked_for_every_hour(quick_loader: Loader) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    loader.first_load()
    link = {"id": UNKNOWN, "external_reservation_id": None}
    task_id = world.add_task(home_id=HOME, linked_reservation=link)["id"]
    sandbox.faults.next("403", path=f"/reservation/{UNKNOWN}")
    (report,) = loader.run().regions
    assert [(f["entity"], f["status"]) for f in report.failures] == [("reservations", 403)]
    assert links(loader)[task_id] == (UNKNOWN, None, "reservation_not_loaded")
    loader.pass_time(hours=1)
    sandbox.reset_log()
    loader.load()
    assert asked_by_id(sandbox, "/reservation/{id}") == []


def test_stays_that_were_refused_are_asked_for_again_once_one_of_them_is_answered(
    quick_loader: Loader,
) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date())
    days = {"checkin_date": "2024-01-02", "checkout_date": "2024-01-05", "_updated_at": NOW.subtract(years=2)}
    old = [world.add_reservation(property_id=HOME, **days)["id"] for _ in range(3)]
    tasks = [world.add_task(home_id=HOME, linked_reservation={"id": stay})["id"] for stay in old]
    sandbox.faults.refuse_endpoint("/reservation/{id}", 403)
    assert loader.run().exit_code == 1
    refused = len(asked_by_id(sandbox, "/reservation/{id}"))
    assert refused >= 3
    for hours, asks in ((1, 0), (24, 1), (1, 0), (24, 1)):
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


def test_a_list_that_leaves_stays_out_which_their_ids_give_is_told(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    days = {"checkin_date": "2026-01-02", "checkout_date": "2026-01-05"}
    left_out = [world.add_reservation(property_id=HOME, **days)["id"] for _ in range(4)]
    for stay in left_out[:3]:
        world.add_task(home_id=HOME, linked_reservation={"id": stay})
    assert isinstance(world, HidingWorld)
    for stay in left_out:
        world.hide_reservation(stay)
    (report,) = loader.run("--entities", "all").regions
    assert report.exit_code == 1
    assert "3 stays that tasks link to are given by their ids" in report.failures[0]["message"]
    loaded = loader.column("select reservation_id from reservations")
    assert {*left_out[:3]} <= {*loaded} and left_out[3] not in loaded


def test_not_found_for_every_stay_is_told_and_remembered_of_none(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    days = {"checkin_date": "2022-01-02", "checkout_date": "2022-01-05", "_updated_at": NOW.subtract(years=4)}
    old = world.add_reservation(property_id=HOME, **days)["id"]
    world.add_task(home_id=HOME, linked_reservation={"id": old, "external_reservation_id": None})
    loader.sandbox.deviate("gone", "/reservation/{id}")
    (report,) = loader.run().regions
    assert report.exit_code == 1 and "is taken for deleted or unknown" in report.failures[0]["message"]
    loader.sandbox.behave()
    loader.pass_time(hours=1)
    loader.load()
    assert old in stay_ids(loader)


def test_a_stay_whose_day_could_not_be_read_goes_when_it_is_gone(quick_loader: Loader) -> None:
    """It is in no window: asked for by its id once no list shows it."""
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.sandbox.deviate("dates", "/reservation", form="garbage")
    loader.load()
    loader.sandbox.behave()
    gone = world.stays_by_checkout(world.today)[0]["id"]
    assert stay(loader, gone, "checkout_date") is None
    world.delete_reservation(gone)
    for _ in range(2):
        loader.pass_time(days=1)
        loader.load("--reconcile")
    assert loader.column("select reservation_id from reservations where deleted_at is not null") == [gone]
    assert None not in loader.column("select checkout_date from reservations where deleted_at is null")


def test_a_stay_that_is_only_left_as_deleted_is_not_loaded_for_a_link(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.configure(start_date=NOW.date())
    deleted = world.add_reservation(
        property_id=HOME, status="deleted", checkin_date="2024-01-02", checkout_date="2024-01-05"
    )["id"]
    link = {"id": deleted, "external_reservation_id": None}
    task_id = world.add_task(home_id=HOME, linked_reservation=link)["id"]
    loader.first_load()
    assert links(loader)[task_id] == (deleted, None, "reservation_not_found")


def test_links_follow_later_arrivals_moves_and_removals(loader: Loader) -> None:
    world = loader.sandbox.world
    first = world.add_reservation(property_id=HOME)["id"]
    second = world.add_reservation(property_id=HOME)["id"]
    late = {"id": 99_600_000, "external_reservation_id": "R-LATE"}
    moves = world.add_task(home_id=HOME, linked_reservation={"id": first, "external_reservation_id": None})[
        "id"
    ]
    # Changed long ago: no later run has a reason to write it again, which would link it anew.
    old = {"created_at": "2026-02-01T08:00:00", "updated_at": ago(days=20)}
    waits = world.add_task(home_id=HOME, linked_reservation=late, **old)["id"]
    loader.first_load()
    assert links(loader)[moves] == (first, first, "linked")
    assert links(loader)[waits] == (late["id"], None, "reservation_not_found")
    loader.pass_time(hours=1)
    world.add_reservation(property_id=HOME, id=late["id"])  # it arrives after its task
    world.edit_task(moves, linked_reservation={"id": second, "external_reservation_id": None})
    loader.load()
    assert links(loader)[moves] == (second, second, "linked")
    assert links(loader)[waits] == (late["id"], late["id"], "linked")
    loader.pass_time(hours=1)
    world.edit_task(moves, linked_reservation=None)
    loader.load()
    assert links(loader)[moves] == (None, None, "no_link_at_source")


def test_a_stay_read_again_without_a_change_is_not_written(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    first = loader.load("--entities", "reservations").rows["reservations"]
    written = "select synced_at from reservations where reservation_id = %s"
    stay = next(row["id"] for row in world.stays_by_checkout("2026-03-11"))
    (at,) = loader.column(written, stay)
    loader.pass_time(hours=1)
    world.edit_reservation(stay, guests=[])  # a change of a list is one
    assert loader.load("--entities", "daily").rows["reservations"] == 1
    assert loader.column(written, stay) != [at]
    loader.pass_time(hours=1)
    assert loader.load("--entities", "daily").rows["reservations"] == 0
    assert loader.load("--entities", "reservations", "--full").rows["reservations"] >= first - 1


def test_a_stay_that_was_found_gone_once_is_written_when_a_list_shows_it(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load("--entities", "all")
    stay = next(row["id"] for row in world.stays_by_checkout("2026-03-11"))
    row = world.reservations[stay]
    for shown in (False, True, False):
        loader.pass_time(days=1)
        if shown:
            world.reservations[stay] = row
        else:
            world.delete_reservation(stay)
        loader.load("--entities", "daily", "--reconcile")
    assert loader.column("select deleted_at from reservations where reservation_id = %s", stay) == [None]


def test_bounds_that_are_left_out_and_open_ended_blocks_are_no_filters_that_are_not_heeded(
    quick_loader: Loader,
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    for row in sorted(world.reservations.values(), key=lambda stay: stay["id"]):
        if row["checkout_date"] >= world.today:
            world.edit_reservation(row["id"], touch=False, checkout_date="9999-12-31")
            break
    loader.sandbox.deviate("filters_shifted", "/reservation")
    loader.load()
    loader.pass_time(hours=1)
    assert loader.load().requests["by_endpoint"]["/reservation"] > 3  # the control question among them
    loader.sandbox.behave()
    for row in world.reservations.values():
        if row["checkout_date"] >= world.today:
            world.edit_reservation(row["id"], touch=False, checkout_date="9999-12-31")
    loader.pass_time(hours=1)
    loader.load()


@pytest.mark.parametrize(("touch", "no_match"), [(True, "empty"), (False, "empty"), (False, "upcoming")])
def test_edits_of_stays_that_no_filter_shows_are_told_by_the_daily_run(
    quick_loader: Loader, touch: bool, no_match: str
) -> None:
    """Hourly runs ask for what was updated; where that is never shown, they would bring nothing, for ever."""
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load("--entities", "hourly")
    loader.sandbox.no_match = no_match  # type: ignore[assignment]
    loader.pass_time(days=5)
    ended = [stay["id"] for stay in world.stays_by_checkout("2025-12-01", "2026-03-01")][:3]
    for stay_id in ended:
        world.edit_reservation(stay_id, touch=touch, note="Edited")
    told = [text for text in loader.load("--entities", "daily").warnings if "filter of updated_at" in text]
    assert loader.column("select count(*) from reservations where note = 'Edited'") == [3]
    assert [text.split(" ")[0] for text in told] == ([] if touch else ["3"])
