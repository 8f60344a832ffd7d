"""What stands along a picture's axes: every week or month between the first and the last, amounts up to the usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

# One amount of two thousand million flattens all others to a line: what is so many times the middle one is cut off,
# and told. Less would cut off a high season.
FAR = 20
HEADROOM = Decimal("1.05")  # what is drawn whole does not end where the others are cut off
MOST_MONTHS = 36  # two years back and one of plans: a day mistyped into 2062 would press all others together


@dataclass(frozen=True)
class Reach:
    """What lies beyond an axis, place and amount, the farthest first; from where to where it goes, if anything does."""

    low: Decimal
    high: Decimal
    beyond: tuple[tuple[str, Decimal], ...]

    def cut(self, amount: Decimal) -> Decimal:
        """As much of it as the axis has room for: Vega draws nothing of a bar of 10 km."""
        return min(max(amount, self.low), self.high) if self.beyond else amount

    @property
    def places(self) -> list[str]:
        """Each once, in their order."""
        return sorted({place for place, _ in self.beyond})


def reach(amounts: Sequence[tuple[str, Decimal]], far_from: Decimal | None = None) -> Reach:
    """`far_from`: what is more lies beyond; without, FAR times the middle one of those that are not 0."""
    sizes = sorted(abs(amount) for _, amount in amounts if amount)
    bound = far_from or (FAR * sizes[(len(sizes) - 1) // 2] if sizes else Decimal(0))
    beyond = sorted((each for each in amounts if abs(each[1]) > bound), key=lambda each: -abs(each[1]))
    within = [Decimal(0), *(amount for _, amount in amounts if abs(amount) <= bound)]
    return Reach(HEADROOM * min(within), HEADROOM * max(within), tuple(beyond))


def every_month(months: Iterable[date | None]) -> list[str]:
    """As `showing.month` writes them, MOST_MONTHS from the first; one without any row would be missing in a picture as
    if it had not been."""
    known = [month for month in months if month]
    if not known:
        return []
    first, last = (12 * day.year + day.month - 1 for day in (min(known), max(known)))
    last = min(last, first + MOST_MONTHS - 1)
    return [f"{count // 12:04}-{count % 12 + 1:02}" for count in range(first, last + 1)]


def every_week(weeks: Iterable[date]) -> list[str]:
    """The Mondays, as `date.isoformat` writes them."""
    known = list(weeks)
    if not known:
        return []
    return [
        (min(known) + timedelta(weeks=count)).isoformat()
        for count in range((max(known) - min(known)).days // 7 + 1)
    ]
