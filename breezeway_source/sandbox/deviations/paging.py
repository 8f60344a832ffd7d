"""Pages, totals, order and filters that are not as documented (`breezeway-api.md`, sections 1.6, 4.1, 5.1, 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from ..answers import Answer
from .deviation import Kind, Moment, Query

DATE_FILTERS = ("checkin_date", "checkout_date", "created_at", "updated_at", "scheduled_date", "finished_at")


def totals_off() -> Kind:
    """No page says how many there are."""
    return Kind(body=_changed(lambda page, moment: _without(page, "total_pages", "total_results")))


def totals_wrong(*, by: int = 1) -> Kind:
    """Every page says the same wrong number of rows."""
    return _total(lambda page, moment: page["total_results"] + by)


def totals_changing() -> Kind:
    """The number of rows differs from page to page, on the first one from the truth."""
    return _total(lambda page, moment: page["total_results"] + page["page"] % 2)


def totals_spelled(*, form: str = "text") -> Kind:
    """`total_results` alone, as text or null; or `total_pages` alone."""

    def spelled(page: dict[str, Any], moment: Moment) -> dict[str, Any]:
        if "total_results" not in page:
            return page
        text = {**page, "total_pages": str(page["total_pages"]), "total_results": str(page["total_results"])}
        return {
            "text": text,
            "null": {**page, "total_pages": None, "total_results": None},
            "results_only": _without(page, "total_pages"),
            "pages_only": _without(page, "total_results"),
        }[form]

    return Kind(body=_changed(spelled))


def page_echo(*, says: str = "asked", page: int = 1) -> Kind:
    """Every later page answers this one again, and says so (`given`) or says it is the one asked for (`asked`)."""

    def ask(query: Query, moment: Moment) -> Query:
        return {**query, "page": [str(page)]} if moment.page > page else query

    return Kind(
        ask=ask,
        body=_changed(lambda body, moment: {**body, "page": moment.page}) if says == "asked" else None,
    )


def last_page_repeated() -> Kind:
    """A page past the end answers the last one again."""

    def ask(query: Query, moment: Moment) -> Query:
        return {**query, "_past_end": ["last"]}

    return Kind(ask=ask)


def past_end(*, form: str = "404") -> Kind:
    """A page past the end answers an error status, or the first page (`first`)."""
    return Kind(ask=lambda query, moment: {**query, "_past_end": [form]})


def pages_from_zero(*, says: str = "given") -> Kind:
    """Page 1 is the second one."""
    return Kind(
        ask=lambda query, moment: {**query, "page": [str(moment.page + 1)]},
        body=_changed(lambda body, moment: {**body, "page": moment.page}) if says == "asked" else None,
    )


def limit_clamped(*, to: int = 2, says: str = "given") -> Kind:
    """Fewer rows a page than asked for; the page says so (`given`), not (`asked`), or nothing of it (`nothing`)."""

    def ask(query: Query, moment: Moment) -> Query:
        return {**query, "limit": [str(min(to, moment.limit))]}

    def told(page: dict[str, Any], moment: Moment) -> dict[str, Any]:
        return {
            "given": page,
            "asked": {**page, "limit": moment.limit},
            "nothing": _without(page, "limit", "page"),
        }[says]

    return Kind(ask=ask, body=_changed(told))


def limit_echoed_wrong(*, limit: Any = 7) -> Kind:
    """The right page says another limit."""
    return Kind(body=_changed(lambda page, moment: {**page, "limit": limit}))


def page_numbered_wrong(*, by: int = 1) -> Kind:
    """The right page says another number."""
    return Kind(body=_changed(lambda page, moment: {**page, "page": moment.page + by}))


def ties_shuffled(*, all_tied: bool = True) -> Kind:
    """Rows of one `created_at` (by default: all) come in another order at every request."""

    def ask(query: Query, moment: Moment) -> Query:
        return {**query, "_shuffle": [f"{'all' if all_tied else 'ties'}-{moment.number}"]}

    return Kind(ask=ask)


def sort_ignored() -> Kind:
    """Newest first, whatever was asked for."""
    return Kind(ask=lambda query, moment: _without(query, "sort_order", "sort_by"))


def filters_ignored(*, names: Sequence[str] = ()) -> Kind:
    """Filters by date (or those named) change nothing."""

    def ask(query: Query, moment: Moment) -> Query:
        stays = moment.endpoint.startswith("/reservation")
        kept = {
            name: values
            for name, values in query.items()
            if not (name in names if names else name.startswith(DATE_FILTERS))
        }
        # Without any filter stays have their default; "ignored" is to mean all of them.
        return {**kept, "checkout_date_ge": ["0001-01-01"]} if stays and not names else kept

    return Kind(ask=ask)


def taken_as(**values: object) -> Kind:
    """These values count, whatever is asked: as behind a cache that knows one question (`home_id=2001`)."""
    return Kind(ask=lambda query, moment: {**query, **{name: [str(one)] for name, one in values.items()}})


def filters_shifted(*, first: int = 1, last: int = -1) -> Kind:
    """Windows begin and end days later than asked: by default neither bound is included."""

    def ask(query: Query, moment: Moment) -> Query:
        return {name: _shifted(name, values, first, last) for name, values in query.items()}

    return Kind(ask=ask)


def _shifted(name: str, values: list[str], first: int, last: int) -> list[str]:
    if not name.startswith(DATE_FILTERS):
        return values
    if name.endswith(("_ge", "_gt")):
        return [_moved(value, first) for value in values]
    if name.endswith(("_le", "_lt")):
        return [_moved(value, last) for value in values]
    low, high = values[0].split(",")
    return [f"{_moved(low, first)},{_moved(high, last)}"]


def _moved(text: str, days: int) -> str:
    return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat() + text[10:]


def upcoming_instead() -> Kind:
    """Every filter on stays is taken for one that matches nothing: the upcoming stays come (Q2)."""
    return Kind(
        ask=lambda query, moment: {n: v for n, v in query.items() if n in ("limit", "page", "sort_order")}
    )


def catalogue_empty() -> Kind:
    """No row, in the list's own form."""

    def body(told: Any, moment: Moment) -> Any:
        if isinstance(told, list):
            return []
        totals = {name: 0 for name in ("total_pages", "total_results") if name in told}
        return {**told, **totals, "results": []}

    return Kind(body=body)


def page_lost(*, page: int = 2) -> Kind:
    """One page holds no rows, the ones around it do."""
    return Kind(body=_changed(lambda body, moment: {**body, "results": []} if moment.page == page else body))


def rows_missing(*, count: int = 1) -> Kind:
    """Each page lacks its last rows."""
    return Kind(body=_changed(lambda page, moment: {**page, "results": page["results"][:-count]}))


def row_doubled() -> Kind:
    """One row is twice on its page, instead of the one behind it."""

    def body(page: dict[str, Any], moment: Moment) -> dict[str, Any]:
        rows = page["results"]
        return {**page, "results": [rows[0], rows[0], *rows[2:]]} if len(rows) > 1 else page

    return Kind(body=_changed(body))


def meanwhile(*, happens: Callable[[], object]) -> Kind:
    """Something happens at the source when such an answer is ready: the next one shows it."""

    def answer(told: Answer, moment: Moment) -> Answer:
        happens()
        return told

    return Kind(answer=answer)


def _changed(change: Callable[[dict[str, Any], Moment], dict[str, Any]]) -> Callable[[Any, Moment], Any]:
    """A change of paged answers; bare arrays and records stay."""
    return lambda body, moment: (
        change(body, moment) if isinstance(body, dict) and isinstance(body.get("results"), list) else body
    )


def _total(count: Callable[[dict[str, Any], Moment], int]) -> Kind:
    def told(page: dict[str, Any], moment: Moment) -> dict[str, Any]:
        if "total_results" not in page:
            return page
        total = max(0, count(page, moment))
        return {**page, "total_pages": -(-total // int(page["limit"])), "total_results": total}

    return Kind(body=_changed(told))


def _without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


PAGING_KINDS: dict[str, Callable[..., Kind]] = {
    make.__name__: make
    for make in (
        totals_off,
        totals_wrong,
        totals_changing,
        totals_spelled,
        page_echo,
        last_page_repeated,
        past_end,
        pages_from_zero,
        limit_clamped,
        limit_echoed_wrong,
        page_numbered_wrong,
        ties_shuffled,
        sort_ignored,
        filters_ignored,
        taken_as,
        filters_shifted,
        upcoming_instead,
        catalogue_empty,
        page_lost,
        rows_missing,
        row_doubled,
        meanwhile,
    )
}
