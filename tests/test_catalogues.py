"""Catalogues are snapshots: what a whole read no longer holds is marked, in its own region only, and revived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import NOW
from loading import Loader

from breezeway_source.sandbox import Sandbox, World

KEYS = {
    "people": "person_id",
    "supplies": "supply_id",
    "tags": "tag_kind || ' ' || tag_id",
    "templates": "template_id",
    "subdepartments": "subdepartment_id",
    "properties": "property_id",
}
CATALOGUES = tuple(KEYS)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Two small regions, whose ids are the same."""
    worlds = {
        name: World.seeded(name, now=NOW, properties=3, tasks_per_property=3) for name in ("smoky", "austin")
    }
    with Sandbox.multi(worlds, token_limit=False) as running:
        yield running


def deleted(loader: Loader, region: str = "smoky") -> dict[str, set[Any]]:
    """The marked ids of each catalogue; tags as (kind, id)."""
    found = {
        name: set(
            loader.column(
                f"select {key} from {name} where region_code = %s and deleted_at is not null", region
            )
        )
        for name, key in KEYS.items()
    }
    return {name: ids for name, ids in found.items() if ids}


def test_what_a_catalogue_no_longer_holds_is_marked_in_its_region_alone(quick_loader: Loader) -> None:
    loader = quick_loader
    world = loader.sandbox.worlds["smoky"]
    assert loader.run("--entities", *CATALOGUES, regions=("smoky", "austin")).exit_code == 0
    assert deleted(loader) == deleted(loader, "austin") == {}
    people = dict(loader.query("select status, count(*) from people where region_code = 'smoky' group by 1"))
    assert people == {"active": 10, "invited": 2, "inactive": 2}

    person = world.people[655]
    for kind, row_id in {
        "people": 655,
        "supplies": 441,
        "task_tags": 7,
        "templates": 3301,
        "subdepartments": 51,
    }.items():
        world.delete(kind, row_id)
    world.delete_property(2003)
    loader.pass_time(days=1)
    loader.load("--entities", *CATALOGUES)
    gone = {
        "people": {655},
        "supplies": {441},
        "tags": {"task 7"},  # the reservation tag 7 lives
        "templates": {3301},
        "subdepartments": {51},
        "properties": {2003},
    }
    assert deleted(loader) == gone
    assert loader.column("select distinct deleted_at from people where deleted_at is not null") == [
        loader.now
    ]
    assert deleted(loader, "austin") == {}

    world.people[655] = person
    for tag in list(world.property_tags):
        world.delete("property_tags", tag)
    for supply in list(world.supplies):
        world.delete("supplies", supply)
    loader.pass_time(days=1)
    loader.load("--entities", *CATALOGUES)
    tags = {"task 7", *(f"property {tag}" for tag in (12, 13, 14))}
    del gone["people"]
    assert deleted(loader) == {**gone, "supplies": set(range(440, 448)), "tags": tags}
    # What was marked before keeps its day.
    day = loader.column("select deleted_at from supplies where region_code = 'smoky' and supply_id = 441")
    assert day == [NOW.add(days=1)]
    assert deleted(loader, "austin") == {}


def test_an_empty_property_list_is_refused_where_properties_are_loaded(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.worlds["smoky"]
    loader.first_load("--entities", "properties", "tasks")
    for property_id in list(world.properties):
        world.hide_property(property_id)
    task_id = next(task["id"] for task in world.tasks.values() if task.get("supplies"))
    for options in (("--entities", "properties", "tasks"), ("--entities", "properties", "tasks", "--full")):
        loader.pass_time(hours=1)
        world.edit_task(task_id, description="changed while the list was empty")
        (report,) = loader.run(*options).regions
        assert (report.exit_code, report.status) == (1, "partial")
        (failure,) = report.failures
        assert failure["entity"] == "properties" and "3 are loaded" in failure["message"]
        assert deleted(loader) == {}
    for property_id in list(world.properties):
        world.unhide_property(property_id)
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    report = loader.load("--entities", "properties", "tasks")
    assert report.rows["tasks"] == 1
    windows = [
        request.query.get("updated_at") for request in loader.sandbox.logged() if request.path == "/task"
    ]
    assert len(windows) == 3 and all(windows), "no property was read whole again"


def test_a_list_that_is_refused_or_slips_marks_nobody(quick_loader: Loader) -> None:
    loader, world, faults = quick_loader, quick_loader.sandbox.worlds["smoky"], quick_loader.sandbox.faults
    for number in range(120):
        world.add("supplies", id=9000 + number, company_id=1, name=f"Part {number}")
    loader.load("--entities", "people", "supplies", "tags")
    faults.refuse_endpoint("/task/tags", 403)
    faults.next("403", count=1, path="/people", status="invited")

    def while_supplies_are_read(request: Any) -> None:
        if request.endpoint == "/supplies" and request.query["page"] == "1":
            world.supplies.pop(440, None)  # pulls a later row past whoever reads page 2

    faults.before_response = while_supplies_are_read
    world.delete("property_tags", 12)
    world.delete("task_tags", 4)
    world.delete("people", 655)
    loader.pass_time(days=1)
    (report,) = loader.run("--entities", "people", "supplies", "tags").regions
    assert sorted(failure["entity"] for failure in report.failures) == ["people", "tags"]
    assert report.exit_code == 1
    assert deleted(loader) == {"tags": {"property 12"}, "supplies": {440}}
    assert report.rows == {"people": 0, "supplies": 127, "tags": 2 + 3}


def test_lists_that_come_back_empty_or_may_be_cut_are_refused_once_and_then_believed(
    quick_loader: Loader,
) -> None:
    """A long list without a row, and one as long as a page, where page 2 would repeat it, that lacks rows."""
    loader, world = quick_loader, quick_loader.sandbox.worlds["smoky"]
    for number in range(25):
        world.add("supplies", id=90_000 + number, company_id=1, name=f"Part {number}")
    for number in range(101 - len(world.templates)):
        world.add(
            "templates", id=9000 + number, company_id=1, name=f"Clean {number}", department="housekeeping"
        )
    told, options = "a list of templates has exactly 100 rows", ("--entities", "supplies", "templates")
    assert not any(told in warning for warning in loader.load(*options).warnings)
    kept, count = dict(world.supplies), len(world.supplies)
    world.supplies.clear()
    loader.sandbox.deviate("cut", "/companies/templates", to=50)
    loader.pass_time(days=1)
    (report,) = loader.run(*options).regions
    messages = {failure["entity"]: failure["message"] for failure in report.failures}
    assert report.exit_code == 1 and deleted(loader) == {}
    assert f"/supplies came back empty, where {count} are loaded" in messages["supplies"]
    assert "it may be cut, and lacks 51 rows that are loaded" in messages["templates"]
    loader.sandbox.behave()
    world.supplies.update(kept)
    loader.pass_time(days=1)
    loader.load(*options)
    # Refused again after a run that found them all, and then believed.
    world.supplies.clear()
    world.delete("templates", 9000)  # 100 now, and one really gone
    for refused, marked in (
        ({"supplies", "templates"}, {}),
        (set(), {"supplies": set(kept), "templates": {9000}}),
    ):
        loader.pass_time(days=1)
        (report,) = loader.run(*options).regions
        assert {failure["entity"] for failure in report.failures} == refused
        assert report.exit_code == bool(refused) and deleted(loader) == marked
    assert any(told in warning for warning in report.warnings)
    # What is lacking after that is doubted anew.
    loader.sandbox.deviate("cut", "/companies/templates", to=50)
    loader.pass_time(days=1)
    (report,) = loader.run(*options).regions
    assert "it may be cut, and lacks 50 rows" in report.failures[0]["message"] and deleted(loader) == marked


def test_a_person_who_changes_lists_while_they_are_read_is_not_deleted(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.load("--entities", "people")
    (person,) = loader.column("select min(person_id) from people where status = 'invited'")

    class Moving(dict[int, Any]):
        """Accepts the invitation between the list of active people and that of invited ones."""

        def values(self) -> Any:
            found = [dict(row) for row in super().values()]
            self[person]["_status"] = "active"
            return found

    world.people = Moving(world.people)
    loader.pass_time(days=1)
    loader.sandbox.reset_log()
    loader.load("--entities", "people")
    asked = [request.query["status"] for request in loader.sandbox.logged()]
    assert asked == ["active", "invited", "inactive"] * 2
    assert loader.query("select status, deleted_at from people where person_id = %s", person) == [
        ("active", None)
    ]


def test_people_of_one_status_that_is_not_heeded_are_missing_and_told(quick_loader: Loader) -> None:
    """Active people answered for `inactive`."""
    quick_loader.sandbox.deviate("taken_as", "/people", where={"status": "inactive"}, status="active")
    (report,) = quick_loader.run("--entities", "people").regions
    told = "status=active and status=inactive give the same rows"
    assert report.exit_code == 1 and told in report.failures[0]["message"]
    assert live_people(quick_loader) == {"active": 10, "invited": 2}


def test_people_whose_status_is_not_asked_for_are_told_by_the_first_load_too(quick_loader: Loader) -> None:
    """Active people answered for every status: the others are missing, and nothing was loaded that tells so."""
    quick_loader.sandbox.deviate("filters_ignored", "/people", names=("status",))
    (report,) = quick_loader.run("--entities", "people").regions
    told = "status=active and status=invited and status=inactive give the same rows"
    assert report.exit_code == 1 and told in report.failures[0]["message"]
    quick_loader.sandbox.behave()
    quick_loader.pass_time(days=1)
    quick_loader.load("--entities", "people")
    everyone = {"active": 10, "invited": 2, "inactive": 2}
    assert live_people(quick_loader) == everyone
    # By later ones too: who is active stays so, and who is inactive is not marked deleted.
    quick_loader.sandbox.deviate("taken_as", "/people", where={"status": "inactive"}, status="active")
    quick_loader.pass_time(days=1)
    (report,) = quick_loader.run("--entities", "people").regions
    assert "status=active and status=inactive give the same rows" in report.failures[0]["message"]
    assert live_people(quick_loader) == everyone


def live_people(loader: Loader) -> dict[str, int]:
    """How many are not marked, by their status."""
    return dict(loader.query("select status, count(*) from people where deleted_at is null group by 1"))  # type: ignore[arg-type]


def test_a_property_that_only_the_list_lacks_and_a_record_with_the_id_of_another_one_are_told(
    quick_loader: Loader,
) -> None:
    """One bare array counts as whole: two templates of one id are one row."""
    loader, world = quick_loader, quick_loader.sandbox.worlds["smoky"]
    templates, options = sorted(world.templates), ("--entities", "properties", "templates")
    loader.sandbox.deviate("fields", "/companies/templates", only=0, id=templates[1])
    same_id = "1 records of templates have the id of another one in the same answer and differ from it"
    assert any(same_id in text for text in loader.load(*options).warnings)
    assert set(loader.column("select template_id from templates")) == set(templates[1:])
    loader.sandbox.behave()
    loader.sandbox.deviate("row_doubled", "/companies/templates")  # the same once more is no other
    world.delete_property(2001)
    world.hide_property(2002)
    loader.pass_time(days=1)
    (told,) = loader.load(*options).warnings
    assert "1 properties" in told and "given by their ids" in told and "the first is 2002" in told
    assert deleted(loader) == {"properties": {2001, 2002}}
    loader.sandbox.behave()
    loader.pass_time(days=1)
    loader.sandbox.deviate("fields", "/companies/templates", only=0, id=templates[1])
    assert not any("given by their ids" in text for text in loader.load(*options).warnings)
    assert loader.column("select count(*) from templates where deleted_at is null") == [len(templates)]
