"""What a dry run would have loaded: row counts, and on request some rows with personal data masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from breezeway_source.columns import TABLES
from pipelines.database.destinations import Target

MASK = "***"
SHOWN_CHARS = 60


def print_samples(console: Console, target: Target, region_codes: Sequence[str], rows: int) -> None:
    """The number of rows of every table of the dry run, and `rows` of each."""
    with duckdb.connect(str(target.file), read_only=True) as database:
        present = {
            name
            for (name,) in database.execute("select table_name from information_schema.tables").fetchall()
        }
        tables = [t for root in TABLES.values() for t in (root, *root.children) if t.name in present]
        summary = Table(title=f"would be loaded for {', '.join(region_codes)}", title_justify="left")
        summary.add_column("table")
        summary.add_column("rows", justify="right")
        for table in tables:
            counted = database.execute(f"select count(*) from {target.dataset}.{table.name}").fetchone()
            summary.add_row(table.name, str(counted[0] if counted else 0))
        console.print(summary)
        for table in tables if rows else ():
            cursor = database.execute(f"select * from {target.dataset}.{table.name} limit {int(rows)}")
            names = [column[0] for column in cursor.description or ()]
            for row in cursor.fetchall():
                console.print(f"{table.name}: {_shown(table, names, row)}", markup=False, highlight=False)


def _shown(table: Any, names: Sequence[str], row: Sequence[Any]) -> str:
    """The filled columns of one row; what is personal, or may be (an unknown field), is masked."""
    parts = []
    for name, value in zip(names, row, strict=True):
        if value is None or name.startswith("_dlt_"):
            continue
        column = table.by_name.get(name)
        text = MASK if column is None or column.personal or name == "unparsed" else str(value)
        parts.append(f"{name}={text[:SHOWN_CHARS]}")
    return ", ".join(parts)
