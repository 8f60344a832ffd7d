"""One reading per extraction: the same source may be run twice, tried again after a failure, run into two pipelines."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext
from dlt.extract.items_transform import FilterItem, LimitItem

from .reading import Reading


@dataclass(frozen=True)
class Chosen:
    """What one extraction takes of a source: the selected resources, and those of which not every row is loaded."""

    names: frozenset[str]
    limited: frozenset[str]
    filtered: frozenset[str]


class Extraction:
    """One reading, and the dlt state it belongs to: an extraction has a state of its own, whatever it is part of."""

    def __init__(self, state: Any, reading: Reading) -> None:
        self.state = state  # held, so that no other state gets its id while this reading lives
        self.reading = reading


class Extractions:
    """The readings of one source object. `begin` makes one, when the first resource of an extraction begins."""

    def __init__(self, begin: Callable[[Chosen], Reading]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        # The generators of an extraction hold it; the newest is held here too, for those that begin late.
        self._known: weakref.WeakValueDictionary[int, Extraction] = weakref.WeakValueDictionary()
        self._newest: Extraction | None = None

    def __deepcopy__(self, memo: object) -> Extractions:
        return self  # dlt copies arguments of resources

    def current(self) -> Extraction:
        """The extraction that is under way; to be asked in its own thread, the one dlt draws items in."""
        state = Container()[StateInjectableContext].state
        with self._lock:
            found = self._known.get(id(state))
            if found is None:
                found = self._known[id(state)] = Extraction(state, self._begin(_chosen()))
                self._newest = found
            return found


def _chosen() -> Chosen:
    """Of the source that is being extracted, or of the single resource that is iterated."""
    selected = dlt.current.source().selected_resources
    steps = {name: resource._pipe.steps for name, resource in selected.items()}

    def having(kind: type) -> frozenset[str]:
        return frozenset(name for name, all_of in steps.items() if any(isinstance(s, kind) for s in all_of))

    return Chosen(frozenset(selected), having(LimitItem), having(FilterItem))
