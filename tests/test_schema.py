"""The schema: tests/golden/schema.txt lists it, and a first load makes all of it, of an empty account too.

`pytest tests/test_schema.py --update-golden` writes the file anew: read the diff before committing it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import NOW
from loading import Loader

from breezeway_source.columns import TABLES
from breezeway_source.columns.marts import MADE_HERE
from breezeway_source.sandbox import World
from pipelines.database.marts import VIEW
from pipelines.database.post_sql import views

GOLDEN = Path(__file__).parent / "golden" / "schema.txt"

KINDS = {
    "bigint": "bigint",
    "boolean": "bool",
    "character varying": "text",
    "varchar": "text",
    "date": "date",
    "double": "double",
    "double precision": "double",
    "json": "json",
    "jsonb": "json",
    "time": "time",
    "time without time zone": "time",
    "timestamp with time zone": "timestamp",
    "timestamp": "local",
    "timestamp without time zone": "local",
}
"""What DuckDB and PostgreSQL call a type -> what the data dictionary calls it."""
DECIMALS = {"decimal": "decimal(24,4)", "money": "decimal(38,2)"}
EVERYTHING = (*(t for root in TABLES.values() for t in (root, *root.children)), *MADE_HERE.values())


@pytest.fixture
def world() -> World:
    """An account with nothing in it at all."""
    return World("smoky", now=NOW)


def schema(loader: Loader) -> list[str]:
    """`table.column type` of every table and view of the dataset but dlt's own three."""
    rows = loader.query(
        "select table_name, column_name, data_type, numeric_precision, numeric_scale "
        "from information_schema.columns where table_schema = 'breezeway'"
    )
    return sorted(
        f"{table}.{column} {kind(data_type, precision, scale)}"
        for table, column, data_type, precision, scale in rows
        if not table.startswith("_dlt")
    )


def kind(data_type: str, precision: int | None, scale: int | None) -> str:
    name = data_type.lower()
    if name.startswith(("decimal", "numeric")):
        return f"decimal({precision},{scale})"
    return KINDS[name]


def test_an_account_without_a_row_gets_the_golden_schema(
    loader: Loader, request: pytest.FixtureRequest
) -> None:
    report = loader.load("--entities", "all")
    assert (report.schema_changes, set(report.rows.values())) == ([], {0})
    assert [warning for warning in report.warnings if "no property" in warning]
    assert [check for check in report.checks if check["rows"]] == []
    found = schema(loader)
    tables = {line.partition(".")[0] for line in found}
    assert {view.name for view in views()} <= tables
    for table in EVERYTHING:
        kinds = {c.name: DECIMALS.get(c.kind, c.kind) for c in table.columns}
        prefix = f"{table.name}."
        made = dict(line.removeprefix(prefix).split(" ") for line in found if line.startswith(prefix))
        assert {c: k for c, k in made.items() if not c.startswith("_dlt_")} == kinds, table.name
    if loader.database.kind == "postgres":
        assert_comments(loader)
    if request.config.getoption("--update-golden") and loader.database.kind == "duckdb":
        GOLDEN.write_text("\n".join(found) + "\n", "utf-8")
    assert found == GOLDEN.read_text("utf-8").splitlines()


def assert_comments(loader: Loader) -> None:
    """Every column of the data dictionary carries its description, every table what a row is."""
    comments = {
        (table, column): comment
        for table, column, comment in loader.query(
            "select pg_class.relname, pg_attribute.attname, col_description(pg_class.oid, pg_attribute.attnum) "
            "from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace "
            "join pg_attribute on pg_attribute.attrelid = pg_class.oid and pg_attribute.attnum > 0 "
            "where pg_namespace.nspname = 'breezeway' and pg_class.relkind = 'r'"
        )
    }
    for table in EVERYTHING:
        for column in table.columns if table.name != VIEW else ():
            assert column.about and comments[table.name, column.name] == column.about


def test_the_golden_file_has_every_column_of_the_data_dictionary_and_no_variant() -> None:
    lines = GOLDEN.read_text("utf-8").splitlines()
    columns = {line.partition(" ")[0] for line in lines}
    declared = {f"{table.name}.{column.name}" for table in EVERYTHING for column in table.columns}
    assert declared <= columns and len(columns) == len(lines)
    assert not [
        line for line in lines if "__v_" in line or not re.fullmatch(r"\w+\.\w+ [a-z]+(\(\d+,\d+\))?", line)
    ]
