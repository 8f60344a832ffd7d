"""Worlds small enough for a run a second, and short questions to the sandbox about its log."""

from __future__ import annotations

from datetime import timedelta

import pendulum

from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.stores import Row

NOW = pendulum.datetime(2026, 3, 10, 9, 30, tz="UTC")


def small_world(
    *,
    region: str = "smoky",
    now: pendulum.DateTime = NOW,
    properties: int = 3,
    tasks: int = 4,
    seed: int = 0,
    stays_days: int = 90,
    first_property_id: int = 2001,
    kind: type[World] = World,
) -> World:
    """A smoky whose stays reach back `stays_days`, and further where a task is linked to one."""
    world = kind.seeded(
        region,
        now=now,
        properties=properties,
        tasks_per_property=tasks,
        seed=seed,
        first_property_id=first_property_id,
    )
    linked = {(task.get("linked_reservation") or {}).get("id") for task in world.tasks.values()}
    oldest = (now.date() - timedelta(days=stays_days)).isoformat()
    newest = (now.date() + timedelta(days=stays_days)).isoformat()
    for stay in list(world.reservations.values()):
        if not oldest <= stay["checkout_date"] <= newest and stay["id"] not in linked:
            del world.reservations[stay["id"]]
    return world


def task_windows(sandbox: Sandbox) -> dict[int, str | None]:
    """By property the window of days its tasks were last asked for; None: asked for all of them."""
    return {
        int(request.query["home_id"]): request.query.get("updated_at")
        for request in sandbox.logged()
        if request.endpoint == "/task"
    }


def asked_by_id(sandbox: Sandbox, endpoint: str) -> list[int]:
    """The ids asked for one by one, in order: `asked_by_id(sandbox, "/task/{id}")`."""
    return [int(r.path.rsplit("/", 1)[1]) for r in sandbox.logged() if r.endpoint == endpoint]


def ago(**duration: int) -> str:
    """A time before NOW as the API writes `updated_at`."""
    return NOW.subtract(**duration).format("YYYY-MM-DDTHH:mm:ssZ")


class HidingWorld(World):
    """Stays with `_hidden` are in no list; by id they are answered."""

    def stays_by_checkout(self, first: str = "", last: str = "9999-12-31") -> list[Row]:
        return [row for row in super().stays_by_checkout(first, last) if not row.get("_hidden")]

    def hide_reservation(self, reservation_id: int) -> None:
        self.edit_reservation(reservation_id, touch=False, _hidden=True)

    def delete_reservation(self, reservation_id: int, soft: bool = False) -> None:
        """Hard: 404 by id. Soft: 200 by id with status `deleted`. Not listed either way."""
        if soft:
            self.edit_reservation(reservation_id, status="deleted", _hidden=True)
        else:
            super().delete_reservation(reservation_id)
