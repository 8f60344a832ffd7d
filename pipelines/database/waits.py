"""What a region waits for at this moment, for a person who watches. Regions are told apart by their threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_waits: dict[str, str] = {}


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """This thread waits for something, said in words that follow "waiting for"."""
    name = threading.current_thread().name
    before = _waits.get(name)
    _waits[name] = what
    try:
        yield
    finally:
        if before is None:
            _waits.pop(name, None)
        else:
            _waits[name] = before


def wait_of(thread_name: str) -> str | None:
    """What the thread of that name waits for, None when it works."""
    return _waits.get(thread_name)
