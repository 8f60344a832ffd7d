"""Invented rows and real ones never share a dataset."""

from __future__ import annotations

import dataclasses
from typing import Any

import loading
import pytest
from loading import Loader
from small_worlds import small_world

from breezeway_source.sandbox import World
from pipelines.database.destinations import SANDBOX_PREFIX, Target


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


def test_rows_of_the_other_kind_are_refused_before_anything_is_read(
    short_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, find = short_loader, loading.target_of
    is_sandbox = False

    def target(database: Any) -> Target:
        return dataclasses.replace(find(database), sandbox=is_sandbox)

    monkeypatch.setattr(loading, "target_of", target)
    loader.first_load()
    rows = loader.query("select task_id, synced_at from tasks order by 1")
    loader.pass_time(hours=1)
    for kind, held, ours in ((True, "real", "the sandbox's"), (False, "the sandbox's", "real")):
        is_sandbox = kind
        (report,) = loader.run().regions
        assert report.exit_code == 2
        assert report.error is not None
        assert f"holds {held} rows, and this run would add {ours}" in report.error
        assert f"DESTINATION__{loader.database.kind.upper()}__CREDENTIALS" in report.error
        assert loader.sandbox.data_requests == 0
        assert loader.query("select task_id, synced_at from tasks order by 1") == rows
        # From here on it is the sandbox that has loaded them.
        loader.query(f"update _dlt_pipeline_state set pipeline_name = '{SANDBOX_PREFIX}smoky'")
