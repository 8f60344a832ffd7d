"""What is loaded where the source is used alone: asked of the pipeline that runs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.job_client_impl import SqlJobClientBase

from .sql_warehouse import SqlWarehouse


class NothingLoaded(SqlWarehouse):
    """Where no SQL database can be asked: every row of a window is given."""

    def __init__(self, region_code: str) -> None:
        self._region_code = region_code
        self._scripted, self._linked = True, False
        self._use = self._client = None

    def columns(self, table: str) -> Collection[str]:
        return ()

    def _asked(self, query: str, *more: Any) -> Sequence[Any]:
        return ()


def active_warehouse(region_code: str) -> SqlWarehouse:
    """The destination of the pipeline that is running, or was last; nothing where there is none, or no SQL in it."""
    context = Container()[PipelineContext]
    pipeline: Any = context.pipeline() if context.is_active() else None
    if pipeline is None or pipeline.destination is None:
        return NothingLoaded(region_code)
    if not issubclass(pipeline.destination.client_class, SqlJobClientBase):
        return NothingLoaded(region_code)  # others answer SQL too, by copying their files into a DuckDB
    dialect = pipeline.destination.capabilities().sqlglot_dialect
    return SqlWarehouse(pipeline, region_code, scripted=dialect in ("duckdb", "postgres"), linked=False)
