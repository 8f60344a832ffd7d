"""A working folder that a power failure, a full disk or a kill cut off: emptied, and nothing is lost."""

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


def test_storage_without_its_folders_is_begun_anew(loader: Loader) -> None:
    loader.first_load()
    assert die(loader, Death("normalize"))
    folder = loader.folder / "breezeway_smoky"
    shutil.rmtree(folder / "load", ignore_errors=True)
    (folder / "load").mkdir()  # killed between it and what dlt makes in it
    loader.load()
    (folder / "state.json").write_text("")
    loader.load()
