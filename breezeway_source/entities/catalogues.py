"""Catalogues: people, supplies, tags, templates, subdepartments, each read whole (breezeway-api.md, sections 3.4, 6).

A catalogue that was read completely leaves a row in `entity_reads`, loaded with the rows themselves; the SQL
after the load marks what it did not hold. So a crash between load and SQL cannot mark the wrong rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dlt

from ..api.listing import Listing
from ..reading import Reading
from ..rows.fields import record_id

# An empty list where fewer rows live may well be true.
ENOUGH_TO_DOUBT = 20

# Unfiltered, the list answered active people only (breezeway-api.md, section 6.1).
PEOPLE_STATUSES = ("active", "invited", "inactive")
TAG_KINDS = ("task", "property", "reservation")


@dataclass(frozen=True)
class CatalogueJob:
    """One list to read, in several parts where it takes a parameter.

    `scope` is the part of the catalogue it makes up ('' for the whole).
    """

    path: str
    params: tuple[dict[str, Any], ...] = ({},)
    scope: str = ""
    extra: tuple[tuple[str, Any], ...] = ()


class Catalogue:
    """An entity that is listed as a whole, during one run."""

    def __init__(self, name: str, *lists: CatalogueJob) -> None:
        self._name = name
        self._lists = lists
        self._live: Mapping[str, Collection[int]] = {}
        self._state: dict[str, Any] = {}

    def jobs(self, reading: Reading) -> Iterator[CatalogueJob]:
        """One job per list."""
        self._live = reading.warehouse.live_catalogue(self._name)
        self._state = dlt.current.resource_state(self._name)
        yield from self._lists

    def read(self, reading: Reading, job: CatalogueJob) -> list[dict[str, Any]]:
        """All entries of one list; notes the read when the list is known to be complete."""
        # All parts are read before the first row is made: a part that is refused leaves nothing half counted.
        parts = [(part, self._part(reading, job, part)) for part in job.params]
        if len(parts) > 1 and self._lacks(parts):
            # Whoever moved from one part to another while they were read may be in none: read once more.
            parts += [(part, self._part(reading, job, part)) for part in job.params]
        listings = [listing for _, listing in parts]
        rows = [
            row
            for part, listing in reversed(parts)  # of two readings the later one says the part
            for raw in listing.rows
            if (row := reading.row(self._name, raw, **dict(job.extra), **_said(part))) is not None
        ]
        for listing in listings:
            reading.tell_nameless(self._name, listing)
        doubts = [listing.why for listing in listings if not listing.whole]
        if doubts:
            reading.fail(self._name, f"{job.path} did not come whole: {doubts[0]}; its rows are loaded.")
        elif not any(listing.nameless for listing in listings) and not self._refuses_empty(
            reading, job, parts
        ):
            # A record without an id may be any of those that are missing: none is marked deleted.
            note_whole_read(reading, self._name, len(rows), job.scope)
        return rows

    def _part(self, reading: Reading, job: CatalogueJob, part: Mapping[str, Any]) -> Listing:
        return reading.client.listing(job.path, part, label=job.path)

    def _lacks(self, parts: list[tuple[dict[str, Any], Listing]]) -> bool:
        """Whether live rows are missing from all parts together."""
        shown = {record_id(raw) for _, listing in parts for raw in listing.rows}
        return any(one not in shown for ids in self._live.values() for one in ids)

    def _refuses_empty(
        self, reading: Reading, job: CatalogueJob, parts: list[tuple[dict[str, Any], Listing]]
    ) -> bool:
        """Whether a part came back empty for the first time, where many rows of it live: told, and nothing marked.

        The next run that finds it empty too is believed.
        """
        counts: Counter[str] = Counter()
        for part, listing in parts:
            counts[str(part.get("status", job.scope))] += len(listing.rows)
        seen_empty: dict[str, str] = self._state.setdefault("empty", {})
        now, is_refused = reading.started_at.isoformat(), False
        for name, count in counts.items():
            live = len(self._live.get(name, ()))
            if count or live < ENOUGH_TO_DOUBT:
                seen_empty.pop(name, None)
            elif seen_empty.setdefault(name, now) == now:
                is_refused = True
                what = f"{job.path} ({name})" if name else job.path
                reading.fail(
                    self._name,
                    f"{what} came back empty, where {live} are loaded: nothing was marked deleted. The next run that "
                    "finds it empty too is believed.",
                )
        return is_refused


def _said(params: Mapping[str, Any]) -> dict[str, Any]:
    """The list of people says the status, which the person's own record lacks."""
    return {"status": params["status"]} if "status" in params else {}


def note_whole_read(reading: Reading, entity: str, rows: int, scope: str = "") -> None:
    """Say in `entity_reads` that this catalogue was read completely at the run's start."""
    # A record that made no row is not missing; nor is one that a limit or a filter left out.
    if entity not in reading.broken and reading.plan.gives_all(entity):
        reading.note("entity_reads", entity=entity, scope=scope, read_at=reading.started_at, row_count=rows)


def people() -> Catalogue:
    return Catalogue("people", CatalogueJob("/people", tuple({"status": s} for s in PEOPLE_STATUSES)))


def supplies() -> Catalogue:
    return Catalogue("supplies", CatalogueJob("/supplies"))


def templates() -> Catalogue:
    return Catalogue("templates", CatalogueJob("/companies/templates"))


def subdepartments() -> Catalogue:
    return Catalogue("subdepartments", CatalogueJob("/companies/subdepartments"))


def tags() -> Catalogue:
    return Catalogue(
        "tags",
        *(CatalogueJob(f"/{kind}/tags", scope=kind, extra=(("tag_kind", kind),)) for kind in TAG_KINDS),
    )
