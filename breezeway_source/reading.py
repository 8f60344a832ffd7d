"""One run's reading of one region: what its resources share while they read side by side."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import dlt
import pendulum

from .api.client import Client
from .api.listing import Listing
from .columns import TABLES
from .earlier_mode import EarlierMode
from .errors import ApiError, BreezewayError
from .plan import Plan
from .property_list import PropertyList
from .rows.builder import RowBuilder
from .rows.filled import FilledFields, NullField
from .rows.met_keys import lines_lost
from .rows.personal import PersonalData
from .settings import Region, Settings
from .stages import Progress, Stage
from .warehouse import Warehouse

# So many properties in a row that could not be read, with none read between, are an outage and not their fault.
OUTAGE_AFTER = 20
REMEMBER_UNKNOWN_DAYS = 30

log = logging.getLogger("breezeway")


@dataclass(frozen=True)
class Failure:
    """One thing that could not be read; the rest of the region is loaded all the same."""

    entity: str
    property_id: int | None
    status: int | None
    message: str

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {}


@dataclass
class Reading:
    """Everything the resources of one region share during one run, over all its packages."""

    FOLLOWING: ClassVar = ("reservations", "tasks", "task_details")  # read in further packages of a run too

    region: Region
    settings: Settings
    plan: Plan
    client: Client
    warehouse: Warehouse
    started_at: pendulum.DateTime
    # dlt's state by entity, and what stores it once all rows are drawn; to be called in the extracting thread.
    state: Callable[[str], dict[str, Any]] = dlt.current.resource_state
    keep: Callable[[str], None] = lambda entity: None
    failures: dict[Failure, None] = field(default_factory=dict)  # in the order they came in
    warnings: list[str] = field(default_factory=list)
    written: dict[str, set[Any]] = field(default_factory=dict)
    unchanged: dict[str, set[Any]] = field(default_factory=dict)
    ledger: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    linked_stays: dict[int, None] = field(default_factory=dict)
    changed_tasks: dict[int, datetime | None] = field(default_factory=dict)
    absent_tasks: dict[int, int] = field(default_factory=dict)
    pending_tasks: list[Any] | None = None
    readers: dict[str, Any] = field(default_factory=dict)
    first_package: bool = True
    lookups_left: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        # Whoever makes many rows takes it: Python runs one thread at a time, and by turns they cost each other less.
        self.turn = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._begin_stages()
        self.properties = PropertyList(self.client, self.tell_doubts)
        self._in_a_row = 0
        self.lookups_left = self.settings.max_link_lookups
        personal = PersonalData(self.settings.personal_data, self.settings.personal_data_key)
        self.earlier_mode = EarlierMode(personal.fingerprint)
        self._builders = {
            name: RowBuilder(table, self.region.code, self.started_at, personal)
            for name, table in TABLES.items()
        }
        self._filled = {
            name: FilledFields(table, without_personal=personal.drops) for name, table in TABLES.items()
        }
        self._read_in_part: set[str] = set()
        self.broken: set[str] = (
            set()
        )  # entities with a record that made no row: none may be marked as missing
        self.cause: BreezewayError | None = None

    def __deepcopy__(self, memo: object) -> Reading:
        return self  # dlt copies arguments of resources; there is one reading

    # --- packages: one run may load several, each begins with fresh stages ---

    def next_package(self) -> None:
        """Begin another package of the same run."""
        self.first_package = False
        self._begin_stages()

    def _begin_stages(self) -> None:
        """Of all entities at once: whoever begins first must find those it waits for."""
        with self._lock:
            self._stages = {entity: Stage() for entity in self.package_entities}

    @property
    def package_entities(self) -> tuple[str, ...]:
        """The entities of this package: after the first one only tasks and what hangs on them."""
        return tuple(name for name in self.plan.entities if self.first_package or name in self.FOLLOWING)

    @property
    def has_more(self) -> bool:
        """True while tasks of some properties wait for a further package."""
        return bool(self.pending_tasks)

    def stage(self, entity: str) -> Stage:
        with self._lock:
            return self._stages.setdefault(entity, Stage())

    def finished(self, entity: str) -> bool:
        """All jobs of that entity are done, or this package has none of it."""
        stage = self._stages.get(entity)
        return stage is None or stage.finished

    @property
    def progress(self) -> Progress | None:
        """Of the entity that has most left to read; None when nothing is."""
        with self._lock:
            stages = list(self._stages.items())
        going_on = [stage.progress(entity) for entity, stage in stages if not stage.finished]
        return max((one for one in going_on if one.jobs), key=lambda one: one.jobs - one.done, default=None)

    # --- rows ---

    def row(self, entity: str, raw: Mapping[str, Any], **extra: Any) -> dict[str, Any] | None:
        """The contract's row, or None when this run has already written that key (the first reading counts).

        None too for a record that makes no row, which is a failure: it costs itself and not its list.
        """
        try:
            row = self._builders[entity].build(raw, **extra)
        except ApiError as e:
            self.broken.add(entity)
            self.fail(entity, f"{e} It is left out. Next: look at it at the source.")
            return None
        key = self._key(entity, row)
        with self._lock:
            written = self.written.setdefault(entity, set())
            if key in written or key in self.unchanged.get(entity, ()):
                return None
            written.add(key)
            self._filled[entity].see(row)
        return row

    def know_columns(self, entity: str, state: Mapping[str, Any]) -> None:
        """Ask which columns the entity's tables have already; `state` knows for which fields they were made.

        From the extracting thread.
        """
        fields = state.get("fields", {})
        for rows in self._builders[entity].tables():
            loaded = self.warehouse.columns(rows.table.name)
            holders = fields.get(rows.table.name, {})
            rows.new_columns.limit(self.settings.max_new_columns, loaded, rows.taken, holders)

    def remember_columns(self, entity: str, state: dict[str, Any]) -> None:
        """Note which field each made column belongs to, in what is stored with the package that makes them."""
        for rows in self._builders[entity].tables():
            if rows.new_columns.fields:
                state.setdefault("fields", {})[rows.table.name] = rows.new_columns.fields

    def compare_keys(self, entity: str, state: dict[str, Any]) -> None:
        """When all of an entity is read: tell what every record of earlier runs had and none has now."""
        known = state.setdefault("keys", {})
        for rows in self._builders[entity].tables():
            name, met = rows.table.name, rows.met
            if name == entity and entity.endswith("_details"):
                continue  # made of lists that are asked for one by one
            lost = met.lost(known.get(name, ()))
            if lost:
                self.warn(
                    f"{', '.join(lost)} of {name}: every record of earlier runs had it, and none of this run's "
                    f"{met.records}: rows written now are without it. Next: look at the source; --full accepts it."
                )
            remembered = met.remembered(None if self.plan.full else known.get(name))
            if remembered is not None:
                known[name] = remembered
        records = self._builders[entity]
        if self.extent(entity) == "whole":
            gone, state["lines"] = lines_lost(state.get("lines", {}), records.with_lines, records.met.records)
            for kind, before in gone.items():
                self.warn(
                    f"{before} of {entity} had {kind} when all were read last, and none of {records.met.records} has "
                    "any now: they are taken off. Next: compare one with Breezeway."
                )

    def tell_oddities(self, entity: str) -> None:
        """When all of an entity is read: what found no column, and amounts that sums lack."""
        for rows in self._builders[entity].tables():
            for told in rows.oddities(self.settings.max_new_columns):
                self.warn(told)

    def reads_in_part(self, entity: str) -> None:
        """Only changes, a window or some properties are read: no picture of the whole table."""
        with self._lock:
            self._read_in_part.add(entity)

    def extent(self, entity: str) -> str:
        """How much of an entity this run reads: `whole`, its `changes`, or a `part` of it beside the cursor."""
        if self.plan.beside_cursor(entity):
            return "part"
        return "changes" if entity in self._read_in_part or entity.endswith("_details") else "whole"

    def null_fields(self) -> list[NullField]:
        """Documented fields that were null in every row of their table in this run."""
        with self._lock:
            return [
                field
                for entity, filled in self._filled.items()
                for field in filled.null_fields(is_whole=entity not in self._read_in_part)
            ]

    @staticmethod
    def _key(entity: str, row: Mapping[str, Any]) -> Any:
        """The key within the region; a single id as it is: a tuple for each of a million tasks is 60 MB."""
        _, *names = TABLES[entity].key
        return row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)

    def wrote(self, entity: str, record_id: int) -> bool:
        """Whether this run has written the row of an entity that has a single id, or found it as it is loaded."""
        with self._lock:
            return record_id in self.written.get(entity, ()) or record_id in self.unchanged.get(entity, ())

    def leave(self, entity: str, record_id: int) -> None:
        """A row just made is not written: it is loaded as it is."""
        with self._lock:
            self.written[entity].discard(record_id)
            self.unchanged.setdefault(entity, set()).add(record_id)

    def note(self, table: str, **columns: Any) -> None:
        """A row for one of the bookkeeping tables, loaded with this package."""
        with self._lock:
            self.ledger.setdefault(table, []).append({"region_code": self.region.code, **columns})

    def take_notes(self, table: str) -> list[dict[str, Any]]:
        with self._lock:
            return self.ledger.pop(table, [])

    # --- failures ---

    def fail(
        self, entity: str, message: str, *, property_id: int | None = None, status: int | None = None
    ) -> None:
        """Record what could not be read; the run ends 1 and the rest is loaded. Told once: windows fail alike."""
        failure = Failure(entity, property_id, status, message)
        with self._lock:
            if failure in self.failures:
                return
            self.failures[failure] = None
        log.error("%s: %s", self.region.code, message)

    def fail_once(self, entity: str, message: str) -> None:
        """The same, for what several entities may find."""
        with self._lock:
            if any(failure.message == message for failure in self.failures):
                return
            self.fail(entity, message)

    def failed(self, entity: str, error: ApiError, property_id: int | None) -> None:
        """Record a refusal. Raises it again when so many came in a row that the API must be down."""
        with self._lock:
            self._in_a_row = 0 if error.permanent else self._in_a_row + 1
            outage = self._in_a_row >= OUTAGE_AFTER
        if outage:
            self.call_off(error)
            raise error
        self.fail(entity, str(error), property_id=property_id, status=error.status)

    def call_off(self, error: BreezewayError) -> None:
        """Nothing more of this region can be read: `cause` tells why, and nobody waits for his turn any longer."""
        with self._lock:
            self.cause = self.cause or error
        self.client.abort()

    def tell_doubts(self, entity: str, listing: Listing, property_id: int | None = None) -> None:
        """Record what a list held without a usable id: it costs itself alone; and that there may be more of it."""
        if listing.nameless:
            self.fail(
                entity,
                f"{listing.nameless} records of {entity} came without a usable id and are left out.",
                property_id=property_id,
            )
        if listing.clashing:
            self.warn(
                f"{listing.clashing} records of {entity} have the id of another one in the same answer and differ from "
                "it: of each id the last is loaded. Next: look at them at the source."
            )
        if listing.may_go_on:
            self.warn(
                f"a list of {entity} has exactly {len(listing.rows)} rows, and page 2 is the same again: whether it is "
                "cut there cannot be told. Next: compare it with Breezeway."
            )

    def succeeded(self) -> None:
        self._in_a_row = 0

    def warn(self, message: str) -> None:
        """Something a person should know that changes neither status nor exit code; told once."""
        with self._lock:
            if message in self.warnings:
                return
            self.warnings.append(message)
        log.warning("%s: %s", self.region.code, message)

    # --- what several resources need ---

    def proof(
        self, entity: str, record_id: int, property_id: int | None, status: int, answer: str, why: str
    ) -> None:
        """What the API answered when one row was asked for by its id."""
        self.note(
            "deletion_proofs",
            entity=entity,
            record_id=record_id,
            property_id=property_id,
            asked_at=self.started_at,
            status_code=status,
            answer=answer,
            reason=why,
        )

    def days_ago(self, days: int) -> pendulum.DateTime:
        return self.started_at - timedelta(days=days)
