"""One reading per extraction: the same source may be run twice, tried again after a failure, run into two pipelines.

A resource is known by the function that draws it and not by its name, which `with_name` changes, nor by its place: it
may stand in a source of somebody's own, beside those of another region, or before a transformer.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext
from dlt.extract import DltSource
from dlt.extract.items_transform import FilterItem, LimitItem
from dlt.extract.pipe import Pipe

from .errors import ConfigError
from .reading import Reading

MARK = "breezeway"


@dataclass(frozen=True)
class Chosen:
    """What one extraction takes of a source: by entity the name of its resource, and those not every row is loaded of.

    `source` is the name of the source they stand in.
    """

    resources: Mapping[str, str]
    limited: frozenset[str]
    filtered: frozenset[str]
    source: str


class States:
    """dlt's state of the resources of one extraction; regions that share a source have a part of it each.

    What is read is read into copies, which `keep` stores once all rows of an entity are drawn: who breaks off half-way,
    in a resource of his own, would else have a cursor behind which rows are missing.
    """

    def __init__(self, chosen: Chosen, region_code: str, *, is_own: bool) -> None:
        self._chosen = chosen
        self._part = None if is_own else f"region_{region_code}"
        self._copies: dict[str, dict[str, Any]] = {}

    def of(self, entity: str) -> dict[str, Any]:
        if entity not in self._copies:
            self._copies[entity] = deepcopy(self._stored(entity))
        return self._copies[entity]

    def keep(self, entity: str) -> None:
        stored = self._stored(entity)
        stored.clear()
        stored.update(self.of(entity))

    def _stored(self, entity: str) -> dict[str, Any]:
        state: dict[str, Any] = dlt.current.resource_state(self._chosen.resources.get(entity, entity))
        return state if self._part is None else cast("dict[str, Any]", state.setdefault(self._part, {}))


class Extraction:
    """One reading, and the dlt state and source it belongs to: they are held, so that no others get their ids."""

    def __init__(self, state: Any, source: DltSource, reading: Reading) -> None:
        self.state = state
        self.source = source
        self.reading = reading


class Extractions:
    """The readings of one source object. `begin` makes one, when the first resource of an extraction begins."""

    def __init__(self, begin: Callable[[Chosen], Reading]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        # The generators of an extraction hold it; the newest is held here too, for those that begin late.
        self._known: weakref.WeakValueDictionary[tuple[int, int], Extraction] = weakref.WeakValueDictionary()
        self._newest: Extraction | None = None

    def __deepcopy__(self, memo: object) -> Extractions:
        return self  # dlt copies arguments of resources

    def mark(self, draw: Callable[[], Any], table: str) -> None:
        """Make it known that this function draws the rows of a table."""
        vars(draw)[MARK] = (self, table)

    def current(self) -> Extraction:
        """The extraction that is under way; to be asked in its own thread, the one dlt draws items in."""
        state, source = Container()[StateInjectableContext].state, dlt.current.source()
        key = (id(state), id(source))
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = Extraction(state, source, self._begin(self._chosen(source)))
                self._newest = found
            return found

    def _chosen(self, source: DltSource) -> Chosen:
        """Of the source that is being extracted, or of the single resource that is iterated."""
        heads: dict[str, Pipe] = {}
        limited, filtered = set(), set()
        for resource in source.selected_resources.values():
            pipes = list(_line(resource._pipe))
            head = pipes[-1]
            by, table = getattr(head.gen, MARK, (None, ""))
            if by is not self:
                continue
            if heads.setdefault(table, head).name != head.name:
                raise ConfigError(
                    f"{heads[table].name} and {head.name} both read {table} in one run. "
                    "Next: run them one after the other, or make a second table of one with a transformer."
                )
            steps = [step for pipe in pipes for step in pipe.steps]
            if any(isinstance(step, LimitItem) for step in steps):
                limited.add(table)
            # What a transformer makes of rows is unknown; they may be left out.
            if len(pipes) > 1 or any(isinstance(step, FilterItem) for step in steps):
                filtered.add(table)
        names = {table: head.name for table, head in heads.items()}
        return Chosen(names, frozenset(limited), frozenset(filtered), source.name)


def _line(pipe: Pipe) -> Iterator[Pipe]:
    """A pipe and those it takes its items from, up to the one that draws them."""
    while pipe is not None:
        yield pipe
        pipe = pipe.parent
