"""PostgreSQL as a warehouse others use too: readers, other people's views, lost sessions, rights, old versions."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from databases import Database, execute
from dlt.common.schema.utils import get_nested_tables
from dlt.destinations.sql_jobs import SqlMergeFollowupJob
from loading import Loader
from small_worlds import NOW, small_world

from breezeway_source.columns import TABLES
from breezeway_source.reading import Reading
from breezeway_source.sandbox import Sandbox
from pipelines.database import ddl, destinations, post_sql
from pipelines.database.destinations import find_target
from pipelines.database.indexes import indexes
from pipelines.database.locks import ddl_lock

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    worlds = {
        "smoky": small_world(stays_days=20),
        "austin": small_world(region="austin", properties=1, stays_days=20),
    }
    with Sandbox.multi(worlds, token_limit=False) as running:
        yield running


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as made:
        yield made


@contextmanager
def session(loader: Loader, *statements: str) -> Iterator[Any]:
    """A session of somebody else that sits in a transaction after these statements."""
    connection = psycopg2.connect(loader.database.url, application_name="a reader")
    try:
        with connection.cursor() as cursor:
            cursor.execute("set search_path to breezeway")
            for statement in statements:
                cursor.execute(statement)
        yield connection
    finally:
        connection.close()


class Heard(logging.Handler):
    """Hears that a run waits for a session, and then lets something happen."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then
        self.waits: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("waiting for "):
            self.waits.append(record.getMessage())
            self.then()


def some_task(loader: Loader) -> int:
    return int(min(loader.sandbox.world.tasks))


# --- other people's views ------------------------------------------------------------------------------


def test_views_on_ours_survive_new_columns_new_definitions_and_full(
    short_loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = short_loader
    loader.first_load()
    for view, body in {
        "mine_tasks": "select task_id, name, link_status from breezeway.tasks where deleted_at is null",
        "mine_costs": "select region_code, task_id, cost from breezeway.task_costs",
        "mine_linkage": "select region_code, linked_pct from breezeway.task_linkage",
    }.items():
        loader.query(f"create view {view} as {body}")
    before = {view: Counter(loader.query(f"select * from {view}")) for view in ("mine_costs", "mine_tasks")}

    # A later version of this project with one more column at a view's end ...
    later = tmp_path / "sql_post"
    shutil.copytree(post_sql.SQL_DIR, later)
    changed = later / "views" / "task_costs.sql"
    text = changed.read_text("utf-8")
    changed.write_text(text.replace("\nfrom ", ",\n    tasks.name as task_name\nfrom ", 1), "utf-8")
    monkeypatch.setattr(post_sql, "SQL_DIR", later)
    # ... and an API with one more field.
    loader.pass_time(hours=1)
    loader.sandbox.world.edit_task(some_task(loader), brand_new_field="blue")
    report = loader.load("--full")

    assert report.schema_changes == ["tasks.brand_new_field text"]
    assert report.warnings == []
    assert loader.query("select task_id, brand_new_field from tasks where brand_new_field is not null") == [
        (some_task(loader), "blue")
    ]
    assert loader.column("select count(*) from task_costs where task_name is null") == [0]
    for view, rows in before.items():
        assert Counter(loader.query(f"select * from {view}")) == rows
    linked = [loader.column(f"select linked_pct from {view}") for view in ("mine_linkage", "task_linkage")]
    assert linked[0] == linked[1]


# --- readers -------------------------------------------------------------------------------------------


READS_EVERYTHING = (
    "select count(*) from tasks",
    "select count(*) from tasks__supplies",
    "select count(*) from task_costs",
    "select count(*) from task_linkage",
    "select count(*) from reservations",
)


def test_a_new_column_waits_for_the_next_run_behind_a_reader_and_for_its_end_behind_another_region(
    postgres_loader: Loader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's transaction may last for ever, another region's merge ends by itself. Nobody else is stopped."""
    loader = postgres_loader
    loader.configure(marts=False)
    loader.first_load()
    monkeypatch.setattr(destinations, "LOCK_TIMEOUT", "-clock_timeout=100ms")
    monkeypatch.setattr("pipelines.database.patience.OURS_POLL_S", 0.1)
    with session(loader, *READS_EVERYTHING) as reader:
        loader.pass_time(hours=1)
        loader.sandbox.world.edit_task(some_task(loader), brand_new_field="blue")
        begun = time.monotonic()
        smoky, austin = loader.run(regions=("smoky", "austin")).regions
        assert time.monotonic() - begun < 15
        assert (smoky.exit_code, smoky.status, austin.exit_code) == (1, "failed", 0)
        assert smoky.error is not None
        assert f"pid {reader.info.backend_pid}, a reader" in smoky.error
        assert "End that transaction" in smoky.error
        assert "lock_timeout" in smoky.error
    loaded = loader.column("select task_id from tasks where region_code = 'austin' order by 1")
    assert loaded == sorted(loader.sandbox.worlds["austin"].tasks)

    other = psycopg2.connect(loader.database.url, application_name="breezeway:austin")
    other.cursor().execute("update breezeway.tasks set name = name where false")
    told = Heard(then=threading.Timer(0.5, other.commit).start)  # some polls later
    ours = logging.getLogger("breezeway")
    ours.addHandler(told)
    try:
        with caplog.at_level(logging.INFO, "breezeway"):
            assert loader.load().schema_changes == ["tasks.brand_new_field text"]
    finally:
        ours.removeHandler(told)
        other.close()
    assert told.waits == ["waiting for breezeway:austin, which holds a table"]
    assert loader.query("select task_id, brand_new_field from tasks where brand_new_field is not null") == [
        (some_task(loader), "blue")
    ]


def test_views_and_indexes_behind_others_are_only_a_warning(
    postgres_loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = postgres_loader
    loader.configure(marts=False)
    loader.first_load()
    later = tmp_path / "sql_post"
    shutil.copytree(post_sql.SQL_DIR, later)
    changed = later / "views" / "task_linkage.sql"
    changed.write_text("-- Reworded.\n" + changed.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(post_sql, "SQL_DIR", later)
    monkeypatch.setattr(ddl, "TABLE_WAIT_S", 1)
    loader.query("drop index ix_tasks_updated_at")
    with session(loader, "select count(*) from task_linkage", "lock table tasks in row exclusive mode"):
        report = loader.load()
    assert len(report.warnings) == 2
    assert "ix_tasks_updated_at" in report.warnings[0]
    assert "View task_linkage" in report.warnings[1]
    assert loader.load().warnings == []


# --- indexes -------------------------------------------------------------------------------------------


def index_ids(loader: Loader) -> dict[str, int]:
    query = """
        select pg_class.relname, pg_class.oid::bigint from pg_class
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_namespace.nspname = 'breezeway' and pg_class.relkind = 'i'"""
    return dict(loader.query(query))  # type: ignore[arg-type]


def test_indexes_are_made_once_and_the_merge_uses_them_and_no_idle_reader_stops_it(
    postgres_loader: Loader,
) -> None:
    loader = postgres_loader
    loader.first_load()
    made = index_ids(loader)
    assert {index.name for index in indexes(TABLES)} <= set(made)
    with session(loader, *READS_EVERYTHING):
        loader.pass_time(hours=1)
        loader.sandbox.world.edit_task(some_task(loader), name="Repainted")
        assert loader.load("--full").warnings == []
    assert loader.column("select name from tasks where task_id = %s", some_task(loader)) == ["Repainted"]
    assert index_ids(loader) == made

    # Enough pages for the planner to care, then the statements dlt itself would send for the next merge.
    loader.query(
        "insert into tasks (region_code, task_id, name, _dlt_id, _dlt_load_id) "
        "select 'austin', n, repeat('x', 1500), 'r' || n, 'x' from generate_series(1, 10000) as n"
    )
    loader.query(
        "insert into tasks__supplies "
        "(region_code, task_id, name, _dlt_id, _dlt_root_id, _dlt_parent_id, _dlt_list_idx) "
        "select 'austin', n, repeat('x', 1500), 'c' || n, 'r' || n, 'r' || n, 0 from generate_series(1, 10000) as n"
    )
    loader.query("analyze tasks, tasks__supplies")
    pipeline = loader.target.pipeline("smoky", str(loader.folder))
    schema = pipeline.default_schema
    with pipeline.destination_client() as client, client.sql_client as sql:  # type: ignore[attr-defined]
        sql.execute_sql("analyze breezeway_staging_smoky.tasks")
        chain = [
            client.prepare_load_table(table["name"]) for table in get_nested_tables(schema.tables, "tasks")
        ]
        statements = SqlMergeFollowupJob.generate_sql(chain, sql)
        plans = {}
        with sql.begin_transaction():
            for statement in statements:
                if statement.startswith("DELETE"):
                    plan = "\n".join(row[0] for row in sql.execute_sql(f"explain {statement}") or ())
                    plans[re.findall(r'"(\w+)"', statement)[1]] = plan
                elif statement.startswith("CREATE TEMP"):
                    sql.execute_sql(statement)
    assert "ix_tasks__supplies_root" in plans["tasks__supplies"], plans["tasks__supplies"]
    assert "tasks__dlt_id_key" in plans["tasks"] or "ux_tasks_key" in plans["tasks"], plans["tasks"]
    for table in ("tasks", "tasks__supplies"):
        assert f"Seq Scan on {table} " not in plans[table], plans[table]


# --- deadlocks and lost sessions -----------------------------------------------------------------------


BOMB = """
create sequence breezeway.bomb_{n};
create function breezeway.explode_{n}() returns trigger language plpgsql as $$
begin
    if nextval('breezeway.bomb_{n}') = 1 then
        {how}
    end if;
    return null;
end $$;
create trigger bomb after {event} on {table} for each statement execute function breezeway.explode_{n}();
"""
END_SESSION = "perform pg_terminate_backend(pg_backend_pid());"
DEADLOCK = "raise exception 'deadlock detected' using errcode = '40P01';"
# At every stage of a load: rows into staging, the merge, dlt's own tables, our SQL.
BOMBS = (
    ("insert", "breezeway_staging_smoky.tasks", END_SESSION),
    ("delete", "breezeway.tasks__supplies", DEADLOCK),
    ("insert", "breezeway._dlt_loads", END_SESSION),
    ("update", "breezeway.tasks", END_SESSION),
)


def test_a_deadlock_or_a_lost_session_is_tried_again(postgres_loader: Loader) -> None:
    loader = postgres_loader
    loader.configure(marts=False)
    loader.first_load()
    task_id = some_task(loader)
    for n, (event, table, how) in enumerate(BOMBS):
        execute(loader.database.url, BOMB.format(n=n, event=event, table=table, how=how))
    loader.pass_time(hours=1)
    loader.sandbox.world.edit_task(task_id, name="Repainted")
    loader.load()
    for n, bomb in enumerate(BOMBS):
        (gone_off,) = loader.column(f"select last_value from bomb_{n}")
        assert gone_off >= 2, f"{bomb}: did not happen, or was not repeated"
    query = "select name, link_status is not null from tasks where task_id = %s"
    assert loader.query(query, task_id) == [("Repainted", True)]
    assert loader.column("select count(*) - count(distinct task_id) from tasks") == [0]
    supplies = sum(len(task.get("supplies") or ()) for task in loader.sandbox.world.tasks.values())
    assert loader.column("select count(*) from tasks__supplies") == [supplies]


# --- sessions ------------------------------------------------------------------------------------------


def test_own_session_options_and_ours_hold_together(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = "options=-cstatement_timeout%3D17s%20-c%20lock_timeout%3D200ms%20-cwork_mem%3D5MB"
    url = f"{postgres_url}{'&' if '?' in postgres_url else '?'}{options}"
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    target = find_target("postgres")
    with target.pipeline("smoky", None).sql_client() as client:
        shown = [
            client.execute_sql(f"show {name}") for name in ("statement_timeout", "lock_timeout", "work_mem")
        ]
        assert shown == [[("17s",)], [("10s",)], [("5MB",)]]
        assert client.execute_sql(
            "select application_name from pg_stat_activity where pid = pg_backend_pid()"
        ) == [("breezeway:smoky",)]
    with ddl_lock(target):  # waits for its turn as long as it takes
        begun = time.monotonic()
        second = threading.Thread(target=lambda: ddl_lock(target).__enter__(), daemon=True)
        second.start()
        second.join(0.5)
        assert second.is_alive(), (
            f"gave up after {time.monotonic() - begun:.1f} s, by the user's lock_timeout"
        )
    second.join(10)
    assert not second.is_alive()


# --- rights --------------------------------------------------------------------------------------------


# The least a loading role needs: to connect, temporary tables for dlt's merge, and its schemas: made for it,
# or the right to make them. The server's time zone is its own.
LOADER = """
alter database {database} set timezone to 'Asia/Kolkata';
revoke all on database {database} from public;
revoke all on schema public from public;
create role {loader} login password 'x';
grant connect, temporary on database {database} to {loader};
"""
SCHEMAS = {
    "made for it": """
        create schema breezeway authorization {loader};
        create schema breezeway_staging_smoky authorization {loader};
        """,
    "made by it": "grant create on database {database} to {loader};",
}
READER = """
create role {reader} login password 'x';
grant connect on database {database} to {reader};
grant usage on schema breezeway to {reader};
grant select on all tables in schema breezeway to {reader};
alter default privileges for role {loader} in schema breezeway grant select on tables to {reader};
"""


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:x@{parts.netloc.rpartition('@')[2]}"))


def merged_otherwise(loader: Loader) -> list[str]:
    """Tables that are not merged by deleting and inserting: dlt's other strategies need PostgreSQL 15, and its
    `replace` drops other regions' rows.
    """
    tables = loader.target.pipeline("smoky", str(loader.folder)).default_schema.tables
    assert set(TABLES) <= set(tables)
    wanted = ("merge", "delete-insert")
    return [
        n for n in TABLES if (tables[n]["write_disposition"], tables[n].get("x-merge-strategy")) != wanted
    ]


@pytest.mark.parametrize("schemas", SCHEMAS)
def test_the_least_rights_are_enough(
    schemas: str, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    suffix = uuid.uuid4().hex[:8]
    loader_role, reader_role = f"loader_{suffix}", f"reader_{suffix}"
    database = urlsplit(postgres_url).path[1:]
    names = {"loader": loader_role, "reader": reader_role, "database": database}
    execute(postgres_url, (LOADER + SCHEMAS[schemas]).format(**names))
    try:
        work = Database("postgres", as_user(postgres_url, loader_role), tmp_path)
        with Loader(sandbox, work, tmp_path / "work", NOW) as loader:
            assert loader.load("--entities", "all").warnings == []
            assert merged_otherwise(loader) == []
            if schemas == "made by it":
                return
            execute(postgres_url, READER.format(**names))
            loader.pass_time(hours=1)
            loader.sandbox.world.edit_task(some_task(loader), brand_new_field="blue")
            assert loader.load().warnings == []
        connection = psycopg2.connect(as_user(postgres_url, reader_role))
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from breezeway.tasks where brand_new_field = 'blue'")
            assert cursor.fetchone() == (1,)
            cursor.execute("select count(*) from breezeway.task_linkage")
            assert cursor.fetchone() == (1,)
        connection.close()
    finally:
        for role in (loader_role, reader_role):
            execute(
                postgres_url,
                f"do $$ begin if exists (select from pg_roles where rolname = '{role}') then "
                f"drop owned by {role} cascade; drop role {role}; end if; end $$",
            )


# --- versions ------------------------------------------------------------------------------------------


# What PostgreSQL 13 does not know, and the version that brought it.
NEWER = {
    r"merge\s+into|when\s+(not\s+)?matched": 15,
    r"nulls\s+(not\s+)?distinct": 15,
    r"security_invoker": 15,
    r"regexp_(count|instr|like|substr)\s*\(": 15,
    r"any_value\s*\(": 16,
    r"random_normal\s*\(": 16,
    r"is\s+json\b|json_(array|object|scalar|serialize|table|query|value|exists)\s*\(": 16,
    r"\bdate_(add|subtract)\s*\(": 16,
    r"date_bin\s*\(": 14,
    r"string_to_table\s*\(": 14,
    r"\w+multirange|range_agg\s*\(": 14,
    r"bit_xor\s*\(|trim_array\s*\(": 14,
    r"create\s+or\s+replace\s+trigger": 14,
    r"detach\s+partition\s+\w+\s+concurrently": 14,
    r"search\s+(breadth|depth)\s+first": 14,
    r"uuidv7\s*\(|returning\s+(with\s*\(|old\.|new\.)": 18,
}


def test_only_sql_of_the_oldest_supported_version_is_written() -> None:
    """CI runs the whole suite on PostgreSQL 13 too (TEST_POSTGRES_URL); this one says so without it."""
    texts = {path: path.read_text("utf-8") for path in (ROOT / "sql_post").rglob("*.sql")}
    texts |= {path: path.read_text("utf-8") for path in (ROOT / "pipelines").rglob("*.py")}
    assert len(texts) > 30
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r} needs PostgreSQL {version}"
        for path, text in texts.items()
        for pattern, version in NEWER.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert found == []


def test_a_first_load_of_several_packages_is_indexed_after_the_last(
    postgres_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = postgres_loader
    loader.configure(piece_properties=2, marts=False)
    wanted = {index.name for index in indexes(TABLES)}
    between: list[set[str]] = []
    next_package = Reading.next_package

    def watched(self: Reading) -> None:
        between.append(wanted & set(index_ids(loader)))
        next_package(self)

    monkeypatch.setattr(Reading, "next_package", watched)
    loader.load()
    assert between == [set()]  # three properties
    assert wanted <= set(index_ids(loader))
