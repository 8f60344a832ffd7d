"""The views of the old names. They stand in a schema of their own, `breezeway_compat`, so that dashboards of the sync
before this one go on after their search path is changed. Nothing is copied, nothing in the dataset itself is touched.
"""

from __future__ import annotations

import re
import tempfile

from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from breezeway_source.errors import ConfigError
from pipelines.database.ddl import SQL_DIR, SqlClient, ddl_transaction, first_line, is_busy
from pipelines.database.destinations import find_target
from pipelines.database.locks import database_use
from pipelines.load.calling import configuration, project_configuration

PLACES = re.compile(r"(?<!:):(dataset|compat)\b")


def compat_schema(dataset_name: str) -> str:
    """The schema of the old names beside a dataset."""
    return f"{dataset_name}_compat"


def statements(client: SqlClient) -> list[str]:
    """What makes the schema and its views, in the client's database."""
    names = {"dataset": client.dataset_name, "compat": compat_schema(client.dataset_name)}
    quoted = {place: client.escape_column_name(name) for place, name in names.items()}
    files = sorted((SQL_DIR / "compat").glob("*.sql"))
    return [f"create schema if not exists {quoted['compat']}"] + [
        PLACES.sub(lambda place: quoted[place[1]], file.read_text("utf-8")) for file in files
    ]


def make_views(client: SqlClient) -> int:
    """Make or renew the views, all or none; gives their number.

    Raises ConfigError where nothing is loaded yet, or something else has one of the names.
    """
    schema = compat_schema(client.dataset_name)
    todo = statements(client)
    try:
        with ddl_transaction(client):
            for statement in todo:
                client.execute_sql(statement)
    except DatabaseUndefinedRelation as error:
        raise ConfigError(
            f"Dataset {client.dataset_name!r} lacks a table ({first_line(error)}): load a region first."
        ) from error
    except DatabaseException as error:
        way_out = "run again in a moment" if is_busy(error) else "drop or rename what is there by hand"
        raise ConfigError(f"The views of {schema} were not made ({first_line(error)}): {way_out}.") from error
    return len(todo) - 1


def views_in(destination: str) -> str:
    """Make them in the database configured; says what was made. Raises BreezewayError, and what databases raise."""
    with project_configuration():
        settings, _ = configuration()
        target = find_target(destination, dataset=settings.dataset_name)
    if not target.has_sql:
        raise ConfigError(f"The old names are made on duckdb and postgres only, not on {target.name}.")
    with (
        tempfile.TemporaryDirectory(prefix="breezeway-compat-") as folder,
        database_use(target),
        target.pipeline("compat", folder).sql_client() as client,
    ):
        return f"{make_views(client)} views in schema {compat_schema(client.dataset_name)}."
