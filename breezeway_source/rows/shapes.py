"""How the API's objects become contract rows: one declarative mapping per table, and the odd objects' functions.

A column is read from the API key of its own name unless SHAPES says otherwise. builder.py carries this out.
Source: `breezeway-api.md`, sections 3 to 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..columns import Table
from .amounts import duration_seconds, money
from .values import is_empty


@dataclass(frozen=True)
class Weak:
    """A second source of a column, used where the first gives nothing; a differing value goes to `unparsed`."""

    column: str


@dataclass(frozen=True)
class Split:
    """One text column, and what can be read out of the text: `values` gives one value per column of `derived`.

    They are null where the text does not say: the text itself is kept, so nothing goes to `unparsed`.
    """

    column: str
    derived: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Nested:
    """An object flattened into the row: `fields` by its keys, other keys as `<prefix>_<key>`.

    A scalar in its place is read as the key `bare`, a whole number as `bare_number`. A list in its place counts by
    its first entry; the whole of it is kept in the column `whole`, or without one in `unparsed` if it has more than
    one. `personal_unknown`: other keys are personal.
    """

    prefix: str
    fields: Mapping[str, str | Weak]
    bare: str
    bare_number: str = ""
    reshape: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    personal_unknown: bool = False
    whole: str = ""


@dataclass(frozen=True)
class Ignored:
    """A known key left out on purpose."""

    why: str


Spec = str | tuple[str, ...] | Weak | Split | Nested | Ignored
"""A column, several columns that get the same value, or one of the above."""


@dataclass(frozen=True)
class Shape:
    """One table's mapping. `bare`: the column a scalar in place of the whole object goes to, for child entries."""

    fields: Mapping[str, Spec] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()  # columns no API key fills, beyond those every table has
    bare: str = ""
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


def _first(values: Any) -> Any:
    return next((value for value in values if not is_empty(value)), None)


def _coded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """{"name": "Housekeeping"} without a code: the name stands for it."""
    if not is_empty(value.get("code")) or is_empty(value.get("name")):
        return value
    return {**{key: item for key, item in value.items() if key != "name"}, "code": value["name"]}


def _without_zero(link: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ids begin with 1: a link to 0 is one by its external id, or none."""
    return {key: value for key, value in link.items() if key != "id" or value not in (0, "0")}


def _joined_name(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a `name` joined from first and last name where there is none."""
    if not is_empty(raw.get("name")):
        return raw
    parts = (raw.get("first_name"), raw.get("last_name"))
    name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    return {**raw, "name": name} if name else raw


def _take(raw: dict[str, Any], *keys: str) -> Any:
    """The first value among the keys that is not empty, taken out of `raw`."""
    for key in keys:
        if not is_empty(raw.get(key)):
            return raw.pop(key)
    return None


def _one_of(entry: Any, *keys: str) -> Any:
    """The entry itself, or if it is an object the value of the first of the keys that it has."""
    return _first(entry.get(key) for key in keys) if isinstance(entry, dict) else entry


def _contact(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A contact in the dictionary's own spelling. The API's is unknown (section 3.3): every likely one is read,
    every other key stays as it is."""
    contact = dict(raw)
    kind = _take(contact, "contact_type", "type", "type_contact", "role")
    emails = _take(contact, "emails", "email_addresses")
    email = _take(contact, "email", "email_address")
    phones = _take(contact, "phones", "phone_numbers")
    phone = _take(contact, "phone", "phone_number")
    if isinstance(email, list) and emails is None:
        email, emails = None, email
    if isinstance(phone, list) and phones is None:
        phone, phones = None, phone
    if emails is None and isinstance(email, dict):
        emails = [email]  # else its other keys would be lost
    if phones is None and isinstance(phone, dict):
        phones = [phone]
    if email is None and emails is not None:
        email = _first(emails if isinstance(emails, list) else [emails])
    if phone is None and phones is not None:
        phone = _first(phones if isinstance(phones, list) else [phones])
    if isinstance(kind, dict):
        contact.update({f"contact_type_{key}": value for key, value in kind.items()})
        kind = _take(contact, "contact_type_name", "contact_type_code")
    contact.update(
        contact_type=kind,
        email=_one_of(email, "email", "address", "value"),
        emails=emails,
        phone=_one_of(phone, "number", "phone", "phone_number", "value"),
        phones=phones,
    )
    return _joined_name(contact)


def _amount_and_currency(value: Any) -> tuple[Any, ...]:
    return money(value) or (None, None)


def _seconds(value: Any) -> tuple[Any, ...]:
    return (duration_seconds(value),)


def _person(key: str) -> Nested:
    return Nested(
        key,
        {"id": f"{key}_id", "name": f"{key}_name"},
        bare="name",
        bare_number="id",
        personal_unknown=True,  # an e-mail address, most likely
    )


def _type(key: str) -> Nested:
    return Nested(key, {"code": f"{key}_code", "name": f"{key}_name"}, bare="code")


def _code(key: str, column: str = "") -> Nested:
    """A code that some answers give as {code, name}."""
    return Nested(key, {"code": column or key}, bare="code", reshape=_coded)


_SUBDEPARTMENT = {"id": "subdepartment_id", "name": "subdepartment_name"}

SHAPES: dict[str, Shape] = {
    "tasks": Shape(
        {
            "id": "task_id",
            "home_id": ("home_id", "property_id"),
            "property_id": Weak("property_id"),
            "template": Nested(
                "template",
                {"id": Weak("template_id"), "name": "template_name"},
                bare="name",
                bare_number="id",
            ),
            "type_department": _code("type_department"),
            "subdepartment": Nested("subdepartment", _SUBDEPARTMENT, bare="name", bare_number="id"),
            "subdepartments": Nested(
                "subdepartment",
                {key: Weak(column) for key, column in _SUBDEPARTMENT.items()},
                bare="name",
                bare_number="id",
                whole="subdepartments",
            ),
            "type_priority": _code("type_priority"),
            "type_task_status": Nested(
                "task_status",
                {"code": "task_status_code", "name": "task_status_name", "stage": "task_status_stage"},
                bare="code",
            ),
            "created_by": _person("created_by"),
            "started_by": _person("started_by"),
            "finished_by": _person("finished_by"),
            "requested_by": _person("requested_by"),
            "linked_reservation": Nested(
                "linked_reservation",
                {"id": "linked_reservation_id", "external_reservation_id": "linked_reservation_external_id"},
                bare="id",
                reshape=_without_zero,
            ),
            "summary": Nested(
                "summary",
                {
                    "id": "summary_id",
                    "note": "summary_note",
                    "created_at": "summary_created_at",
                    "updated_at": "summary_updated_at",
                },
                bare="note",
            ),
            "rate_paid": Split("rate_paid", ("rate_paid_amount", "rate_paid_currency"), _amount_and_currency),
            "total_time": Split("total_time", ("total_time_seconds",), _seconds),
            "comments": Ignored(
                "only some answers carry them: task_details reads them all from their own endpoint"
            ),
        },
        ours=frozenset({"lines_from", "reservation_pk", "property_pk", "link_status"}),
    ),
    "tasks__supplies": Shape({"id": "supply_usage_id"}, bare="name"),
    "tasks__costs": Shape(
        {
            "id": "cost_id",
            "type_cost": Nested(
                "type_cost",
                {"id": "type_cost_id", "code": "type_cost_code", "name": "type_cost_name"},
                bare="code",
                bare_number="id",
            ),
        },
    ),
    "tasks__assignments": Shape(
        {"id": "assignment_id", "type_task_user_status": _code("type_task_user_status")}, bare="name"
    ),
    "tasks__photos": Shape({"id": "photo_id"}, bare="url"),
    "tasks__task_tags": Shape({"id": "tag_id"}, bare="name"),
    "reservations": Shape(
        {
            "id": "reservation_id",
            "status": _code("status"),
            "type_guest": _type("type_guest"),
            "type_stay": _type("type_stay"),
            "type_reservation": _type("type_reservation"),
            "source": _code("source"),
        },
        ours=frozenset({"property_pk", "content_hash"}),
    ),
    "reservations__tags": Shape({"id": "tag_id"}, bare="name"),
    "properties": Shape({"id": "property_id", "status": _code("status")}),
    "properties__photos": Shape({"id": "photo_id"}, bare="url"),
    "property_details__contacts": Shape(
        {"id": "contact_id", "contact_id": Weak("contact_id")}, prepare=_contact
    ),
    "property_details__tags": Shape({"id": "tag_id"}, bare="name"),
    "task_details__comments": Shape(
        {
            "id": "comment_id",
            "comment_by": Nested(
                "comment_by", {"id": "comment_by_id", "name": "comment_by"}, bare="name", bare_number="id"
            ),
            "author": Nested(
                "author", {"id": "author_id", "name": "author_name"}, bare="name", bare_number="id"
            ),
        },
        bare="comment",
    ),
    "task_details__requirements": Shape({"type_requirement": _code("type_requirement")}),
    "people": Shape({"id": "person_id", "type_role": _code("type_role")}, prepare=_joined_name),
    "supplies": Shape({"id": "supply_id", "type_stock_status": _type("type_stock_status")}),
    "templates": Shape(
        {
            "id": "template_id",
            "template_name": "name",
            "name": Weak("name"),
            "department_code": "department",
            "department": Nested("department", {"code": Weak("department")}, bare="code", reshape=_coded),
        }
    ),
    "tags": Shape({"id": "tag_id"}, ours=frozenset({"tag_kind"})),
    "property_details": Shape(),
    "task_details": Shape(),
}
"""Root and child tables by name. A root table not listed has `id` as its own id."""


def shape_of(table: Table) -> Shape:
    return SHAPES.get(table.name) or Shape({"id": table.key[-1]} if table.key else {})
