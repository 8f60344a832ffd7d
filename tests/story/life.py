"""What happens at the source: seeded edits of a world, as people and a property management system make them.

The story keeps within what a run can know. Only rows that were loaded once are hidden (a row nobody ever listed
cannot be found), and nothing below a property that left for good is edited afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from small_worlds import HidingWorld

from breezeway_source.sandbox.stamps import naive, zoned
from breezeway_source.sandbox.stores import STATUSES, Row, is_deleted

ODD_TEXTS = ("", None, "Grüße, 'quoted' \"twice\"\\ \t\n next line", "0", "雪" * 40)
CATALOGUES = (
    "people",
    "supplies",
    "templates",
    "subdepartments",
    "task_tags",
    "property_tags",
    "reservation_tags",
)


@dataclass
class Life:
    """The world, its dice, and what the dice may not touch any more."""

    world: HidingWorld
    dice: random.Random
    oldest_checkout: str
    settled_tasks: frozenset[int] = frozenset()
    settled_stays: frozenset[int] = frozenset()
    retired: set[int] = field(default_factory=set)
    removed: dict[tuple[str, int], Row] = field(default_factory=dict)
    lines: int = 0

    # --- choices ---

    def homes(self) -> list[int]:
        return [p for p in self.world.properties if p not in self.retired]

    def tasks(self) -> list[Row]:
        return [
            row
            for row in self.world.tasks.values()
            if row["home_id"] not in self.retired and not is_deleted(row)
        ]

    def stays(self, *, recent: bool = True) -> list[Row]:
        """Stays that live; recent ones are those of the full window, where a deletion can be noticed."""
        return [
            row
            for row in self.world.reservations.values()
            if row["status"] != "deleted" and (not recent or row["checkout_date"] >= self.oldest_checkout)
        ]

    def happen(self) -> str:
        """One event; its name."""
        for _ in range(20):
            event = self.dice.choices(EVENTS, [weight for _, weight in WEIGHTED])[0]
            if event(self) is not False:
                return event.__name__
        return "nothing"

    def pick(self, rows: list[Any]) -> Any:
        return self.dice.choice(rows) if rows else None

    # --- tasks ---

    def edit_task(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None:
            return False
        status = self.dice.choice([code for code in STATUSES if code != "deleted"])
        self.world.edit_task(
            task["id"],
            name=f"Edited {self.dice.randrange(1000)}",
            description=self.dice.choice(ODD_TEXTS),
            status=status,
            total_cost=self.dice.choice((None, 12.5, 0, 99999999.25)),
            finished_at=self.dice.choice((None, naive(self.world.now), zoned(self.world.now))),
        )
        return None

    def edit_late(self) -> bool | None:
        """An edit that becomes visible up to 40 hours after its own stamp."""
        task = self.pick(self.tasks())
        if task is None:
            return False
        stamp = zoned(self.world.now - timedelta(seconds=self.dice.randrange(60, 40 * 3600)))
        self.world.edit_task(task["id"], name=f"Late {self.dice.randrange(1000)}", updated_at=stamp)
        return None

    def edit_lines(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None:
            return False
        self.world.set_supplies(task["id"], [self._supply() for _ in range(self.dice.randrange(4))])
        self.world.set_costs(task["id"], [self._cost() for _ in range(self.dice.randrange(3))])
        tags = [self.dice.choice(list(self.world.task_tags.values()))] if self.world.task_tags else []
        self.world.edit_task(task["id"], task_tags=[{"id": tag["id"], "name": tag["name"]} for tag in tags])
        return None

    def _supply(self) -> Row:
        self.lines += 1
        return {
            "id": self.dice.choice((None, 900_000 + self.lines)),
            "supply_id": 440,
            "name": f"Filter {self.lines}",
            "description": "",
            "quantity": self.dice.choice((1, 2.5)),
            "unit_cost": 20.5,
            "total_price": self.dice.choice((20.5, None)),
            "billable": self.dice.random() < 0.5,
        }

    def _cost(self) -> Row:
        self.lines += 1
        return {
            "id": self.dice.choice((None, 800_000 + self.lines)),
            "cost": self.dice.choice((35.0, 7)),
            "description": f"Linen {self.lines}",
            "type_cost": {"id": 2, "code": "material", "name": "Material"},
            "created_at": naive(self.world.now),
            "updated_at": None,
        }

    def add_task(self) -> bool | None:
        home = self.pick(self.homes())
        if home is None:
            return False
        self.world.add_task(
            home_id=home, linked_reservation=self._link(), description=self.dice.choice(ODD_TEXTS)
        )
        return None

    def link_task(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None:
            return False
        self.world.edit_task(task["id"], linked_reservation=self._link())
        return None

    def _link(self) -> Row | None:
        chance = self.dice.random()
        if chance < 0.2:
            return None
        if chance < 0.3:
            return {"id": 99_000_000 + self.dice.randrange(5), "external_reservation_id": None}
        stay = self.pick(self.stays(recent=False))
        return (
            {"id": stay["id"], "external_reservation_id": stay.get("reference_reservation_id")}
            if stay
            else None
        )

    def move_task(self) -> bool | None:
        task, home = self.pick(self.tasks()), self.pick(self.homes())
        if task is None or home is None:
            return False
        self.world.edit_task(task["id"], home_id=home)
        return None

    def delete_task(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None or len(self.tasks()) < 8:
            return False
        self.removed["tasks", task["id"]] = dict(task)
        self.world.delete_task(task["id"], soft=self.dice.random() < 0.5)
        return None

    def delete_oldest(self, home: int) -> None:
        """The first task of a property's list goes: what follows it moves up."""
        for task in self.world.listed_tasks(home)[:1]:
            self.removed["tasks", task["id"]] = dict(task)
            self.world.delete_task(task["id"])

    def restore_task(self) -> bool | None:
        task_id = self.pick(sorted(row_id for kind, row_id in self.removed if kind == "tasks"))
        if task_id is None or self.removed["tasks", task_id]["home_id"] in self.retired:
            return False
        self.world.tasks[task_id] = self.removed.pop(("tasks", task_id))
        self.world.edit_task(task_id, name="Restored")
        return None

    def hide_task(self) -> bool | None:
        task_id = self.pick([t["id"] for t in self.tasks() if t["id"] in self.settled_tasks])
        if task_id is None:
            return False
        self.world.hide_task(task_id)
        return None

    def unhide_task(self) -> bool | None:
        task_id = self.pick(sorted(set(self.world.hidden_tasks) & set(self.world.tasks)))
        if task_id is None or self.world.tasks[task_id]["home_id"] in self.retired:
            return False
        self.world.unhide_task(task_id)
        if not is_deleted(self.world.tasks[task_id]):
            self.world.edit_task(task_id, name="Shown again")
        return None

    def comment(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None:
            return False
        self.lines += 1
        comments = [
            {
                "id": 600_000 + self.lines * 10 + n,
                "comment": f"Comment {self.lines}",
                "created_at": naive(self.world.now),
            }
            for n in range(self.dice.randrange(3))
        ]
        self.world.set_comments(task["id"], comments)
        return None

    def answer(self) -> bool | None:
        task = self.pick(self.tasks())
        if task is None:
            return False
        answers = [
            {
                "section_name": "Kitchen",
                "action": self.dice.choice(("Wipe", ["Wipe", "Empty"])),
                "response": "check",
                "type_requirement": "checklist",
                "photo_required": False,
                "photos": [],
                "note": self.dice.choice(ODD_TEXTS),
            }
            for _ in range(self.dice.randrange(4))
        ]
        self.world.set_requirements(task["id"], answers)
        return None

    # --- stays ---

    def edit_stay(self) -> bool | None:
        stay = self.pick(self.stays(recent=False))
        if stay is None:
            return False
        guests = [
            {
                "first_name": f"Guest {self.dice.randrange(100)}",
                "last_name": "Sample",
                "emails": [],
                "phone_numbers": [],
            }
            for _ in range(self.dice.randrange(3))
        ]
        self.world.edit_reservation(
            stay["id"],
            note=self.dice.choice(ODD_TEXTS),
            status=self.dice.choice(("active", "cancelled")),
            guests=guests,
        )
        return None

    def shift_stay(self) -> bool | None:
        stay = self.pick(self.stays())
        if stay is None:
            return False
        days = self.dice.randint(-20, 60)
        checkout = date.fromisoformat(stay["checkout_date"]) + timedelta(days=days)
        if checkout.isoformat() < self.oldest_checkout:
            return False
        checkin = checkout - timedelta(days=3)
        self.world.edit_reservation(
            stay["id"], checkin_date=checkin.isoformat(), checkout_date=checkout.isoformat()
        )
        return None

    def add_stay(self) -> bool | None:
        home = self.pick(self.homes())
        if home is None:
            return False
        self.world.add_reservation(property_id=home, note=self.dice.choice(ODD_TEXTS))
        return None

    def _in_retired(self, stay_id: int) -> bool:
        return any(
            (task.get("linked_reservation") or {}).get("id") == stay_id
            for task in self.world.tasks.values()
            if task["home_id"] in self.retired
        )

    def move_stay(self) -> bool | None:
        stay, home = self.pick(self.stays()), self.pick(self.homes())
        if stay is None or home is None or stay.get("_hidden") or self._in_retired(stay["id"]):
            return False
        self.world.move_reservation(stay["id"], home)
        return None

    def delete_stay(self) -> bool | None:
        stay = self.pick(self.stays())
        if stay is None:
            return False
        self.world.delete_reservation(stay["id"], soft=self.dice.random() < 0.5)
        return None

    def hide_stay(self) -> bool | None:
        stay = self.pick([s for s in self.stays() if s["id"] in self.settled_stays])
        if stay is None:
            return False
        self.world.hide_reservation(stay["id"])
        return None

    # --- properties ---

    def edit_property(self) -> bool | None:
        home = self.pick(self.homes())
        if home is None:
            return False
        self.world.edit_property(
            home,
            name=f"House {self.dice.randrange(100)}",
            status=self.dice.choice(("active", "inactive", "pending_delete")),
            notes=self.dice.choice(({}, {"about": "Top floor"})),
        )
        return None

    def add_property(self) -> bool | None:
        if len(self.homes()) > 6:
            return False
        home = self.world.add_property()["id"]
        long_ago = self.world.now - timedelta(days=400)
        for _ in range(self.dice.randrange(3)):  # it comes with a history
            self.world.add_task(home_id=home, created_at=naive(long_ago), updated_at=zoned(long_ago))
        return None

    def hide_property(self) -> bool | None:
        """One stays on the list: an empty list is refused, whatever else is well."""
        listed = [p for p in self.homes() if p not in self.world.hidden_properties]
        if len(listed) < 2 or len(self.world.hidden_properties) > 1:
            return False
        home = self.pick(listed)
        self.world.hide_property(home)
        return None

    def unhide_property(self) -> bool | None:
        home = self.pick(sorted(self.world.hidden_properties))
        if home is None:
            return False
        self.world.unhide_property(home)
        return None

    def edit_property_details(self) -> bool | None:
        home = self.pick(self.homes())
        if home is None:
            return False
        self.lines += 1
        contact = {
            "id": self.lines,
            "type": "owner",
            "name": f"Owner {self.lines}",
            "email": "",
            "phone": None,
        }
        self.world.set_contacts(home, [contact][: self.dice.randrange(2)])
        self.world.set_property_tags(home, list(self.world.property_tags.values())[: self.dice.randrange(3)])
        return None

    # --- catalogues ---

    def edit_catalogue(self) -> bool | None:
        kind = self.dice.choice(CATALOGUES)
        store = getattr(self.world, kind)
        row_id = self.pick(sorted(store))
        if row_id is None:
            return False
        if self.dice.random() < 0.4:
            self.removed[kind, row_id] = dict(store[row_id])
            self.world.delete(kind, row_id)
        else:
            field_name = {"people": "type_role", "templates": "template_name"}.get(kind, "name")
            self.world.edit(kind, row_id, **{field_name: f"Edited {self.dice.randrange(100)}"})
        return None

    def restore_catalogue(self) -> bool | None:
        place = self.pick(sorted(place for place in self.removed if place[0] in CATALOGUES))
        if place is None:
            return False
        getattr(self.world, place[0])[place[1]] = self.removed.pop(place)
        return None


WEIGHTED: tuple[tuple[Callable[[Life], bool | None], int], ...] = (
    (Life.edit_task, 8),
    (Life.edit_late, 4),
    (Life.edit_lines, 8),
    (Life.add_task, 6),
    (Life.link_task, 6),
    (Life.move_task, 2),
    (Life.delete_task, 4),
    (Life.restore_task, 2),
    (Life.hide_task, 2),
    (Life.unhide_task, 2),
    (Life.comment, 3),
    (Life.answer, 3),
    (Life.edit_stay, 5),
    (Life.shift_stay, 3),
    (Life.add_stay, 4),
    (Life.move_stay, 4),
    (Life.delete_stay, 3),
    (Life.hide_stay, 1),
    (Life.edit_property, 2),
    (Life.add_property, 1),
    (Life.hide_property, 2),
    (Life.unhide_property, 2),
    (Life.edit_property_details, 2),
    (Life.edit_catalogue, 4),
    (Life.restore_catalogue, 2),
)
EVENTS = [event for event, _ in WEIGHTED]
