"""The dlt source: one resource per entry of the endpoint table.

Each entity is a pair: an unselected head that gives out jobs, and a parallelized transformer that does them in
dlt's worker threads. A head that must wait for another entity gives None, which dlt takes as "nothing yet", so
the order of extraction is wired and not hoped for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
from dlt.extract import DltResource, DltSource

from .columns import TABLES
from .entities.endpoints import ENDPOINTS, Endpoint
from .entities.ledger import LEDGER
from .errors import ApiError, AuthError
from .hints import declared_tables, merge_hints
from .reading import Reading

SECTION = "breezeway"


def breezeway_source(reading: Reading) -> DltSource:
    """Everything the plan of this reading asks for, as resources `properties`, `tasks`, ...

    The source, and with it the schema, is named after the region: regions that share one schema name take over
    each other's schema from the destination (measured with dlt 1.31). Building it sends nothing. Extraction
    raises ApiError or AuthError when the region cannot be read at all; what only one property refuses is in
    `reading.failures`.
    """
    factory = dlt.source(
        _resources, name=source_name(reading.region.code), section=SECTION, max_table_nesting=1
    )
    source: DltSource = factory(reading)
    # Unknown fields stay text: dlt would make a timestamp of one that looks like it.
    source.schema.remove_type_detection("iso_timestamp")
    # Every table of the contract, read in this run or not: SQL and readers find them from run one.
    for table in declared_tables():
        source.schema.update_table(table)
    return source


def source_name(region_code: str) -> str:
    return f"breezeway_{region_code}"


def _resources(reading: Reading) -> Iterator[DltResource]:
    for name in reading.package_entities:
        yield _entity(ENDPOINTS[name], reading)
    for table, rows in LEDGER.items():
        yield dlt.resource(rows, **merge_hints(TABLES[table]))(reading)


def _entity(endpoint: Endpoint, reading: Reading) -> DltResource:
    reader = reading.readers.setdefault(endpoint.name, endpoint.reader())
    stage = reading.stage(endpoint.name)

    def head() -> Iterator[Any]:
        reading.know_columns(endpoint.name)
        for job in reader.jobs(reading):
            if job is not None:
                stage.issue()
            yield job
        while not stage.idle:
            yield None
        if not (reading.has_more and endpoint.name in reading.FOLLOWING):  # else the last package tells
            reading.tell_oddities(endpoint.name)
        stage.closed = True

    def read(job: Any) -> list[dict[str, Any]]:
        try:
            rows: list[dict[str, Any]] = reader.read(reading, job)
            reading.succeeded()
            return rows
        except AuthError as e:
            reading.call_off(e)
            raise
        except ApiError as e:
            reading.failed(endpoint.name, e, getattr(job, "property_id", None))
            return []
        finally:
            stage.finish()

    jobs = dlt.resource(head, name=f"{endpoint.name}_jobs", selected=False)
    return dlt.transformer(read, data_from=jobs, parallelized=True, **merge_hints(TABLES[endpoint.name]))
