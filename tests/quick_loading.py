"""Runs whose rows reach DuckDB by the shortest way: what is read is real, the way into the tables is not dlt's.

For tests of what is asked, what is told and which rows come of it: source, requests, warehouse, state, scripts and
checks are those of every run. Left out is what dlt does between reading and tables, packages, files and their merge,
two thirds of a run's CPU; and the marts. Both are in the tests that take `loader` or `duckdb_loader`.
"""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.configuration.resolve import inject_section
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.json import json
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource
from dlt.extract.decorators import SourceInjectableContext, SourceSchemaInjectableContext
from dlt.extract.items import TableNameMeta
from dlt.extract.pipe_iterator import PipeIterator
from dlt.normalize.items_normalizers import JsonLItemsNormalizer
from dlt.pipeline import Pipeline
from dlt.pipeline.state_sync import (
    bump_pipeline_state_version_if_modified,
    mark_state_extracted,
    state_resource,
)
from loading import Loader

from pipelines.database.destinations import Target

ARROW = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


class QuickPipeline(Pipeline):
    """A pipeline of one source, whose steps hand rows on in memory; its state stays in the working folder."""

    read: list[tuple[str, dict[str, Any]]]
    rows: dict[str, list[dict[str, Any]]]

    @property
    def has_pending_data(self) -> bool:
        return False

    def sync_destination(self, *args: Any, **options: Any) -> None:
        """A working folder that is there has the newest state."""
        if not self.default_schema_name:
            super().sync_destination(*args, **options)

    def extract(self, data: DltSource, **_: Any) -> None:  # type: ignore[override]
        """Draw all rows, with what dlt has in place meanwhile: state, section, source."""
        section = ConfigSectionContext(
            sections=("sources", data.section, data.name), source_state_key=data.name
        )
        self.read, self.load_id = [], str(time.time())
        with (
            self.managed_state() as state,
            Container().injectable_context(SourceSchemaInjectableContext(data.schema)),
            Container().injectable_context(SourceInjectableContext(data)),
            inject_section(section),
            PipeIterator.from_pipes(data.resources.selected_pipes, max_parallel_items=20, workers=5) as items,
        ):
            for item in items:
                table = (
                    item.meta.table_name
                    if isinstance(item.meta, TableNameMeta)
                    else data.resources.with_pipe(item.pipe).table_name
                )
                drawn = item.item if isinstance(item.item, list) else [item.item]
                self.read += [(str(table), row) for row in drawn]
            if not self.default_schema_name:
                self._inject_schema(data.schema)
            else:
                self.default_schema.update_schema(data.schema)
                self.default_schema.update_normalizers()  # lines carry the id of their root
            _, now, _ = bump_pipeline_state_version_if_modified(self._props_to_state(state))
            if now != state["_local"].get("_last_extracted_hash"):
                resource, row = state_resource(state, self.load_id)
                self.default_schema.update_table(resource.compute_table_schema())
                self.read.append((resource.name, dict(row)))
                mark_state_extracted(state, now)

    def normalize(self, **_: Any) -> None:  # type: ignore[override]
        """Nested lists become rows of child tables, and unknown fields columns, by dlt's own normaliser."""
        schema, self.rows = self.default_schema, defaultdict(list)
        nowhere: Any = None
        with self._maybe_destination_capabilities() as able:
            settings: Any = SimpleNamespace(destination_capabilities=able)
            normaliser = JsonLItemsNormalizer(self, nowhere, nowhere, schema, self.load_id, settings)  # type: ignore[arg-type]
            for table, row in self.read:
                normaliser._normalize_chunk(table, [row], may_have_pua=False, skip_write=False)
        self._schema_storage.commit_live_schema(schema.name)

    def write_data_item(self, load_id: str, schema: str, table: str, row: dict[str, Any], _: Any) -> None:
        """What the normaliser takes for a writer of files."""
        self.rows[table].append(row)

    def load(self, **_: Any) -> Any:  # type: ignore[override]
        """Each row in place of those of its key, its lines in place of theirs."""
        schema = self.default_schema
        with self.sql_client() as client, client.begin_transaction():
            connection = client.native_connection
            for name, rows in self.rows.items():
                if not schema.get_table(name).get("parent"):
                    self._replace(connection, schema, name, rows)
            client.execute_sql(
                "insert into _dlt_loads (load_id, schema_name, status, inserted_at, schema_version_hash) "
                "values (%s, %s, 0, current_timestamp, %s)",
                self.load_id,
                schema.name,
                schema.version_hash,
            )
        return SimpleNamespace(loads_ids=[self.load_id], raise_on_failed_jobs=lambda: None)

    def _replace(self, connection: Any, schema: Schema, name: str, rows: list[dict[str, Any]]) -> None:
        tables = [t["name"] for t in schema.data_tables() if t["name"].startswith(f"{name}__")]
        key = [c["name"] for c in schema.get_table(name)["columns"].values() if c.get("primary_key")]
        # Of doubles, the last; dlt's own table of states has no key.
        kept = {tuple(row[column] for column in key or ["_dlt_id"]): row for row in rows}
        ids = {row["_dlt_id"] for row in kept.values()}
        connection.register("fresh", _arrow(schema.get_table_columns(name), list(kept.values())))
        matches = " and ".join(f'old."{column}" = fresh."{column}"' for column in key or ["_dlt_id"])
        gone = f'select old._dlt_id from "{name}" as old inner join fresh on {matches}'
        for child in tables:
            connection.execute(f'delete from "{child}" where _dlt_root_id in ({gone})')
        connection.execute(f'delete from "{name}" where _dlt_id in ({gone})')
        connection.execute(f'insert into "{name}" by name select * from fresh')
        for child in tables:
            if lines := [row for row in self.rows.get(child, ()) if row["_dlt_root_id"] in ids]:
                connection.register("fresh", _arrow(schema.get_table_columns(child), lines))
                connection.execute(f'insert into "{child}" by name select * from fresh')


def _arrow(columns: dict[str, TColumnSchema], rows: list[dict[str, Any]]) -> pa.Table:
    def values(column: TColumnSchema) -> Any:
        name, kind = column["name"], column["data_type"]
        found = [row.get(name) for row in rows]
        if kind == "json":
            found = [None if value is None else json.dumps(value) for value in found]
        if kind == "decimal":
            return pa.array(found, pa.decimal128(column["precision"], column["scale"]))
        return pa.array(found, ARROW[kind])

    present = [column for name, column in columns.items() if any(name in row for row in rows)]
    return pa.table({column["name"]: values(column) for column in present})


class QuickTarget(Target):
    """A DuckDB file with quick pipelines."""

    def pipeline(self, region_code: str, pipelines_dir: str | None = None) -> Pipeline:
        made = super().pipeline(region_code, pipelines_dir)
        made.__class__ = QuickPipeline
        return made


class QuickLoader(Loader):
    """Loads the sandbox into DuckDB the short way, without marts."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert self.database.kind == "duckdb", "the short way is DuckDB's"
        self.configure(marts=False)
        self._held = ExitStack()

    def __exit__(self, *error: Any) -> None:
        self.let_go()
        super().__exit__(*error)

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """The file stays open from the first question on: to open it costs ten times what a question does."""
        if not self._readers:
            self._held.enter_context(self._file_open())
        with super().client() as client:
            yield client

    def let_go(self) -> None:
        self._held.close()
        super().let_go()

    @property
    def target(self) -> Target:
        target = super().target
        return QuickTarget(
            **{field.name: getattr(target, field.name) for field in dataclasses.fields(target)}
        )

    def once(self, what: str, make: Callable[[], object]) -> None:
        """Other tests' copies are of whole runs, with what dlt notes in its own tables."""
        super().once(f"the short way: {what}", make)
