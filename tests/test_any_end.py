"""Any end of the pipe: closed, full or narrow streams and Ctrl-C change neither the report nor what is loaded."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from leavings import heed_interrupts
from many_processes import environment, small_worlds
from started import PROGRAM, run_py

from breezeway_source.sandbox import Sandbox
from breezeway_source.sandbox.answers import LoggedRequest

RUN = f"{sys.executable} {PROGRAM}"
REGIONS = ("smoky", "austin")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.multi(small_worlds(REGIONS), token_limit=False) as running:
        yield running


def shell(sandbox: Sandbox, folder: Path, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell; `RUN` in it is run.py."""
    return subprocess.run(
        ["bash", "-c", line.replace("RUN", RUN)],
        cwd=folder,
        env=environment(sandbox, folder, SOURCES__BREEZEWAY__MARTS="false", **environ),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    "end",
    [">&- 2>&- <&-", ">/dev/full 2>/dev/full", "2>&1 | true; (exit ${PIPESTATUS[0]})"],
    ids=["closed", "full", "nobody reads"],
)
def test_a_result_that_cannot_be_printed_changes_neither_report_nor_exit_code(
    end: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = shell(sandbox, tmp_path, f"RUN --region smoky --entities people --report report.json {end}")
    written = report(tmp_path)
    assert (done.returncode, written["status"], written["regions"][0]["rows"]) == (0, "ok", {"people": 14})
    said = done.stderr + done.stdout
    assert "Traceback" not in said and "Broken" not in said and "Exception ignored" not in said
    with duckdb.connect(str(tmp_path / "breezeway_local.duckdb")) as database:  # nothing was printed into it
        assert database.execute("select count(*) from breezeway.people").fetchall() == [(14,)]


def test_check_and_help_end_well_where_nobody_reads(sandbox: Sandbox, tmp_path: Path) -> None:
    line = "RUN --region smoky --check >/dev/full && RUN --help >/dev/full && RUN --help | true"
    done = shell(sandbox, tmp_path, f"{line}; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


def test_characters_that_cannot_be_shown_are_replaced(sandbox: Sandbox, tmp_path: Path) -> None:
    """A region with an umlaut in its name, in the C locale, through every text a run writes."""
    done = shell(
        sandbox,
        tmp_path,
        "RUN --region smoky --entities people --dry-run --sample 1 --report report.json",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
        LC_ALL="C",
        SOURCES__BREEZEWAY__REGIONS__SMOKY__NAME="Süd ☃",
        SOURCES__BREEZEWAY__LOG_FOLDER="logs",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
    )
    assert done.returncode == 0, done.stderr
    assert "regions: " in done.stdout and "S?d" in done.stdout and "Traceback" not in done.stderr
    assert (tmp_path / "summary.md").exists()


def test_a_report_that_cannot_be_written_after_all_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ["--region", "smoky", "--entities", "people", "--quiet", "--report", "/dev/full"]
    done = run_py(words, tmp_path, environment(sandbox, tmp_path, SOURCES__BREEZEWAY__MARTS="false"))
    assert done.returncode == 1
    assert "--report '/dev/full' was not written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


STRANGER = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
"""Runs what follows as a user no password file knows; Debian's util-linux, where the kernel allows it."""


@pytest.mark.parametrize(
    ("home", "options"),
    [("/dev/null/nobody", ("--entities", "people", "--report", "report.json")), (None, ("--check",))],
    ids=["cannot be made, a run", "unknown user, --check"],
)
def test_a_user_without_a_home_folder_keeps_the_token_in_memory_and_is_told_once(
    home: str | None, options: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    """Two regions with a key pair each: the call ends well, and the warning is one line."""
    environ = environment(sandbox, tmp_path, SOURCES__BREEZEWAY__MARTS="false")
    del environ["HOME"], environ["XDG_CACHE_HOME"]
    words = [*(word for name in REGIONS for word in ("--region", name)), *options]
    if home is not None:
        done = run_py(words, tmp_path, environ | {"HOME": home})
    elif (
        shutil.which("unshare") is None or subprocess.run([*STRANGER, "true"], capture_output=True).returncode
    ):
        pytest.skip("no user namespaces here")
    else:
        words = [*STRANGER, *RUN.split(), *words]
        done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Traceback" not in said, said
    assert said.count("Token not kept for the next run") == 1, said
    if "--report" in options:
        assert [region["rows"] for region in report(tmp_path)["regions"]] == [{"people": 14}] * 2


# --- Ctrl-C ------------------------------------------------------------------------------------------------


@pytest.fixture
def stuck() -> Iterator[Sandbox]:
    """A sandbox that answers questions for tasks only when `release` is set: what hangs in a request."""
    with Sandbox.multi(small_worlds(REGIONS), token_limit=False) as running:
        release = threading.Event()

        def hold(request: LoggedRequest) -> None:
            if request.endpoint == "/task":
                release.wait(60)

        running.faults.before_response = hold
        yield running
        release.set()


@pytest.mark.parametrize(
    ("number", "regions"),
    [(signal.SIGINT, REGIONS), (signal.SIGTERM, REGIONS[:1])],
    ids=["Ctrl-C, two regions", "SIGTERM, one"],
)
def test_an_interrupt_is_heeded_within_seconds_and_reported_and_the_next_run_goes_on(
    regions: tuple[str, ...], number: signal.Signals, stuck: Sandbox, tmp_path: Path
) -> None:
    options = ["--entities", "tasks", *(word for region in regions for word in ("--region", region))]
    words = [*RUN.split(), *options, "--report", "report.json"]
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment(stuck, tmp_path),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - the threads of this process are the sandbox's
    )
    deadline = time.monotonic() + 60
    while stuck.count("GET /task") < len(regions) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    begun = time.monotonic()
    _, stderr = process.communicate(timeout=60)
    took_s = time.monotonic() - begun

    name, code = ("Ctrl-C", 130) if number == signal.SIGINT else ("SIGTERM", 143)
    assert (process.returncode, "Traceback" in stderr) == (code, False), stderr
    assert took_s < 8
    written = report(tmp_path)
    assert written["status"] == "failed"
    for region in written["regions"]:
        assert (region["exit_code"], region["error"].partition(".")[0]) == (code, f"interrupted by {name}")

    if number == signal.SIGTERM:
        return  # what it leaves is what Ctrl-C leaves, and one region of these
    stuck.behave()
    stuck.faults.before_response = None
    environ = environment(stuck, tmp_path, SOURCES__BREEZEWAY__MARTS="false")
    done = run_py([*options, "--report", "report.json"], tmp_path, environ)
    assert done.returncode == 0, done.stderr
    assert [region["rows"]["tasks"] for region in report(tmp_path)["regions"]] == [6] * len(regions)
