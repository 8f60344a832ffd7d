"""From names and days, as people write them, to the plan of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import pendulum

from breezeway_source.entities.endpoints import ENDPOINTS, select_entities
from breezeway_source.errors import ConfigError
from breezeway_source.plan import Plan

# What a reconciliation compares, whatever else is asked for.
RECONCILED = ("properties", "reservations", "tasks")


def plan_of(
    entities: Sequence[str] = ("hourly",),
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    full: bool = False,
    properties: Iterable[int | str] = (),
    reconcile: bool = False,
) -> Plan:
    """What is to be read.

    Raises ConfigError, in the command line's words, for names, days and ids that make no sense.
    """
    group = select_entities(list(entities) or ["hourly"])
    chosen = group.entities
    if reconcile:
        if since:
            raise ConfigError("--reconcile compares whole lists: leave out --since.")
        chosen = tuple(name for name in ENDPOINTS if name in chosen or name in RECONCILED)
    first, last = day("--since", since), day("--until", until)
    if last is not None and first is None:
        raise ConfigError("--until needs --since.")
    if first is not None and last is not None and last < first:
        raise ConfigError(f"--until {last} is before --since {first}.")
    if first is not None and full:
        raise ConfigError("--full reads everything: leave out --since, or --full.")
    return Plan(
        entities=chosen,
        whole_tasks=group.whole_tasks,
        whole_stays=group.whole_stays or reconcile,
        full=full,
        reconcile=reconcile,
        since=first,
        until=last,
        properties=frozenset(property_id(one) for one in properties),
    )


def day(option: str, text: str | date | None) -> pendulum.Date | None:
    """A day, such as 2026-03-01."""
    if text is None:
        return None
    if isinstance(text, date):
        return pendulum.Date(text.year, text.month, text.day)
    try:
        return pendulum.from_format(text, "YYYY-MM-DD").date()
    except ValueError as e:
        raise ConfigError(
            f"{option} {text!r} is no day: write it like {pendulum.now().to_date_string()}."
        ) from e


def property_id(text: int | str) -> int:
    """Breezeway's id of a property."""
    if not str(text).isdecimal():
        raise ConfigError(f"--property {text!r} is no id: Breezeway's property ids are whole numbers.")
    return int(text)
