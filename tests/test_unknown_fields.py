"""Unknown fields beyond the cap, two of them in one column, and records nobody expected: none stops a load."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from loading import Loader
from small_worlds import NOW, ago, small_world

from breezeway_source.api.pages import record_fault
from breezeway_source.columns import TABLES
from breezeway_source.errors import ApiError
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.personal import PersonalData
from breezeway_source.sandbox import Sandbox, World

ODD: list[Any] = [
    "0001-01-01", "9999-12-31T23:59:59+14:00", float("nan"), float("inf"), 10**400, "1e999999999", "\ud800", "a\0b",
    True, None, [], {}, -1, "(12.00)", "CA$ 1", [[[]]],
]  # fmt: skip


@pytest.fixture
def world() -> World:
    return small_world(properties=1, stays_days=0)


def builder(name: str) -> RowBuilder:
    return RowBuilder(TABLES[name], "smoky", NOW, PersonalData("keep", None))


def test_beyond_the_cap_and_in_one_column_goes_to_unparsed() -> None:
    tasks = builder("tasks")
    tasks.new_columns.limit(2, {"old_one"}, tasks.taken)
    row = tasks.build({"id": 1, "Foo": "a", "foo": "b", "old_one": "c", "third": "d"})
    assert (row["foo"], row["old_one"], row["unparsed"]) == ("b", "c", {"Foo": "a", "third": "d"})
    assert "third" in tasks.build({"id": 2, "third": "d"})["unparsed"]
    assert [text.split(" share")[0].split(" beyond")[0] for text in tasks.oddities(2)] == [
        "unknown fields of tasks"
    ] * 2


def test_amounts_that_cannot_be_read_are_counted_by_column() -> None:
    tasks = builder("tasks")
    tasks.build({"id": 1, "costs": [{"cost": "about ten"}, {"cost": "(12.00)"}]})
    assert [text[:60] for rows in tasks.tables() for text in rows.oddities(2)] == [
        "amounts of tasks__costs.cost could not be read in 1 lines: they are null"[:60]
    ]


def test_other_values_that_cannot_be_read_are_counted_by_column() -> None:
    """Days and links are missing from marts without them."""
    tasks = builder("tasks")
    odd = {
        "finished_at": "11/20/2026 3:00 PM",
        "scheduled_date": "20.11.2026",
        "linked_reservation": {"id": "R-7781"},
        "finished_by": [{"id": 1}, {"id": 2}],
        "total_cost": "n/a",
    }
    for number in (1, 2):
        row = tasks.build({"id": number, **odd})
        assert (
            row.get("finished_at") is row.get("linked_reservation_id") is None and row["finished_by_id"] == 1
        )
        assert set(row["unparsed"]) == {*odd, "linked_reservation_id"} - {"linked_reservation"}
    assert sorted(text.split(" rows:")[0] for text in tasks.oddities(2)) == [
        f"values of tasks.{name} could not be read in 2"
        for name in ("finished_at", "finished_by", "linked_reservation_id", "scheduled_date")
    ]


def test_texts_that_do_not_say_what_is_derived_from_them_are_counted_by_column() -> None:
    """A time worked as a bare number may be minutes or seconds; "n/a" says that there is none."""
    tasks = builder("tasks")
    rows = [
        tasks.build({"id": number, "total_time": time, "rate_paid": rate})
        for number, (time, rate) in enumerate(
            [(125, "12.00 USD"), (90.5, "by agreement"), ("1:02:03", 40), ("n/a", "n/a"), (None, "")]
        )
    ]
    assert [(row.get("total_time"), row.get("total_time_seconds")) for row in rows] == [
        ("125", None),
        ("90.5", None),
        ("1:02:03", 3723),
        ("n/a", None),
        (None, None),
    ]
    assert [text.split(" in a spelling")[0] for text in tasks.oddities(2)] == [
        "tasks.total_time came in 2 rows",
        "tasks.rate_paid came in 1 rows",
    ]


@pytest.mark.parametrize("zero", [0, "0"])
def test_a_link_to_stay_0_is_one_by_its_external_id(zero: Any) -> None:
    link = {"id": zero, "external_reservation_id": "R-7"}
    row = builder("tasks").build({"id": 1, "linked_reservation": link})
    assert row.get("linked_reservation_id") is None and row["linked_reservation_external_id"] == "R-7"


@pytest.mark.parametrize(("id_", "fault"), [(7, False), ("7", False), (8, True), (None, True)])
def test_a_record_asked_for_by_id_has_that_id(id_: Any, fault: bool) -> None:
    assert (record_fault("7", {"id": id_, "type_task_status": {"code": "deleted"}}) is not None) is fault


def test_the_builder_raises_nothing_but_what_costs_one_record() -> None:
    chance = random.Random(7)
    deep: Any = "x"
    for _ in range(3000):
        deep = [deep]
    for number in range(300):
        table = chance.choice(["tasks", "reservations", "properties", "people", "task_details"])
        keys = [*TABLES[table].by_name, *(child.field for child in TABLES[table].children), "Foo", "\ud800"]
        record = {key: chance.choice([*ODD, deep, [ODD[6]], {"id": ODD[4]}, {"code": deep}]) for key in keys}
        record["id"] = chance.choice([number, *ODD])
        with contextlib.suppress(ApiError):
            builder(table).build(record)


def test_1700_unknown_keys_load(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> None:
    """Into the database whose tables end at 1600 columns; later runs on another machine know those that are there."""
    world = sandbox.world
    first = min(world.tasks)
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as loader:
        loader.configure(marts=False)
        world.edit_task(first, **{f"field_{number}": str(number) for number in range(1700)})
        report = loader.load("--entities", "tasks")
        assert any("max_new_columns = 100 are kept in `unparsed`: 1600" in text for text in report.warnings)
        loader.wipe()
        loader.pass_time(hours=1)
        world.edit_task(first, **{f"other_{number}": "x" for number in range(5)})
        loader.load("--entities", "tasks")
        assert loader.column("select field_7 from tasks where task_id = %s", first) == ["7"]


def test_a_field_keeps_its_column_in_later_runs_and_on_other_machines(quick_loader: Loader) -> None:
    """`Foo` came first: `foo`, spelled like the column, never shares it; nor do words without Latin letters."""
    loader, world = quick_loader, quick_loader.sandbox.world
    one, two, three, *_ = (task["id"] for task in world.listed_tasks(2001))  # as they are read
    fields = {"Foo": "first", "НДС": "name", "supplies": [{"name": "Soap", "Lot": "1"}]}
    world.edit_task(one, updated_at=ago(hours=1), **fields)  # so that the second run does not meet it again
    loader.load("--entities", "tasks")

    loader.wipe()  # another machine
    loader.pass_time(hours=1)
    world.edit_task(two, foo="second", ИНН="place", supplies=[{"name": "Soap", "lot": "2"}])
    world.edit_task(three, Foo="third")
    report = loader.load("--entities", "tasks")
    assert any("foo" in text for text in report.warnings)
    assert sorted(loader.column("select foo from tasks where foo is not null")) == ["first", "third"]
    assert loader.column("select x from tasks where x is not null") == ["name"]
    assert loader.column("select lot from tasks__supplies where lot is not null") == ["1"]
    kept = " ".join(loader.column("select cast(unparsed as varchar) from tasks where unparsed is not null"))
    assert "second" in kept and "place" in kept
