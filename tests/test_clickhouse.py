"""The views and questions on ClickHouse in process, over tables made from the dictionary. `.ci/engines` brings chdb."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from test_destinations import ASKED, Elsewhere

from breezeway_source.columns import TABLES
from breezeway_source.sql_warehouse import SqlWarehouse
from pipelines.database.post_sql import make_views, portable_views

session = pytest.importorskip("chdb.session", reason=".ci/engines brings chdb")

TYPES = {
    "bigint": "Int64",
    "decimal": "Decimal(24, 4)",
    "double": "Float64",
    "bool": "Bool",
    "date": "Date32",
    "timestamp": "DateTime64(6, 'UTC')",
}


class ClickHouse(Elsewhere):
    """A database in this process, with dlt's names of tables there; raises what it refuses."""

    def __init__(self) -> None:
        super().__init__("clickhouse")
        self.session = session.Session()
        self.execute_sql("create database warehouse")
        for root in TABLES.values():
            for table in (root, *root.children):
                columns = [
                    f"`{c.name}` {TYPES.get(c.kind, 'String')}"
                    if c.name in root.key
                    else f"`{c.name}` Nullable({TYPES.get(c.kind, 'String')})"
                    for c in table.columns
                ]
                name = self.make_qualified_table_name(table.name)
                self.execute_sql(
                    f"create table {name} ({', '.join(columns)}) engine = MergeTree order by tuple()"
                )

    def make_qualified_table_name(self, name: str) -> str:
        return f"`warehouse`.`breezeway___{name}`"

    def execute_sql(self, sql: str, *args: object) -> list[Any]:
        assert not args
        text = str(self.session.query(sql, "TabSeparated"))
        return [tuple(line.split("\t")) for line in text.splitlines()] if sql.startswith("select *") else []


def test_clickhouse_makes_every_view_and_answers_every_question() -> None:
    there: Any = ClickHouse()
    assert make_views(there) == []
    for name in portable_views():
        there.execute_sql(f"select * from {there.make_qualified_table_name(name)}")
    table = "insert into warehouse.breezeway___"
    there.execute_sql(
        f"{table}tasks (region_code, task_id, property_id, linked_reservation_id) "
        "values ('smoky', 1, 1, 10), ('smoky', 2, 1, 11), ('smoky', 3, 9, null)"
    )
    there.execute_sql(
        f"{table}reservations (region_code, reservation_id, property_id) values ('smoky', 10, 1)"
    )
    there.execute_sql(f"{table}properties (region_code, property_id) values ('smoky', 1)")
    assert there.execute_sql("select * from warehouse.breezeway___task_links order by task_id") == [
        ("smoky", "1", "10", "1", "linked"),
        ("smoky", "2", r"\N", "1", "reservation_not_loaded"),
        ("smoky", "3", r"\N", r"\N", "no_link_at_source"),
    ]
    warehouse = SqlWarehouse(SimpleNamespace(sql_client=lambda: there), "smoky", scripted=False)  # type: ignore[arg-type]
    for question, args in ASKED:
        getattr(warehouse, question)(*args)  # a refusal raises: it is not dlt's
