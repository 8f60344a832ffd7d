"""Every entity equals the API, column by column; the groups; contacts by both paths; detail only where it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_truth import OURS, TABLE, loaded, truth
from databases import Database
from loading import Loader
from scripted_api import Answer, Asked, ScriptedApi
from small_worlds import NOW, small_world

from breezeway_source.columns import TABLES
from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.sandbox import Sandbox, World

HOURLY_PATHS = {"/property", "/reservation", "/reservation/{id}", "/task"}
CHILD_PATHS = {
    "/property/{id}/contacts",
    "/property/{id}/tags",
    "/task/{id}/comments",
    "/task/{id}/requirements",
}


@pytest.fixture
def world() -> World:
    """It has rows of every table."""
    return small_world(properties=4, tasks=3, stays_days=20)


def rows_of(loader: Loader, name: str) -> list[dict[str, Any]]:
    """All columns the truth knows of a table, in the order of the API within a parent."""
    table = TABLE[name]
    left_out = OURS | ({"deleted_at"} if name in TABLES else set())
    columns = [column.name for column in table.columns if column.name not in left_out]
    key = table.key[-1] if table.key else f"{columns[0]}, _dlt_list_idx"
    listed = ", ".join(f'"{column}"' for column in columns)
    return loaded(table, columns, loader.query(f"select {listed} from {name} order by {key}"))


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as made:
        yield made


def test_every_column_of_every_table_equals_the_api(postgres_loader: Loader) -> None:
    """On the database that minds types; on DuckDB too: test_story.py and, value by value, test_types_end_to_end.py."""
    loader, world = postgres_loader, postgres_loader.sandbox.world
    old = {"property_id": 2001, "checkin_date": "2023-08-01", "checkout_date": "2023-08-05"}
    stays = [world.add_reservation(**old) for _ in range(2)]
    world.edit_task(min(world.tasks), linked_reservation={"id": stays[0]["id"]})
    loader.configure(marts=False)
    report = loader.load("--entities", "all", "--full")
    assert set(report.rows) == set(ENDPOINTS)
    loaded_stays = set(loader.column("select reservation_id from reservations"))
    linked = {(task.get("linked_reservation") or {}).get("id") for task in world.tasks.values()}
    assert loaded_stays == {
        stay["id"]
        for stay in world.reservations.values()
        if stay["checkout_date"] >= "2024-01-01" or stay["id"] in linked
    }
    wanted = truth(world, loaded_stays)
    for name, table in TABLE.items():
        if name in {"regions", "deletion_proofs", "entity_reads", "sync_runs"}:
            continue
        key = table.key[-1] if table.key else table.columns[1].name
        expected = sorted(wanted[name], key=lambda row: row[key])
        found = rows_of(loader, name)
        if name == "tags":
            expected.sort(key=lambda row: (row["tag_id"], row["tag_kind"]))
            found.sort(key=lambda row: (row["tag_id"], row["tag_kind"]))
        assert expected, f"the world has no {name}"
        assert len(found) == len(expected), name
        for row, want in zip(found, expected, strict=True):
            assert row == want, name
        assert set(loader.query(f"select distinct region_code from {name}")) == {("smoky",)}
    for name, endpoint in ENDPOINTS.items():
        assert report.rows[name] == len(wanted[name]), endpoint.paths
        (deleted,) = loader.column(f"select count(deleted_at) from {name}")
        assert deleted == 0
        assert loader.column(f"select count(distinct synced_at) from {name}") == [1]
    # Nothing of the API is unknown to the contract, nothing documented is missing, nothing is odd but "n/a".
    assert report.schema_changes == []
    # The world prices some supplies by the unit, as one real line on record is.
    assert [c["name"] for c in report.checks if c["rows"]] == ["supply_prices_are_of_the_line"]
    assert not [warning for warning in report.warnings if "is null in every row" in warning]
    odd = {task["id"] for task in world.tasks.values() if task["estimated_rate"] == "n/a"}
    assert odd and set(loader.column("select task_id from tasks where unparsed is not null")) == odd


def asked(loader: Loader) -> dict[str, int]:
    """Data requests since the last call, by endpoint."""
    counts: dict[str, int] = {}
    for request in loader.sandbox.logged():
        if request.is_data:
            counts[request.endpoint] = counts.get(request.endpoint, 0) + 1
    loader.sandbox.reset_log()
    return counts


def test_each_group_reads_what_it_names_and_an_hourly_run_nothing_more(quick_loader: Loader) -> None:
    """But the details of tasks whose list leaves out their money, which is never silently zero."""
    loader, world = quick_loader, quick_loader.sandbox.world
    world.task_list_omits_money = True
    assert set(loader.load().rows) == {"properties", "reservations", "tasks"}
    counts = asked(loader)
    assert set(counts) <= HOURLY_PATHS | {"/task/{id}"} and counts["/task/{id}"] == len(world.tasks)
    supplies = "select task_id, count(*) from task_supplies group by task_id"
    wanted = {task["id"]: len(task["supplies"]) for task in world.tasks.values() if task.get("supplies")}
    assert dict(loader.query(supplies)) == wanted != {}

    world.task_list_omits_money = False
    loader.pass_time(hours=1)
    world.edit_task(min(wanted), description="now")
    report = loader.load()
    assert (report.rows["properties"], report.rows["tasks"]) == (4, 1)
    counts = asked(loader)
    assert counts["/task"] == 4 and not set(counts) - HOURLY_PATHS
    assert dict(loader.query(supplies)) == wanted

    report = loader.load("--entities", "daily")
    assert set(report.rows) == {
        "reservations",
        "people",
        "supplies",
        "tags",
        "property_details",
        "task_details",
    }
    counts = asked(loader)
    assert counts["/people"] == 3 and counts["/property/{id}/tags"] == report.rows["property_details"] == 4
    due = [t for t in world.tasks.values() if t["type_task_status"]["code"] != "deleted"]
    assert report.rows["task_details"] == len(due) > 0
    assert counts["/task/{id}/comments"] == counts["/task/{id}/requirements"] == len(due)
    assert "/task" not in counts and "/companies/templates" not in counts

    loader.pass_time(days=1)
    assert loader.load("--entities", "daily").rows["property_details"] == 1  # a seventh of four
    counts = asked(loader)
    assert not set(counts) & {"/task/{id}/comments", "/task/{id}/requirements"}, "no details were due"

    report = loader.load("--entities", "weekly")
    assert set(report.rows) == {"tasks", "templates", "subdepartments"}
    assert report.rows["tasks"] == len(world.tasks)
    assert not set(asked(loader)) & CHILD_PATHS


def test_contacts_come_by_either_path_with_every_key_they_have(quick_loader: Loader) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    sandbox.faults.refuse_endpoint("/property/{id}/contacts", 404)
    world.edit_property(2001, reference_property_id="PMS 1/a?b")
    contact = {
        "id": "77",
        "role": "Owner",
        "name": "Ada Sample",
        "preferred_language": "de",
        "Notes 2": {"a": [1]},
    }
    world.set_contacts(2001, [contact, {"first_name": "Ben", "phone": "+1 555 0100"}])
    # A retired property may hold the reference a live one took over: it leads to the live one's contacts.
    world.edit_property(2002, reference_property_id="PMS-taken", status="inactive")
    world.edit_property(2003, reference_property_id="PMS-taken", status="active")
    world.set_contacts(2002, [])
    world.set_contacts(2003, [{"id": 5, "name": "Cleo"}])
    report = loader.load("--entities", "property_details")
    rows = loader.query(
        "select property_id, contact_id, contact_type, name, preferred_language, notes_2, phone "
        "from property_details__contacts where property_id in (2001, 2002, 2003) order by property_id, contact_id"
    )
    rows.sort(key=lambda row: (row[0], row[1] is None))
    assert rows == [
        (2001, 77, "Owner", "Ada Sample", "de", '{"a": [1]}', None),
        (2001, None, None, "Ben", None, None, "+1 555 0100"),
        (2003, 5, None, "Cleo", None, None, None),
    ]
    by_reference = sandbox.count("GET /property/external-id/{ref}/contacts", 200)
    assert by_reference == len([p for p in world.properties.values() if p["reference_property_id"]]) - 1
    assert sorted(report.schema_changes) == [
        "property_details__contacts.notes_2 text",
        "property_details__contacts.preferred_language text",
    ]
    assert report.rows == {"property_details": len(world.properties)}


def test_a_refusal_for_one_property_passes_and_keeps_what_was_loaded(quick_loader: Loader) -> None:
    loader, sandbox = quick_loader, quick_loader.sandbox
    sandbox.world.delete_property(2001)
    sandbox.faults.refuse_property(2003, 403, "/property/{id}/contacts")
    sandbox.faults.refuse_property(2004, 404, "/property/{id}/tags")
    report = loader.load("--entities", "property_details")
    assert report.rows == {"property_details": 3}
    lists = [text.partition(" was refused or not found for 1 parents")[0] for text in report.warnings]
    assert lists == ["/property/{id}/contacts", "/property/{id}/tags"]
    contacts = "select property_id, name from property_details__contacts order by 1, 2"
    before = loader.query(contacts)
    assert 2002 in {row[0] for row in before} and 2003 not in {row[0] for row in before}
    # Now 2002 is refused its contacts, day after day: what was loaded stays, and the others have their turn.
    sandbox.faults.clear()
    sandbox.faults.refuse_property(2002, 403, "/property/{id}/contacts")
    sandbox.faults.refuse_endpoint("/property/external-id/{ref}/contacts", 403)
    for _ in range(2):
        loader.pass_time(days=1)
        loader.load("--entities", "property_details")
    after = loader.query(contacts)
    assert [row for row in after if row[0] != 2003] == before
    assert len([row for row in after if row[0] == 2003]) == len(sandbox.world.contacts[2003]) > 0


def test_a_list_the_plan_does_not_have_is_told_once_and_asked_no_further(quick_loader: Loader) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    for number in range(45):
        world.add_property(id=3000 + number, reference_property_id=None)
    sandbox.faults.refuse_endpoint("/property/{id}/contacts", 403)
    sandbox.faults.refuse_endpoint("/property/external-id/{ref}/contacts", 403)
    sandbox.faults.refuse_endpoint("/task/{id}/requirements", 403)
    report = loader.load("--entities", "property_details", "task_details", "tasks")
    told = [warning for warning in report.warnings if "/property/{id}/contacts" in warning]
    assert len(told) == 1 and "403" in told[0] and len(set(report.warnings)) == len(report.warnings)
    assert sum("/task/{id}/requirements" in warning for warning in report.warnings) == 1
    # Twenty refusals on both paths, and at most those that were under way by then.
    refused = [r for r in sandbox.logged() if r.path.endswith("/contacts")]
    assert 20 <= len(refused) <= 40 and {r.status for r in refused} == {403}
    assert report.rows["property_details"] == 49 == sandbox.count("GET /property/{id}/tags")
    # The other list is not held up by it, also not later on.
    assert loader.column("select count(*) > 0 from property_details__tags where property_id = 2002") == [True]
    world.set_property_tags(2002, [{"id": 14, "name": "Lake view"}])
    loader.pass_time(days=1)
    loader.load("--entities", "property_details", "--full")
    assert loader.column("select name from property_details__tags where property_id = 2002") == ["Lake view"]


def test_details_of_tasks_are_asked_for_never_or_always_as_configured(quick_loader: Loader) -> None:
    loader, sandbox, world = quick_loader, quick_loader.sandbox, quick_loader.sandbox.world
    lines = sum(len(task.get("supplies") or ()) for task in world.tasks.values())
    for mode, is_asked in (("off", False), ("on", True)):
        loader.configure(task_detail=mode)
        world.task_list_omits_money = not is_asked
        loader.load("--entities", "tasks", "--full")
        assert loader.column("select count(*) from task_supplies") == [lines * is_asked]
        assert sandbox.count("GET /task/{id}") == len(world.tasks) * is_asked


def test_details_are_bounded_and_caught_up_newest_first(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.configure(details_per_run=2)
    by_change = sorted(world.tasks.values(), key=lambda task: (task["updated_at"], task["id"]), reverse=True)
    newest_first = [task["id"] for task in by_change]
    report = loader.load("--entities", "tasks", "task_details")
    assert report.rows["task_details"] == 2 and any(
        f"of {len(newest_first) - 2} tasks are still to come" in warning for warning in report.warnings
    )
    assert set(loader.column("select task_id from task_details")) == set(newest_first[:2])
    # One of them changes: it is due again before the older ones, and a named property's come alone.
    loader.pass_time(hours=1)
    world.set_comments(newest_first[0], [{"id": 1, "comment": "new", "created_at": "2026-03-10T10:00:00"}])
    loader.load("--entities", "tasks", "task_details")
    assert loader.column("select comment from task_comments where task_id = %s", newest_first[0]) == ["new"]
    before = set(loader.column("select task_id from task_details"))
    assert before == set(newest_first[:3])
    loader.configure(details_per_run=2000)
    loader.load("--entities", "task_details", "--property", "2004")
    added = set(loader.column("select task_id from task_details")) - before
    assert added == {task["id"] for task in by_change if task["home_id"] == 2004} - before != set()


def test_tasks_without_an_id_cost_themselves_alone(quick_loader: Loader) -> None:
    """Also where its money is left out, so that its detail would be asked for by the id it lacks."""
    nameless = {"name": "No id, no costs, no supplies", "home_id": 1}
    task = {"name": "Clean", "costs": [], "supplies": []}
    answers: dict[str, list[Any]] = {
        "1": [{}, nameless, task | {"id": 11, "home_id": 1}],
        "2": [task | {"id": 12, "home_id": 2}],
    }
    api = ScriptedApi()

    def on_get(asked: Asked) -> Answer:
        if asked.path.startswith("/public/inventory/v1/task"):
            rows = answers[asked.params["home_id"]]
            return Answer({"results": rows, "total_results": len(rows), "total_pages": 1, "page": 1})
        if asked.path.startswith("/public/inventory/v1/property"):
            return Answer(
                {"results": [{"id": 1}, {"id": 2}], "total_results": 2, "total_pages": 1, "page": 1}
            )
        return Answer({"results": []})

    api.on_get = on_get
    try:
        quick_loader.configure(base_url=api.base_url)
        (report,) = quick_loader.run("--entities", "tasks").regions
        assert (report.exit_code, report.error) == (1, None)
        assert [(f["entity"], f["property_id"]) for f in report.failures] == [("tasks", 1)]
        assert "2 records of tasks came without a usable id" in report.failures[0]["message"]
        assert sorted(quick_loader.column("select task_id from tasks")) == [11, 12]
        answers["1"][:2] = [task | {"id": 10, "home_id": 1}]
        quick_loader.pass_time(hours=1)
        (report,) = quick_loader.run("--entities", "tasks").regions
        assert report.failures == []
        assert sorted(quick_loader.column("select task_id from tasks")) == [10, 11, 12]
    finally:
        api.close()
