"""The history of runs: `sync_runs`, one row per run, region and entity, written also for a run that failed.

Plain SQL of its own after the region's run, not a part of its package: a package that fails takes its rows along.
What is asked back here is what later runs are judged by (`history.py`, `notices.py`).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from breezeway_source.api.counters import Counters
from breezeway_source.columns import TABLES
from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.reading import Reading
from pipelines.database.ddl import SqlClient, rows_of
from pipelines.watch.history import Seen
from pipelines.watch.report import RegionReport
from pipelines.watch.rhythms import Rhythm

if TYPE_CHECKING:
    from dlt.common.data_types import TDataType
from pipelines.watch.secrets import clean

TABLE = TABLES["sync_runs"]
KEEP_DAYS = 400
ENOUGH_ROWS = 20
SPARSE_SHARE = 0.5
PACKAGE = "breezeway-dlt"
# What a run does not write itself: keys, and what dlt or the SQL after the load fills in.
_NOT_JUDGED = frozenset(
    ("region_code", "synced_at", "deleted_at", "unparsed", "reservation_pk", "property_pk")
)
_ENTITY_BY_LABEL = {path: endpoint.name for endpoint in ENDPOINTS.values() for path in endpoint.paths}


@dataclass(frozen=True)
class RunRow:
    """One row of `sync_runs`; the fields are its columns (see the data dictionary)."""

    run_id: str
    region_code: str
    entity: str
    started_at: datetime
    finished_at: datetime
    status: str
    exit_code: int = 0
    requests: int = 0
    retries: int = 0
    refusals: int = 0
    rows: int = 0
    failures: int = 0
    schema_changes: list[str] | None = None
    tasks_total: int | None = None
    tasks_linked: int | None = None
    tasks_resolved: int | None = None
    code_version: str | None = None
    message: str | None = None
    reading: str | None = None
    listed: int | None = None
    live_rows: int | None = None
    null_columns: dict[str, list[str]] | None = None
    problems: dict[str, Any] | None = None

    @property
    def seen(self) -> Seen:
        """What later runs are judged by."""
        return Seen(
            self.entity,
            plain(self.started_at),
            self.status != "failed",
            self.reading,
            self.rows,
            self.listed,
            self.live_rows,
            self.failures,
            self.tasks_total,
            self.tasks_linked,
            self.tasks_resolved,
        )


def plain(instant: datetime) -> datetime:
    """UTC, of the standard library's kind: differences of pendulum's cannot be scaled or compared with others."""
    return datetime.fromtimestamp(instant.timestamp(), timezone.utc)


def new_run_id() -> str:
    """A name for one run, shared by its regions."""
    return uuid.uuid4().hex


def rows_of_run(
    report: RegionReport,
    counters: Counters,
    *,
    run_id: str,
    finished_at: datetime,
    reading: Reading | None = None,
    live_rows: dict[str, int] | None = None,
    null_columns: dict[str, dict[str, list[str]]] | None = None,
) -> list[RunRow]:
    """What a region's run did, entity by entity; together they hold every request, failure and new column."""
    first = report.entities[0]
    sent = _by_entity(counters.by_endpoint, report.entities)
    retried = _by_entity(counters.retries_by_label, report.entities)
    refused = _by_entity(counters.refused_by_label, report.entities)
    listed = _by_entity(counters.listed, report.entities)
    linkage = report.linkage or {}
    made = []
    for entity in report.entities:
        failures = [failure for failure in report.failures if failure["entity"] == entity]
        changes = [
            change
            for change in report.schema_changes
            if _entity_of(change.partition(".")[0], report.entities) == entity
        ]
        made.append(
            RunRow(
                run_id=run_id,
                region_code=report.region,
                entity=entity,
                started_at=report.started_at,
                finished_at=finished_at,
                status=report.status,
                exit_code=report.exit_code,
                requests=sent.get(entity, 0),
                retries=retried.get(entity, 0),
                refusals=refused.get(entity, 0),
                rows=report.rows.get(entity, 0),
                failures=len(failures),
                schema_changes=changes or None,
                tasks_total=linkage.get("tasks"),
                tasks_linked=linkage.get("linked"),
                tasks_resolved=linkage.get("resolved"),
                code_version=code_version(),
                message=clean(report.error or (failures[0]["message"] if failures else "")) or None,
                reading=reading.extent(entity) if reading else None,
                listed=listed.get(entity, 0),
                live_rows=(live_rows or {}).get(entity),
                null_columns=(null_columns or {}).get(entity),
                problems={} if entity == first else None,
            )
        )
    return made


def _by_entity(by_label: dict[str, int], entities: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label, count in by_label.items():
        entity = _ENTITY_BY_LABEL.get(label, "")
        entity = entity if entity in entities else entities[0]
        counts[entity] = counts.get(entity, 0) + count
    return counts


def _entity_of(table: str, entities: Sequence[str]) -> str:
    root = table.partition("__")[0]
    return root if root in entities else entities[0]


@lru_cache(maxsize=1)
def code_version() -> str:
    """The package's version, and the commit where one is known."""
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:  # run from a clone, with requirements.txt alone
        version = "clone"
    commit = os.environ.get("GITHUB_SHA") or _commit(Path(__file__).resolve().parents[2] / ".git")
    return f"{version}+{commit[:12]}" if commit else version


def _commit(git: Path) -> str:
    """The checked-out commit, read without starting git; '' where there is none."""
    try:
        head = (git / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text("utf-8").strip()
        packed = (git / "packed-refs").read_text("utf-8").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
    except (OSError, UnicodeDecodeError):
        return ""


# --- the table ---------------------------------------------------------------------------------------------


def ensure_table(client: SqlClient) -> None:
    """Make dataset and table where a first run failed before it made its tables; as dlt would have made them."""
    if not client.has_dataset():
        client.create_dataset()
    mapper = client.capabilities.get_type_mapper()
    declared = ['"_dlt_load_id" varchar not null', '"_dlt_id" varchar not null unique']
    for column in TABLE.columns:
        kind = mapper.to_destination_type(
            {"name": column.name, "data_type": cast("TDataType", column.kind)}, {"name": TABLE.name}
        )
        declared.append(f'"{column.name}" {kind}{" not null" if column.name in TABLE.key else ""}')
    client.execute_sql(f"create table if not exists {_qualified(client)} ({', '.join(declared)})")


def exists(client: SqlClient) -> bool:
    """Whether the dataset has the table."""
    return bool(_columns(client))


def record(client: SqlClient, rows: Iterable[RunRow], *, now: datetime) -> None:
    """Write the rows, and drop those of the region that are older than KEEP_DAYS. Raises what the client raises."""
    present = _columns(client)
    with client.begin_transaction():
        for row in rows:
            values: dict[str, Any] = {f.name: _stored(getattr(row, f.name)) for f in fields(row)}
            values = {"_dlt_load_id": row.run_id, "_dlt_id": uuid.uuid4().hex, **values}
            values = {name: value for name, value in values.items() if name in present}
            names = ", ".join(f'"{name}"' for name in values)
            marks = ", ".join(["%s"] * len(values))
            client.execute_sql(
                f"insert into {_qualified(client)} ({names}) values ({marks})", *values.values()
            )
            region_code = row.region_code
        client.execute_sql(
            f"delete from {_qualified(client)} where region_code = %s and started_at < %s",
            region_code,
            now - timedelta(days=KEEP_DAYS),
        )


def past_runs(client: SqlClient, region_code: str, since: datetime) -> list[Seen]:
    """The region's runs since then, oldest first."""
    rows = rows_of(
        client,
        "select entity, started_at, status <> 'failed', reading, \"rows\", listed, live_rows, failures, "
        f"tasks_total, tasks_linked, tasks_resolved from {_qualified(client)} "
        "where region_code = %s and started_at >= %s order by started_at",
        region_code,
        since,
    )
    return [Seen(entity, plain(started_at), *rest) for entity, started_at, *rest in rows]


def past_null_columns(
    client: SqlClient, region_code: str, entity: str, limit: int
) -> list[tuple[str, dict[str, list[str]]]]:
    """(reading, null columns) of the entity's newest runs that wrote enough rows to tell."""
    rows = rows_of(
        client,
        f"select reading, null_columns from {_qualified(client)} where region_code = %s and entity = %s "
        "and null_columns is not null order by started_at desc limit %s",
        region_code,
        entity,
        limit,
    )
    return [(reading, loaded) for reading, text in rows if (loaded := _json(text)) is not None]


def rhythms(client: SqlClient, since: datetime) -> list[Rhythm]:
    """One per region and entity, of all regions."""
    rows = rows_of(
        client,
        "select region_code, entity, count(*), min(started_at), max(started_at) "
        f"from {_qualified(client)} where status <> 'failed' and started_at >= %s group by region_code, entity",
        since,
    )
    return [
        Rhythm(region, entity, runs, plain(first_at), plain(last_at))
        for region, entity, runs, first_at, last_at in rows
    ]


def open_problems(client: SqlClient, region_code: str) -> tuple[datetime, dict[str, Any]] | None:
    """What the newest run of the region left open, and when that run ended; None before the first run."""
    rows = rows_of(
        client,
        f"select finished_at, problems from {_qualified(client)} where region_code = %s and problems is not null "
        "order by finished_at desc limit 1",
        region_code,
    )
    return (plain(rows[0][0]), _json(rows[0][1]) or {}) if rows else None


# --- what the run left in the tables -----------------------------------------------------------------------


def count_live_rows(client: SqlClient, region_code: str, entities: Iterable[str]) -> dict[str, int]:
    """Live rows of the region, by entity."""
    query = "select count(*) from {} where region_code = %s and deleted_at is null"
    return {entity: int(rows_of(client, query.format(entity), region_code)[0][0]) for entity in entities}


def find_null_columns(
    client: SqlClient, region_code: str, entity: str, started_at: datetime
) -> dict[str, list[str]] | None:
    """Which columns no row, and which fewer than half, of those this run wrote have filled.

    None for fewer than ENOUGH_ROWS rows. One pass over the entity's table.
    """
    names = [column.name for column in TABLES[entity].columns if column.name not in _NOT_JUDGED]
    counted = ", ".join(f'count("{name}")' for name in names)
    ((total, *filled),) = rows_of(
        client,
        f"select count(*), {counted} from {entity} where region_code = %s and synced_at = %s",
        region_code,
        started_at,
    )
    if total < ENOUGH_ROWS:
        return None
    by_name = dict(zip(names, filled, strict=True))
    return {
        "empty": [name for name, count in by_name.items() if not count],
        "sparse": [name for name, count in by_name.items() if 0 < count < SPARSE_SHARE * total],
    }


def _qualified(client: SqlClient) -> str:
    return str(client.make_qualified_table_name(TABLE.name))


def _columns(client: SqlClient) -> set[str]:
    query = "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
    return {name for (name,) in rows_of(client, query, client.dataset_name, TABLE.name)}


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _json(value: Any) -> Any:
    """JSON as it comes back: parsed by psycopg2, text from DuckDB."""
    return json.loads(value) if isinstance(value, str) else value
