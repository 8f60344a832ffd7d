"""Two companies in one database: a dataset each, a region of the same code, nothing in common.

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


@pytest.fixture
def companies(postgres_database: Database, tmp_path: Path) -> Iterator[dict[str, Loader]]:
    def sandbox(first: int) -> Sandbox:
        world = small_world(properties=1, tasks=3, seed=first, first_property_id=first)
        return Sandbox(world, token_limit=False)

    with (
        sandbox(2001) as ours,
        sandbox(2002) as theirs,
        Loader(ours, postgres_database, tmp_path / "work", NOW) as first,
    ):
        second = Loader(theirs, postgres_database, tmp_path / "work_acme", NOW)
        second.dataset = "acme"
        yield {"breezeway": first, "acme": second}


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
    first.load()
    before = everything(first)
    assert before["sync_runs"] and before["_dlt_pipeline_state"] and before["mart_stay_turnovers"]
    assert second.load().dataset == "acme"
    assert everything(first) == before, "one after the other"
    assert set(everything(second)) == set(before)
    theirs = everything(second)
    assert first.load("--full").dataset == "breezeway"
    assert everything(second) == theirs, "nor the other way round"

    for loader in companies.values():
        loader.pass_time(hours=1)
        world = loader.sandbox.world
        world.edit_task(min(world.tasks), name=f"Changed by {loader.dataset}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Loader.load, companies.values()))
    for loader in companies.values():
        world = loader.sandbox.world
        assert sorted(loader.column("select task_id from tasks")) == sorted(world.tasks)
        name = loader.column("select name from tasks where task_id = %s", min(world.tasks))
        assert name == [f"Changed by {loader.dataset}"]
        assert sorted(loader.column("select property_id from properties")) == sorted(world.properties)
        marts = loader.column("select distinct property_id from mart_task_lines")
        assert set(marts) <= set(world.properties)
    runs = "select count(distinct run_id) from sync_runs"
    assert [loader.column(runs) for loader in (first, second)] == [[3], [2]]
