"""One run's way to one region's rows: dlt's SQL client made once, opened once for whatever is asked together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dlt.common.schema.typing import TSchemaTables
from dlt.pipeline import Pipeline

from pipelines.database.ddl import SqlClient
from pipelines.database.destinations import Target
from pipelines.database.locks import database_use


class Session:
    """What a pipeline's destination is asked through, in the thread that loads the region.

    dlt reads its schema and resolves its configuration for each client, and an opening of a DuckDB file costs 15 ms of
    CPU (dlt 1.31, DuckDB 2.0): a quiet hour was half spent on that.
    """

    def __init__(self, target: Target, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._target = target
        self._client: SqlClient | None = None
        self._is_open = False
        self._kept = ExitStack()

    def keep(self) -> None:
        """Have the database from now on until `close`: what follows, follows without a pause."""
        self._kept.enter_context(database_use(self._target))

    def close(self) -> None:
        self._kept.close()

    @property
    def tables(self) -> TSchemaTables:
        """The tables that the pipeline's schema knows."""
        return self.pipeline.default_schema.tables if self.pipeline.default_schema_name else {}

    @contextmanager
    def sql_client(self) -> Iterator[SqlClient]:
        """The client, open; within another use it is the same connection. DuckDB is held meanwhile."""
        with database_use(self._target):
            if self._client is None:
                self._client = self.pipeline.sql_client()
            if self._is_open:
                yield self._client
                return
            with self._client as client:
                self._is_open = True
                try:
                    yield client
                finally:
                    self._is_open = False
