"""Catalogues: people, supplies, tags, templates, subdepartments, each read whole (breezeway-api.md, sections 3.4, 6).

A catalogue that was read completely leaves a row in `entity_reads`, loaded with the rows themselves; the SQL
after the load marks what it did not hold. So a crash between load and SQL cannot mark the wrong rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..reading import Reading

# Unfiltered, the list answered active people only (breezeway-api.md, section 6.1).
PEOPLE_STATUSES = ("active", "invited", "inactive")
TAG_KINDS = ("task", "property", "reservation")


@dataclass(frozen=True)
class CatalogueJob:
    """One list to read; `scope` is the part of the catalogue it makes up ('' for the whole)."""

    path: str
    params: tuple[dict[str, Any], ...] = ({},)
    scope: str = ""
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """An entity that is listed as a whole."""

    name: str
    lists: tuple[CatalogueJob, ...]

    def jobs(self, reading: Reading) -> Iterator[CatalogueJob]:
        """One job per list."""
        yield from self.lists

    def read(self, reading: Reading, job: CatalogueJob) -> list[dict[str, Any]]:
        """All entries of one list; notes the read when the list is known to be complete."""
        # All parts are read before the first row is made: a part that is refused leaves nothing half counted.
        listings = [reading.steady_listing(job.path, params) for params in job.params]
        rows = [
            row
            for params, listing in zip(job.params, listings, strict=True)
            for raw in listing.rows
            if (row := reading.row(self.name, raw, **dict(job.extra), **_said(params))) is not None
        ]
        for listing in listings:
            reading.tell_nameless(self.name, listing)
        if all(listing.whole for listing in listings):
            if not any(listing.nameless for listing in listings):
                # A record without an id may be any of those that are missing: none is marked deleted.
                note_whole_read(reading, self.name, len(rows), job.scope)
        else:
            why = next(listing.why for listing in listings if not listing.whole)
            reading.fail(self.name, f"{job.path} did not come whole: {why}; its rows are loaded.")
        return rows


def _said(params: Mapping[str, Any]) -> dict[str, Any]:
    """The list of people says the status, which the person's own record lacks."""
    return {"status": params["status"]} if "status" in params else {}


def note_whole_read(reading: Reading, entity: str, rows: int, scope: str = "") -> None:
    """Say in `entity_reads` that this catalogue was read completely at the run's start."""
    reading.note("entity_reads", entity=entity, scope=scope, read_at=reading.started_at, row_count=rows)


def _one(name: str, path: str) -> Catalogue:
    return Catalogue(name, (CatalogueJob(path),))


PEOPLE = Catalogue("people", (CatalogueJob("/people", tuple({"status": s} for s in PEOPLE_STATUSES)),))
SUPPLIES = _one("supplies", "/supplies")
TEMPLATES = _one("templates", "/companies/templates")
SUBDEPARTMENTS = _one("subdepartments", "/companies/subdepartments")
TAGS = Catalogue(
    "tags",
    tuple(CatalogueJob(f"/{kind}/tags", scope=kind, extra=(("tag_kind", kind),)) for kind in TAG_KINDS),
)
