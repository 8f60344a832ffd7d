"""Values on their way into and out of a query, whatever the database makes of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta, timezone
from typing import Any


def of_properties(properties: Collection[int]) -> tuple[str, list[int]]:
    """A condition on these properties, none where there are none, with its parameters."""
    if not properties:
        return "", []
    return f"and tasks.property_id in ({', '.join(['%s'] * len(properties))})", list(properties)


def instant(value: Any) -> datetime | None:
    """As PostgreSQL and DuckDB give it; some databases give a text, or leave out that it is UTC."""
    if value is None:
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def microseconds(value: Any) -> int | None:
    at = instant(value)
    return (
        None if at is None else (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    )


def day(value: Any) -> date | None:
    return value if value is None or isinstance(value, date) else date.fromisoformat(str(value)[:10])
