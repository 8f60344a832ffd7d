"""Invented rows never get among real ones: a dataset belongs to the sandbox, or to the account."""

from __future__ import annotations

from dlt.common.destination.exceptions import DestinationUndefinedEntity

from breezeway_source.errors import ConfigError
from pipelines.database.ddl import SqlClient, rows_of
from pipelines.database.destinations import SANDBOX_PREFIX, Target


def refuse_mixed_rows(client: SqlClient, target: Target) -> None:
    """Raises ConfigError when the dataset holds rows of the other kind, as dlt's table of states tells.

    To be asked before anything is extracted or loaded.
    """
    try:
        names = [
            name for (name,) in rows_of(client, "select distinct pipeline_name from _dlt_pipeline_state")
        ]
    except DestinationUndefinedEntity:
        return  # nothing has been loaded yet
    if all(name.startswith(SANDBOX_PREFIX) == target.sandbox for name in names):
        return
    held, ours = ("real", "the sandbox's") if target.sandbox else ("the sandbox's", "real")
    place = f"the DuckDB file {target.file.name!r}" if target.file else f"the {target.name} database"
    raise ConfigError(
        f"The dataset {target.dataset!r} in {place} holds {held} rows, and this run would add {ours}: choose another "
        f"database with DESTINATION__{target.name.upper()}__CREDENTIALS."
    )
