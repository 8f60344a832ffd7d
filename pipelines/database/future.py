"""What a machine whose clock was ahead left in the dataset: rows that would rule right machines until their time comes.

dlt restores the state with the highest load id, and load ids are clock times; cursors, proofs, marks and the history of
runs are compared with the run's time. So whatever is later than now never was: it is removed before the state is
restored, and what those runs loaded is read again from the cursor before them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from dlt.pipeline import Pipeline

from breezeway_source.api.counters import Counters
from breezeway_source.columns import TABLES
from pipelines.database.ddl import SqlClient, rows_of
from pipelines.database.marts import ours

TOLERANCE = timedelta(minutes=5)  # clocks of machines that are set differ by seconds
# Rows about runs: one of a time to come is removed.
_NOTED_AT = {"deletion_proofs": "asked_at", "entity_reads": "read_at", "sync_runs": "started_at"}
_STAMPS = ("synced_at", "deleted_at", "noted_at")


class Clock:
    """The true time, as far as it is known: this machine's, or the API's once its answers have told another.

    `ask` sends a question whose answer tells the time; `load_ids` are the packages this run has loaded.
    """

    def __init__(self, started_at: datetime, counters: Counters, ask: Callable[[], object]) -> None:
        self._started_at = started_at
        self._counters = counters
        self.ask = ask
        self.load_ids: list[str] = []

    @property
    def ahead(self) -> timedelta:
        """By how much this machine's clock is ahead; nothing for what may be the way of an answer."""
        ahead = timedelta(seconds=self._counters.clock_ahead_s or 0.0)
        return ahead if abs(ahead) > TOLERANCE else timedelta()

    @property
    def run_time(self) -> datetime:
        """The true time of the run's start."""
        return self._started_at - self.ahead

    @property
    def now(self) -> datetime:
        return datetime.now(timezone.utc) - self.ahead


def forget_the_future(client: SqlClient, pipeline: Pipeline, region_code: str, clock: Clock) -> list[str]:
    """Remove the region's states, loads, proofs, marks and history of a time to come; gives a warning about it.

    The working folder's copy of the state is the caller's to drop. Where rows seem to be ahead the API is asked for
    the time first: it may be this machine's clock that is behind.
    """
    if not any(count for *_, count in _ahead(client, pipeline, region_code, clock)):
        return []
    clock.ask()
    found = [entry for entry in _ahead(client, pipeline, region_code, clock) if entry[-1]]
    if not found:
        return []
    now, limit, present = clock.run_time, clock.run_time + TOLERANCE, _tables(client)
    with client.begin_transaction():
        for table, where, args, _ in found:
            _change(client, "delete from {}", table, where, *args)
        if (
            "_dlt_version" in present
        ):  # the newest schema wins too: it stays, for its columns are there, as of now
            where, schema = "schema_name = %s and inserted_at > %s", _schema_name(pipeline, region_code)
            _change(
                client, "update {} set inserted_at = %s", "_dlt_version", where, clock.now, schema, clock.now
            )
        for holder in (*(t for t in TABLES.values() if t.name in present), *ours(client).values()):
            for column in (c for c in _STAMPS if c in holder.by_name):
                where = f"region_code = %s and {column} > %s"
                _change(client, f"update {{}} set {column} = %s", holder.name, where, now, region_code, limit)
    told = ", ".join(f"{count} of {table}" for table, _, _, count in found)
    return [
        f"An earlier run's clock was ahead: rows of a time to come are removed ({told}), what changed since is read "
        "again. Next: set the clock (NTP) of the machine it ran on."
    ]


Ahead = tuple[str, str, tuple[object, ...], int]  # table, which of its rows, the parameters, how many


def _ahead(client: SqlClient, pipeline: Pipeline, region_code: str, clock: Clock) -> list[Ahead]:
    """Rows about runs that are later than now. Load ids are compared as text, as dlt does."""
    load_id, limit = _newest_load_id(clock.now), clock.run_time + TOLERANCE
    wanted: list[tuple[str, str, tuple[object, ...]]] = [
        (
            "_dlt_pipeline_state",
            "pipeline_name = %s and _dlt_load_id > %s",
            (pipeline.pipeline_name, load_id),
        ),
        ("_dlt_loads", "schema_name = %s and load_id > %s", (_schema_name(pipeline, region_code), load_id)),
        *(
            (t, f"region_code = %s and {column} > %s", (region_code, limit))
            for t, column in _NOTED_AT.items()
        ),
    ]
    present, found = _tables(client), []
    for table, where, args in wanted:
        if table in present:
            name = client.make_qualified_table_name(table)
            ((count,),) = rows_of(client, f"select count(*) from {name} where {where}", *args)
            found.append((table, where, args, int(count)))
    return found


def _schema_name(pipeline: Pipeline, region_code: str) -> str:
    return pipeline.default_schema_name or f"breezeway_{region_code}"


def is_folder_ahead(pipeline: Pipeline, now: datetime) -> bool:
    """Whether the state in the working folder was made by a clock that was ahead."""
    made_at = pipeline.state.get("_local", {}).get("_last_extracted_at")
    return isinstance(made_at, datetime) and made_at > now + TOLERANCE


def right_load_ids(client: SqlClient, clock: Clock) -> None:
    """Give this run's loads their true time, on a machine whose clock is wrong: dlt has them from there."""
    for load_id in clock.load_ids if clock.ahead else ():
        true = str(float(load_id) - clock.ahead.total_seconds())
        with client.begin_transaction():
            for table, column in (("_dlt_pipeline_state", "_dlt_load_id"), ("_dlt_loads", "load_id")):
                _change(client, f"update {{}} set {column} = %s", table, f"{column} = %s", true, load_id)


def _newest_load_id(now: datetime) -> str:
    return str((now + TOLERANCE).timestamp())


def is_ahead(load_id: str, now: datetime) -> bool:
    """Whether a package was made by a clock that was ahead."""
    return load_id > _newest_load_id(now)


def _tables(client: SqlClient) -> set[str]:
    query = "select table_name from information_schema.tables where table_schema = %s"
    return {name for (name,) in rows_of(client, query, client.dataset_name)}


def _change(client: SqlClient, change: str, table: str, where: str, *args: object) -> None:
    client.execute_sql(f"{change.format(client.make_qualified_table_name(table))} where {where}", *args)
