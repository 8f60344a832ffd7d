"""What a person sees while a run goes on: bars on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from rich.console import Console

from breezeway_source.reading import Reading
from pipelines.database.waits import is_at_work, step_of, wait_of

LOG_EVERY_S = 30.0
DRAW_EVERY_S = 0.25
log = logging.getLogger("breezeway")


class Watch:
    """Follows the readings of all regions until it is closed."""

    def __init__(self, console: Console, *, bars: bool) -> None:
        self._readings: dict[str, Reading] = {}  # a region that begins again has another one
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._console = console
        self._thread = threading.Thread(
            target=self._draw if bars else self._log, name="progress", daemon=True
        )

    def __call__(self, reading: Reading) -> None:
        """A region begins to be read."""
        with self._lock:
            self._readings[reading.region.code] = reading

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away; safe to repeat."""
        self._stop.set()
        self._thread.join()

    def _seen(self) -> list[Reading]:
        with self._lock:
            return list(self._readings.values())

    def _draw(self) -> None:
        # A run without a terminal has no bars.
        from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        bars: dict[str, Task] = {}
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self._console, transient=True) as drawn:
            while not self._stop.wait(DRAW_EVERY_S):
                for reading in self._seen():
                    code = reading.region.code
                    if code not in bars:
                        drawn.add_task(code)
                        bars[code] = drawn.tasks[-1]
                    bar = bars[code]
                    # Not by `update`, to which None is no change (rich 15.0).
                    bar.description, (bar.completed, bar.total) = _at(reading), _of(reading)
                    if not is_at_work(code) and bar.stop_time is None:
                        drawn.stop_task(bar.id)

    def _log(self) -> None:
        while not self._stop.wait(LOG_EVERY_S):
            for reading in self._seen():
                if is_at_work(reading.region.code):
                    log.info("%s", _at(reading))


WORDS = {"extract": "reading", "normalize": "normalising", "load": "loading", "sql": "SQL after the load"}


def _at(reading: Reading) -> str:
    """Region, step, how many of what, and what it waits for: `smoky: reading tasks, 40 of 212 properties, waiting for
    the pace`."""
    code = reading.region.code
    if not is_at_work(code):
        return f"{code}: ended"
    step, progress = step_of(code), reading.progress
    text = WORDS.get(step or "", "between two steps")
    if step == "extract":
        text += f" {progress}" if progress else ""
    elif step is not None:
        text += f", {sum(len(keys) for keys in list(reading.written.values()))} rows read so far"
    wait = wait_of(code) or (reading.client.waits_for if step == "extract" else None)
    return f"{code}: {text}{f', waiting for {wait}' if wait else ''}"


def _of(reading: Reading) -> tuple[int, int | None]:
    """How much of the bar is full; it has no end while nobody knows it, as after the reading."""
    code = reading.region.code
    if not is_at_work(code):
        return 1, 1
    progress = reading.progress if step_of(code) == "extract" else None
    return (progress.done, progress.jobs) if progress else (0, None)
