"""Two companies in one database: a dataset each, regions of the same codes, nothing in common.

On DuckDB: test_any_database.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databases import Database
from loading import Loader
from small_worlds import NOW, small_world

from breezeway_source.sandbox import Sandbox

REGIONS = ("smoky", "sea_ranch")


@pytest.fixture
def companies(postgres_database: Database, tmp_path: Path) -> Iterator[dict[str, Loader]]:
    def sandbox(first: int) -> Sandbox:
        worlds = {
            region: small_world(region=region, properties=1, tasks=3, seed=first, first_property_id=first)
            for region in REGIONS
        }
        return Sandbox.multi(worlds, token_limit=False)

    with (
        sandbox(2001) as ours,
        sandbox(2002) as theirs,
        Loader(ours, postgres_database, tmp_path / "work", NOW) as first,
    ):
        second = Loader(theirs, postgres_database, tmp_path / "work_acme", NOW)
        second.dataset = "acme"
        yield {"breezeway": first, "acme": second}


def load(loader: Loader, *options: str) -> None:
    report = loader.run(*options, regions=REGIONS)
    found = [(region.exit_code, region.error, region.failures) for region in report.regions]
    assert found == [(0, None, [])] * 2, report.as_dict()
    assert {region.dataset for region in report.regions} == {loader.dataset}


def everything(loader: Loader) -> dict[str, list[str]]:
    """Every row of every table and view of the dataset: cursors, runs and marts too."""
    tables = "select table_name from information_schema.tables where table_schema = %s"
    with loader.client() as client:
        names = [name for (name,) in client.execute_sql(tables, loader.dataset) or ()]
        return {
            name: sorted(map(repr, client.execute_sql(f"select * from {loader.dataset}.{name}") or ()))
            for name in names
        }


def test_two_companies_never_touch_each_other(companies: dict[str, Loader]) -> None:
    first, second = companies["breezeway"], companies["acme"]
    load(first)
    before = everything(first)
    assert before["sync_runs"] and before["_dlt_pipeline_state"] and before["mart_stay_turnovers"]
    load(second)
    assert everything(first) == before, "one after the other"
    assert set(everything(second)) == set(before)
    theirs = everything(second)
    load(first, "--full")
    assert everything(second) == theirs, "nor the other way round"

    for loader in companies.values():
        loader.pass_time(hours=1)
        for world in loader.sandbox.worlds.values():
            world.edit_task(min(world.tasks), name=f"Changed by {loader.dataset}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(load, companies.values()))
    for loader in companies.values():
        rows = "select name from tasks where region_code = %s and task_id = %s"
        for region, world in loader.sandbox.worlds.items():
            ids = loader.column("select task_id from tasks where region_code = %s", region)
            assert sorted(ids) == sorted(world.tasks)
            assert loader.column(rows, region, min(world.tasks)) == [f"Changed by {loader.dataset}"]
            properties = loader.column("select property_id from properties where region_code = %s", region)
            assert sorted(properties) == sorted(world.properties)
            marts = loader.column(
                "select distinct property_id from mart_task_lines where region_code = %s", region
            )
            assert set(marts) <= set(world.properties)
    runs = "select count(distinct run_id) from sync_runs where region_code = 'smoky'"
    assert [loader.column(runs) for loader in (first, second)] == [[3], [2]]
