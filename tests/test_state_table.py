"""dlt's own tables stay short, and a fresh machine still finds its state in them."""

from __future__ import annotations

import pytest
from loading import Loader
from small_worlds import small_world, task_windows

from breezeway_source.sandbox import World
from pipelines.database import state_table


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


def test_only_the_newest_states_are_kept_and_restored(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_table, "STATES_KEPT", 2)
    monkeypatch.setattr(state_table, "LOADS_KEPT", 3)
    loader.load()
    # Another region's rows, and a package of ours that was given up: no row in _dlt_loads.
    columns = "version, engine_version, state, created_at, version_hash"
    for pipeline, load_id in (("breezeway_austin", "1.0"), ("breezeway_smoky", "9999999999.0")):
        loader.query(
            f"insert into _dlt_pipeline_state ({columns}, pipeline_name, _dlt_load_id, _dlt_id) "
            f"select {columns}, '{pipeline}', '{load_id}', 'other {pipeline}' from _dlt_pipeline_state limit 1"
        )
    for _ in range(3):
        loader.pass_time(hours=1)
        loader.load()
    assert loader.query("select pipeline_name, count(*) from _dlt_pipeline_state group by 1 order by 1") == [
        ("breezeway_austin", 1),
        ("breezeway_smoky", 2),
    ]
    assert loader.query("select schema_name, count(*) from _dlt_loads group by 1") == [("breezeway_smoky", 3)]
    assert loader.column("select count(*) from _dlt_version") == [1]

    loader.wipe()
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    report = loader.load()
    assert set(task_windows(loader.sandbox).values()) != {None}, "read whole: the state was not restored"
    assert report.rows["tasks"] == 0


def test_the_load_of_the_newest_state_outlives_many_loads_without_one(
    duckdb_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs beside the cursor change no state: dlt finds it only together with its row in _dlt_loads."""
    monkeypatch.setattr(state_table, "LOADS_KEPT", 1)
    loader = duckdb_loader
    loader.load()
    for _ in range(2):
        loader.pass_time(hours=1)
        loader.load("--since", "2026-03-01")
    loader.wipe()
    loader.sandbox.reset_log()
    loader.load()
    assert set(task_windows(loader.sandbox).values()) != {None}, "read whole: the state was not restored"
