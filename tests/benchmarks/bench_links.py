"""Times the SQL after a load on a region of a million tasks. By hand, not part of the test suite:

    PYTHONPATH=.:tests python tests/benchmarks/bench_links.py [postgres|duckdb] [number of tasks]

The first run links everything; the hourly one finds 1,000 changed tasks, 200 changed stays and, as always,
the tasks whose stay is not loaded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from databases import Database, fresh_postgres
from tables import Client, create_tables, fetch

from breezeway_source.columns import TABLES
from pipelines.database import post_sql
from pipelines.database.ddl import is_postgres, roomy_transaction
from pipelines.database.indexes import ensure_indexes
from pipelines.database.post_sql import (
    SQL_DIR,
    ensure_comments,
    ensure_views,
    run_scripts,
    with_region,
)
from pipelines.watch.checks import checks, run_check


def timed(what: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    print(f"{time.perf_counter() - started:8.2f} s  {what}", flush=True)
    return result


def fill(client: Client, tasks: int) -> None:
    """5,000 properties, 0.4 stays a task, 75 % of the tasks linked, 2 % of them to absent stays."""
    stays = tasks * 4 // 10
    numbers = "from generate_series(1, {}) as numbers (n)"
    at = "timestamp with time zone '2031-03-01 00:00:00+00'"
    client.execute_sql(
        "insert into properties (_dlt_id, region_code, property_id, synced_at) "
        f"select 'p' || n, 'smoky', n, {at} {numbers.format(5000)}"
    )
    client.execute_sql(
        "insert into reservations (_dlt_id, region_code, reservation_id, property_id, synced_at) "
        f"select 'r' || n, 'smoky', n, 1 + n % 5000, {at} {numbers.format(stays)}"
    )
    client.execute_sql(
        "insert into tasks (_dlt_id, region_code, task_id, property_id, linked_reservation_id, name, "
        "description, report_url, updated_at, synced_at) "
        "select 't' || n, 'smoky', n, 1 + n % 5000, "
        f"case when n % 4 <> 0 then 1 + n::bigint * 7919 % {stays * 102 // 100} end, 'Departure clean', "
        f"repeat('What is to be done. ', 4), 'https://portal.example.test/r/' || n, {at}, {at} "
        f"{numbers.format(tasks)}"
    )
    for child in ("supplies", "costs"):
        client.execute_sql(
            f"insert into tasks__{child} "
            "(_dlt_id, _dlt_root_id, _dlt_parent_id, region_code, task_id, description) "
            f"select '{child}' || n, 't' || n, 't' || n, 'smoky', n, 'Filter' {numbers.format(tasks)}"
        )
    client.execute_sql(
        "insert into task_details (_dlt_id, region_code, task_id, synced_at) "
        f"select 'd' || n, 'smoky', n, {at} {numbers.format(tasks // 3)}"
    )
    client.execute_sql(
        "insert into deletion_proofs (_dlt_id, region_code, entity, record_id, asked_at, answer, reason) "
        f"select 'q' || n, 'smoky', 'tasks', n, {at} + interval '1 hour', 'not_found', 'reconcile' "
        f"{numbers.format(tasks // 20)}"
    )


def scripts_one_by_one(client: Client) -> None:
    """What run_scripts does, with the time of each script."""
    timed("    statistics", partial(post_sql._renew_statistics, client))
    with roomy_transaction(client):
        for path in sorted(SQL_DIR.glob("*.sql")):
            script = with_region(path.read_text("utf-8"), "smoky")
            timed(f"    {path.name}", partial(client.execute_sql, script))


def hourly_change(client: Client) -> None:
    """What a merge leaves: 1,000 tasks and 200 stays without what was computed for them."""
    client.execute_sql(
        "update tasks set link_status = null, reservation_pk = null, property_pk = null "
        "where task_id % 1000 = 7"
    )
    client.execute_sql("update reservations set property_pk = null where reservation_id % 2000 = 7")


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "postgres"
    tasks = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = str(folder / "bench.duckdb") if kind == "duckdb" else stack.enter_context(fresh_postgres())
        client = stack.enter_context(Database(kind, url, folder).client())
        create_tables(client)
        timed(f"fill {kind} with {tasks} tasks", lambda: fill(client, tasks))
        timed("ensure_indexes", lambda: ensure_indexes(client, TABLES))
        timed("ensure_views", lambda: ensure_views(client))
        timed("ensure_comments", lambda: ensure_comments(client, TABLES))
        timed("ensure_*, nothing to do", lambda: ensure_indexes(client, TABLES) + ensure_views(client))
        print("first run, everything new")
        timed("  all scripts", lambda: scripts_one_by_one(client))
        print(fetch(client, "select link_status, count(*) from tasks group by link_status order by 1"))
        if is_postgres(client):
            timed("vacuum analyze, as autovacuum does", lambda: client.execute_sql("vacuum analyze"))
        for hour in (1, 2):
            hourly_change(client)
            timed(f"hourly run {hour}", lambda: run_scripts(client, "smoky"))
        print("hourly run, nothing changed")
        timed("  all scripts", lambda: scripts_one_by_one(client))
        client.execute_sql("update tasks set link_status = null, reservation_pk = null, property_pk = null")
        if is_postgres(client):
            timed("vacuum analyze, as autovacuum does", lambda: client.execute_sql("vacuum analyze"))
        timed("full relink", lambda: scripts_one_by_one(client))
        if is_postgres(client):
            timed("vacuum analyze, as autovacuum does", lambda: client.execute_sql("vacuum analyze"))
        for check in checks():
            timed(f"check {check.name}", partial(run_check, client, check, "smoky"))
        for view in ("task_supplies", "task_linkage"):
            timed(f"count of {view}", partial(fetch, client, f"select count(*) from {view}"))


if __name__ == "__main__":
    main()
