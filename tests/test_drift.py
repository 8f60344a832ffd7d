"""Drift: new fields become text columns and are told once; documented fields gone null are told as a warning."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pendulum
import pytest
from conftest import NOW
from loading import Loader

from breezeway_source.columns import TABLES
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.filled import ALWAYS, ENOUGH_ROWS, SOMEWHERE, FilledFields
from breezeway_source.rows.personal import PersonalData
from breezeway_source.sandbox import World
from pipelines.watch.report import RegionReport

CHECK = "documented_fields_are_filled"


class Lines(logging.Handler):
    """What the project's log says."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    handler = Lines()
    logger = logging.getLogger("breezeway")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


def test_an_unknown_field_becomes_a_text_column_and_is_told_once(
    loader: Loader, log_lines: list[str]
) -> None:
    world = loader.sandbox.world
    loader.first_load()
    loader.configure(marts=False)
    task_id = next(task["id"] for task in world.tasks.values() if task.get("supplies"))
    line = {**world.tasks[task_id]["supplies"][0], "lot number": 7}
    loader.pass_time(hours=1)
    world.edit_task(
        task_id, brand_new_field="2026-03-10T09:00:00Z", brandNewObject={"a": [1.5]}, supplies=[line]
    )
    world.edit_property(2001, id__v_text="odd name")
    changes = [
        "properties.id_v_text text",
        "tasks.brand_new_field text",
        "tasks.brand_new_object text",
        "tasks__supplies.lot_number text",
    ]
    report = loader.load()
    assert sorted(report.schema_changes) == changes
    assert sorted(line for line in log_lines if "new column" in line) == [
        f"smoky: new column {change}" for change in changes
    ]
    assert report.exit_code == 0 and not [
        check for check in report.checks if check["rows"] and check["name"] != "supply_prices_are_of_the_line"
    ]

    # Another machine, other types in the same fields: text it stays, and nothing is new.
    loader.wipe()
    log_lines.clear()
    loader.pass_time(hours=1)
    other = next(task for task in world.tasks if task != task_id)
    world.edit_task(other, brand_new_field=12.5, brandNewObject="plain")
    assert loader.load().schema_changes == []
    assert not [line for line in log_lines if "new column" in line]
    assert loader.query(
        "select task_id, brand_new_field, brand_new_object from tasks "
        "where brand_new_field is not null order by task_id"
    ) == sorted([(task_id, "2026-03-10T09:00:00Z", '{"a": [1.5]}'), (other, "12.5", "plain")])
    assert loader.column("select lot_number from tasks__supplies where lot_number is not null") == ["7"]
    assert loader.column("select id_v_text from properties where property_id = 2001") == ["odd name"]


def null_fields(report: RegionReport) -> list[str]:
    """The fields the report warns of; the check counts them."""
    told = [warning.split()[0] for warning in report.warnings if "is null in every row" in warning]
    assert [check["rows"] for check in report.checks if check["name"] == CHECK] == [len(told)]
    return told


def test_a_documented_field_that_is_null_everywhere_is_told_in_that_run(
    quick_loader: Loader, log_lines: list[str]
) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    for task_id, task in list(world.tasks.items()):
        renamed = {**task, "priority": task["type_priority"], "total_time": None}
        del renamed["type_priority"]
        world.tasks[task_id] = renamed
    report = loader.load()
    assert null_fields(report) == ["tasks.total_time", "tasks.total_time_seconds", "tasks.type_priority"]
    assert report.exit_code == 0 and report.schema_changes == ["tasks.priority text"]
    assert (
        sum(
            f"tasks.type_priority is null in every row of this run ({len(world.tasks)})" in line
            for line in log_lines
        )
        == 1
    )
    # The API renames another one. An hour's run sees three changed tasks, none of them finished: no reason to
    # miss their times, but every task has a department.
    loader.pass_time(minutes=30)
    for task_id in list(world.tasks)[:3]:
        world.edit_task(
            task_id, type_department=None, department="housekeeping", type_priority="low", total_time=None
        )
    loader.pass_time(minutes=30)
    assert null_fields(loader.load()) == ["tasks.type_department"]
    # Nothing changed, nothing to judge.
    loader.pass_time(hours=1)
    assert null_fields(loader.load()) == []


def test_what_may_be_null_and_small_samples_raise_nothing() -> None:
    """Every row of several normal worlds, alone and all together."""
    for seed in range(3):
        world = World.seeded("smoky", seed=seed, now=NOW, properties=12, tasks_per_property=12)
        stores: dict[str, list[dict[str, Any]]] = {
            "properties": list(world.properties.values()),
            "reservations": list(world.reservations.values()),
            "tasks": list(world.tasks.values()),
            "people": list(world.people.values()),
            "supplies": list(world.supplies.values()),
            "templates": list(world.templates.values()),
            "tags": list(world.task_tags.values()),
            "task_details": [
                {"id": key, "task_id": key, "comments": world.comments.get(key), "requirements": lines}
                for key, lines in world.requirements.items()
            ],
            "property_details": [
                {"property_id": key, "contacts": lines, "tags": world.property_tag_links[key]}
                for key, lines in world.contacts.items()
            ],
        }
        for name, raws in stores.items():
            builder = RowBuilder(TABLES[name], "smoky", NOW, PersonalData())
            everything = FilledFields(TABLES[name])
            for raw in raws:
                row = builder.build(raw, **({"tag_kind": "task"} if name == "tags" else {}))
                alone = FilledFields(TABLES[name])
                alone.see(row)
                everything.see(row)
                assert alone.null_fields(is_whole=True) == []
            assert everything.null_fields(is_whole=True) == []


def test_a_whole_table_without_a_line_that_some_row_should_have_is_told() -> None:
    raws = [{"id": number, "assignments": []} for number in range(ENOUGH_ROWS)]
    told = []
    for some in (raws[1:], raws, [*raws, {"id": 99, "assignments": [{"id": 1}]}]):
        builder, filled = (
            RowBuilder(TABLES["tasks"], "smoky", NOW, PersonalData()),
            FilledFields(TABLES["tasks"]),
        )
        for raw in some:
            filled.see(builder.build(raw))
        told.append("assignments" in {field.column for field in filled.null_fields(is_whole=True)})
        assert "assignments" not in {field.column for field in filled.null_fields(is_whole=False)}
    assert told == [False, True, False]


def test_judged_fields_are_columns_and_dropped_personal_ones_are_not_judged() -> None:
    tables = {t.name: t for root in TABLES.values() for t in (root, *root.children)}
    for names in (ALWAYS, SOMEWHERE):
        for table, columns in names.items():
            assert set(columns.split()) <= set(tables[table].by_name), table
    for without_personal in (False, True):
        filled = FilledFields(TABLES["task_details"], without_personal=without_personal)
        filled.see({"comments": [{"created_at": pendulum.now()}] * ENOUGH_ROWS})
        told = [field.column for field in filled.null_fields(is_whole=True)]
        assert told == ([] if without_personal else ["comment"])


def test_what_every_record_had_and_none_has_any_more_is_told_until_a_full_run_accepts_it(
    quick_loader: Loader,
) -> None:
    """Also where it may be null, and in lines: the written rows are emptied."""
    loader, world = quick_loader, quick_loader.sandbox.world

    def told(*options: str) -> list[str]:
        loader.pass_time(hours=1)
        return [
            text for text in loader.load(*options).warnings if "every record of earlier runs had it" in text
        ]

    loader.first_load("--entities", "weekly")
    for task in world.tasks.values():
        del task["total_cost"], task["assignments"]
        for line in task.get("supplies") or ():
            line.pop("bill_to", None)
    first = next(iter(world.tasks))
    world.edit_task(first, name="Edited")
    assert told() == []  # one task may be an odd one
    for _ in range(2):
        of_lines, of_tasks = sorted(told("--entities", "weekly"), key=lambda text: " of tasks:" in text)
        assert (
            of_tasks.startswith("assignments, total_cost of tasks: ")
            and f"{len(world.tasks)}: rows" in of_tasks
        )
        assert of_lines.startswith("bill_to of tasks__supplies: ")
    for task in list(world.tasks)[1:]:
        world.edit_task(task, total_cost=1, assignments=[])  # of all records but one: no longer in each
    assert len(told("--full")) == 1  # the lines' alone, once more
    for task in world.tasks.values():
        task.pop("total_cost", None)
    assert told("--entities", "weekly") == []


def test_lines_that_no_record_has_any_more_are_told(quick_loader: Loader) -> None:
    """Their lists are there and empty, in every record that is read: what is loaded of them is taken off."""
    loader, world = quick_loader, quick_loader.sandbox.world
    full, told = "--full", " when all were read last, and none of "
    for stay in list(world.reservations)[:5]:
        world.edit_reservation(stay, tags=[{"id": 1, "name": "VIP"}])
    assert not any(told in text for text in loader.load(full).warnings)
    for path, kind in (
        ("/task", "photos"),
        ("/task", "task_tags"),
        ("/property", "photos"),
        ("/reservation", "tags"),
    ):
        loader.sandbox.deviate("fields", path, path + "/{id}", **{kind: []})
    had = {
        f"{len({row['id'] for row in store.values() if row.get(kind)})} of {entity} had {kind}"
        for entity, kind, store in (
            ("tasks", "photos", world.tasks),
            ("tasks", "task_tags", world.tasks),
            ("properties", "photos", world.properties),
        )
    }
    loader.pass_time(days=1)
    warned = {text.split(told)[0] for text in loader.load(full).warnings if told in text}
    assert had < warned and [text.split(" of ")[1] for text in warned - had] == ["reservations had tags"]
    loader.pass_time(days=1)
    assert not any(told in text for text in loader.load(full).warnings)
