"""The world a stand-in API serves: seeded rows, and the edits a story makes to them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from . import seeding
from .stamps import naive, parse, zoned
from .stores import Row, Rows, Stores, public, task_status


class World(Stores):
    """The truth of one company. Edits are thread-safe and stamp the row with `world.now`."""

    @classmethod
    def seeded(
        cls,
        region: str,
        *,
        seed: int = 0,
        now: datetime,
        properties: int = 24,
        tasks_per_property: int = 12,
        company_id: int | None = None,
        first_property_id: int = 2001,
    ) -> World:
        """Invented rows, the same for the same region, seed and sizes.

        The same call with a later `now` gives the same world grown older. About
        `tasks_per_property` tasks a property by the end of 2026; from 12 on, the first property has
        145, hence two pages. Ids repeat from region to region unless `first_property_id` differs.
        """
        company = 9001 + zlib.crc32(region.encode()) % 900 if company_id is None else company_id
        world = cls(region, now=now, company_id=company)
        seeding.fill(
            world, seed=seed, properties=properties, tasks=tasks_per_property, first=first_property_id
        )
        return world

    # -- properties ------------------------------------------------------------------------------

    def add_property(self, **fields: Any) -> Row:
        """A new property; give any field, `id` too."""
        with self.lock:
            row_id = self._new_id(self.properties, fields)
            defaults = {
                "id": row_id,
                "company_id": self.company_id,
                "name": f"New House {row_id}",
                "display": "",
                "status": "active",
                "address1": f"{row_id} Example Way",
                "city": "Sampleton",
                "latitude": 35.5,
                "longitude": -83.5,
                "notes": {},
                "groups": [],
                "photos": [],
                "reference_property_id": f"PMS-{row_id}",
            }
            return self._add(self.properties, defaults, fields)

    def edit_property(self, property_id: int, **changes: Any) -> Row:
        """Change fields; nothing the API returns tells when."""
        return self._edit(self.properties, property_id, changes)

    def delete_property(self, property_id: int) -> None:
        """Gone: absent from the list, 404 by id, 422 as `home_id`. Its stays and tasks live on by id."""
        with self.lock:
            del self.properties[property_id]

    def hide_property(self, property_id: int) -> None:
        """Absent from the list only."""
        with self.lock:
            self.hidden_properties.add(property_id)

    def unhide_property(self, property_id: int) -> None:
        with self.lock:
            self.hidden_properties.discard(property_id)

    def set_contacts(self, property_id: int, contacts: Sequence[Row]) -> None:
        with self.lock:
            self.contacts[property_id] = list(contacts)

    def set_property_tags(self, property_id: int, tags: Sequence[Row]) -> None:
        with self.lock:
            self.property_tag_links[property_id] = list(tags)

    # -- stays -----------------------------------------------------------------------------------

    def add_reservation(self, *, property_id: int, **fields: Any) -> Row:
        """A new stay: by default tomorrow, for three nights, one guest."""
        with self.lock:
            row_id = self._new_id(self.reservations, fields)
            day = self.now.date()
            defaults = {
                "id": row_id,
                "property_id": property_id,
                "status": "active",
                "checkin_date": (day + timedelta(days=1)).isoformat(),
                "checkin_time": "16:00:00",
                "checkin_early": None,
                "checkout_date": (day + timedelta(days=4)).isoformat(),
                "checkout_time": "10:00:00",
                "checkout_late": None,
                "note": None,
                "guests": [{"first_name": "Ada", "last_name": "Sample", "emails": [], "phone_numbers": []}],
                "tags": [],
                "type_guest": {"code": "guest", "name": "Guest"},
                "type_stay": {"code": "guest", "name": "Guest"},
                "type_reservation": {"code": "booking", "name": "Booking"},
                "reference_reservation_id": f"R-{row_id}",
            }
            return self._add(self.reservations, defaults, fields)

    def edit_reservation(self, reservation_id: int, *, touch: bool = True, **changes: Any) -> Row:
        """Change fields. `touch=False` leaves the hidden updated_at alone."""
        return self._edit(self.reservations, reservation_id, changes, touch=touch)

    def delete_reservation(self, reservation_id: int) -> None:
        """Gone from every list, 404 by id; tasks keep their link to it."""
        with self.lock:
            del self.reservations[reservation_id]

    def move_reservation(self, reservation_id: int, property_id: int) -> Row:
        """To another property: deleted and created under a new id, its tasks linked to the new one."""
        with self.lock:
            old = self.reservations.pop(reservation_id)
            kept = {key: value for key, value in public(old).items() if key not in ("id", "property_id")}
            new = self.add_reservation(property_id=property_id, **kept)
            for task in list(self.tasks.values()):
                link = task.get("linked_reservation")
                if link and link["id"] == reservation_id:
                    self.edit_task(task["id"], linked_reservation={**link, "id": new["id"]})
            return new

    # -- tasks -----------------------------------------------------------------------------------

    def add_task(self, *, home_id: int, **fields: Any) -> Row:
        """A new task of a property, status `created`; `status="finished"` is short for the status object."""
        with self.lock:
            row_id = self._new_id(self.tasks, fields)
            defaults = {
                "id": row_id,
                "name": f"New task {row_id}",
                "description": None,
                "home_id": home_id,
                "reference_property_id": "",
                "type_department": "housekeeping",
                "type_priority": "normal",
                "type_task_status": task_status("created"),
                "scheduled_date": self.today,
                "created_at": naive(self.now),
                "updated_at": zoned(self.now),
                "assignments": [],
                "photos": [],
                "costs": [],
                "supplies": [],
                "tags": [],
                "task_tags": [],
                "linked_reservation": None,
            }
            return self._add(self.tasks, defaults, _with_status(fields))

    def edit_task(self, task_id: int, *, touch: bool = True, **changes: Any) -> Row:
        """Change fields and move `updated_at` to now; `touch=False` leaves it (costs may not move it)."""
        changes = _with_status(changes)
        if touch:
            changes.setdefault("updated_at", zoned(self.now))
        return self._edit(self.tasks, task_id, changes, touch=touch)

    def set_supplies(self, task_id: int, supplies: Sequence[Row], *, touch: bool = True) -> Row:
        return self.edit_task(task_id, touch=touch, supplies=list(supplies))

    def set_costs(self, task_id: int, costs: Sequence[Row], *, touch: bool = True) -> Row:
        return self.edit_task(task_id, touch=touch, costs=list(costs))

    def set_comments(self, task_id: int, comments: Sequence[Row], *, touch: bool = True) -> None:
        """Replace a task's comments; `touch=False` leaves the task's `updated_at`."""
        with self.lock:
            self.comments[task_id] = list(comments)
            self.edit_task(task_id, touch=touch)

    def set_requirements(self, task_id: int, requirements: Sequence[Row], *, touch: bool = True) -> None:
        """Replace a task's checklist answers; `touch=False` leaves the task's `updated_at`."""
        with self.lock:
            self.requirements[task_id] = list(requirements)
            self.edit_task(task_id, touch=touch)

    def delete_task(self, task_id: int, soft: bool = False) -> None:
        """Hard: 404 by id. Soft: 200 by id with status `deleted`. Not listed either way."""
        with self.lock:
            if soft:
                self.edit_task(task_id, status="deleted")
            else:
                del self.tasks[task_id]

    def hide_task(self, task_id: int) -> None:
        """Absent from the lists, live by id."""
        with self.lock:
            self.hidden_tasks.add(task_id)

    def unhide_task(self, task_id: int) -> None:
        with self.lock:
            self.hidden_tasks.discard(task_id)

    # -- catalogues ------------------------------------------------------------------------------

    def add(self, kind: str, **fields: Any) -> Row:
        """A new row of a catalogue (`people`, `supplies`, `templates`, `task_tags`, ...), as given."""
        with self.lock:
            store = self._store(kind)
            return self._add(store, {"id": self._new_id(store, fields)}, fields)

    def edit(self, kind: str, row_id: int, **changes: Any) -> Row:
        """Change fields of a row of a catalogue."""
        return self._edit(self._store(kind), row_id, changes)

    def delete(self, kind: str, row_id: int) -> None:
        """Take a row out of a store named like the attribute: `world.delete("people", 655)`."""
        with self.lock:
            del self._store(kind)[row_id]

    def _store(self, kind: str) -> Rows:
        store = getattr(self, kind, None)
        if not isinstance(store, Rows):
            raise KeyError(f"no store is called {kind!r}")
        return store

    def _new_id(self, store: Rows, fields: Row) -> int:
        if "id" in fields:
            return int(fields["id"])
        store.last_id = max(store.last_id, max(store, default=0)) + 1  # an id is never used twice
        return store.last_id

    def _add(self, store: Rows, defaults: Row, fields: Row) -> Row:
        row = {**defaults, "_created_at": self.now, "_updated_at": self.now, **deepcopy(fields)}
        if "created_at" in fields:
            row["_created_at"] = parse(fields["created_at"])
        store[row["id"]] = row
        return row

    def _edit(self, store: Rows, row_id: int, changes: Row, *, touch: bool = True) -> Row:
        with self.lock:
            row = {**store[row_id], **deepcopy(changes)}
            if touch:
                row["_updated_at"] = self.now
            store[row_id] = row  # a new object: an answer being written keeps the old one
            return row


def _with_status(fields: Row) -> Row:
    """`status="finished"` as the object the API has."""
    fields = dict(fields)
    if "status" in fields:
        fields["type_task_status"] = task_status(fields.pop("status"))
    return fields
