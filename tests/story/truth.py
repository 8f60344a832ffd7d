"""What the tables must hold after the story, and what differs.

Values come from the API's raw rows by the tests' own reading of the reference (`api_truth`), `unparsed` from the
product's row builder; which rows live, which are deleted and where links lead comes from the design's rules.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import api_truth
from loading import Loader
from small_worlds import HidingWorld

from breezeway_source.columns import TABLES, Table
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.personal import PersonalData
from breezeway_source.sandbox.stores import Row, public

HOURLY = ("properties", "reservations", "tasks")
DAILY = ("people", "supplies", "tags", "property_details", "task_details")
WEEKLY = ("templates", "subdepartments")
TAG_KINDS = ("task", "property", "reservation")
LEFT_OUT = {
    "synced_at",
    "content_hash",
    "lines_from",
}  # which run wrote a row is no matter of the source, nor its fingerprint

Key = tuple[Any, ...]


class Tables:
    """The loaded tables, as Python values: root rows by key, child rows by parent in the API's order."""

    def __init__(self, loader: Loader) -> None:
        self.oldest_checkout = loader.settings.start_date.isoformat()
        self._loader = loader
        self._client: Any = None
        self.roots: dict[str, dict[Key, Row]] = {}
        self.children: dict[str, dict[Key, list[Row]]] = {}

    def read(self, names: Iterable[str]) -> list[str]:
        """Fill in these tables; tells what breaks their form: a key twice, a child row without its parent."""
        with self._loader.client() as self._client:
            return [problem for name in names for problem in self._read(TABLES[name])]

    def _read(self, table: Table) -> list[str]:
        problems = []
        key = table.key[1:]
        rows: dict[Key, Row] = {}
        columns = [column.name for column in table.columns if column.name not in LEFT_OUT]
        owner: dict[str, Key] = {}
        for values in self._select(table, columns):
            row, dlt_id = _row(table, columns, values[:-1]), values[-1]
            row_key = tuple(row[name] for name in key)
            if row_key in rows:
                problems.append(f"{table.name} {row_key}: there twice")
            rows[row_key] = row
            owner[dlt_id] = row_key
        self.roots[table.name] = rows
        for child in table.children:
            lists: dict[Key, list[Row]] = {}
            names = [column.name for column in child.columns]
            for values in self._select(child, names, "_dlt_root_id, _dlt_list_idx"):
                parent = owner.get(values[-2])
                if parent is None:
                    problems.append(f"{child.name}: a row without its parent: {values}")
                else:
                    lists.setdefault(parent, []).append(_row(child, names, values[:-2]))
            self.children[child.name] = lists
        return problems

    def _select(self, table: Table, columns: list[str], more: str = "_dlt_id") -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns)
        order = "_dlt_root_id, _dlt_list_idx" if "_dlt_root_id" in more else "1"
        rows = self._client.execute_sql(f"select {listed}, {more} from {table.name} order by {order}")
        return [tuple(row) for row in rows or ()]


def _row(table: Table, columns: list[str], values: Iterable[Any]) -> Row:
    kinds = table.by_name
    return {name: _plain(kinds[name].kind, value) for name, value in zip(columns, values, strict=True)}


def _plain(kind: str, value: Any) -> Any:
    """A value without what the two databases spell differently."""
    if value is None:
        return None
    if kind == "json":
        found = json.loads(value) if isinstance(value, str) else value
        return json.loads(json.dumps(found, default=float, sort_keys=True))
    if kind == "timestamp" and isinstance(value, datetime):
        return value.astimezone(timezone.utc)
    if kind == "decimal":
        return Decimal(str(value)).quantize(Decimal("0.0001"))
    return value


class Expected:
    """The rows that must live in each table, made from the world."""

    def __init__(self, world: HidingWorld, tables: Tables, *, proven: bool) -> None:
        self.world = world
        self._tables = tables
        # What a hidden task links to is known when it was asked for by its id.
        unknown: Collection[int] = () if proven else world.hidden_tasks
        self._linked = {
            (task.get("linked_reservation") or {}).get("id")
            for task in world.live_tasks()
            if task["id"] not in unknown
        }
        personal = PersonalData("keep", None)
        self._builders = {
            name: RowBuilder(TABLES[name], world.region, world.now, personal)
            for name in (*HOURLY, *DAILY, *WEEKLY)
        }

    def rows(self, name: str) -> dict[Key, tuple[Row, dict[str, list[Row]]]]:
        """By key the row that must live, and its child rows by list."""
        return {key: self._row(name, raw, known) for key, raw, known in self._raws(name)}

    def _raws(self, name: str) -> Iterable[tuple[Key, Row, Row]]:
        world = self.world
        if name == "tags":
            for kind in TAG_KINDS:
                for row_id, raw in getattr(world, f"{kind}_tags").items():
                    yield (kind, row_id), raw, {"tag_kind": kind}
        elif name == "reservations":
            for row_id, raw in world.reservations.items():
                if raw["status"] != "deleted" and self._is_loaded(row_id, raw):
                    yield (row_id,), raw, {}
        elif name == "tasks":
            for raw in world.live_tasks():
                yield (raw["id"],), raw, {}
        elif name == "task_details":
            for raw in world.live_tasks():
                lists = {
                    "comments": world.comments.get(raw["id"]),
                    "requirements": world.requirements.get(raw["id"]),
                }
                known = {"task_id": raw["id"], "task_updated_at": raw["updated_at"]}
                yield (raw["id"],), {**known, **lists}, known
        elif name == "property_details":
            for row_id in world.properties:
                lists = {"contacts": world.contacts.get(row_id), "tags": world.property_tag_links.get(row_id)}
                yield (row_id,), {"property_id": row_id, **lists}, {"property_id": row_id}
        else:
            for row_id, raw in getattr(world, name).items():
                yield (row_id,), raw, {}

    def _is_loaded(self, stay_id: int, raw: Row) -> bool:
        """Stays before the first day are there when a task led to them, or when they were edited."""
        return (
            raw["checkout_date"] >= self._tables.oldest_checkout
            or stay_id in self._linked
            or (stay_id,) in self._tables.roots["reservations"]
        )

    def _row(self, name: str, raw: Row, known: Row) -> tuple[Row, dict[str, list[Row]]]:
        table = TABLES[name]
        extra = {"tag_kind": known["tag_kind"]} if "tag_kind" in known else {}
        built = self._builders[name].build(public(raw), **extra)
        timed = {
            k: api_truth.typed("timestamp", v) if k == "task_updated_at" else v for k, v in known.items()
        }
        row = api_truth.row(name, raw, **timed)
        row |= {"region_code": self.world.region, "unparsed": built.get("unparsed")}
        parents = {"property_details": self.world.properties, "task_details": self.world.tasks}
        owner = parents[name].get(built[table.key[-1]], raw) if name in parents else raw
        row["deleted_at"] = self._deleted_at(name, built[table.key[-1]]) if _says_deleted(owner) else None
        row |= self._links(name, raw)
        parent = {table.key[-1]: built[table.key[-1]]}
        children = {}
        for child in table.children:
            lines = api_truth.lines(child.name, parent, raw.get(child.field))
            for line, own in zip(lines, built.get(child.field) or [], strict=True):
                line |= {"region_code": self.world.region, "unparsed": own.get("unparsed")}
            children[child.name] = [_row(child, list(line), line.values()) for line in lines]
        return _row(table, list(row), row.values()), children

    def _deleted_at(self, name: str, key: int) -> Any:
        """Of a row that says itself that it is deleted: when is the loader's to say, but it must say so."""
        return (self._tables.roots[name].get((key,)) or {}).get("deleted_at") or "a time"

    def _links(self, name: str, raw: Row) -> Row:
        if name == "reservations":
            return {"property_pk": self._property(raw["property_id"])}
        if name != "tasks":
            return {}
        link = (raw.get("linked_reservation") or {}).get("id")
        stay = self._tables.roots["reservations"].get((link,))
        known = self.world.reservations.get(link) if link is not None else None
        if link is None:
            status = "no_link_at_source"
        elif known is not None and known["status"] != "deleted":
            status = "linked"  # it lives at the source, so it must be here
        elif stay is None:
            status = "reservation_not_found"
        else:
            status = "linked" if stay["deleted_at"] is None else "reservation_deleted"
        return {
            "property_pk": self._property(raw["home_id"]),
            "reservation_pk": link if status == "linked" else None,
            "link_status": status,
        }

    def _property(self, property_id: int) -> int | None:
        return property_id if (property_id,) in self._tables.roots["properties"] else None


def _says_deleted(raw: Row) -> bool:
    status = raw.get("type_task_status") or raw.get("status")
    return (status.get("code") if isinstance(status, dict) else status) == "deleted"


def differences(loader: Loader, world: HidingWorld, names: Iterable[str], *, proven: bool) -> list[str]:
    """One line per difference between these tables and the source.

    `proven`: what vanished must be marked deleted. Before its two proofs a vanished task or stay is still there,
    and a hidden one may be older than at the source: no list shows it.
    """
    tables = Tables(loader)
    return tables.read(dict.fromkeys([*HOURLY, *names])) + compared(tables, world, names, proven=proven)


def compared(tables: Tables, world: HidingWorld, names: Iterable[str], *, proven: bool) -> list[str]:
    """`differences` of tables that are read already, HOURLY's among them."""
    problems = []
    expected = Expected(world, tables, proven=proven)
    for name in names:
        found = tables.roots[name]
        wanted = expected.rows(name)
        for key, row in found.items():
            if (
                key not in wanted
                and row["deleted_at"] is None
                and (proven or not _may_await_proof(world, name))
            ):
                problems.append(f"{name} {key}: lives here and not at the source")
        for key, (row, children) in wanted.items():
            if key not in found:
                problems.append(f"{name} {key}: lost")
            elif proven or not _is_hidden(world, name, key[-1]):
                problems += _compare(f"{name} {key}", found[key], row)
                for child, lines in children.items():
                    problems += _compare_lines(f"{child} {key}", tables.children[child].get(key, []), lines)
    return problems


def _may_await_proof(world: HidingWorld, name: str) -> bool:
    return name in ("tasks", "reservations", "task_details")


def _is_hidden(world: HidingWorld, name: str, row_id: int) -> bool:
    if name == "reservations":
        return bool(world.reservations[row_id].get("_hidden"))
    return name in ("tasks", "task_details") and row_id in world.hidden_tasks


def _compare(place: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        f"{place}.{column}: {found.get(column)!r} instead of {value!r}"
        for column, value in wanted.items()
        if column not in LEFT_OUT and found.get(column) != value
    ]


def _compare_lines(place: str, found: list[Row], wanted: list[Row]) -> list[str]:
    if len(found) != len(wanted):
        return [f"{place}: {len(found)} lines instead of {len(wanted)}"]
    pairs = enumerate(zip(found, wanted, strict=True))
    return [problem for number, (a, b) in pairs for problem in _compare(f"{place}[{number}]", a, b)]
