"""The working folder: where dlt's own tools find it, and never another database's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dlt
from conftest import NOW
from databases import Database, duckdb_database  # noqa: F401
from loading import Loader

from breezeway_source.sandbox import Sandbox
from pipelines.database.destinations import Target, duckdb_target


def pending_package(target: Target, folder: Path) -> str:
    """Leaves an extracted package behind, as a run that was killed does; gives the working folder."""
    pipeline = target.pipeline("smoky", str(folder))
    pipeline.extract([{"id": 1}], table_name="left_over")
    assert pipeline.has_pending_data
    return pipeline.working_dir


def test_packages_of_one_database_are_never_loaded_into_another(tmp_path: Path) -> None:
    one, other = duckdb_target(tmp_path / "one.duckdb"), duckdb_target(tmp_path / "other.duckdb")
    folder = pending_package(one, tmp_path)
    assert one.pipeline("smoky", str(tmp_path)).has_pending_data, "its own are kept"
    assert one.pipeline("austin", str(tmp_path)).working_dir != folder
    pipeline = other.pipeline("smoky", str(tmp_path))
    assert (pipeline.working_dir, pipeline.has_pending_data) == (folder, False)


def test_a_dataset_beside_another_has_its_own_folder_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "one.duckdb"
    pending_package(duckdb_target(file), tmp_path)
    acme = duckdb_target(file, dataset="acme").pipeline("smoky", str(tmp_path))
    assert (acme.dataset_name, acme.has_pending_data) == ("acme", False)


def test_a_folder_nobody_is_known_to_own_is_emptied(tmp_path: Path) -> None:
    pipeline = dlt.pipeline("breezeway_smoky", destination="duckdb", pipelines_dir=str(tmp_path))
    pipeline.extract([{"id": 1}], table_name="left_over")
    assert not duckdb_target(tmp_path / "one.duckdb").pipeline("smoky", str(tmp_path)).has_pending_data


def test_two_paths_to_one_file_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    pending_package(duckdb_target(tmp_path / "one.duckdb"), tmp_path)
    assert duckdb_target(tmp_path / "link" / "one.duckdb").pipeline("smoky", str(tmp_path)).has_pending_data


def test_a_folder_of_the_earlier_layout_is_given_up(tmp_path: Path) -> None:
    target = duckdb_target(tmp_path / "one.duckdb")
    import hashlib

    earlier = tmp_path / f"duckdb_{hashlib.sha256(target.location.encode()).hexdigest()[:10]}"
    for name in ("breezeway_smoky", "breezeway_austin"):
        (earlier / name / "load").mkdir(parents=True)
    target.pipeline("smoky", str(tmp_path))
    assert [path.name for path in earlier.iterdir()] == ["breezeway_austin"]


def test_dlts_own_commands_find_the_pipeline(
    sandbox: Sandbox,
    duckdb_database: Database,  # noqa: F811
    tmp_path: Path,
) -> None:
    with Loader(sandbox, duckdb_database, tmp_path / "pipelines", NOW) as loader:
        loader.load("--entities", "people")
    # As the program `dlt` does, three times in one process: importing it takes longer than what it does.
    program = (
        "import sys; from dlt._workspace.cli._dlt import main; given = sys.argv\n"
        "for command in ('info', 'trace', 'schema'):\n"
        "    sys.argv = [*given, command]; print('==', command, main(), flush=True)"
    )
    words = ["pipeline", "--pipelines-dir", str(tmp_path / "pipelines"), "breezeway_smoky"]
    told = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    parts = [part.splitlines() for part in told.stdout.split("== ")]
    assert [part[0] for part in parts[1:]] == ["info 0", "trace 0", "schema 0"], told.stderr
    assert all(any("breezeway_smoky" in line for line in part) for part in parts[:3]), told.stdout
