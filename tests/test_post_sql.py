"""The SQL after a load, on both databases: deletions, links, views, indexes, comments."""

from __future__ import annotations

import shutil
import threading
from datetime import timezone
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pytest
from databases import Database
from tables import (
    Client,
    complete_read,
    create_table,
    create_tables,
    fetch,
    hour,
    insert,
    proof,
    property_row,
    remerge,
    stay,
    task,
)

from breezeway_source.columns import TABLES
from breezeway_source.errors import ConfigError
from pipelines.database import ddl, post_sql
from pipelines.database import indexes as index_module
from pipelines.database.indexes import ensure_indexes, indexes, unique_keys
from pipelines.database.post_sql import (
    ensure_comments,
    ensure_views,
    run_scripts,
    with_region,
)

VERIFICATION = """
SELECT COUNT(*) as total, COUNT(linked_reservation_id) as has_linked_res, COUNT(total_time) as has_total_time
FROM breezeway.tasks WHERE region_code='smoky' AND synced_at > NOW() - INTERVAL '1 hour';
SELECT COUNT(*) FROM breezeway.task_supplies WHERE region_code='smoky';
SELECT region_code, COUNT(*) as total_tasks, COUNT(linked_reservation_id) as has_linked_res,
       COUNT(reservation_pk) as has_res_fk,
       ROUND(100.0 * COUNT(reservation_pk) / NULLIF(COUNT(*), 0), 1) as pct_linked
FROM breezeway.tasks GROUP BY region_code ORDER BY region_code;
SELECT region_code, COUNT(*) FROM breezeway.task_costs GROUP BY region_code ORDER BY region_code;
SELECT COUNT(*) as total, COUNT(total_time) as has_total_time, COUNT(subdepartment_id) as has_subdept,
    COUNT(billable) as has_billable
FROM breezeway.tasks WHERE synced_at > NOW() - INTERVAL '24 hours';
SELECT table_name FROM information_schema.tables WHERE table_schema='breezeway' ORDER BY table_name;
SELECT column_name FROM information_schema.columns
WHERE table_schema='breezeway' AND table_name='tasks' ORDER BY ordinal_position
"""


@pytest.fixture
def client(tables: Client) -> Client:
    return tables


@pytest.fixture
def postgres(postgres_tables: Client) -> Client:
    return postgres_tables


def scripts(client: Client, region: str = "smoky") -> None:
    """Without the marts: what is made of these rows is test_marts_sql.py's."""
    run_scripts(client, region, with_marts=False)


def another_session(client: Client) -> Any:
    """A connection of somebody else's to the same PostgreSQL."""
    return psycopg2.connect(client.credentials.to_native_representation())


def links(client: Client, region: str = "smoky") -> dict[int, tuple[int | None, int | None, str | None]]:
    """task_id → (reservation_pk, property_pk, link_status)."""
    query = "select task_id, reservation_pk, property_pk, link_status from tasks where region_code = %s"
    return {task_id: (stay, place, status) for task_id, stay, place, status in fetch(client, query, region)}


def deleted(client: Client, table: str, key: str) -> dict[int, Any]:
    """Key → deleted_at, of the deleted rows."""
    return dict(fetch(client, f"select {key}, deleted_at from {table} where deleted_at is not null"))


def same_instant(found: Any, wanted: Any) -> bool:
    return bool(found.timestamp() == wanted.timestamp())


# --- the placeholder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["", "Smoky", "1st", "x'; drop table tasks; --", "smoky\n", "hill country"])
def test_a_region_code_that_is_not_a_plain_name_is_refused(code: str) -> None:
    with pytest.raises(ConfigError):
        with_region("select :region_code", code)


def test_the_placeholder_is_replaced_and_a_cast_is_not() -> None:
    assert with_region("a = :region_code and b::region_code", "hill_country") == (
        "a = 'hill_country' and b::region_code"
    )


# --- links ---------------------------------------------------------------------------------------------


def test_every_task_of_the_region_gets_its_stay_its_property_and_a_reason(client: Client) -> None:
    large = 9_000_000_000_001  # ids may be above four billion
    insert(client, "properties", property_row(1), property_row(2, deleted_at=hour(0)), property_row(large))
    insert(client, "reservations", stay(10), stay(11, deleted_at=hour(0)), stay(large, large))
    insert(
        client,
        "deletion_proofs",
        proof("reservations", 12, hour(0), reason="link_lookup"),
        # An unknown stay that is alive again, one that was not proven, and a task, whose id is no stay's.
        proof("reservations", 14, hour(0), reason="link_lookup"),
        proof("reservations", 14, hour(1), "alive", reason="link_lookup"),
        proof("reservations", 15, hour(0), "no_proof", reason="link_lookup"),
        proof("tasks", 16, hour(0)),
    )
    insert(client, "tasks", task(100, 10), task(101), task(102, 11), task(103, 12), task(104, 13))
    insert(
        client,
        "tasks",
        task(105, 10, property_id=2),
        task(106, 10, property_id=9),
        task(107, property_id=None),
        task(108, 14),
        task(109, 15),
        task(110, 16),
        task(large, large, large),
        task(120, 20),
    )
    # Another region, where those ids are others.
    insert(client, "properties", property_row(1, region="austin"))
    insert(client, "reservations", stay(20, region="austin"))
    insert(client, "tasks", task(100, 20, region="austin"), task(101, 10, region="austin"))
    scripts(client)
    expected = {
        100: (10, 1, "linked"),
        101: (None, 1, "no_link_at_source"),
        102: (None, 1, "reservation_deleted"),
        103: (None, 1, "reservation_not_found"),
        104: (None, 1, "reservation_not_loaded"),
        105: (10, 2, "linked"),
        106: (10, None, "linked"),
        107: (None, None, "no_link_at_source"),
        **dict.fromkeys((108, 109, 110, 120), (None, 1, "reservation_not_loaded")),
        large: (large, large, "linked"),
    }
    assert links(client) == expected
    assert links(client, "austin") == {100: (None, None, None), 101: (None, None, None)}
    places = "select reservation_id, property_pk from reservations where region_code = 'smoky' order by 1"
    assert fetch(client, places) == [(10, 1), (11, 1), (large, large)]
    scripts(client, "austin")
    assert links(client, "austin") == {100: (20, 1, "linked"), 101: (None, 1, "reservation_not_loaded")}
    assert links(client) == expected


def test_a_stay_an_answer_and_a_property_that_come_later_are_linked_then(client: Client) -> None:
    insert(client, "deletion_proofs", proof("reservations", 11, hour(0), reason="link_lookup"))
    insert(client, "properties", property_row(2))
    insert(client, "tasks", task(100, 10), task(101, 11), task(102), task(103, 12, property_id=2))
    scripts(client)
    assert links(client) == {
        100: (None, None, "reservation_not_loaded"),
        101: (None, None, "reservation_not_found"),
        102: (None, None, "no_link_at_source"),
        103: (None, 2, "reservation_not_loaded"),
    }
    insert(client, "reservations", stay(10, at=hour(1)), stay(11, at=hour(1)))
    insert(client, "deletion_proofs", proof("reservations", 12, hour(1), reason="link_lookup"))
    scripts(client)
    assert links(client) == {
        100: (10, None, "linked"),
        101: (11, None, "linked"),
        102: (None, None, "no_link_at_source"),
        103: (None, 2, "reservation_not_found"),
    }
    assert fetch(client, "select property_pk from reservations") == [(None,), (None,)]
    insert(client, "properties", property_row(1, hour(2)))
    scripts(client)
    assert {number: place for number, (_, place, _) in links(client).items()} == {
        100: 1,
        101: 1,
        102: 1,
        103: 2,
    }
    assert fetch(client, "select property_pk from reservations") == [(1,), (1,)]


def test_a_moved_and_a_removed_link_follow_the_source(client: Client) -> None:
    insert(client, "properties", property_row(1), property_row(2))
    insert(client, "reservations", stay(10), stay(11))
    insert(client, "tasks", task(100, 10), task(101, 10), task(102, 10))
    scripts(client)
    remerge(client, "tasks", "task_id", task(100, 11, at=hour(1)), task(101, None, at=hour(1)))
    remerge(client, "tasks", "task_id", task(102, 10, property_id=2, at=hour(1)))
    assert links(client)[100] == (None, None, None)
    scripts(client)
    assert links(client) == {
        100: (11, 1, "linked"),
        101: (None, 1, "no_link_at_source"),
        102: (10, 2, "linked"),
    }


def test_a_second_run_writes_no_row(postgres: Client) -> None:
    insert(postgres, "properties", property_row(1))
    insert(postgres, "reservations", stay(10), stay(11, property_id=9))
    insert(postgres, "tasks", task(100, 10), task(101), task(102, 99), task(103, 11, property_id=9))
    insert(postgres, "task_details", {"region_code": "smoky", "task_id": 100, "synced_at": hour(0)})
    versions = "select ctid::text, xmin::text from {} order by 1"
    run_scripts(postgres, "smoky")
    before = [fetch(postgres, versions.format(table)) for table in ("tasks", "reservations", "task_details")]
    run_scripts(postgres, "smoky")
    after = [fetch(postgres, versions.format(table)) for table in ("tasks", "reservations", "task_details")]
    assert before == after


def test_the_statistics_of_a_first_load_are_made(postgres: Client) -> None:
    def analysed() -> Any:
        query = """
            select analyze_count from pg_stat_all_tables
            where schemaname = 'breezeway' and relname = 'tasks'"""
        return fetch(postgres, query)[0][0]

    postgres.execute_sql(
        "insert into tasks (_dlt_id, region_code, task_id, property_id, synced_at) "
        "select 't' || n, 'smoky', n, 1, now() from generate_series(1, 3000) as numbers (n)"
    )
    postgres.execute_sql(
        "select pg_stat_force_next_flush()" if version(postgres) >= 15 else "select pg_sleep(1)"
    )
    run_scripts(postgres, "smoky")
    assert analysed() == 1


def version(client: Client) -> int:
    return int(fetch(client, "select current_setting('server_version_num')::int / 10000")[0][0])


def test_a_failing_script_keeps_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(post_sql.SQL_DIR, tmp_path, dirs_exist_ok=True)
    (tmp_path / "99_broken.sql").write_text("select no_such_column from tasks;")
    monkeypatch.setattr(post_sql, "SQL_DIR", tmp_path)
    insert(client, "tasks", task(100))
    with pytest.raises(Exception, match="no_such_column"):
        scripts(client)
    assert links(client) == {100: (None, None, None)}


def test_a_real_merge_nulls_the_links_and_the_scripts_set_them_again(
    duckdb_database: Database,
) -> None:
    @dlt.source(name="breezeway_smoky", section="breezeway")
    def source(run: int, linked: int) -> Any:
        for name, rows in {
            "properties": [property_row(1, hour(run))] if run == 0 else [],
            "reservations": [stay(10, at=hour(run)), stay(11, at=hour(run))] if run == 0 else [],
            "tasks": [task(100, linked, at=hour(run))],
        }.items():
            columns: Any = {c.name: {"name": c.name, "data_type": c.kind} for c in TABLES[name].columns}
            yield dlt.resource(
                rows, name=name, primary_key=TABLES[name].key, write_disposition="merge", columns=columns
            )

    pipeline = duckdb_database.pipeline()
    pipeline.run(source(0, 10))
    with pipeline.sql_client() as client:
        missing = {
            name: table
            for name, table in TABLES.items()
            if name not in {"properties", "reservations", "tasks"}
        }
        create_tables(client, missing)
        for lines in TABLES["tasks"].children:
            create_table(client, lines, "_dlt_list_idx bigint")
        scripts(client)
        assert links(client) == {100: (10, 1, "linked")}
    pipeline.run(source(1, 11))
    with pipeline.sql_client() as client:
        assert links(client) == {100: (None, None, None)}
        assert fetch(client, "select property_pk from reservations") == [(1,), (1,)]
        scripts(client)
        assert links(client) == {100: (11, 1, "linked")}


# --- catalogues ----------------------------------------------------------------------------------------

CATALOGUES = {
    "properties": "property_id",
    "people": "person_id",
    "supplies": "supply_id",
    "templates": "template_id",
    "subdepartments": "subdepartment_id",
}


def test_rows_that_the_last_complete_read_did_not_hold_are_deleted(client: Client) -> None:
    row = {"region_code": "smoky", "synced_at": hour(0)}
    for table, key in CATALOGUES.items():
        insert(client, table, {**row, key: 1}, {**row, key: 2, "synced_at": hour(1)}, {**row, key: 3})
        insert(client, table, {**row, key: 1, "region_code": "austin"})
        insert(client, "entity_reads", complete_read(table, hour(1)))
    scripts(client)
    for table, key in CATALOGUES.items():
        gone = deleted(client, table, key)
        assert set(gone) == {1, 3} and all(same_instant(at, hour(1)) for at in gone.values()), table
        # Read again, 3 is back; 1 keeps the time at which it was first missed.
        remerge(client, table, key, *({**row, key: n, "synced_at": hour(2)} for n in (2, 3)))
    client.execute_sql("update entity_reads set read_at = %s", hour(2))
    scripts(client)
    for table, key in CATALOGUES.items():
        gone = deleted(client, table, key)
        assert set(gone) == {1} and same_instant(gone[1], hour(1)), table
        assert fetch(client, f"select deleted_at from {table} where region_code = 'austin'") == [(None,)]


def test_without_a_complete_read_nothing_is_deleted(client: Client) -> None:
    insert(client, "properties", property_row(1))
    insert(client, "entity_reads", complete_read("people", hour(5)))
    scripts(client)
    assert deleted(client, "properties", "property_id") == {}


def test_reads_whose_rows_were_lost_on_the_way_delete_nothing(client: Client) -> None:
    lists = {**CATALOGUES, "tags": "tag_id"}
    rows: dict[str, dict[str, Any]] = {
        table: {"region_code": "smoky", "synced_at": hour(0)}
        | ({"tag_kind": "task"} if table == "tags" else {})
        for table in lists
    }
    for table, key in lists.items():
        row = rows[table]
        insert(client, table, {**row, key: 1}, {**row, key: 2}, {**row, key: 2, "region_code": "austin"})
        insert(client, table, {**row, key: 3, "region_code": "austin", "synced_at": hour(1)})
        scope = "task" if table == "tags" else ""
        insert(client, "entity_reads", complete_read(table, hour(1), scope, row_count=1))
    scripts(client)
    for table, key in lists.items():
        assert deleted(client, table, key) == {}, table
        remerge(client, table, key, {**rows[table], key: 2, "synced_at": hour(1)})
    scripts(client)
    for table, key in lists.items():
        assert set(deleted(client, table, key)) == {1}, table


def test_tags_are_deleted_per_kind(client: Client) -> None:
    tag = {"region_code": "smoky", "tag_id": 1, "synced_at": hour(0)}
    insert(client, "tags", {**tag, "tag_kind": "task"}, {**tag, "tag_kind": "property"})
    insert(client, "entity_reads", complete_read("tags", hour(1), "task", row_count=0))
    insert(client, "entity_reads", complete_read("tags", hour(0), "property"))
    scripts(client)
    assert fetch(client, "select tag_kind from tags where deleted_at is not null") == [("task",)]


def test_details_are_deleted_and_come_back_with_their_parent(client: Client) -> None:
    detail = {"region_code": "smoky", "synced_at": hour(0)}
    insert(client, "properties", property_row(1, deleted_at=hour(1)), property_row(2))
    insert(client, "tasks", task(100, deleted_at=hour(2)), task(101))
    insert(client, "property_details", {**detail, "property_id": 1}, {**detail, "property_id": 2})
    insert(client, "task_details", {**detail, "task_id": 100}, {**detail, "task_id": 101})
    scripts(client)
    assert same_instant(deleted(client, "property_details", "property_id").pop(1), hour(1))
    assert same_instant(deleted(client, "task_details", "task_id").pop(100), hour(2))
    assert len(deleted(client, "property_details", "property_id")) == 1
    remerge(client, "properties", "property_id", property_row(1, hour(3)))
    remerge(client, "tasks", "task_id", task(100, at=hour(3)))
    scripts(client)
    assert deleted(client, "property_details", "property_id") == {}
    assert deleted(client, "task_details", "task_id") == {}


# --- proven deletions ----------------------------------------------------------------------------------

PROVEN: tuple[tuple[str, str, Any], ...] = (
    ("tasks", "task_id", task),
    ("reservations", "reservation_id", stay),
)


def gone(client: Client) -> list[dict[int, Any]]:
    """Of tasks and stays: key → deleted_at."""
    return [
        {number: at.astimezone(timezone.utc) for number, at in deleted(client, table, key).items()}
        for table, key, _ in PROVEN
    ]


def prove(client: Client, *proofs: tuple[Any, ...]) -> None:
    """Answers about the tasks and the stays of these ids."""
    for table, _, _ in PROVEN:
        insert(client, "deletion_proofs", *(proof(table, *values) for values in proofs))


def test_two_proofs_of_two_runs_delete_and_one_does_not(client: Client) -> None:
    for table, _, row in PROVEN:
        insert(client, table, row(1), row(2), row(3), row(4), row(1, region="austin"))
    prove(client, (1, hour(1)), (2, hour(1), "deleted"))
    # Around an answer that proves nothing they still count.
    prove(client, (4, hour(0.5)), (4, hour(1), "no_proof"))
    scripts(client)
    assert gone(client) == [{}] * 2
    prove(client, *((number, hour(2)) for number in (1, 2, 3, 4)))
    scripts(client)
    proven = dict.fromkeys((1, 2, 4), hour(2))
    assert gone(client) == [proven] * 2
    for table, key, _ in PROVEN:
        assert fetch(client, f"select region_code from {table} where deleted_at is null and {key} = 1") == [
            ("austin",)
        ]
    # More proofs later do not move the time.
    prove(client, (1, hour(3)))
    scripts(client)
    assert gone(client) == [proven] * 2


NO_PROOFS: tuple[tuple[tuple[int, str, str], ...], ...] = (
    ((1, "not_found", "reconcile"), (2, "no_proof", "reconcile")),
    ((1, "not_found", "reconcile"), (2, "alive", "reconcile"), (3, "not_found", "reconcile")),
    ((1, "not_found", "reconcile"), (2, "not_found", "reconcile"), (3, "alive", "link_lookup")),
    ((1, "not_found", "link_lookup"), (2, "not_found", "link_lookup")),
    ((1, "not_found", "link_lookup"), (2, "not_found", "reconcile")),
)


def test_what_is_no_proof_deletes_nothing_and_a_record_seen_between_two_lives(client: Client) -> None:
    for table, _, row in PROVEN:
        insert(client, table, *(row(number) for number in range(len(NO_PROOFS))))
        insert(client, table, row(11, at=hour(2)), row(12, at=hour(3)))
    for number, proofs in enumerate(NO_PROOFS):
        prove(client, *((number, hour(at), answer, why) for at, answer, why in proofs))
    prove(client, *((number, hour(at)) for number in (11, 12) for at in (1, 3)))
    scripts(client)
    assert gone(client) == [{}] * 2


def test_a_record_that_came_back_is_not_marked_by_old_proofs(client: Client) -> None:
    for table, _, row in PROVEN:
        insert(client, table, row(1), row(2))
    prove(client, *((number, hour(at), "deleted") for number in (1, 2) for at in (1, 2)))
    scripts(client)
    assert gone(client) == [dict.fromkeys((1, 2), hour(2))] * 2
    # A list that still shows it as deleted does not revive it.
    for table, key, row in PROVEN:
        status = "task_status_code" if table == "tasks" else "status"
        remerge(client, table, key, row(1, at=hour(3)), row(2, at=hour(3), **{status: "deleted"}))
    scripts(client)
    assert gone(client) == [{2: hour(2)}] * 2
    # One new proof together with the old ones is still one.
    prove(client, (1, hour(4)))
    scripts(client)
    assert gone(client) == [{2: hour(2)}] * 2
    prove(client, (1, hour(5)))
    scripts(client)
    assert gone(client) == [{2: hour(2), 1: hour(5)}] * 2


def test_the_tasks_of_a_vanished_stay_lose_and_regain_it_and_a_deleted_task_keeps_its_own(
    client: Client,
) -> None:
    insert(client, "properties", property_row(1))
    insert(client, "reservations", stay(10), stay(11))
    insert(client, "tasks", task(100, 10), task(101, 11))
    scripts(client)
    assert links(client) == {100: (10, 1, "linked"), 101: (11, 1, "linked")}
    for entity, record_id in (("reservations", 10), ("tasks", 101)):
        insert(client, "deletion_proofs", *(proof(entity, record_id, hour(at)) for at in (1, 2)))
    scripts(client)
    assert set(deleted(client, "tasks", "task_id")) == {101}
    assert links(client) == {100: (None, 1, "reservation_deleted"), 101: (11, 1, "linked")}
    assert fetch(client, "select property_pk from reservations") == [(1,), (1,)]
    remerge(client, "reservations", "reservation_id", stay(10, at=hour(3)))
    scripts(client)
    assert links(client) == {100: (10, 1, "linked"), 101: (11, 1, "linked")}


# --- views ---------------------------------------------------------------------------------------------


def view_columns(client: Client, view: str) -> list[str]:
    query = """
        select column_name from information_schema.columns
        where table_schema = 'breezeway' and table_name = %s order by ordinal_position"""
    return [name for (name,) in fetch(client, query, view)]


def test_the_plans_queries_run_on_empty_tables(client: Client) -> None:
    assert ensure_views(client) == []
    scripts(client)
    for query in VERIFICATION.split(";"):
        assert fetch(client, query) is not None
    names = {name for (name,) in fetch(client, VERIFICATION.split(";")[5])}
    assert {
        "property_contacts",
        "reservation_tags",
        "subdepartments",
        "task_costs",
        "task_supplies",
        "templates",
    } <= names


CONTRACT = {
    "task_supplies": "supply_usage_id supply_id name description size quantity unit_cost total_price bill_to "
    "billable markup_pricing_type markup_rate",
    "task_costs": "cost_id cost description bill_to type_cost_id type_cost_code type_cost_name created_at "
    "updated_at",
    "property_contacts": "contact_id contact_type name email phone",
}


def test_the_contracts_columns_are_in_its_order(client: Client) -> None:
    ensure_views(client)
    for view, columns in CONTRACT.items():
        assert " ".join(view_columns(client, view)[2:]).startswith(columns), view
    assert " ".join(view_columns(client, "task_linkage")) == (
        "region_code total_tasks linked resolved unresolved linked_pct resolution_pct"
    )
    for root in TABLES.values():
        for child in root.children:
            assert child.view is not None, child.name
            found = view_columns(client, child.view)
            assert found[:2] == ["region_code", root.key[-1]], child.view
            assert set(found) <= {column.name for column in child.columns}, child.view


def test_lines_of_deleted_parents_and_deleted_cost_lines_are_left_out(client: Client) -> None:
    ensure_views(client)
    line = {"region_code": "smoky", "_dlt_root_id": "x"}
    insert(client, "tasks", task(100), task(101, deleted_at=hour(1)), task(100, region="austin"))
    insert(client, "tasks__costs", {**line, "task_id": 100, "cost_id": 1, "cost": 35})
    insert(client, "tasks__costs", {**line, "task_id": 100, "cost_id": 2, "cost": 5, "deleted_at": hour(0)})
    insert(client, "tasks__costs", {**line, "task_id": 101, "cost_id": 3, "cost": 7})
    insert(client, "tasks__supplies", {**line, "task_id": 100, "supply_id": 4}, {**line, "task_id": 101})
    insert(client, "task_details__comments", {**line, "task_id": 100, "comment_id": 71})
    insert(client, "task_details__comments", {**line, "task_id": 101, "comment_id": 72})
    insert(client, "properties", property_row(1), property_row(2, deleted_at=hour(1)))
    insert(client, "property_details__contacts", {**line, "property_id": 1}, {**line, "property_id": 2})
    assert fetch(client, "select region_code, task_id, cost_id, cost from task_costs") == [
        ("smoky", 100, 1, 35)
    ]
    assert fetch(client, "select task_id, supply_id from task_supplies") == [(100, 4)]
    assert fetch(client, "select task_id, comment_id from task_comments") == [(100, 71)]
    assert fetch(client, "select property_id from property_contacts") == [(1,)]


def test_linkage_counts_live_tasks_per_region(client: Client) -> None:
    ensure_views(client)
    insert(client, "reservations", stay(10))
    insert(
        client,
        "tasks",
        task(100, 10),
        task(101, 10),
        task(102, 99),
        task(103),
        task(104, 10, deleted_at=hour(1)),
    )
    insert(client, "tasks", task(100, region="austin"))
    scripts(client)
    scripts(client, "austin")
    rows = fetch(client, "select * from task_linkage order by region_code")
    assert [(*row[:5], *(None if p is None else float(p) for p in row[5:])) for row in rows] == [
        ("austin", 1, 0, 0, 0, 0.0, None),
        ("smoky", 4, 3, 2, 1, 75.0, 66.7),
    ]


def test_a_view_is_made_again_only_when_its_definition_changed(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "views").mkdir()
    file = tmp_path / "views" / "names.sql"
    file.write_text(
        "-- names: one row per task.\ncreate or replace view names as\nselect task_id from tasks;\n"
    )
    monkeypatch.setattr(post_sql, "SQL_DIR", tmp_path)
    made: list[str] = []
    real = ddl.ddl_transaction

    def counted(client: Client) -> Any:
        made.append("lock")
        return real(client)

    monkeypatch.setattr(post_sql, "ddl_transaction", counted)
    assert (ensure_views(client), made) == ([], ["lock"])
    assert (ensure_views(client), made) == ([], ["lock"])
    client.execute_sql("create view on_top as select task_id from names")
    file.write_text(file.read_text().replace("select task_id from", "select task_id, region_code from"))
    assert (ensure_views(client), made) == ([], ["lock", "lock"])
    assert view_columns(client, "names") == ["task_id", "region_code"]
    assert fetch(client, "select task_id from on_top") == []


def test_a_view_that_cannot_be_replaced_is_a_warning_with_the_way_out(
    postgres: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute_sql("create view task_tags as select region_code as something_else from tasks")
    (warning,) = ensure_views(postgres)
    assert warning.startswith("View task_tags was left as it is (cannot change name of view column")
    assert "drop it by hand" in warning
    assert "task_supplies" in {v for (v,) in fetch(postgres, "select viewname from pg_views")}


def test_a_table_with_a_views_name_is_a_warning(client: Client) -> None:
    client.execute_sql("create table task_tags (x integer)")
    (warning,) = ensure_views(client)
    assert "task_tags" in warning
    assert "rename or drop it by hand" in warning
    assert fetch(client, "select count(*) from task_costs") == [(0,)]


def test_a_reader_holding_a_view_costs_a_warning_not_the_run(
    postgres: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddl, "TABLE_WAIT_S", 1)
    assert ensure_views(postgres) == []
    postgres.execute_sql("comment on view task_tags is 'of an older version'")
    reader = another_session(postgres)
    reader.cursor().execute("select count(*) from breezeway.task_tags")  # a transaction left open
    (warning,) = ensure_views(postgres)
    assert warning.startswith("View task_tags: not renewed, another session held a lock")
    reader.close()
    assert ensure_views(postgres) == []


def test_two_first_runs_make_the_views_and_indexes_together(postgres_database: Database) -> None:
    with postgres_database.client() as client:
        create_tables(client)
    found: list[Any] = []

    def make() -> None:
        try:
            with postgres_database.client() as client:
                found.append(
                    ensure_indexes(client, TABLES) + ensure_views(client) + ensure_comments(client, TABLES)
                )
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[], [], [], []]


# --- links by the external id alone, and the rule as a view ---


def led(client: Client) -> dict[int, tuple[int | None, str]]:
    """Task to its stay and status; the view and the mart say the same of every task of both regions."""
    ensure_views(client)
    written = fetch(
        client,
        "select region_code, task_id, reservation_pk, property_pk, link_status from tasks order by 1, 2",
    )
    assert fetch(client, "select * from task_links order by 1, 2") == written
    in_mart = "select region_code, task_id, reservation_id, link_status from mart_task_money order by 1, 2"
    assert fetch(client, in_mart) == [(*row[:3], row[4]) for row in written]
    return {
        task_id: (stay_id, status) for region, task_id, stay_id, _, status in written if region == "smoky"
    }


def test_a_link_by_the_external_id_leads_to_the_one_live_stay_and_follows_it(client: Client) -> None:
    named = {"linked_reservation_external_id": "R-1"}
    for region in ("smoky", "austin"):
        insert(client, "properties", property_row(1, region=region))
    insert(client, "reservations", stay(10, region="austin", reference_reservation_id="R-1"))
    insert(
        client,
        "tasks",
        task(100, **named),
        task(101, 11, **named),
        task(102),
        task(103, region="austin", **named),
    )
    run_scripts(client, "smoky")
    run_scripts(client, "austin")
    # 100 waits for its stay, and is not led to another region's; 101 has an id, which counts.
    assert led(client) == {
        100: (None, "reservation_not_loaded"),
        101: (None, "reservation_not_loaded"),
        102: (None, "no_link_at_source"),
    }
    insert(client, "reservations", stay(12, reference_reservation_id="R-1"))
    run_scripts(client, "smoky")
    assert led(client)[100] == (12, "linked") and led(client)[101] == (None, "reservation_not_loaded")

    # Two stays with that reference: nobody can tell which.
    insert(client, "reservations", stay(13, reference_reservation_id="R-1"))
    run_scripts(client, "smoky")
    assert led(client)[100] == (None, "reservation_not_loaded")

    # One of them is deleted: its row says so, or a proof does.
    client.execute_sql(
        "update reservations set deleted_at = synced_at, property_pk = null where reservation_id = 13"
    )
    run_scripts(client, "smoky")
    assert led(client)[100] == (12, "linked")

    # The stay gets another reference, and then another stay this one.
    remerge(client, "reservations", "reservation_id", stay(12, at=hour(1), reference_reservation_id="R-2"))
    run_scripts(client, "smoky")
    assert led(client)[100] == (None, "reservation_not_loaded")
    insert(client, "reservations", stay(14, at=hour(2), reference_reservation_id="R-1"))
    run_scripts(client, "smoky")
    assert led(client)[100] == (14, "linked")
    client.execute_sql(
        "update reservations set deleted_at = synced_at, property_pk = null where reservation_id = 14"
    )
    run_scripts(client, "smoky")
    assert led(client)[100] == (None, "reservation_not_loaded")
    counted = fetch(
        client, "select total_tasks, linked, resolved from task_linkage where region_code = 'smoky'"
    )
    assert counted == [(3, 2, 0)]


# --- indexes and comments ------------------------------------------------------------------------------


def test_each_index_is_made_once_and_its_name_fits(postgres: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ensure_indexes(postgres, TABLES) == []
    names = {n for (n,) in fetch(postgres, "select indexname from pg_indexes where schemaname = 'breezeway'")}
    wanted = indexes(TABLES)
    assert {index.name for index in wanted} <= names
    assert max(len(index.name) for index in wanted) < 64
    assert {"ux_tasks_key", "ix_tasks__supplies_root", "ix_tasks__supplies_task_id", "ux_tags_key"} <= names
    # Nothing is missing: no lock is asked for.
    monkeypatch.setattr(index_module, "ddl_transaction", lambda client: pytest.fail("took the lock"))
    assert ensure_indexes(postgres, TABLES) == []


def test_every_root_gets_its_primary_key_from_the_index_that_is_there(
    postgres: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "PRIMARY_KEY_WAIT_S", 1)
    query = """
        select pg_class.relname, pg_constraint.conname
        from pg_constraint
        inner join pg_class on pg_constraint.conrelid = pg_class.oid
        where pg_constraint.contype = 'p' and pg_class.relnamespace = 'breezeway'::regnamespace"""
    postgres.execute_sql("alter table tasks alter column task_id drop not null")  # as an older load left it
    insert(postgres, "tasks", task(100))
    assert ensure_indexes(postgres, TABLES) == []
    keys = {table.name: f"ux_{table.name}_key" for table in TABLES.values() if table.key}
    assert dict(fetch(postgres, query)) == keys
    assert unique_keys(postgres) == set(keys)

    # A reader's transaction is not waited for long, and is a warning; so is a key that holds null.
    for name in ("people", "supplies"):
        postgres.execute_sql(f"alter table {name} drop constraint ux_{name}_key")
    postgres.execute_sql("alter table supplies alter column supply_id drop not null")
    insert(postgres, "supplies", {"region_code": "smoky", "supply_id": None})
    reader = another_session(postgres)
    reader.cursor().execute("select * from breezeway.people")
    first, second = sorted(ensure_indexes(postgres, TABLES))
    assert first.startswith(("Index ux_people_key: not renewed", "The primary key of people: "))
    assert second.startswith("The primary key of supplies was not made (column")
    reader.close()
    postgres.execute_sql("delete from supplies where supply_id is null")
    assert ensure_indexes(postgres, TABLES) == []
    assert dict(fetch(postgres, query)) == keys


def test_a_key_held_twice_leaves_its_index_out_with_a_warning(postgres: Client) -> None:
    insert(postgres, "tasks", task(100), task(100))
    (warning,) = ensure_indexes(postgres, TABLES)
    assert warning == "Index ux_tasks_key was not made: tasks holds a key twice (check keys_are_unique)."


def test_tables_that_do_not_exist_yet_get_no_index(postgres_database: Database) -> None:
    with postgres_database.client() as client:
        create_tables(client, {"people": TABLES["people"]})
        assert ensure_indexes(client, TABLES) == []
        assert fetch(client, "select indexname from pg_indexes where indexname like 'ux%%' or false") == [
            ("ux_people_key",)
        ]


def test_a_writer_in_a_table_costs_a_warning_not_the_run(
    postgres: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddl, "TABLE_WAIT_S", 1)
    writer = another_session(postgres)
    writer.cursor().execute("insert into breezeway.regions (_dlt_id, region_code) values ('x', 'smoky')")
    (warning,) = ensure_indexes(postgres, TABLES)
    assert warning.startswith("Index ux_regions_key: not renewed")
    writer.close()
    assert ensure_indexes(postgres, TABLES) == []


def test_duckdb_gets_neither_indexes_nor_comments(duckdb_tables: Client) -> None:
    assert ensure_indexes(duckdb_tables, TABLES) == []
    assert ensure_comments(duckdb_tables, TABLES) == []
    assert fetch(duckdb_tables, "select count(*) from duckdb_indexes()") == [(0,)]


def test_the_data_dictionary_is_on_the_columns(postgres: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ensure_comments(postgres, TABLES) == []
    query = """
        select attname, col_description(attrelid, attnum) from pg_attribute
        where attrelid = %s::regclass and attnum > 0"""
    for table in (TABLES["tasks"], *TABLES["tasks"].children):
        found = dict(fetch(postgres, query, table.name))
        assert {c.name: found[c.name] for c in table.columns} == {c.name: c.about for c in table.columns}
    monkeypatch.setattr(post_sql, "ddl_transaction", lambda client: pytest.fail("took the lock"))
    assert ensure_comments(postgres, TABLES) == []
