"""The data dictionary as dlt hints: every known column of every table is declared before a row comes.

dlt would otherwise guess a type from the first value and make a variant column at the next odd one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TTableSchema

from .columns import TABLES, Column, Table

STRATEGY = "delete-insert"
DECIMAL_PRECISION = 24
DECIMAL_SCALE = 4

# dlt adds these only to tables that got rows; declared, they are there for views from the first load on.
_ROOT_KEYS: tuple[dict[str, Any], ...] = (
    {"name": "_dlt_load_id", "data_type": "text", "nullable": False},
    {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True, "row_key": True},
)
_CHILD_KEYS: tuple[dict[str, Any], ...] = (
    {"name": "_dlt_root_id", "data_type": "text", "nullable": False, "root_key": True},
    {"name": "_dlt_parent_id", "data_type": "text", "nullable": False, "parent_key": True},
    {"name": "_dlt_list_idx", "data_type": "bigint", "nullable": False},
    {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True, "row_key": True},
)


def merge_hints(table: Table) -> dict[str, Any]:
    """How a resource's rows get into its table: merged on the contract's key.

    The columns are not among them: dlt 1.31 writes a resource's column hints out as YAML after every extraction,
    which costs as much as reading a quiet hour. `declared_tables` brings them into the schema.
    """
    return {
        "name": table.name,
        "primary_key": list(table.key),
        "write_disposition": {"disposition": "merge", "strategy": STRATEGY},
    }


def declared_tables(names: Iterable[str]) -> list[TTableSchema]:
    """These tables of the contract and their child tables with all columns, for a schema to take over."""
    return [deepcopy(table) for name in names for table in _declared_once(name)]


@functools.cache
def _declared_once(name: str) -> list[TTableSchema]:
    resource, naming = dlt.resource([], **table_hints(TABLES[name])), Schema("declared").naming
    return [resource.compute_table_schema(), *resource.compute_nested_table_schemas(name, naming)]


def is_declared(table: Table, known: Mapping[str, TTableSchema]) -> bool:
    """Whether a schema holds the table and its child tables as they are declared."""
    root = known.get(table.name, {})
    if (root.get("write_disposition"), root.get("x-merge-strategy")) != ("merge", STRATEGY):
        return False
    if {name for name, column in root["columns"].items() if column.get("primary_key")} != {*table.key}:
        return False
    declared = [(table.name, column) for column in _columns(table, _ROOT_KEYS)]
    declared += [(child.name, column) for child in table.children for column in _columns(child, _CHILD_KEYS)]
    return all(
        column.items() <= known.get(name, {}).get("columns", {}).get(str(column["name"]), {}).items()
        for name, column in declared
    )


def table_hints(table: Table) -> dict[str, Any]:
    """The hints of a resource that knows every column of its table and child tables."""
    return merge_hints(table) | {
        "columns": _by_name(_columns(table, _ROOT_KEYS)),
        "nested_hints": {
            child.field: dlt.mark.make_nested_hints(columns=_columns(child, _CHILD_KEYS))
            for child in table.children
        },
    }


def _columns(table: Table, keys: tuple[dict[str, Any], ...]) -> list[TColumnSchema]:
    # One fresh dict a column: dlt writes into them.
    declared: list[Any] = [_column(column, table) for column in table.columns]
    return declared + [dict(key) for key in keys]


def _column(column: Column, table: Table) -> dict[str, Any]:
    hint: dict[str, Any] = {"name": column.name, "data_type": column.kind, "description": column.about}
    if column.kind == "decimal":
        hint |= {"precision": DECIMAL_PRECISION, "scale": DECIMAL_SCALE}
    if column.name in table.key:
        hint["nullable"] = False
    return hint


def _by_name(columns: list[TColumnSchema]) -> dict[str, TColumnSchema]:
    return {str(column["name"]): column for column in columns}
