"""Stays: one row per reservation (breezeway-api.md, section 4; quirk Q2).

They carry no timestamps, and the bare list answers only stays that end today or later. So a first load and the
daily one read windows of check-out days, and an hourly one asks for what was updated, in explicit check-out
windows too: whether a filter on `updated_at` alone lifts the default window is unknown. A filter that matches nothing
may be answered with the upcoming stays; the hourly windows are cut such that those show at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pendulum

from ..api.listing import Listing
from ..columns import TABLES
from ..errors import ApiError, AuthError
from ..reading import REMEMBER_UNKNOWN_DAYS, Reading
from ..rows import values
from ..rows.content_hash import ContentHash
from ..rows.fields import record_id, says_deleted
from ..stages import Stage
from .absence import OwnWord, Proofs, is_gone, leaves_unsaid, loaded_lists
from .windows import CheckoutWindow, first_page, windows_of

NAME = "reservations"
MANY_UNSHOWN = MANY_EDITED = 3
_NO_END = date(9000, 1, 1)  # what blocks without an end say


@dataclass(frozen=True)
class StayById:
    """One stay asked for by its id: `link_lookup` for a task's stay, `reconcile` for one that vanished."""

    reservation_id: int
    why: str
    again: bool = False
    """It was refused before: asked for to see whether it still is, which is no failure."""
    loaded: frozenset[str] = frozenset()
    """Its lists that are loaded, of one that vanished."""


@dataclass(frozen=True)
class Question:
    """What the API's pages leave open, asked once the windows are read; who asks tells what is amiss."""

    ask: Callable[[Reading], None]


class Reservations:
    """The stays of one run."""

    def __init__(self) -> None:
        self._complete: list[CheckoutWindow] = []
        self._brought: set[int | None] = set()
        self._counted = True
        self._strays: list[date] = []
        self._matched = False
        self._is_kept = True
        self._answers_again = False
        self._unshown: list[int] = []
        self._edited: dict[int, date] = {}
        self._own_word = OwnWord(NAME, "status")
        self._proofs = Proofs(NAME, "stays")
        self._hashes = ContentHash(TABLES[NAME])
        self._loaded: Mapping[int, str] = {}

    def jobs(self, reading: Reading) -> Iterator[CheckoutWindow | Question | StayById | None]:
        """The windows; then what vanished from them; then, when all tasks are read, the linked stays still missing."""
        state = reading.state(NAME)
        stage = reading.stage(NAME)
        if reading.first_package:
            self._own_word.begin(reading)
            self._proofs.begin(reading)
            since = state.get("since")
            # Without a cursor all is read and written: dlt may be about to drop the table (`refresh`, `replace`).
            self._is_kept = since is not None
            self._loaded = _loaded_hashes(reading) if self._is_kept else {}
            windows = windows_of(reading, pendulum.parse(since) if since else None)  # type: ignore[arg-type]
            if reading.plan.since is not None or all(window.updated_since for window in windows):
                reading.reads_in_part(NAME)
            stage.expect("windows of days", len(windows))
            yield from windows
            while not stage.idle:
                yield None
            if self._strays and not self._matched:
                yield from self._asked(stage, partial(self._check_filter, day=min(self._strays)))
            side_by_side = tuple(window for window in windows if window.updated_since is None)
            if self._counted and len(side_by_side) > 1 and len(self._complete) == len(windows):
                yield from self._asked(stage, partial(self._compare, windows=side_by_side))
            if len(self._edited) >= MANY_EDITED and windows[0].updated_since:
                yield from self._asked(
                    stage, partial(self._check_updates, updated_since=windows[0].updated_since)
                )
            if len(self._complete) == len(windows) and not reading.plan.beside_cursor(NAME):
                state["since"] = reading.started_at.isoformat()
            if reading.plan.reconcile:
                yield from self._absent(reading)
        while not reading.finished("tasks"):
            yield None
        stage.expect("stays")
        yield from self._missing(reading, stage)
        while not stage.idle:
            yield None
        self._tell_unshown(reading)
        self._proofs.tell(reading)
        if reading.plan.full and not reading.has_more:
            yield from _of_an_earlier_mode(reading)

    @staticmethod
    def _asked(stage: Stage, ask: Callable[[Reading], None]) -> Iterator[Question | None]:
        yield Question(ask)
        while not stage.idle:
            yield None

    def read(self, reading: Reading, job: CheckoutWindow | Question | StayById) -> list[dict[str, Any]]:
        """The stays of one window, or the one asked for."""
        if isinstance(job, Question):
            job.ask(reading)
            return []
        if isinstance(job, StayById):
            try:
                raw = _by_id(reading, job, self._proofs)
            except ApiError as e:
                if not job.again or not e.permanent or isinstance(e, AuthError):
                    raise
                return []
            self._answers_again |= job.again
            if raw is not None and job.why == "link_lookup":
                self._is_unshown(raw, job.reservation_id)
            if raw is None or leaves_unsaid(raw, job.loaded):
                return []
            row = self._changed(reading, raw)
            return [row] if row is not None else []
        asked = job.asked
        listing = reading.client.listing(
            "/reservation",
            asked.params(),
            label="/reservation",
            inside=asked.holds,
            fallback=asked.may_answer_nothing(reading.started_at.date()),
        )
        with reading.turn:
            rows = [
                row
                for raw in listing.rows
                if (row := self._changed(reading, raw, **self._own_word.said(reading, raw))) is not None
            ]
        self._look_at(reading, listing)
        self._proofs.shown(reading, listing.rows, "property_id")
        reading.tell_doubts(NAME, listing)
        if listing.doubtful:
            reading.warn(
                f"{listing.doubtful} stays with {asked.params()} have a check-out day that cannot be read: they are "
                "loaded, the day as it came in `unparsed`. Next: run --check and tell the API's provider."
            )
        if not listing.whole:
            reading.fail(
                NAME, f"the stays with {asked.params()} are loaded, but did not come whole: {listing.why}."
            )
        else:
            self._complete.append(job)
        if job.updated_since is None:
            self._brought.update(record_id(raw) for raw in listing.rows if job.holds(raw) is not False)
            self._counted = self._counted and listing.total is not None
            for row in rows:
                day = row.get("checkout_date")
                if row["reservation_id"] in self._loaded and day is not None and day < _NO_END:
                    self._edited[row["reservation_id"]] = day
        return rows

    def _look_at(self, reading: Reading, listing: Listing) -> None:
        """Note whether the answer shows that its filter was heeded: a stay that has ended is none of the upcoming."""
        upcoming = CheckoutWindow(reading.started_at.date().subtract(days=1), None)
        self._matched |= any(upcoming.holds(raw) is False for raw in listing.rows)
        day = values.day(listing.stray.get("checkout_date")) if listing.stray else None
        if isinstance(day, date) and day < _NO_END:
            self._strays.append(day)

    def _check_filter(self, reading: Reading, day: date) -> None:
        """Upcoming stays are the answer where nothing matches (Q2), and where no filter is heeded; one day tells."""
        asked, self._complete = self._complete, []  # also where the API does not answer
        # As wide as windows ask, which may be answered without their bounds, and a day more is no other window.
        one = CheckoutWindow(pendulum.instance(day), pendulum.instance(day)).asked
        if any(one.asked.holds(raw) is False for raw in first_page(reading, one).rows):
            reading.fail(
                NAME,
                "every window of check-out days was answered with the upcoming stays, and so was one day of theirs: "
                "the filters are not heeded, other stays did not come. Next: tell the API's provider.",
            )
            return
        self._complete = asked

    def _check_updates(self, reading: Reading, updated_since: pendulum.Date) -> None:
        """Hourly runs see what is updated alone, and nothing else tells that they are not shown it."""
        days = [pendulum.instance(day) for day in self._edited.values()]
        asked = CheckoutWindow(min(days), max(days), updated_since).asked
        page = first_page(reading, asked)
        is_nothing = any(asked.holds(raw) is False for raw in page.rows)
        shown = () if is_nothing else map(record_id, page.rows)
        if (is_nothing or not page.is_full(100)) and self._edited.keys().isdisjoint(shown):
            reading.warn(
                f"{len(self._edited)} stays had changed since the run before, the first is {min(self._edited)}, and "
                "the filter of updated_at shows none of them: changes of stays are left to daily runs then. "
                "Next: see whether hourly runs bring any, and tell the API's provider."
            )

    def _is_unshown(self, raw: Mapping[str, Any], stay_id: int) -> None:
        whole = [window for window in self._complete if window.updated_since is None]
        if any(window.holds(raw) for window in whole):
            self._unshown.append(stay_id)

    def _tell_unshown(self, reading: Reading) -> None:
        """Stays that the API has, and did not list in the window of their day: one or two may have come meanwhile."""
        if len(self._unshown) >= MANY_UNSHOWN:
            reading.fail(
                NAME,
                f"{len(self._unshown)} stays that tasks link to are given by their ids and were missing from the "
                f"windows of their check-out days, the first is {min(self._unshown)}: the list does not show all. "
                "Next: see with --check which days it shows.",
            )
        self._unshown = []

    def _compare(self, reading: Reading, windows: tuple[CheckoutWindow, ...]) -> None:
        """A stay between two windows is in none of them, and no window shows it. Else no window counts as read.

        A stay that came or went meanwhile is no hole: then the windows, counted again, make up the whole again.
        """
        asked, self._complete = self._complete, []  # also where the API does not answer
        whole = CheckoutWindow(windows[0].first, None)
        total = first_page(reading, whole, 1).total
        if total is not None and total > len(self._brought):
            counts = [first_page(reading, window, 1).total for window in windows]
            total = first_page(reading, whole, 1).total
            if total != sum(count or 0 for count in counts):
                reading.fail(
                    NAME,
                    f"the windows of stays from {whole.first} on brought {len(self._brought)} together, where the "
                    f"API counts {total}: they are loaded, and read again in the next run. "
                    "Next: see with --check whether the filter of check-out days holds.",
                )
                return
        self._complete = asked

    def _changed(self, reading: Reading, raw: Mapping[str, Any], **extra: Any) -> dict[str, Any] | None:
        """The row, or None where this run has it already, or it is loaded just so."""
        row = reading.row(NAME, raw, **extra)
        if row is None:
            return None
        row["content_hash"] = self._hashes.of(row)
        if self._loaded.get(row["reservation_id"]) != row["content_hash"]:
            return row
        reading.leave(NAME, row["reservation_id"])
        return None

    def _absent(self, reading: Reading) -> Iterator[StayById]:
        """Loaded stays of completely read windows, or whose day could not be read, that the windows did not hold."""
        whole = [window for window in self._complete if window.updated_since is None]
        absent = [
            stay_id
            for stay_id, checkout in reading.warehouse.live_stays().items()
            if not reading.wrote(NAME, stay_id)
            and any(checkout is None or window.has(checkout) for window in whole)
        ]
        asked = self._proofs.to_ask(reading, absent)
        loaded = loaded_lists(reading, NAME, asked)
        for stay_id in asked:
            yield StayById(stay_id, "reconcile", loaded=loaded.get(stay_id, frozenset()))

    def _missing(self, reading: Reading, stage: Stage) -> Iterator[StayById | None]:
        """Linked stays that are not loaded, those of this run's tasks first, as many as one run may ask for.

        Those the API refused, and did not call unknown, wait until one of them, asked for once a day, is answered.
        """
        limit, most = max(reading.lookups_left, 0), reading.settings.max_link_lookups
        if not most or (not limit and reading.has_more):
            return
        asked_since = reading.days_ago(REMEMBER_UNKNOWN_DAYS)
        refused = reading.warehouse.refused_stays(asked_since)
        missing = reading.warehouse.missing_stays(limit + len(refused) + 1, asked_since)
        wanted = dict.fromkeys([*reading.linked_stays, *missing])
        reading.linked_stays.clear()
        wanted = {stay_id: None for stay_id in wanted if not reading.wrote(NAME, stay_id)}
        if not wanted:
            return
        loaded = reading.warehouse.stay_ids() if self._is_kept else ()
        known = {*loaded, *reading.warehouse.unknown_stays(asked_since)}
        lookups = [stay_id for stay_id in wanted if stay_id not in known and stay_id not in refused]
        again = [stay_id for stay_id in wanted if stay_id not in known and stay_id in refused]
        if again and max(refused.values()) <= reading.days_ago(1):
            # Each day another one: what is refused for good is often that stay alone.
            yield StayById(again.pop(reading.started_at.toordinal() % len(again)), "link_lookup", again=True)
            while not stage.idle:
                yield None
            lookups += again if self._answers_again else []
        if len(lookups) > limit and not reading.has_more:
            reading.warn(
                f"tasks link to more stays that are not loaded than one run fetches (max_link_lookups = {most}): the "
                "others follow in the next runs; until then link_status says reservation_not_loaded."
            )
        reading.lookups_left -= len(lookups[:limit])
        for stay_id in lookups[:limit]:
            yield StayById(stay_id, "link_lookup")


def _loaded_hashes(reading: Reading) -> Mapping[int, str]:
    """What is loaded and need not be written again. A stay that one run found gone is: being seen is news of it."""
    if reading.plan.full:
        return {}
    loaded = reading.warehouse.stay_hashes()
    doubted = set(reading.warehouse.half_proven(NAME)) if loaded else set()
    return {stay_id: known for stay_id, known in loaded.items() if stay_id not in doubted}


def _of_an_earlier_mode(reading: Reading) -> Iterator[StayById]:
    """Stays no window holds, loaded for their links: their guests are as `personal_data` was when they were read."""
    left = reading.earlier_mode.left(reading, NAME)[: max(reading.lookups_left, 0)]
    reading.lookups_left -= len(left)
    for stay_id in left:
        yield StayById(stay_id, "reconcile")


def _by_id(reading: Reading, job: StayById, proofs: Proofs) -> dict[str, Any] | None:
    """The stay asked for as the API has it; None, with a proof, where it has none."""
    try:
        raw = reading.client.one(f"/reservation/{job.reservation_id}", label="/reservation/{id}")
    except ApiError as e:
        if is_gone(e):
            if not proofs.is_believed(reading, "/reservation", "/reservation/{id}"):
                return None
            reading.proof(NAME, job.reservation_id, None, e.status or 404, "not_found", job.why)
            return None
        if e.permanent and job.why == "link_lookup" and e.status is not None:
            # Remembered like an unknown one, else every run would ask and end 1 again.
            reading.proof(NAME, job.reservation_id, None, e.status, "no_proof", job.why)
        raise
    property_id = record_id(raw, "property_id")
    if says_deleted(raw, "status", reading.started_at):
        reading.proof(NAME, job.reservation_id, property_id, 200, "deleted", job.why)
        return None
    if job.why == "reconcile":
        if proofs.is_elsewhere(reading, property_id):
            reading.proof(NAME, job.reservation_id, property_id, 200, "not_found", job.why)
            return None
        proofs.alive(reading, job.reservation_id, property_id)
    return raw
