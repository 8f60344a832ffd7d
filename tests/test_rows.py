"""Raw objects of the API to rows: documented samples, odd shapes, unknown keys, personal data, and a real load."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pytest

from breezeway_source.columns import TABLES, Table
from breezeway_source.errors import ApiError, ConfigError
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.personal import PersonalData

UTC = timezone.utc
SYNCED_AT = datetime(2031, 3, 10, 6, tzinfo=UTC)
KEEP = PersonalData("keep", None)
HASH = PersonalData("hash", "pepper")
DROP = PersonalData("drop", None)


def sample(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


# The samples of breezeway-api.md, word for word.
PROPERTY = sample("""
{"id": 412077, "company_id": 9001, "name": "Harbour Loft 2", "display": "", "status": "active",
 "address1": "1 Example Way", "address2": null, "building": null, "city": "Sampleton", "state": "ME",
 "zipcode": "00000", "country": "us", "latitude": 44.1201, "longitude": -69.1034,
 "bedrooms": 3, "bathrooms": 2, "wifi_name": null, "wifi_password": null,
 "notes": {"about": "Top floor", "access": null, "trash_info": "Monday"},
 "groups": [{"id": 31, "name": "North", "parent_group_id": null}],
 "photos": [{"id": 5510, "url": "https://img.example.test/5510.jpg", "default": true, "caption": null,
             "original_url": ""}],
 "reference_company_id": null, "reference_property_id": "PMS-1042", "reference_external_property_id": null}""")
STAY = sample("""
{"id": 88014455, "property_id": 412077, "status": "active",
 "checkin_date": "2031-03-04", "checkin_time": "16:00:00", "checkin_early": null,
 "checkout_date": "2031-03-09", "checkout_time": "10:00:00", "checkout_late": null,
 "access_code": null, "guide_url": null, "note": null, "tags": [{"id": 7, "name": "VIP"}],
 "guests": [{"first_name": "Ada", "last_name": "Sample", "emails": [], "phone_numbers": []}],
 "type_guest": {"code": "guest", "name": "Guest"}, "type_stay": {"code": "guest", "name": "Guest"},
 "type_reservation": {"code": "booking", "name": "Booking"},
 "reference_property_id": "PMS-1042", "reference_external_property_id": null,
 "reference_reservation_id": "R-5531"}""")
TASK = sample("""
{"id": 70551234, "name": "Departure clean", "description": null, "home_id": 412077, "reference_property_id": "",
 "template_id": 3301, "type_department": "housekeeping", "subdepartment": null, "type_priority": "normal",
 "type_task_status": {"code": "finished", "name": "Finished", "stage": "finished"},
 "scheduled_date": "2031-03-09", "scheduled_time": null,
 "created_at": "2031-02-11T00:28:25", "updated_at": "2031-03-09T19:02:44+00:00",
 "started_at": "2031-03-09T15:00:00", "finished_at": "2031-03-09T17:06:58", "paused": false,
 "created_by": {"id": 601, "name": "Ops Desk"}, "finished_by": {"id": 655, "name": "Ada Sample"},
 "requested_by": null,
 "assignments": [{"id": 91, "assignee_id": 655, "name": "Ada Sample", "employee_code": null, "expires_at": null,
                  "type_task_user_status": "accepted"}],
 "rate_type": "piece", "rate_paid": "120.00 USD", "total_time": "2:06:58", "total_cost": 55.5, "bill_to": "owner",
 "costs": [{"id": 18, "cost": 35.0, "description": "Linen", "bill_to": "owner",
            "type_cost": {"id": 2, "code": "material", "name": "Material"}, "created_at": "2031-03-09T17:10:00",
            "updated_at": null}],
 "supplies": [{"id": null, "supply_id": 440, "name": "Filter", "description": "", "quantity": 1, "size": "",
               "unit_cost": 20.5, "total_price": 20.5, "bill_to": "owner", "billable": true,
               "markup_pricing_type": "percent", "markup_rate": 0}],
 "photos": [], "tags": ["deep"], "task_tags": [{"id": 4, "name": "deep"}],
 "linked_reservation": {"id": 88014455, "external_reservation_id": "R-5531"},
 "task_series_id": null, "parent_task_id": null, "reported_tasks": [],
 "report_url": "https://portal.example.test/r/x"}""")
COMMENTS = sample('[{"id": 71, "comment": "Lamp broken", "created_at": "2031-03-09T16:12:18"}]')
REQUIREMENTS = sample("""
[{"section_name": "Kitchen", "action": ["Wipe counters", "Empty bin"], "response": "check",
  "type_requirement": "checklist", "photo_required": false, "photos": [], "note": null, "home_element_name": null}]
""")
PERSON = sample("""
{"id": 655, "first_name": "Ada", "last_name": "Sample", "active": true, "accept_decline_tasks": true, "emails": [],
  "employee_code": null, "type_role": "staff", "type_departments": ["housekeeping"], "groups": [],
  "availability": {"monday": [{"start": "09:00:00", "end": "16:00:00"}], "sunday": []}}""")
SUPPLY = sample("""
{"id": 440, "company_id": 9001, "name": "Filter", "description": "", "size": "M", "internal_id": "",
 "unit_cost": 20.5, "stock_count": 40, "low_stock_alert": true, "low_stock_count": 5, "supply_category_id": null,
 "type_stock_status": {"code": "in_stock", "name": "In Stock"},
 "created_at": "2031-01-02T13:17:12", "updated_at": "2031-01-04T11:52:27"}""")


def build(table: str, raw: Any, personal: PersonalData = KEEP, **extra: Any) -> dict[str, Any]:
    return RowBuilder(TABLES[table], "smoky", SYNCED_AT, personal).build(raw, **extra)


def task(**fields: Any) -> dict[str, Any]:
    """The row of a task with these fields, without what every row has."""
    row = build("tasks", {"id": 1, **fields})
    return {k: v for k, v in row.items() if k not in ("region_code", "synced_at", "task_id") and v != []}


def contact(personal: PersonalData = KEEP, **fields: Any) -> dict[str, Any]:
    [row] = build("property_details", {"property_id": 1, "contacts": [fields]}, personal)["contacts"]
    return {k: v for k, v in row.items() if k not in ("region_code", "property_id")}


# --- the documented samples ---


def test_the_sample_task_fills_the_contracts_columns() -> None:
    assert build("tasks", TASK) == {
        "region_code": "smoky",
        "synced_at": SYNCED_AT,
        "task_id": 70551234,
        "name": "Departure clean",
        "home_id": 412077,
        "property_id": 412077,
        "template_id": 3301,
        "type_department": "housekeeping",
        "type_priority": "normal",
        "task_status_code": "finished",
        "task_status_name": "Finished",
        "task_status_stage": "finished",
        "scheduled_date": date(2031, 3, 9),
        "created_at": datetime(2031, 2, 11, 0, 28, 25, tzinfo=UTC),
        "updated_at": datetime(2031, 3, 9, 19, 2, 44, tzinfo=UTC),
        "started_at": datetime(2031, 3, 9, 15, tzinfo=UTC),
        "finished_at": datetime(2031, 3, 9, 17, 6, 58, tzinfo=UTC),
        "paused": False,
        "created_by_id": 601,
        "created_by_name": "Ops Desk",
        "finished_by_id": 655,
        "finished_by_name": "Ada Sample",
        "rate_type": "piece",
        "rate_paid": "120.00 USD",
        "rate_paid_amount": Decimal(120),
        "rate_paid_currency": "USD",
        "total_time": "2:06:58",
        "total_time_seconds": 7618,
        "total_cost": Decimal("55.5"),
        "bill_to": "owner",
        "linked_reservation_id": 88014455,
        "linked_reservation_external_id": "R-5531",
        "tags": ["deep"],
        "report_url": "https://portal.example.test/r/x",
        "photos": [],
        "assignments": [
            {
                "region_code": "smoky",
                "task_id": 70551234,
                "assignment_id": 91,
                "assignee_id": 655,
                "name": "Ada Sample",
                "type_task_user_status": "accepted",
            }
        ],
        "costs": [
            {
                "region_code": "smoky",
                "task_id": 70551234,
                "cost_id": 18,
                "cost": Decimal(35),
                "description": "Linen",
                "bill_to": "owner",
                "type_cost_id": 2,
                "type_cost_code": "material",
                "type_cost_name": "Material",
                "created_at": datetime(2031, 3, 9, 17, 10, tzinfo=UTC),
            }
        ],
        "supplies": [
            {
                "region_code": "smoky",
                "task_id": 70551234,
                "supply_id": 440,
                "name": "Filter",
                "quantity": Decimal(1),
                "unit_cost": Decimal("20.5"),
                "total_price": Decimal("20.5"),
                "bill_to": "owner",
                "billable": True,
                "markup_pricing_type": "percent",
                "markup_rate": Decimal(0),
            }
        ],
        "task_tags": [{"region_code": "smoky", "task_id": 70551234, "tag_id": 4, "name": "deep"}],
    }


def test_the_sample_stay_fills_the_contracts_columns() -> None:
    assert build("reservations", STAY) == {
        "region_code": "smoky",
        "synced_at": SYNCED_AT,
        "reservation_id": 88014455,
        "property_id": 412077,
        "status": "active",
        "checkin_date": date(2031, 3, 4),
        "checkin_time": time(16),
        "checkout_date": date(2031, 3, 9),
        "checkout_time": time(10),
        "type_guest_code": "guest",
        "type_guest_name": "Guest",
        "type_stay_code": "guest",
        "type_stay_name": "Guest",
        "type_reservation_code": "booking",
        "type_reservation_name": "Booking",
        "reference_property_id": "PMS-1042",
        "reference_reservation_id": "R-5531",
        "tags": [{"region_code": "smoky", "reservation_id": 88014455, "tag_id": 7, "name": "VIP"}],
        "guests": [
            {
                "region_code": "smoky",
                "reservation_id": 88014455,
                "position": 0,
                "first_name": "Ada",
                "last_name": "Sample",
            }
        ],
    }


def test_the_sample_property_fills_the_contracts_columns() -> None:
    assert build("properties", PROPERTY) == {
        "region_code": "smoky",
        "synced_at": SYNCED_AT,
        "property_id": 412077,
        "company_id": 9001,
        "name": "Harbour Loft 2",
        "status": "active",
        "address1": "1 Example Way",
        "city": "Sampleton",
        "state": "ME",
        "zipcode": "00000",
        "country": "us",
        "latitude": 44.1201,
        "longitude": -69.1034,
        "bedrooms": 3,
        "bathrooms": Decimal(2),
        "notes": {"about": "Top floor", "access": None, "trash_info": "Monday"},
        "groups": [{"id": 31, "name": "North", "parent_group_id": None}],
        "reference_property_id": "PMS-1042",
        "photos": [
            {
                "region_code": "smoky",
                "property_id": 412077,
                "photo_id": 5510,
                "url": "https://img.example.test/5510.jpg",
                "default": True,
            }
        ],
    }


def test_the_sample_comments_and_requirements_become_lines_of_task_details() -> None:
    raw = {
        "task_id": 9,
        "task_updated_at": "2031-03-09T19:02:44+00:00",
        "comments": COMMENTS,
        "requirements": REQUIREMENTS,
    }
    assert build("task_details", raw) == {
        "region_code": "smoky",
        "synced_at": SYNCED_AT,
        "task_id": 9,
        "task_updated_at": datetime(2031, 3, 9, 19, 2, 44, tzinfo=UTC),
        "comments": [
            {
                "region_code": "smoky",
                "task_id": 9,
                "comment_id": 71,
                "comment": "Lamp broken",
                "created_at": datetime(2031, 3, 9, 16, 12, 18, tzinfo=UTC),
            }
        ],
        "requirements": [
            {
                "region_code": "smoky",
                "task_id": 9,
                "position": 0,
                "section_name": "Kitchen",
                "action": ["Wipe counters", "Empty bin"],
                "response": "check",
                "type_requirement": "checklist",
                "photo_required": False,
            }
        ],
    }


def test_the_sample_person_and_supply_fill_the_contracts_columns() -> None:
    person = build("people", PERSON)
    assert (person["person_id"], person["name"], person["first_name"]) == (655, "Ada Sample", "Ada")
    assert person["type_departments"] == ["housekeeping"]
    assert person["availability"]["monday"] == [{"start": "09:00:00", "end": "16:00:00"}]
    assert "emails" not in person and "groups" not in person and "unparsed" not in person
    supply = build("supplies", SUPPLY)
    assert (supply["supply_id"], supply["type_stock_status_code"]) == (440, "in_stock")
    assert (supply["unit_cost"], supply["stock_count"]) == (Decimal("20.5"), Decimal(40))
    assert "internal_id" not in supply and "unparsed" not in supply


def test_templates_subdepartments_and_tags_take_the_contracts_names() -> None:
    template = build("templates", {"id": 3, "template_name": "Clean", "department_code": "housekeeping"})
    assert (template["template_id"], template["name"], template["department"]) == (3, "Clean", "housekeeping")
    assert build("templates", {"id": 3, "name": "Clean", "department": {"name": "HK"}}) == template | {
        "department": "HK"
    }
    sub = build("subdepartments", {"id": 5, "name": "Pool", "reference_company_id": "PM-77"})
    assert (sub["subdepartment_id"], sub["name"], sub["reference_company_id"]) == (5, "Pool", "PM-77")
    tag = build("tags", {"id": 12, "name": "Pool", "company_id": 9001}, tag_kind="property")
    assert (tag["tag_kind"], tag["tag_id"], tag["company_id"]) == ("property", 12, 9001)


# --- odd shapes of known fields ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"requested_by": "owner"}, {"requested_by_name": "owner"}),
        ({"requested_by": {"id": 3, "name": "Bo"}}, {"requested_by_id": 3, "requested_by_name": "Bo"}),
        ({"requested_by": 3}, {"requested_by_id": 3}),
        ({"requested_by": {}}, {}),
        ({"created_by": []}, {}),
        ({"created_by": [{"id": 3}]}, {"created_by_id": 3}),
        ({"summary": "Done"}, {"summary_note": "Done"}),
        (
            {"summary": {"id": 8, "note": "Done", "created_at": "2031-03-09T16:00:00", "updated_at": None}},
            {
                "summary_id": 8,
                "summary_note": "Done",
                "summary_created_at": datetime(2031, 3, 9, 16, tzinfo=UTC),
            },
        ),
        ({"subdepartment": {"id": 5, "name": "Pool"}}, {"subdepartment_id": 5, "subdepartment_name": "Pool"}),
        ({"subdepartment": "Pool"}, {"subdepartment_name": "Pool"}),
        (
            {"subdepartments": [{"id": 5, "name": "Pool"}]},
            {
                "subdepartment_id": 5,
                "subdepartment_name": "Pool",
                "subdepartments": [{"id": 5, "name": "Pool"}],
            },
        ),
        (
            {"subdepartment": {"id": 5}, "subdepartments": [{"id": 5, "name": "Pool"}]},
            {
                "subdepartment_id": 5,
                "subdepartment_name": "Pool",
                "subdepartments": [{"id": 5, "name": "Pool"}],
            },
        ),
        (
            {"subdepartments": [{"id": 5}, {"id": 6}]},
            {"subdepartment_id": 5, "subdepartments": [{"id": 5}, {"id": 6}]},
        ),
        ({"template": {"id": 3, "name": "Clean"}}, {"template_id": 3, "template_name": "Clean"}),
        ({"template": {"id": 3}, "template_id": 3}, {"template_id": 3}),
        ({"template": {"id": 4}, "template_id": 3}, {"template_id": 3, "unparsed": {"template.id": 4}}),
        ({"type_department": {"code": "housekeeping"}}, {"type_department": "housekeeping"}),
        ({"type_department": {"name": "Housekeeping"}}, {"type_department": "Housekeeping"}),
        (
            {"type_department": {"code": "hk", "name": "Housekeeping"}},
            {"type_department": "hk", "type_department_name": "Housekeeping"},
        ),
        ({"type_task_status": "created"}, {"task_status_code": "created"}),
        (
            {"type_task_status": {"id": 4, "code": "created"}},
            {"task_status_id": "4", "task_status_code": "created"},
        ),
        ({"linked_reservation": {"id": "77"}}, {"linked_reservation_id": 77}),
        ({"linked_reservation": 77}, {"linked_reservation_id": 77}),
        ({"linked_reservation": "R-5"}, {"unparsed": {"linked_reservation_id": "R-5"}}),
        ({"linked_reservation": {}}, {}),
        ({"home_id": "412077"}, {"home_id": 412077, "property_id": 412077}),
        ({"property_id": 5}, {"property_id": 5}),
        ({"home_id": 5, "property_id": 5}, {"home_id": 5, "property_id": 5}),
        ({"home_id": 5, "property_id": 6}, {"home_id": 5, "property_id": 5, "unparsed": {"property_id": 6}}),
        ({"home_id": "x"}, {"unparsed": {"home_id": "x"}}),
        (
            {"rate_paid": "1,200.50 USD"},
            {"rate_paid": "1,200.50 USD", "rate_paid_amount": Decimal("1200.5"), "rate_paid_currency": "USD"},
        ),
        ({"rate_paid": 120}, {"rate_paid": "120", "rate_paid_amount": Decimal(120)}),
        ({"rate_paid": "n/a"}, {"rate_paid": "n/a"}),
        ({"rate_paid": " "}, {}),
        ({"total_time": "27:00:01"}, {"total_time": "27:00:01", "total_time_seconds": 97201}),
        ({"total_time": "a while"}, {"total_time": "a while"}),
        (
            {"total_cost": "1,200.50 USD"},
            {"total_cost": Decimal("1200.5"), "unparsed": {"total_cost": "1,200.50 USD"}},
        ),
        ({"total_cost": "n/a"}, {"unparsed": {"total_cost": "n/a"}}),
        ({"total_cost": 10**15}, {"total_cost": Decimal(10**15)}),
        ({"total_cost": Decimal("1E+20")}, {"unparsed": {"total_cost": 1e20}}),
        ({"itemized_cost": [1, 2]}, {"unparsed": {"itemized_cost": [1, 2]}}),
        ({"itemized_cost": []}, {}),
        ({"tags": "pool"}, {"tags": ["pool"]}),
        ({"scheduled_time": "27:00:01"}, {"unparsed": {"scheduled_time": "27:00:01"}}),
        ({"name": ["a"]}, {"name": '["a"]'}),
        ({"name": "a\x00b"}, {"name": "ab"}),
        ({"comments": [{"id": 1, "comment": "inline"}]}, {}),
        ({"supplies": "none"}, {"unparsed": {"supplies": "none"}}),
        ({"supplies": 0}, {"unparsed": {"supplies": 0}}),
        ({"supplies": ""}, {}),
    ],
)
def test_odd_shapes_of_task_fields(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert task(**fields) == expected


def test_a_list_is_empty_when_it_is_absent_null_or_empty() -> None:
    row = build("tasks", {"id": 1, "costs": None, "supplies": []})
    assert [row[field.field] for field in TABLES["tasks"].children] == [[]] * 5


def test_child_entries_of_other_shapes_find_a_place() -> None:
    row = task(photos=["https://img.example.test/1.jpg", 5], task_tags=["pool", None, {}], costs={"cost": 3})
    own = [{k: v for k, v in line.items() if k not in ("region_code", "task_id")} for line in row["photos"]]
    assert own == [{"url": "https://img.example.test/1.jpg"}, {"unparsed": {"photos": 5}}]
    assert [line.get("name") for line in row["task_tags"]] == ["pool"]
    assert [line["cost"] for line in row["costs"]] == [Decimal(3)]
    assert task(costs=[{"type_cost": "labor"}])["costs"][0]["type_cost_code"] == "labor"


def test_positions_count_the_entries_of_the_list() -> None:
    raw = {"id": 1, "guests": [{"first_name": "A"}, None, {"first_name": "B"}, "C"]}
    guests = build("reservations", raw)["guests"]
    assert [guest["position"] for guest in guests] == [0, 2, 3]
    assert guests[2]["unparsed"] == {"guests": "C"}


def test_null_ids_of_lines_stay_null_and_deleted_lines_keep_their_time() -> None:
    [line] = task(costs=[{"id": None, "cost": "abc", "deleted_at": "2031-03-09T10:00:00"}])["costs"]
    assert "cost_id" not in line and line["unparsed"] == {"cost": "abc"}
    assert line["deleted_at"] == datetime(2031, 3, 9, 10, tzinfo=UTC)


def test_amounts_in_several_currencies_and_lines_that_come_twice_are_told_and_kept() -> None:
    builder = RowBuilder(TABLES["tasks"], "smoky", SYNCED_AT, KEEP)
    costs = [{"id": 7, "cost": "12.00 USD"}, {"id": 7, "cost": "12.00 USD"}, {"id": 8, "cost": "$ 12"}]
    dollars = builder.build({**TASK, "costs": costs})["costs"]
    assert [line["cost"] for line in dollars] == [Decimal(12)] * 3
    assert dollars[0]["unparsed"] == {"cost": "12.00 USD"}
    told = [text for table in builder.tables() for text in table.oddities(0)]
    assert len(told) == 1 and told[0].startswith(
        "lines of tasks__costs came twice, their ids too, in 1 records"
    )
    builder.build({**TASK, "costs": [{"cost": "CA$ 12"}, {"cost": "CA$ 12"}, {"cost": 12}]})
    told = [text for table in builder.tables() for text in table.oddities(0)]
    assert told[0].startswith("amounts of tasks__costs.cost came in several currencies (CA$, USD): sums add")


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_keys_does_not_matter(order: int) -> None:
    assert build("tasks", dict(list(TASK.items())[::order])) == build("tasks", TASK)


@pytest.mark.parametrize(
    "odd",
    [
        "n/a",
        5,
        -1.5,
        True,
        [],
        {},
        [[]],
        [None],
        [{"id": {}}],
        {"id": []},
        {"x": {"y": 1}},
        "\x00",
        2**70,
        ["\ud800"],
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "table", [name for name, table in TABLES.items() if "synced_at" in table.by_name][:-1]
)
def test_no_shape_of_any_field_raises_or_gives_a_wrong_type(table: str, odd: Any) -> None:
    builder = RowBuilder(TABLES[table], "smoky", SYNCED_AT, KEEP)
    keys = [key for key in builder.level.fields if key not in ("id", "property_id", "task_id")]
    raw = {"id": 1, "property_id": 1, "task_id": 1, **dict.fromkeys(keys, odd), "brand_new": odd}
    row = builder.build(raw, **({"tag_kind": "task"} if table == "tags" else {}))
    assert_types(TABLES[table], row)


PYTHON_TYPES = {
    "bigint": int,
    "text": str,
    "decimal": Decimal,
    "double": float,
    "bool": bool,
    "date": date,
    "time": time,
    "timestamp": datetime,
    "json": (dict, list),
}


def assert_types(table: Table, row: dict[str, Any]) -> None:
    """Every value has its column's type, unknown columns are text, and children likewise."""
    children = {child.field: child for child in table.children}
    for name, value in row.items():
        if name in children:
            for line in value:
                assert_types(children[name], line)
            continue
        column = table.by_name.get(name)
        expected = PYTHON_TYPES[column.kind] if column else str
        assert isinstance(value, expected) and value != "", name
        assert column is None or column.kind == "bool" or not isinstance(value, bool), name
        if name == "unparsed":
            json.dumps(value, allow_nan=False).encode()


@pytest.mark.parametrize("bad", [None, "abc", "", True, 2.5, [], 2**63])
def test_a_row_without_a_usable_id_is_an_error_that_shows_no_value(bad: Any) -> None:
    with pytest.raises(ApiError, match=r"tasks.*task_id.*'smoky'") as caught:
        build("tasks", {"id": bad, "name": "Secret"})
    assert "Secret" not in str(caught.value) and "abc" not in str(caught.value)


def test_an_entry_that_is_no_object_is_an_error() -> None:
    with pytest.raises(ApiError, match="people is no object"):
        build("people", "Ada Sample")


# --- contacts, whose shape nobody knows ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"id": 4, "type": "owner", "name": "Bo", "email": "bo@x.test", "phone": "1"},
            {"contact_id": 4, "contact_type": "owner", "name": "Bo", "email": "bo@x.test", "phone": "1"},
        ),
        ({"contact_id": "4", "role": "cleaner"}, {"contact_id": 4, "contact_type": "cleaner"}),
        (
            {"type_contact": {"code": "own", "name": "Owner"}},
            {"contact_type": "Owner", "contact_type_code": "own"},
        ),
        ({"contact_type": {"code": "own"}}, {"contact_type": "own"}),
        ({"first_name": "Bo", "last_name": "S"}, {"name": "Bo S", "first_name": "Bo", "last_name": "S"}),
        ({"name": "Bo", "first_name": "B"}, {"name": "Bo", "first_name": "B"}),
        ({"emails": ["a@x.test", "b@x.test"]}, {"email": "a@x.test", "emails": ["a@x.test", "b@x.test"]}),
        ({"emails": [{"email": "a@x.test"}]}, {"email": "a@x.test", "emails": [{"email": "a@x.test"}]}),
        ({"phone_number": 5550}, {"phone": "5550"}),
        ({"phones": ["1", "2"]}, {"phone": "1", "phones": ["1", "2"]}),
        (
            {"phone_numbers": [{"number": "1", "type": "home"}]},
            {"phone": "1", "phones": [{"number": "1", "type": "home"}]},
        ),
        (
            {"phone": {"number": "1", "type": "home"}},
            {"phone": "1", "phones": [{"number": "1", "type": "home"}]},
        ),
        ({"email": ["a@x.test"]}, {"email": "a@x.test", "emails": ["a@x.test"]}),
        (
            {"id": 4, "company": "X Ltd", "is_primary": True},
            {"contact_id": 4, "company": "X Ltd", "is_primary": "true"},
        ),
    ],
)
def test_contacts_are_read_in_every_likely_spelling(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert contact(**fields) == expected


def test_comment_authors_are_read_in_every_likely_spelling() -> None:
    raw = {
        "task_id": 1,
        "comments": [
            {"comment": "a", "comment_by": "Bo"},
            {"comment": "b", "comment_by": {"id": 5, "name": "Bo"}, "author": {"id": 5, "name": "Bo"}},
            "c",
        ],
    }
    comments = build("task_details", raw)["comments"]
    assert [line["comment"] for line in comments] == ["a", "b", "c"]
    assert [line.get("comment_by") for line in comments] == ["Bo", "Bo", None]
    assert comments[1]["comment_by_id"] == comments[1]["author_id"] == 5


# --- unknown keys ---


def test_unknown_keys_become_text_under_dlts_name_for_them() -> None:
    assert task(brandNew="x", **{"Some-Key": 5, "flag": True, "rate": Decimal("1.50")}) == {
        "brand_new": "x",
        "some_key": "5",
        "flag": "true",
        "rate": "1.50",
    }
    assert task(nested={"a": [1, None]}, many=[1, 2]) == {"nested": '{"a": [1, null]}', "many": "[1, 2]"}
    assert task(a=None, b="", c={}, d=[], e="  ") == {}
    [line] = task(supplies=[{"supply_id": 1, "newInSupply": {"x": 1}}])["supplies"]
    assert line["new_in_supply"] == '{"x": 1}'


def test_unknown_keys_of_flattened_objects_carry_the_objects_name() -> None:
    assert task(created_by={"id": 1, "employeeCode": "E7"}) == {
        "created_by_id": 1,
        "created_by_employee_code": "E7",
    }
    assert task(linked_reservation={"id": 1, "status": "x"})["linked_reservation_status"] == "x"


@pytest.mark.parametrize(
    "key",
    ["taskId", "task_id", "TaskID", "synced_at", "region_code", "reservation_pk", "linkStatus"]
    + [
        "unparsed",
        "_dlt_id",
        "_dltLoadId",
        "task_status_code",
        "Supplies",
        "rate_paid_amount",
        "Name",
        "",
        " ",
    ],
)
def test_unknown_keys_whose_name_is_taken_go_to_unparsed(key: str) -> None:
    row = build("tasks", {"name": "x", "id": 1, key: "odd"})
    assert row["unparsed"] == {key: "odd"}
    assert (row["task_id"], row["name"], row["supplies"], row["region_code"]) == (1, "x", [], "smoky")
    assert "deleted_at" not in row and row["synced_at"] == SYNCED_AT


def test_two_unknown_keys_with_one_name_do_not_overwrite_each_other() -> None:
    row = task(fooBar="1", foo_bar="2", FooBar="3")
    assert row == {"foo_bar": "2", "unparsed": {"fooBar": "1", "FooBar": "3"}}  # the one spelled like it


def test_nothing_is_lost_when_a_misfit_and_a_clash_share_a_name() -> None:
    row = task(
        type_task_status={"code": "created"},
        task_status_code="x",
        total_cost="n/a",
        totalCost="b",
        Total_Cost=1,
    )
    assert row["unparsed"] == {
        "task_status_code": "x",
        "total_cost": "n/a",
        "totalCost": "b",
        "Total_Cost": 1,
    }
    row = task(linked_reservation="R-5", linked_reservation_id="R-6")
    assert sorted(row["unparsed"].values()) == ["R-5", "R-6"]


def test_a_line_that_repeats_its_parents_id_is_not_odd() -> None:
    lines = task(costs=[{"cost": 1, "task_id": 1}, {"cost": 1, "task_id": 2, "region_code": "x"}])["costs"]
    assert "unparsed" not in lines[0]
    assert lines[1]["unparsed"] == {"task_id": 2, "region_code": "x"} and lines[1]["task_id"] == 1


def test_names_of_unknown_columns_stay_the_same_when_dlt_normalises_them_again() -> None:
    keys = ["aB", "123a", "ÄÖ", "trailing_", "a__b", "x" * 200, "HTTPStatus", "a.b/c", "+x", "select"]
    for key in keys:
        naming = dlt.Schema("s").naming
        [name] = [k for k in build("tags", {"id": 1, key: "v"}) if k not in TABLES["tags"].by_name]
        assert naming.normalize_identifier(name) == name
        assert len(name) <= 63


# --- personal data ---

CANARY = "canary-7f3a"


def personal_samples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects with the canary in every place that may hold personal data, well-formed or not."""
    c = CANARY
    texts = {"address1": c, "address2": [c], "building": {"x": c}, "wifi_name": c, "wifi_password": c}
    codes = {"access_code": c, "guest_access_code": c, "internal_code": c, "accessCode": c, "Notes": c}
    yield ("properties", {"id": 1, **texts, **codes, "notes": {"about": c, "deep": [{"x": c}]}})
    yield "properties", {"id": 2, "notes": c}
    guests = [
        {"first_name": c, "last_name": c, "emails": [c], "phone_numbers": [{"n": c}], "vip": c, "x": {"y": c}}
    ]
    guests.append({"firstName": c, "position": c, "First-Name": c, "emails": {"a": c}})
    yield (
        "reservations",
        {"id": 1, "access_code": c, "guide_url": c, "note": c, "guests": [*guests, c, [c]]},
    )
    yield "reservations", {"id": 2, "guests": c, "Guests": c, "Note": c}
    yield "people", {"id": 1, "emails": [c, {"address": c}], "Emails": c}
    contacts = [
        {"id": 1, "type": "owner", "name": c, "email": c, "phone": c, "other": c, "Email": c},
        {"id": c, "first_name": c, "last_name": c, "emails": [c], "phones": [{"number": c, "x": c}]},
        {"contact_id": [c], "email_address": c, "phone_numbers": c, "mobile": {"x": c}},
        c,
        [c],
    ]
    yield "property_details", {"property_id": 1, "contacts": contacts}
    yield "property_details", {"property_id": 2, "contacts": c}
    yield (
        "tasks",
        {
            "id": 1,
            "report_url": c,
            "reportUrl": c,
            "created_by": {"id": 1, "email": c},
            "requested_by": [{"e": c}],
        },
    )
    comments = [{"id": 1, "comment": c, "more": c, "created_at": c}, c, [c]]
    requirements = [{"response": c, "note": c, "Note": c}, {"response": {"x": c}, "note": [c]}, c]
    yield ("task_details", {"task_id": 1, "comments": comments, "requirements": requirements})
    yield "task_details", {"task_id": 2, "comments": c, "requirements": c}


@pytest.mark.parametrize(("table", "raw"), list(personal_samples()))
def test_dropped_personal_data_is_nowhere_in_the_row(table: str, raw: dict[str, Any]) -> None:
    assert CANARY in str(build(table, raw, KEEP))
    assert CANARY not in str(build(table, raw, DROP))
    assert "h:" not in str(build(table, raw, DROP))


@pytest.mark.parametrize(("table", "raw"), list(personal_samples()))
def test_hashed_personal_data_is_only_there_as_hash(table: str, raw: dict[str, Any]) -> None:
    hashed = str(build(table, raw, HASH))
    assert CANARY not in hashed
    assert HASH.mask(CANARY) in hashed


def test_dropping_keeps_the_rows_and_what_is_not_personal() -> None:
    row = build("reservations", {**STAY, "note": "x", "source": "web"}, DROP)
    assert row["source"] == "web" and "note" not in row
    assert row["guests"] == [{"region_code": "smoky", "reservation_id": 88014455, "position": 0}]
    assert contact(DROP, id=4, type="owner", name="Bo") == {"contact_id": 4, "contact_type": "owner"}
    assert build("tasks", TASK, DROP)["created_by_name"] == "Ops Desk"


def test_a_hash_is_a_keyed_hash_of_each_text_and_keeps_the_shape() -> None:
    expected = hmac.new(b"pepper", b"Ada", "sha256").hexdigest()
    assert HASH.mask("Ada") == f"h:{expected[:32]}"
    assert HASH.mask("Ada") != PersonalData("hash", "other").mask("Ada")
    assert HASH.mask({"a": ["Ada", None, 5], "b": {}}) == {
        "a": [HASH.mask("Ada"), None, HASH.mask("5")],
        "b": {},
    }
    row = build("properties", {**PROPERTY, "access_code": 1234}, HASH)
    assert row["access_code"] == HASH.mask("1234")
    assert row["notes"] == {
        "about": HASH.mask("Top floor"),
        "access": None,
        "trash_info": HASH.mask("Monday"),
    }
    assert contact(HASH, first_name="Bo", last_name="S")["name"] == HASH.mask("Bo S")


def test_personal_data_is_configured_well_or_not_at_all() -> None:
    for key in (None, "", "  "):
        with pytest.raises(ConfigError, match=r"sources\.breezeway\.personal_data_key"):
            PersonalData("hash", key)
    with pytest.raises(ConfigError, match="'hsah'.*Did you mean 'hash'"):
        PersonalData("hsah", "k")
    assert "pepper" not in repr(HASH)


# --- a real load ---


def hints(table: Table) -> list[Any]:
    return [
        {
            "name": c.name,
            "data_type": c.kind,
            **({"precision": 24, "scale": 4} if c.kind == "decimal" else {}),
        }
        for c in table.columns
    ]


def test_a_load_into_duckdb_makes_no_variant_column_and_keeps_the_values(tmp_path: Path) -> None:
    odd = {
        "total_cost": "n/a",
        "paused": "maybe",
        "created_at": "soon",
        "tags": "pool",
        "scheduled_time": "27:00",
    }
    tasks = [
        TASK,
        {
            **TASK,
            "id": 2,
            **odd,
            "brand_new": 5,
            "supplies": [{"id": "x", "quantity": "lots", "name": "a\x00b"}],
        },
        {**TASK, "id": 3, "brand_new": {"a": 1}, "total_cost": 10**15, "summary": "\ud800", "costs": "none"},
        {
            "id": 4,
            "scheduled_time": "16:00",
            "estimated_rate": "1,200.50 USD",
            "name": "\uf0261.5",
            "big": 2**80,
        },
    ]
    stays = [STAY, {**STAY, "id": 2, "guests": ["?"], "note": "two\nlines; 'quoted' \"twice\", ünï"}]
    data = {
        "tasks": tasks,
        "reservations": stays,
        "properties": [PROPERTY],
        "people": [PERSON],
        "supplies": [SUPPLY],
    }

    def resource(name: str) -> Any:
        table = TABLES[name]
        return dlt.resource(
            [build(name, raw) for raw in data[name]],
            name=name,
            primary_key=list(table.key),
            write_disposition="merge",
            columns={hint["name"]: hint for hint in hints(table)},
            nested_hints={c.field: dlt.mark.make_nested_hints(columns=hints(c)) for c in table.children},
        )

    source = dlt.source(lambda: [resource(name) for name in data], name="rows", max_table_nesting=1)()
    pipeline = dlt.pipeline(
        "rows",
        destination=dlt.destinations.duckdb(str(tmp_path / "rows.duckdb")),
        dataset_name="breezeway",
        pipelines_dir=str(tmp_path / "dlt"),
    )
    pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()

    with pipeline.sql_client() as client:

        def query(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in client.execute_sql(sql) or []]

        columns = query("select column_name from information_schema.columns where table_schema = 'breezeway'")
        assert not [name for (name,) in columns if "__v_" in name]
        assert query("select task_id, total_cost, brand_new from tasks order by 1") == [
            (2, None, "5"),
            (3, Decimal("1000000000000000.0000"), '{"a": 1}'),
            (4, None, None),
            (70551234, Decimal("55.5000"), None),
        ]
        [(unparsed,)] = query("select unparsed from tasks where task_id = 2")
        assert set(json.loads(unparsed)) == {"total_cost", "paused", "created_at", "scheduled_time"}
        assert query("select name, scheduled_time, estimated_rate, big from tasks where task_id = 4") == [
            ("1.5", time(16), Decimal("1200.5000"), str(2**80))
        ]
        assert query("select name, quantity, unparsed from tasks__supplies where task_id = 2") == [
            ("ab", None, '{"supply_usage_id":"x","quantity":"lots"}')
        ]
        assert query("select count(*), count(distinct _dlt_root_id) from reservations__guests") == [(2, 2)]
        assert query("select updated_at at time zone 'UTC' from tasks where task_id = 3") == [
            (datetime(2031, 3, 9, 19, 2, 44),)
        ]
