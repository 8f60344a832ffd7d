"""What is no longer loaded as often as it used to be: a job that never starts tells nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.watch.history import Judgement, span

WINDOW = timedelta(days=100)
ENOUGH_READS = 10  # for a rhythm
ENOUGH_RHYTHM = timedelta(days=7)
OVERDUE_FACTOR = 3.0
OVERDUE_AT_LEAST = timedelta(hours=6)


@dataclass(frozen=True)
class Rhythm:
    """How often an entity of a region was read without failing, and when first and last."""

    region_code: str
    entity: str
    runs: int
    first_at: datetime
    last_at: datetime


def overdue(rhythms: Iterable[Rhythm], now: datetime, region_code: str, read_now: Iterable[str]) -> Judgement:
    """Entities of the region, and whole other regions, that are not read as often as they used to be.

    Each run looks after its region's other entities, and the first of
    the regions that are well looks after those that are not.
    """
    judgement = Judgement()
    by_region: dict[str, list[Rhythm]] = defaultdict(list)
    for rhythm in rhythms:
        by_region[rhythm.region_code].append(rhythm)
    judged_now = set(read_now)
    for rhythm in by_region.get(region_code, ()):
        if rhythm.entity not in judged_now and (late := _late(rhythm, now)) is not None:
            judgement.add("entities_are_fresh", rhythm.entity, late and f"{rhythm.entity} {late}")
    for entity in judged_now:
        judgement.add("entities_are_fresh", entity, None)
    late_regions = {
        code: late
        for code, own in by_region.items()
        if code != region_code and (late := _late(max(own, key=lambda r: r.runs), now)) is not None
    }
    well = [region_code, *(code for code in by_region if not late_regions.get(code))]
    for code, late in late_regions.items():
        if not late or min(well) == region_code:
            judgement.add("entities_are_fresh", f"region {code}", late and f"region {code} {late}")
    return judgement


def _late(rhythm: Rhythm, now: datetime) -> str | None:
    """'' when it is in time, a message when it is overdue, None when its rhythm is not known."""
    length = rhythm.last_at - rhythm.first_at
    if rhythm.runs < ENOUGH_READS or length < ENOUGH_RHYTHM:
        return None
    usual, age = length / (rhythm.runs - 1), now - rhythm.last_at
    if age <= max(OVERDUE_FACTOR * usual, OVERDUE_AT_LEAST):
        return ""
    return (
        f"has not been loaded for {span(age)}, usually every {span(usual)}. Next: see whether its scheduled job "
        "still starts, and run it by hand; the run after a long pause reads all that changed since."
    )
