"""Invented lines of a task: costs, supplies, photos, checklist answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .stamps import naive, zoned
from .stores import Row


def rate_paid(variant: int) -> str | None:
    return ("120.00 USD", "1,200.50 USD", None, "85.00 USD", "", "0.00 USD", "0.00 USD")[variant % 7]


def costs(task_id: int, variant: int, amount: int, at: datetime) -> list[Row]:
    """None to two lines; the second one without an id."""
    kinds = ((1, "labor", "Labor"), (2, "material", "Material"), (8, "mark_up", "Mark Up"))
    rows: list[Row] = []
    for line in range((2, 1, 2, 0)[variant % 4]):
        kind_id, code, name = kinds[(variant + line) % 3]
        rows.append(
            {
                "id": None if line else task_id * 10 + 5,
                "cost": -5.0 if variant % 8 == 6 and line else amount + 0.5 * line,  # a credit now and then
                "description": None if variant % 3 == 0 else "Linen and sundries",
                "bill_to": "owner" if variant % 2 else "guest",
                "type_cost": {"id": kind_id, "code": code, "name": name},
                "created_at": zoned(at) if variant % 3 else naive(at),
                "updated_at": None if line else zoned(at),
            }
        )
    return rows


def supplies(catalogue: Sequence[Row], task_id: int, variant: int) -> list[Row]:
    rows: list[Row] = []
    for line in range((1, 2, 0)[variant % 3]):
        supply = catalogue[(variant + line) % len(catalogue)]
        quantity: Any = {5: 2_000_000_000, 7: None}.get(variant % 23 + 2 * line, 1 + variant % 3)
        cost = supply["unit_cost"]
        price = None if cost is None or quantity is None else round(cost * quantity, 4)
        rows.append(
            {
                "id": None if (variant + line) % 2 else task_id * 10 + line,
                "supply_id": supply["id"],
                "name": supply["name"],
                "description": "",
                "quantity": quantity,
                "size": supply["size"] or "",
                "unit_cost": cost,
                # The one line on record has the price of a unit here.
                "total_price": cost if variant % 5 == 1 else price,
                "bill_to": "owner",
                "billable": variant % 2 == 0,
                "markup_pricing_type": "percent" if variant % 2 else "flat_rate",
                "markup_rate": 0 if variant % 2 else 2.5,
            }
        )
    return rows


def photos(task_id: int, variant: int) -> list[Row]:
    return [
        {
            "id": str(task_id * 10 + number) if variant % 2 else task_id * 10 + number,
            "url": f"https://img.example.test/t/{task_id}-{number}.jpg",
        }
        for number in range(variant % 3)
    ]


ANSWERS = (
    ("condition", "Sofa", "good"),
    ("checklist", ["Wipe counters", "Empty bin"], "check"),
    ("photo", "Photo of the deck", None),
    ("count", "How many towels?", "12"),
    ("text", "How is the deck?", "Swept, one board is loose. " * 12),
    ("yes / no", "Is the gate shut?", "yes"),
    ("rating", "How clean was it?", "4"),
    ("condition", "Oven", "dirty"),
    ("condition", "Lamp", "damaged"),
    ("checklist", "Wipe counters", "check"),
)
"""Kind, action and answer: every kind of requirement."""


def requirements(number: int, *, done: bool) -> list[Row]:
    """Checklist answers; `action` is a string or a list, and no row has an id."""
    rows: list[Row] = []
    for place in range(1 + 2 * (done and number % 3 == 0)):
        kind, action, response = ANSWERS[(number + 3 * place) % len(ANSWERS)]
        rows.append(
            {
                "section_name": None if kind == "condition" else "Kitchen",
                "action": action,
                "response": response if done else None,
                "type_requirement": kind,
                "photo_required": kind == "photo",
                "photos": [f"https://img.example.test/q/{number}.jpg"] if done and kind == "photo" else [],
                "note": None,
                "home_element_name": "Living room" if kind == "condition" else None,
            }
        )
    return rows
