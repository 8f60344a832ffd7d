"""The Dagster definitions: they load, every region is materialised, a failing one is retried, a cadence waits."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest
from dlt.common.runtime.run_context import RunContext, switched_run_context
from small_worlds import small_world

from breezeway_source.sandbox import Sandbox

dg = pytest.importorskip("dagster", reason="the extra `dagster` is not installed; .ci/run installs it")

REGIONS = ("austin", "mammoth", "smoky")
SHARED = ("austin", "smoky")  # one key pair for two regions


@pytest.fixture
def defs_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Sandbox]]:
    """The module in a project of three regions, two of them behind one key pair; its sandbox is a real server."""
    from pipelines import dagster_defs

    config = "[sources.breezeway]\nrequests_per_minute = 60000\n" + "".join(
        f"[sources.breezeway.regions.{code}]\n" for code in REGIONS
    )
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(config)
    worlds = {
        code: small_world(region=code, now=pendulum.now("UTC"), properties=2, tasks=2) for code in REGIONS
    }
    with switched_run_context(RunContext(str(tmp_path))), Sandbox.multi(worlds, token_limit=False) as sandbox:
        monkeypatch.setenv("SOURCES__BREEZEWAY__BASE_URL", sandbox.base_url)
        monkeypatch.setenv("SOURCES__BREEZEWAY__MARTS", "false")
        monkeypatch.setenv("BREEZEWAY_DESTINATION", "duckdb")
        monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "loaded.duckdb"))
        for code in REGIONS:
            client_id, client_secret = sandbox.credentials["smoky" if code in SHARED else code]
            monkeypatch.setenv(f"SOURCES__BREEZEWAY__REGIONS__{code.upper()}__CLIENT_ID", client_id)
            monkeypatch.setenv(f"SOURCES__BREEZEWAY__REGIONS__{code.upper()}__CLIENT_SECRET", client_secret)
        monkeypatch.setattr(dagster_defs, "FIRST_PAUSE_S", 0.05)
        yield dagster_defs, sandbox


def keys(cadence: str) -> list[Any]:
    return [dg.AssetKey(["breezeway", code, cadence]) for code in REGIONS]


def test_every_region_is_loaded_its_report_handed_on_and_a_failing_one_retried_alone(
    defs_module: tuple[Any, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, sandbox = defs_module
    called: list[str] = []
    real = module.load

    def load_after_healing(region: str, *more: Any, **options: Any) -> Any:
        called.append(region)
        report = real(region, *more, **options)
        sandbox.faults.unrefuse_endpoint("/reservation")  # what failed once is well from now on
        return report

    sandbox.faults.refuse_endpoint("/reservation", 422)
    monkeypatch.setattr(module, "load", load_after_healing)
    job = module.definitions().resolve_job_def("breezeway_hourly")
    assert set(job.asset_layer.executable_asset_keys) == set(keys("hourly"))
    chosen = keys("hourly")[1:]
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=chosen)
        assert result.success
        assert sorted(called) == sorted([called[0], *REGIONS[1:]]), "the first one twice, the other once"
        for key in chosen:
            ((metadata, passed),) = [
                (
                    event.materialization.metadata,
                    {
                        e.check_name
                        for e in result.get_asset_check_evaluations()
                        if e.asset_key == key and e.passed
                    },
                )
                for event in [m.event_specific_data for m in result.get_asset_materialization_events()]
                if event.materialization.asset_key == key
            ]
            report = json.loads(json.dumps(metadata["report"].value))
            world = sandbox.worlds["smoky" if key.path[1] in SHARED else key.path[1]]
            assert metadata["rows/tasks"].value == report["rows"]["tasks"]
            assert report["linkage"]["tasks"] == len(world.tasks) > 0
            assert metadata["requests"].value == report["requests"]["total"] > 0
            assert metadata["linked_pct"].value == report["linkage"]["linked_pct"]
            assert {"keys_are_unique", "links_lead_to_live_stays"} <= passed


def test_wrong_names_are_not_retried(
    defs_module: tuple[Any, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _ = defs_module
    calls: list[int] = []
    real = module.load
    monkeypatch.setattr(module, "load", lambda *a, **k: (calls.append(1), real(*a, **k))[1])
    monkeypatch.setenv("BREEZEWAY_DESTINATION", "postgress")
    job = module.definitions().resolve_job_def("breezeway_hourly")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, asset_selection=keys("hourly")[:1]
        )
    assert not result.success and len(calls) == 1


def test_regions_of_one_key_pair_share_a_pool_and_a_second_cadence_waits_for_it(
    defs_module: tuple[Any, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _ = defs_module
    built = module.definitions()
    pool = {
        tuple(key.path): asset.op.pool
        for asset in built.assets
        for key in asset.keys  # type: ignore[union-attr]
    }
    assert (
        pool[("breezeway", "austin", "hourly")]
        == pool[("breezeway", "smoky", "weekly")]
        == "breezeway_austin"
    )
    assert pool[("breezeway", "mammoth", "hourly")] == "breezeway_mammoth"

    loads: list[str] = []
    runs, first_may_end = {"hourly": threading.Event(), "weekly": threading.Event()}, threading.Event()

    def slow(region: str, entities: tuple[str, ...], *more: Any, **options: Any) -> Any:
        loads.append(entities[0])
        runs[entities[0]].set()
        assert first_may_end.wait(60)
        raise module.ConfigError("enough")

    monkeypatch.setattr(module, "load", slow)
    (tmp_path / "home").mkdir()
    overrides = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "home"), overrides=overrides) as instance:
        instance.event_log_storage.set_concurrency_slots("breezeway_austin", 1)

        def execute(cadence: str) -> threading.Thread:
            job = built.resolve_job_def(f"breezeway_{cadence}")
            selection = [dg.AssetKey(["breezeway", "austin", cadence])]
            thread = threading.Thread(
                target=lambda: job.execute_in_process(
                    instance=instance, raise_on_error=False, asset_selection=selection
                )
            )
            thread.start()
            return thread

        threads = [execute("hourly")]
        assert runs["hourly"].wait(60)
        threads.append(execute("weekly"))
        threads[1].join(3)
        assert loads == ["hourly"], "the weekly run waits"
        first_may_end.set()
        assert runs["weekly"].wait(120)
        for thread in threads:  # Dagster's own end of a run may hang in its sqlite
            thread.join(10)
    assert loads == ["hourly", "weekly"]


def test_cadences_are_those_of_the_command_line_and_definitions_validate(
    defs_module: tuple[Any, Sandbox], tmp_path: Path
) -> None:
    module, _ = defs_module
    built = module.definitions()
    assert sorted(schedule.name for schedule in built.schedules) == [
        "breezeway_daily_schedule",
        "breezeway_hourly_schedule",
        "breezeway_weekly_schedule",
    ]
    assert len(built.assets) == 3 * len(REGIONS)
    dg.Definitions.validate_loadable(built)
