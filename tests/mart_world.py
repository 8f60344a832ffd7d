"""Rows of one region, drawn by a seed from few values, so that all cases of the marts meet; written as loads do it.

`Rows` keeps what it wrote; `source` makes of that what `marts_truth` reckons from, `Reader` is what it reads with.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from marts_truth import Row, Source, lower
from tables import Client, fetch, hour, insert, proof, property_row

STAYS, TASKS = range(1, 121), range(201, 561)
PROPERTIES = [1, 2, 3, 4, 5, 6, 9, None]  # 9 is not loaded
FIRST_DAY = date(2026, 6, 24)  # two months and a change of day in local time
RATES = ("100", "-0.05", "33.335", "0.01", "10000000000000", "-10000000000000")
AMOUNTS = [Decimal(text) for text in ("35", "-5", "0.005", "-0.005", "11.875", "0", "99999.9999")] + [None]
PAYERS = ["owner", "Owner", "guest", "internal", "insurance", None]
CHILDREN = {"tasks": ("costs", "supplies", "assignments"), "task_details": ("requirements",)}


@dataclass
class Reader:
    """What `marts_truth.read` asks of a loader."""

    client: Client

    def query(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        return fetch(self.client, sql, *args)


@dataclass
class Rows:
    """What was written of tasks, stays and details, by id; every write is a merge of dlt's: the old row goes."""

    client: Client
    dice: random.Random
    region: str = "smoky"
    zone: str = "America/Chicago"
    tasks: dict[int, Row] = field(default_factory=dict)
    stays: dict[int, Row] = field(default_factory=dict)
    details: dict[int, Row] = field(default_factory=dict)
    hours: int = 0

    def begin(self) -> None:
        """The region, two of its properties and all rows."""
        insert(self.client, "regions", {"region_code": self.region, "time_zone": self.zone})
        insert(self.client, "properties", *(property_row(n, region=self.region) for n in PROPERTIES[:6]))
        self.stays = {stay_id: self._stay(stay_id) for stay_id in STAYS}
        self.tasks = {task_id: self._task(task_id) for task_id in TASKS}
        self._add_rare_cases()
        self.details = {task_id: self._details(task_id) for task_id in TASKS}
        made: dict[str, list[Row]] = defaultdict(list)
        for table, rows in (
            ("reservations", self.stays),
            ("tasks", self.tasks),
            ("task_details", self.details),
        ):
            for row in rows.values():
                for place, line in self._places(table, row):
                    made[place].append(line)
        for place, lines in made.items():
            insert(self.client, place, *lines)

    def change(self) -> None:
        """One thing that a load may bring, or find gone."""
        task_id, stay_id = self.dice.choice(TASKS), self.dice.choice(STAYS)
        self.dice.choice(
            [
                lambda: self.write_task(task_id),
                lambda: self.write_stay(stay_id),
                lambda: self.write_details(task_id),
                lambda: self.edit_task(task_id),
                lambda: self.edit_stay(stay_id),
                lambda: self.prove("tasks", task_id, "not_found"),
                lambda: self.prove("reservations", stay_id, "not_found"),
                lambda: self.prove(
                    "reservations", self.dice.choice((*STAYS, 77, 78)), "not_found", "link_lookup"
                ),
                lambda: self.prove("reservations", 77, "alive", "link_lookup"),
            ]
        )()

    def edit_task(self, task_id: int) -> None:
        """Some of its columns alone, as another draw has them."""
        drawn = self._task(task_id)
        names = self.dice.sample([name for name in drawn if name != "task_id"], 2)
        self._write(
            "tasks", self.tasks, task_id, {**self.tasks[task_id], **{name: drawn[name] for name in names}}
        )

    def edit_stay(self, stay_id: int) -> None:
        drawn = self._stay(stay_id)
        names = self.dice.sample([name for name in drawn if name != "reservation_id"], 2)
        self._write(
            "reservations",
            self.stays,
            stay_id,
            {**self.stays[stay_id], **{name: drawn[name] for name in names}},
        )

    def write_task(self, task_id: int) -> None:
        self._write("tasks", self.tasks, task_id, self._task(task_id))

    def write_stay(self, stay_id: int) -> None:
        self._write("reservations", self.stays, stay_id, self._stay(stay_id))

    def write_details(self, task_id: int) -> None:
        self._write("task_details", self.details, task_id, self._details(task_id))

    def prove(self, entity: str, record_id: int, answer: str, reason: str = "reconcile") -> None:
        self.hours += 1
        insert(
            self.client,
            "deletion_proofs",
            proof(entity, record_id, hour(self.hours), answer, reason, self.region),
        )

    def source(self) -> Source:
        """What the marts are reckoned from: which rows live, and the links, are the tables' word."""
        live = "where region_code = %s and deleted_at is null"
        ids = {
            entity: {one for (one,) in fetch(self.client, f"select {key} from {entity} {live}", self.region)}
            for entity, key in (("reservations", "reservation_id"), ("task_details", "task_id"))
        }
        links = fetch(
            self.client, f"select task_id, reservation_pk, link_status from tasks {live}", self.region
        )
        source = Source(self.region, ZoneInfo(self.zone))
        source.stays = [
            stay
            for stay_id, stay in self.stays.items()
            if stay_id in ids["reservations"] and lower(stay["status"]) != "deleted"
        ]
        for task_id, stay_id, link_status in links:
            task = {
                **self.tasks[task_id],
                "reservation_pk": stay_id,
                "link_status": link_status,
                "requirements": [],
            }
            if task_id in self.details and task_id in ids["task_details"]:
                task["requirements"] = self.details[task_id]["requirements"]
            if lower(task["task_status_code"]) != "deleted":
                source.tasks.append(task)
        return source

    def _add_rare_cases(self) -> None:
        """What draws hardly make: a finish at the minute of arrival, a clean eight days after the last departure, two
        cleans of which one is assigned."""
        stays = ((901, 1, 3), (902, 3, 10), (903, 11, 12))
        for stay_id, checkin, checkout in stays:
            days = {"checkin_date": date(2026, 7, checkin), "checkout_date": date(2026, 7, checkout)}
            self.stays[stay_id] = dict.fromkeys(self._stay(stay_id)) | days
            self.stays[stay_id] |= {"reservation_id": stay_id, "property_id": 7, "checkin_time": time(16)}
        self.stays[903]["property_id"] = 8
        somebody = [{"assignee_id": 21, "type_task_user_status": "assigned"}]
        tasks: list[tuple[int, int | None, int, Row]] = [
            (
                901,
                901,
                3,
                {
                    "task_status_code": "finished",
                    "finished_at": datetime(2026, 7, 3, 21, tzinfo=timezone.utc),
                },
            ),
            (902, None, 18, {}),
            (903, 903, 12, {"assignments": somebody}),
            (904, 903, 12, {}),
        ]
        for task_id, link, day, more in tasks:
            lists: Row = {name: [] for name in CHILDREN["tasks"]}
            ids = {"task_id": task_id, "property_id": 7, "linked_reservation_id": link}
            clean = {"type_department": "housekeeping", "scheduled_date": date(2026, 7, day)}
            self.tasks[task_id] = dict.fromkeys(self._task(task_id)) | lists | ids | clean | more

    # --- drawing ---

    def _task(self, task_id: int) -> Row:
        one = self.dice.choice
        stay = one(list(self.stays.values()))
        link = one([stay["reservation_id"], None, None, *([77, 78] if one(range(9)) == 0 else [])])
        near = [day for day in (stay["checkin_date"], stay["checkout_date"], self._day()) if day is not None]
        if stay["checkout_date"]:
            near.append(stay["checkout_date"] + timedelta(days=one([1, 2, 7, 8])))
        row = {
            "task_id": task_id,
            "name": one(["Clean", "Look", None]),
            "property_id": one([stay["property_id"], stay["property_id"], *PROPERTIES]),
            "linked_reservation_id": link,
            "linked_reservation_external_id": None if link else one(["A", "B", None, None, None, None]),
            "type_department": one(
                ["housekeeping"] * 4 + ["Housekeeping", "inspection", "Inspection", "maintenance", None]
            ),
            "task_status_code": one(
                ["finished", "Finished", "approved"] * 2
                + ["created", "created", "in_progress", "closed", "Closed"]
                + ["Deleted", "Request_Rejected", None]
            ),
            "task_status_stage": one(["new", "new", "In_Progress", "finished", None]),
            "scheduled_date": one([*near, None]),
            "created_at": one([self._instant(self._day()), self._instant(date(2026, 3, 1)), None]),
            "started_at": one([self._instant(self._day()), *[None] * 5]),
            "finished_at": one([*map(self._instant, near), None]),
            "finished_by_id": one([7, 8, None]),
            "billable": one([True, False, None]),
            "rate_type": one(["hour", "Hourly", "piece", None]),
            "rate_paid_amount": one([Decimal(text) for text in RATES] + [None]),
            "rate_paid_currency": one(["USD", "USD", "EUR", None]),
            "total_cost": one(AMOUNTS),
            "total_time_seconds": one([3600, 59, None]),
            "costs": self._some(
                cost_id=[1, None],
                type_cost_code=[
                    "labor",
                    "Skilled_Labor",
                    "non_skilled_labor",
                    "mark_up",
                    "tax",
                    "material",
                    None,
                ],
                cost=AMOUNTS,
                bill_to=PAYERS,
                deleted_at=[None, None, None, hour(0)],
            ),
            "supplies": self._some(
                supply_usage_id=[1, None],
                supply_id=[5, None],
                quantity=[*map(Decimal, ("2", "0.3333", "1000000000", "-1000000000")), None],
                unit_cost=[*map(Decimal, ("4.75", "0.0150", "1000000000000", "-1000000000000")), None],
                total_price=AMOUNTS,
                bill_to=PAYERS,
                billable=[True, False, None],
            ),
            "assignments": self._some(
                assignee_id=[21, 22, 23, None],
                type_task_user_status=["accepted", "Completed", "completed", "assigned", None],
            ),
        }
        return row | self._own_word()

    def _details(self, task_id: int) -> Row:
        kinds = ["condition", "Condition", "checklist", None]
        answers = ["good", "Good", "Good", "dirty", "Damaged", "not_working", "h:0123", "yes", None]
        return {"task_id": task_id, "requirements": self._some(type_requirement=kinds, response=answers)}

    def _stay(self, stay_id: int) -> Row:
        one, checkin = self.dice.choice, self._day()
        row = {
            "reservation_id": stay_id,
            "property_id": one([*PROPERTIES[:6], *PROPERTIES]),
            "reference_reservation_id": one(["A", "B", "C", *[None] * 9]),
            "status": one(["active"] * 16 + ["Active", None, "Cancelled", "canceled", "Deleted"]),
            "type_stay_code": one(["guest", "owner", None]),
            "type_reservation_code": one(
                [None, "booking"] * 7 + ["hold", "Block", "maintenance", "lockoff", "Lockoff"]
            ),
            "checkin_date": one([checkin] * 19 + [None]),
            "checkin_time": one([time(16), time(15, 30), None]),
            "checkout_date": one(
                [*[checkin + timedelta(days=n) for n in (-1, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 90)], None]
            ),
            "checkout_time": one([time(10), time(11, 0, 30), None]),
        }
        return row | self._own_word()

    def _own_word(self) -> Row:
        return {"deleted_at": hour(self.hours) if self.dice.random() < 0.05 else None}

    def _some(self, **values: list[Any]) -> list[Row]:
        """Up to four lines, often none."""
        return [
            {name: self.dice.choice(of) for name, of in values.items()}
            for _ in range(max(0, self.dice.randrange(-2, 5)))
        ]

    def _day(self) -> date:
        return FIRST_DAY + timedelta(days=self.dice.randrange(14))

    def _instant(self, day: date) -> datetime:
        """Often the local time of an arrival, or half a minute beside it; or a day later than in local time."""
        at = self.dice.choice(
            [time(2), time(12, 29), time(21), time(20, 30), time(20, 59, 30), time(20, 30, 30)]
        )
        return datetime.combine(day, at, timezone.utc)

    def _write(self, table: str, written: dict[int, Row], key: int, row: Row) -> None:
        self.hours += 1
        name = next(iter(row))
        for place in (table, *(f"{table}__{child}" for child in CHILDREN.get(table, ()))):
            self.client.execute_sql(
                f"delete from {place} where region_code = %s and {name} = %s", self.region, key
            )
        written[key] = row
        for place, line in self._places(table, row):
            insert(self.client, place, line)

    def _places(self, table: str, row: Row) -> Iterator[tuple[str, Row]]:
        """The row, and the lines that hang on it, each with its table."""
        children = CHILDREN.get(table, ())
        own = {column: value for column, value in row.items() if column not in children}
        yield table, {"region_code": self.region, "synced_at": hour(self.hours), **own}
        key = dict([next(iter(row.items()))])
        for child in children:
            for position, line in enumerate(row[child]):
                yield (
                    f"{table}__{child}",
                    {"region_code": self.region, **key, "_dlt_list_idx": position, **line},
                )
