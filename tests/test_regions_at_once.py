"""Several regions at the same time: as processes on an empty PostgreSQL, as threads of one process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from loading import target_of
from many_processes import REGIONS, differences, environment, one_round, small_worlds

from breezeway_source.api import access
from breezeway_source.api.access import Access
from breezeway_source.api.counters import Counters
from breezeway_source.api.pace import Throttle
from breezeway_source.sandbox import Sandbox
from breezeway_source.settings import Region, Settings, read_regions
from pipelines.run import main
from pipelines.watch.report import worst


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """The command line in this process, its environment leading to a sandbox: exit code and report."""

    def run(sandbox: Sandbox, database: Database, *options: str, without: tuple[str, ...] = ()) -> Any:
        for name, value in environment(sandbox, tmp_path / "home").items():
            if not any(region.upper() in name for region in without):
                monkeypatch.setenv(name, value)
        if database.kind == "duckdb":
            monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", database.url)
        monkeypatch.setenv("SOURCES__BREEZEWAY__MARTS", "false")
        target_of(database)
        report = tmp_path / "report.json"
        code = main([*options, "--destination", database.kind, "--quiet", "--report", str(report)])
        return code, json.loads(report.read_text())

    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "")  # whatever a run sets is taken back
    return run


def rows_of(database: Database, query: str, *args: Any) -> list[tuple[Any, ...]]:
    with target_of(database).pipeline("reader", str(database.folder / "reader")).sql_client() as client:
        return [tuple(row) for row in client.execute_sql(query, *args) or ()]


def test_processes_started_at_once_on_an_empty_database(tmp_path: Path) -> None:
    """A hundred rounds of eight: `python tests/many_processes.py 100`."""
    with Sandbox.multi(small_worlds(REGIONS[:3]), token_limit=False) as sandbox:
        assert one_round(sandbox, tmp_path / "round") == []


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What `--region all` means: fewer than are configured, for the time it takes."""
    names = ("austin", "smoky")
    monkeypatch.setattr(
        "pipelines.load.calling.read_regions",
        lambda: {code: region for code, region in read_regions().items() if code in names},
    )
    return names


def check_all(
    database: Database, sandbox: Sandbox, configured: tuple[str, ...], code: int, report: Any
) -> None:
    """All configured regions are loaded, and told in their order."""
    assert (code, report["status"]) == (0, "ok")
    assert [region["region"] for region in report["regions"]] == list(configured)
    tasks = {region: len(world.tasks) for region, world in sandbox.worlds.items()}
    assert {region["region"]: region["rows"]["tasks"] for region in report["regions"]} == tasks
    assert sum(region["requests"]["total"] for region in report["regions"]) == sandbox.data_requests
    assert differences(sandbox, lambda query, region: rows_of(database, query, region)) == []


def test_all_regions_in_one_process(
    postgres_database: Database, command: Any, configured: tuple[str, ...]
) -> None:
    """On DuckDB: the regions with one key pair, below."""
    with Sandbox.multi(small_worlds(configured), token_limit=False) as sandbox:
        code, report = command(sandbox, postgres_database, "--region", "all")
        check_all(postgres_database, sandbox, configured, code, report)


def test_a_region_refused_ends_3_one_without_credentials_2_and_the_others_load(
    duckdb_database: Database, command: Any
) -> None:
    names = ("smoky", "austin", "mammoth")
    with Sandbox.multi(small_worlds(names), token_limit=False) as sandbox:
        sandbox.credentials["austin"] = ("id-austin", "wrong")
        chosen = [option for region in names for option in ("--region", region)]
        code, report = command(sandbox, duckdb_database, *chosen, without=("mammoth",))
        assert (code, report["status"]) == (3, "partial")
        by_name = {region["region"]: region for region in report["regions"]}
        assert {name: region["exit_code"] for name, region in by_name.items()} == {
            "smoky": 0,
            "austin": 3,
            "mammoth": 2,
        }
        assert by_name["mammoth"]["status"] == "failed"
        assert "regions.mammoth.client_id" in by_name["mammoth"]["error"]
        for region in ("austin", "mammoth"):
            del sandbox.worlds[region]
        assert differences(sandbox, lambda query, region: rows_of(duckdb_database, query, region)) == []
        assert rows_of(duckdb_database, "select distinct region_code from tasks") == [("smoky",)]


@pytest.mark.parametrize(
    ("codes", "expected"), [([0, 0], 0), ([0, 4], 4), ([4, 1, 0], 1), ([1, 2, 4], 2), ([2, 0, 3], 3), ([], 0)]
)
def test_the_worst_exit_code_counts(codes: list[int], expected: int) -> None:
    assert worst(codes) == expected


def test_regions_with_one_key_pair_share_its_token_and_its_pace(
    duckdb_database: Database,
    command: Any,
    configured: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[float] = []

    class CountedThrottle(Throttle):
        def __init__(self, pace: float) -> None:
            made.append(pace)
            super().__init__(pace)

    monkeypatch.setattr(access, "Throttle", CountedThrottle)
    worlds = small_worlds(("smoky",), properties=16, stays_days=5)
    worlds |= small_worlds(("austin",), properties=16, stays_days=5, first_property_id=5001)
    with Sandbox.multi(worlds, same_key=[("smoky", "austin")], latency_s=0.03) as sandbox:
        companies = {region: str(world.company_id) for region, world in worlds.items()}
        for region, company in companies.items():
            monkeypatch.setenv(f"SOURCES__BREEZEWAY__REGIONS__{region.upper()}__COMPANY_ID", company)
        code, report = command(sandbox, duckdb_database, "--region", "all")
        check_all(duckdb_database, sandbox, configured, code, report)
        assert sandbox.token_requests == 1
        assert len(made) == 1
        assert 4 < sandbox.max_in_flight <= 16


def test_two_threads_asking_for_one_key_pair_get_one_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions begin side by side: the second must not miss what the first is just making."""
    made: list[Throttle] = []
    arrived = threading.Barrier(2)

    def slow_throttle(pace: float) -> Throttle:
        made.append(Throttle(pace))
        with pytest.raises(threading.BrokenBarrierError):
            arrived.wait(0.2)  # nobody else may get here
        return made[-1]

    monkeypatch.setattr(access, "Throttle", slow_throttle)
    shared = Access(Settings())
    regions = [Region(code, code, "id", "secret") for code in ("smoky", "austin")]
    threads = [threading.Thread(target=shared.client, args=(region, Counters())) for region in regions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
