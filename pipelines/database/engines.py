"""The destinations, one frozen entry each: what is made there, and what was tried (design, section 9).

`--destination`, what a run does after the load, the README's table and the refusals follow from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from breezeway_source.errors import ConfigError, unknown_name

Kind = Literal["whole", "family", "views", "refused"]

# Of every destination: with dlt's default, two regions loading at once empty each other's staging tables and one
# of them vanishes, status ok (measured on PostgreSQL and DuckLake).
STAGING_LAYOUT = "%s_staging_{region}"


@dataclass(frozen=True)
class Engine:
    """One destination of dlt.

    `kind`: whole (tables, links, deletions, marts, checks, history), family (the same scripts, DuckDB's), views
    (tables, and the views in the dialect, `task_links` among them), refused (`reason`).
    `dialect` as sqlglot names it; None where the configured address tells it (sqlalchemy).
    `file_format` of load files, None for dlt's own choice there. `extra` is what `pip install 'dlt[...]'` takes.
    """

    name: str
    kind: Kind
    dialect: str | None
    tried: str
    file_format: Literal["csv", "parquet"] | None = None
    extra: str = ""
    reason: str = ""

    @property
    def has_scripts(self) -> bool:
        """Whether the scripts of sql_post/ run there: links, deletions, marts, checks, history."""
        return self.kind in ("whole", "family")

    def staging_layout(self, region_code: str) -> str:
        """Name of the region's own staging dataset; `%s` is the dataset."""
        return STAGING_LAYOUT.format(region=region_code)


NO_MERGE = "dlt appends there in silence and replaces nothing (848 rows for 424 tasks after two runs)"
LINES_STAY = (
    "lines removed from a task would stay there: dlt replaces nested rows only where it can delete and insert"
)
PARSED = "nothing run; every select parsed in its dialect"
BUCKET = "it loads through a bucket of its own and merges into Iceberg tables only, which this project sets up nowhere"


def _whole(name: str, dialect: str, file_format: Literal["csv", "parquet"]) -> Engine:
    return Engine(name, "whole", dialect, "every test", file_format, extra=name)


def _views(name: str, dialect: str | None, tried: str) -> Engine:
    return Engine(name, "views", dialect, tried, extra=name)


def _never(name: str, reason: str) -> Engine:
    return Engine(name, "refused", None, "", reason=reason)


# Parquet: dlt's SQL text is 15 times slower on DuckDB and takes 40 times the memory (measured, dlt 1.31).
_ALL = (
    _whole("duckdb", "duckdb", "parquet"),
    _whole("postgres", "postgres", "csv"),
    Engine(
        "ducklake",
        "family",
        "duckdb",
        "four regions at once, twice, catalog in PostgreSQL (`.ci/engines`)",
        "parquet",
        extra="ducklake",
    ),
    Engine("motherduck", "family", "duckdb", "not tried", "parquet", extra="motherduck"),
    _views("redshift", "redshift", PARSED),
    _views("snowflake", "snowflake", PARSED),
    _views("bigquery", "bigquery", PARSED),
    _views("databricks", "databricks", PARSED),
    _views(
        "clickhouse",
        "clickhouse",
        "no load; views and questions run in process (`.ci/engines`), checks parsed",
    ),
    _views("mssql", "tsql", PARSED),
    _views("synapse", "tsql", PARSED),
    _views("fabric", "fabric", PARSED),
    _views("sqlalchemy", None, "sqlite: loads, links, two regions, by a test of its own; others not tried"),
    _never("athena", BUCKET),
    _never("dremio", BUCKET),
    _never("filesystem", NO_MERGE),
    _never("lance", LINES_STAY),
    _never("lancedb", LINES_STAY),
    _never("qdrant", LINES_STAY),
    _never("weaviate", LINES_STAY),
    _never("dummy", "it keeps nothing"),
    _never("destination", "it hands rows to a function and keeps nothing"),
)
ENGINES: Mapping[str, Engine] = MappingProxyType({engine.name: engine for engine in _ALL})


def engine_of(name: str) -> Engine:
    """The destination of that name. Raises ConfigError for one nobody knows, and for a refused one with the reason."""
    usable = [engine.name for engine in _ALL if engine.kind != "refused"]
    if name not in ENGINES:
        raise unknown_name("destination", name, usable)
    engine = ENGINES[name]
    if engine.kind == "refused":
        raise ConfigError(
            f"The destination {name!r} is refused: {engine.reason}. Next: choose one of {', '.join(usable)}."
        )
    return engine
