"""Invented tasks: each a history of transitions at fixed times, applied up to `now`."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from .seeding_lines import costs, photos, rate_paid, requirements, supplies
from .stamps import UTC, naive, zoned
from .stores import Row, task_status

FIRST_TASK_AT = datetime(2024, 1, 5, 8, 0, tzinfo=UTC)
SIZED_FOR = datetime(2026, 11, 15, tzinfo=UTC)
"""By then a property has the tasks asked for; the same pace goes on afterwards."""
UNKNOWN_STAY_ID = 99_000_000
"""Links at and above this id point to stays the API answers 404 for."""

LIFE = (
    "finished",
    "created",
    "finished",
    "in_progress",
    "closed",
    "finished",
    "drafted",
    "approved",
    "finished",
    "pending_approval",
    "entered_afterwards",
    "finished",
    "request_approved",
    "unscheduled",
    "finished",
    "request_rejected",
    "approved",
    "finished",
    "closed_undone",
    "finished",
)
"""How a task's life ends, by position."""

TAG_KEYS = ("id", "name", "company_id")
LONG_TEXT = "The filter was changed, the deck swept, the grill cleaned. " * 180  # over 10 KB


@dataclass(frozen=True)
class TaskContext:
    """What a property's tasks refer to."""

    property_id: int
    index: int
    reference_property_id: str | None
    stays: Sequence[Row]
    people: Sequence[Row]
    supplies: Sequence[Row]
    templates: Sequence[Row]
    subdepartments: Sequence[Row]
    tags: Sequence[Row]


@dataclass
class SeededTask:
    """A task row, and what is kept apart from it."""

    row: Row
    comments: list[Row] = field(default_factory=list)
    requirements: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Draws:
    """The chances of one task: always the same number of draws, whatever `now` is."""

    after: float
    due_days: int
    minutes: int
    duration: int
    amount: int

    @classmethod
    def by(cls, dice: random.Random) -> Draws:
        return cls(
            dice.random(),
            dice.randint(1, 21),
            dice.randrange(180),
            dice.randint(40, 300),
            dice.randint(40, 260),
        )


def tasks_of(context: TaskContext, dice: random.Random, *, count: int, now: datetime) -> Iterator[SeededTask]:
    """The tasks created by `now`, oldest first; `count` of them by the end of 2026."""
    if count < 1:
        return
    spacing = (SIZED_FOR - FIRST_TASK_AT) / count
    checkins = [stay["checkin_date"] for stay in context.stays]
    number = 0
    while FIRST_TASK_AT + number * spacing <= now:
        draws = Draws.by(dice)
        created_at = (FIRST_TASK_AT + (number + 0.9 * draws.after) * spacing).replace(microsecond=0)
        if created_at <= now:
            yield _task(
                context, number, created_at, draws, _stay_at(context, checkins, number, created_at), now
            )
        number += 1


def _stay_at(context: TaskContext, checkins: list[str], number: int, at: datetime) -> Row | None:
    """The stay a task belongs to: already booked when the task was made."""
    if number == 1 and context.index % 8 == 0:
        return context.stays[0]  # ended in 2023
    position = bisect_right(checkins, at.date().isoformat())
    if position < len(context.stays) and number % 2 and context.stays[position]["_created_at"] <= at:
        return context.stays[position]  # the next one
    return context.stays[position - 1] if position else None


def _link(context: TaskContext, number: int, stay: Row | None) -> Row | None:
    """Eight of ten tasks carry a link; a very few to a stay the API does not know."""
    if number % 100 == 9 and context.index % 10 == 0:
        return {"id": UNKNOWN_STAY_ID + context.property_id + number, "external_reservation_id": None}
    if stay is None or (number * 3 + context.index * 7) % 10 >= 8:
        return None if number % 4 else {}
    return {"id": stay["id"], "external_reservation_id": stay["reference_reservation_id"]}


def _task(
    context: TaskContext, number: int, created_at: datetime, draws: Draws, stay: Row | None, now: datetime
) -> SeededTask:
    task_id = 5_000_000_000 + context.property_id * 10_000 + number
    life = LIFE[(number + 7 * context.index) % len(LIFE)]
    variant = number + context.index
    template = context.templates[variant % len(context.templates)]
    due = created_at.date() + timedelta(days=-3 if life == "entered_afterwards" else draws.due_days)
    scheduled = life != "unscheduled" and variant % 10 != 6
    row: Row = {
        "id": task_id,
        "name": ("\n" if variant % 12 == 7 else "") + template["template_name"],
        "description": ("", None, "Check the deck.")[variant % 3],
        "home_id": context.property_id,
        "reference_property_id": context.reference_property_id or "",
        "template_id": template["id"] if variant % 3 else None,
        "type_department": template["department_code"],
        "subdepartment": (None, {}, context.subdepartments[variant % len(context.subdepartments)])[
            variant % 3
        ],
        "type_priority": ("normal", "urgent", "high", "low", "lowest", "watch", "normal")[variant % 7],
        "type_task_status": task_status("created"),
        "scheduled_date": due.isoformat() if scheduled else None,
        "scheduled_time": "11:00:00" if variant % 4 == 0 else None,
        "created_at": naive(created_at),
        "updated_at": zoned(created_at),
        "started_at": None,
        "finished_at": None,
        "paused": False,
        "created_by": {"id": 650, "name": "Ops Desk"} if variant % 5 else None,
        "started_by": {},
        "finished_by": {},
        "requested_by": ("owner", "guest", None, "", "housekeeper", "property_manager")[variant % 6],
        "assignments": [],
        "photos": [],
        "costs": [],
        "supplies": [],
        "tags": [],
        "task_tags": [],
        "linked_reservation": _link(context, number, stay),
        "report_url": f"https://portal.example.test/r/{task_id}",
        "bill_to": ("owner", "guest", "internal", None, "")[variant % 5],
        "billable": (True, False, None)[variant % 3],
        "itemized_cost": (False, True, [], None)[variant % 4],
        "rate_type": ("hour", "piece", "hourly", "piece")[variant % 4],
        "rate_paid": None,
        "estimated_rate": (None, 80, "95.50", "n/a")[variant % 4],
        "total_cost": None,
        "total_time": None,
        "estimated_time": (None, "2:00:00", 90)[variant % 3],
        "task_series_id": 7000 + context.index if variant % 6 == 0 else None,
        "parent_task_id": task_id - 1 if variant % 9 == 8 and number else None,
        "reported_tasks": [task_id - 2] if variant % 12 == 5 and number > 1 else [],
        "_created_at": created_at,
    }
    if context.tags and variant % 3 == 0:
        tag = context.tags[variant % len(context.tags)]
        row["task_tags"], row["tags"] = [{key: tag[key] for key in TAG_KEYS}], [tag["name"]]
    if variant % 13 == 6:  # another public client knows only this form
        two = [context.subdepartments[(variant + n) % len(context.subdepartments)] for n in range(2)]
        row["subdepartments"] = [dict(part) for part in two]
        del row["subdepartment"]
    if variant % 17 == 3:
        row["requested_by"] = {"id": 651, "name": "Ben Example"}
    if variant % 4 == 1:
        row["template"] = {"id": template["id"], "name": template["template_name"]}
    elif variant % 4 == 2:
        row["template"] = template["template_name"]
    if context.index == 0 and number == 3:
        row["description"] = LONG_TEXT
    if life in ("created", "unscheduled"):
        for key in ("costs", "supplies", "report_url"):
            del row[key]  # empty, in its fifth form: absent
    seeded = SeededTask(row)
    for at, changes in _events(context, number, created_at, due, draws, life):
        if at <= now:
            row |= changes
            row["updated_at"] = zoned(at)
    if row["started_at"]:
        seeded.requirements = requirements(number, done=row["finished_at"] is not None)
    # A comment moves its task: none is newer.
    commented_at = min(created_at + timedelta(hours=5), datetime.fromisoformat(row["updated_at"]))
    if variant % 4 == 1 and commented_at <= now:
        seeded.comments = [{"id": task_id * 10, "comment": "Lamp broken", "created_at": naive(commented_at)}]
        if variant % 8 == 1:
            seeded.comments.append(
                {
                    "id": task_id * 10 + 1,
                    "comment": "Told {{650,Ops Desk}}",
                    "created_at": naive(commented_at),
                }
            )
    return seeded


def _events(
    context: TaskContext, number: int, created_at: datetime, due: date, draws: Draws, life: str
) -> list[tuple[datetime, Row]]:
    """The transitions of a task's life, in order of time."""
    variant = number + context.index
    task_id = 5_000_000_000 + context.property_id * 10_000 + number
    if life in ("created", "unscheduled"):
        return []
    who, *others = [_worker(context, variant + place) for place in range(2 if variant % 4 == 3 else 1)]
    assigned = [_assignment(task_id, place, person) for place, person in enumerate((who, *others))]
    if variant % 16 == 8:
        assigned.append(_assignment(task_id, len(assigned), who))  # the same person twice
    decided_at = created_at + timedelta(hours=3 + 10 * draws.after)
    if life in ("drafted", "pending_approval", "request_approved", "request_rejected"):
        return [(decided_at, {"type_task_status": task_status(life)})]
    if life == "closed_undone":
        return [(decided_at, {"type_task_status": task_status("closed")})]
    started_at = datetime.combine(due, time(14), UTC) + timedelta(minutes=draws.minutes)
    long = variant % 9 == 4
    lasted = timedelta(hours=27, seconds=1) if long else timedelta(minutes=draws.duration, seconds=58)
    finished_at = started_at + lasted
    events: list[tuple[datetime, Row]] = [
        (decided_at, {"assignments": assigned}),
        (
            started_at,
            {
                "type_task_status": task_status("in_progress"),
                "started_at": _either(started_at, variant),
                "started_by": who,
                "paused": variant % 5 == 0,
            },
        ),
    ]
    if life == "in_progress":
        return events
    lines = costs(task_id, variant, draws.amount, finished_at)
    done: Row = {
        "type_task_status": task_status("finished"),
        "finished_at": _either(finished_at, variant + 1),
        "finished_by": who,
        "paused": False,
        "assignments": [{**assigned[0], "type_task_user_status": "completed"}, *assigned[1:]],
        "rate_paid": rate_paid(variant),
        "total_cost": 123456789.25 if context.index == 0 and number == 8 else round(draws.amount * 1.1, 2),
        "total_time": _clock(lasted),
        "costs": lines,
        "supplies": supplies(context.supplies, task_id, variant),
        "photos": photos(task_id, variant),
    }
    payers = {line["bill_to"] for line in (*lines, *done["supplies"])}
    if len(payers) > 1:
        done["bill_to"] = "multiple"  # derived from the lines
    if variant % 3 != 2:
        done["summary"] = "All in order"
    if variant % 9 == 1:
        stamp = naive(finished_at)
        done["summary"] = {
            "id": task_id * 10,
            "note": "Grill cleaned",
            "created_at": stamp,
            "updated_at": stamp,
        }
    if life == "entered_afterwards":
        entered = {"started_at": None, "total_time": None, "type_task_status": task_status("approved")}
        return [(created_at, {**done, **entered})]
    events.append((finished_at, done))
    removed_at = finished_at + timedelta(days=1)
    if variant % 5 == 2 and lines:
        events.append((removed_at, {"costs": [{**lines[0], "deleted_at": naive(removed_at)}, *lines[1:]]}))
    if life in ("closed", "approved"):
        events.append((finished_at + timedelta(days=2), {"type_task_status": task_status(life)}))
    return events


def _worker(context: TaskContext, number: int) -> Row:
    person = context.people[number % len(context.people)]
    return {"id": person["id"], "name": f"Crew member {person['id']}"}


def _assignment(task_id: int, place: int, who: Row) -> Row:
    return {
        "id": task_id * 10 + place,
        "assignee_id": who["id"],
        "name": who["name"],
        "employee_code": None,
        "expires_at": None,
        "type_task_user_status": ("assigned", "accepted", "pending")[place],
    }


def _either(at: datetime, variant: int) -> str:
    """One instant in one of the forms seen: naive, UTC offset, Z, another offset."""
    if variant % 7 == 3:
        return (at - timedelta(hours=5)).replace(tzinfo=None).isoformat() + "-05:00"
    return (naive(at), zoned(at), naive(at) + "Z")[variant % 3]


def _clock(lasted: timedelta) -> str:
    """H:MM:SS, hours unpadded and unbounded."""
    seconds = int(lasted.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
