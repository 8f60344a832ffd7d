"""Files and folders that cannot be what they are named for: one line before the run, with the way out."""

from __future__ import annotations

import os
from pathlib import Path

import dlt
import pytest
from dlt.common.runtime.run_context import RunContext

from breezeway_source.errors import ConfigError
from breezeway_source.settings import read_regions, read_settings
from pipelines.database.destinations import DUCKDB_KEY, duckdb_target, find_target
from pipelines.database.locks import folder_lock
from pipelines.database.places import refuse_place

LONG = "a" * 300


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with a pipe, a folder and a link to itself where files are meant."""
    os.mkfifo(tmp_path / "pipe.duckdb")
    (tmp_path / "folder.duckdb").mkdir()
    (tmp_path / "loop.duckdb").symlink_to("loop.duckdb")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pipe.duckdb", "is a pipe or a device: name a file"),
        ("/dev/null", "is a pipe or a device: name a file"),
        ("folder.duckdb", "is a folder: name a file in it"),
        (f"{LONG}.duckdb", "cannot be opened: File name too long. Next: name another"),
        ("a/" * 3000 + "x.duckdb", "cannot be opened: File name too long. Next: name another"),
        ("loop.duckdb", "cannot be opened: "),
        ("nowhere/x.duckdb", "does not exist: make it, or name another"),
        ("no\0name.duckdb", "cannot be opened: "),
    ],
    ids=lambda text: str(text)[:12],
)
def test_a_duckdb_file_that_can_be_none_is_refused(odd: Path, name: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        duckdb_target(odd / name)
    text = str(refused.value)
    assert told in text and DUCKDB_KEY in text and "\n" not in text and len(text) < 600


def test_a_database_of_motherduck_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DUCKDB_KEY, "md:warehouse")
    with pytest.raises(ConfigError, match="--destination motherduck"):
        find_target("duckdb")


@pytest.mark.parametrize("name", [f"{LONG}.json", "folder.duckdb", "nowhere/x"])
def test_a_result_that_cannot_be_written_is_refused(odd: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^--report '.* cannot be written: "):
        refuse_place("--report", odd / name)


@pytest.mark.parametrize("name", ["/etc/passwd", "/dev/null", "/proc/nobody", LONG])
def test_a_working_folder_that_cannot_be_is_refused_with_its_name(
    odd: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = duckdb_target(odd / "fine.duckdb")
    with pytest.raises(ConfigError, match=r"^The working folder .*Next: .*DLT_DATA_DIR"):
        folder_lock(target, "smoky", str(odd / name)).__enter__()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xef\xbb\xbf[sources.breezeway]\n", r"begins with a byte order mark \(BOM\).*Next: "),
        ("[sources.breezeway]\n".encode("utf-16"), r"begins with a byte order mark \(BOM\).*Next: "),
        (b'[sources.breezeway]\nlog_folder = "\xe4"\n', "Next: correct the file"),
        (b"[sources.breezeway\n", "Next: correct the file"),
    ],
    ids=["utf-8 with BOM", "utf-16", "latin-1", "no TOML"],
)
def test_a_file_that_is_no_toml_is_named(
    tmp_path: Path, content: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_bytes(content)

    def as_dlt_reads_it(accessor: object) -> list[object]:  # in another run context, at its first use
        RunContext(str(tmp_path)).initial_providers()
        raise AssertionError("it was read")

    monkeypatch.setattr(type(dlt.secrets), "config_providers", property(as_dlt_reads_it))
    for read in (read_settings, read_regions):
        with pytest.raises(ConfigError, match=rf"secrets.toml.*{told}") as refused:
            read()
        assert "\n" not in str(refused.value)
