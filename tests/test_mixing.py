"""Invented rows and real ones never share a dataset."""

from __future__ import annotations

import dataclasses
from typing import Any

import loading
import pytest
from loading import Loader
from small_worlds import small_world

from breezeway_source.sandbox import World
from pipelines.database.destinations import Target


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


@pytest.mark.parametrize("first_is_sandbox", [True, False])
def test_rows_of_the_other_kind_are_refused_before_anything_is_read(
    loader: Loader, first_is_sandbox: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = loading.target_of
    kind = first_is_sandbox

    def target(database: Any) -> Target:
        return dataclasses.replace(find(database), sandbox=kind)

    monkeypatch.setattr(loading, "target_of", target)
    loader.load()
    rows = loader.query("select task_id, synced_at from tasks order by 1")
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    kind = not first_is_sandbox
    (report,) = loader.run().regions
    assert report.exit_code == 2
    assert report.error is not None
    held, ours = ("the sandbox's", "real") if first_is_sandbox else ("real", "the sandbox's")
    assert f"holds {held} rows, and this run would add {ours}" in report.error
    assert f"DESTINATION__{loader.database.kind.upper()}__CREDENTIALS" in report.error
    assert loader.sandbox.data_requests == 0
    assert loader.query("select task_id, synced_at from tasks order by 1") == rows
    kind = first_is_sandbox
    loader.load()
