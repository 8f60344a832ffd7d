"""The judge of "whole": reads a list as often as its answers ask for, and gives one verdict on it.

Where the API counts its rows, that count decides: the same on every page, and as many distinct records. Else
nothing but readings that agree shows that a list of several pages is whole: a row deleted meanwhile pulls another
past the reader, rows of one moment change places, a page is answered twice (design, section 6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ApiError, AuthError
from .pages import Inside, Page, Row, key_of
from .passes import Pass, union

READINGS = 3
CAPPED_AT_ROWS = 1000  # and at multiples of it: search engines count 10,000 at most

Ask = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Listing:
    """The rows of one list and the verdict on it, which nothing outside this module reaches.

    `rows`: every record with a usable id once, last seen wins; those outside an asked window are left out.
    `whole`: proved or undisputed; only then missing rows may be marked deleted, a cursor may move, a window
    counts as read. `why` tells the evidence against it in words, "" when whole. `proven` is stronger: shown
    whole by totals, by agreeing readings, or by being one bare array. `nameless`: records without a usable id,
    each costs itself alone (a failure), never the list. `doubtful`: rows that could not be judged by their
    window, kept and told. `clashing`: records that share their id with another one, which is loaded.
    `total` is the API's own count, `pages` the number of pages of the last reading.
    `stray`: a row outside what was asked for, of an answer to nothing among others.
    `may_go_on`: a bare array as long as a page may be, whose page 2 is the same again: that it ends there is not known.
    """

    rows: list[Row]
    whole: bool = True
    why: str = ""
    proven: bool = True
    nameless: int = 0
    doubtful: int = 0
    clashing: int = 0
    total: int | None = None
    pages: int = 1
    stray: Row | None = None
    may_go_on: bool = False


def followed(first: list[Row], ask: Ask) -> Listing:
    """A list of one parent that is as long as a page may be, with the pages behind it.

    Rows are told apart by their ids alone: an address in them may be signed anew in each answer. Without ids what comes
    behind is not taken, since it may be the same again. Raises what `ask` raises that may pass.
    """
    size, rows, ids, number = len(first), list(first), {key_of(row) for row in first}, 2
    while True:
        try:
            more = Page.of(ask({"limit": size, "page": number})).rows
        except ApiError as e:
            if not e.permanent or isinstance(e, AuthError):
                raise
            return Listing(rows, may_go_on=number == 2)  # it may refuse to be asked for a page at all
        new = [] if None in ids else [row for row in more if key_of(row) not in ids]
        if more and not new:
            return Listing(rows, may_go_on=True)
        rows += new
        ids.update(map(key_of, new))
        if len(more) < size:
            break
        number += 1
    return Listing(rows)


class Reader:
    """Reads one list. `ask` answers the parameters of a page with its body.

    `inside` says whether a row belongs to what was asked for, None where that cannot be judged; rows outside are
    left out and reading goes on. `fallback` says whether a row may belong to the answer the API gives when nothing
    matches (`breezeway-api.md`, Q2): a first page of such rows, some of them outside, is an empty list, whose rows
    inside are kept. Without it a first page wholly outside is one.
    """

    def __init__(
        self,
        ask: Ask,
        limit: int,
        *,
        oldest_first: bool = True,
        inside: Inside | None = None,
        fallback: Inside | None = None,
    ) -> None:
        self._ask = ask
        self._limit = limit
        self._oldest_first = oldest_first
        self._inside = inside
        self._fallback = fallback
        self._passes: list[Pass] = []
        self._agreeing: list[Pass] = []

    def read(self) -> Listing:
        """The list. Raises what `ask` raises for a first page, and for later ones what may pass."""
        while True:
            # Every other reading goes backwards: it also shows what the first one could not reach.
            self._passes.append(self._pass(backwards=bool(len(self._passes) % 2) and not self._has_totals))
            verdict = self._verdict()
            if verdict is not None:
                return verdict

    @property
    def _has_totals(self) -> bool:
        return any(reading.totals for reading in self._passes)

    def _pass(self, *, backwards: bool, pages: int | None = None) -> Pass:
        clamped = next((reading.clamped for reading in self._passes if reading.clamped), None)
        limit = clamped or self._limit
        newest_first = self._oldest_first is backwards
        reading = Pass(limit, newest_first=newest_first, inside=self._inside, fallback=self._fallback)
        while pages is None or reading.pages < pages:
            try:
                body = self._ask(self._params(reading, page=reading.pages + 1))
            except ApiError as e:
                # Where all that is counted has come, an API may fail at what is behind.
                if not reading.pages or not (e.permanent or reading.is_proven) or isinstance(e, AuthError):
                    raise
                reading.refused(e.status)
                break
            if reading.take(Page.of(body)):
                break
        return reading

    @staticmethod
    def _params(reading: Pass, *, page: int) -> dict[str, Any]:
        order = "desc" if reading.newest_first else "asc"
        return {"limit": reading.asks, "sort_by": "created_at", "sort_order": order, "page": page}

    def _verdict(self) -> Listing | None:
        """None while another reading may show more."""
        last = self._passes[-1]
        if last.end == "nothing" and len(self._passes) == 1:
            return self._told([last], proven=self._fallback is None or not last.rows)
        if last.outside and last.rows and last.may_answer_nothing:
            # Nothing matched, and its first page was inside by chance: all of it is read, the rows inside are kept.
            return self._told([last])
        if last.outside:
            why = f"{last.outside} rows outside what was asked for came beside rows inside it"
            if not last.rows:
                why = "all rows were outside what was asked for, and not those that come when nothing matches"
            return self._told(self._passes, why=why)
        if last.is_proven and last.behind is None and last.total and last.total % CAPPED_AT_ROWS == 0:
            return self._judged_at_a_cap(last)
        if last.is_at_once or (last.is_proven and last.behind is None):
            return self._told([last], proven=True)
        if last.is_proven:
            return self._judged_behind(last)
        doubt = self._counted() if last.totals else self._uncounted()
        if doubt is None:
            return self._told(self._agreeing or self._passes, proven=True)
        if doubt == "":
            return self._told(self._passes, proven=False)
        is_lasting = len(self._passes) > 1 and self._is_as_before() and bool(last.totals)
        if len(self._passes) >= READINGS or is_lasting:
            return self._told(self._passes, why=doubt)
        return None

    def _judged_at_a_cap(self, last: Pass) -> Listing:
        """A round total may be where counting ends: then the other end of the list has rows that did not come."""
        backwards = last.newest_first is not self._oldest_first
        if self._pass(backwards=backwards, pages=1).rows.keys() <= last.ids.keys():
            return self._told([last], proven=True)
        self._passes.append(self._pass(backwards=backwards))
        return self._told(
            self._passes, why=f"the API counts {last.total} rows, and others when read the other way round"
        )

    def _judged_behind(self, last: Pass) -> Listing | None:
        """Another count behind the end: the list has grown, or that page answers as if nothing matched.

        A list that has grown begins with its new count when it is read again; the answer to nothing is the same again.
        """
        if len(self._passes) > 1 and self._is_as_before() and self._passes[-2].behind == last.behind:
            return self._told([last], proven=True)
        if len(self._passes) < READINGS:
            return None
        return self._told(
            self._passes, why=f"the total changed from {last.total} to {last.behind} while it was read"
        )

    def _counted(self) -> str | None:
        """What speaks against a list with totals; None for nothing."""
        _, ids = union(self._passes)
        totals = set[int]().union(*(reading.totals for reading in self._passes))
        last = self._passes[-1]
        if len(totals) == 1 and len(ids) + last.nameless in totals:
            return None
        if len(last.totals) > 1:
            return f"the total changed from {min(last.totals)} to {max(last.totals)} while it was read"
        return "; ".join([f"the API counts {last.total} rows, {last.count} came", *last.evidence[:2]])

    def _uncounted(self) -> str | None:
        """The same for a list without totals; "" where nothing speaks against it and nothing proves it."""
        last, first = self._passes[-1], self._passes[0]
        if last.evidence:
            _, ids = union(self._passes)
            lengths = {reading.served for reading in self._passes if reading.is_smooth}
            is_steady = len(self._passes) > 1 and len(lengths) == 1
            if is_steady and all(reading.is_smooth for reading in self._passes) and lengths == {len(ids)}:
                return None
            return "; ".join(last.evidence[:3])
        if last.end == "past" or (last is first and last.pages == 1):
            if len(last.ids) < 2 and last.end != "past":
                return ""
            return self._seen_from_behind(last)
        before = self._passes[-2] if len(self._passes) > 1 else None
        if before and not before.evidence and before.ids.keys() == last.ids.keys():
            self._agreeing = [before, last]  # what an earlier one had beside them is gone
            return None
        return "readings of it differ, and the API does not say how many rows there are"

    def _seen_from_behind(self, last: Pass) -> str | None:
        """Whether the other end of the list, its first page in the other order, holds a row that did not come."""
        look = self._pass(backwards=last.newest_first is not self._oldest_first, pages=1)
        missed = look.rows.keys() - last.ids.keys()
        if missed:
            self._passes.append(look)
            return f"read the other way round it begins with {len(missed)} rows that had not come"
        if look.rows and (look.first != last.first or len(last.ids) < 2):
            return None
        # It looks the same from both ends: the order is not heeded, and nothing was seen.
        return (
            "its end could not be seen: the API does not heed the order"
            if last.end == "past"
            else self._cut(last)
        )

    def _cut(self, last: Pass) -> str:
        """Whether a list of one page that is not full goes on: an API may give fewer rows a page than are asked for."""
        try:
            more = Page.of(self._ask(self._params(last, page=2))).rows
        except ApiError as e:
            if not e.permanent or isinstance(e, AuthError):
                raise
            return ""
        if all(key_of(row) in last.ids or (self._inside and self._inside(row) is False) for row in more):
            return ""
        last.clamped = last.served  # so many are asked for when it is read again
        return f"page 1 had {last.served} of the {last.limit} rows asked for, and page 2 has others"

    def _is_as_before(self) -> bool:
        *_, before, last = self._passes
        return before.ids.keys() == last.ids.keys() and before.totals == last.totals

    def _told(self, passes: list[Pass], *, proven: bool = False, why: str = "") -> Listing:
        rows, _ = union(passes)
        last = self._passes[-1]
        return Listing(
            list(rows.values()),
            whole=not why,
            why=why,
            proven=proven and not why,
            nameless=max(reading.nameless for reading in passes),
            doubtful=max(reading.doubtful for reading in passes),
            clashing=max(reading.clashing for reading in passes),
            total=last.total,
            pages=last.pages,
            stray=last.stray,
            may_go_on=last.is_at_once and last.pages > 1 and last.end == "last",
        )
