"""Pages of a list: their shape, where a list ends, and what proves that all of it was read.

Two families exist, paged objects and bare arrays, and every list may turn out to be either
(`breezeway-api.md`, section 1.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Inside = Callable[[Row], bool | None]


@dataclass(frozen=True)
class Listing:
    """The rows of one list and the verdict on it, which nothing outside this module reaches.

    `rows`: every record with a usable id once, last seen wins; those outside an asked window are left out.
    `whole`: proved or undisputed; only then missing rows may be marked deleted, a cursor may move, a window
    counts as read. `why` tells the evidence against it in words, "" when whole. `proven` is stronger: shown
    whole by totals, by agreeing readings, or by being one bare array. `nameless`: records without a usable id,
    each costs itself alone (a failure), never the list. `doubtful`: rows that could not be judged by their
    window, kept and told. `total` is the API's own count, `pages` the number of pages of the last reading.
    """

    rows: list[Row]
    whole: bool = True
    why: str = ""
    proven: bool = True
    nameless: int = 0
    doubtful: int = 0
    total: int | None = None
    pages: int = 1


@dataclass(frozen=True)
class Page:
    """One answer of a list endpoint, reduced to what the reading needs."""

    rows: list[Row]
    is_bare: bool
    limit: int | None
    total: int | None
    total_pages: int | None

    @classmethod
    def of(cls, body: Any) -> Page:
        """The page in a body that `page_fault` found nothing wrong with."""
        if isinstance(body, list):
            return cls(body, True, None, None, None)
        limit, total = as_int(body.get("limit")), as_int(body.get("total_results"))
        total_pages = as_int(body.get("total_pages"))
        if total_pages is None and total is not None and limit:
            total_pages = -(-total // limit)
        return cls(_rows(body) or [], False, limit or None, total, total_pages)

    def is_last(self, page: int, asked_limit: int) -> bool:
        """Nothing follows page number `page`.

        A bare array holds everything; one of exactly the size asked for may be a page after all.
        """
        if not self.rows:
            return True
        if self.is_bare:
            return len(self.rows) != asked_limit
        if self.total_pages is not None:
            return page >= self.total_pages
        return len(self.rows) < (self.limit or asked_limit)


def page_fault(body: Any) -> str | None:
    """What keeps a body from being a page of a list; None for a proper one."""
    rows = body if isinstance(body, list) else _rows(body)
    if rows is None:
        return "without a list"
    if not all(isinstance(row, dict) for row in rows):
        return "with a list of something else than records"
    return None


def record_fault(body: Any) -> str | None:
    """What keeps a body from being one record with an id; None for a proper one."""
    return None if isinstance(body, dict) and body.get("id") is not None else "without a record"


def _rows(body: Any) -> list[Any] | None:
    if isinstance(body, dict):
        for key in ("results", "data"):
            if isinstance(body.get(key), list):
                return list(body[key])
    return None


class Reader:
    """Collects the pages of one reading of one list, from its first page on."""

    def __init__(self, asked_limit: int, inside: Inside | None = None) -> None:
        self._asked_limit = asked_limit
        self._inside = inside
        self._seen: set[Any] = set()
        self._totals: set[int] = set()
        self._first_keys: set[Any] = set()
        self._is_bare = False
        self._cut = False
        self._stray = False
        self.nameless = 0
        self.doubtful = 0
        self.rows: dict[Any, Row] = {}
        self.total: int | None = None
        self.pages = 0

    def add(self, body: Any) -> bool:
        """Takes the next page; true when it was the last one."""
        page = Page.of(body)
        self.pages += 1
        self._is_bare = page.is_bare if self.pages == 1 else self._is_bare and page.is_bare
        if page.total is not None:
            self.total = page.total
            self._totals.add(page.total)
        repeats = self._repeats(page)
        known = len(self._seen)
        if not (repeats and self._is_bare):
            self._take(page)
        last = page.is_last(self.pages, self._asked_limit)
        if self._stray and not last:
            self._cut = True
            return True
        # A page past the end may answer the first one again; one without a new row leads nowhere either.
        return last or repeats or (page.total_pages is None and len(self._seen) == known)

    @property
    def proven(self) -> bool | None:
        """True when shown to be whole, False when it changed while it was read, None without evidence."""
        if self._is_bare:
            return True
        if self._cut:
            # Only strays, from the first page on: that is how the API says that nothing matched
            # (`breezeway-api.md`, Q2). Between proper rows they say nothing about what follows.
            return True if not self.rows else None
        if not self._totals:
            return None
        return self._totals == {len(self._seen) + self.nameless}

    @property
    def is_worth_repeating(self) -> bool:
        """The list changed while it was read; another reading may find it at rest."""
        return self.proven is False

    def _repeats(self, page: Page) -> bool:
        if not page.rows:
            return False
        first = _key(page.rows[0])
        if first is None:
            return False
        if first in self._first_keys:
            return True
        self._first_keys.add(first)
        return False

    def _take(self, page: Page) -> None:
        for row in page.rows:
            key = _key(row)
            if key is None:
                self.nameless += 1
                continue
            self._seen.add(key)
            verdict = self._inside(row) if self._inside else True
            self.doubtful += verdict is None
            if verdict is False:
                self._stray = True
                self.rows.pop(key, None)
            else:
                self.rows[key] = row  # last seen wins


def _key(row: Row) -> Any:
    """The row's id, as a number where it is one: the API mixes 7 and "7" (`breezeway-api.md`, Q13, Q14)."""
    value = row.get("id")
    if value is None or value == "":
        return None
    number = as_int(value)
    return number if number is not None else str(value)


def as_int(value: Any) -> int | None:
    """A whole number in any of its JSON spellings; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return int(value)
    except ValueError:
        return None
