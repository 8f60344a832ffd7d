"""Invented lines of a task: costs, supplies, photos, checklist answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .stamps import naive, zoned
from .stores import Row


def rate_paid(variant: int) -> str | None:
    return ("120.00 USD", "1,200.50 USD", None, "85.00 USD", "")[variant % 5]


def costs(task_id: int, variant: int, amount: int, at: datetime) -> list[Row]:
    """None to two lines; the second one without an id."""
    kinds = ((1, "labor", "Labor"), (2, "material", "Material"), (8, "mark_up", "Mark Up"))
    rows: list[Row] = []
    for line in range((2, 1, 2, 0)[variant % 4]):
        kind_id, code, name = kinds[(variant + line) % 3]
        rows.append(
            {
                "id": None if line else task_id * 10 + 5,
                "cost": amount + 0.5 * line,
                "description": None if variant % 3 == 0 else "Linen and sundries",
                "bill_to": "owner" if variant % 2 else "guest",
                "type_cost": {"id": kind_id, "code": code, "name": name},
                "created_at": naive(at),
                "updated_at": None if line else zoned(at),
            }
        )
    return rows


def supplies(catalogue: Sequence[Row], task_id: int, variant: int) -> list[Row]:
    rows: list[Row] = []
    for line in range((1, 2, 0)[variant % 3]):
        supply = catalogue[(variant + line) % len(catalogue)]
        quantity, cost = 1 + variant % 3, supply["unit_cost"]
        rows.append(
            {
                "id": None if (variant + line) % 2 else task_id * 10 + line,
                "supply_id": supply["id"],
                "name": supply["name"],
                "description": "",
                "quantity": quantity,
                "size": supply["size"] or "",
                "unit_cost": cost,
                "total_price": None if cost is None else round(cost * quantity, 4),
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


def requirements(number: int, *, done: bool) -> list[Row]:
    """Checklist answers; `action` is a string or a list, and no row has an id."""
    rows: list[Row] = [
        {
            "section_name": "Kitchen",
            "action": ["Wipe counters", "Empty bin"] if number % 2 else "Wipe counters",
            "response": "check" if done else None,
            "type_requirement": "checklist",
            "photo_required": False,
            "photos": [],
            "note": None,
            "home_element_name": None,
        }
    ]
    if done and number % 3 == 0:
        rows.append(
            {
                **rows[0],
                "section_name": "Deck",
                "action": "How is the deck?",
                "response": "Swept, one board is loose. " * 12,
                "type_requirement": "text",
                "photos": [f"https://img.example.test/q/{number}.jpg"],
            }
        )
    return rows
