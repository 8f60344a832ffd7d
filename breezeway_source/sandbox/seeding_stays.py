"""Invented stays: one property's calendar, walked forward from a fixed day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from .stamps import UTC
from .stores import Row

FIRST_STAY_ON = date(2023, 7, 1)
"""Before any likely start date, so that some tasks link to stays a first load does not list."""
BOOKED_AHEAD_DAYS = 180

TYPES = {
    "booking": {"code": "booking", "name": "Booking"},
    "hold": {"code": "hold", "name": "Hold"},
    "lockoff": {"code": "lockoff", "name": "Lock-off"},
}
GUESTS = ("Ada", "Ben", "Cleo", "Dov", "Edda", "Finn", "Greta", "Hugo")


def stays_of(
    property_id: int,
    reference_property_id: str | None,
    dice: random.Random,
    *,
    now: datetime,
    gap_days: tuple[int, int],
    tags: Sequence[Row],
) -> list[Row]:
    """The stays booked by `now` with a check-in up to 180 days ahead, in order of check-in."""
    rows: list[Row] = []
    day = FIRST_STAY_ON + timedelta(days=dice.randrange(10))
    number = 0
    while day <= now.date() + timedelta(days=BOOKED_AHEAD_DAYS):
        # The draws never depend on `now`: an older world is a beginning of a younger one.
        nights, gap = dice.randint(2, 8), dice.randint(*gap_days)
        lead = timedelta(days=dice.randint(2, 170), minutes=dice.randrange(1440))
        checkin_at = datetime.combine(day, time(16), UTC)
        row = _stay(property_id, reference_property_id, number, day, nights, tags)
        row["_created_at"] = row["_updated_at"] = checkin_at - lead
        for at, changes in _events(number, checkin_at, lead):
            if at <= now:
                row |= changes
                row["_updated_at"] = at
        if row["_created_at"] <= now:
            rows.append(row)
        day += timedelta(days=nights + _gap(number, gap))
        number += 1
    return rows


def _gap(number: int, days: int) -> int:
    """Days until the next arrival: now and then the same day, or one before this stay has left."""
    return {2: 0, 4: 0, 6: -1}.get(number % 9, days)


def _events(number: int, checkin_at: datetime, lead: timedelta) -> list[tuple[datetime, Row]]:
    """What happens to a stay after booking, in order of time."""
    if number % 13 == 5:
        return [(checkin_at - lead / 2, {"status": "cancelled"})]
    events: list[tuple[datetime, Row]] = []
    if number % 4 == 1:
        events.append((checkin_at - lead / 3, {"note": "Arrives late, asks for a cot. " * 3}))
    if number % 3 == 0:
        events.append((checkin_at - lead / 10, {"checkin_early": True, "access_code": "0000"}))
    return events


def _stay(
    property_id: int,
    reference_property_id: str | None,
    number: int,
    day: date,
    nights: int,
    tags: Sequence[Row],
) -> Row:
    stay_id = 80_000_000 + property_id * 1000 + number
    kind = {7: "hold", 9: "lockoff"}.get(number % 11, "booking")
    checkout = day + timedelta(days=nights)
    person = {"code": "owner", "name": "Owner"} if number % 11 == 3 else {"code": "guest", "name": "Guest"}
    unnamed = kind != "booking" or number % 25 == 16  # a few bookings come without guests too
    row: Row = {
        "id": stay_id,
        "property_id": property_id,
        "status": "active",
        "checkin_date": day.isoformat(),
        "checkin_time": None if number % 8 == 2 else "16:00:00",
        "checkin_early": None,
        "checkout_date": checkout.isoformat(),
        "checkout_time": "10:00:00",
        "checkout_late": None,
        "access_code": "" if number % 2 else None,
        "guide_url": f"https://guide.example.test/{stay_id}" if number % 3 else None,
        "note": None,
        "guests": [] if unnamed else [_guest(property_id + number, n) for n in range(1 + number % 2)],
        "flags": [],
        "tags": [tags[number % len(tags)]] if tags and number % 4 == 0 else [],
        "type_guest": person,
        "type_stay": dict(person),
        "type_reservation": dict(TYPES[kind]),
        "reference_property_id": reference_property_id,
        "reference_external_property_id": None,
        "reference_reservation_id": None if number % 9 == 8 else f"R-{stay_id}",
    }
    if number % 2 == 0:
        row |= {"adults": 2, "children": number % 3, "pets": 0, "source": "direct"}
    if number % 17 == 9:
        del row["type_reservation"]
    elif number % 17 == 11:
        row["type_guest"] = {}
    if kind != "booking":
        row |= {"type_guest": None, "type_stay": None, "type_reservation": dict(TYPES[kind])}
        row["reference_reservation_id"] = f"{day.isoformat()}_{checkout.isoformat()}"
    return row


def _guest(salt: int, number: int) -> Row:
    name = GUESTS[(salt + number) % len(GUESTS)]
    phone = {
        "country_code": "US",
        "dial_code": "+1",
        "number": "555 0123",
        "primary": True,
        "type_phone_number": "mobile" if salt % 2 else None,
    }
    return {
        "first_name": name,
        "last_name": "Sample",
        "emails": [f"{name.lower()}{salt}@example.test"] if number == 0 else [],
        "phone_numbers": [] if number else [phone],
    }
