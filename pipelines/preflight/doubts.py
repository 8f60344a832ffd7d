"""What the API's pages leave open, looked at on this account (design, section 6, "Doubts").

Each doubt is one line: it holds, it does not (and what that means for the rows), or it was not seen. None is an error:
reading allows for every answer, and a run tells by itself when a list was not whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from breezeway_source.api.pages import Row
from breezeway_source.errors import ApiError
from breezeway_source.rows.fields import record_id
from pipelines.preflight.asking import Asked, Asking, NoMoreQuestions

HOLDS, FAILS, UNSEEN = "holds", "does not hold", "not seen"
PAGED = ("/property", "/task", "/reservation", "/people", "/supplies")
LONG_AGO = ("2001-01-01", "2001-01-02")
OLDEST_FIRST = {"sort_by": "created_at", "sort_order": "asc"}
# As breezeway-api.md lists them; others are loaded as they come.
TASK_STATUSES = frozenset(
    "created drafted pending_approval request_rejected request_approved in_progress finished closed approved "
    "deleted".split()
)
PROPERTY_STATUSES = frozenset(("active", "inactive", "deleted", "pending_delete"))
STAY_STATUSES = frozenset(("active", "cancelled", "canceled", "deleted"))
FINISHED = frozenset(("finished", "closed", "approved"))
CONTACT_KEYS = frozenset(("id", "type", "contact_type", "name", "email", "emails", "phone", "phones"))


@dataclass(frozen=True)
class Doubt:
    """One question about the API and what this account answers; `text` says what it means for the rows."""

    state: str
    text: str


def look(asking: Asking, day: str) -> Iterator[Doubt]:
    """All doubts, with the pages asked so far and a few questions more; `day` is today."""
    for question in (_order, _filters, _money, _prices, _statuses, _contacts, _totals):
        try:
            yield from question(asking, day)
        except NoMoreQuestions:
            yield Doubt(UNSEEN, f"{_NAMES[question]}: the questions of a check are used up")
        except ApiError as e:
            yield Doubt(UNSEEN, f"{_NAMES[question]}: {e}")


def _totals(asking: Asking, day: str) -> Iterator[Doubt]:
    for path in ("/people", "/supplies", "/reservation"):
        if not asking.of(path):
            asking.page(path, limit=2, page=1)
    seen = [path for path in PAGED if asking.of(path)]
    without = [path for path in seen if all(asked.page.total is None for asked in asking.of(path))]
    given = ", ".join(path for path in seen if path not in without) or "none"
    if without:
        means = "of these, several pages count as whole only when two readings agree"
        yield Doubt(FAILS, f"totals on each list: given on {given}; not on {', '.join(without)}: {means}")
    else:
        yield Doubt(HOLDS, f"totals on each list: given on {given}")


def _order(asking: Asking, day: str) -> Iterator[Doubt]:
    faults, looked = [], False
    for path, params in _lists_to_page(asking):
        first = asking.page(path, limit=2, page=1, **OLDEST_FIRST, **params)
        second = asking.page(path, limit=2, page=2, **OLDEST_FIRST, **params)
        looked = looked or bool(second.page.rows)
        faults += [f"{path.rstrip('/')} {fault}" for fault in _paging_faults(first, second)]
    if faults:
        means = (
            "such a list counts as not whole where it matters: its rows are loaded, nothing is marked deleted"
        )
        yield Doubt(FAILS, f"order and pages: {'; '.join(faults)}; {means}")
    elif looked:
        yield Doubt(HOLDS, "order and pages: a second page follows the first, oldest rows first")
    else:
        yield Doubt(UNSEEN, "order and pages: no list has a second page")


def _lists_to_page(asking: Asking) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "/property", {}
    home = _busiest_home(asking)
    if home is not None:
        yield "/task/", {"home_id": home}


def _busiest_home(asking: Asking) -> Any:
    """The property with the most tasks on the pages seen."""
    pages = [asked for asked in asking.of("/task") if asked.page.rows and "updated_at" not in asked.params]
    best = max(pages, key=lambda asked: asked.page.total or len(asked.page.rows), default=None)
    return best.params["home_id"] if best else None


def _paging_faults(first: Asked, second: Asked) -> Iterator[str]:
    if second.echo("page") not in (None, 2):
        yield f"answers page {second.echo('page')} for page 2"
    if first.echo("limit") not in (None, 2):
        yield f"answers limit {first.echo('limit')} for 2"
    if first.page.is_bare and len(first.page.rows) > 2:
        return  # all at once: no pages
    if len(first.page.rows) > 2:
        yield f"gives {len(first.page.rows)} rows where 2 were asked for"
    shared = {record_id(row) for row in first.page.rows} & {record_id(row) for row in second.page.rows}
    if shared - {None}:
        yield "gives rows of page 1 on page 2 again"
    made = [
        str(row["created_at"])
        for asked in (first, second)
        for row in asked.page.rows
        if row.get("created_at")
    ]
    if made != sorted(made):
        yield "is not in the order asked for (created_at)"


def _filters(asking: Asking, day: str) -> Iterator[Doubt]:
    faults = []
    home = _busiest_home(asking)
    if home is not None:
        old = asking.page("/task/", home_id=home, updated_at=",".join(LONG_AGO), limit=2, page=1)
        if old.page.rows:
            faults.append("tasks changed in 2001 are given (updated_at): every run reads all tasks")
        if any(row.get("home_id") not in (None, home) for row in old.page.rows + _tasks(asking, home)):
            faults.append("tasks of other properties are given (home_id)")
    if _stays_of_other_days(asking, day):
        faults.append("stays of other days are given (checkout_date): they are left out by their own day")
    people = asking.page("/people", status="inactive")
    if any(str(row.get("status", "inactive")).lower() != "inactive" for row in people.page.rows):
        faults.append("people of other statuses are given (status)")
    if faults:
        yield Doubt(FAILS, f"filters change the answer: {'; '.join(faults)}")
    else:
        yield Doubt(HOLDS, "filters change the answer: tasks by change, stays by check-out, people by status")


def _stays_of_other_days(asking: Asking, day: str) -> bool:
    """Whether an asked window holds stays of other days beside its own. A window without any may be answered with
    the upcoming stays: that is documented (breezeway-api.md, Q2)."""
    if not any("checkout_date_ge" in asked.params for asked in asking.of("/reservation")):
        asking.page(
            "/reservation", checkout_date_ge=f"{int(day[:4]) - 1}{day[4:7]}-01", checkout_date_le=day, page=1
        )
    for asked in asking.of("/reservation"):
        first, last = asked.params.get("checkout_date_ge"), asked.params.get("checkout_date_le")
        if first and last:
            inside = {first <= str(row.get("checkout_date"))[:10] <= last for row in asked.page.rows}
            if len(inside) == 2:
                return True
    return False


def _tasks(asking: Asking, home: Any = None) -> list[Row]:
    pages = [asked for asked in asking.of("/task") if home in (None, asked.params.get("home_id"))]
    return [row for asked in pages for row in asked.page.rows]


def _money(asking: Asking, day: str) -> Iterator[Doubt]:
    home = _busiest_home(asking)
    if home is not None and not any(_code(task) in FINISHED for task in _tasks(asking)):
        asking.page("/task/", home_id=home, limit=100, page=1)
    finished = [task for task in _tasks(asking) if _code(task) in FINISHED and record_id(task) is not None]
    listed = max(finished, key=lambda task: sum(len(task.get(name) or ()) for name in _LINES), default=None)
    if listed is None:
        yield Doubt(UNSEEN, "money in list rows: no finished task among the rows looked at")
        return
    task_id = record_id(listed)
    detail = asking.record(f"/task/{task_id}", "/task/{id}")
    if detail is None:
        yield Doubt(UNSEEN, f"money in list rows: task {task_id} has no detail")
        return
    asking.pages.append(Asked("/task", {"home_id": home}, [detail]))
    short = [name for name in _LINES if len(detail.get(name) or ()) > len(listed.get(name) or ())]
    if short:
        yield Doubt(
            FAILS,
            f"money in list rows: the list gives fewer {' and '.join(short)} than the detail of task {task_id}: the "
            "details of such tasks are read, at most details_per_run a run, and how many are left is told",
        )
    elif any(name in listed for name in _LINES):
        yield Doubt(HOLDS, f"money in list rows: task {task_id} has the costs and supplies of its detail")
    else:
        yield Doubt(UNSEEN, f"money in list rows: neither list nor detail of task {task_id} has any")


_LINES = ("costs", "supplies")


def _prices(asking: Asking, day: str) -> Iterator[Doubt]:
    lines = [line for task in _tasks(asking) for line in task.get("supplies") or () if isinstance(line, dict)]
    judged = [verdict for line in lines if (verdict := _is_of_the_line(line)) is not None]
    if not judged:
        yield Doubt(UNSEEN, "total_price of a supply: no line with a quantity above 1 and prices")
    elif all(judged):
        yield Doubt(HOLDS, f"total_price of a supply is the line's: {len(judged)} lines looked at")
    else:
        yield Doubt(
            FAILS,
            f"total_price of a supply is one unit's in {judged.count(False)} of {len(judged)} lines: it is loaded as "
            "given, see the check supply_prices_are_of_the_line",
        )


def _is_of_the_line(line: Row) -> bool | None:
    """Whether total_price is quantity times unit_cost, or more with a markup; None where it cannot be told."""
    try:
        quantity, unit, total = (
            Decimal(str(line[name])) for name in ("quantity", "unit_cost", "total_price")
        )
    except (KeyError, ArithmeticError):
        return None
    return None if quantity <= 1 or unit <= 0 or total <= 0 else total != unit


def _statuses(asking: Asking, day: str) -> Iterator[Doubt]:
    kinds: tuple[tuple[str, Iterable[Any], frozenset[str]], ...] = (
        ("tasks", (_code(task) for task in _tasks(asking)), TASK_STATUSES),
        (
            "properties",
            (_status(row) for a in asking.of("/property") for row in a.page.rows),
            PROPERTY_STATUSES,
        ),
        ("stays", (_status(row) for a in asking.of("/reservation") for row in a.page.rows), STAY_STATUSES),
    )
    seen = {kind: {str(code).lower() for code in codes if code} for kind, codes, _ in kinds}
    new = [
        f"{kind} {', '.join(sorted(seen[kind] - known))}" for kind, _, known in kinds if seen[kind] - known
    ]
    if new:
        yield Doubt(
            FAILS, f"statuses are the known ones: new are {'; '.join(new)}: loaded as given, live rows"
        )
    elif any(seen.values()):
        told = "; ".join(f"{kind} {', '.join(sorted(codes))}" for kind, codes in seen.items() if codes)
        yield Doubt(HOLDS, f"statuses are the known ones: {told}")
    else:
        yield Doubt(UNSEEN, "statuses: no row looked at has one")


def _code(task: Row) -> str | None:
    status = task.get("type_task_status")
    return str(status.get("code")) if isinstance(status, dict) else None


def _status(row: Row) -> Any:
    return row.get("status")


def _contacts(asking: Asking, day: str) -> Iterator[Doubt]:
    ids = [
        i for asked in asking.of("/property") for row in asked.page.rows if (i := record_id(row)) is not None
    ]
    if not ids:
        yield Doubt(UNSEEN, "contacts of a property: no property")
        return
    body = asking.raw(f"/property/{ids[0]}/contacts", "/property/{id}/contacts")
    if isinstance(body, ApiError):
        yield Doubt(
            FAILS, f"contacts of a property are a list: {body}: that entity is left out, the rest is loaded"
        )
        return
    rows = body if isinstance(body, list) else next((v for v in body.values() if isinstance(v, list)), None)
    if rows is None or (
        rows and not all(isinstance(row, dict) and CONTACT_KEYS & row.keys() for row in rows)
    ):
        yield Doubt(
            FAILS, "contacts of a property are a list of records: another shape, told by the run and left out"
        )
    elif not rows:
        yield Doubt(UNSEEN, f"contacts of a property: {ids[0]} has none")
    else:
        keys = ", ".join(sorted({key for row in rows for key in row}))
        yield Doubt(HOLDS, f"contacts of a property are a list of records with {keys}")


Question = Callable[[Asking, str], Iterator[Doubt]]
_NAMES: dict[Question, str] = {
    _totals: "totals on each list",
    _order: "order and pages",
    _filters: "filters change the answer",
    _money: "money in list rows",
    _prices: "total_price of a supply",
    _statuses: "statuses",
    _contacts: "contacts of a property",
}
