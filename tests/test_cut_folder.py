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


def check_cuts(folder: Path) -> list[Path]:
    """Every file that is cut off shows; gives those of rows."""
    assert is_whole(folder)
    rows = sorted(folder.glob("*/*/*/new_jobs/*"))
    notes = sorted({path for pattern in NOTES for path in folder.glob(pattern)})
    assert len(rows) >= 5 and len(notes) >= 5
    for path in (*rows, *notes):
        for length in (0, path.stat().st_size // 2):
            with cut(path, length):
                assert not is_whole(folder), path
    return rows


def test_every_file_that_is_cut_off_shows(loader: Loader, caplog: pytest.LogCaptureFixture) -> None:
    loader.configure(marts=False)
    loader.first_load()
    task = next(iter(loader.sandbox.worlds["smoky"].tasks.values()))
    task |= {"name": "Changed", "updated_at": loader.pass_time(hours=1).isoformat()}
    folder = loader.folder / "breezeway_smoky"
    if loader.database.kind == "duckdb":  # what is extracted is the same for both
        assert die(loader, Death("normalize"))
        check_cuts(folder)
        shutil.rmtree(folder / "load", ignore_errors=True)
        (folder / "load").mkdir()  # killed between it and what dlt makes in it
        assert not is_whole(folder)
    assert die(loader, Death("load"))
    (tasks,) = (path for path in check_cuts(folder) if path.name.startswith("tasks."))
    os.truncate(tasks, 0)
    loader.load()
    assert loader.query("select count(*) from tasks where name = 'Changed'") == [(1,)]
    assert caplog.text.count("was cut off (a power failure, a full disk) and is emptied") == 1


def test_a_database_put_back_to_an_earlier_day_is_brought_up_to_date(quick_loader: Loader) -> None:
    loader, file = quick_loader, Path(quick_loader.database.url)
    loader.first_load()
    backup = file.read_bytes()
    task = next(iter(loader.sandbox.worlds["smoky"].tasks.values()))
    task |= {"name": "Changed", "updated_at": loader.pass_time(hours=1).isoformat()}
    loader.pass_time(days=loader.settings.lookback_days + 2)  # what overlaps would mend it
    assert loader.load().warnings == []
    file.write_bytes(backup)
    loader.pass_time(hours=1)
    assert loader.load().warnings == [PUT_BACK]
    assert loader.query("select count(*) from tasks where name = 'Changed'") == [(1,)]
    assert loader.load().warnings == []
