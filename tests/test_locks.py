"""Who may write: one run per region, one DuckDB process at a time; a dead run is in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pendulum
import psycopg2
import pytest
from databases import Database
from dlt.pipeline import Pipeline
from loading import Loader
from many_processes import environment, small_worlds, start
from quick_loading import QuickLoader
from small_worlds import small_world

from breezeway_source.errors import ConfigError
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.answers import LoggedRequest
from pipelines.database import destinations, locks
from pipelines.database.destinations import Target, duckdb_target
from pipelines.database.locks import database_use, region_lock

OPENINGS_OF_A_QUIET_HOUR = 7  # one less where the list of properties is there at once
HOLD_FILE = """
import sys, time, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def file_held(file: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Another program has the DuckDB file open for so long."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_FILE, file, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


# --- one run per region --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [QuickLoader, Loader], ids=["duckdb", "postgres"])
def test_a_second_run_of_a_region_names_the_first_whose_death_frees_it(
    kind: type[Loader], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The first run is a process that waits for an answer while the second comes, and is then killed."""
    database: Database = request.getfixturevalue(f"{request.node.callspec.id}_database")
    with Sandbox.multi(small_worlds(("smoky",)), token_limit=False) as sandbox:
        reading, finish = threading.Event(), threading.Event()

        def wait(logged: LoggedRequest) -> None:
            if logged.endpoint == "/property" and not reading.is_set():
                reading.set()
                finish.wait(60)

        sandbox.faults.before_response = wait
        place = {f"DESTINATION__{database.kind.upper()}__CREDENTIALS": database.url}
        first = start(
            ["--region", "smoky", "--entities", "properties", "--destination", database.kind],
            tmp_path / "first",
            environment(sandbox, tmp_path / "first", **place),
        )
        try:
            if not reading.wait(60):
                first.kill()
                pytest.fail(f"the first run asked for no property: {first.communicate()}")
            with kind(sandbox, database, tmp_path / "second", pendulum.instance(sandbox.world.now)) as loader:
                loader.configure(marts=False)
                (smoky,) = loader.run("--entities", "properties").regions
                assert (smoky.exit_code, smoky.requests["total"]) == (2, 0)
                assert smoky.error is not None
                assert smoky.error.startswith("Region 'smoky' is being loaded by ")
                assert str(first.pid) in smoky.error
                first.kill()
                first.wait()
                finish.set()
                loader.load("--entities", "properties")
                assert loader.query("select count(*) from properties") == [(2,)]
        finally:
            finish.set()
            first.kill()
            first.communicate()


def test_a_lock_file_left_by_a_dead_run_is_taken_over(tmp_path: Path) -> None:
    target = duckdb_target(tmp_path / "local.duckdb")
    left = tmp_path / ".local.duckdb.smoky.lock"
    left.write_text('{"pid": 1, "host": "gone", "since": "2026-03-10T00:00:00+00:00"}')
    with region_lock(target, "smoky"):
        assert f'"pid": {os.getpid()}' in left.read_text()
    assert not left.exists()


def test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened before the run before removed it, locked after: it would exclude nobody."""
    target = duckdb_target(tmp_path / "local.duckdb")
    path = tmp_path / ".local.duckdb.smoky.lock"
    lock, calls = locks.fcntl.flock, 0

    def flock(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            path.unlink()
        lock(*args)

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with region_lock(target, "smoky"):
        assert calls == 2
        with pytest.raises(ConfigError, match="is being loaded by process"), region_lock(target, "smoky"):
            pass


def test_regions_and_companies_do_not_exclude_each_other(loader: Loader) -> None:
    with (
        region_lock(loader.target, "smoky"),
        region_lock(loader.target, "austin"),
        region_lock(loader.of_dataset("acme").target, "smoky"),
    ):
        pass


# --- a lost session ------------------------------------------------------------------------------------


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(
        sandbox, postgres_database, tmp_path / "work", pendulum.instance(sandbox.world.now)
    ) as loader:
        loader.configure(marts=False)
        yield loader


def end_sessions(url: str, name: str) -> int:
    """End the sessions whose application_name begins so; how many there were."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name like %s and datname = current_database()",
                (f"{name}%",),
            )
            return cursor.rowcount
    finally:
        connection.close()


def test_a_run_whose_session_was_ended_takes_its_lock_again_and_loads_nothing_if_another_has_it(
    postgres_loader: Loader,
) -> None:
    postgres_loader.first_load()
    world, url = postgres_loader.sandbox.world, postgres_loader.database.url
    postgres_loader.pass_time(hours=1)
    added = world.add_task(home_id=min(world.properties))["id"]
    other = psycopg2.connect(url, application_name="the other run")
    try:

        def take(request: LoggedRequest) -> None:
            if request.endpoint == "/task" and end_sessions(url, "breezeway run smoky"):
                for _ in range(100):
                    with other.cursor() as cursor:
                        cursor.execute(
                            "select pg_try_advisory_lock(hashtext('breezeway'), hashtext('smoky'))"
                        )
                        if cursor.fetchone() == (True,):
                            return
                    time.sleep(0.05)

        postgres_loader.sandbox.faults.before_response = take
        (report,) = postgres_loader.run().regions
        assert (report.exit_code, report.error is not None and "the other run" in report.error) == (2, True)
        assert postgres_loader.query("select count(*) from tasks where task_id = %s", added) == [(0,)]
    finally:
        other.close()
    ended: list[int] = []

    def end(request: LoggedRequest) -> None:
        if request.endpoint == "/task":
            ended.append(end_sessions(url, "breezeway run smoky"))

    postgres_loader.sandbox.faults.before_response = end
    postgres_loader.load()  # loads the package that had to wait, then reads on
    assert sum(ended) >= 1  # a session that was ended is seen for a moment longer
    assert postgres_loader.query("select count(*) from tasks where task_id = %s", added) == [(1,)]


# --- DuckDB: one process at a time ---------------------------------------------------------------------


def test_a_file_that_another_program_keeps_ends_the_run_and_names_it(
    duckdb_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "FILE_WAIT_S", 0.5)
    with file_held(duckdb_loader.database.url, 60) as holder:
        begun = time.monotonic()
        (report,) = duckdb_loader.run().regions
        assert time.monotonic() - begun < 5
    assert report.exit_code == 2
    assert report.error is not None
    assert str(holder.pid) in report.error
    assert Path(sys.executable).resolve().name in report.error
    assert "close it, or let it finish" in report.error
    assert duckdb_loader.sandbox.data_requests == 0


def test_a_file_that_another_program_has_for_a_moment_is_waited_for(quick_loader: Loader) -> None:
    with file_held(quick_loader.database.url, 1.0):
        quick_loader.load("--entities", "properties")


def test_a_free_file_costs_no_wait_and_is_not_let_go_between_two_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_sleep(seconds: float) -> None:
        raise AssertionError("waited for a free file")

    monkeypatch.setattr(locks.time, "sleep", no_sleep)
    file = tmp_path / "local.duckdb"
    with database_use(duckdb_target(file)):
        for _ in range(50):
            with database_use(duckdb_target(file)):
                duckdb.connect(str(file)).close()
        other = subprocess.run(
            [sys.executable, "-c", f"import duckdb; duckdb.connect({str(file)!r})"],
            capture_output=True,
            text=True,
        )
        assert "Conflicting lock" in other.stderr


def test_a_quiet_hour_makes_dlts_client_once_and_opens_the_file_a_few_times(
    duckdb_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked together is asked in one use: an opening costs 15 ms of CPU, a client as much."""
    duckdb_loader.load()
    made, openings, depth = [], [], [0]
    sql_client, held = Pipeline.sql_client, locks._held

    def counted(pipeline: Pipeline) -> Any:
        made.append(pipeline.pipeline_name)
        return sql_client(pipeline)

    @contextmanager
    def counting(target: Target) -> Iterator[None]:
        openings.extend([target.name] if not depth[0] else [])
        depth[0] += 1
        try:
            with held(target):
                yield
        finally:
            depth[0] -= 1

    monkeypatch.setattr(Pipeline, "sql_client", counted)
    monkeypatch.setattr(locks, "_held", counting)
    duckdb_loader.load()
    assert made == ["breezeway_smoky"]
    assert len(openings) <= OPENINGS_OF_A_QUIET_HOUR


def test_what_is_no_duckdb_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.duckdb"
    file.write_text("shopping list\n" * 1000)
    words = r"notes\.duckdb' cannot be opened: .*not a valid DuckDB"
    with pytest.raises(ConfigError, match=words), database_use(duckdb_target(file)):
        pass


@pytest.mark.parametrize("name", ["breezeway.duckdb", "Breezeway.db", "breezeway_staging_smoky.duckdb"])
def test_a_file_named_like_a_dataset_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        duckdb_target(tmp_path / name)
    assert repr(name) in str(refused.value)
    assert "ambiguous" in str(refused.value)
    assert destinations.LOCAL_FILE in str(refused.value)
    assert destinations.DUCKDB_KEY in str(refused.value)
