"""What the tables must hold, told from the sandbox's raw rows alone: the tests' own reading of the API reference.

Deliberately not made with rows.py: a mistake there must not be repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from breezeway_source.columns import TABLES, Table
from breezeway_source.sandbox.stamps import parse
from breezeway_source.sandbox.world import World

Row = dict[str, Any]
Getter = Callable[[Row], Any]

TABLE = {t.name: t for root in TABLES.values() for t in (root, *root.children)}
OURS = {
    "region_code",
    "content_hash",
    "lines_from",
    "synced_at",
    "unparsed",
    "reservation_pk",
    "property_pk",
    "link_status",
}


def typed(kind: str, raw: Any) -> Any:
    """A raw value as its column's type; None for the API's five forms of "nothing", and for "n/a"."""
    if raw in (None, "", "n/a", [], {}):
        return None
    if kind == "json":
        return raw if isinstance(raw, (dict, list)) else [raw]
    make: Callable[[Any], Any] = {
        "bigint": int,
        "text": str,
        "decimal": lambda value: Decimal(str(value)),
        "double": float,
        "bool": bool,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "timestamp": parse,
    }[kind]
    return make(raw)


def _in(key: str, field: str, bare: str = "") -> Getter:
    """A field of a nested object; `bare` is the one a scalar stands for."""
    return lambda raw: (
        (raw.get(key) or {}).get(field)
        if isinstance(raw.get(key) or {}, dict)
        else (raw[key] if field == bare else None)
    )


def _of_first(key: str, field: str) -> Getter:
    """A field of the first object of a list."""
    return lambda raw: next((entry.get(field) for entry in raw.get(key) or ()), None)


def _first_of(*getters: Getter) -> Getter:
    return lambda raw: next((found for getter in getters if (found := getter(raw)) not in (None, "")), None)


def _seconds(raw: Row) -> int | None:
    if not raw.get("total_time"):
        return None
    hours, minutes, seconds = map(int, raw["total_time"].split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _joined(raw: Row) -> str | None:
    return raw.get("name") or " ".join(filter(None, (raw.get("first_name"), raw.get("last_name")))) or None


def _person(key: str) -> dict[str, Getter]:
    return {f"{key}_id": _in(key, "id"), f"{key}_name": _in(key, "name", bare="name")}


def _type(key: str) -> dict[str, Getter]:
    return {f"{key}_code": _in(key, "code"), f"{key}_name": _in(key, "name")}


def _id(column: str) -> dict[str, Getter]:
    return {column: lambda raw: raw.get("id")}


def _list_of(key: str, one: str) -> dict[str, Getter]:
    """A contact's phones and phone, which come as a list or alone."""
    return {
        key: lambda raw: raw.get(key) or raw.get("phone_numbers" if key == "phones" else key),
        one: lambda raw: (
            raw.get(one) or next(iter(raw.get("phone_numbers" if key == "phones" else key) or ()), None)
        ),
    }


GETTERS: dict[str, dict[str, Getter]] = {
    "properties": _id("property_id"),
    "properties__photos": _id("photo_id"),
    "reservations": {
        **_id("reservation_id"),
        **_type("type_guest"),
        **_type("type_stay"),
        **_type("type_reservation"),
    },
    "reservations__tags": _id("tag_id"),
    "tasks": {
        **_id("task_id"),
        "property_id": lambda raw: raw["home_id"],
        "template_id": _first_of(lambda raw: raw.get("template_id"), _in("template", "id")),
        "template_name": _in("template", "name", bare="name"),
        "subdepartment_id": _first_of(_in("subdepartment", "id"), _of_first("subdepartments", "id")),
        "subdepartment_name": _first_of(_in("subdepartment", "name"), _of_first("subdepartments", "name")),
        **{f"task_status_{part}": _in("type_task_status", part) for part in ("code", "name", "stage")},
        **_person("created_by"),
        **_person("started_by"),
        **_person("finished_by"),
        **_person("requested_by"),
        "linked_reservation_id": _in("linked_reservation", "id"),
        "linked_reservation_external_id": _in("linked_reservation", "external_reservation_id"),
        **{
            f"summary_{part}": _in("summary", part, bare="note")
            for part in ("id", "note", "created_at", "updated_at")
        },
        "rate_paid_amount": lambda raw: (raw.get("rate_paid") or " ").split(" ")[0].replace(",", ""),
        "rate_paid_currency": lambda raw: (raw.get("rate_paid") or " ").split(" ")[1],
        "total_time_seconds": _seconds,
    },
    "tasks__supplies": _id("supply_usage_id"),
    "tasks__costs": {
        **_id("cost_id"),
        **{f"type_cost_{part}": _in("type_cost", part) for part in ("id", "code", "name")},
    },
    "tasks__assignments": _id("assignment_id"),
    "tasks__photos": _id("photo_id"),
    "tasks__task_tags": _id("tag_id"),
    "people": {**_id("person_id"), "name": _joined, "status": lambda raw: raw["_status"]},
    "supplies": {**_id("supply_id"), **_type("type_stock_status")},
    "templates": {
        **_id("template_id"),
        "name": lambda raw: raw["template_name"],
        "department": lambda raw: raw["department_code"],
    },
    "subdepartments": _id("subdepartment_id"),
    "tags": _id("tag_id"),
    "property_details__contacts": {
        **_id("contact_id"),
        "contact_type": _first_of(lambda raw: raw.get("type"), lambda raw: raw.get("type_contact")),
        "name": _joined,
        **_list_of("emails", "email"),
        **_list_of("phones", "phone"),
    },
    "property_details__tags": _id("tag_id"),
    "task_details__comments": _id("comment_id"),
}


def row(table: str, raw: Mapping[str, Any], **known: Any) -> Row:
    """The row of a raw object without the columns of OURS; `known` are those its parent or its list gives."""
    getters = GETTERS.get(table, {})
    return {
        column.name: known[column.name]
        if column.name in known
        else typed(
            column.kind, getters.get(column.name, lambda raw, name=column.name: raw.get(name))(dict(raw))
        )
        for column in TABLE[table].columns
        if column.name not in OURS and not (column.name == "deleted_at" and table in TABLES)
    }


def lines(table: str, parent: Mapping[str, Any], raws: list[Row] | None) -> list[Row]:
    """The child rows of one parent, in the order of the API."""
    return [row(table, raw, **parent, position=position) for position, raw in enumerate(raws or ())]


def truth(world: World, stays: set[int]) -> dict[str, list[Row]]:
    """Every table's rows: the whole world, of the stays those named."""
    wanted: dict[str, list[Row]] = {name: [] for name in TABLE}
    for raw in world.properties.values():
        wanted["properties"].append(row("properties", raw))
        parent = {"property_id": raw["id"]}
        wanted["properties__photos"] += lines("properties__photos", parent, raw["photos"])
        wanted["property_details"].append(row("property_details", {}, **parent))
        contacts, tags = world.contacts.get(raw["id"]), world.property_tag_links.get(raw["id"])
        wanted["property_details__contacts"] += lines("property_details__contacts", parent, contacts)
        wanted["property_details__tags"] += lines("property_details__tags", parent, tags)
    for raw in (world.reservations[stay] for stay in stays):
        wanted["reservations"].append(row("reservations", raw))
        for child in ("tags", "guests"):
            parent = {"reservation_id": raw["id"]}
            wanted[f"reservations__{child}"] += lines(f"reservations__{child}", parent, raw[child])
    for raw in world.tasks.values():
        wanted["tasks"].append(row("tasks", raw))
        parent = {"task_id": raw["id"]}
        for child in ("supplies", "costs", "assignments", "photos", "task_tags"):
            wanted[f"tasks__{child}"] += lines(f"tasks__{child}", parent, raw.get(child))
        wanted["task_details"].append(
            row("task_details", {}, **parent, task_updated_at=typed("timestamp", raw["updated_at"]))
        )
        comments, answers = world.comments.get(raw["id"]), world.requirements.get(raw["id"])
        wanted["task_details__comments"] += lines("task_details__comments", parent, comments)
        wanted["task_details__requirements"] += lines("task_details__requirements", parent, answers)
    for name in ("people", "supplies", "templates", "subdepartments"):
        wanted[name] = [row(name, raw) for raw in getattr(world, name).values()]
    for tag_kind in ("task", "property", "reservation"):
        store = getattr(world, f"{tag_kind}_tags")
        wanted["tags"] += [row("tags", raw, tag_kind=tag_kind) for raw in store.values()]
    return wanted


def loaded(table: Table, columns: list[str], rows: list[tuple[Any, ...]]) -> list[Row]:
    """Rows of a database as Python holds them on both: JSON as objects."""
    kinds = [table.by_name[column].kind for column in columns]
    return [
        {
            column: json.loads(value) if kind == "json" and isinstance(value, str) else value
            for column, kind, value in zip(columns, kinds, found, strict=True)
        }
        for found in rows
    ]
