"""The few fields of a raw API object that reading itself looks at, before it becomes a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from . import values


def record_id(raw: Mapping[str, Any], key: str = "id") -> int | None:
    """An id, which the API spells as a number or as text; None for anything else."""
    value = values.bigint(raw.get(key))
    return value if isinstance(value, int) else None


def instant(raw: Mapping[str, Any], key: str) -> datetime | None:
    """A moment in UTC; None where it is missing or unreadable."""
    value = values.timestamp(raw.get(key))
    return value if isinstance(value, datetime) else None


def text(raw: Mapping[str, Any], key: str) -> str | None:
    """A text; None where it is missing or blank."""
    value = values.text(raw.get(key))
    return value if isinstance(value, str) else None


def lines_of(value: Any) -> list[Any] | None:
    """The entries of a list that a record holds, also where it is wrapped, numbered or one object.

    None for another form.
    """
    if isinstance(value, dict) and value:
        if all(key.isdecimal() for key in value):  # PHP's way of writing a list that has lost an entry
            return list(value.values())
        return next((value[key] for key in ("results", "data") if isinstance(value.get(key), list)), [value])
    if isinstance(value, list):
        return value
    return [] if values.is_empty(value) else None


def made_later(lines: Iterable[Mapping[str, Any]], changed_at: datetime | None, *keys: str) -> list[datetime]:
    """The times of lines that are later than the last change of the record they hang on: they did not move it.

    Whether they do is unknown (breezeway-api.md, section 12), and nothing else tells.
    """
    if changed_at is None:
        return []
    at_once = changed_at + timedelta(minutes=5)  # what is written beside a line has the same time
    return [at for line in lines for key in keys if (at := instant(line, key)) and at > at_once]


def deletion(value: Any, now: datetime) -> Any:
    """When it was deleted, by a record's or line's `deleted_at`: None where it lives, MISFIT where it cannot be read.

    A time to come is a plan, but for a day of doubt about its zone.
    """
    found = values.timestamp(value)
    return None if isinstance(found, datetime) and found > now + timedelta(days=1) else found


def says_deleted(raw: Mapping[str, Any], key: str, now: datetime) -> bool:
    """Whether a record says that it is deleted: by its status, a code or {code, name} (section 8), or by a time."""
    status = raw.get(key)
    code = status.get("code") if isinstance(status, Mapping) else status
    if isinstance(code, str) and code.strip().lower() == "deleted":
        return True
    return isinstance(deletion(raw.get("deleted_at"), now), datetime)
