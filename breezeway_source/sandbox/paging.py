"""Pages, day windows and date filters (`breezeway-api.md`, 1.6, 4.1, 5.1)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime

from .answers import Answer, Ask, Refusal, json_answer, unprocessable
from .stamps import day_of, parse
from .stores import BEGINNING, Row, created, public

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 500


def page_of(ask: Ask) -> tuple[int, int]:
    """(limit, page) of a request; a limit above 500 is taken as 500. Raises a 422."""
    return min(_whole(ask, "limit", DEFAULT_LIMIT), LARGEST_LIMIT), _whole(ask, "page", 1)


def in_order(ask: Ask, rows: Sequence[Row]) -> list[Row]:
    """By creation, newest first unless `sort_order=asc`. Raises a 422.

    A deviation may ask for `_shuffle`: rows of one `created_at`, or all, in an order of their own.
    """
    by, order = ask.first("sort_by") or "created_at", ask.first("sort_order") or "desc"
    if by != "created_at":
        raise unprocessable("sort_by: only created_at is supported.")
    if order not in ("asc", "desc"):
        raise unprocessable("sort_order must be asc or desc.")
    shuffle = ask.first("_shuffle")
    if shuffle:
        dice = random.Random(shuffle)
        dice.shuffle(mixed := sorted(rows, key=created))
        if shuffle.startswith("all"):
            return mixed
        return sorted(mixed, key=lambda row: created(row)[0], reverse=order == "desc")
    return sorted(rows, key=created, reverse=order == "desc")


def paged(ask: Ask, rows: Sequence[Row], *, totals: bool, serve: Callable[[Row], Row] = public) -> Answer:
    """One page of ordered rows; past the end an empty one, or what a deviation asks for as `_past_end`."""
    limit, page = page_of(ask)
    body: Row = {"limit": limit, "page": page}
    pages = -(-len(rows) // limit)
    manner = ask.first("_past_end")
    if manner and page > max(pages, 1):
        if manner.isdigit():
            raise Refusal(int(manner), f"Error {manner}", "There is no such page.")
        page = {"first": 1, "last": max(pages, 1)}[manner]
    if totals:
        body |= {"total_pages": pages, "total_results": len(rows)}
    body["results"] = [serve(row) for row in rows[(page - 1) * limit : page * limit]]
    return json_answer(body)


def bare(rows: Sequence[Row], serve: Callable[[Row], Row] = public) -> Answer:
    """Everything at once, as an array."""
    return json_answer([serve(row) for row in rows])


def day_window(ask: Ask, name: str) -> tuple[date, date] | None:
    """`from,to`, both days included; None when not asked. Raises a 422."""
    text = ask.first(name)
    if not text:
        return None
    try:
        first, last = (date.fromisoformat(part.strip()) for part in text.split(","))
    except ValueError:
        raise unprocessable(f"{name} must be two dates, from,to.") from None
    return first, last


def within(row: Row, name: str, window: tuple[date, date]) -> bool:
    """Whether a field's UTC day is in the window; an empty field is not."""
    day = day_of(row.get(name))
    return day is not None and window[0] <= day <= window[1]


COMPARE: dict[str, Callable[[object, object], bool]] = {
    "lt": lambda a, b: a < b,  # type: ignore[operator]
    "le": lambda a, b: a <= b,  # type: ignore[operator]
    "gt": lambda a, b: a > b,  # type: ignore[operator]
    "ge": lambda a, b: a >= b,  # type: ignore[operator]
}


def date_test(name: str, suffix: str, text: str) -> Callable[[Row], bool]:
    """The test of one stay filter, such as `checkout_date_ge=2031-03-01`. Raises a 422.

    A plain date compares whole (UTC) days; a date-time, on the hidden stamps only, compares instants.
    """
    compare = COMPARE[suffix]
    try:
        bound: date | datetime = date.fromisoformat(text) if len(text) <= 10 else parse(text)
    except ValueError:
        raise unprocessable(f"{name}_{suffix}: {text!r} is not a date.") from None
    if name in ("checkin_date", "checkout_date"):
        day = bound.date() if isinstance(bound, datetime) else bound
        limit = day.isoformat()
        return lambda row: compare(row[name], limit)
    if isinstance(bound, datetime):
        return lambda row: compare(row.get("_" + name, BEGINNING), bound)
    return lambda row: compare(row.get("_" + name, BEGINNING).date(), bound)


def _whole(ask: Ask, name: str, default: int) -> int:
    text = ask.first(name)
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise unprocessable(f"{name} must be a whole number from 1.")
    return int(text)
