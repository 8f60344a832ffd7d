"""The rows of the marts: refreshed for what a run touched, in the transaction of the links.

    mart_rows.note(client, "smoky")         after deletions, before links: also the history of tasks
    ...links...
    mart_rows.refresh(client, "smoky")      after the links

A refresh reckons the rows of the touched tasks, of their properties, and of the months that changed with them, anew,
compares them with what stands there, and writes the differences. A first load and a new definition write all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from breezeway_source.columns.marts import MARTS
from pipelines.database import touched
from pipelines.database.ddl import SqlClient, is_postgres, rows_of, with_region
from pipelines.database.marts import HISTORY, Mart, fingerprint, history_sql, marts, ours

# Marts found by a month, and those of which a row follows from one task; all others are found by their property.
BY_MONTH = {"mart_payouts": "work_month", "mart_region_months": "month"}
BY_TASK = frozenset({"mart_task_lines", "mart_task_money"})
# The days whose months change with a row.
DAYS = {"mart_task_money": "work_day", "mart_stay_turnovers": "checkout_month"}
# Keys that may be null, and what stands for null where they are compared: only equality can be hashed.
NO_ID, NO_DAY = "-1", "date '0001-01-01'"
STAND_INS = {"property_id": NO_ID, "person_id": NO_ID, "work_month": NO_DAY, "month": NO_DAY}

_MONTHS = """
create temporary table touched_months as
select distinct cast(date_trunc('month', cast(on_day as timestamp)) as date) as month_start
from touched_days"""

# From this share of all tasks or properties on, reading tables whole is faster than row by row through indexes.
MANY = 0.05


def note(client: SqlClient, region_code: str) -> None:
    """Before the links: what was written, and the versions of its tasks."""
    touched.forget(client)
    usable = ours(client)
    touched.note(client, region_code)
    if "marts_made" not in usable:
        return
    if HISTORY not in usable:
        _unset_made(client, region_code, HISTORY)  # once it is there again it lacks what came meanwhile
        return
    query = "select 1 from marts_made where region_code = %s and name = %s"
    is_new = not rows_of(client, query, region_code, HISTORY)  # an upgraded database: none has a version yet
    if touched.examine(client, region_code, everything=is_new):
        client.execute_sql(with_region(history_sql(), region_code))
    _set_made(client, region_code, HISTORY, "")


def refresh(client: SqlClient, region_code: str, *, enabled: bool = True, reckon: bool = False) -> list[str]:
    """After the links: bring the region's marts up to date; returns what a person should know.

    With `reckon` everything is reckoned anew and compared, and the number of differences is left in `marts_made` for
    the check `marts_are_current`. Not `enabled`: the marts are emptied. Anew, without comparing: what was made with
    another definition or time zone, or not at all. Raises what the client raises; the transaction is then to be
    rolled back.
    """
    told = list(_refresh(client, region_code, enabled=enabled, reckon=reckon))
    touched.forget(client)
    return told


def _refresh(client: SqlClient, region_code: str, *, enabled: bool, reckon: bool) -> Iterator[str]:
    usable = ours(client)
    if "marts_made" not in usable:
        return
    made = dict(
        rows_of(client, "select name, definition from marts_made where region_code = %s", region_code)
    )
    wanted: list[Mart] = []
    for mart in marts():
        if mart.name in usable and mart.reads <= {other.name for other in wanted}:
            wanted.append(mart)
    if not DAYS.keys() <= {mart.name for mart in wanted}:
        wanted = []  # what was touched is found by these
    for mart in marts():  # stale money is worse than none; make_tables has told why
        if mart not in wanted and mart.name in usable:
            client.execute_sql(f"delete from {mart.name} where region_code = %s", region_code)
        if mart not in wanted and mart.name in made:
            _unset_made(client, region_code, mart.name)
    if not enabled:
        yield from _empty(client, region_code, wanted, made)
    if not (enabled and wanted):
        return
    definition = _definition(client, region_code)
    if any(made.get(mart.name) != definition for mart in wanted):
        _make_anew(client, region_code, wanted)
        for mart in wanted:
            _set_made(client, region_code, mart.name, definition)
        return
    if touched.find_properties(client, region_code):
        _write_differences(client, region_code, wanted)
    client.execute_sql(
        "update marts_made set count_differences = null where region_code = %s and count_differences > 0",
        region_code,
    )
    if reckon:
        touched.take_all(client, region_code)
        for name, count in _write_differences(client, region_code, wanted, whole=True).items():
            client.execute_sql(
                "update marts_made set count_differences = %s where region_code = %s and name = %s",
                count,
                region_code,
                name,
            )


# --- what is made --------------------------------------------------------------------------------------


def _definition(client: SqlClient, region_code: str) -> str:
    """What the region's marts are made by: every select, every column, the time zone."""
    zone = rows_of(client, "select time_zone from regions where region_code = %s", region_code)
    columns = [f"{mart.name}.{c.name} {c.kind}" for mart in marts() for c in mart.table.columns]
    return fingerprint(str([row[0] for row in zone if row[0]]), *columns, *(mart.sql for mart in marts()))


def _set_made(client: SqlClient, region_code: str, name: str, definition: str) -> None:
    query = "select definition from marts_made where region_code = %s and name = %s"
    if rows_of(client, query, region_code, name) != [(definition,)]:
        _unset_made(client, region_code, name)
        client.execute_sql(
            "insert into marts_made (region_code, name, definition) values (%s, %s, %s)",
            region_code,
            name,
            definition,
        )


def _unset_made(client: SqlClient, region_code: str, name: str) -> None:
    client.execute_sql("delete from marts_made where region_code = %s and name = %s", region_code, name)


def _empty(
    client: SqlClient, region_code: str, wanted: Sequence[Mart], made: Mapping[str, str]
) -> Iterator[str]:
    if not made.keys() & MARTS.keys():
        return
    for mart in wanted:
        client.execute_sql(f"delete from {mart.name} where region_code = %s", region_code)
    client.execute_sql("delete from marts_made where region_code = %s and name <> %s", region_code, HISTORY)
    yield (
        "the marts are switched off (marts = false) and were emptied. "
        "Next: marts = true makes them anew in the next run."
    )


# --- writing -------------------------------------------------------------------------------------------


def _make_anew(client: SqlClient, region_code: str, wanted: Sequence[Mart]) -> None:
    touched.take_all(client, region_code)
    months_known = False
    for mart in wanted:
        if mart.name in BY_MONTH and not months_known:
            _take_all_months(client, region_code, wanted)
            months_known = True
        _advise(client, region_code, mart)
        client.execute_sql(f"delete from {mart.name} where region_code = %s", region_code)
        client.execute_sql(f"insert into {mart.name} ({mart.columns})\n{with_region(mart.sql, region_code)}")
        if is_postgres(client):
            client.execute_sql(f"analyze {mart.name}")


def _write_differences(
    client: SqlClient, region_code: str, wanted: Sequence[Mart], *, whole: bool = False
) -> dict[str, int]:
    """Reckon what is touched, then the months that changed (all months if `whole`); rows that differed."""
    client.execute_sql("create temporary table touched_days (on_day date)")
    client.execute_sql(
        with_region(
            "insert into touched_days select money.work_day from touched_tasks "
            "inner join mart_task_money as money on touched_tasks.task_id = money.task_id "
            "where money.region_code = :region_code",
            region_code,
        )
    )
    differences = {}
    months_known = False
    for mart in wanted:
        if mart.name in BY_MONTH and not months_known:
            if whole:
                _take_all_months(client, region_code, wanted)
            else:
                touched.make(client, "touched_months", _MONTHS)
            months_known = True
        differences[mart.name] = _write(client, region_code, mart)
    return differences


def _advise(client: SqlClient, region_code: str, mart: Mart) -> None:
    """Keep PostgreSQL, for this transaction, from plans that its guesses about computed columns lead it to.

    What is computed in a select has no statistics: it takes thousands for a few, and compares each with each (100,000
    tasks took two minutes, PostgreSQL 18.4).
    """
    if not is_postgres(client):
        return
    client.execute_sql("set local enable_mergejoin = off")
    scope, base = ("tasks", "mart_task_money") if mart.name in BY_TASK else ("properties", "properties")
    ((is_many,),) = rows_of(
        client,
        f"select (select count(*) from touched_{scope}) >= "
        f"{MANY} * (select count(*) from {base} where region_code = %s)",
        region_code,
    )
    client.execute_sql(f"set local enable_nestloop = {'off' if is_many else 'on'}")


def _take_all_months(client: SqlClient, region_code: str, wanted: Sequence[Mart]) -> None:
    touched.forget(client, "touched_days")
    columns = {**DAYS, **BY_MONTH}
    days = " union ".join(
        f"select {columns[mart.name]} as on_day from {mart.name} where region_code = '{region_code}'"
        for mart in wanted
        if mart.name in columns
    )
    client.execute_sql(f"create temporary table touched_days as {days}")
    touched.make(client, "touched_months", _MONTHS)


def _write(client: SqlClient, region_code: str, mart: Mart) -> int:
    """Write what differs of one mart, of what it is found by; the number of rows."""
    _advise(client, region_code, mart)
    reckoned = with_region(mart.sql, region_code)
    standing = f"create temporary table standing_rows as {_standing(mart, region_code)}"
    if not touched.make(client, "standing_rows", standing, *mart.table.key):
        client.execute_sql(f"insert into {mart.name} ({mart.columns})\n{reckoned}")
        changed = [f"({_standing(mart, region_code)}) as written"]
    else:
        touched.make(
            client, "fresh_rows", f"create temporary table fresh_rows as\n{reckoned}", *mart.table.key
        )
        changed = [
            name
            for name, ours, others in (
                ("gone_rows", "standing_rows", "fresh_rows"),
                ("new_rows", "fresh_rows", "standing_rows"),
            )
            if touched.make(client, name, _only_in(mart, name, ours, others), *mart.table.key)
        ]
        if "gone_rows" in changed:
            client.execute_sql(
                f"delete from {mart.name} using gone_rows where {_same_keys(mart, mart.name, 'gone_rows')}"
            )
        if "new_rows" in changed:
            client.execute_sql(
                f"insert into {mart.name} ({mart.columns}) select {mart.columns} from new_rows"
            )
    keys = ", ".join(mart.table.key)
    ((count,),) = rows_of(
        client,
        "select count(*) from ("
        + (" union ".join(f"select {keys} from {name}" for name in changed) or "select 1 where false")
        + ") as changed",
    )
    if mart.name in DAYS:
        for name in changed:
            client.execute_sql(f"insert into touched_days select {DAYS[mart.name]} from {name}")
    touched.forget(client, "standing_rows", "fresh_rows", "gone_rows", "new_rows")
    return int(count)


def _only_in(mart: Mart, name: str, ours: str, others: str) -> str:
    """The rows of one temporary table that the other has not, cell by cell."""
    cells = " and ".join(
        f"{ours}.{column.name} is not distinct from {others}.{column.name}"
        for column in mart.table.columns
        if column.name not in mart.table.key
    )
    return (
        f"create temporary table {name} as select * from {ours} where not exists "
        f"(select 1 from {others} where {_same_keys(mart, ours, others)} and {cells})"
    )


def _same_keys(mart: Mart, one: str, other: str) -> str:
    pairs = []
    for key in mart.table.key:
        left, right = f"{one}.{key}", f"{other}.{key}"
        if key in STAND_INS:
            left, right = (f"coalesce({side}, {STAND_INS[key]})" for side in (left, right))
        pairs.append(f"{left} = {right}")
    return " and ".join(pairs)


def _standing(mart: Mart, region_code: str) -> str:
    """The rows that stand there of what was touched."""
    scope, touched_by = "touched_properties", "property_id"
    if mart.name in BY_TASK:
        scope, touched_by = "touched_tasks", "task_id"
    elif mart.name in BY_MONTH:
        scope, touched_by = "touched_months", "month_start"
    found_by = BY_MONTH.get(mart.name, touched_by)
    listed = ", ".join(f"{mart.name}.{column.name}" for column in mart.table.columns)
    return (
        f"select {listed} from {scope} inner join {mart.name} on {scope}.{touched_by} = {mart.name}.{found_by} "
        f"where {mart.name}.region_code = '{region_code}' union all "
        f"select {listed} from {mart.name} where {mart.name}.region_code = '{region_code}' "
        f"and {mart.name}.{found_by} is null "
        f"and exists (select 1 from {scope} where {scope}.{touched_by} is null)"
    )
