"""The checks, on both databases: each finds its bad row, and none finds anything in good data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tables import Client, hour, insert, property_row, stay, task

from breezeway_source.columns import TABLES
from pipelines.database.each_table import for_each_table
from pipelines.database.indexes import ensure_indexes, unique_keys
from pipelines.database.marts import make_tables
from pipelines.database.post_sql import run_scripts
from pipelines.watch import checks
from pipelines.watch.checks import CheckResult, run_checks

SMOKY = {"region_code": "smoky"}


@pytest.fixture
def client(tables: Client) -> Client:
    """A dataset with two regions of good rows, linked as `run_scripts` does it."""
    for region, company_id in {"smoky": 7, "austin": 8}.items():
        region_row = {"region_code": region, "company_id": company_id, "time_zone": "America/New_York"}
        insert(tables, "regions", region_row)
        insert(tables, "properties", property_row(1, region=region, company_id=company_id))
        insert(tables, "reservations", stay(10, region=region, property_pk=1))
        insert(
            tables,
            "tasks",
            linked(100, region=region, _dlt_id=f"{region}100"),
            task(101, region=region, property_pk=1, link_status="no_link_at_source"),
        )
        line = {"region_code": region, "task_id": 100, "_dlt_root_id": f"{region}100"}
        insert(tables, "tasks__supplies", {**line, "supply_id": 4, "quantity": 1, "total_price": 0})
        insert(tables, "tasks__costs", {**line, "cost": -20})  # a credit
    make_tables(tables)
    return tables


def linked(task_id: int, stay_id: int = 10, region: str = "smoky", **more: Any) -> dict[str, Any]:
    links = {"property_pk": 1, "reservation_pk": stay_id, "link_status": "linked"}
    return task(task_id, stay_id, region=region, **{**links, **more})


def found(client: Client, region: str = "smoky") -> dict[str, int]:
    """Check → bad rows, of those with any."""
    return {result.name: result.rows for result in run_checks(client, region) if result.rows}


def test_good_rows_pass_every_check(client: Client) -> None:
    for region in ("smoky", "austin"):
        run_scripts(client, region)
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


def line(supply_id: int, **more: Any) -> dict[str, Any]:
    return {**LINE, "supply_id": supply_id, **more}


# What is wrong: table, row, the check that finds it, and what that shows besides the region.
BAD: dict[str, tuple[str, dict[str, Any], str, tuple[Any, ...]]] = {
    "a mart that was not current": (
        "marts_made",
        {**SMOKY, "name": "mart_x", "count_differences": 3},
        "marts_are_current",
        ("mart_x", 3),
    ),
    "a price of one unit of several": (
        "tasks__supplies",
        line(11, quantity=2, unit_cost=4.75, total_price=4.75),
        "supply_prices_are_of_the_line",
        (100, None, 11),
    ),
    "a status nobody has seen": (
        "reservations",
        stay(12, status="Tentative", property_pk=1),
        "stay_statuses_are_known",
        (12, "Tentative"),
    ),
    "a cost that could not be read": (
        "tasks__costs",
        {**LINE, "cost_id": 9, "unparsed": '{"cost": "about ten"}'},
        "line_amounts_are_readable",
        (100, 9),
    ),
    "a price that could not be read": (
        "tasks__supplies",
        line(12, unparsed='{"size": [1], "total_price": "n/a"}'),
        "line_amounts_are_readable",
        (100, None),
    ),
    "a key held twice": ("properties", property_row(1), "keys_are_unique", ("properties", "1", 2)),
    "a row without its key": (
        "people",
        {**SMOKY, "person_id": None},
        "keys_are_unique",
        ("people", None, 1),
    ),
    "a tag twice in a kind": (
        "tags",
        {**SMOKY, "tag_kind": None, "tag_id": 1},
        "keys_are_unique",
        ("tags", None, 1),
    ),
    "a line of an older version": (
        "tasks__supplies",
        line(13, _dlt_root_id="gone"),
        "children_have_their_parent",
        ("tasks__supplies", 100),
    ),
    "a task nobody linked": ("tasks", task(102, property_pk=1), "links_are_explained", (102,)),
    "a status without its stay": ("tasks", linked(103, reservation_pk=None), "links_are_explained", (103,)),
    "a stay without its status": (
        "tasks",
        linked(104, link_status="reservation_deleted"),
        "links_are_explained",
        (104,),
    ),
    "another stay than the source's": (
        "tasks",
        linked(105, 11, reservation_pk=10),
        "links_are_explained",
        (105,),
    ),
    "a stay that is not there": ("tasks", linked(106, 13), "links_lead_to_live_stays", (106,)),
    "a task of no property": (
        "tasks",
        task(107, None, 9, link_status="no_link_at_source"),
        "tasks_have_a_property",
        (107,),
    ),
    "a stay of no property": ("reservations", stay(11, 9), "reservations_have_a_property", (11,)),
    "a negative quantity": (
        "tasks__supplies",
        line(14, quantity=-1),
        "supplies_are_not_negative",
        (100, None, 14),
    ),
    "a negative unit cost": (
        "tasks__supplies",
        line(15, unit_cost=-1),
        "supplies_are_not_negative",
        (100, None, 15),
    ),
    "a negative price": (
        "tasks__supplies",
        line(16, total_price=-1),
        "supplies_are_not_negative",
        (100, None, 16),
    ),
    "a property of another company": (
        "properties",
        property_row(2, company_id=9),
        "properties_are_of_the_company",
        (2, 9),
    ),
    "a company configured twice": (
        "regions",
        {"region_code": "mammoth", "company_id": 7},
        "companies_have_one_region",
        ("mammoth", 7),
    ),
    "a company read twice": (
        "properties",
        property_row(1, region="sea_ranch", company_id=7),
        "companies_have_one_region",
        ("sea_ranch", 7),
    ),
}


def test_each_check_finds_its_bad_rows_in_their_region_alone(client: Client) -> None:
    wanted: dict[str, set[tuple[Any, ...]]] = {}
    for table, row, check, shown in BAD.values():
        insert(client, table, row)
        wanted.setdefault(check, set()).add(shown)
    results = [result for result in run_checks(client, "smoky") if result.rows]
    assert {r.name: {tuple(v for v in row if v != "smoky") for row in r.sample} for r in results} == wanted
    assert {r.name: r.rows for r in results} == {check: len(rows) for check, rows in wanted.items()}
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


def test_a_key_that_an_index_keeps_is_not_looked_at(postgres_tables: Client) -> None:
    client = postgres_tables
    make_tables(client)
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
