"""The data dictionary: the contract's names, and rules every table keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from dlt.common.schema.typing import TSchemaTables, TTableSchema

from breezeway_source.columns import TABLES, Table
from breezeway_source.extraction import Chosen
from breezeway_source.reading import Reading
from breezeway_source.rows.shapes import SHAPES
from breezeway_source.source import region_source

ROOTS_WITH_ROWS = [
    "properties",
    "reservations",
    "tasks",
    "people",
    "supplies",
    "templates",
    "subdepartments",
    "tags",
    "property_details",
    "task_details",
]
BOOKKEEPING = ["regions", "deletion_proofs", "entity_reads", "sync_runs"]

VIEWS = {
    "task_supplies": "supply_usage_id supply_id name description size quantity unit_cost total_price bill_to "
    "billable markup_pricing_type markup_rate",
    "task_costs": "cost_id cost description bill_to type_cost_id type_cost_code type_cost_name created_at updated_at",
    "property_contacts": "contact_id contact_type name email phone",
    "reservation_tags": "tag_id name",
    "reservation_guests": "position first_name last_name emails phone_numbers",
    "task_assignments": "assignment_id assignee_id name employee_code expires_at type_task_user_status",
    "task_photos": "photo_id url",
    "task_tags": "tag_id name",
    "task_comments": "comment_id comment created_at",
    "task_requirements": "position section_name action response type_requirement photo_required photos note "
    "home_element_name",
    "property_photos": "photo_id url default caption original_url",
    "property_tags": "tag_id name",
}

PERSONAL = {
    "properties": "address1 address2 building wifi_name wifi_password access_code guest_access_code internal_code "
    "notes",
    "property_details__contacts": "name first_name last_name email emails phone phones",
    "reservations": "access_code guide_url note",
    "reservations__guests": "first_name last_name emails phone_numbers",
    "people": "emails",
    "tasks": "report_url",
    "task_details__comments": "comment",
    "task_details__requirements": "response note",
}


def all_tables() -> Iterator[Table]:
    for table in TABLES.values():
        yield table
        yield from table.children


EVERY_TABLE = pytest.mark.parametrize("table", list(all_tables()), ids=lambda table: table.name)


def test_the_roots_are_those_of_the_contract() -> None:
    assert sorted(TABLES) == sorted(ROOTS_WITH_ROWS + BOOKKEEPING)


@EVERY_TABLE
def test_columns_are_unique_described_snake_case_and_start_with_the_region(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert set(table.key) <= set(names)
    assert "region_code" in names[:2]
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name) and "__" not in column.name
        assert re.fullmatch(r".{10,}\.", column.about), column
        assert not column.name.startswith("_dlt")
        assert not column.personal or column.kind in ("text", "json"), column
    assert table.about.endswith(".")


@pytest.mark.parametrize("name", ROOTS_WITH_ROWS)
def test_roots_carry_their_bookkeeping_columns(name: str) -> None:
    table = TABLES[name]
    assert table.key[0] == "region_code"
    assert [column.name for column in table.columns][-3:] == ["synced_at", "deleted_at", "unparsed"]
    for child in table.children:
        assert child.name == f"{name}__{child.field}" and child.key == ()
        assert child.by_name[table.key[-1]].kind == "bigint"
        assert child.by_name["unparsed"].kind == "json"


def test_child_views_have_the_plans_columns() -> None:
    views = {child.view: set(child.by_name) for table in TABLES.values() for child in table.children}
    assert set(views) == set(VIEWS)
    for view, columns in VIEWS.items():
        assert set(columns.split()) <= views[view], view


@EVERY_TABLE
def test_ids_are_64_bit_and_money_is_decimal(table: Table) -> None:
    for column in table.columns:
        if column.name.endswith("_id") and column.kind != "bigint":
            assert re.match(r"reference_|linked_reservation_external_id|internal_id|run_id", column.name), (
                column
            )
        if re.search(r"cost$|price$|_amount$|quantity|stock_count|markup_rate|estimated_rate", column.name):
            assert column.kind == "decimal" or column.name == "itemized_cost", column


def test_personal_columns_are_those_of_the_api_reference() -> None:
    personal = {t.name: {c.name for c in t.columns if c.personal} for t in all_tables()}
    assert {name: columns for name, columns in personal.items() if columns} == {
        name: set(columns.split()) for name, columns in PERSONAL.items()
    }
    assert {t.name for t in all_tables() if t.personal_unknown} == {
        "people",
        "properties",
        "reservations",
        "reservations__guests",
        "property_details__contacts",
        "task_details__comments",
    }


def test_tasks_have_the_plans_fifty_columns_and_more() -> None:
    names = set(TABLES["tasks"].by_name)
    assert len(names) >= 50
    assert names >= {
        *("total_cost", "total_time", "estimated_time", "estimated_rate", "billable", "itemized_cost"),
        *(
            "task_series_id",
            "parent_task_id",
            "reservation_pk",
            "property_pk",
            "link_status",
            "total_time_seconds",
        ),
        *(
            "linked_reservation_id",
            "linked_reservation_external_id",
            "subdepartment_id",
            "rate_paid_currency",
        ),
    }


def test_every_shape_names_a_table_and_its_columns() -> None:
    tables = {table.name: table for table in all_tables()}
    assert set(SHAPES) <= set(tables)
    for name, shape in SHAPES.items():
        assert shape.ours <= set(tables[name].by_name), name
        assert not shape.bare or shape.bare in tables[name].by_name, name


# --- declared to dlt ------------------------------------------------------------------------------------


def _tables_of_a_source(known: Mapping[str, TTableSchema]) -> TSchemaTables:
    def begin(chosen: Chosen) -> Reading:
        raise AssertionError("nothing is read")

    return region_source("smoky", ("tasks",), begin, known).schema.tables


def test_what_a_schema_holds_as_declared_is_not_declared_again() -> None:
    held = _tables_of_a_source({})
    assert {table.name for table in all_tables()} <= held.keys()
    assert not {table.name for table in all_tables()} & _tables_of_a_source(held).keys()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("tasks", lambda tables: tables["tasks"]["columns"].pop("updated_at")),
        ("tasks", lambda tables: tables["tasks"]["columns"]["name"].update(data_type="bigint")),
        ("tasks", lambda tables: tables["tasks"]["columns"]["name"].update(primary_key=True)),
        ("tasks", lambda tables: tables["tasks"]["columns"]["task_id"].pop("primary_key")),
        ("tasks", lambda tables: tables["tasks"].update({"x-merge-strategy": "upsert"})),
        ("tasks", lambda tables: tables["tasks__supplies"]["columns"]["unit_cost"].pop("precision")),
        ("tasks", lambda tables: tables.pop("tasks__photos")),
        ("people", lambda tables: tables.pop("people")),
    ],
)
def test_what_differs_from_its_declaration_is_declared_again(
    table: str, change: Callable[[TSchemaTables], object]
) -> None:
    held = _tables_of_a_source({})
    change(held)
    again = _tables_of_a_source(held).keys() & {one.name for one in all_tables()}
    assert again == {table, *(child.name for child in TABLES[table].children)}
