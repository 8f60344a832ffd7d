"""Ctrl-C and SIGTERM: heeded within seconds, also by several regions, and what was read so far is told.

A region works in a thread of its own, where Python delivers no signal. So the main thread only waits; interrupted,
it has dlt's loops end at their next turn, calls off all waiting, and gives the threads a moment. A thread that is
inside a request or a statement is left behind: a killed run loses nothing, the next one goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Generic, TypeVar

from dlt.common.runtime import signals

INTERRUPTED_EXIT = 130  # 128 + SIGINT, as shells count
TERMINATED_EXIT = 143
STOPPED = (INTERRUPTED_EXIT, TERMINATED_EXIT)
GRACE_S = 4.0
POLL_S = 0.1

T = TypeVar("T")
log = logging.getLogger("breezeway")


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM), as by a scheduler or a machine that shuts down."""


def exit_code_of(stop: KeyboardInterrupt) -> int:
    return TERMINATED_EXIT if isinstance(stop, Terminated) else INTERRUPTED_EXIT


def words_of(stop: KeyboardInterrupt) -> str:
    """What happened, for the report."""
    how = "SIGTERM" if isinstance(stop, Terminated) else "Ctrl-C"
    return f"interrupted by {how}. Next: run again, it continues where this one stopped; nothing is lost"


@contextlib.contextmanager
def heeding_sigterm() -> Iterator[None]:
    """SIGTERM ends the run like Ctrl-C. Of no effect outside the main thread, which alone may decide it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


class SideBySide(Generic[T]):
    """Runs functions in threads of their own; `results` holds None for one that has not ended."""

    def __init__(self, jobs: Sequence[tuple[str, Callable[[], T]]]) -> None:
        self.results: list[T | None] = [None] * len(jobs)
        self._errors: list[BaseException] = []
        # Daemons: one that hangs in a request or statement must not keep the process.
        self._threads = [
            threading.Thread(target=self._run, args=(place, job), name=name, daemon=True)
            for place, (name, job) in enumerate(jobs)
        ]

    def run(self, call_off: Callable[[], None]) -> KeyboardInterrupt | None:
        """Wait for all. Interrupted, `call_off` is called and the interrupt given back; errors are raised."""
        signals.set_received_signal(0)  # of a call before, in a notebook, whose threads were left behind
        for thread in self._threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in self._threads):
                self._wait(POLL_S)
        except KeyboardInterrupt as stop:
            log.warning("interrupted: ending")
            with contextlib.suppress(KeyboardInterrupt):  # once more: no grace
                self._end(call_off)
            return stop
        if self._errors:
            raise self._errors[0]
        return None

    def _end(self, call_off: Callable[[], None]) -> None:
        signals.set_received_signal(signal.SIGINT)
        signals.wake_all()
        try:
            call_off()
            deadline = time.monotonic() + GRACE_S
            while any(t.is_alive() for t in self._threads) and time.monotonic() < deadline:
                signals.wake_all()  # dlt clears the event before it waits
                self._wait(POLL_S)
        finally:
            if not any(t.is_alive() for t in self._threads):
                signals.set_received_signal(0)

    def _wait(self, seconds: float) -> None:
        next(t for t in (*self._threads, threading.current_thread()) if t.is_alive()).join(seconds)

    def _run(self, place: int, job: Callable[[], T]) -> None:
        try:
            self.results[place] = job()
        except BaseException as e:  # noqa: BLE001 - raised again where it is waited for
            self._errors.append(e)


def leave(exit_code: int) -> None:
    """End the process now, threads that still work included: Python would wait for those of pools."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(exit_code)
