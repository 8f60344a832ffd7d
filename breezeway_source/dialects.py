"""SQL written for PostgreSQL and DuckDB, said in the words of the other databases that dlt loads into."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

WRITTEN_IN = "postgres"
# A left join without a partner gives zeros and empty texts in ClickHouse, unless the query says otherwise.
CLICKHOUSE_JOINS = "join_use_nulls"
# `tasks` with the links of the view, where no script writes them into the table.
LINKED_TASKS = (
    "(select tasks.region_code, tasks.deleted_at, tasks.updated_at, tasks.linked_reservation_id, "
    "tasks.linked_reservation_external_id, task_links.reservation_pk, task_links.link_status from tasks "
    "inner join task_links on tasks.region_code = task_links.region_code and tasks.task_id = task_links.task_id"
    ") as tasks"
)


def in_dialect(sql: str, client: SqlClientBase[Any], *args: Any) -> str:
    """One select, or `create or replace view` over one, as the client's database understands it.

    Tables carry their dataset, views are made in it; `args` are written in for `%s`, since each database has its own
    way and order of parameters. Raises sqlglot's SqlglotError for what the dialect has no words for.
    """
    dialect = client.capabilities.sqlglot_dialect or ""
    texts = sql.split("%s")
    literals = [_literal(value, dialect).sql(dialect=WRITTEN_IN) for value in args]
    written = "".join(text + value for text, value in zip(texts, [*literals, ""], strict=True))
    tree = sqlglot.parse_one(written, read=WRITTEN_IN)
    fold = client.capabilities.casefold_identifier
    for name in tree.find_all(exp.Identifier):
        if name.quoted:
            name.set("this", fold(name.name))
    select = tree.expression if isinstance(tree, exp.Create) else tree
    is_view_of_sqlite = dialect == "sqlite" and isinstance(tree, exp.Create)
    if not is_view_of_sqlite:  # which looks in its own file, and is broken by the name it was attached under
        for table in _tables(select):
            table.replace(_qualified(table, client, dialect))
    if isinstance(tree, exp.Create):
        tree.this.replace(exp.to_table(client.make_qualified_table_name(tree.this.name), dialect=dialect))
        if dialect == "sqlite":
            tree.set("replace", False)
    for inner in select.find_all(
        exp.Select
    ):  # of several joined tables, ClickHouse calls a column `tasks.task_id`
        named = [
            exp.alias_(one, one.this.copy()) if isinstance(one, exp.Column) else one
            for one in inner.expressions
        ]
        inner.set("expressions", named)
    if dialect == "clickhouse":
        select.set(
            "settings", [exp.EQ(this=exp.to_identifier(CLICKHOUSE_JOINS), expression=exp.Literal.number(1))]
        )
    return tree.sql(dialect=dialect, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _tables(select: exp.Expression) -> list[exp.Table]:
    """The tables that are none of the query's own `with` names."""
    return [
        source
        for scope in traverse_scope(select)
        for source in scope.sources.values()
        if isinstance(source, exp.Table)
    ]


def _qualified(table: exp.Table, client: SqlClientBase[Any], dialect: str) -> exp.Table:
    found = exp.to_table(client.make_qualified_table_name(table.name), dialect=dialect)
    found.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
    return found


def _literal(value: Any, dialect: str) -> exp.Expression:
    if not isinstance(value, datetime):
        return exp.convert(value)
    at = value.astimezone(timezone.utc)
    if dialect == "sqlite":  # keeps texts, compared as such
        return exp.Literal.string(at.strftime("%Y-%m-%d %H:%M:%S.%f"))
    return exp.cast(exp.Literal.string(at.isoformat(sep=" ")), exp.DataType.Type.TIMESTAMPTZ)
