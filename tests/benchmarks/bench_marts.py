"""The marts and the history of tasks at scale, on PostgreSQL or DuckDB. By hand:

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/bench_marts.py [tasks] [postgres|duckdb]

The tables are filled by SQL: 200 tasks a property over three years, three cost and supply lines, two assignees, a
checklist answer for each tenth task and a stay for every third. Measured is what marts and history add to the scripts
after a load.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from databases import Database, fresh_postgres
from tables import Client, create_tables, fetch

from breezeway_source.columns import TABLES
from pipelines.database import mart_rows, marts, post_sql
from pipelines.database.indexes import ensure_indexes
from pipelines.database.post_sql import ensure_views, run_scripts

FILL = """
insert into regions (region_code, name, time_zone, _dlt_id) values ('smoky', 'Smoky', 'America/New_York', 'r');
insert into properties (region_code, property_id, name, _dlt_id)
select 'smoky', n, concat('House ', n), concat('p', n) from numbers where n <= {properties};
insert into reservations (
    region_code, reservation_id, property_id, status, checkin_date, checkin_time, checkout_date, checkout_time,
    _dlt_id
)
select
    'smoky', n, 1 + mod(n, {properties}), case when mod(n, 20) = 0 then 'cancelled' else 'active' end,
    date '2023-01-01' + cast(mod(n * 7, 1095) as integer), time '16:00',
    date '2023-01-04' + cast(mod(n * 7, 1095) as integer), time '10:00', concat('s', n)
from numbers where n <= {tasks} / 3;
insert into tasks (
    region_code, task_id, name, property_id, linked_reservation_id, type_department, task_status_code,
    task_status_stage, scheduled_date, created_at, updated_at, finished_at, finished_by_id, total_cost,
    rate_paid_amount, rate_paid_currency, rate_type, billable, total_time_seconds, synced_at, _dlt_id
)
select
    'smoky', n, 'Departure clean', 1 + mod(n, {properties}), case when mod(n, 4) > 0 then 1 + n / 3 end,
    case mod(n, 5) when 0 then 'maintenance' when 1 then 'inspection' else 'housekeeping' end,
    case when mod(n, 10) = 0 then 'created' else 'finished' end, 'finished',
    date '2023-01-04' + cast(mod(n, 1095) as integer), timestamp with time zone '2023-01-01 00:00:00+00',
    timestamp with time zone '2026-01-01 00:00:00+00',
    case when mod(n, 10) > 0 then timestamp with time zone '2023-01-04 18:00:00+00' + cast(mod(n, 1095) as integer)
    * interval '1 day' end,
    mod(n, 500), mod(n, 9000) / 100.0, 120, 'USD', 'piece', mod(n, 2) = 0, 7600,
    timestamp with time zone '2026-01-01 00:00:00+00', concat('t', n)
from numbers where n <= {tasks};
insert into tasks__costs (
    region_code, task_id, cost_id, cost, bill_to, type_cost_code, _dlt_id, _dlt_root_id, _dlt_list_idx
)
select 'smoky', n, n, mod(n, 9000) / 100.0, 'owner', 'labor', concat('c', n), concat('t', n), 0
from numbers where n <= {tasks};
insert into tasks__supplies (
    region_code, task_id, supply_id, quantity, unit_cost, total_price, bill_to, billable, _dlt_id, _dlt_root_id,
    _dlt_list_idx
)
select 'smoky', n, 440 + k, 1 + k, 4.75, 4.75 * (1 + k), 'guest', true, concat('u', n, '-', k), concat('t', n), k
from numbers cross join (select 0 as k union all select 1) as ks where n <= {tasks};
insert into tasks__assignments (
    region_code, task_id, assignee_id, type_task_user_status, _dlt_id, _dlt_root_id, _dlt_list_idx
)
select 'smoky', n, mod(n + k, 500), 'accepted', concat('a', n, '-', k), concat('t', n), k
from numbers cross join (select 0 as k union all select 1) as ks where n <= {tasks};
insert into task_details (region_code, task_id, _dlt_id) select 'smoky', n, concat('d', n) from numbers
where n <= {tasks} and mod(n, 10) = 1;
insert into task_details__requirements (
    region_code, task_id, type_requirement, response, _dlt_id, _dlt_root_id, _dlt_list_idx
)
select 'smoky', n, 'condition', case when mod(n, 3) = 0 then 'dirty' else 'good' end, concat('q', n), concat('d', n), 0
from numbers where n <= {tasks} and mod(n, 10) = 1
"""


@contextmanager
def database(kind: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "duckdb":
            yield Database(kind, str(Path(folder) / "bench.duckdb"), Path(folder))
        else:
            with fresh_postgres() as url:
                yield Database(kind, url, Path(folder))


class Stopwatch:
    """Adds up what is spent in marts and history."""

    def __init__(self) -> None:
        self.seconds = 0.0
        for module, name in ((marts, "make_tables"), (mart_rows, "note"), (mart_rows, "refresh")):
            setattr(module, name, self._timed(getattr(module, name)))

    def _timed(self, work: Callable[..., object]) -> Callable[..., object]:
        def timed(*args: object, **more: object) -> object:
            start = time.monotonic()
            try:
                return work(*args, **more)
            finally:
                self.seconds += time.monotonic() - start

        return timed

    def told(self, what: str, work: Callable[[], object], target: str) -> None:
        self.seconds, start = 0.0, time.monotonic()
        work()
        whole = time.monotonic() - start
        print(f"{what:45} {self.seconds:7.2f} s   (all scripts {whole:.2f} s)   target {target}", flush=True)


def vacuum(client: Client, kind: str) -> None:
    if kind == "postgres":
        connection = client.native_connection
        connection.autocommit = True
        connection.cursor().execute("vacuum analyze")


def main(tasks: int, kind: str) -> None:
    watch = Stopwatch()
    properties = tasks // 200
    with database(kind) as base, base.client() as client:
        create_tables(client)
        client.execute_sql(f"create table numbers as select * from generate_series(1, {tasks}) as s(n)")
        if kind == "postgres":
            client.execute_sql("alter table numbers alter column n type bigint")
        for statement in FILL.format(tasks=tasks, properties=properties).split(";\n"):
            client.execute_sql(statement)
        vacuum(client, kind)
        changed = min(5000, tasks // 20)
        few = f"task_id <= {changed} and mod(task_id, {properties}) < 500"
        minute = 60 * tasks / 1_000_000
        watch.told(
            "first load, all anew, links made", lambda: run_scripts(client, "smoky"), f"<= {minute:.0f} s"
        )
        ensure_indexes(client, {**TABLES, **marts.ours(client)})
        ensure_views(client)
        vacuum(client, kind)
        watch.told("nothing changed", lambda: run_scripts(client, "smoky"), "<= 0.2 s")
        watch.told("nothing changed", lambda: run_scripts(client, "smoky"), "<= 0.2 s")
        client.execute_sql(f"update tasks set link_status = null, total_cost = 1 where {few}")
        watch.told(
            f"{changed} tasks over {min(properties, 500)} properties",
            lambda: run_scripts(client, "smoky"),
            "<= 5 s",
        )
        client.execute_sql(f"update tasks set link_status = null, task_status_code = 'approved' where {few}")
        client.execute_sql(
            f"update tasks__costs set cost = cost + 1 where {few.replace('mod(task_id', 'mod(task_id')}"
        )
        watch.told("the same with other money", lambda: run_scripts(client, "smoky"), "<= 5 s")
        vacuum(client, kind)
        watch.told("a weekly run compares all", lambda: run_scripts(client, "smoky", reckon=True), "none")
        client.execute_sql("delete from marts_made where name <> 'task_changes'")
        watch.told("all anew, with indexes", lambda: run_scripts(client, "smoky"), f"<= {minute:.0f} s")
        vacuum(client, kind)
        for mart in ("mart_task_lines", "mart_task_money", "mart_stay_turnovers", "mart_owner_billing"):
            start = time.monotonic()
            rows = fetch(client, f"select * from {mart} where region_code = 'smoky' and property_id = 7")
            spent = (time.monotonic() - start) * 1000
            print(f"   {mart} of one property: {len(rows)} rows, {spent:.0f} ms   target <= 50 ms")
        start = time.monotonic()
        fetch(client, "select * from mart_upcoming_turns where region_code = 'smoky'")
        print(f"   mart_upcoming_turns: {(time.monotonic() - start) * 1000:.0f} ms")
        print(
            f"   peak of the loader: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB; "
            f"views {len(post_sql.views())}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000, sys.argv[2] if sys.argv[2:] else "postgres")
