"""What a person sees while a run goes on: bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from loading import Loader
from rich.console import Console

from breezeway_source.reading import Reading
from breezeway_source.stages import Progress
from pipelines.database.waits import doing, thread_of, wait_of, waiting
from pipelines.watch import progress
from pipelines.watch.progress import Watch


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.01)
    monkeypatch.setattr(progress, "DRAW_EVERY_S", 0.01)


def reading(code: str, going_on: Progress | None) -> Any:
    return SimpleNamespace(
        region=SimpleNamespace(code=code),
        progress=going_on,
        client=SimpleNamespace(waits_for="the pace"),
        written={"tasks": range(120), "properties": range(3)},
    )


SMOKY = Progress("tasks", "properties", 40, 212)


@contextmanager
def at(code: str, step: str, wait: str | None = None) -> Iterator[None]:
    """A thread of that region is at a step, as a run's is."""
    began, over = threading.Event(), threading.Event()

    def load() -> None:
        with doing(step), waiting(wait) if wait else nullcontext():
            began.set()
            over.wait(10)

    worker = threading.Thread(target=load, name=thread_of(code))
    worker.start()
    try:
        assert began.wait(10)
        yield
    finally:
        over.set()
        worker.join()


def watched(console: Console, *readings: Any, bars: bool, until: Callable[[], bool]) -> None:
    """Watch the regions until something is seen, ten seconds at most."""
    deadline = time.monotonic() + 10
    with Watch(console, bars=bars) as watch:
        for one in readings:
            watch(one)
        while not until() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert until()


def test_bars_name_step_how_many_of_what_and_what_is_waited_for() -> None:
    out = io.StringIO()
    wanted = (
        "smoky: reading tasks, 40 of 212 properties, waiting for the pace",
        "austin: loading, 123 rows read so far, waiting for the database (breezeway:smoky)",
        "mammoth: ended",
    )
    regions = [reading("smoky", SMOKY), reading("austin", None), reading("mammoth", None)]
    with at("smoky", "extract"), at("austin", "load", "the database (breezeway:smoky)"):
        watched(
            Console(file=out, force_terminal=True, width=140),
            *regions,
            bars=True,
            until=lambda: all(text in out.getvalue() for text in wanted),
        )


def test_elsewhere_a_line_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    out = io.StringIO()
    with caplog.at_level(logging.INFO, "breezeway"), at("smoky", "extract"), at("austin", "sql"):
        logging.getLogger("breezeway").addHandler(caplog.handler)
        try:
            watched(
                Console(file=out),
                *(reading(code, SMOKY) for code in ("smoky", "austin", "mammoth")),
                bars=False,
                until=lambda: len({*caplog.messages}) > 1,
            )
        finally:
            logging.getLogger("breezeway").removeHandler(caplog.handler)
    assert {*caplog.messages} == {  # and none of a region that has ended
        "smoky: reading tasks, 40 of 212 properties, waiting for the pace",
        "austin: SQL after the load, 123 rows read so far",
    }
    assert out.getvalue() == ""


def test_of_each_entity_it_is_told_how_many_of_what_are_read(quick_loader: Loader) -> None:
    """Of tasks all properties of the run, also where a package holds two."""
    loader, seen = quick_loader, set[Progress]()
    followed: list[Reading] = []

    def look(request: object) -> None:
        going_on = followed[-1].progress if followed else None
        seen.update([going_on] if going_on else [])

    loader.sandbox.faults.before_response, loader.watch = look, followed.append
    loader.configure(piece_properties=2)
    loader.load("--entities", "tasks", "task_details")
    world = loader.sandbox.world
    of_tasks = {one.done for one in seen if (one.entity, one.kind) == ("tasks", "properties")}
    assert {one.jobs for one in seen if (one.entity, one.kind) == ("tasks", "properties")} == {6}
    assert len(world.properties) == 6 and min(of_tasks) < 2 and 4 <= max(of_tasks) <= 6, of_tasks
    details = {one for one in seen if one.entity == "task_details"}
    assert {(one.kind, one.jobs) for one in details} == {("tasks", len(world.tasks))}
    assert max(one.done for one in details) > len(world.tasks) // 2
    assert followed[-1].progress is None


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
