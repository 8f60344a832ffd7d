"""Contacts and tags of properties, one property at a time (breezeway-api.md, sections 3.3 and 3.4).

They cost two requests a property: new ones are asked at once, and a seventh of the others a day.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..reading import Reading
from ..rows.fields import record_id, text
from .bare_lists import LONG_AGO, BareLists, Found, Lines, given
from .ledger import begins
from .properties import refuses_empty

NAME = "property_details"
DAYS_TO_READ_ALL = 7


@dataclass(frozen=True)
class PropertyJob:
    """Contacts and tags of one property; the reference id leads to the other documented path."""

    property_id: int
    reference_id: str | None
    found: Mapping[str, Found] | None = None  # asked already, and a list without its loaded lines


class PropertyDetails:
    """One row per property with its contacts and tags."""

    def __init__(self) -> None:
        self._lists = BareLists(NAME, "/property/{id}")
        self._held: Collection[Lines] = ()
        self._refused: dict[str, str] = {}
        self._emptied: list[PropertyJob] = []

    def jobs(self, reading: Reading) -> Iterator[PropertyJob | None]:
        """New properties, and so many of the others that a week reads all; every one with --full."""
        while reading.properties.rows() is None:
            yield None
        if "properties" not in reading.plan.entities and refuses_empty(reading):
            return
        listed = _references(reading.properties.rows() or [])
        plan = reading.plan
        self._held = reading.warehouse.properties_with_lines()
        read_at = self._asked(reading, listed)
        if plan.properties:
            due = [property_id for property_id in listed if property_id in plan.properties]
        elif plan.full or begins(reading, NAME):
            due = list(listed)
        else:
            due = _due_properties(listed, read_at, reading.started_at)
        stage = reading.stage(NAME)
        stage.expect("properties", len(due))
        for property_id in due:
            yield PropertyJob(property_id, listed[property_id])
        while not stage.idle:
            yield None
        yield from self._believed(reading)
        self._lists.tell(reading, {name for _, name in self._held})

    def _believed(self, reading: Reading) -> Iterator[PropertyJob]:
        """Properties to write although a list no longer has what is loaded."""
        state = reading.state(NAME)
        found = [(job.property_id, job.found or {}) for job in self._emptied]
        kept = {property_id for property_id, _ in self._lists.emptied(reading, state, found, self._held)}
        for job in self._emptied:
            if job.property_id in kept:
                self._refused[str(job.property_id)] = reading.started_at.isoformat()
            else:
                yield job

    def _asked(self, reading: Reading, listed: Mapping[int, Any]) -> dict[int, datetime]:
        """When each property was asked last. A refusal counts: else the refused ones would be asked day after
        day, as the longest unread, and the others never."""
        state = reading.state(NAME)
        refused = {key: at for key, at in state.get("refused", {}).items() if int(key) in listed}
        self._refused = state["refused"] = refused
        asked = dict(reading.warehouse.property_details_read())
        for key, at in refused.items():
            asked[int(key)] = max(asked.get(int(key), LONG_AGO), datetime.fromisoformat(at))
        return asked

    def read(self, reading: Reading, job: PropertyJob) -> list[dict[str, Any]]:
        """Both lists of one property."""
        found = job.found
        if found is None:
            found = self._ask(reading, job)
            if self._lists.refused_of(job.property_id, found, self._held):
                self._refused[str(job.property_id)] = reading.started_at.isoformat()
                return []
            if any(rows == [] and (job.property_id, name) in self._held for name, rows in found.items()):
                self._emptied.append(replace(job, found=found))
                return []
        self._refused.pop(str(job.property_id), None)
        row = reading.row(NAME, {"property_id": job.property_id} | given(found))
        return [row] if row is not None else []

    def _ask(self, reading: Reading, job: PropertyJob) -> dict[str, Found]:
        place = f"/property/{job.property_id}"
        contacts = [f"{place}/contacts"]
        if job.reference_id:
            contacts.append(f"/property/external-id/{quote(job.reference_id, safe='')}/contacts")
        return {
            "contacts": self._lists.read(reading, "contacts", *contacts),
            "tags": self._lists.read(reading, "tags", f"{place}/tags"),
        }


def _references(raws: Iterable[Mapping[str, Any]]) -> dict[int, str | None]:
    """The reference id by listed property, where it means that property alone.

    A retired property may still hold the reference that a live one took over (breezeway-api.md, section 3.2):
    then it leads to the live one.
    """
    holders: dict[str, list[tuple[bool, int]]] = {}
    references: dict[int, str | None] = {}
    for raw in raws:
        property_id, reference = record_id(raw), text(raw, "reference_property_id")
        if property_id is not None:
            references[property_id] = None
            if reference is not None:
                holders.setdefault(reference, []).append((raw.get("status") == "active", property_id))
    for reference, held in holders.items():
        active = [property_id for is_active, property_id in held if is_active]
        alone = active if len(held) > 1 else [property_id for _, property_id in held]
        if len(alone) == 1:
            references[alone[0]] = reference
    return references


def _due_properties(listed: Mapping[int, Any], read_at: Mapping[int, datetime], now: datetime) -> list[int]:
    """The new ones, then the longest unread; what was read earlier today counts towards today's seventh."""
    new = [property_id for property_id in listed if property_id not in read_at]
    old = sorted((read_at[property_id], property_id) for property_id in listed if property_id in read_at)
    unread_today = [property_id for at, property_id in old if at.date() < now.date()]
    share = math.ceil(len(old) / DAYS_TO_READ_ALL) - (len(old) - len(unread_today))
    return new + unread_today[: max(share, 0)]
