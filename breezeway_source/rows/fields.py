"""The few fields of a raw API object that reading itself looks at, before it becomes a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
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
    """The entries of a list that a record holds, also where it is wrapped or is one object; None for another form."""
    if isinstance(value, dict) and value:
        return next((value[key] for key in ("results", "data") if isinstance(value.get(key), list)), [value])
    if isinstance(value, list):
        return value
    return [] if values.is_empty(value) else None


def says_deleted(raw: Mapping[str, Any], key: str) -> bool:
    """Whether a record says that it is deleted: by its status, a code or {code, name} (section 8), or by a time."""
    status = raw.get(key)
    code = status.get("code") if isinstance(status, Mapping) else status
    if isinstance(code, str) and code.strip().lower() == "deleted":
        return True
    return instant(raw, "deleted_at") is not None
