"""Catalogues: people, supplies, tags, templates, subdepartments, each read whole (breezeway-api.md, sections 3.4, 6).

A catalogue that was read completely leaves a row in `entity_reads`, loaded with the rows themselves; the SQL
after the load marks what it did not hold. So a crash between load and SQL cannot mark the wrong rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..api.listing import Listing
from ..errors import ApiError, AuthError
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


Parts = list[tuple[dict[str, Any], Listing]]


class Catalogue:
    """An entity that is listed as a whole, during one run."""

    def __init__(self, name: str, *lists: CatalogueJob) -> None:
        self._name = name
        self._lists = lists
        self._live: Mapping[str, Collection[int]] = {}
        self._state: dict[str, Any] = {}

    def jobs(self, reading: Reading) -> Iterator[str]:
        """One job for all its lists: they are judged together."""
        self._live = reading.warehouse.live_catalogue(self._name)
        self._state = reading.state(self._name)
        yield self._name

    def read(self, reading: Reading, job: str) -> list[dict[str, Any]]:
        """All entries; one list that is refused leaves the others as they are."""
        read = []
        for one in self._lists:
            try:
                read.append((one, self._parts(reading, one)))
            except AuthError:
                raise
            except ApiError as e:
                reading.failed(self._name, e, None)
        refused = self._refused_empty(reading, read)
        return [row for one, parts in read for row in self._rows(reading, one, parts, refused)]

    def _parts(self, reading: Reading, job: CatalogueJob) -> Parts:
        # All parts are read before the first row is made: a part that is refused leaves nothing half counted.
        parts = self._asked(reading, job)
        if len(parts) > 1 and (_alike(parts) or self._missing(parts)):
            # Whoever moved from one part to another while they were read may be in none, or both: read once more.
            again = self._asked(reading, job)
            alike, parts = _alike(again), again + parts  # of two readings the later one says the part
            if alike:
                why = f"{alike} give the same rows, and others may be missing"
                return [(part, replace(listing, whole=False, why=why)) for part, listing in parts]
        return parts

    def _rows(
        self, reading: Reading, job: CatalogueJob, parts: Parts, refused: set[str]
    ) -> list[dict[str, Any]]:
        """The rows of one list; notes the read when the list is known to be complete."""
        listings = [listing for _, listing in parts]
        rows = [
            row
            for part, listing in parts
            for raw in listing.rows
            if (row := reading.row(self._name, raw, **dict(job.extra), **_said(part))) is not None
        ]
        for listing in listings:
            reading.tell_doubts(self._name, listing)
        doubts = [listing.why for listing in listings if not listing.whole]
        doubts += self._may_be_cut(reading, job, parts)
        if doubts:
            reading.fail(self._name, f"{job.path} did not come whole: {doubts[0]}; its rows are loaded.")
        elif not any(listing.nameless or listing.clashing for listing in listings) and refused.isdisjoint(
            _part_name(job, part) for part, _ in parts
        ):
            # A record without an id of its own may be any of those that are missing: none is marked deleted.
            note_whole_read(reading, self._name, len(rows), job.scope)
        return rows

    def _may_be_cut(self, reading: Reading, job: CatalogueJob, parts: Parts) -> list[str]:
        """A list as long as a page that lacks loaded rows: some were deleted, or it is cut. The second such run in a
        row is believed, an account may really have so many; what is lacking after that is doubted anew."""
        known, now = self._state.setdefault("may_be_cut", {}), reading.started_at.isoformat()
        lost = self._missing(parts, job) if any(listing.may_go_on for _, listing in parts) else 0
        if not lost:
            known.pop(job.path, None)
        elif known.setdefault(job.path, now) == now:
            return [
                f"it may be cut, and lacks {lost} rows that are loaded (the next run that finds so is believed)"
            ]
        else:
            del known[job.path]
        return []

    def _asked(self, reading: Reading, job: CatalogueJob) -> Parts:
        return [(part, reading.client.listing(job.path, part, label=job.path)) for part in job.params]

    def _missing(self, parts: Parts, job: CatalogueJob | None = None) -> int:
        """How many live rows, of one list or of all, are in none of the parts."""
        names = {_part_name(job, part) for part, _ in parts} if job else self._live.keys()
        shown = {record_id(raw) for _, listing in parts for raw in listing.rows}
        return sum(one not in shown for name in names for one in self._live.get(name, ()))

    def _refused_empty(self, reading: Reading, read: list[tuple[CatalogueJob, Parts]]) -> set[str]:
        """Parts that came back empty for the first time, where many rows of them live, or of all that are empty
        together: told, and nothing of them is marked. The next run that finds them empty too is believed."""
        counts: Counter[str] = Counter()
        for job, parts in read:
            for part, listing in parts:
                counts[_part_name(job, part)] += len(listing.rows)
        live = {name: len(self._live.get(name, ())) for name in counts}
        empty = [name for name, count in counts.items() if not count]
        if len(empty) < len(counts) or sum(live.values()) < ENOUGH_TO_DOUBT:
            empty = [name for name in empty if live[name] >= ENOUGH_TO_DOUBT]
        before: dict[str, str] = self._state.get("empty", {})
        now = reading.started_at.isoformat()
        kept = self._state["empty"] = {name: before.get(name, now) for name in empty}
        refused = {name for name, since in kept.items() if since == now}
        if refused:
            paths = ", ".join(
                f"{job.path} ({name})" if name else job.path
                for job, parts in read
                for name in dict.fromkeys(_part_name(job, part) for part, _ in parts)
                if name in refused
            )
            reading.fail(
                self._name,
                f"{paths} came back empty, where {sum(live[name] for name in refused)} are loaded: nothing was marked "
                "deleted. The next run that finds it empty too is believed.",
            )
        return refused


def _alike(parts: Parts) -> str:
    """Which parts of one reading have the same rows, as where a parameter is not heeded; '' for none."""
    names: dict[frozenset[int | None], list[str]] = {}
    for part, listing in parts:
        ids = frozenset(record_id(raw) for raw in listing.rows)
        names.setdefault(ids, []).append(", ".join(f"{key}={value}" for key, value in part.items()))
    return next((" and ".join(same) for ids, same in names.items() if ids and len(same) > 1), "")


def _part_name(job: CatalogueJob, part: Mapping[str, Any]) -> str:
    """As `Warehouse.live_catalogue` calls it: a person's status, a tag's kind, '' elsewhere."""
    return str(part.get("status", job.scope))


def _said(params: Mapping[str, Any]) -> dict[str, Any]:
    """The list of people says the status, which the person's own record lacks."""
    return {"status": params["status"]} if "status" in params else {}


def note_whole_read(reading: Reading, entity: str, rows: int, scope: str = "") -> None:
    """Say in `entity_reads` that this catalogue was read completely at the run's start."""
    # A record that made no row is not missing; nor is one that a limit or a filter left out.
    if entity not in reading.broken and reading.plan.gives_all(entity):
        reading.note("entity_reads", entity=entity, scope=scope, read_at=reading.started_at, row_count=rows)


def one_list(name: str, path: str) -> Catalogue:
    """Of an entity whose entry names no reader."""
    return Catalogue(name, CatalogueJob(path))


def people() -> Catalogue:
    return Catalogue("people", CatalogueJob("/people", tuple({"status": s} for s in PEOPLE_STATUSES)))


def tags() -> Catalogue:
    return Catalogue(
        "tags",
        *(CatalogueJob(f"/{kind}/tags", scope=kind, extra=(("tag_kind", kind),)) for kind in TAG_KINDS),
    )
