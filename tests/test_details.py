"""Lines without a key of their own are never collapsed and never multiplied, and go when their parent loses them."""

from __future__ import annotations

from typing import Any

import pytest
from loading import Loader
from small_worlds import NOW, small_world

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
    world = small_world(properties=1, tasks=0, stays_days=7)
    add_alike(world, 100, 200)
    return world


def add_alike(world: World, task_id: int, stay_id: int) -> None:
    photos = ["a.jpg", "a.jpg"]
    world.add_task(home_id=2001, id=task_id, supplies=[SUPPLY] * 3, costs=[COST] * 2, photos=photos)
    world.set_requirements(task_id, [ANSWER] * 30)
    world.set_comments(task_id, [{"comment": "Lamp broken"}] * 2)
    world.add_reservation(property_id=2001, id=stay_id, guests=[GUEST] * 2)


def lines(loader: Loader, task_id: int = 100, stay_id: int = 200) -> dict[str, int]:
    """The number of lines of the task and the stay, by view."""
    counts = {
        view: loader.column(f"select count(*) from {view} where {parent} = {number}")[0]
        for view, parent, number in (
            ("task_requirements", "task_id", task_id),
            ("task_comments", "task_id", task_id),
            ("task_supplies", "task_id", task_id),
            ("task_costs", "task_id", task_id),
            ("task_photos", "task_id", task_id),
            ("reservation_guests", "reservation_id", stay_id),
        )
    }
    # The views count what the tables hold: nothing is left over of earlier versions of the parents.
    for table, view in (
        ("tasks__supplies", "task_supplies"),
        ("task_details__requirements", "task_requirements"),
    ):
        assert loader.column(f"select count(*) from {table} where task_id = {task_id}") == [counts[view]]
    return counts


def test_lines_without_ids_stay_as_many_as_they_are(loader: Loader) -> None:
    """Also when task and stay are loaded again, and no more than are left where some went."""
    world = loader.sandbox.world
    add_alike(world, 101, 201)
    loader.configure(marts=False)
    wanted = {
        "task_requirements": 30,
        "task_comments": 2,
        "task_supplies": 3,
        "task_costs": 2,
        "task_photos": 2,
        "reservation_guests": 2,
    }
    loader.first_load(*OPTIONS)  # on another machine
    assert lines(loader) == lines(loader, 101, 201) == wanted
    loader.pass_time(hours=1)
    world.edit_task(100, name="Version 2")
    world.edit_reservation(200, note="Version 2")
    world.set_supplies(101, [SUPPLY])
    world.set_costs(101, [])
    world.set_requirements(101, [ANSWER] * 12)
    world.edit_task(101, photos=None)
    world.edit_reservation(201, guests=[{**GUEST, "first_name": "Ben"}])
    assert loader.load(*OPTIONS).rows["task_details"] == 2
    assert lines(loader) == wanted
    assert loader.column("select position from task_requirements where task_id = 100 order by 1") == list(
        range(30)
    )
    assert loader.column("select position from reservation_guests where reservation_id = 200 order by 1") == [
        0,
        1,
    ]
    assert lines(loader, 101, 201) == {
        "task_requirements": 12,
        "task_comments": 2,
        "task_supplies": 1,
        "task_costs": 0,
        "task_photos": 0,
        "reservation_guests": 1,
    }
    assert loader.column("select first_name from reservation_guests where reservation_id = 201") == ["Ben"]


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
    if loaded_before:
        faults.unrefuse_endpoint("/task/{id}/requirements")
        loader.pass_time(hours=1)
        loader.load(*OPTIONS)
        counts = lines(loader)
        assert (counts["task_comments"], counts["task_requirements"]) == (1, 30)


def test_a_list_that_is_gone_erases_no_lines_is_told_and_is_empty_where_there_are_none(
    quick_loader: Loader,
) -> None:
    loader, faults, world = quick_loader, quick_loader.sandbox.faults, quick_loader.sandbox.world
    loader.first_load(*OPTIONS)
    before = lines(loader)
    world.add_task(home_id=2001, id=101, supplies=[], costs=[], photos=[])
    for name, status in (("comments", 410), ("requirements", 404)):
        faults.refuse_endpoint(f"/task/{{id}}/{name}", status)
    loader.pass_time(hours=1)
    world.edit_task(100, name="Version 2")
    warnings = loader.load(*OPTIONS).warnings
    for name in ("comments", "requirements"):
        told = f"/task/{{id}}/{name} answered nothing but 404 2 times"
        assert any(told in text for text in warnings), warnings
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
        warnings = loader.load(*OPTIONS).warnings
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
    report = loader.load(*OPTIONS)
    assert not any("personal_data" in warning for warning in report.warnings)
    guests = "select count(*) from reservations__guests where first_name is not null"
    comments = "select count(*) from task_comments where comment is not null"
    details = len(world.tasks)
    assert loader.column(guests)[0] > 3
    loader.configure(details_per_run=8, personal_data="drop", max_link_lookups=2)
    left: dict[str, list[int]] = {"task_details": [], "reservations": []}
    while loader.column(comments) != [0] or loader.column(guests) != [0]:
        loader.pass_time(hours=1)
        warnings = loader.load(*OPTIONS, "--full").warnings
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
    assert not any("personal_data" in text for text in loader.load(*OPTIONS, "--full").warnings)
    assert {one[:2] for one in loader.column("select first_name from reservations__guests")} == {"h:"}


def test_what_an_optional_list_refuses_costs_that_list_alone(quick_loader: Loader) -> None:
    loader, faults = quick_loader, quick_loader.sandbox.faults
    refused = {"/property/{id}/contacts": 422, "/property/{id}/tags": 403, "/task/{id}/comments": 422}
    for label, status in refused.items():
        faults.refuse_endpoint(label, status)
    (report,) = loader.run(*OPTIONS, "property_details").regions
    assert (report.exit_code, report.failures) == (0, []), report.as_dict()
    assert lines(loader)["task_requirements"] == 30


@pytest.mark.parametrize("changes", [False, True])
def test_a_list_that_comes_back_is_read_for_all_that_were_asked_meanwhile(
    quick_loader: Loader, changes: bool
) -> None:
    loader, world, faults = quick_loader, quick_loader.sandbox.world, quick_loader.sandbox.faults
    for number in range(4):
        world.add_task(home_id=2001, id=300 + number, supplies=[], costs=[])
        world.comments[300 + number] = [{"id": number, "comment": f"comment {number}"}]
    faults.refuse_endpoint("/task/{id}/comments", 410 if changes else 403)
    loader.pass_time(hours=1)  # else they count as changed while they were read
    loader.load(*OPTIONS)
    assert loader.column("select count(*) from task_details__comments") == [0]
    if not changes:
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
    if changes:
        loader.sandbox.reset_log()
        loader.pass_time(hours=1)
        loader.load(*OPTIONS)
        assert [r for r in loader.sandbox.logged() if r.endpoint == "/task/{id}/comments"] == []


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


def test_a_list_that_only_some_parents_are_given_is_told(quick_loader: Loader) -> None:
    """Also of parents that have no such lines loaded: they would be taken for parents without any."""
    loader, world = quick_loader, quick_loader.sandbox.world
    for number in range(4):
        home = world.add_property(id=5000 + number, reference_property_id=None)["id"]
        world.add_task(home_id=home, id=300 + number)
        world.set_comments(300 + number, [{"id": number, "comment": "Seen"}])
        world.set_contacts(home, [{"name": "Ada Sample"}])
    refused = {"/task/{id}/comments": "/task/301", "/property/{id}/contacts": "/property/5001"}
    for (label, place), status in zip(refused.items(), (403, 404), strict=True):
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


def test_a_part_of_a_list_that_says_nothing_of_itself_is_read_on(quick_loader: Loader) -> None:
    """`{"results": [...]}` and no more: as long as pages are where no limit is asked for, page 2 is asked for."""
    loader, world = quick_loader, quick_loader.sandbox.world
    world.add_task(home_id=2001, id=101)
    for task_id, rows in ((100, 20), (101, 7)):
        world.set_comments(
            task_id, [{"id": number + 1, "comment": f"comment {number}"} for number in range(41)]
        )
        loader.sandbox.deviate("in_pages", f"/task/{task_id}/comments", rows=rows, says=False)
    loader.load(*OPTIONS)
    for task_id, wanted in ((100, (41, 3)), (101, (7, 1))):
        ids = set(loader.column("select comment_id from task_comments where task_id = %s", task_id))
        asked = [r for r in loader.sandbox.logged() if r.path == f"/task/{task_id}/comments"]
        assert (len(ids), len(asked)) == wanted


def test_comments_that_do_not_move_their_task_are_told(quick_loader: Loader) -> None:
    """Such ones are missed on tasks whose details are loaded: those that are read show it."""
    loader, world = quick_loader, quick_loader.sandbox.world
    day = NOW.subtract(days=3)
    for number in range(6):
        world.now = day
        world.add_task(home_id=2001, id=300 + number)
        world.now = day.add(days=2)
        comment = {"id": number, "comment": "Seen", "created_at": naive(world.now)}
        world.set_comments(300 + number, [comment], touch=number < 3)
    world.now = NOW
    told = [text for text in loader.load(*OPTIONS).warnings if "a comment alone does not move it" in text]
    assert [text.split(" ")[0] for text in told] == ["3"]
