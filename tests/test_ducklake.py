"""Regions at once into one DuckLake, its catalog in PostgreSQL. `.ci/engines` brings DuckDB and its extensions."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from databases import fresh_postgres
from many_processes import Ended, differences, environment, meet_at_the_start, small_worlds, start

from breezeway_source.sandbox import Sandbox

WHEELS = ("duckdb_extension_ducklake", "duckdb_extension_postgres_scanner")
LOAD_S = 900  # loads take turns, half a minute of CPU each
REGIONS = ("austin", "smoky", "mammoth", "sea_ranch")

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, WHEELS)), reason=".ci/engines brings DuckLake"
)


def install_extensions(home: Path) -> None:
    """Where DuckDB looks for them before it asks the network."""
    (platform,) = duckdb.sql("pragma platform").fetchone() or ("",)
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        assert spec and spec.origin
        for found in (Path(spec.origin).parent / "extensions").rglob("*.duckdb_extension"):
            folder = home / ".duckdb" / "extensions" / found.parent.name / platform
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, folder)


def run_at_once(sandbox: Sandbox, catalog: str, folder: Path, *options: str) -> list[Ended]:
    """One process a region, all started before the first ends."""
    processes = {}
    for region in sandbox.worlds:
        home = folder / region
        install_extensions(home)
        environ = environment(
            sandbox,
            home,
            DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG=catalog,
            DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE__BUCKET_URL=(folder / "lake").as_uri(),
        )
        words = ["--region", region, "--destination", "ducklake", "--quiet", *options]
        processes[region] = start(words, home, environ)
    return [
        Ended(region, process.returncode, *said)
        for region, process in processes.items()
        for said in [process.communicate(timeout=LOAD_S)]
    ]


ASK = """
import json, sys, duckdb
catalog, query, region = sys.argv[1:]
lake = duckdb.connect()
lake.execute(f"attach 'ducklake:postgres:{catalog}' as lake (metadata_schema 'ducklake')")
lake.execute("use lake")
print(json.dumps(lake.execute(query.replace("%s", "?"), [region]).fetchall()))
"""


def ask(catalog: str, home: Path, query: str, region: str) -> Iterator[tuple[Any, ...]]:
    """DuckDB alone, in a process of its own: beside psycopg2, its PostgreSQL extension brings this one down."""
    words = [sys.executable, "-c", ASK, catalog, query, region]
    said = subprocess.run(
        words, env={"HOME": str(home)}, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return map(tuple, json.loads(said.splitlines()[-1]))  # a bar of progress may stand before it


def test_regions_at_once_are_whole_in_a_lake_twice(tmp_path: Path) -> None:
    with Sandbox.multi(small_worlds(REGIONS), token_limit=False) as sandbox, fresh_postgres() as catalog:
        meet_at_the_start(sandbox)
        for _ in range(2):
            ended = run_at_once(sandbox, catalog, tmp_path)
            assert [e for e in ended if e.exit_code] == []
            assert differences(sandbox, partial(ask, catalog, tmp_path / "smoky")) == []
            for world in sandbox.worlds.values():
                world.advance(seconds=1)
                task = next(iter(world.listed_tasks()))
                world.edit_task(task["id"], name="Edited", supplies=[])
                world.add_task(home_id=task["home_id"], name="New")
