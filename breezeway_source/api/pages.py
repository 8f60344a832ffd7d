"""One answer of a list endpoint, reduced to what the reading of the list needs.

Two families exist, paged objects and bare arrays, and every list may turn out to be either
(`breezeway-api.md`, section 1.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .answers import is_nothing

Row = dict[str, Any]
Inside = Callable[[Row], bool | None]
_INT64 = 2**63
PAGE_SIZES_ROWS = (50, 100, 200, 250, 500, 1000)
"""What APIs cut their lists at: a bare array of one of these lengths may be a first page."""
_UNASKED_SIZES_ROWS = (10, 15, 20, 25, 30)
"""And what they give where no limit is asked for; bare arrays, documented to hold everything, often are as long."""


@dataclass(frozen=True)
class Page:
    """`number` and `limit` are what the answer says of itself; `strange` counts entries that are no records."""

    rows: list[Row]
    is_bare: bool = False
    number: int | None = None
    limit: int | None = None
    total: int | None = None
    total_pages: int | None = None
    strange: int = 0

    @classmethod
    def of(cls, body: Any) -> Page:
        """The page in a body that `page_fault` found nothing wrong with."""
        listed = _entries(body) or []
        rows = [entry for entry in listed if isinstance(entry, dict)]
        strange = sum(entry is not None for entry in listed) - len(rows)
        if not isinstance(body, dict):
            return cls(rows, is_bare=True, strange=strange)
        return cls(
            rows,
            number=as_int(body.get("page")),
            limit=as_int(body.get("limit")) or None,
            total=as_int(body.get("total_results")),
            total_pages=as_int(body.get("total_pages")),
            strange=strange,
        )

    @property
    def may_be_cut(self) -> bool:
        """Whether it is as long as a page may be, and says neither how many rows nor how many a page there are."""
        sizes = PAGE_SIZES_ROWS if self.is_bare else (*_UNASKED_SIZES_ROWS, *PAGE_SIZES_ROWS)
        says_more = (self.total, self.total_pages, self.limit) != (None, None, None)
        return not says_more and len(self.rows) + self.strange in sizes

    def is_full(self, asked_limit: int) -> bool:
        """As many rows as a page was to have: then more may follow."""
        return len(self.rows) + self.strange >= min(asked_limit, self.limit or asked_limit)

    def pages(self, asked_limit: int) -> int | None:
        """How many pages the answer says there are; None where it says nothing."""
        said = [self.total_pages] if self.total_pages is not None else []
        if self.total is not None:
            said.append(-(-self.total // (self.limit or asked_limit)))
        return max(said) if said else None


def page_fault(body: Any) -> str | None:
    """What keeps a body from being a page of a list; None for a proper one."""
    listed = _entries(body)
    if listed is None:
        return "without a list"
    if any(entry is not None for entry in listed) and not any(isinstance(entry, dict) for entry in listed):
        return "with a list of something else than records"
    return None


def record_fault(asked: str, body: Any) -> str | None:
    """What keeps a body from being the record with the id that was asked for; None for that one."""
    if not isinstance(body, dict) or body.get("id") is None:
        return "without a record"
    return None if str(as_int(body["id"])) == asked else "with another record than the one asked for"


def _entries(body: Any) -> list[Any] | None:
    if isinstance(body, list):
        return body
    if isinstance(body, dict):
        for key in ("results", "data", "contacts"):
            if isinstance(body.get(key), list):
                return list(body[key])
        if as_int(body.get("total_results")) == 0 and is_nothing(body.get("results")):
            return []
    return None


def key_of(row: Row) -> int | None:
    """The row's id as a number of 64 bits: the API mixes 7 and "7" (`breezeway-api.md`, Q13, Q14). 0 is none."""
    value = as_int(row.get("id"))
    return value if value and -_INT64 <= value < _INT64 else None


def as_int(value: Any) -> int | None:
    """A whole number in any of its JSON spellings; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        whole = int(value) if not isinstance(value, Decimal) or value.adjusted() < 20 else None
    except (ValueError, ArithmeticError):
        return None
    return whole if whole is None or not isinstance(value, Decimal) or whole == value else None
