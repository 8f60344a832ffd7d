"""dlt's own tables, kept short: a cursor that moves every hour adds a row of state every hour."""

from __future__ import annotations

from dlt.pipeline import Pipeline

from pipelines.database.ddl import SqlClient

STATES_KEPT = 10
SCHEMAS_KEPT = 10
LOADS_KEPT = 1000  # six weeks of hourly runs; `_dlt_load_id` of older rows then leads nowhere

# A state without its row in _dlt_loads belongs to a package that was given up: dlt never restores it.
_STATES = """
    delete from _dlt_pipeline_state
    where pipeline_name = %s and _dlt_load_id not in (
        select states._dlt_load_id
        from _dlt_pipeline_state as states
        inner join _dlt_loads on states._dlt_load_id = _dlt_loads.load_id
        where states.pipeline_name = %s and _dlt_loads.status = 0
        order by states._dlt_load_id desc
        limit {kept}
    )"""
# The loads of the states kept stay, however old: without them dlt would not restore the state.
_LOADS = """
    delete from _dlt_loads
    where schema_name = %s
    and load_id not in (select load_id from _dlt_loads where schema_name = %s order by load_id desc limit {kept})
    and load_id not in (select _dlt_load_id from _dlt_pipeline_state where pipeline_name = %s)"""
_SCHEMAS = """
    delete from _dlt_version
    where schema_name = %s and version_hash not in (
        select version_hash from _dlt_version where schema_name = %s order by inserted_at desc limit {kept}
    )"""


def keep_short(client: SqlClient, pipeline: Pipeline) -> None:
    """Delete all but the newest states, loads and schemas of this pipeline; other regions' rows stay.

    To be called when no package of the pipeline is half loaded.
    """
    name, schema = pipeline.pipeline_name, pipeline.default_schema_name
    with client.begin_transaction():
        client.execute_sql(_STATES.format(kept=STATES_KEPT), name, name)
        client.execute_sql(_LOADS.format(kept=LOADS_KEPT), schema, schema, name)
        client.execute_sql(_SCHEMAS.format(kept=SCHEMAS_KEPT), schema, schema)
