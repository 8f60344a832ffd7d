"""Bookkeeping that is loaded with the rows it speaks of: what was asked by id, what was read whole, the region.

These resources send nothing; they give out what the others noted, once those are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..reading import Reading


def begins(reading: Reading, entity: str) -> bool:
    """Whether dlt's state knows of no run before: then what is loaded may be dropped with this one (`refresh`)."""
    state = reading.state(entity)
    had_begun = state.get("begun", False)
    state["begun"] = True
    return not had_begun


def regions(reading: Reading) -> Iterator[list[dict[str, Any]]]:
    """One row: the region, its name for people and the company its key pair is for."""
    region = reading.region
    if reading.first_package:
        yield [
            {
                "region_code": region.code,
                "name": region.name,
                "company_id": region.company_id,
                "time_zone": region.time_zone,
                "synced_at": reading.started_at,
            }
        ]


def noted(table: str) -> Callable[[Reading], Iterator[list[dict[str, Any]] | None]]:
    """The resource of one bookkeeping table."""

    def rows(reading: Reading) -> Iterator[list[dict[str, Any]] | None]:
        while not all(reading.finished(entity) for entity in reading.plan.entities):
            yield None
        yield reading.take_notes(table)

    return rows


LEDGER: dict[str, Callable[[Reading], Iterator[list[dict[str, Any]] | None]]] = {
    "regions": regions,
    "deletion_proofs": noted("deletion_proofs"),
    "entity_reads": noted("entity_reads"),
}
