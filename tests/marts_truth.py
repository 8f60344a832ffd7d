"""What the marts must hold, reckoned in plain Python from the sandbox's own objects, one task and stay at a time.

Never from SQL, and never from what SQL made: of the database only which tasks and stays live, and why a link is not
set, are taken (other tests compare those with the source). `compare` names every cell that differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import api_truth
from loading import Loader

from breezeway_source.columns.marts import MARTS
from breezeway_source.sandbox.world import World


class Reader(Protocol):
    """Who reads the tables."""

    def query(self, sql: str, *args: Any) -> list[tuple[Any, ...]]: ...


Row = dict[str, Any]
Key = tuple[Any, ...]
CENT = Decimal("0.01")
LABOR = {"labor", "skilled_labor", "non_skilled_labor"}
NO_TURN = {"hold", "block", "maintenance", "lockoff"}


def cents(value: Decimal | None) -> Decimal | None:
    """Rounded to cents, halves away from zero."""
    return None if value is None else value.quantize(CENT, ROUND_HALF_UP)


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def lower(text: str | None) -> str:
    return (text or "").lower()


def month_of(day: date | None) -> date | None:
    return None if day is None else day.replace(day=1)


@dataclass
class Source:
    """The live rows a region's marts are made of: typed values, lines and answers hanging in their task."""

    region: str
    zone: ZoneInfo
    tasks: list[Row] = field(default_factory=list)
    stays: list[Row] = field(default_factory=list)
    properties: dict[int, str | None] = field(default_factory=dict)

    def local(self, instant: datetime | None) -> datetime | None:
        return None if instant is None else instant.astimezone(self.zone).replace(tzinfo=None)

    def day(self, instant: datetime | None) -> date | None:
        local = self.local(instant)
        return None if local is None else local.date()


def marts(source: Source) -> dict[str, dict[Key, Row]]:
    """Every mart that is a table: its rows by key."""
    lines = [line for task in source.tasks for line in _lines(source, task)]
    money = {task["task_id"]: _money(source, task, lines) for task in source.tasks}
    turnovers = _turnovers(source, money)
    made = {
        "mart_task_lines": lines,
        "mart_task_money": list(money.values()),
        "mart_stay_turnovers": turnovers,
        "mart_owner_billing": _billing(lines),
        "mart_payouts": _payouts(source, money),
        "mart_region_months": _months(source, money, turnovers),
    }
    return {name: _keyed(name, source.region, rows) for name, rows in made.items()}


def _keyed(name: str, region: str, rows: list[Row]) -> dict[Key, Row]:
    key = MARTS[name].key
    found = {
        tuple({**row, "region_code": region}[part] for part in key): {**row, "region_code": region}
        for row in rows
    }
    assert len(found) == len(rows), name
    return found


def is_finished(task: Row) -> bool:
    code = lower(task["task_status_code"])
    return code in ("finished", "approved") or (code == "closed" and task["finished_at"] is not None)


def work_day(source: Source, task: Row) -> tuple[date | None, str]:
    for day, basis in (
        (source.day(task["finished_at"]), "finished"),
        (task["scheduled_date"], "scheduled"),
        (source.day(task["created_at"]), "created"),
    ):
        if day is not None:
            return day, basis
    return None, "none"


def _lines(source: Source, task: Row) -> list[Row]:
    day, _ = work_day(source, task)
    common = {
        "task_id": task["task_id"],
        "property_id": task["property_id"],
        "reservation_id": task["reservation_pk"],
        "type_department": task["type_department"],
        "is_finished": is_finished(task),
        "work_day": day,
        "work_month": month_of(day),
    }
    rows = []
    for position, cost in enumerate(task["costs"]):
        if cost["deleted_at"] is None:
            rows.append(
                {
                    **common,
                    "line_kind": "cost",
                    "line_position": position,
                    "line_id": cost["cost_id"],
                    "line_type": lower(cost["type_cost_code"]) or "unset",
                    "supply_id": None,
                    "bill_to": lower(cost["bill_to"]) or "unset",
                    "billable": task["billable"],
                    "quantity": None,
                    "amount": cents(cost["cost"]),
                    "supply_cost": None,
                    "supply_margin": None,
                }
            )
    for position, supply in enumerate(task["supplies"]):
        amount, quantity, unit_cost = cents(supply["total_price"]), supply["quantity"], supply["unit_cost"]
        cost = None
        if (
            quantity is not None
            and unit_cost is not None
            and abs(quantity) < 10**9
            and abs(unit_cost) < 10**12
        ):
            cost = cents(quantity * unit_cost)
        rows.append(
            {
                **common,
                "line_kind": "supply",
                "line_position": position,
                "line_id": supply["supply_usage_id"],
                "line_type": "supply",
                "supply_id": supply["supply_id"],
                "bill_to": lower(supply["bill_to"]) or "unset",
                "billable": supply["billable"],
                "quantity": quantity,
                "amount": amount,
                "supply_cost": cost,
                "supply_margin": None if amount is None or cost is None else amount - cost,
            }
        )
    return rows


def _money(source: Source, task: Row, all_lines: Sequence[Row]) -> Row:
    lines = [line for line in all_lines if line["task_id"] == task["task_id"]]
    costs = [line for line in lines if line["line_kind"] == "cost"]
    supplies = [line for line in lines if line["line_kind"] == "supply"]
    day, basis = work_day(source, task)
    lines_amount, total_cost = total(line["amount"] for line in lines), cents(task["total_cost"])

    def of_type(*types: str) -> Decimal | None:
        return total(line["amount"] for line in costs if line["line_type"] in types)

    def of_payer(payer: str) -> Decimal | None:
        return total(line["amount"] for line in lines if line["bill_to"] == payer)

    return {
        "task_id": task["task_id"],
        **{
            name: task[name]
            for name in (
                "name",
                "property_id",
                "link_status",
                "type_department",
                "task_status_code",
                "total_time_seconds",
                "rate_paid_currency",
            )
        },
        "reservation_id": task["reservation_pk"],
        "is_finished": is_finished(task),
        "work_day": day,
        "work_day_basis": basis,
        "count_cost_lines": len(costs),
        "count_supply_lines": len(supplies),
        "count_lines_without_amount": sum(line["amount"] is None for line in lines),
        "cost_amount": total(line["amount"] for line in costs),
        "labor_amount": of_type(*LABOR),
        "mark_up_amount": of_type("mark_up"),
        "tax_amount": of_type("tax"),
        "other_cost_amount": total(
            line["amount"] for line in costs if line["line_type"] not in {*LABOR, "mark_up", "tax"}
        ),
        "supply_amount": total(line["amount"] for line in supplies),
        "supply_cost": total(line["supply_cost"] for line in supplies),
        "supply_margin": total(line["supply_margin"] for line in supplies),
        "lines_amount": lines_amount,
        "owner_amount": of_payer("owner"),
        "guest_amount": of_payer("guest"),
        "internal_amount": of_payer("internal"),
        "unset_payer_amount": of_payer("unset"),
        "other_payer_amount": total(
            line["amount"] for line in lines if line["bill_to"] not in ("owner", "guest", "internal", "unset")
        ),
        "total_cost": total_cost,
        "total_cost_difference": (
            None if total_cost is None or lines_amount is None else total_cost - lines_amount
        ),
        "task_cost": lines_amount if lines_amount is not None else total_cost,
        "task_cost_basis": (
            "lines" if lines_amount is not None else "total_cost" if total_cost is not None else "none"
        ),
        "rate_paid_amount": cents(task["rate_paid_amount"]),
    }


# --- stays ---------------------------------------------------------------------------------------------


def is_cancelled(stay: Row) -> bool:
    return lower(stay["status"]) in ("cancelled", "canceled")


def is_turn(stay: Row) -> bool:
    return (
        not is_cancelled(stay)
        and lower(stay["type_reservation_code"]) not in NO_TURN
        and stay["checkin_date"] is not None
        and stay["checkout_date"] is not None
        and stay["checkout_date"] > stay["checkin_date"]
        and stay["property_id"] is not None
    )


def _minutes(later: tuple[date, time] | datetime, earlier: datetime) -> int:
    instant = later if isinstance(later, datetime) else datetime.combine(*later)
    return int((instant - earlier) // timedelta(minutes=1))


def _arrival(stay: Row) -> Key:
    """Its place in the order of arrivals: an unknown time comes last on its day, the lowest id first."""
    at = stay["checkin_time"]
    return stay["checkin_date"], at is None, at or time(), stay["reservation_id"]


def _departure(stay: Row) -> Key:
    """Its place in the order of departures: an unknown time comes first on its day."""
    at = stay["checkout_time"]
    return stay["checkout_date"], at is not None, at or time(), stay["reservation_id"]


def _next(stay: Row, stays: Sequence[Row]) -> Row | None:
    arrivals = [
        other
        for other in stays
        if is_turn(other)
        and other["property_id"] == stay["property_id"]
        and other["checkin_date"] >= stay["checkout_date"]
    ]
    return min(arrivals, key=_arrival, default=None)


def _last_departure(turns: Iterable[Row], until: date) -> Row | None:
    return max((turn for turn in turns if turn["checkout_date"] <= until), key=_departure, default=None)


def _cleans(source: Source) -> dict[int, tuple[str, list[Row]]]:
    """The cleans of each turn, with how they were found."""
    turns = [stay for stay in source.stays if is_turn(stay)]
    by_id = {stay["reservation_id"]: stay for stay in source.stays}
    tasks = [
        task
        for task in source.tasks
        if lower(task["type_department"]) == "housekeeping"
        and lower(task["task_status_code"]) != "request_rejected"
    ]
    linked: dict[int, list[Row]] = defaultdict(list)
    for task in tasks:
        stay = by_id.get(task["reservation_pk"])
        if stay is None:
            continue
        day = task["scheduled_date"] or source.day(task["finished_at"])
        turn = None
        if day is None or (stay["checkout_date"] is not None and day >= stay["checkout_date"]):
            turn = stay if is_turn(stay) else None
        elif stay["checkin_date"] is not None and day <= stay["checkin_date"]:
            same = [other for other in turns if other["property_id"] == stay["property_id"]]
            turn = _last_departure(same, stay["checkin_date"])
        if turn is not None:
            linked[turn["reservation_id"]].append(task)
    found = {turn_id: ("link", cleans) for turn_id, cleans in linked.items()}
    waiting = [turn for turn in turns if turn["reservation_id"] not in linked]
    for task in tasks:
        day = task["scheduled_date"] or source.day(task["finished_at"])
        if task["reservation_pk"] is not None or day is None:
            continue
        turn = _last_departure((t for t in waiting if t["property_id"] == task["property_id"]), day)
        if turn is None:
            continue
        following = _next(turn, source.stays)
        if day <= (following["checkin_date"] if following else turn["checkout_date"] + timedelta(days=7)):
            found.setdefault(turn["reservation_id"], ("day", []))[1].append(task)
    return found


def _clean_state(cleans: Sequence[Row]) -> str:
    if not cleans:
        return "none"
    if all(is_finished(task) for task in cleans):
        return "finished"
    if any(
        is_finished(task)
        or task["started_at"] is not None
        or lower(task["task_status_stage"]) == "in_progress"
        for task in cleans
    ):
        return "in_progress"
    return "assigned" if all(is_finished(task) or task["assignments"] for task in cleans) else "unassigned"


def _turnovers(source: Source, money: Mapping[int, Row]) -> list[Row]:
    cleans_of = _cleans(source)
    return [_turnover(source, stay, money, cleans_of) for stay in source.stays]


def _turnover(
    source: Source, stay: Row, money: Mapping[int, Row], cleans_of: Mapping[int, tuple[str, list[Row]]]
) -> Row:
    stay_id, out_day, out_time = stay["reservation_id"], stay["checkout_date"], stay["checkout_time"]
    linked = [row for row in money.values() if row["reservation_id"] == stay_id]
    turn = is_turn(stay)
    following = _next(stay, source.stays) if turn else None
    next_day = following["checkin_date"] if following else None
    next_time = following["checkin_time"] if following else None
    basis, cleans = cleans_of.get(stay_id, ("none", []))
    finishes = [source.local(task["finished_at"]) for task in cleans if is_finished(task)]
    finished = None
    if cleans and len(finishes) == len(cleans) and None not in finishes:
        finished = max(finish for finish in finishes if finish is not None)
    on_time: bool | None = None
    if finished is not None and next_day is not None:
        if finished.date() != next_day:
            on_time = finished.date() < next_day
        elif next_time is not None:
            on_time = finished.time() <= next_time
    nights = None
    if out_day is not None and stay["checkin_date"] is not None and out_day > stay["checkin_date"]:
        nights = (out_day - stay["checkin_date"]).days
    has_window = following is not None and next_time is not None and out_time is not None
    return {
        **{
            name: stay[name]
            for name in (
                "reservation_id",
                "property_id",
                "status",
                "type_stay_code",
                "type_reservation_code",
                "checkin_date",
                "checkout_date",
                "checkout_time",
            )
        },
        "is_cancelled": is_cancelled(stay),
        "is_turn": turn,
        "nights": nights,
        "checkout_month": month_of(out_day),
        "count_tasks": len(linked),
        "count_tasks_finished": sum(row["is_finished"] for row in linked),
        "count_tasks_without_cost": sum(row["task_cost"] is None for row in linked),
        "stay_cost": total(row["task_cost"] for row in linked),
        "clean_cost": total(
            row["task_cost"] for row in linked if lower(row["type_department"]) == "housekeeping"
        ),
        "owner_amount": total(row["owner_amount"] for row in linked),
        "guest_amount": total(row["guest_amount"] for row in linked),
        "rate_paid_amount": total(row["rate_paid_amount"] for row in linked if row["is_finished"]),
        "next_reservation_id": following["reservation_id"] if following else None,
        "next_checkin_date": next_day,
        "next_checkin_time": next_time,
        "is_same_day_turn": None if following is None else next_day == out_day,
        "window_minutes": _minutes((next_day, next_time), datetime.combine(out_day, out_time))
        if has_window
        else None,
        "clean_basis": basis if turn else None,
        "clean_state": _clean_state(cleans) if turn else None,
        "count_cleans": len(cleans),
        "clean_finished_local": finished,
        "is_on_time": on_time,
        "slack_minutes": (
            _minutes((next_day, next_time), finished)
            if finished is not None and next_day is not None and next_time is not None
            else None
        ),
    }


# --- sums ----------------------------------------------------------------------------------------------


def _groups(rows: Iterable[Row], *names: str) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def _billing(lines: Sequence[Row]) -> list[Row]:
    rows = []
    for (property_id, month, payer), group in _groups(lines, "property_id", "work_month", "bill_to").items():
        done = [line for line in group if line["is_finished"]]
        supplies = [line for line in group if line["line_kind"] == "supply"]
        rows.append(
            {
                "property_id": property_id,
                "work_month": month,
                "bill_to": payer,
                "count_lines": len(group),
                "count_tasks": len({line["task_id"] for line in group}),
                "count_lines_without_amount": sum(line["amount"] is None for line in group),
                "amount": total(line["amount"] for line in group),
                "cost_amount": total(line["amount"] for line in group if line["line_kind"] == "cost"),
                "supply_amount": total(line["amount"] for line in supplies),
                "billable_amount": total(line["amount"] for line in done if line["billable"] is True),
                "not_billable_amount": total(line["amount"] for line in done if line["billable"] is False),
                "unsaid_amount": total(line["amount"] for line in done if line["billable"] is None),
                "unfinished_amount": total(line["amount"] for line in group if not line["is_finished"]),
                "supply_cost": total(line["supply_cost"] for line in supplies),
                "supply_margin": total(line["supply_margin"] for line in supplies),
                "count_supplies_without_margin": sum(line["supply_margin"] is None for line in supplies),
            }
        )
    return rows


def payees(task: Row) -> list[int | None]:
    """Who is paid for a task, lowest id first."""
    people = [a for a in task["assignments"] if a["assignee_id"] is not None]
    worked = {
        a["assignee_id"] for a in people if lower(a["type_task_user_status"]) in ("accepted", "completed")
    }
    return sorted(worked or {a["assignee_id"] for a in people}) or [task["finished_by_id"]]


def _payouts(source: Source, money: Mapping[int, Row]) -> list[Row]:
    shares = []
    for task in source.tasks:
        row = money[task["task_id"]]
        if not row["is_finished"]:
            continue
        people, rate = payees(task), row["rate_paid_amount"]
        if rate is not None and abs(rate) >= 10**13:
            rate = None
        left = abs(int(rate * 100)) if rate is not None else 0
        sign = -1 if rate is not None and rate < 0 else 1
        for place, person in enumerate(people):
            share = None
            if rate is not None:
                own = left // len(people) + (1 if place < left % len(people) else 0)
                share = sign * Decimal(own) / 100
            shares.append(
                {
                    "work_month": month_of(row["work_day"]),
                    "person_id": person,
                    "currency": row["rate_paid_currency"] or "",
                    "share": share,
                    "is_shared": len(people) > 1,
                    "is_hourly": lower(task["rate_type"]) in ("hour", "hourly"),
                    "seconds": row["total_time_seconds"],
                }
            )
    return [
        {
            "work_month": month,
            "person_id": person,
            "currency": currency,
            "count_tasks": len(group),
            "count_shared_tasks": sum(part["is_shared"] for part in group),
            "count_tasks_without_rate": sum(part["share"] is None for part in group),
            "amount": total(part["share"] for part in group),
            "hourly_amount": total(part["share"] for part in group if part["is_hourly"]),
            "piece_amount": total(part["share"] for part in group if not part["is_hourly"]),
            "own_seconds": whole(part["seconds"] for part in group if not part["is_shared"]),
            "shared_task_seconds": whole(part["seconds"] for part in group if part["is_shared"]),
        }
        for (month, person, currency), group in _groups(shares, "work_month", "person_id", "currency").items()
    ]


def _months(source: Source, money: Mapping[int, Row], turnovers: Sequence[Row]) -> list[Row]:
    answers = {
        task["task_id"]: [
            lower(answer["response"])
            for answer in task["requirements"]
            if lower(answer["type_requirement"]) == "condition"
            and lower(answer["response"]) in ("good", "dirty", "damaged", "not_working")
        ]
        for task in source.tasks
    }
    tasks_of, stays_of = defaultdict(list), _groups(turnovers, "checkout_month")
    for row in money.values():
        tasks_of[month_of(row["work_day"])].append(row)
    rows = []
    for month in tasks_of.keys() | {key[0] for key in stays_of}:
        tasks, stays = tasks_of.get(month, []), stays_of.get((month,), [])
        done = [row for row in tasks if row["is_finished"]]
        kept = [row for row in stays if not row["is_cancelled"]]
        turns = [row for row in stays if row["is_turn"]]
        inspected = [answers[row["task_id"]] for row in done if lower(row["type_department"]) == "inspection"]
        judged = [found for found in inspected if found]
        rows.append(
            {
                "month": month,
                "count_stays": len(kept),
                "count_cancelled_stays": len(stays) - len(kept),
                "count_nights": sum(row["nights"] for row in turns),
                "stay_cost": total(row["stay_cost"] for row in kept),
                "cancelled_stay_cost": total(row["stay_cost"] for row in stays if row["is_cancelled"]),
                "clean_cost": total(row["clean_cost"] for row in kept),
                "count_turns": len(turns),
                "count_same_day_turns": sum(row["is_same_day_turn"] is True for row in turns),
                "count_on_time": sum(row["is_on_time"] is True for row in turns),
                "count_late": sum(row["is_on_time"] is False for row in turns),
                "count_turns_without_clean": sum(row["clean_basis"] == "none" for row in turns),
                "count_tasks": len(tasks),
                "count_finished": len(done),
                "count_cleans": sum(lower(row["type_department"]) == "housekeeping" for row in done),
                "count_inspections": len(inspected),
                "count_maintenance": sum(lower(row["type_department"]) == "maintenance" for row in done),
                "count_linked": sum(row["link_status"] != "no_link_at_source" for row in tasks),
                "count_resolved": sum(row["reservation_id"] is not None for row in tasks),
                "task_cost": total(row["task_cost"] for row in tasks),
                "maintenance_cost": total(
                    row["task_cost"] for row in tasks if lower(row["type_department"]) == "maintenance"
                ),
                "owner_amount": total(row["owner_amount"] for row in tasks),
                "guest_amount": total(row["guest_amount"] for row in tasks),
                "supply_amount": total(row["supply_amount"] for row in tasks),
                "supply_margin": total(row["supply_margin"] for row in tasks),
                "rate_paid_amount": total(row["rate_paid_amount"] for row in done),
                "count_tasks_without_cost": sum(row["task_cost"] is None for row in tasks),
                "count_totals_that_differ": sum(bool(row["total_cost_difference"]) for row in tasks),
                "count_inspections_judged": len(judged),
                "count_inspections_with_finding": sum(any(a != "good" for a in found) for found in judged),
            }
        )
    return rows


# --- the sandbox and the database ----------------------------------------------------------------------


def source_of(loader: Loader, world: World, region: str = "smoky") -> Source:
    """The sandbox's objects as they live in the database; raises KeyError where one lives there alone."""
    (zone,) = loader.column("select time_zone from regions where region_code = %s", region)
    source = Source(region, ZoneInfo(zone or "UTC"))
    stays = set(
        loader.column(
            "select reservation_id from reservations where region_code = %s and deleted_at is null", region
        )
    )
    source.stays = [api_truth.row("reservations", world.reservations[stay_id]) for stay_id in stays]
    source.stays = [stay for stay in source.stays if lower(stay["status"]) != "deleted"]
    tasks = dict(
        loader.query(
            "select task_id, link_status from tasks where region_code = %s and deleted_at is null", region
        )
    )
    with_answers = set(
        loader.column(
            "select task_id from task_details where region_code = %s and deleted_at is null", region
        )
    )
    for task_id, link_status in tasks.items():
        raw = world.tasks[task_id]
        task = api_truth.row("tasks", raw)
        if lower(task["task_status_code"]) == "deleted":
            continue
        link = task["linked_reservation_id"]
        task["reservation_pk"] = link if link in stays else None
        task["link_status"] = (
            "no_link_at_source" if link is None else "linked" if link in stays else link_status
        )
        parent = {"task_id": task_id}
        for name in ("costs", "supplies", "assignments"):
            task[name] = api_truth.lines(f"tasks__{name}", parent, raw.get(name))
        answers = world.requirements.get(task_id) if task_id in with_answers else None
        task["requirements"] = api_truth.lines("task_details__requirements", parent, answers)
        source.tasks.append(task)
    return source


def compare(loader: Loader, world: World, region: str = "smoky") -> list[str]:
    """One line per row or cell of a mart that is not what the sandbox's objects make it."""
    return differences(loader, marts(source_of(loader, world, region)), region)


def differences(loader: Reader, wanted: Mapping[str, Mapping[Key, Row]], region: str = "smoky") -> list[str]:
    """One line per row or cell of a mart that is not as wanted."""
    problems = []
    for name, rows in wanted.items():
        found = read(loader, name, region)
        problems += [f"{name} {key}: is not there" for key in rows.keys() - found.keys()]
        problems += [f"{name} {key}: should not be there" for key in found.keys() - rows.keys()]
        for key in rows.keys() & found.keys():
            assert rows[key].keys() == found[key].keys(), (name, rows[key].keys() ^ found[key].keys())
            problems += [
                f"{name} {key}.{column}: {found[key][column]!r} instead of {value!r}"
                for column, value in rows[key].items()
                if found[key][column] != value
            ]
    return problems


def read(loader: Reader, name: str, region: str = "smoky") -> dict[Key, Row]:
    """A mart's rows by key."""
    table = MARTS[name]
    names = [column.name for column in table.columns]
    rows = loader.query(f"select {', '.join(names)} from {name} where region_code = %s", region)
    found = {}
    for values in rows:
        row = dict(zip(names, values, strict=True))
        key = tuple(row[part] for part in table.key)
        assert key not in found, (name, key)
        found[key] = row
    return found


def cells(loader: Loader, region: str = "smoky") -> int:
    """How many cells `compare` looks at."""
    return sum(
        len(rows) * len(MARTS[name].columns)
        for name, rows in (
            (mart, read(loader, mart, region)) for mart in MARTS if mart != "mart_upcoming_turns"
        )
    )
