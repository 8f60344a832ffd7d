"""What a person sees while a run goes on: bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from breezeway_source.reading import Progress
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
