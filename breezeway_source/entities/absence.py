"""Deleted or not: by a row's own word at once, by absence only with proof (design, "Absence needs proof").

A row of a list is the API's own word. What no list shows is asked for by its id; two such answers, of two runs
between which no list showed it, are a proof, which the SQL after the load acts on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import deletion, record_id, says_deleted

# A list that lost thousands of rows overnight says more about the API than about the rows.
MAX_PROOFS = 2000
MANY_ALIVE = 3
GONE = (404, 410)
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


class OwnWord:
    """Rows that say themselves that they are deleted: they arrive with `deleted_at`, and keep their first one."""

    def __init__(self, entity: str, status: str) -> None:
        self._entity = entity
        self._status = status
        self._first: Mapping[int, datetime] = {}
        self._now = _NEVER

    def begin(self, reading: Reading) -> None:
        """Ask what is loaded as deleted; from the extracting thread."""
        self._first = reading.warehouse.deleted(self._entity)
        self._now = reading.started_at

    def said(self, reading: Reading, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that follow: none of a row that lives."""
        if not says_deleted(raw, self._status, self._now):
            return {}
        at = self._first.get(record_id(raw) or 0) or deletion(raw.get("deleted_at"), self._now)
        return {"deleted_at": at if isinstance(at, datetime) else reading.started_at}

    def is_news(self, raw: Mapping[str, Any]) -> bool:
        """Whether it says otherwise than what is loaded, which need not move its time of change."""
        return says_deleted(raw, self._status, self._now) is not (record_id(raw) in self._first)


class Proofs:
    """The questions by id for what no list shows any more."""

    def __init__(self, entity: str, many: str) -> None:
        self._entity = entity
        self._many = many
        self._half: set[int] = set()
        self._lock = threading.Lock()
        self._listed: int | None = None
        self._is_believed: bool | None = None
        self._elsewhere: dict[int, bool] = {}
        self._alive: set[int] = set()

    def begin(self, reading: Reading) -> None:
        """Ask what an earlier run found gone; from the extracting thread."""
        self._half = set(reading.warehouse.half_proven(self._entity))

    def shown(self, reading: Reading, raws: Iterable[Mapping[str, Any]], property_of: str) -> None:
        """A list shows these: what was found gone before was not."""
        for raw in raws:
            one = record_id(raw)
            if one and not any(
                says_deleted(raw, key, reading.started_at) for key in ("status", "type_task_status")
            ):
                self._listed = one
            if one in self._half:
                self._half.discard(one)
                reading.proof(self._entity, one, record_id(raw, property_of), 200, "alive", "listed")

    def is_believed(self, reading: Reading, path: str, label: str) -> bool:
        """Whether "not found" means gone: not where it is the answer for a row that a list has just shown, too.

        Asked once a run, of the first row that was not found; where no list has shown any row, it is believed.
        """
        with self._lock:
            if self._is_believed is None:
                self._is_believed = True
                if self._listed is not None:
                    try:
                        reading.client.one(f"{path}/{self._listed}", label=label)
                    except AuthError:
                        raise
                    except ApiError as e:
                        self._is_believed = False
                        reading.fail_once(
                            self._entity,
                            f"{label} answers {e.status} also for {self._listed}, which a list has just shown: "
                            f"none of the {self._many} that are missing from lists is taken for deleted or unknown.",
                        )
            return self._is_believed

    def is_elsewhere(self, reading: Reading, property_id: int | None) -> bool:
        """Whether a record that its id gives is another company's, which the same key pair sees: its property moved
        there. No company can be asked for by id, so the property is asked, once a run, which one it is of."""
        listed = {record_id(raw): record_id(raw, "company_id") for raw in reading.properties.rows() or ()}
        companies = {company for company in listed.values() if company is not None}
        if property_id is None or property_id in listed or not companies:  # a list may leave companies unsaid
            return False
        with self._lock:
            if property_id not in self._elsewhere:
                try:
                    raw = reading.client.one(f"/property/{property_id}", label="/property/{id}")
                except AuthError:
                    raise
                except ApiError:  # no answer to this question alone changes anything
                    raw = {}
                company = record_id(raw, "company_id")
                self._elsewhere[property_id] = company is not None and company not in companies
            return self._elsewhere[property_id]

    def alive(self, reading: Reading, one: int, property_id: int | None) -> None:
        """Its id gives what no list shows."""
        self._alive.add(one)
        reading.proof(self._entity, one, property_id, 200, "alive", "reconcile")

    def tell(self, reading: Reading) -> None:
        """One or two may have moved while lists were read; more show that lists leave some out."""
        if len(self._alive) >= MANY_ALIVE:
            reading.warn(
                f"{len(self._alive)} loaded {self._many} are given by their ids and shown by no list, the first is "
                f"{min(self._alive)}: lists leave some out, and those that were never listed are not loaded. "
                "Next: compare it with Breezeway, and tell the API's provider."
            )

    def to_ask(self, reading: Reading, absent: Collection[int]) -> list[int]:
        """Which of them are asked for in this run: those asked longest ago first, so that rows which are alive and
        listed nowhere never keep the others from being asked; from the extracting thread."""
        if not absent:
            return []
        asked = reading.warehouse.last_asked(self._entity)
        ordered = sorted(absent, key=lambda one: (asked.get(one, _NEVER), one))
        if len(ordered) > MAX_PROOFS:
            reading.warn(
                f"{len(ordered)} loaded {self._many} are missing from their lists; "
                f"{MAX_PROOFS} of them are asked for in this run, those asked longest ago first."
            )
        return ordered[:MAX_PROOFS]


def loaded_lists(reading: Reading, entity: str, ids: Collection[int]) -> Mapping[int, frozenset[str]]:
    """By id the lists that are loaded, of tasks the link too: an answer by id without them would take them away."""
    found: dict[int, set[str]] = {}
    for one, name in reading.warehouse.with_lines(entity, ids):
        found.setdefault(one, set()).add(name)
    for one in reading.warehouse.linked_tasks(ids) if entity == "tasks" else ():
        found.setdefault(one, set()).add("linked_reservation")
    return {one: frozenset(names) for one, names in found.items()}


def leaves_unsaid(raw: Mapping[str, Any], loaded: Collection[str]) -> bool:
    """Whether a record that no list shows says nothing of what is loaded: it stays as it is loaded."""
    return any(raw.get(name) is None for name in loaded)


def is_gone(error: ApiError) -> bool:
    """Whether the API says that there is no such record."""
    return error.status in GONE
