"""Records that are not as documented: without an id, with absurd values, unknown keys, dates in other spellings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from ..answers import raw
from .deviation import Kind, Moment

Record = dict[str, Any]

DAYS: dict[str, Callable[[date], Any]] = {
    "short": lambda day: f"{day.year}-{day.month}-{day.day}",
    "instant": lambda day: f"{day.isoformat()}T00:00:00",
    "zoned": lambda day: f"{day.isoformat()}T00:00:00+00:00",
    "slashes": lambda day: f"{day.month:02d}/{day.day:02d}/{day.year}",
    "year_slashes": lambda day: f"{day.year}/{day.month:02d}/{day.day:02d}",
    "words": lambda day: f"{day.day} {day:%b} {day.year}",
    "garbage": lambda day: "soon",
    "null": lambda day: None,
}
"""A day in spellings nobody documented."""

ABSURD: dict[str, Any] = {
    "huge": raw("huge"),
    "long_int": raw("long_int"),
    "deep": raw("deep"),
    "nul": raw("nul"),
    "surrogate": raw("surrogate"),
    "nan": raw("nan"),
    "infinity": raw("infinity"),
    "year_9999": "9999-12-31T23:59:59+00:00",
    "year_0001": "0001-01-01T00:00:00",
    "object": {"value": 1},
    "list": [1, 2],
    "true": True,
    "text": "x" * 100_000,
}

NO_ID = object()
NAMELESS: dict[str, Any] = {
    "missing": NO_ID,
    "null": None,
    "empty": "",
    "word": "abc",
    "zero": 0,
    "object": {},
    "true": True,
}
"""What is no id."""

AMOUNTS = ("(12.00)", "CA$ 12.00", "12.00 USD", "1,200.50", "12,50 €", "twelve")


def of_rows(change: Callable[[Record, Moment], Record], *, only: int | None = None) -> Kind:
    """A change of each record of a list, or of the `only`th of every answer; of a record asked for by its id."""

    def rows(given: list[Any], moment: Moment) -> list[Any]:
        return [
            change(row, moment) if isinstance(row, dict) and only in (None, number) else row
            for number, row in enumerate(given)
        ]

    def body(told: Any, moment: Moment) -> Any:
        if isinstance(told, list):
            return rows(told, moment)
        if isinstance(told, dict) and isinstance(told.get("results"), list):
            return {**told, "results": rows(told["results"], moment)}
        return change(told, moment) if isinstance(told, dict) and "id" in told else told

    return Kind(body=body)


def fields(*, only: int | None = None, **values: Any) -> Kind:
    """These fields have these values; what `ABSURD` names stands for its value."""
    return of_rows(lambda row, moment: {**row, **values}, only=only)


def absurd(*, field: str, form: str, only: int | None = 0) -> Kind:
    """One record of every answer holds something absurd (ABSURD) in this field."""
    return of_rows(lambda row, moment: {**row, field: ABSURD[form]}, only=only)


def nameless(*, form: str = "null", only: int = 0) -> Kind:
    """One record of every answer has no usable id (NAMELESS)."""

    def change(row: Record, moment: Moment) -> Record:
        bare = {key: value for key, value in row.items() if key != "id"}
        return bare if NAMELESS[form] is NO_ID else {**bare, "id": NAMELESS[form]}

    return of_rows(change, only=only)


def stranger(*, form: str = "null") -> Kind:
    """One record more on every answer: a copy of its first without a usable id."""

    def body(told: Any, moment: Moment) -> Any:
        rows = told if isinstance(told, list) else told.get("results")
        if not rows:
            return told
        more = {key: value for key, value in rows[0].items() if key != "id"}
        more |= {} if NAMELESS[form] is NO_ID else {"id": NAMELESS[form]}
        return [*rows, more] if isinstance(told, list) else {**told, "results": [*rows, more]}

    return Kind(body=body)


def dates(
    *,
    form: str = "short",
    names: tuple[str, ...] = ("checkin_date", "checkout_date"),
    only: int | None = None,
) -> Kind:
    """Days in another spelling (DAYS)."""

    def change(row: Record, moment: Moment) -> Record:
        spelled = {name: DAYS[form](date.fromisoformat(row[name][:10])) for name in names if row.get(name)}
        return {**row, **spelled}

    return of_rows(change, only=only)


def outside_window(*, days: int = 400, only: int = 1) -> Kind:
    """One stay of every page leaves long before the window that was asked for."""

    def change(row: Record, moment: Moment) -> Record:
        out = date.fromisoformat(row["checkout_date"]) - timedelta(days=days)
        return {**row, "id": row["id"] + 900_000_000, "checkout_date": out.isoformat()}

    def body(told: Any, moment: Moment) -> Any:
        rows = told.get("results") if isinstance(told, dict) else None
        if not rows or "checkout_date" not in rows[0]:
            return told
        place = min(only, len(rows))
        return {**told, "results": [*rows[:place], change(rows[place - 1], moment), *rows[place:]]}

    return Kind(body=body)


def more_keys(*, form: str = "colliding", count: int = 1700) -> Kind:
    """Keys nobody documented: two that differ in case, two without Latin letters, very many, odd ones."""
    keys: dict[str, Record] = {
        "colliding": {"Shade": "upper", "shade": "lower"},
        "non_latin": {"颜色": "red", "大小": "big"},
        "many": {f"field_{number}": number for number in range(count)},
        "odd": {
            "": "nameless",
            " ": "blank",
            "a.b": 1,
            "select": 2,
            "x" * 200: 3,
            "_dlt_id": "taken",
            "region_code": "x",
        },
    }
    return of_rows(lambda row, moment: {**row, **keys[form]})


def money_unsaid(*, form: str = "null") -> Kind:
    """Lists of tasks without costs and supplies: null, absent or empty."""

    def change(row: Record, moment: Moment) -> Record:
        if form == "absent":
            return {key: value for key, value in row.items() if key not in ("costs", "supplies")}
        return {**row, "costs": None if form == "null" else [], "supplies": None if form == "null" else []}

    return of_rows(change)


def amounts(*, text: str = "(12.00)") -> Kind:
    """The amount of every cost line is this text."""
    return of_rows(
        lambda row, moment: {**row, "costs": [{**line, "cost": text} for line in row.get("costs") or []]}
    )


def external_links() -> Kind:
    """A task's link names the stay by its external id alone."""

    def change(row: Record, moment: Moment) -> Record:
        link = row.get("linked_reservation") or {}
        if not link.get("external_reservation_id"):
            return row
        return {**row, "linked_reservation": {"external_reservation_id": link["external_reservation_id"]}}

    return of_rows(change)


def said_deleted(*, only: int | None = 0) -> Kind:
    """Records listed as deleted, by their own word."""
    return of_rows(lambda row, moment: {**row, "status": "deleted"}, only=only)


ROW_KINDS: dict[str, Callable[..., Kind]] = {
    make.__name__: make
    for make in (
        fields,
        absurd,
        nameless,
        stranger,
        dates,
        outside_window,
        more_keys,
        money_unsaid,
        amounts,
        external_links,
        said_deleted,
    )
}
