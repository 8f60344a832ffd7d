"""The checks, on both databases: each finds its bad row, and none finds anything in good data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from tables import Client, create_tables, hour, insert, property_row, stay, task

from breezeway_source.columns import TABLES
from pipelines.database.each_table import for_each_table
from pipelines.database.indexes import ensure_indexes, unique_keys
from pipelines.database.post_sql import run_scripts
from pipelines.watch import checks
from pipelines.watch.checks import CheckResult, run_checks

SMOKY = {"region_code": "smoky"}


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    """A dataset with two regions of good rows, linked."""
    with database.client() as client:
        create_tables(client)
        for region, company_id in {"smoky": 7, "austin": 8}.items():
            region_row = {"region_code": region, "company_id": company_id, "time_zone": "America/New_York"}
            insert(client, "regions", region_row)
            insert(client, "properties", property_row(1, region=region, company_id=company_id))
            insert(client, "reservations", stay(10, region=region))
            insert(
                client,
                "tasks",
                task(100, 10, region=region, _dlt_id=f"{region}100"),
                task(101, region=region),
            )
            line = {"region_code": region, "task_id": 100, "_dlt_root_id": f"{region}100"}
            insert(client, "tasks__supplies", {**line, "supply_id": 4, "quantity": 1, "total_price": 0})
            insert(client, "tasks__costs", {**line, "cost": -20})  # a credit
            run_scripts(client, region)
        yield client


def found(client: Client, region: str = "smoky") -> dict[str, int]:
    """Check → bad rows, of those with any."""
    return {result.name: result.rows for result in run_checks(client, region) if result.rows}


def test_good_rows_pass_every_check(client: Client) -> None:
    assert [result.report() for result in run_checks(client, "smoky")] == [
        {"name": "keys_are_unique", "severity": "error", "rows": 0},
        {"name": "children_have_their_parent", "severity": "error", "rows": 0},
        {"name": "links_are_explained", "severity": "error", "rows": 0},
        {"name": "links_lead_to_live_stays", "severity": "error", "rows": 0},
        {"name": "tasks_have_a_property", "severity": "warn", "rows": 0},
        {"name": "reservations_have_a_property", "severity": "warn", "rows": 0},
        {"name": "supplies_are_not_negative", "severity": "warn", "rows": 0},
        {"name": "properties_are_of_the_company", "severity": "warn", "rows": 0},
        {"name": "companies_have_one_region", "severity": "warn", "rows": 0},
        {"name": "marts_are_current", "severity": "error", "rows": 0},
        {"name": "supply_prices_are_of_the_line", "severity": "warn", "rows": 0},
        {"name": "stay_statuses_are_known", "severity": "warn", "rows": 0},
        {"name": "line_amounts_are_readable", "severity": "warn", "rows": 0},
        {"name": "regions_have_a_time_zone", "severity": "warn", "rows": 0},
    ]


LINE = {**SMOKY, "task_id": 100, "_dlt_root_id": "smoky100"}

BAD: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "a mart that was not current": (
        "marts_made",
        {**SMOKY, "name": "mart_x", "count_differences": 3},
        {"marts_are_current": 1},
    ),
    "a price of one unit of several": (
        "tasks__supplies",
        {**LINE, "quantity": 2, "unit_cost": 4.75, "total_price": 4.75},
        {"supply_prices_are_of_the_line": 1},
    ),
    "a status nobody has seen": (
        "reservations",
        stay(12, status="Tentative", property_pk=1),
        {"stay_statuses_are_known": 1},
    ),
    "a cost that could not be read": (
        "tasks__costs",
        {**LINE, "unparsed": '{"cost": "about ten"}'},
        {"line_amounts_are_readable": 1},
    ),
    "a price that could not be read": (
        "tasks__supplies",
        {**LINE, "unparsed": '{"size": [1], "total_price": "n/a"}'},
        {"line_amounts_are_readable": 1},
    ),
    "a key held twice": ("properties", property_row(1), {"keys_are_unique": 1}),
    "a row without its key": ("people", {**SMOKY, "person_id": None}, {"keys_are_unique": 1}),
    "a tag twice in a kind": (
        "tags",
        {**SMOKY, "tag_kind": None, "tag_id": 1},
        {"keys_are_unique": 1},
    ),
    "a line of an older version": (
        "tasks__supplies",
        {**LINE, "_dlt_root_id": "gone"},
        {"children_have_their_parent": 1},
    ),
    "a task nobody linked": ("tasks", task(102, property_pk=1), {"links_are_explained": 1}),
    "a status without its stay": (
        "tasks",
        task(102, 10, property_pk=1, link_status="linked"),
        {"links_are_explained": 1},
    ),
    "a stay without its status": (
        "tasks",
        task(102, 10, property_pk=1, reservation_pk=10, link_status="reservation_deleted"),
        {"links_are_explained": 1},
    ),
    "another stay than the source's": (
        "tasks",
        task(102, 11, property_pk=1, reservation_pk=10, link_status="linked"),
        {"links_are_explained": 1},
    ),
    "a stay that is not there": (
        "tasks",
        task(102, 12, property_pk=1, reservation_pk=12, link_status="linked"),
        {"links_lead_to_live_stays": 1},
    ),
    "a task of no property": (
        "tasks",
        task(102, None, 9, link_status="no_link_at_source"),
        {"tasks_have_a_property": 1},
    ),
    "a stay of no property": ("reservations", stay(11, 9), {"reservations_have_a_property": 1}),
    "a negative quantity": ("tasks__supplies", {**LINE, "quantity": -1}, {"supplies_are_not_negative": 1}),
    "a negative unit cost": ("tasks__supplies", {**LINE, "unit_cost": -1}, {"supplies_are_not_negative": 1}),
    "a negative price": ("tasks__supplies", {**LINE, "total_price": -1}, {"supplies_are_not_negative": 1}),
    "a property of another company": (
        "properties",
        property_row(2, company_id=9),
        {"properties_are_of_the_company": 1},
    ),
    "a company configured twice": (
        "regions",
        {"region_code": "mammoth", "company_id": 7},
        {"companies_have_one_region": 1},
    ),
    "a company read twice": (
        "properties",
        property_row(1, region="mammoth", company_id=7),
        {"companies_have_one_region": 1},
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_check_finds_its_bad_row_in_its_region_alone(client: Client, case: str) -> None:
    table, row, wanted = BAD[case]
    insert(client, table, row)
    assert found(client) == wanted
    assert found(client, "austin") == {}


def test_companies_are_compared_where_none_is_configured(client: Client) -> None:
    client.execute_sql("update regions set company_id = null")
    assert found(client) == found(client, "austin") == {}
    # A key pair that sees austin's company too; its ids may be the same as smoky's own.
    insert(client, "properties", property_row(2, company_id=7), property_row(3, company_id=8))
    assert found(client) == {"properties_are_of_the_company": 1, "companies_have_one_region": 1}
    assert found(client, "austin") == {"companies_have_one_region": 1}


def test_a_link_to_a_deleted_stay_is_found(client: Client) -> None:
    client.execute_sql("update reservations set deleted_at = %s where region_code = 'smoky'", hour(1))
    assert found(client) == {"links_lead_to_live_stays": 1}
    # The scripts look at stays whose property_pk is null, so only the regular way of marking heals itself.
    client.execute_sql("update reservations set property_pk = null where region_code = 'smoky'")
    run_scripts(client, "smoky")
    assert found(client) == {}


def test_many_bad_rows_are_counted_and_a_few_are_shown(client: Client) -> None:
    insert(client, "reservations", *(stay(20 + number, 9) for number in range(8)))
    (result,) = [r for r in run_checks(client, "smoky") if r.rows]
    assert (result.name, result.severity, result.rows, result.failed) == (
        "reservations_have_a_property",
        "warn",
        8,
        False,
    )
    assert len(result.sample) == checks.SAMPLE_ROWS
    assert all(region == "smoky" and 20 <= key < 28 for region, key in result.sample)


def test_only_bad_rows_of_an_error_fail() -> None:
    assert CheckResult("x", "error", 1).failed
    assert not CheckResult("x", "error", 0).failed
    assert not CheckResult("x", "warn", 1).failed


def test_every_root_and_every_child_is_checked() -> None:
    texts = {check.name: for_each_table(check.sql) or "" for check in checks.checks()}
    for root in TABLES.values():
        if "deleted_at" in root.by_name:
            assert f"from {root.name}\n" in texts["keys_are_unique"], root.name
        for child in root.children:
            assert f"inner join {child.name}\n" in texts["children_have_their_parent"], child.name


def test_lines_are_looked_at_where_their_parent_was_written_and_all_of_them_without_a_start(
    client: Client,
) -> None:
    left_over = {**SMOKY, "task_id": 100, "_dlt_root_id": "an older version"}
    lost = {**SMOKY, "task_id": 999, "_dlt_root_id": "nobody"}
    insert(client, "tasks__photos", left_over, lost)

    def rows(since: Any) -> tuple[int, bool]:
        (result,) = [r for r in run_checks(client, "smoky", since) if r.name == "children_have_their_parent"]
        return result.rows, result.reads_part

    assert rows(None) == (2, False)
    assert rows(hour(0)) == (1, True), "the task was written by run 0"
    assert rows(hour(1)) == (0, True)


def test_a_key_that_an_index_keeps_is_not_looked_at(postgres_database: Database) -> None:
    with postgres_database.client() as client:
        create_tables(client)
        run_scripts(client, "smoky")
        insert(client, "people", *[{**SMOKY, "person_id": 1}] * 2)
        assert found(client)["keys_are_unique"] == 1
        ensure_indexes(client, TABLES)  # all but that of people
        assert found(client)["keys_are_unique"] == 1
        client.execute_sql("delete from people")
        assert ensure_indexes(client, TABLES) == []
        (check,) = [check for check in checks.checks() if check.name == "keys_are_unique"]
        assert for_each_table(check.sql, unique_keys(client)) is None
        assert "keys_are_unique" not in found(client)


def test_a_text_for_tables_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="names no kind of table: child table"):
        for_each_table("-- for each: chair\nselect 1")


def test_a_check_without_a_header_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "10_x.sql").write_text("select 1;")
    monkeypatch.setattr(checks, "SQL_DIR", tmp_path)
    with pytest.raises(ValueError, match=r"10_x\.sql must begin with"):
        checks.checks()
