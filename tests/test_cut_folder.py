"""Working folders that cannot be used as they are: cut off by a power failure or a kill, newer than the database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from killing import Death, die
from loading import Loader
from small_worlds import small_world

from breezeway_source.sandbox import World
from pipelines.database.folder import is_whole
from pipelines.load.pending import PUT_BACK

NOTES = ("state.json", "schemas/*.json", "*/.version", "*/*/*/schema.json", "*/*/*/load_package_state.json")


@pytest.fixture
def world() -> World:
    return small_world()


@contextmanager
def cut(path: Path, length: int) -> Iterator[None]:
    """The file with so many bytes of its beginning alone."""
    whole = path.read_bytes()
    os.truncate(path, length)
    try:
        yield
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("death", [Death("normalize"), Death("load")], ids=["extracted", "normalised"])
def test_every_file_that_is_cut_off_shows(
    loader: Loader, death: Death, caplog: pytest.LogCaptureFixture
) -> None:
    loader.first_load()
    task = next(iter(loader.sandbox.worlds["smoky"].tasks.values()))
    task |= {"name": "Changed", "updated_at": loader.pass_time(hours=1).isoformat()}
    assert die(loader, death)
    folder = loader.folder / "breezeway_smoky"
    assert is_whole(folder)
    rows = sorted(folder.glob("*/*/*/new_jobs/*"))
    notes = sorted({path for pattern in NOTES for path in folder.glob(pattern)})
    assert len(rows) >= 5 and len(notes) >= 5
    for path in (*rows, *notes):
        for length in (0, path.stat().st_size // 2):
            with cut(path, length):
                assert not is_whole(folder), path
    (tasks,) = (path for path in rows if path.name.startswith("tasks."))
    os.truncate(tasks, 0)
    loader.load()
    assert loader.query("select count(*) from tasks where name = 'Changed'") == [(1,)]
    assert caplog.text.count("was cut off (a power failure, a full disk) and is emptied") == 1


def test_storage_without_its_folders_is_begun_anew(duckdb_loader: Loader) -> None:
    duckdb_loader.first_load()
    assert die(duckdb_loader, Death("normalize"))
    folder = duckdb_loader.folder / "breezeway_smoky"
    shutil.rmtree(folder / "load", ignore_errors=True)
    (folder / "load").mkdir()  # killed between it and what dlt makes in it
    duckdb_loader.load()
    (folder / "state.json").write_text("")
    duckdb_loader.load()


def test_a_database_put_back_to_an_earlier_day_is_brought_up_to_date(duckdb_loader: Loader) -> None:
    loader, file = duckdb_loader, Path(duckdb_loader.database.url)
    loader.first_load()
    backup = file.read_bytes()
    task = next(iter(loader.sandbox.worlds["smoky"].tasks.values()))
    task |= {"name": "Changed", "updated_at": loader.pass_time(hours=1).isoformat()}
    assert loader.load().warnings == []
    loader.pass_time(days=loader.settings.lookback_days + 2)  # what overlaps would mend it
    loader.load()
    file.write_bytes(backup)
    loader.pass_time(hours=1)
    assert loader.load().warnings == [PUT_BACK]
    assert loader.query("select count(*) from tasks where name = 'Changed'") == [(1,)]
    assert loader.load().warnings == []
