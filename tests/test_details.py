"""Lines without a key of their own are never collapsed and never multiplied, and go when their parent loses them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import NOW
from loading import Loader

from breezeway_source.api import pace
from breezeway_source.sandbox import World
from breezeway_source.sandbox.stamps import naive

ANSWER = {
    "section_name": "Kitchen",
    "action": "Wipe counters",
    "response": "check",
    "type_requirement": "checklist",
}
SUPPLY = {
    "id": None,
    "supply_id": 440,
    "name": "Air filter",
    "quantity": 1,
    "unit_cost": 20.5,
    "total_price": 20.5,
}
COST = {"id": None, "cost": 12.5, "description": "Linen", "type_cost": {"id": 2, "code": "material"}}
GUEST: dict[str, Any] = {"first_name": "Ada", "last_name": "Sample", "emails": [], "phone_numbers": []}
OPTIONS = ("--entities", "reservations", "tasks", "task_details")


@pytest.fixture
def world() -> World:
    """One property with a task and a stay whose lines are all alike."""
    world = World.seeded("smoky", now=NOW, properties=1, tasks_per_property=0)
    world.add_task(home_id=2001, id=100, supplies=[SUPPLY] * 3, costs=[COST] * 2, photos=["a.jpg", "a.jpg"])
    world.set_requirements(100, [ANSWER] * 30)
    world.set_comments(100, [{"comment": "Lamp broken"}] * 2)
    world.add_reservation(property_id=2001, id=200, guests=[GUEST] * 2)
    return world


def lines(loader: Loader) -> dict[str, int]:
    """The number of lines of the task and the stay, by view."""
    counts = {
        view: loader.column(f"select count(*) from {view} where {parent} = {number}")[0]
        for view, parent, number in (
            ("task_requirements", "task_id", 100),
            ("task_comments", "task_id", 100),
            ("task_supplies", "task_id", 100),
            ("task_costs", "task_id", 100),
            ("task_photos", "task_id", 100),
            ("reservation_guests", "reservation_id", 200),
        )
    }
    # The views count what the tables hold: nothing is left over of earlier versions of the parents.
    for table, view in (
        ("tasks__supplies", "task_supplies"),
        ("task_details__requirements", "task_requirements"),
    ):
        assert loader.column(f"select count(*) from {table} where task_id = 100") == [counts[view]]
    return counts


def test_lines_without_ids_stay_as_many_as_they_are(loader: Loader) -> None:
    world = loader.sandbox.world
    wanted = {
        "task_requirements": 30,
        "task_comments": 2,
        "task_supplies": 3,
        "task_costs": 2,
        "task_photos": 2,
        "reservation_guests": 2,
    }
    loader.first_load(*OPTIONS)
    assert lines(loader) == wanted
    loader.wipe()  # another machine
    loader.pass_time(hours=1)
    world.edit_task(100, name="Version 2")
    world.edit_reservation(200, note="Version 2")
    assert loader.load(*OPTIONS).rows["task_details"] == 1
    assert lines(loader) == wanted
    assert loader.column("select position from task_requirements where task_id = 100 order by 1") == list(
        range(30)
    )
    assert loader.column("select position from reservation_guests where reservation_id = 200 order by 1") == [
        0,
        1,
    ]

    loader.pass_time(hours=1)
    world.set_supplies(100, [SUPPLY])
    world.set_costs(100, [])
    world.set_requirements(100, [ANSWER] * 12)
    world.edit_task(100, photos=None)
    world.edit_reservation(200, guests=[{**GUEST, "first_name": "Ben"}])
    loader.load(*OPTIONS)
    assert lines(loader) == {
        "task_requirements": 12,
        "task_comments": 2,
        "task_supplies": 1,
        "task_costs": 0,
        "task_photos": 0,
        "reservation_guests": 1,
    }
    assert loader.column("select first_name from reservation_guests where reservation_id = 200") == ["Ben"]


@pytest.mark.parametrize("loaded_before", [True, False], ids=["given before", "never given"])
def test_a_refused_list_is_no_news_of_what_was_loaded_before(
    quick_loader: Loader, loaded_before: bool
) -> None:
    loader, faults, world = quick_loader, quick_loader.sandbox.faults, quick_loader.sandbox.world
    if loaded_before:
        loader.first_load(*OPTIONS)
    faults.refuse_endpoint("/task/{id}/requirements", 403)
    loader.pass_time(hours=1)
    world.set_comments(100, [{"comment": "Fixed"}])
    loader.load(*OPTIONS)
    counts = lines(loader)
    # Where there were answers, none of it is written until they are given again; else comments come alone.
    assert (counts["task_comments"], counts["task_requirements"]) == ((2, 30) if loaded_before else (1, 0))
    faults.unrefuse_endpoint("/task/{id}/requirements")
    loader.pass_time(hours=1)
    loader.load(*OPTIONS)
    if loaded_before:
        counts = lines(loader)
        assert (counts["task_comments"], counts["task_requirements"]) == (1, 30)


def test_a_404_erases_no_lines_and_is_empty_where_there_are_none(quick_loader: Loader) -> None:
    loader, faults, world = quick_loader, quick_loader.sandbox.faults, quick_loader.sandbox.world
    loader.first_load(*OPTIONS, "property_details")
    before = lines(loader)
    world.add_task(home_id=2001, id=101, supplies=[], costs=[], photos=[])
    for name in ("comments", "requirements"):
        faults.refuse_endpoint(f"/task/{{id}}/{name}", 404)
    loader.pass_time(hours=1)
    world.edit_task(100, name="Version 2")
    loader.load(*OPTIONS)
    assert lines(loader) == before
    assert loader.column("select task_id from task_details order by 1") == [100, 101]
    for name in ("comments", "requirements"):
        faults.unrefuse_endpoint(f"/task/{{id}}/{name}")
    world.set_requirements(100, [ANSWER])
    loader.load(*OPTIONS)
    assert lines(loader)["task_requirements"] == 1


def all_read(loader: Loader) -> bool:
    return loader.column("select count(*) from task_details") == loader.column("select count(*) from tasks")


def test_a_first_load_reaches_all_details_over_runs_whatever_their_age(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(11):
        day = NOW.subtract(days=400 * number).to_datetime_string()
        world.add_task(home_id=2001, id=300 + number, created_at=day, updated_at=day, supplies=[], costs=[])
        world.comments[300 + number] = [{"id": number, "comment": f"comment {number}"}]
    loader.configure(details_per_run=5)
    left = []
    for _ in range(3):
        loader.pass_time(days=10)  # else the newest count as changed while they were read
        warnings = loader.load("--entities", "all").warnings
        left += [text.split(" ")[4] for text in warnings if text.startswith("comments and requirements of")]
    assert left == ["7", "2"] and all_read(loader)
    assert loader.column("select count(*) from task_comments where task_id >= 300") == [11]


def test_full_runs_reach_every_detail_the_longest_unread_first(quick_loader: Loader) -> None:
    """And every stay, also one that no window holds; how much is left of the earlier mode is told until it is over."""
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(11):
        world.add_task(home_id=2001, id=300 + number, supplies=[], costs=[])
        world.comments[300 + number] = [{"id": number, "comment": "by Ada"}]
    world.now = NOW.subtract(years=6)
    for number in range(3):  # long before start_date: loaded by id, for their links
        stay = world.add_reservation(
            property_id=2001,
            checkin_date="2020-01-01",
            checkout_date="2020-01-09",
            guests=[{"first_name": "Ada"}],
        )
        world.add_task(
            home_id=2001, id=400 + number, linked_reservation={"id": stay["id"]}, supplies=[], costs=[]
        )
    world.now = NOW
    report = loader.load("--entities", "all")
    assert not any("personal_data" in warning for warning in report.warnings)
    guests = "select count(*) from reservations__guests where first_name is not null"
    comments = "select count(*) from task_comments where comment is not null"
    details = len(world.tasks)
    assert loader.column(guests)[0] > 3
    loader.configure(details_per_run=8, personal_data="drop", max_link_lookups=2)
    left: dict[str, list[int]] = {"task_details": [], "reservations": []}
    while loader.column(comments) != [0] or loader.column(guests) != [0]:
        loader.pass_time(hours=1)
        warnings = loader.load("--entities", "all", "--full").warnings
        for entity, counts in left.items():
            told = [
                text for text in warnings if f"rows of {entity} are still as an earlier run read them" in text
            ]
            counts += [int(text.split(": ")[1].split(" ")[0]) for text in told]
        assert len(warnings) < 20 and loader.now < NOW.add(hours=30)
    assert left["reservations"] == [1]
    assert left["task_details"] == list(range(details - 8, 0, -8))
    assert loader.column("select count(*) from task_details where synced_at < %s", NOW.add(hours=1)) == [0]
    loader.pass_time(hours=1)
    loader.configure(personal_data="hash", personal_data_key="a secret key")
    warnings = loader.load().warnings
    assert any("personal_data is 'hash' since" in text and "rows of tasks" in text for text in warnings)
    loader.pass_time(hours=1)
    loader.configure(details_per_run=2000, max_link_lookups=200)
    assert not any("personal_data" in text for text in loader.load("--entities", "all", "--full").warnings)
    assert {one[:2] for one in loader.column("select first_name from reservations__guests")} == {"h:"}


@pytest.mark.parametrize("status", [422, 403])
def test_what_an_optional_list_refuses_costs_that_list_alone(quick_loader: Loader, status: int) -> None:
    loader, faults = quick_loader, quick_loader.sandbox.faults
    labels = ("/property/{id}/contacts", "/property/{id}/tags", "/task/{id}/comments")
    for label in labels:
        faults.refuse_endpoint(label, status)
    (report,) = loader.run(*OPTIONS, "property_details").regions
    assert (report.exit_code, report.failures) == (0, []), report.as_dict()
    assert lines(loader)["task_requirements"] == 30


@pytest.mark.parametrize(("status", "changes"), [(404, False), (410, True), (403, False)])
def test_a_list_that_comes_back_is_read_for_all_that_were_asked_meanwhile(
    quick_loader: Loader, status: int, changes: bool
) -> None:
    loader, world, faults = quick_loader, quick_loader.sandbox.world, quick_loader.sandbox.faults
    for number in range(4):
        world.add_task(home_id=2001, id=300 + number, supplies=[], costs=[])
        world.comments[300 + number] = [{"id": number, "comment": f"comment {number}"}]
    faults.refuse_endpoint("/task/{id}/comments", status)
    loader.load(*OPTIONS)
    assert loader.column("select count(*) from task_details__comments") == [0]
    for _ in range(2):
        loader.sandbox.reset_log()
        loader.pass_time(hours=1)
        loader.load(*OPTIONS)
    # Nothing is due: one task shows whether the list is given again.
    assert loader.sandbox.count("GET /task/{id}/comments") == 1
    faults.unrefuse_endpoint("/task/{id}/comments")
    if changes:
        world.add_task(home_id=2001, id=400, supplies=[], costs=[])
    loader.pass_time(hours=1)
    loader.load(*OPTIONS)
    assert loader.column("select count(*) from task_details__comments") == [6]
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.load(*OPTIONS)
    assert [r for r in loader.sandbox.logged() if r.endpoint == "/task/{id}/comments"] == []


def test_a_list_that_is_gone_is_told_where_its_lines_are_loaded(quick_loader: Loader) -> None:
    loader, world, faults = quick_loader, quick_loader.sandbox.world, quick_loader.sandbox.faults
    loader.load(*OPTIONS)
    faults.refuse_endpoint("/task/{id}/comments", 410)
    loader.pass_time(hours=1)
    world.edit_task(100, name="Edited")
    warnings = loader.load(*OPTIONS).warnings
    assert any("/task/{id}/comments answered nothing but 404 1 times" in text for text in warnings)


def test_lines_that_are_gone_everywhere_are_believed_by_the_second_run(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    options = (*OPTIONS, "property_details", "--full")
    for number in range(3):
        world.add_task(home_id=2001, id=300 + number, supplies=[], costs=[])
        world.comments[300 + number] = [{"id": number, "comment": f"comment {number}"}]
        world.add_property(id=5000 + number)
        world.set_contacts(5000 + number, [{"name": "Ada Sample"}])
    count = "select (select count(*) from task_details__comments), (select count(*) from property_details__contacts)"
    loader.load(*options)
    (before,) = loader.query(count)
    assert before[0] == 5 and before[1] >= 3
    loader.sandbox.deviate("cut", "/task/{id}/comments", "/property/{id}/contacts", to=0)
    loader.pass_time(days=1)
    (report,) = loader.run(*options).regions
    messages = [failure["message"] for failure in report.failures]
    assert len(messages) == 2 and report.exit_code == 1
    assert any("/task/{id}/comments came back empty for all 4 parents" in text for text in messages)
    assert any("/property/{id}/contacts came back empty for all" in text for text in messages)
    assert loader.query(count) == [before]
    loader.pass_time(hours=1)
    world.add_task(home_id=2001, id=400, supplies=[], costs=[])
    loader.load(*OPTIONS)  # says nothing of it: the new one never had a comment
    loader.pass_time(days=1)
    (report,) = loader.run(*options).regions
    assert report.exit_code == 0 and loader.query(count) == [(0, 0)]


def test_what_one_path_answers_does_not_keep_the_broken_one_from_being_left_out(
    quick_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts have a second path: its answers say nothing of the first one's faults, each of which takes minutes."""
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.0001)
    monkeypatch.setattr(pace, "LONGEST_DELAY_S", 0.001)
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(40):
        world.add_property(id=5000 + number, reference_property_id=f"ref-{number}")
        world.set_contacts(5000 + number, [{"name": "Ada Sample"}])
    loader.sandbox.faults.refuse_endpoint("/property/{id}/contacts", 500)
    (report,) = loader.run("--entities", "property_details").regions
    assert (
        report.exit_code == 1 and "/property/{id}/contacts could not be read" in report.failures[0]["message"]
    )
    paths = [r.path for r in loader.sandbox.logged() if r.endpoint == "/property/{id}/contacts"]
    assert len(set(paths)) <= 20  # those under way when two had failed, and not all
    (loaded,) = loader.column("select count(*) from property_details__contacts")
    assert loaded >= 40


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_only_some_parents_are_given_is_told(quick_loader: Loader, status: int) -> None:
    """Also of parents that have no such lines loaded: they would be taken for parents without any."""
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(4):
        home = world.add_property(id=5000 + number, reference_property_id=None)["id"]
        world.add_task(home_id=home, id=300 + number)
        world.set_comments(300 + number, [{"id": number, "comment": "Seen"}])
        world.set_contacts(home, [{"name": "Ada Sample"}])
    refused = {"/task/{id}/comments": "/task/301", "/property/{id}/contacts": "/property/5001"}
    for label, place in refused.items():
        loader.sandbox.deviate("refused", place + "/" + label.rpartition("/")[2], status=status)
    (report,) = loader.run(*OPTIONS, "property_details").regions
    assert (report.exit_code, report.failures) == (0, [])
    for label in refused:
        told = f"{label} was refused or not found for 1 parents, and given for others"
        assert any(told in text for text in report.warnings), report.warnings
    assert set(loader.column("select task_id from task_comments")) == {100, 300, 302, 303}


def test_answers_without_ids_that_come_in_pages_are_told_and_nothing_is_erased(quick_loader: Loader) -> None:
    """Requirements have no id: on several pages they cannot be told apart, and none of them is none at all."""
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load(*OPTIONS)
    before = lines(loader)
    world.edit_task(100, name="Edited")
    world.add_task(home_id=2001, id=101)
    world.set_requirements(101, [ANSWER] * 30)
    loader.pass_time(hours=1)
    loader.sandbox.deviate("in_pages", "/task/{id}/requirements", rows=20)
    (report,) = loader.run(*OPTIONS).regions
    assert lines(loader) == before and loader.column("select count(*) from task_requirements") == [30]
    assert "/task/{id}/requirements could not be read" in report.failures[0]["message"]
    loader.sandbox.behave()
    loader.pass_time(hours=1)
    loader.load(*OPTIONS)
    assert loader.column("select count(*) from task_requirements") == [60]


def test_entries_that_are_no_records_are_told(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.sandbox.world.set_contacts(2001, [{"name": "Ben Sample"}])
    loader.sandbox.deviate("shaped", "/property/{id}/contacts", form="mixed")
    (report,) = loader.run("--entities", "properties", "property_details").regions
    assert "/property/{id}/contacts holds entries that are no records" in report.failures[0]["message"]
    assert loader.column("select name from property_contacts") == ["Ben Sample"]


@pytest.mark.parametrize("rows", [20, 7])
def test_a_part_of_a_list_that_says_nothing_of_itself_is_read_on(quick_loader: Loader, rows: int) -> None:
    """`{"results": [...]}` and no more: as long as pages are where no limit is asked for, page 2 is asked for."""
    loader, world = quick_loader, quick_loader.sandbox.world
    world.set_comments(100, [{"id": number + 1, "comment": f"comment {number}"} for number in range(41)])
    loader.sandbox.deviate("in_pages", "/task/{id}/comments", rows=rows, says=False)
    loader.load(*OPTIONS)
    asked = loader.sandbox.count("GET /task/{id}/comments")
    assert (len(set(loader.column("select comment_id from task_comments"))), asked) == (
        (41, 3) if rows == 20 else (7, 1)
    )


@pytest.mark.parametrize("touch", [False, True])
def test_comments_that_do_not_move_their_task_are_told(quick_loader: Loader, touch: bool) -> None:
    """Such ones are missed on tasks whose details are loaded: those that are read show it."""
    loader, world = quick_loader, quick_loader.sandbox.world
    day = NOW.subtract(days=3)
    for number in range(3):
        world.now = day
        world.add_task(home_id=2001, id=300 + number)
        world.now = day.add(days=2)
        comment = {"id": number, "comment": "Seen", "created_at": naive(world.now)}
        world.set_comments(300 + number, [comment], touch=touch)
    world.now = NOW
    told = [text for text in loader.load(*OPTIONS).warnings if "a comment alone does not move it" in text]
    assert [text.split(" ")[0] for text in told] == ([] if touch else ["3"])
