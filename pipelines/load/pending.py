"""Packages that an earlier run left half loaded, set back to their beginning.

dlt (1.31) goes on where it stopped. But a job killed between the database's commit and dlt's note of it runs a
second time: its rows are in the staging table, or in dlt's state table, twice, and PostgreSQL refuses the package
for ever, since `_dlt_id` is unique. What merges may be merged again, so a package whose loading had begun is
loaded from its first file on.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName
from dlt.pipeline import Pipeline

from pipelines.database.ddl import SqlClient, rows_of
from pipelines.database.future import is_ahead
from pipelines.database.session import Session
from pipelines.watch.secrets import clean

# Jobs that dlt makes anew when the files of a table and its child tables are in: the merges.
_FOLLOWING = ("sql", "reference")
PUT_BACK = (
    "the database is of an earlier day than this machine's working folder (a backup was put back): what changed since "
    "that day is read again"
)
_TAKEN_UP = (PackageStorage.STARTED_JOBS_FOLDER, PackageStorage.COMPLETED_JOBS_FOLDER)


def give_up(pipeline: Pipeline) -> None:
    """Empty the working folder like a lost one: what it held is read again, from the destination's state."""
    pipeline.drop()


def clean_notes(pipeline: Pipeline) -> None:
    """Take secrets out of what dlt noted about failed jobs: whole tracebacks, in the words of the database's driver."""
    for note in Path(pipeline.working_dir).glob("load/**/*.exception"):
        text = note.read_text("utf-8", errors="replace")
        if clean(text) != text:
            note.write_text(clean(text), "utf-8")


def begin_again(session: Session, now: datetime) -> bool:
    """Set every package whose loading had begun back to its beginning; safe to repeat when it is killed itself.

    False when nothing is left to load: the working folder was given up like a lost one, and all is read again
    from the destination's state. So it goes with a package that no state knows of, of a run killed between dlt's
    two notes of its first extraction, with one of a folder that comes back after others have loaded, and with one
    made by a clock that was ahead of `now`, the true time: its state would rule right machines.
    """
    pipeline = session.pipeline
    if pipeline.default_schema_name is None or _is_outdated(session, now):
        give_up(pipeline)
        return False
    storage = pipeline._get_load_storage()
    if not storage.storage.has_folder(storage.NORMALIZED_FOLDER):
        return True  # killed before the first package was normalised
    for load_id in storage.list_normalized_packages():
        package = Path(storage.storage.make_full_path(storage.get_normalized_package_path(load_id)))
        if _has_begun(package):
            _forget_appended(session, load_id)
            _set_back(package)
    return True


def is_put_back(client: SqlClient, pipeline: Pipeline) -> bool:
    """Whether the folder knows of loads that the database does not: it was put back to an earlier day, or emptied.

    The folder's cursors would skip what came between. A package that waits may be one state ahead of what is loaded.
    """
    pending = [*pipeline.list_extracted_load_packages(), *pipeline.list_normalized_load_packages()]
    query = "select coalesce(max(version), 0) from _dlt_pipeline_state where pipeline_name = %s"
    try:
        ((loaded,),) = rows_of(client, query, pipeline.pipeline_name)
    except DestinationUndefinedEntity:
        loaded = 0  # nothing was ever loaded
    return bool(pipeline.state["_state_version"] > int(loaded) + len(pending))


def _is_outdated(session: Session, now: datetime) -> bool:
    """Whether a newer package is loaded: its run began before this one's rows, which would undo newer ones."""
    pipeline = session.pipeline
    pending = [*pipeline.list_extracted_load_packages(), *pipeline.list_normalized_load_packages()]
    if any(is_ahead(load_id, now) for load_id in pending):
        return True
    loads = pipeline.default_schema.loads_table_name
    with session.sql_client() as client:
        table = client.make_qualified_table_name(loads)
        query = f"select max(load_id) from {table} where schema_name = %s and status = 0"
        try:
            ((newest,),) = client.execute_sql(query, pipeline.default_schema_name) or ((None,),)
        except DestinationUndefinedEntity:
            return False  # nothing was ever loaded
    return newest is not None and float(newest) > max(map(float, pending), default=0.0)


def _has_begun(package: Path) -> bool:
    return (package / PackageStorage.APPLIED_SCHEMA_UPDATES_FILE_NAME).exists()


def _set_back(package: Path) -> None:
    update = package / PackageStorage.SCHEMA_UPDATES_FILE_NAME
    if not update.exists():
        update.write_text("{}", "utf-8")  # tells dlt to prepare the load, which empties the staging tables
    for state in (PackageStorage.NEW_JOBS_FOLDER, *_TAKEN_UP):
        for job in (package / state).iterdir():
            if ParsedLoadJobFileName.parse(job.name).file_format in _FOLLOWING:
                job.unlink()
            elif state in _TAKEN_UP:
                job.rename(package / PackageStorage.NEW_JOBS_FOLDER / job.name)
    # Written just before dlt puts a loaded package away, and a reason never to load it again (dlt 1.31).
    (package / PackageStorage.PACKAGE_COMPLETED_FILE_NAME).unlink(missing_ok=True)
    for note in (package / PackageStorage.PENDING_TRANSITIONS_FOLDER).glob("*"):
        note.unlink()


def _forget_appended(session: Session, load_id: str) -> None:
    """Take out what the package appended instead of merging: its state, and its entry among the loaded packages."""
    schema = session.pipeline.default_schema
    columns: list[tuple[str, Any]] = [
        (schema.state_table_name, "_dlt_load_id"),
        (schema.loads_table_name, "load_id"),
    ]
    with session.sql_client() as client:
        for table, column in columns:
            try:
                client.execute_sql(
                    f"delete from {client.make_qualified_table_name(table)} where {column} = %s", load_id
                )
            except DestinationUndefinedEntity:
                continue  # killed before the table was made
