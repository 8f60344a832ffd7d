"""Odd values in real loads: parsed, or kept in `unparsed`; never a variant column, never a failed load."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest
from api_truth import TABLE
from conftest import NOW
from loading import Loader

from breezeway_source.sandbox import World

LONG = "Filter changed, deck swept, grill \u00e0 la carte, cleaned. \U0001f9f9\n" * 230
TASKS: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {
    101: (
        {
            "description": LONG,
            "total_cost": 10**12,
            "total_time": "27:00:01",
            "rate_paid": "120.00 USD",
            "created_at": "2026-03-01T08:00:00",  # naive: UTC
            "started_at": "2026-03-01T08:00:00-05:00",
            "finished_at": "2026-03-02T11:00:01Z",
            "summary": "All in order",
            "requested_by": "owner",
            "itemized_cost": [],
        },
        {
            "description": LONG,
            "total_cost": Decimal(10**12),
            "total_time": "27:00:01",
            "total_time_seconds": 97_201,
            "rate_paid_amount": Decimal(120),
            "rate_paid_currency": "USD",
            "created_at": datetime(2026, 3, 1, 8, tzinfo=timezone.utc),
            "started_at": datetime(2026, 3, 1, 13, tzinfo=timezone.utc),
            "finished_at": datetime(2026, 3, 2, 11, 0, 1, tzinfo=timezone.utc),
            "summary_note": "All in order",
            "requested_by_name": "owner",
            "itemized_cost": None,
            "unparsed": None,
        },
    ),
    102: (
        {
            "id": "102",  # an id as text
            "name": 12345,
            "description": {"rich": ["text"]},
            "template_id": "3301",
            "total_cost": "1,200.50 USD",
            "rate_paid": "1,200.50 USD",
            "estimated_rate": "95.50",
            "estimated_time": 90,
            "billable": "yes",
            "scheduled_time": "4:00 PM",
            "started_at": 1_772_352_000,
            "summary": {"id": 7, "note": "Grill\u0000 cleaned", "created_at": "2026-03-01"},
            "requested_by": {"id": "651", "name": "Ben Example"},
            "linked_reservation": {"id": "200", "external_reservation_id": 5531},
            "reported_tasks": 101,
            "tags": "deep",
            "photos": [{"id": "55", "url": "a.jpg"}, "b.jpg"],
            "supplies": {
                "id": "9",
                "supply_id": "440",
                "name": "Filter",
                "quantity": "2.5",
                "unit_cost": 10**12,
            },
            "task_series_id": 7001.0,
        },
        {
            "name": "12345",
            "description": '{"rich": ["text"]}',
            "template_id": 3301,
            "total_cost": Decimal("1200.5"),
            "rate_paid": "1,200.50 USD",
            "rate_paid_amount": Decimal("1200.5"),
            "estimated_rate": Decimal("95.5"),
            "estimated_time": "90",
            "billable": True,
            "scheduled_time": time(16),
            "started_at": datetime(2026, 3, 1, 8, tzinfo=timezone.utc),
            "summary_id": 7,
            "summary_note": "Grill cleaned",
            "summary_created_at": datetime(2026, 3, 1, tzinfo=timezone.utc),
            "requested_by_id": 651,
            "linked_reservation_id": 200,
            "linked_reservation_external_id": "5531",
            "reservation_pk": 200,
            "reported_tasks": [101],
            "tags": ["deep"],
            "task_series_id": 7001,
            "unparsed": {"total_cost": "1,200.50 USD"},  # the amount is read, its currency has no column
        },
    ),
    103: (
        {
            "total_cost": {"amount": 5},
            "rate_paid": "free",
            "total_time": "soon",
            "estimated_rate": "n/a",
            "task_series_id": 2.5,
            "parent_task_id": "n/a",
            "billable": "maybe",
            "paused": 7,
            "scheduled_date": "tomorrow",
            "scheduled_time": "27:00:01",
            "started_at": "2026-02-30T00:00:00",
            "finished_at": [],
            "summary": ["one", "two"],
            "requested_by": [{"id": 1, "name": "Cleo"}],
            "created_by": "Ops Desk",
            "linked_reservation": "n/a",
            "costs": "n/a",
            "supplies": [
                {"supply_id": "x", "quantity": {"n": 1}, "unit_cost": 20.567891, "name": {"en": "Soap"}},
                5,
            ],
            "assignments": [7],
        },
        {
            "total_cost": None,
            "rate_paid": "free",
            "rate_paid_amount": None,
            "total_time": "soon",
            "total_time_seconds": None,
            "parent_task_id": None,
            "started_at": None,
            "summary_note": "one",
            "requested_by_name": "Cleo",
            "created_by_name": "Ops Desk",
            "linked_reservation_id": None,
            "link_status": "no_link_at_source",
        },
    ),
}
KEPT = {  # of task 103: everything that has no place, as it came
    "total_cost": {"amount": 5},
    "estimated_rate": "n/a",
    "task_series_id": 2.5,
    "parent_task_id": "n/a",
    "billable": "maybe",
    "paused": 7,
    "scheduled_date": "tomorrow",
    "scheduled_time": "27:00:01",
    "started_at": "2026-02-30T00:00:00",
    "summary": ["one", "two"],
    "linked_reservation_id": "n/a",
    "costs": "n/a",
}


@pytest.fixture
def world() -> World:
    """A world of odd values: all three tasks, and one row of every other kind."""
    world = World.seeded("smoky", now=NOW, properties=1, tasks_per_property=0)
    world.reservations.clear()
    for task_id, (fields, _) in TASKS.items():
        row = world.add_task(home_id=2001, **{**fields, "id": task_id})
        row["id"] = fields.get("id", task_id)
    world.set_requirements(
        103,
        [{"action": "Look", "response": 5, "photos": "q.jpg"}, {"action": ["A", "B"], "response": LONG}, {}],
    )
    world.set_comments(
        103, [{"id": "9", "comment": {"text": "Lamp"}, "created_at": "2026-03-01T08:00:00"}, {}]
    )
    world.add_reservation(
        property_id=2001,
        id=200,
        adults=2.5,
        children="2",
        pets=None,
        checkin_time="4 PM",
        checkout_time="10:00",
        note={"long": LONG},
        guests={
            "first_name": "Ada",
            "phone_numbers": "+1 555 0100",
            "emails": [{"address": "a@example.test"}],
        },
        source={"code": "airbnb"},
        type_guest="owner",
    )
    world.edit_property(
        2001,
        bedrooms=2.5,
        bathrooms="2.5",
        latitude="35.5",
        notes="Key in box",
        living_area="1,200",
        year_built=1998.0,
    )
    world.add("people", id="700", name="Ada", active="true", emails="ada@example.test", availability=[1])
    world.add(
        "supplies", id="900", name="Rope", unit_cost="1,200.50 USD", stock_count=2.5, low_stock_count="many"
    )
    world.set_property_tags(2001, [{"id": "12", "name": 5}])
    return world


def found(loader: Loader, table: str, where: str) -> dict[str, Any]:
    """One row, JSON as objects on both databases."""
    columns = list(TABLE[table].by_name)
    listed = ", ".join(f'"{column}"' for column in columns)
    (row,) = loader.query(f"select {listed} from {table} where {where}")
    return {
        column: json.loads(value)
        if TABLE[table].by_name[column].kind == "json" and isinstance(value, str)
        else value
        for column, value in zip(columns, row, strict=True)
    }


def assert_declared(loader: Loader) -> None:
    """No column beyond the dictionary's and dlt's own, in the dataset and in the staging dataset."""
    for schema, table, column in loader.query(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in ('breezeway', 'breezeway_staging_smoky')"
    ):
        assert "__v_" not in column, f"{schema}.{table}.{column}"
        if table in TABLE:
            assert column.startswith("_dlt_") or column in TABLE[table].by_name, f"{schema}.{table}.{column}"


def assert_odd_values(loader: Loader) -> None:
    for task_id, (_, wanted) in TASKS.items():
        row = found(loader, "tasks", f"task_id = {task_id}")
        assert {column: row[column] for column in wanted} == wanted
    assert found(loader, "tasks", "task_id = 103")["unparsed"] == KEPT

    soap, five = loader.query(
        "select name, quantity, unit_cost, supply_id, unparsed from tasks__supplies "
        "where task_id = 103 order by _dlt_list_idx"
    )
    assert soap[:4] == ('{"en": "Soap"}', None, Decimal("20.5679"), None)
    assert _object(soap[4]) == {"supply_id": "x", "quantity": {"n": 1}}
    assert five[:4] == (None, None, None, None) and _object(five[4]) == {"supplies": 5}
    line = found(loader, "tasks__supplies", "task_id = 102")
    assert (line["supply_usage_id"], line["supply_id"], line["quantity"]) == (9, 440, Decimal("2.5"))
    assert line["unit_cost"] == Decimal(10**12)
    photos = loader.query(
        "select photo_id, url from tasks__photos where task_id = 102 order by _dlt_list_idx"
    )
    assert photos == [(55, "a.jpg"), (None, "b.jpg")]

    stay = found(loader, "reservations", "reservation_id = 200")
    assert (stay["adults"], stay["children"], stay["unparsed"]) == (
        None,
        2,
        {"adults": 2.5, "checkin_time": "4 PM"},
    )
    assert (stay["checkout_time"], stay["source"], stay["type_guest_code"]) == (time(10), "airbnb", "owner")
    assert json.loads(stay["note"]) == {"long": LONG} and stay["checkout_date"] == date(2026, 3, 14)
    guest = found(loader, "reservations__guests", "reservation_id = 200")
    assert guest["phone_numbers"] == ["+1 555 0100"] and guest["emails"] == [{"address": "a@example.test"}]

    house = found(loader, "properties", "property_id = 2001")
    assert (house["bedrooms"], house["bathrooms"], house["latitude"]) == (None, Decimal("2.5"), 35.5)
    assert (house["notes"], house["living_area"], house["year_built"]) == (
        ["Key in box"],
        Decimal(1200),
        1998,
    )
    person = found(loader, "people", "person_id = 700")
    assert (person["active"], person["emails"], person["availability"]) == (True, ["ada@example.test"], [1])
    rope = found(loader, "supplies", "supply_id = 900")
    assert (rope["unit_cost"], rope["stock_count"]) == (Decimal("1200.5"), Decimal("2.5"))
    assert rope["unparsed"] == {"unit_cost": "1,200.50 USD", "low_stock_count": "many"}
    answers = loader.query(
        "select action, response, photos, unparsed from task_details__requirements "
        "where task_id = 103 order by position"
    )
    assert [tuple(_object(v) if i != 1 else v for i, v in enumerate(answer)) for answer in answers] == [
        (["Look"], "5", ["q.jpg"], None),
        (["A", "B"], LONG, None, None),
    ]
    assert loader.column("select comment from task_details__comments where task_id = 103") == [
        '{"text": "Lamp"}'
    ]


def _object(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def test_odd_values_are_parsed_or_kept_and_make_no_variant(loader: Loader) -> None:
    loader.configure(marts=False)
    world = loader.sandbox.world
    report = loader.load("--entities", "all")
    assert report.schema_changes == []
    assert_odd_values(loader)
    assert_declared(loader)
    # The other way round: what was whole is odd now, on a machine that knows the schema from the database only.
    loader.wipe()
    loader.pass_time(hours=1)
    world.edit_task(101, **TASKS[103][0])
    world.edit_task(103, **{**dict.fromkeys(TASKS[103][0]), **TASKS[101][0]})
    world.edit_property(2001, bedrooms="three", notes={"about": 1}, year_built={"about": 1990})
    assert loader.load("--entities", "properties", "tasks").schema_changes == []
    swapped = found(loader, "tasks", "task_id = 103")
    assert (swapped["total_cost"], swapped["unparsed"]) == (Decimal(10**12), None)
    assert found(loader, "tasks", "task_id = 101")["unparsed"] == KEPT
    house = found(loader, "properties", "property_id = 2001")
    assert house["unparsed"] == {"bedrooms": "three", "year_built": {"about": 1990}}
    assert_declared(loader)
