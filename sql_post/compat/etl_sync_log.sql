-- etl_sync_log: one row per region and entity, its last run, under the old schema's names.
-- How many rows were new, changed or deleted is not known of a run: null.
create or replace view :compat.etl_sync_log as
with

ranked as (
    select
        region_code,
        entity,
        status,
        started_at,
        finished_at,
        rows,
        requests,
        message,
        row_number() over (
            partition by region_code, entity
            order by started_at desc, run_id asc
        ) as age,
        max(case when status <> 'failed' then finished_at end) over (
            partition by region_code, entity
        ) as last_good_at
    from :dataset.sync_runs
)

select
    row_number() over (
        order by region_code, entity
    ) as id,
    region_code,
    entity as entity_type,
    status as sync_status,
    started_at as sync_started_at,
    finished_at as sync_completed_at,
    last_good_at as last_successful_sync_at,
    rows as records_processed,
    cast(null as bigint) as records_new,
    cast(null as bigint) as records_updated,
    cast(null as bigint) as records_deleted,
    requests as api_calls_made,
    message as error_message,
    started_at as created_at,
    finished_at as updated_at,
    finished_at as synced_at
from ranked
where age = 1;
