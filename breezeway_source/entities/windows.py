"""Windows of check-out days: how the list of stays is asked for (breezeway-api.md, section 4; quirk Q2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pendulum

from ..api.pages import Inside, Page, page_fault
from ..reading import Reading
from ..rows import values

WINDOW_MONTHS = 3
BOOKED_AHEAD_MONTHS = 18
NEAR_DAYS = 30


@dataclass(frozen=True)
class CheckoutWindow:
    """Stays by check-out day, both ends included; None is open. `updated_since` narrows it to edited stays.

    A day more is asked for at each end: whether the API counts the days it is given in, or takes them in another
    zone, is not known, and a stay between two windows would be in none.
    """

    first: pendulum.Date | None
    last: pendulum.Date | None
    updated_since: pendulum.Date | None = None

    @property
    def asked(self) -> CheckoutWindow:
        """The days to ask for."""
        return CheckoutWindow(
            None if self.first is None else self.first.subtract(days=1),
            None if self.last is None else self.last.add(days=1),
            self.updated_since,
        )

    def holds(self, raw: Mapping[str, Any]) -> bool | None:
        """None: its day cannot be read, so the row is kept, and told."""
        day = values.day(raw.get("checkout_date"))
        return self.has(day) if isinstance(day, date) else None

    def has(self, day: date) -> bool:
        return not (
            (self.first is not None and day < self.first) or (self.last is not None and day > self.last)
        )

    def may_answer_nothing(self, today: pendulum.Date) -> Inside:
        """Whether a row may be of the upcoming stays, which come when nothing matches (Q2).

        Of a window of days alone none of them can be inside it: else it would have matched.
        """
        # A day earlier: which zone the API's days are in is unknown.
        upcoming = CheckoutWindow(today.subtract(days=1), None)
        if self.updated_since is not None:
            return lambda raw: upcoming.holds(raw) is not False
        return lambda raw: upcoming.holds(raw) is not False and self.holds(raw) is not True

    def params(self) -> dict[str, str]:
        limits = {
            "checkout_date_ge": self.first,
            "checkout_date_le": self.last,
            "updated_at_ge": self.updated_since,
        }
        return {name: day.isoformat() for name, day in limits.items() if day is not None}


def first_page(reading: Reading, window: CheckoutWindow, rows: int = 100) -> Page:
    """What the API answers to begin with, of a window just as it is."""
    limits = {"limit": rows, "page": 1, "sort_by": "created_at", "sort_order": "asc"}
    asked = {**limits, **window.params()}
    return Page.of(reading.client.get("/reservation", asked, label="/reservation", fault=page_fault))


def windows_of(reading: Reading, since: pendulum.DateTime | None) -> list[CheckoutWindow]:
    plan, today = reading.plan, reading.started_at.date()
    if plan.since is not None:
        return [CheckoutWindow(plan.since, plan.until)]
    first = min(reading.settings.start_date, today)
    whole = _quarters(first, today.add(months=BOOKED_AHEAD_MONTHS))
    if since is None:
        return whole
    updated = since.in_timezone("UTC").date().subtract(days=reading.settings.lookback_days)
    if plan.whole_stays or plan.full:
        # The cursor moves on, so what was edited before the first day since then is asked for as in any hour.
        return [CheckoutWindow(None, first.subtract(days=1), updated), *whole]
    near = today.add(days=NEAR_DAYS)
    return [
        CheckoutWindow(None, today.subtract(days=1), updated),
        CheckoutWindow(today, near, updated),
        CheckoutWindow(near.add(days=1), None, updated),
    ]


def _quarters(first: pendulum.Date, horizon: pendulum.Date) -> list[CheckoutWindow]:
    """Windows side by side from the first day on; the last one is open."""
    windows = []
    while first <= horizon:
        following = first.add(months=WINDOW_MONTHS)
        windows.append(CheckoutWindow(first, following.subtract(days=1)))
        first = following
    return [*windows, CheckoutWindow(first, None)]
