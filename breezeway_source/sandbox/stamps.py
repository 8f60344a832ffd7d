"""Instants as the API writes them: naive here, with an offset there (`breezeway-api.md`, section 1.7)."""

from __future__ import annotations

from datetime import date, datetime, timezone

UTC = timezone.utc


def utc(instant: datetime) -> datetime:
    """The same instant in UTC; a naive one is taken as UTC."""
    if (
        type(instant) is not datetime
    ):  # pendulum's own kind turns naive when a timedelta is added to it in this zone
        instant = datetime.fromisoformat(instant.isoformat())
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def naive(instant: datetime) -> str:
    """`2031-02-11T00:28:25`: UTC without saying so."""
    return utc(instant).replace(tzinfo=None, microsecond=0).isoformat()


def zoned(instant: datetime) -> str:
    """`2031-02-11T00:28:25+00:00`."""
    return utc(instant).replace(microsecond=0).isoformat()


def parse(text: str) -> datetime:
    """Any form the API uses, as an aware UTC instant. Raises ValueError."""
    # Python 3.10 does not read a trailing Z.
    return utc(datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace(" ", "T", 1)))


def day_of(text: object) -> date | None:
    """The UTC day of a timestamp or date field; None for an empty one."""
    return parse(text).date() if isinstance(text, str) and text else None
