"""A load as a function: the same as the command line, from any folder."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import duckdb
import pytest

from breezeway_source.errors import ConfigError
from breezeway_source.plan import RECONCILED, plan_of
from pipelines.load.calling import load
from pipelines.run import make_plan, parser


def test_a_folder_without_configuration_will_do_and_nothing_of_it_or_the_environment_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    report = load("smoky", ["properties", "people"], sandbox=True)
    assert (report.exit_code, report.status) == (0, "ok")
    (region,) = report.regions
    assert (
        region.region == "smoky"
        and region.rows["properties"] > 0
        and set(region.rows) == {"properties", "people"}
    )
    with duckdb.connect("breezeway_sandbox.duckdb") as database:
        # The name is of the project's configuration.
        assert database.sql("select name from breezeway.regions").fetchall() == [("Smoky Mountains",)]
        counted = database.sql("select count(*) from breezeway.people").fetchall()
    assert counted == [(region.rows["people"],)]
    assert dict(os.environ) == before and Path.cwd() == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [
        "breezeway_sandbox.duckdb"
    ]


def test_a_dry_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = load("smoky", "people", sandbox=True, dry_run=True)
    assert report.exit_code == 0 and report.regions[0].rows["people"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"regions": "smokey"}, "Did you mean 'smoky'?"),
        ({"regions": ()}, "regions is empty"),
        ({"regions": 5}, "regions has 5 among them"),
        ({"sandbox": "no"}, "sandbox is 'no'; it must be True or False"),
        ({"dry_run": 1}, "dry_run is 1; it must be True or False"),
        ({"destination": 5}, "destination is 5"),
        ({"entities": "taks"}, "Did you mean 'tasks'?"),
        ({"since": "yesterday"}, "is no day"),
        ({"since": date(2026, 3, 2), "until": date(2026, 3, 1)}, "is before"),
        ({"properties": ["harbour"]}, "is no id"),
        ({"destination": "postgress"}, "Did you mean 'postgres'?"),
        ({"regions": "smoky"}, "has no credentials"),
    ],
)
def test_what_cannot_start_is_raised_before_anything_is_sent(call: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        load(**{"regions": "all", **call})  # type: ignore[arg-type]


def test_days_are_taken_as_days_or_texts_and_plans_are_the_command_lines() -> None:
    ours = plan_of(["tasks"], since=date(2026, 3, 1), until="2026-03-02", properties=[7])
    words = "--entities tasks --since 2026-03-01 --until 2026-03-02 --property 7"
    assert ours == make_plan(parser().parse_args(words.split()))


@pytest.mark.parametrize("entities", [["people"], ["tasks"], ["hourly"], ["weekly"]])
def test_a_reconciliation_reads_properties_tasks_and_stays_whatever_else_is_asked(
    entities: list[str],
) -> None:
    plan = plan_of(entities, reconcile=True)
    assert set(RECONCILED) <= set(plan.entities) and plan.whole_stays
    assert {name for name in entities if name == "people"} <= set(plan.entities)
