"""`--dry-run`: the real road into a throw-away DuckDB; the configured warehouse is not even opened."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from many_processes import environment, small_worlds

from breezeway_source.sandbox import Sandbox
from pipelines.run import main

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def source() -> Iterator[Sandbox]:
    with Sandbox.multi(small_worlds(("smoky",)), token_limit=False) as running:
        yield running


@pytest.fixture
def dry_run(
    source: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`run.py --region smoky --dry-run` with more options: exit code and what was printed."""
    for name, value in environment(source, tmp_path / "home").items():
        monkeypatch.setenv(name, value)

    def run(*options: str) -> tuple[int, str]:
        code = main(["--region", "smoky", "--dry-run", "--quiet", *options])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port nobody listens on, and nobody gets while the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_an_unreachable_warehouse_is_no_hindrance(
    dry_run: Command, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://loader:secret@127.0.0.1:{closed_port}/warehouse"
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    code, out = dry_run("--destination", "postgres")
    assert code == 0
    assert "would be loaded for smoky" in out
    counted = {words[1]: words[3] for words in map(str.split, out.splitlines()) if len(words) == 5}
    assert (counted["tasks"], counted["properties"]) == ("6", "2")
    assert "region_code=" not in out, "rows are shown only on request"


def test_the_local_file_is_not_touched_nothing_is_left_and_samples_hide_persons(
    dry_run: Command, source: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = tmp_path / "local.duckdb", tmp_path / "temporary"
    file.write_text("whatever stands here, nobody reads it")
    os.chmod(file, 0o400)
    before = file.stat()
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(file))
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    world = source.world
    stay = max(world.reservations)
    world.edit_reservation(
        stay,
        note="Ask for Grace at the door",
        access_code="4711",
        guests=[{"first_name": "Grace", "last_name": "Hopper", "emails": ["g@example.test"]}],
    )
    for property_id in world.properties:
        world.edit_property(property_id, display="Harbour View")
    for task_id in world.tasks:  # of an unknown field nobody has said yet whether it is about a person
        world.edit_task(task_id, emergency_phone="+1 555 0177")
    code, out = dry_run("--sample", "400")
    assert sum(line.startswith("tasks: ") for line in out.splitlines()) == len(world.tasks)
    assert code == 0
    assert f"reservations: region_code=smoky, reservation_id={stay}" in out
    assert "reservations__guests: " in out
    assert "display=Harbour View" in out
    for private in ("Grace", "Hopper", "g@example.test", "4711", "0177"):
        assert private not in out, private
    assert "emergency_phone=***" in out

    assert file.read_text() == "whatever stands here, nobody reads it"
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert [path.name for path in tmp_path.glob("*.duckdb*")] == ["local.duckdb"]
    assert list(folder.iterdir()) == []
    assert not list((tmp_path / "home").rglob("*breezeway_smoky*"))  # no working folder, hence no cursor
