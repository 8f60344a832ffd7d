"""The dlt source: one resource per entry of the endpoint table.

Each resource gives out its jobs as callables, which dlt runs in its worker threads. One that must wait for another
entity gives None, which dlt takes as "nothing yet", so the order of extraction is wired and not hoped for.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any, TypeVar

import dlt
import pendulum
from dlt.common.schema.typing import TTableSchema
from dlt.common.typing import ConfigValueSentinel
from dlt.extract import DltResource, DltSource

from . import arguments
from .active_warehouse import active_warehouse
from .address import API, url_of_the_api
from .api.access import Access
from .api.client import Client
from .api.counters import Counters
from .columns import TABLES, Table
from .entities.endpoints import ENDPOINTS
from .entities.ledger import LEDGER
from .errors import ApiError, AuthError
from .extraction import Chosen, Extractions, States
from .hints import declared_tables, is_declared, merge_hints, table_hints
from .plan import Plan, plan_of
from .reading import Reading
from .settings import Region, Settings, given_region, read_settings

SECTION = "breezeway"
CLOCK_TOLERANCE_S = 300.0
T = TypeVar("T")
Rows = Callable[[Reading], Iterator[Any]]


def breezeway_source(
    region: str = dlt.config.value,
    *,
    entities: str | Iterable[str] = ("all",),
    client_id: str | None = None,
    client_secret: str | None = None,
    base_url: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    full: bool = False,
    properties: int | str | Iterable[int | str] = (),
) -> DltSource:
    """One Breezeway region as a dlt source: a resource per entity, one row per property, stay, task and so on.

        import dlt
        from breezeway_source import breezeway_source

        pipeline = dlt.pipeline("smoky", destination="duckdb", dataset_name="breezeway")
        pipeline.run(breezeway_source("smoky"))

    Run again, it reads what changed since: the cursors are in dlt's state, and what is loaded is asked of the active
    pipeline's destination; where that is no SQL database every row of the window is given. Select and change
    resources dlt's way: `source.with_resources("tasks", "people")`, `source.tasks.add_filter(...)`,
    `list(source.people)`, where a pipeline is active without what it has loaded (`full=True` gives all). What is not
    selected is not waited for; a resource with `add_limit` leaves its cursor as it is; `task_details` alone reads the
    details of tasks that the destination holds.

    Args:
        region: the region's code, part of every key; from `sources.breezeway.region` when left out.
        entities: names of entities, or the groups hourly, daily, weekly, all; one, or several in any collection.
        client_id, client_secret: the key pair; from `sources.breezeway.regions.<region>` when left out.
        base_url: another address of the API; from `sources.breezeway.base_url` when left out.
        since, until: read these days again, both included, beside the stored cursor (tasks by `updated_at`, stays by
            check-out): texts such as "2026-03-01", dates, or datetimes, of which the UTC day counts.
        full: read everything again, whatever the cursor says.
        properties: one id or several, as numbers or texts; only these properties' tasks and details, beside the cursor.
            An empty list is refused, since it might mean none.

    None is the same as leaving an argument out.

    Rows, one per: `properties` property of any status, `reservations` stay, `tasks` task (its `supplies`, `costs`,
    `assignments`, `photos` and `task_tags` become child tables), `people`, `supplies`, `templates`, `subdepartments`
    catalogue entry, `tags` tag and kind, `property_details` property (its contacts and tags), `task_details` task
    (its comments and requirements); `regions`, `entity_reads` and `deletion_proofs` say what was read, and when.
    Every row has `region_code`, its key, and `synced_at` (UTC).

    Building it sends nothing. Raises ConfigError for an unknown name, a bad day, a value of the wrong type or a missing
    key pair; extraction raises ApiError or AuthError when the region cannot be read at all. What only one property
    refuses is logged as an error by the logger `breezeway`; the rest is loaded, and that property is read again in the
    next run.

    The source alone makes no links, marks no deletions by absence and fills no marts: that is what `sql_post/` adds
    (`task_links` is the select for the links). Several regions at once into one dataset need a staging dataset each:
    `staging_dataset_name_layout="%s_staging_smoky"` of the destination.
    """
    found = given_region(_given(region), client_id=_given(client_id), client_secret=_given(client_secret))
    address = arguments.text("base_url", _given(base_url), f"like {API}")
    plan = plan_of(
        ("all",) if _given(entities) is None else entities,
        since=_given(since),
        until=_given(until),
        full=full,
        properties=properties,
    )
    settings = dataclasses.replace(
        read_settings(), piece_properties=sys.maxsize
    )  # all of a region in one package
    if address is not None:
        settings = dataclasses.replace(settings, base_url=url_of_the_api("base_url", address))
    found.key_pair()
    return region_source(found.code, plan.entities, partial(_begin, found, settings, plan))


def _given(value: T) -> T | None:
    """None for dlt's own placeholder, which elsewhere asks dlt for the value: here it is an argument left out."""
    return None if isinstance(value, ConfigValueSentinel) else value


def _begin(region: Region, settings: Settings, plan: Plan, chosen: Chosen) -> Reading:
    """The reading of one extraction of what was chosen."""
    counters = Counters()
    client = Access(settings).client(region, counters)
    plan = dataclasses.replace(
        plan,
        entities=tuple(name for name in plan.entities if name in chosen.resources),
        limited=chosen.limited,
        filtered=chosen.filtered,
    )
    warehouse = active_warehouse(region.code)
    states = States(chosen, region.code, is_own=chosen.source == source_name(region.code))
    started_at = _started_at(client, counters)
    return Reading(region, settings, plan, client, warehouse, started_at, states.of, states.keep)


def _started_at(client: Client, counters: Counters) -> pendulum.DateTime:
    """Now: this machine's time, or the API's where it tells another.

    Cursors are compared with it in later runs, on other machines.
    """
    now = pendulum.now("UTC")
    client.hear_the_time()
    ahead_s = counters.clock_ahead_s or 0.0
    return now.subtract(seconds=ahead_s) if abs(ahead_s) > CLOCK_TOLERANCE_S else now


def region_source(
    region_code: str,
    entities: Iterable[str],
    begin: Callable[[Chosen], Reading],
    known: Mapping[str, TTableSchema] | None = None,
) -> DltSource:
    """The source of these entities and the bookkeeping; `begin` makes the reading of an extraction.

    `known` are the tables of the schema it is extracted into: what is declared there is not declared again, which takes
    a tenth of a quiet hour's CPU (dlt 1.31), and columns stand in the schema alone. Without it they are on the
    resources too, for whoever changes these.

    The source, and with it the schema, is named after the region: regions that share one schema name take over
    each other's schema from the destination (measured with dlt 1.31).
    """
    factory = dlt.source(_resources, name=source_name(region_code), section=SECTION, max_table_nesting=1)
    undeclared = {name for name, table in TABLES.items() if not is_declared(table, known or {})}
    hints = table_hints if known is None else merge_hints
    source: DltSource = factory(tuple(entities), Extractions(begin), hints)
    # Unknown fields stay text: dlt would make a timestamp of one that looks like it.
    source.schema.remove_type_detection("iso_timestamp")
    # Every table of the contract, read in this run or not: SQL and readers find them from run one.
    for table in declared_tables(undeclared):
        source.schema.update_table(table)
    return source


def source_name(region_code: str) -> str:
    return f"breezeway_{region_code}"


def _resources(
    entities: tuple[str, ...], extractions: Extractions, hints: Callable[[Table], dict[str, Any]]
) -> Iterator[DltResource]:
    read = {name: partial(_rows, name) for name in entities} | LEDGER
    for table, rows in read.items():
        yield _resource(table, rows, extractions, hints(TABLES[table]))


def _resource(table: str, rows: Rows, extractions: Extractions, hints: dict[str, Any]) -> DltResource:
    # No generator function, so that `source.parallelize()` passes it over: drawn in dlt's workers, resources change
    # dlt's context all at once (ContainerInjectableContextMangled, dlt 1.31). What is read is read side by side anyway.
    def draw() -> Iterator[Any]:
        return _drawn(rows, extractions)

    extractions.mark(draw, table)
    made: DltResource = dlt.resource(draw, **hints)
    return made


def _drawn(rows: Rows, extractions: Extractions) -> Iterator[Any]:
    extraction = extractions.current()  # held to its end: it lives as long as its generators
    yield from rows(extraction.reading)


def _rows(entity: str, reading: Reading) -> Iterator[Any]:
    """What dlt draws from a resource: jobs to run in its workers, or None while there is nothing to do yet."""
    stage = reading.stage(entity)
    reader = reading.readers.get(entity)
    if reader is None:
        reader = reading.readers[entity] = ENDPOINTS[entity].new_reader()
    state = reading.state(entity)
    try:
        for job in _asking_at_once(_jobs(entity, reading, reader, state), reading):
            if job is None:
                yield None
                continue
            stage.issue()
            yield partial(_done, entity, reading, reader, job)
        while not stage.idle:
            yield None
        yield None  # dlt hands on what is done before it asks again: all rows are drawn by then
        reading.remember_columns(entity, state)
        if not (reading.has_more and entity in reading.FOLLOWING):  # else the last package tells
            reading.tell_oddities(entity)
            reading.compare_keys(entity, state)
            reading.earlier_mode.end(reading, entity, state)
        reading.keep(entity)
    except GeneratorExit:
        stage.abandon()  # a limit is reached: jobs that are given out may never run, and nobody waits for them
        raise
    stage.close()


def _jobs(entity: str, reading: Reading, reader: Any, state: dict[str, Any]) -> Iterator[Any]:
    reading.know_columns(entity, state)
    reading.earlier_mode.begin(reading, entity, state)
    yield from reader.jobs(reading)


def _asking_at_once(jobs: Iterator[T], reading: Reading) -> Iterator[T]:
    """The same, with all that is asked of the warehouse between two of them in one use of it."""
    while True:
        with reading.warehouse.at_once():
            try:
                job = next(jobs)
            except StopIteration:
                return
        yield job


def _done(entity: str, reading: Reading, reader: Any, job: Any) -> list[dict[str, Any]]:
    """The rows of one job."""
    try:
        rows: list[dict[str, Any]] = reader.read(reading, job)
        reading.succeeded()
        return rows
    except AuthError as e:
        reading.call_off(e)
        raise
    except ApiError as e:
        reading.failed(entity, e, getattr(job, "property_id", None))
        return []
    finally:
        reading.stage(entity).finish()
