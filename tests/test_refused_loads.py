"""What the database refuses, for what it holds or for want of room: told in one line, never a package for ever."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Database
from loading import Loader
from many_processes import environment, small_worlds
from small_worlds import NOW, small_world
from started import PROGRAM, run_py

from breezeway_source.sandbox import Sandbox, World


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as made:
        # Else unknown fields stay in `unparsed` long before a table is full.
        made.configure(marts=False, max_new_columns=5000)
        yield made


def waiting_packages(loader: Loader) -> bool:
    return loader.target.pipeline("smoky", str(loader.folder)).has_pending_data


def test_a_package_refused_for_its_rows_is_given_up_and_read_again(postgres_loader: Loader) -> None:
    loader = postgres_loader
    loader.first_load()
    loader.query("alter table tasks add constraint unpainted check (name <> 'Repainted')")
    loader.pass_time(hours=1)
    task_id = min(loader.sandbox.world.tasks)
    loader.sandbox.world.edit_task(task_id, name="Repainted")
    (region,) = loader.run().regions
    assert (region.exit_code, waiting_packages(loader)) == (1, False)
    assert region.error is not None and 'violates check constraint "unpainted"' in region.error
    assert "Failing row" not in region.error, "it holds the row"
    assert "given up, and read again by the next run" in region.error
    assert "run again" not in region.as_dict()["problems"][0]
    loader.query("alter table tasks drop constraint unpainted")
    loader.load()
    assert loader.column("select name from tasks where task_id = %s", task_id) == ["Repainted"]


def test_a_table_without_room_for_a_column_does_not_stop_the_region_for_good(postgres_loader: Loader) -> None:
    """PostgreSQL takes 1,600 columns: the package that needs one more waited, and failed every later run."""
    loader = postgres_loader
    loader.first_load()
    (present,) = loader.column(
        "select count(*) from information_schema.columns where table_schema = 'breezeway' and table_name = 'tasks'"
    )
    names = [f"filler_{number}" for number in range(1599 - present)]
    loader.query(f"alter table tasks {', '.join(f'add column {name} smallint' for name in names)}")
    loader.pass_time(hours=1)
    task_id = min(loader.sandbox.world.tasks)
    for number in range(5):
        loader.sandbox.world.edit_task(task_id, **{f"surprise_{number}": "blue"})
    (region,) = loader.run().regions
    assert (region.exit_code, waiting_packages(loader)) == (1, False)
    assert "max_new_columns" in region.as_dict()["problems"][0]
    loader.query(f"alter table tasks {', '.join(f'drop column {name}' for name in names[:10])}")
    loader.query(
        "create table rebuilt as select 1 as one"
    )  # dropped columns count until the table is rewritten
    for number in range(5):
        del loader.sandbox.world.tasks[task_id][f"surprise_{number}"]
    loader.sandbox.world.edit_task(task_id, name="Repainted")
    loader.load()
    assert loader.column("select name from tasks where task_id = %s", task_id) == ["Repainted"]


def test_a_full_disk_is_one_line_and_the_next_run_loads_what_was_read(tmp_path: Path) -> None:
    with Sandbox.multi(small_worlds(("smoky",), tasks=30), token_limit=False) as sandbox:
        environ = environment(sandbox, tmp_path, SOURCES__BREEZEWAY__MARTS="false")
        words = ["--region", "smoky"]

        def small_disk() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

        done = subprocess.run(
            [sys.executable, PROGRAM, *words],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, preexec_fn=small_disk,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "Traceback" not in said and "free space" in said
        assert not any(word in said for word in sandbox.credentials["smoky"])
        assert len(done.stderr.splitlines()) <= 4, done.stderr
        done = run_py(words, tmp_path, environ)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "loading what an earlier run left" in done.stderr
