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


def copy_of_state(loader: Loader, pipeline: str, load_id: str) -> None:
    """A row as the newest of dlt's table of states, under another name or of another load."""
    columns = "version, engine_version, state, created_at, version_hash"
    loader.query(
        f"insert into _dlt_pipeline_state ({columns}, pipeline_name, _dlt_load_id, _dlt_id) "
        f"select {columns}, '{pipeline}', '{load_id}', '{pipeline} {load_id}' from _dlt_pipeline_state "
        "order by _dlt_load_id desc limit 1"
    )


def restored(loader: Loader) -> bool:
    """Whether a fresh machine finds its state."""
    loader.wipe()
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    assert loader.load().rows["tasks"] == 0
    return None not in task_windows(loader.sandbox).values()


def test_only_the_newest_states_are_kept_and_restored(
    short_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_table, "STATES_KEPT", 2)
    monkeypatch.setattr(state_table, "LOADS_KEPT", 3)
    loader = short_loader
    loader.first_load()
    # Older loads; another region's rows; a package of ours that was given up, without its row in _dlt_loads.
    for load_id in ("1.1", "1.2", "1.3"):
        copy_of_state(loader, "breezeway_smoky", load_id)
        loader.query(
            "insert into _dlt_loads (load_id, schema_name, status, inserted_at, schema_version_hash) "
            f"select '{load_id}', schema_name, 0, inserted_at, schema_version_hash from _dlt_loads limit 1"
        )
    copy_of_state(loader, "breezeway_austin", "1.0")
    copy_of_state(loader, "breezeway_smoky", "9999999999.0")
    loader.pass_time(hours=1)
    loader.load()
    assert loader.query("select pipeline_name, count(*) from _dlt_pipeline_state group by 1 order by 1") == [
        ("breezeway_austin", 1),
        ("breezeway_smoky", 2),
    ]
    assert loader.query("select schema_name, count(*) from _dlt_loads group by 1") == [("breezeway_smoky", 3)]
    assert loader.column("select load_id from _dlt_loads order by 1")[0] == "1.3"
    assert loader.column("select count(*) from _dlt_version") == [1]
    assert restored(loader)


def test_the_load_of_the_newest_state_outlives_loads_without_one(
    quick_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs beside the cursor change no state: dlt finds it only together with its row in _dlt_loads."""
    monkeypatch.setattr(state_table, "LOADS_KEPT", 1)
    loader = quick_loader
    loader.first_load()
    loader.pass_time(hours=1)
    loader.load("--since", "2026-03-01")
    assert loader.query("select count(*), count(distinct _dlt_load_id) from _dlt_pipeline_state") == [(1, 1)]
    assert restored(loader)
