"""SQL after the load: links, deletions, views, indexes, column comments.

    with pipeline.sql_client() as client:
        warnings = ensure_indexes(client, TABLES)
        run_scripts(client, "smoky")
        warnings += ensure_views(client)
        warnings += ensure_comments(client, TABLES)

`run_scripts` is the part a load is not complete without; the others return warnings rather than stop a run.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlt.destinations.exceptions import DatabaseException
from sqlglot.errors import SqlglotError

from breezeway_source.dialects import LINKED_TASKS, in_dialect
from pipelines.database import mart_rows, marts
from pipelines.database.ddl import (
    SQL_DIR,
    SqlClient,
    busy,
    ddl_transaction,
    first_line,
    is_busy,
    is_postgres,
    quoted,
    roomy_transaction,
    rows_of,
    sql_state,
    with_region,
)
from pipelines.database.each_table import for_each_table

if TYPE_CHECKING:
    from breezeway_source.columns import Table

log = logging.getLogger("breezeway")

RULE = ":rule_of_the_links"
LINKS = "30"  # the number of the first script that makes links: rows just written are known until then

# The tables that the scripts join and that grow.
SCRIPT_TABLES = frozenset(
    {"properties", "property_details", "reservations", "tasks", "task_details", "deletion_proofs"}
)

# Why PostgreSQL refuses a view, and the way out. Nothing is ever dropped here: other people's views may
# stand on it.
VIEW_REFUSALS = {
    "42P16": "columns may only be added at its end: drop it by hand, the next run makes it",
    "42809": "something else has that name: rename or drop it by hand, the next run makes the view",
    "42501": "it belongs to another user: let its owner drop it or hand it over",
}


def run_scripts(
    client: SqlClient, region_code: str, *, with_marts: bool = True, reckon: bool = False
) -> list[str]:
    """Run sql_post/NN_*.sql for one region, in number order, and refresh its marts, in one transaction.

    Before the links (from 30 on) what the load wrote is noted, with the history of its tasks. `with_marts` off empties
    the marts; `reckon` compares all of them with what they should be. Safe to repeat. Raises what the client raises,
    with nothing of it kept; returns warnings.
    """
    warnings = marts.make_tables(client)
    _renew_statistics(client)
    paths = sorted(SQL_DIR.glob("*.sql"))
    scripts = {path.name: with_region(script_of(path), region_code) for path in paths}
    with roomy_transaction(client):
        for script in (sql for name, sql in scripts.items() if name < LINKS):
            client.execute_sql(script)
        mart_rows.note(client, region_code)
        for script in (sql for name, sql in scripts.items() if name >= LINKS):
            client.execute_sql(script)
        warnings += mart_rows.refresh(client, region_code, enabled=with_marts, reckon=reckon)
    return warnings


def script_of(path: Path) -> str:
    """The text of a script, for each table where it says so, with the rule of the links where it asks for it."""
    text = for_each_table(path.read_text("utf-8"), between=";") or ""
    if RULE in text:
        view = (SQL_DIR / "views" / "task_links.sql").read_text("utf-8")
        rule = re.search(
            r"^-- the rule of the links.*?(?=^-- end of the rule$)", view, re.MULTILINE | re.DOTALL
        )
        assert rule is not None, "views/task_links.sql marks where the rule begins and ends"
        text = text.replace(RULE, rule[0].rstrip())
    return text


def _renew_statistics(client: SqlClient) -> None:
    """Has PostgreSQL count the tables that a load has changed much.

    Without it the planner takes a first load for a few rows: a million tasks took minutes (PostgreSQL 18.4).
    An hourly run changes too little to get here.
    """
    if not is_postgres(client):
        return
    query = """
        select relname
        from pg_stat_all_tables
        where schemaname = %s and n_mod_since_analyze > 1000 + n_live_tup / 10"""
    changed = {name for (name,) in rows_of(client, query, client.dataset_name)} & SCRIPT_TABLES
    if changed:
        client.execute_sql(f"analyze (skip_locked) {', '.join(sorted(changed))}")


# --- views ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """One view: its file's stem, its `create or replace view`, and the comment that identifies both."""

    name: str
    sql: str
    comment: str


def views() -> list[View]:
    """The views of sql_post/views, by name."""
    return [_view(path) for path in sorted((SQL_DIR / "views").glob("*.sql"))]


def mart_view() -> View:
    """The mart that is a view, over tables that are made after the load."""
    (path,) = (SQL_DIR / "marts").glob(f"*_{marts.VIEW}.sql")
    return _view(path)


def _view(path: Path) -> View:
    sql = path.read_text("utf-8")
    header = " ".join(re.findall(r"^-- (.*)$", sql.partition("create or replace")[0], re.MULTILINE))
    return View(path.stem.lstrip("0123456789_"), sql, f"{header} [definition {_hash(sql)}]")


def ensure_views(client: SqlClient) -> list[str]:
    """Make each view that is missing or whose definition changed; returns warnings.

    The definition's hash is kept in the view's comment, so a run that finds nothing to do takes no lock.
    """
    comments = _view_comments(client)
    wanted = views()
    if "mart_stay_turnovers" in marts.ours(client):
        wanted.append(mart_view())
    outdated = [view for view in wanted if comments.get(view.name) != view.comment]
    return [warning for view in outdated if (warning := _make_view(client, view))]


def make_views(client: SqlClient) -> list[str]:
    """Make each view in the dialect of a database without scripts, anew every time; returns warnings.

    No place for the definition's hash is known there.
    """
    return [
        warning for name, sql in portable_views().items() if (warning := _make_in_dialect(client, name, sql))
    ]


def portable_views() -> dict[str, str]:
    """The views where no script writes the links into `tasks`, in an order in which they can be made."""
    found = {view.name: view.sql for view in views()}
    linkage = found.pop("task_linkage").replace("from tasks\n", f"from {LINKED_TASKS}\n")
    return {**found, "task_linkage": linkage}


def _make_in_dialect(client: SqlClient, name: str, view: str) -> str | None:
    try:
        sql = in_dialect(view, client)
        if "create or " not in sql.lower():  # sqlite has no words for it
            client.execute_sql(f"drop view if exists {client.make_qualified_table_name(name)}")
        client.execute_sql(sql)
    except (DatabaseException, SqlglotError) as error:
        log.debug("view %s", name, exc_info=True)
        return f"View {name} was not made ({first_line(error)}): what it joins is in the tables."
    return None


def _make_view(client: SqlClient, view: View) -> str | None:
    try:
        with ddl_transaction(client):
            # Another region's run may have made it while this one waited for the lock.
            if _view_comments(client).get(view.name) != view.comment:
                client.execute_sql(view.sql)
                client.execute_sql(f"comment on view {view.name} is {quoted(view.comment)}")
    except DatabaseException as error:
        if is_busy(error):
            return busy(f"View {view.name}")
        state = sql_state(error)
        if state in VIEW_REFUSALS:
            return f"View {view.name} was left as it is ({first_line(error)}): {VIEW_REFUSALS[state]}."
        if "Existing object" in str(error):  # DuckDB 2.0: a table has the name
            return f"View {view.name} was not made ({first_line(error)}): {VIEW_REFUSALS['42809']}."
        raise
    return None


def _view_comments(client: SqlClient) -> dict[str, str | None]:
    if is_postgres(client):
        query = """
            select pg_class.relname, obj_description(pg_class.oid, 'pg_class')
            from pg_class
            inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            where pg_namespace.nspname = %s and pg_class.relkind = 'v'"""
    else:
        query = """
            select view_name, comment
            from duckdb_views()
            where database_name = current_database() and schema_name = %s"""
    return {name: comment for name, comment in rows_of(client, query, client.dataset_name)}


# --- comments ------------------------------------------------------------------------------------------


def ensure_comments(client: SqlClient, tables: Mapping[str, Table]) -> list[str]:
    """Put the data dictionary on the tables and columns where it changed; returns warnings.

    PostgreSQL only. The dictionary's hash is kept in the table's comment.
    """
    if not is_postgres(client):
        return []
    query = """
        select pg_class.relname, obj_description(pg_class.oid, 'pg_class')
        from pg_class
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        where pg_namespace.nspname = %s and pg_class.relkind = 'r'"""
    present = dict(rows_of(client, query, client.dataset_name))
    everything = [t for root in tables.values() for t in (root, *root.children)]
    outdated = [t for t in everything if t.name in present and present[t.name] != _table_comment(t)]
    return [warning for table in outdated if (warning := _comment(client, table))]


def _table_comment(table: Table) -> str:
    words = [table.about, *(f"{column.name}: {column.about}" for column in table.columns)]
    return f"{table.about} [dictionary {_hash(chr(10).join(words))}]"


def _comment(client: SqlClient, table: Table) -> str | None:
    query = """
        select column_name from information_schema.columns where table_schema = %s and table_name = %s"""
    existing = {name for (name,) in rows_of(client, query, client.dataset_name, table.name)}
    statements = [f"comment on table {table.name} is {quoted(_table_comment(table))}"] + [
        f'comment on column {table.name}."{column.name}" is {quoted(column.about)}'
        for column in table.columns
        if column.name in existing
    ]
    try:
        with ddl_transaction(client):
            client.execute_sql(";\n".join(statements))
    except DatabaseException as error:
        if is_busy(error):
            return busy(f"The comments of table {table.name}")
        if sql_state(error) == "42501":
            return f"The comments of table {table.name} were not written ({first_line(error)})."
        raise
    return None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
