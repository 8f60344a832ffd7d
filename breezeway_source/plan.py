"""What one run is to read of one region, and how it is made of names and days as people write them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import pendulum

from . import arguments
from .entities.endpoints import ENDPOINTS, GROUPS, select_entities
from .errors import ConfigError


@dataclass(frozen=True)
class Plan:
    """The entities of a run, and how much of each.

    Whole means: without regard to the cursor. `since` and `until` are days, both included; a run with them,
    or with `properties`, reads beside the stored cursor and leaves it as it is. Of a `limited` entity (`add_limit`)
    dlt drops the surplus after its job has run, and a cursor that moved would lose it; of a `filtered` one rows are
    left out for good.
    """

    entities: tuple[str, ...]
    whole_tasks: bool = False
    whole_stays: bool = False
    full: bool = False
    reconcile: bool = False
    since: pendulum.Date | None = None
    until: pendulum.Date | None = None
    properties: frozenset[int] = field(default_factory=frozenset)
    limited: frozenset[str] = field(default_factory=frozenset)
    filtered: frozenset[str] = field(default_factory=frozenset)

    def beside_cursor(self, entity: str) -> bool:
        """Whether the entity's stored cursor is to stay as it is."""
        return self.since is not None or bool(self.properties) or entity in self.limited

    def gives_all(self, entity: str) -> bool:
        """Whether every row that is read is loaded, so that what a whole list lacks is gone."""
        return entity not in self.limited | self.filtered


ALL_NAMES = (*ENDPOINTS, *GROUPS)
# What a reconciliation compares, whatever else is asked for.
RECONCILED = ("properties", "reservations", "tasks")


def plan_of(
    entities: str | Iterable[str],
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    full: bool = False,
    properties: int | str | Iterable[int | str] = (),
    reconcile: bool = False,
    dash: str = "",
) -> Plan:
    """What is to be read.

    Raises ConfigError for names, days and ids that make no sense; `dash` is what the options' names begin with
    where the caller wrote them on a command line.
    """
    group = select_entities(
        arguments.names("entities", entities, f"one or several of {', '.join(ALL_NAMES)}")
    )
    full, reconcile = arguments.switch("full", full), arguments.switch("reconcile", reconcile)
    chosen = group.entities
    if reconcile:
        if since is not None:
            raise ConfigError(f"{dash}reconcile compares whole lists: leave out {dash}since.")
        chosen = tuple(name for name in ENDPOINTS if name in chosen or name in RECONCILED)
    first, last = arguments.day(f"{dash}since", since), arguments.day(f"{dash}until", until)
    if last is not None and first is None:
        raise ConfigError(f"{dash}until needs {dash}since.")
    if first is not None and last is not None and last < first:
        raise ConfigError(f"{dash}until {last} is before {dash}since {first}.")
    if first is not None and full:
        raise ConfigError(f"{dash}full reads everything: leave out {dash}since, or {dash}full.")
    return Plan(
        entities=chosen,
        whole_tasks=group.whole_tasks,
        whole_stays=group.whole_stays or reconcile,
        full=full,
        reconcile=reconcile,
        since=first,
        until=last,
        properties=arguments.ids("--property" if dash else "properties", properties),
    )
