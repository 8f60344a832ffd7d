"""What a person sees while a run goes on: bars on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from rich.console import Console

from breezeway_source.reading import Reading
from pipelines.database.waits import step_of, wait_of

LOG_EVERY_S = 30.0
DRAW_EVERY_S = 0.25
log = logging.getLogger("breezeway")


class Watch:
    """Follows the readings of all regions until it is closed."""

    def __init__(self, console: Console, *, bars: bool) -> None:
        self._readings: list[Reading] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._console = console
        self._thread = threading.Thread(
            target=self._draw if bars else self._log, name="progress", daemon=True
        )

    def __call__(self, reading: Reading) -> None:
        """A region begins to be read."""
        with self._lock:
            self._readings.append(reading)

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
            return list(self._readings)

    def _draw(self) -> None:
        from rich.progress import (  # noqa: PLC0415 - a run without a terminal has no bars
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeElapsedColumn,
        )

        bars: dict[str, TaskID] = {}
        words = TextColumn("{task.description}", markup=False)
        columns = words, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self._console, transient=True) as drawn:
            while not self._stop.wait(DRAW_EVERY_S):
                for reading in self._seen():
                    code, progress = reading.region.code, reading.progress
                    if code not in bars:
                        bars[code] = drawn.add_task(code)
                    drawn.update(
                        bars[code], description=_at(reading), completed=progress.done, total=progress.jobs
                    )

    def _log(self) -> None:
        while not self._stop.wait(LOG_EVERY_S):
            for reading in self._seen():
                log.info("%s", _line(reading))


WORDS = {"extract": "reading", "normalize": "normalising", "load": "loading", "sql": "SQL after the load"}


def _at(reading: Reading) -> str:
    """Region, step, and what it waits for: `smoky: reading, waiting for the pace`."""
    code = reading.region.code
    step, wait = WORDS.get(step_of(code) or "", ""), _wait(reading)
    return f"{code}{f': {step}' if step else ''}{f', waiting for {wait}' if wait else ''}"


def _line(reading: Reading) -> str:
    code, step, wait = reading.region.code, step_of(reading.region.code) or "extract", _wait(reading)
    progress = reading.progress
    text = f"{progress.done} of {progress.jobs} jobs read"
    if step != "extract":
        rows = sum(len(keys) for keys in list(reading.written.values()))
        text = f"{WORDS[step]}, {rows} rows read so far"
    return f"{code}: {text}{f', waiting for {wait}' if wait else ''}"


def _wait(reading: Reading) -> str | None:
    """The database's or a file's turn; while reading, the pace or a refusal."""
    code = reading.region.code
    if step_of(code) in (None, "extract"):
        client = getattr(reading, "client", None)
        return wait_of(code) or (client.waits_for if client is not None else None)
    return wait_of(code)
