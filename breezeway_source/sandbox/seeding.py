"""Invented catalogues, properties and the order in which a world is filled.

Everything is a function of (region, seed, sizes) and absolute time: `now` only decides how much of
it has already happened.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from .seeding_stays import stays_of
from .seeding_tasks import TaskContext, tasks_of
from .stamps import UTC, naive
from .stores import Row, Stores

OPENED_AT = datetime(2023, 6, 1, 9, 0, tzinfo=UTC)

FIRST_NAMES = ("Ada", "Ben", "Cleo", "Dov", "Edda", "Finn", "Greta", "Hugo", "Ines", "Juno")
LAST_NAMES = ("Sample", "Example", "Specimen", "Muster", "Invented")

DEPARTMENTS = ("housekeeping", "inspection", "maintenance", "guest_services", "owner_services")
TEMPLATES = (
    ("Departure clean", "housekeeping"),
    ("Arrival inspection", "inspection"),
    ("Hot tub service", "maintenance"),
    ("Mid-stay tidy", "housekeeping"),
    ("Owner walk-through", "owner_services"),
)
SUPPLIES = (
    ("Air filter", 20.5),
    ("Linen set", 35.0),
    ("Light bulb", 3.25),
    ("Propane", 18.0),
    ("Soap", None),
    ("Chlorine", 12.125),
    ("Batteries", 6),
    ("Towels", 9.9),
)
BUSY_TASKS = 145


def fill(world: Stores, *, seed: int, properties: int, tasks: int, first: int) -> None:
    """Fill an empty world: catalogues, properties, their stays, their tasks."""
    _catalogues(world)
    busy_gap = properties < 6  # a small world still has two stays or more in each month
    for index in range(properties):
        property_id = first + index
        # Separate streams: a longer walk of the one does not shift the other.
        dice = random.Random(f"{world.region}/{seed}/{index}")
        stay_dice = random.Random(f"{world.region}/{seed}/{index}/stays")
        task_dice = random.Random(f"{world.region}/{seed}/{index}/tasks")
        row = _property(world, property_id, index, dice)
        world.properties[property_id] = row
        world.contacts[property_id] = _contacts(property_id, index)
        tags = list(world.property_tags.values())
        world.property_tag_links[property_id] = tags[: index % (len(tags) + 1)]
        stays = stays_of(
            property_id,
            row["reference_property_id"],
            stay_dice,
            now=world.now,
            gap_days=(3, 10) if busy_gap else (8, 30),
            tags=list(world.reservation_tags.values()),
        )
        for stay in stays:
            world.reservations[stay["id"]] = stay
        count = max(BUSY_TASKS, tasks) if index == 0 and tasks >= 12 else tasks
        context = TaskContext(
            property_id=property_id,
            index=index,
            reference_property_id=row["reference_property_id"],
            stays=stays,
            people=list(world.people.values()),
            supplies=list(world.supplies.values()),
            templates=list(world.templates.values()),
            subdepartments=list(world.subdepartments.values()),
            tags=list(world.task_tags.values()),
        )
        for seeded in tasks_of(context, task_dice, count=count, now=world.now):
            task_id = seeded.row["id"]
            world.tasks[task_id] = seeded.row
            if seeded.comments:
                world.comments[task_id] = seeded.comments
            if seeded.requirements:
                world.requirements[task_id] = seeded.requirements


def _catalogues(world: Stores) -> None:
    company = world.company_id
    for number in range(14):
        person = _person(number)
        world.people[person["id"]] = person
    for number, (name, cost) in enumerate(SUPPLIES):
        at = OPENED_AT + timedelta(days=number, hours=number)
        world.supplies[440 + number] = {
            "id": 440 + number,
            "company_id": company,
            "name": name,
            "description": "" if number % 2 else None,
            "size": ("M", "", None)[number % 3],
            "internal_id": "" if number % 2 else f"S-{number}",
            "unit_cost": cost,
            "stock_count": 40 - number,
            "low_stock_alert": number % 2 == 0,
            "low_stock_count": 5,
            "supply_category_id": None,
            "type_stock_status": {"code": "in_stock", "name": "In Stock"} if number % 4 else {},
            "is_billable": number % 3 != 0,
            "markup_pricing_type": "percent" if number % 2 else "flat_rate",
            "markup_rate": "22" if number % 2 else None,
            "supply_unit_type": "ea" if number % 3 else "",
            "total_price": None if cost is None or number % 2 else round(cost * 1.22, 2),
            "created_at": naive(at),
            "updated_at": naive(at + timedelta(days=2)),
            "_created_at": at,
        }
    for number, (name, department) in enumerate(TEMPLATES):
        world.templates[3301 + number] = {
            "id": 3301 + number,
            "template_name": name,
            "department_code": department,
        }
    for number, name in enumerate(("Laundry", "Hot tubs", "Inspectors")):
        world.subdepartments[51 + number] = {"id": 51 + number, "name": name}
    for number, name in enumerate(("deep", "pool", "pets", "vip")):
        world.task_tags[4 + number] = {"id": 4 + number, "name": name, "company_id": company}
    world.task_tags[5]["description"] = "Anything about the pool"
    for number, name in enumerate(("Pool", "Hot tub", "Lake view")):
        world.property_tags[12 + number] = {"id": 12 + number, "name": name, "company_id": company}
    for number, name in enumerate(("VIP", "Returning", "Early check-in")):
        world.reservation_tags[7 + number] = {"id": 7 + number, "name": name, "company_id": company}


def _person(number: int) -> Row:
    """Ten active people, two invited, two inactive; the invited have no name yet."""
    status = "active" if number < 10 else "invited" if number < 12 else "inactive"
    first, last = FIRST_NAMES[number % 10], LAST_NAMES[number % 5]
    row: Row = {
        "id": 650 + number,
        "active": status == "active",
        "accept_decline_tasks": number % 2 == 0,
        "emails": [] if number % 3 == 0 else [f"person{number}@example.test"],
        "employee_code": None if number % 2 else f"E-{number}",
        "type_role": "administrator" if number == 0 else "staff",
        "type_departments": [DEPARTMENTS[number % 5]],
        "groups": [{"id": 31, "name": "North", "parent_group_id": None}] if number % 4 == 0 else [],
        "availability": None,  # the documented form; live it is `shifts`
        "shifts": {
            "monday": {"active": True, "shifts": [{"start": "09:00:00", "end": "16:00:00"}]},
            "sunday": {"active": False, "shifts": []},
        },
        "_status": status,
    }
    if status == "invited":
        return {**row, "first_name": None, "last_name": None}
    if number % 7 == 3:  # the vendor's sample has `name` instead
        return {**row, "name": f"{first} {last}"}
    return {**row, "first_name": first, "last_name": last}


def _property(world: Stores, property_id: int, index: int, dice: random.Random) -> Row:
    odd = {11: "pending_delete", 17: "deleted"}
    status = odd.get(index % 23) or ("inactive" if index % 9 == 4 else "active")
    name = f"{dice.choice(('Harbour', 'Ridge', 'Meadow', 'Cedar'))} {dice.choice(('Loft', 'Cabin'))}"
    latitude = round(35 + dice.random(), 6)
    row: Row = {
        "id": property_id,
        "company_id": world.company_id,
        "name": f"{name} {index + 1}",
        "display": "",
        "status": status,
        "address1": f"{index + 1} Example Way",
        "address2": None,
        "building": "" if index % 2 else None,
        "city": "Sampleton",
        "state": "ME",
        "zipcode": "00000",
        "country": "us" if index % 2 else "US",
        "latitude": str(latitude) if index % 4 == 3 else latitude,
        "longitude": -round(83 + dice.random(), 6),
        "wifi_name": f"guest-{property_id}" if index % 2 else None,
        "wifi_password": f"not-a-secret-{property_id}" if index % 2 else None,
        "notes": _notes(index) if index % 3 else {},
        "groups": [{"id": 31, "name": "North", "parent_group_id": None}] if index % 2 else [],
        "photos": [_property_photo(property_id, number, index) for number in range(index % 4)],
        "reference_company_id": "" if index % 5 == 0 else None,
        "reference_property_id": None if index % 3 == 2 else f"PMS-{property_id}",
        "reference_external_property_id": f"ab{property_id}" if index % 2 else None,
        "_created_at": OPENED_AT + timedelta(hours=index),
        "_updated_at": OPENED_AT + timedelta(hours=index),
    }
    if index % 5:
        row["bedrooms"] = 1 + index % 5
        row["bathrooms"] = 2.5 if index % 4 == 1 else 2
    if index % 6 == 1:
        row |= {"living_area": 120.5, "year_built": 1998, "access_code": "0000", "guest_access_code": ""}
    return row


def _notes(index: int) -> Row:
    """Every key seen; most of them empty."""
    names = "general about access guest_access direction trash_info wifi wifi_info external housekeeping"
    return dict.fromkeys(names.split(), None) | {
        "about": "Top floor",
        "trash_info": "Monday" if index % 2 else "",
    }


def _property_photo(property_id: int, number: int, index: int) -> Row:
    photo_id = property_id * 10 + number
    return {
        "id": str(photo_id) if index % 4 == 3 else photo_id,
        "url": f"https://img.example.test/{photo_id}.jpg",
        "default": number == 0,
        "caption": None if number else "Front",
        "original_url": None if number else "",
    }


def _contacts(property_id: int, index: int) -> list[Row]:
    """None, one or two; every seventh property has the other shape a client must expect."""
    if index % 7 == 6:
        return [
            {
                "id": property_id * 10,
                "type_contact": "owner",
                "first_name": "Edda",
                "last_name": "Sample",
                "emails": ["owner@example.test"],
                "phone_numbers": ["+1 555 0100"],
            }
        ]
    return [
        {
            "id": property_id * 10 + number,
            "type": "owner" if number == 0 else "emergency",
            "name": f"{FIRST_NAMES[(index + number) % 10]} Example",
            "email": f"contact{property_id}.{number}@example.test" if number == 0 else "",
            "phone": "+1 555 0101" if number else None,
        }
        for number in range(index % 3)
    ]
