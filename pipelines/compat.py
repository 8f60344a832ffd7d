"""Views under the names of an older schema: `python -m pipelines.compat --destination postgres`.

They stand in a schema of their own, `breezeway_compat`, so that dashboards of the sync before this one go on after
their search path is changed. Nothing is copied, nothing in the dataset itself is touched.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation  # noqa: E402

from breezeway_source.errors import BreezewayError, ConfigError  # noqa: E402
from pipelines.database.causes import one_line  # noqa: E402
from pipelines.database.ddl import SQL_DIR, SqlClient, ddl_transaction, first_line, is_busy  # noqa: E402
from pipelines.database.destinations import find_target  # noqa: E402
from pipelines.database.locks import database_use  # noqa: E402
from pipelines.load.calling import configuration, project_configuration  # noqa: E402
from pipelines.watch.secrets import SECRETS  # noqa: E402
from pipelines.watch.streams import tell_end  # noqa: E402
from pipelines.watch.ways_out import with_next  # noqa: E402

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


def main(argv: Sequence[str] | None = None) -> int:
    """Make the views; returns the exit code."""
    options = argparse.ArgumentParser(prog="compat", description=__doc__)
    options.add_argument(
        "--destination", default="duckdb", metavar="NAME", help="duckdb (default) or postgres"
    )
    args = options.parse_args(argv)
    SECRETS.learn_configuration()
    try:
        with project_configuration():
            settings, _ = configuration()
            target = find_target(args.destination, dataset=settings.dataset_name)
        if not target.has_sql:
            raise ConfigError(f"The old names are made on duckdb and postgres only, not on {target.name}.")
        with (
            tempfile.TemporaryDirectory(prefix="breezeway-compat-") as folder,
            database_use(target),
            target.pipeline("compat", folder).sql_client() as client,
        ):
            count = make_views(client)
            print(f"{count} views in schema {compat_schema(client.dataset_name)}.")
    except BreezewayError as e:
        tell_end("compat", str(e))
        return e.exit_code
    except Exception as e:  # noqa: BLE001 - whatever the database says, a person gets one line
        tell_end("compat", with_next(one_line(e)))
        return BreezewayError.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
