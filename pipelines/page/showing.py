"""How values are written on the page: numbers with separators, moments in the region's zone, ages in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Table:
    """The numbers below a picture; `numeric` are the places of the columns that are set to the right."""

    caption: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A picture with its definition and its numbers; `svg` is empty where there is nothing to draw yet.

    `fact` says in a sentence what is to be seen, `note` what to beware of.
    """

    title: str
    definition: str
    table: Table
    svg: str = ""
    note: str = ""
    fact: str = ""


def shown(value: Any) -> str:
    """A value of a query as text: null as a dash, money and counts with separators."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return (
            f"{value:,.2f}"
            if value != value.to_integral_value() or value.as_tuple().exponent == -2
            else f"{value:,.0f}"
        )
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def money(value: Any) -> str:
    """An amount with two decimals."""
    return NOTHING if value is None else f"{Decimal(value):,.2f}"


def percent(part: Any, whole: Any) -> str:
    """A share; a dash where the whole is nothing."""
    return f"{100 * Decimal(part or 0) / Decimal(whole):.1f} %" if whole else NOTHING


def month(day: date | None) -> str:
    return day.strftime("%Y-%m") if day else "no day"


def zone_of(name: str | None) -> ZoneInfo | timezone:
    """The region's zone; UTC where none is set, or this machine does not know it."""
    try:
        return ZoneInfo(name) if name else timezone.utc
    except (KeyError, ValueError, OSError):
        return timezone.utc


def moment(instant: datetime | None, zone: ZoneInfo | timezone) -> str:
    """Day and minute with the zone's abbreviation."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if instant else NOTHING


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in a word or two."""
    if since is None:
        return "never"
    minutes = max(int((now - since).total_seconds() // 60), 0)
    if minutes < 1:
        return "just now"
    if minutes < 100:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def table(caption: str, heads: str, rows: Sequence[Sequence[str]]) -> Table:
    """`heads` is separated by `|`; those that begin with # are of numbers."""
    names = [head.strip() for head in heads.split("|")]
    return Table(
        caption,
        tuple(name.removeprefix("#") for name in names),
        [tuple(row) for row in rows],
        frozenset(place for place, name in enumerate(names) if name.startswith("#")),
    )
