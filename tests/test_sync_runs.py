"""`sync_runs`: one row per run, region and entity, also of a run that failed; its counts are the sandbox's."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pendulum
from conftest import NOW
from databases import Database
from loading import Loader
from quick_loading import QuickLoader

from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.sandbox import Sandbox, World
from pipelines.watch import sync_runs
from pipelines.watch.sync_runs import KEEP_DAYS, RunRow, code_version

ENTITY = {path: endpoint.name for endpoint in ENDPOINTS.values() for path in endpoint.paths}
COLUMNS = "entity, requests, retries, refusals, listed, failures"


def sent(sandbox: Sandbox) -> Counter[str]:
    """Data requests of the sandbox's log by entity."""
    return Counter(ENTITY[request.endpoint] for request in sandbox.logged() if request.is_data)


def test_every_run_has_its_rows_whose_counts_are_those_of_the_sandboxs_log(short_loader: Loader) -> None:
    loader = short_loader
    loader.sandbox.faults.next("429", path="/people")
    loader.sandbox.faults.next("500", path="/task")
    report = loader.load("--entities", "all")
    rows = {
        row[0]: row for row in loader.query(f'select {COLUMNS}, status, "rows", live_rows from sync_runs')
    }
    assert list(rows) and set(rows) == set(ENDPOINTS)
    logged = sent(loader.sandbox)
    assert {name: row[1] for name, row in rows.items()} == {name: logged[name] for name in ENDPOINTS}
    assert sum(row[1] for row in rows.values()) == loader.sandbox.data_requests == report.requests["total"]
    assert {name: row[2] for name, row in rows.items() if row[2]} == {"people": 1, "tasks": 1}
    assert {name: row[3] for name, row in rows.items() if row[3]} == {"people": 1}
    assert rows["tasks"][4] == len(loader.sandbox.world.tasks)
    assert {name: row[-2] for name, row in rows.items()} == report.rows
    assert {row[6] for row in rows.values()} == {"ok"}
    assert rows["tasks"][-1] == len(loader.sandbox.world.tasks)

    loader.pass_time(hours=1)
    loader.load()
    times = loader.query(
        "select run_id, region_code, started_at, finished_at, tasks_total, tasks_linked, tasks_resolved, "
        "code_version, exit_code, message from sync_runs order by started_at"
    )
    assert len({row[0] for row in times}) == 2 and len(times) == len(ENDPOINTS) + 3
    assert {row[1] for row in times} == {"smoky"}
    assert Counter(pendulum.instance(row[2]) for row in times) == {NOW: len(ENDPOINTS), NOW.add(hours=1): 3}
    assert all(timedelta(0) < row[3] - row[2] < timedelta(minutes=5) for row in times)
    assert report.linkage is not None
    linkage = tuple(report.linkage[name] for name in ("tasks", "linked", "resolved"))
    assert {row[4:7] for row in times} == {linkage}
    assert {row[7:] for row in times} == {(code_version(), 0, None)}


def test_requests_for_entities_that_were_not_asked_for_count_to_the_first_one(quick_loader: Loader) -> None:
    quick_loader.load("--entities", "tasks")
    assert quick_loader.query("select entity, requests from sync_runs") == [
        ("tasks", quick_loader.sandbox.data_requests)
    ]


def test_a_first_run_that_fails_before_its_tables_are_made_is_noted_all_the_same(
    sandbox: Sandbox, postgres_database: Database, tmp_path: Path
) -> None:
    """On DuckDB: test_notices.py."""
    loader = Loader(sandbox, postgres_database, tmp_path / "work", NOW)
    loader.configure(marts=False)
    loader.sandbox.faults.auth_answer = "inactive"
    (report,) = loader.run().regions
    assert (report.exit_code, report.status) == (3, "failed")
    rows = loader.query("select entity, status, exit_code, requests, message from sync_runs order by 1")
    assert [row[:4] for row in rows] == [
        (name, "failed", 3, 0) for name in ("properties", "reservations", "tasks")
    ]
    assert all("inactive client" in row[4] for row in rows)
    loader.sandbox.faults.clear()
    loader.pass_time(hours=1)
    loader.wipe()
    loader.load()
    assert loader.query("select status, count(*) from sync_runs group by 1 order by 1") == [
        ("failed", 3),
        ("ok", 3),
    ]
    assert loader.column("select count(*) from tasks") == [len(loader.sandbox.world.tasks)]


def test_a_run_that_fails_half_way_is_noted_with_what_it_had_asked(quick_loader: Loader) -> None:
    loader = quick_loader
    loader.first_load()
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.sandbox.faults.refuse_endpoint("/property", 403)
    (report,) = loader.run().regions
    assert report.status == "failed"
    rows = loader.query("select entity, requests, failures, message from sync_runs where status = 'failed'")
    assert sum(row[1] for row in rows) == loader.sandbox.data_requests
    assert {row[3] for row in rows} == {report.error}


def test_a_failing_property_and_new_columns_are_counted_to_their_entity(quick_loader: Loader) -> None:
    loader, world = quick_loader, quick_loader.sandbox.world
    loader.first_load()
    loader.pass_time(hours=1)
    world.edit_task(next(iter(world.tasks)), brand_new_field="x")
    loader.sandbox.faults.refuse_property(2003, 422)
    (report,) = loader.run().regions
    assert report.exit_code == 1
    assert loader.query(
        "select entity, failures, schema_changes from sync_runs where status = 'partial' order by 1"
    ) == [
        ("properties", 0, None),
        ("reservations", 0, None),
        ("tasks", 1, '["tasks.brand_new_field text"]'),
    ]


def test_rows_older_than_the_retention_go_and_other_regions_keep_theirs(database: Database) -> None:
    def row(region: str, at: pendulum.DateTime) -> RunRow:
        return RunRow(
            at.isoformat(), region, "tasks", at, at, "ok", schema_changes=["tasks.x text"], problems={}
        )

    with database.client() as client:
        sync_runs.ensure_table(client)
        sync_runs.ensure_table(client)
        old, new = NOW.subtract(days=KEEP_DAYS + 1), NOW.subtract(days=KEEP_DAYS - 1)
        sync_runs.record(client, [row("smoky", old), row("smoky", new), row("austin", old)], now=new)
        sync_runs.record(client, [row("smoky", NOW)], now=NOW)
        found = client.execute_sql("select region_code, started_at from sync_runs order by 1, 2") or ()
        assert [(region, pendulum.instance(at)) for region, at in found] == [
            ("austin", old),
            ("smoky", new),
            ("smoky", NOW),
        ]


def test_a_history_without_the_newest_columns_is_written_with_those_it_has(database: Database) -> None:
    with database.client() as client:
        sync_runs.ensure_table(client)
        client.execute_sql("alter table sync_runs drop column null_columns")
        sync_runs.record(client, [RunRow("1", "smoky", "tasks", NOW, NOW, "ok", rows=7)], now=NOW)
        assert [tuple(row) for row in client.execute_sql('select entity, "rows" from sync_runs') or ()] == [
            ("tasks", 7)
        ]


def test_regions_of_one_run_share_its_id(duckdb_database: Database, tmp_path: Path) -> None:
    worlds = {
        name: World.seeded(name, now=NOW, properties=2, tasks_per_property=3) for name in ("smoky", "austin")
    }
    with (
        Sandbox.multi(worlds) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        report = loader.run("--entities", "properties", regions=("smoky", "austin"))
        assert report.exit_code == 0
        rows = loader.query("select run_id, region_code, requests from sync_runs order by 2")
        assert [row[1:] for row in rows] == [("austin", 1), ("smoky", 1)]
        assert rows[0][0] == rows[1][0]


def test_the_version_names_the_commit(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert sync_runs._commit(git) == ""
    (git / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert sync_runs._commit(git) == "abc123"
    (git / "refs/heads/main").write_text("def456\n")
    assert sync_runs._commit(git) == "def456"
    (git / "HEAD").write_text("0a1b2c\n")
    assert sync_runs._commit(git) == "0a1b2c"
    assert sync_runs._commit(tmp_path / "nowhere") == ""
