"""One reading of a list, page after page, with the evidence its answers give for or against being whole."""

from __future__ import annotations

from typing import Any

from .pages import PAGE_SIZES_ROWS, Inside, Page, Row, key_of

# On a page that others follow, one row in more than so many outside the window is a stray one and no answer to nothing.
STRAYS_AMONG = 10
IDLE_PAGES = 2  # so many pages in a row without a new row: there are no others


class Pass:
    """One reading from its first page on. `limit` rows a page are asked for; `newest_first` is its order.

    `evidence` is what speaks against the pass being whole, in words. `end`: `last` where a page said or showed
    that nothing follows, `past` where the page behind the last one was refused or answered known rows,
    `nothing` where the first page was the answer to a filter that matches nothing.
    """

    def __init__(
        self, limit: int, *, newest_first: bool, inside: Inside | None = None, fallback: Inside | None = None
    ) -> None:
        self.limit = limit
        self.newest_first = newest_first
        self._inside = inside
        self._fallback = fallback
        self.rows: dict[int, Row] = {}
        self.ids: dict[int, int] = {}  # in the order they came, with the page
        self.first: list[int] = []
        self.evidence: list[str] = []
        self.totals: set[int] = set()
        self.pages = 0
        self.served = 0
        self.nameless = 0
        self.doubtful = 0
        self.clashing = 0  # records with the id of another one of their page, and different from it
        self.outside = 0
        self.stray: Row | None = None
        """The first row outside."""
        self.may_answer_nothing = self._fallback is not None
        """Every row so far may be of the answer that comes when nothing matches."""
        self.end = ""
        self.behind: int | None = None
        """What a page counted that came behind all rows counted so far, and may be the answer to nothing."""
        self.is_bare = True
        self.clamped: int | None = None
        self._idle: list[str] = []
        self._empty_pages = 0
        self._was_full = False
        self._at_first = 0  # rows of the first page
        # The page before, where it may be the answer to nothing, and how many of its rows were outside.
        self._odd_page: tuple[list[Row], int] | None = None

    @property
    def asks(self) -> int:
        """Rows to ask for: of what follows a bare array so many as that had."""
        return self._at_first if self._at_first and self.is_bare else self.limit

    @property
    def count(self) -> int:
        """Distinct records."""
        return len(self.ids) + self.nameless

    @property
    def total(self) -> int | None:
        """The API's own count, where all pages gave the same."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @property
    def is_proven(self) -> bool:
        """As many distinct records as all its pages counted."""
        return bool(self.totals) and self.total == self.count

    @property
    def is_at_once(self) -> bool:
        """One bare array, which holds everything."""
        return self.is_bare and all(page == 1 for page in self.ids.values())

    @property
    def is_smooth(self) -> bool:
        """Read page after page to its end, so that `served` is the length of the list as it stood."""
        return self.end == "last" and not self.clamped

    def take(self, page: Page) -> bool:
        """The next page; true when no other is to be asked for."""
        self.pages += 1
        is_known = not page.strange and all(key_of(row) in self.ids for row in page.rows)
        if self.pages > 1 and self.is_proven and is_known:
            self.end = "past"  # all that is counted had come, and nothing follows, whatever it counts now
            return True
        self._at_first = self._at_first or len(page.rows)
        self.is_bare = self.is_bare and page.is_bare
        if self.pages > 1 and not self.totals - {self.count} and self._is_beside_the_point(page):
            # Behind the last page the API may answer as if nothing matched.
            self.end = "past"
            return True
        is_upcoming = self._may_be_upcoming(page)
        if self.pages > 1 and self.is_proven and is_upcoming and page.total not in (None, self.total):
            self.behind, self.end = page.total, "past"
            return True
        if self._odd_page and self._odd_page[0] == page.rows:
            # The answer to nothing comes for every page behind the end: what was outside on it is no stray row.
            self.outside -= self._odd_page[1]
            self.end = "past"
            return True
        known, outside = len(self.ids), self.outside
        found = self._doubts_about(page)
        repeated = self._take_rows(page)
        outside = self.outside - outside
        self._odd_page = (page.rows, outside) if self.pages > 1 and outside and is_upcoming else None
        if page.total is not None:
            self.totals.add(page.total)
        self._was_full = page.is_full(self.limit)
        if self.pages == 1 and self._is_answer_to_nothing(page):
            self.end = "nothing"
            return True
        if len(self.ids) > known or page.strange:
            if repeated:
                found.append(f"{repeated} rows came twice")
            self.evidence += [*self._idle, *found]
            self._idle = []
        elif page.rows:
            # Behind the end this means nothing, before other rows a page is missing: what follows tells.
            self._idle.append(f"page {self.pages} brought known rows alone")
        else:
            self.evidence += found
        if not self._is_over(page):
            return False
        self.end = "past" if self._idle and not self.is_bare else "last"
        return True

    def refused(self, status: int | None) -> None:
        """The next page was refused, for good or where nothing counted is missing, after others were read."""
        told_so = status in (400, 404, 410, 422) and self._was_full and not self.totals - {self.count}
        if self.is_proven or told_so:
            self.end = "past"
        else:
            self.evidence.append(f"page {self.pages + 1} was refused ({status})")

    def _is_over(self, page: Page) -> bool:
        if page.is_bare:
            # A bare array holds everything; one as long as pages are may be a page after all.
            size = self._at_first
            return bool(self._idle) or len(page.rows) != size or size not in (self.limit, *PAGE_SIZES_ROWS)
        expected = page.pages(self.limit)
        if len(self._idle) >= IDLE_PAGES:
            return True
        if expected is not None and self.pages < expected:
            if not page.rows:
                self.evidence.append(f"page {self.pages} of {expected} was empty")
                self._empty_pages += 1
            return self._empty_pages >= IDLE_PAGES
        if not page.rows:
            return True
        if page.total is not None:
            # More than was counted may be behind a full page: a total may be the page's length, or an older count.
            return not (self._was_full and self.count >= page.total)
        return expected == self.pages or not self._was_full

    def _doubts_about(self, page: Page) -> list[str]:
        found = []
        if page.number is not None and page.number != self.pages:
            found.append(f"page {self.pages} came as page {page.number}")
        if page.limit is not None and page.limit != self.limit and page.rows:
            if len(page.rows) <= page.limit < self.limit:
                self.clamped = page.limit
            if not any("rows a page" in text for text in self.evidence):
                found.append(f"{self.limit} rows a page were asked for, and {page.limit} told")
        return found

    def _take_rows(self, page: Page) -> int:
        repeated = 0
        self.served += len(page.rows) + page.strange
        self.nameless += page.strange
        for row in page.rows:
            key = key_of(row)
            if key is None:
                self.nameless += 1
                continue
            if key in self.ids:
                repeated += 1
                self.clashing += self.ids[key] == self.pages and self.rows.get(key, row) != row
            else:
                self.ids[key] = self.pages
            if self.pages == 1:
                self.first.append(key)
            if self._fallback is not None and self._fallback(row) is False:
                self.may_answer_nothing = False
            verdict = self._inside(row) if self._inside else True
            self.doubtful += verdict is None
            if verdict is False:
                self.outside += 1
                self.stray = self.stray or row
                self.rows.pop(key, None)
            else:
                self.rows[key] = row  # last seen wins
        return repeated

    def _is_beside_the_point(self, page: Page) -> bool:
        """Whether a page behind what may be the last one is no page of the list: wholly outside, or, where all that
        is counted has come, of the rows that come when nothing matches, and not all of them inside by chance."""
        if not self._inside:
            return False
        outside = sum(self._inside(row) is False for row in page.rows)
        if self.totals and outside and self._fallback:
            return self._may_be_upcoming(page)
        return 0 < outside == len(page.rows)

    def _may_be_upcoming(self, page: Page) -> bool:
        return self._fallback is not None and all(self._fallback(row) is not False for row in page.rows)

    def _is_answer_to_nothing(self, page: Page) -> bool:
        """A filter that matches nothing may answer with the upcoming stays (`breezeway-api.md`, Q2)."""
        if not self.outside or not page.rows:
            return False
        if self._fallback is None:
            return not self.rows
        is_told = not self._was_full or self.outside * STRAYS_AMONG >= len(page.rows)
        return is_told and self._may_be_upcoming(page)


def union(passes: list[Pass]) -> tuple[dict[int, Row], set[Any]]:
    """All rows of several readings, last seen wins, and all ids, those outside the window too."""
    rows: dict[int, Row] = {}
    ids: set[Any] = set()
    for reading in passes:
        rows.update(reading.rows)
        ids.update(reading.ids)
    return rows, ids
