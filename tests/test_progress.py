"""What a person sees while a run goes on: bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from breezeway_source.reading import Progress
from pipelines.database.waits import doing, thread_of, wait_of, waiting
from pipelines.watch import progress
from pipelines.watch.progress import Watch


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.01)
    monkeypatch.setattr(progress, "DRAW_EVERY_S", 0.01)


def reading(code: str, jobs: int, done: int) -> Any:
    return SimpleNamespace(region=SimpleNamespace(code=code), progress=Progress(jobs, done))


def watched(console: Console, *, bars: bool, until: Callable[[], bool]) -> None:
    """Watch two regions until something is seen, ten seconds at most."""
    deadline = time.monotonic() + 10
    with Watch(console, bars=bars) as watch:
        watch(reading("smoky", 212, 40))
        watch(reading("austin", 9, 9))
        while not until() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert until()


def test_bars_show_how_many_jobs_of_each_region_are_done() -> None:
    out = io.StringIO()
    watched(
        Console(file=out, force_terminal=True, width=100),
        bars=True,
        until=lambda: all(text in out.getvalue() for text in ("smoky", "40/212", "austin", "9/9")),
    )


def test_elsewhere_a_line_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    out = io.StringIO()
    with caplog.at_level(logging.INFO, "breezeway"):
        logging.getLogger("breezeway").addHandler(caplog.handler)
        try:
            watched(
                Console(file=out),
                bars=False,
                until=lambda: (
                    {"smoky: 40 of 212 jobs read", "austin: 9 of 9 jobs read"} <= set(caplog.messages)
                ),
            )
        finally:
            logging.getLogger("breezeway").removeHandler(caplog.handler)
    assert out.getvalue() == ""


def test_step_rows_and_what_is_waited_for_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    """In the region's own thread, as a run does it."""
    smoky, austin = reading("smoky", 212, 40), reading("austin", 9, 9)
    smoky.client = SimpleNamespace(waits_for="the pace")
    austin.client, austin.written = smoky.client, {"tasks": range(120), "properties": range(3)}
    seen, over = threading.Event(), threading.Event()

    def load() -> None:
        with doing("load"), waiting("the database (breezeway:smoky)"):
            seen.set()
            over.wait(10)

    worker = threading.Thread(target=load, name=thread_of("austin"))
    worker.start()
    seen.wait(10)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140)
    waits = "austin: loading, waiting for the database (breezeway:smoky)"
    try:
        with Watch(console, bars=True) as watch:
            watch(smoky)
            watch(austin)
            deadline = time.monotonic() + 10
            while not (waits in out.getvalue() and "smoky, waiting for the pace" in out.getvalue()):
                assert time.monotonic() < deadline, out.getvalue()[-500:]
                time.sleep(0.01)
        assert progress._line(smoky) == "smoky: 40 of 212 jobs read, waiting for the pace"
        assert progress._line(austin) == (
            "austin: loading, 123 rows read so far, waiting for the database (breezeway:smoky)"
        )
    finally:
        over.set()
        worker.join()
    assert progress._line(austin) == "austin: 9 of 9 jobs read, waiting for the pace"


def test_two_loads_of_one_region_in_one_process_leave_nothing_behind() -> None:
    """Into two datasets, say; the one that began later ends later."""
    began, may_end = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def load(number: int) -> None:
        with waiting(f"its turn at database {number}"):
            began[number].set()
            may_end[number].wait(10)

    threads = [threading.Thread(target=load, args=(n,), name=thread_of("smoky")) for n in range(2)]
    for number, thread in enumerate(threads):
        thread.start()
        assert began[number].wait(10)
    for number, thread in enumerate(threads):
        assert wait_of("smoky") is not None
        may_end[number].set()
        thread.join(10)
    assert wait_of("smoky") is None
