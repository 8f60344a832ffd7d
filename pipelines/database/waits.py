"""What a region is at, and what it waits for, at this moment: for a person who watches.

Regions are told apart by their threads, which `thread_of` names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# By the thread's name and number: two loads of one region may go on in one process, into two datasets.
Notes = dict[tuple[str, int], str]
_waits: Notes = {}
_steps: Notes = {}


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
def _noted(notes: Notes, text: str) -> Iterator[None]:
    me = threading.current_thread().name, threading.get_ident()
    before = notes.get(me)
    notes[me] = text
    try:
        yield
    finally:
        if before is None:
            notes.pop(me, None)
        else:
            notes[me] = before


def _note_of(notes: Notes, region_code: str) -> str | None:
    name = thread_of(region_code)
    return next((text for (thread, _), text in list(notes.items()) if thread == name), None)


def is_at_work(region_code: str) -> bool:
    """Whether that region is still being loaded."""
    return any(thread.name == thread_of(region_code) for thread in threading.enumerate())


def wait_of(region_code: str) -> str | None:
    """What that region waits for, None when it works."""
    return _note_of(_waits, region_code)


def step_of(region_code: str) -> str | None:
    """The step that region is at, None between two."""
    return _note_of(_steps, region_code)
