"""What a request is about: which company's world, which property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answers import Ask, unprocessable
from .world import World


def world_asked(
    endpoint: str, query: Mapping[str, Sequence[str]], record_id: int, worlds: Sequence[World]
) -> World | None:
    """The company a request is about; None for one the key may not see."""
    asked = [part for text in query.get("company_id", ()) for part in text.split(",")]
    if asked:
        if not asked[0].isdigit():
            raise unprocessable("company_id must be a whole number.")
        return next((world for world in worlds if world.company_id == int(asked[0])), None)
    if len(worlds) > 1:
        homes = query.get("home_id", ())
        home = int(homes[0]) if homes and homes[0].isdigit() else 0
        kind = endpoint.split("/")[1]
        for world in worlds:
            stores = {"property": world.properties, "reservation": world.reservations}
            stores |= {"task": world.tasks, "people": world.people}
            if home in world.properties or (record_id and record_id in stores.get(kind, {})):
                return world
    return worlds[0]


def property_of(ask: Ask) -> int | None:
    """The property a request is about, for the refusals by property."""
    kind = ask.endpoint.split("/")[1]
    if kind == "property":
        return ask.record_id or None
    store = {"task": ask.world.tasks, "reservation": ask.world.reservations}.get(kind)
    if ask.record_id and store is not None:
        row = store.get(ask.record_id, {})
        home = row.get("home_id") or row.get("property_id")
        return int(home) if home else None
    text = ask.first("home_id") if kind == "task" else ask.first("property_id")
    return int(text) if text and text.isdigit() else None
