"""Arguments of a call as people write them: understood where one thing alone can be meant, else refused by name.

None means what leaving the argument out means. `name` is the argument's, as whoever calls knows it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone

import pendulum

from .errors import ConfigError

LONGEST_SHOWN = 60
LARGEST_ID = 2**63 - 1


def text(name: str, value: object, wanted: str = "a text", *, secret: bool = False) -> str | None:
    """A text that says something, without white space around it."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} is {shown(value, secret=secret)}; it must be {wanted}.")
    return str.__str__(value).strip()  # of an Enum its value


def switch(name: str, value: object) -> bool:
    """A word would be true whatever it says."""
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"{name} is {shown(value)}; it must be True or False.")
    return bool(value)


def names(name: str, value: object, wanted: str) -> list[str]:
    """One name or several."""
    found = _listed(name, value, wanted)
    for one in found:
        if not isinstance(one, str):
            raise ConfigError(f"{name} has {shown(one)} among them; it must be {wanted}.")
    return [str.__str__(one) for one in found]


def ids(name: str, value: object) -> frozenset[int]:
    """Breezeway's ids of properties, one or several; none for the empty tuple, as which nothing is given."""
    if value is None or (isinstance(value, tuple) and not value):
        return frozenset()
    found = _listed(name, value, "ids of properties, which are whole numbers")
    return frozenset(_id(name, one) for one in found)


def day(name: str, value: object) -> pendulum.Date | None:
    """A day such as 2026-03-01, a `date`, or the UTC day of a `datetime` (without a zone: it is UTC)."""
    if value is None:
        return None
    try:
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(timezone.utc)
        if isinstance(value, date):
            return pendulum.Date(value.year, value.month, value.day)
        if isinstance(value, str):
            return pendulum.from_format(str.__str__(value).strip(), "YYYY-MM-DD").date()
    except (ValueError, TypeError, OverflowError):
        pass  # TypeError: pandas' NaT is a datetime without a day
    raise ConfigError(f"{name} {shown(value)} is no day: write it like {pendulum.now().to_date_string()}.")


def shown(value: object, *, secret: bool = False) -> str:
    """A short word, number or day as it is; anything else by its type: it may hold rows or secrets."""
    if not secret and (value is None or isinstance(value, (str, int, float, date))):
        told = str(value) if isinstance(value, date) else repr(value)
        if len(told) <= LONGEST_SHOWN:
            return told
    if secret and isinstance(value, str):
        return "empty"
    return f"a value of type {type(value).__name__}"


def _listed(name: str, value: object, wanted: str) -> list[object]:
    """A single word or number is a list of one. None at all is refused: all, and nothing, might be meant."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray, Mapping)):
        raise ConfigError(f"{name} is {shown(value)}; it must be {wanted}.")
    found = list(value)
    if not found:
        raise ConfigError(f"{name} is empty; it must be {wanted}. Leave it out to read all of them.")
    return found


def _id(name: str, value: object) -> int:
    try:
        written = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
        number = 0 if isinstance(written, bool) else operator.index(written)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = 0
    if not 0 < number <= LARGEST_ID:
        raise ConfigError(f"{name} {shown(value)} is no id: Breezeway's property ids are whole numbers.")
    return number
