"""What a region is at, and what it waits for, at this moment: for a person who watches.

Regions are told apart by their threads, which `thread_of` names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_waits: dict[str, str] = {}
_steps: dict[str, str] = {}


def thread_of(region_code: str) -> str:
    """The name of the thread that loads a region."""
    return f"region {region_code}"


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """This thread waits for something, said in words that follow "waiting for"."""
    with _noted(_waits, what):
        yield


@contextmanager
def doing(step: str) -> Iterator[None]:
    """This thread is at a step of the run: extract, normalize, load or sql."""
    with _noted(_steps, step):
        yield


@contextmanager
def _noted(notes: dict[str, str], text: str) -> Iterator[None]:
    name = threading.current_thread().name
    before = notes.get(name)
    notes[name] = text
    try:
        yield
    finally:
        if before is None:
            notes.pop(name, None)
        else:
            notes[name] = before


def wait_of(region_code: str) -> str | None:
    """What that region waits for, None when it works."""
    return _waits.get(thread_of(region_code))


def step_of(region_code: str) -> str | None:
    """The step that region is at, None between two."""
    return _steps.get(thread_of(region_code))
