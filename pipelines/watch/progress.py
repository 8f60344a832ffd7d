"""What a person sees while a run goes on: bars on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from breezeway_source.reading import Reading

LOG_EVERY_S = 30.0
DRAW_EVERY_S = 0.25
log = logging.getLogger("breezeway")


class Watch:
    """Follows the readings of all regions until it is closed."""

    def __init__(self, console: Console, *, bars: bool) -> None:
        self._readings: list[Reading] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._bars = bars
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
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
        bars: dict[str, TaskID] = {}
        with self._progress:
            while not self._stop.wait(DRAW_EVERY_S):
                for reading in self._seen():
                    code, progress = reading.region.code, reading.progress
                    if code not in bars:
                        bars[code] = self._progress.add_task(code)
                    self._progress.update(bars[code], completed=progress.done, total=progress.jobs)

    def _log(self) -> None:
        while not self._stop.wait(LOG_EVERY_S):
            for reading in self._seen():
                progress = reading.progress
                log.info("%s: %d of %d jobs read", reading.region.code, progress.done, progress.jobs)
