"""What a run touched: the one definition by which marts are refreshed.

A row that a load wrote, or a script marked deleted, has a computed column that is null until the links are made: a task
its `link_status`, a stay and a task's details their `property_pk`. That is noted before the links, in the same
transaction (`note`); what the links changed besides, and the properties all this belongs to, are found after them
(`find_properties`): those of the tasks, of the stays they lead to, and of the same tasks and stays as the marts hold
them.
A property's own row touches nothing.
"""

from __future__ import annotations

from pipelines.database.ddl import SqlClient, is_postgres, rows_of, with_region

TEMPORARY = (
    "examined_tasks",
    "touched_tasks",
    "touched_stays",
    "touched_properties",
    "touched_days",
    "touched_months",
)

# A table of its own: that all tasks are examined is decided before, or PostgreSQL plans for all of them every hour.
_EXAMINED = (
    "create temporary table examined_tasks as select task_id from tasks where region_code = :region_code"
)
_WRITTEN = " and link_status is null"

_WRITTEN_TASKS = """
create temporary table touched_tasks as
select task_id from tasks where region_code = :region_code and link_status is null
union
select task_id from task_details where region_code = :region_code and property_pk is null"""

_WRITTEN_STAYS = """
create temporary table touched_stays as
select reservation_id
from reservations
where region_code = :region_code and property_pk is null"""

# Links made or lost follow from a stay that was written: by its id, or by the link that stood. A task that comes to
# it by the external id was waiting (below), or was linked to another stay that was written.
_TASKS_OF_STAYS = (
    """
insert into touched_tasks
select tasks.task_id
from touched_stays
inner join tasks on touched_stays.reservation_id = tasks.linked_reservation_id
where tasks.region_code = :region_code
except
select task_id from touched_tasks""",
    """
insert into touched_tasks
select tasks.task_id
from touched_stays
inner join tasks on touched_stays.reservation_id = tasks.reservation_pk
where tasks.region_code = :region_code
except
select task_id from touched_tasks""",
)

# A link that waits can become one that never comes, and the reverse, without any row being written: what the API
# answered about the stay changed. Each of the two looks where few rows are, with an index.
_WAITING = tuple(
    f"""
insert into touched_tasks
select money.task_id
from mart_task_money as money
inner join tasks on money.task_id = tasks.task_id
where
    money.region_code = :region_code
    and {waiting}.link_status = 'reservation_not_loaded'
    and tasks.region_code = :region_code
    and {other}.link_status <> 'reservation_not_loaded'
except
select task_id from touched_tasks"""
    for waiting, other in (("money", "tasks"), ("tasks", "money"))
)

_PROPERTIES = """
create temporary table touched_properties as
with

stays as (
    select reservation_id from touched_stays
    union
    select tasks.reservation_pk
    from touched_tasks
    inner join tasks on touched_tasks.task_id = tasks.task_id
    where tasks.region_code = :region_code
    union
    select money.reservation_id
    from touched_tasks
    inner join mart_task_money as money on touched_tasks.task_id = money.task_id
    where money.region_code = :region_code
)

select tasks.property_id
from touched_tasks
inner join tasks on touched_tasks.task_id = tasks.task_id
where tasks.region_code = :region_code
union
select money.property_id
from touched_tasks
inner join mart_task_money as money on touched_tasks.task_id = money.task_id
where money.region_code = :region_code
union
select reservations.property_id
from stays
inner join reservations on stays.reservation_id = reservations.reservation_id
where reservations.region_code = :region_code
union
select turnovers.property_id
from stays
inner join mart_stay_turnovers as turnovers on stays.reservation_id = turnovers.reservation_id
where turnovers.region_code = :region_code"""

_ALL_PROPERTIES = """
create temporary table touched_properties as
select property_id from tasks where region_code = :region_code
union
select property_id from reservations where region_code = :region_code
union
select property_id from mart_task_money where region_code = :region_code
union
select property_id from mart_stay_turnovers where region_code = :region_code"""

_ALL_TASKS = """
create temporary table touched_tasks as
select task_id from tasks where region_code = :region_code
union
select task_id from mart_task_money where region_code = :region_code
union
select task_id from mart_task_lines where region_code = :region_code"""


def note(client: SqlClient, region_code: str) -> None:
    """Note the tasks and stays that were written; after deletions and before links."""
    make(client, "touched_tasks", with_region(_WRITTEN_TASKS, region_code))
    if make(client, "touched_stays", with_region(_WRITTEN_STAYS, region_code)):
        for query in _TASKS_OF_STAYS:
            client.execute_sql(with_region(query, region_code))


def examine(client: SqlClient, region_code: str, *, everything: bool) -> int:
    """Make `examined_tasks` for the history: what was written, or every task; before the links. How many there are."""
    query = _EXAMINED if everything else _EXAMINED + _WRITTEN
    return make(client, "examined_tasks", with_region(query, region_code))


def find_properties(client: SqlClient, region_code: str) -> bool:
    """Make `touched_properties` (property_id, which may be null); after the links. False when there is none."""
    for query in _WAITING:
        client.execute_sql(with_region(query, region_code))
    if is_postgres(client):
        client.execute_sql("analyze touched_tasks")
    ((tasks, stays),) = rows_of(
        client, "select (select count(*) from touched_tasks), (select count(*) from touched_stays)"
    )
    return bool(tasks or stays) and bool(
        make(client, "touched_properties", with_region(_PROPERTIES, region_code))
    )


def take_all(client: SqlClient, region_code: str) -> None:
    """Make `touched_tasks` and `touched_properties` of all that rows or marts of the region name."""
    forget(client)
    make(client, "touched_tasks", with_region(_ALL_TASKS, region_code))
    make(client, "touched_properties", with_region(_ALL_PROPERTIES, region_code))


def forget(client: SqlClient, *names: str) -> None:
    """Drop these temporary tables where they exist; the transaction's end does not do it on DuckDB."""
    for name in names or TEMPORARY:
        client.execute_sql(f"drop table if exists {temporary(client, name)}")


def temporary(client: SqlClient, name: str) -> str:
    """The temporary table's full name: a table of somebody else's that is called the same is never meant."""
    return f"{'pg_temp' if is_postgres(client) else 'temp'}.{name}"


def make(client: SqlClient, name: str, sql: str, *columns: str) -> int:
    """Run the statement that makes a temporary table; the number of its rows. `columns`: those it is joined by."""
    client.execute_sql(sql)
    if is_postgres(client):
        # Else the planner takes a handful for thousands, or the reverse.
        client.execute_sql(f"analyze {name}" + (f" ({', '.join(columns)})" if columns else ""))
    ((count,),) = rows_of(client, f"select count(*) from {name}")
    return int(count)
