"""Faults that would otherwise pass unseen: each is told in the first run that meets it.

With the region, with the property where there is one, and with a next step. A database that cannot be written:
test_notices.py.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import NOW
from databases import Database
from loading import Loader
from quick_loading import QuickLoader

from breezeway_source.api.access import Access
from breezeway_source.api.client import Client
from breezeway_source.api.counters import Counters
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.settings import Region
from pipelines.load.region_run import RegionRun
from pipelines.load.regions import load_regions
from pipelines.run import main, make_plan, parser
from pipelines.watch import sync_runs
from pipelines.watch.notices import message
from pipelines.watch.report import RunReport
from pipelines.watch.sync_runs import RunRow

PROJECT = Path(__file__).resolve().parent.parent


def smoky() -> World:
    """Enough properties to halve; the same at every call."""
    return World.seeded("smoky", now=NOW, properties=24, tasks_per_property=2)


@pytest.fixture
def world() -> World:
    return smoky()


@pytest.fixture(scope="module")
def loaded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smoky as a first load without any fault leaves it."""
    folder = tmp_path_factory.mktemp("loaded")
    database = Database("duckdb", str(folder / "breezeway_local.duckdb"), folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(smoky(), token_limit=False) as sandbox,
        QuickLoader(sandbox, database, folder / "work", NOW) as loader,
    ):
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        loader.load("--entities", "hourly", "people")
    return Path(database.url)


@pytest.fixture
def healthy(loaded_file: Path, quick_loader: Loader) -> Loader:
    """Smoky, loaded an hour ago; on a fresh machine."""
    shutil.copy(loaded_file, quick_loader.database.url)
    quick_loader.pass_time(hours=1)
    return quick_loader


def news(report: RunReport) -> list[str]:
    """What is sent about this run, each line with its region and a next step."""
    _, *lines = message(report).splitlines()
    for line in lines:
        assert line.startswith("• smoky: "), line
        assert re.search(r"Next: |Check client_id|--check|^• smoky: (over|new columns)", line), line
    return [line.removeprefix("• smoky: ") for line in lines]


def told(report: RunReport, *words: str) -> str:
    """The one line of news that holds these words."""
    (line,) = [line for line in news(report) if all(word in line for word in words)]
    return line


def test_a_dead_region_and_a_column_that_is_null_in_all_rows(healthy: Loader) -> None:
    past = [NOW - timedelta(days=40) + timedelta(hours=12) * n for n in range(60)]
    rows = [
        RunRow(f"{at}", "smoky", "tasks", at, at, "ok", rows=40, listed=90, reading="changes") for at in past
    ]
    filled: dict[str, list[str]] = {"empty": [], "sparse": []}
    rows += [
        RunRow(f"{at}", "smoky", "properties", at, at, "ok", listed=24, reading="whole", null_columns=filled)
        for at in past[-2:]
    ]
    with healthy.target.pipeline("smoky", str(healthy.folder / "past")).sql_client() as client:
        sync_runs.record(client, rows, now=NOW)
    for property_id in list(healthy.sandbox.world.properties):
        healthy.sandbox.world.edit_property(property_id, reference_external_property_id=None)
    report = healthy.run()
    assert report.exit_code == 0, "severity warn changes no exit code"
    assert "no tasks changed for 11 days" in told(report, "changes_arrive")
    told(report, "null in all rows of this run", "properties.reference_external_property_id")


def test_a_revoked_key(healthy: Loader) -> None:
    healthy.sandbox.faults.expire_tokens()
    healthy.sandbox.faults.auth_answer = "inactive"
    report = healthy.run()
    assert report.exit_code == 3
    assert "Check client_id and client_secret of the region" in told(report, "inactive client")


def test_a_refused_token(quick_loader: Loader) -> None:
    quick_loader.sandbox.faults.auth_answer = "http_401"
    report = quick_loader.run()
    assert report.exit_code == 3
    told(report, "Token request for region 'smoky' answered 401", "Check client_id")


def test_a_renamed_field(healthy: Loader) -> None:
    world = healthy.sandbox.world
    for task_id, task in list(world.tasks.items()):
        department = task.pop("type_department")
        world.tasks[task_id] = task
        world.edit_task(task_id, department_type=department)
    report = healthy.run()
    assert report.exit_code == 0
    assert told(report, "new columns: ") == "new columns: tasks.department_type text"
    told(report, "tasks.type_department is null in every row of this run")


def test_lists_halved_and_empty_and_a_clock_half_an_hour_off(healthy: Loader) -> None:
    for property_id in list(healthy.sandbox.world.properties)[:13]:
        healthy.sandbox.world.hide_property(property_id)
    for person_id in list(healthy.sandbox.world.people):
        healthy.sandbox.world.delete("people", person_id)
    healthy.sandbox.faults.clock_ahead_s = -1800
    report = healthy.run("--entities", "properties", "people")
    assert report.exit_code == 0
    told(report, "the API listed 11 properties, less than half of the usual 24")
    told(report, "the API listed no people where there were 14")
    assert "Next: set it (NTP)" in told(report, "this machine's clock is 30 minutes ahead of the API's")
    healthy.pass_time(hours=1)
    healthy.sandbox.faults.clear()
    told(healthy.run("--entities", "properties"), "over: check clock_is_right")


def test_no_property_at_all(healthy: Loader) -> None:
    properties = healthy.sandbox.world.properties
    live = sum(p["status"] != "deleted" for p in properties.values())
    assert 0 < live < len(properties)
    for property_id in list(properties):
        healthy.sandbox.world.hide_property(property_id)
    report = healthy.run()
    assert report.exit_code == 1
    told(report, f"the API listed no property of region 'smoky', where {live} are loaded")


class Impatient(Access):
    """Waits a fifth of a second for an answer, and asks once."""

    def client(self, region: Region, counters: Counters) -> Client:
        client = super().client(region, counters)
        return Client(
            self._settings.base_url,
            client._auth,
            client._throttle,
            counters,
            region=region.code,
            timeout=(1.0, 0.2),
            attempts=1,
        )


def test_a_property_that_answers_422_and_one_that_answers_too_late(healthy: Loader) -> None:
    healthy.sandbox.faults.refuse_property(2003, 422)
    healthy.sandbox.faults.stall_s = 0.8
    healthy.sandbox.faults.next("stall", path="/task", home_id=2004)
    (region,) = healthy.regions(("smoky",))
    access = Impatient(healthy.settings, cache_dir=healthy.folder.parent / "tokens")
    plan = make_plan(parser().parse_args([]))
    run = RegionRun(region, healthy.settings, plan, healthy.target, access, healthy.now, str(healthy.folder))
    report = load_regions([run])
    assert report.exit_code == 1
    assert "--property 2003 reads it alone" in told(report, "422 for /task/", "home_id 2003")
    line = told(report, "no complete answer", "home_id 2004")
    assert "Next: the next run reads property 2004 again from its own cursor" in line


@pytest.fixture
def small_disk() -> Iterator[dict[str, object]]:
    """For a process whose files may not grow beyond 96 kB; writes then fail as on a full disk."""
    limit = 96 << 10
    yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))}


def test_a_full_disk(
    tmp_path: Path,
    small_disk: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(PROJECT))
    options = ["--sandbox", "--region", "smoky", "--entities", "properties"]
    command = [sys.executable, str(PROJECT / "pipelines" / "run.py"), *options]
    full = subprocess.run(command, capture_output=True, text=True, **small_disk)  # type: ignore[call-overload]
    assert full.returncode == 1, full.stderr
    (line,) = [line for line in full.stderr.splitlines() if "ERROR smoky: failed: " in line]
    assert "Next: free space" in line
    assert main(options) == 0
    assert "over: failed: " in capsys.readouterr().err


def test_a_healthy_region_is_told_of_nothing(healthy: Loader) -> None:
    report = healthy.run()
    assert report.exit_code == 0 and news(report) == []
