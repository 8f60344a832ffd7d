-- runs: one row per region and entity: its last run, its last good one, and how often it was loaded in the
-- last eight weeks. Reads sync_runs, also of longer ago: what stood still for months was not "never loaded".
with

runs as (
    select
        region_code,
        entity,
        max(started_at) as started_at,
        max(case when status <> 'failed' then finished_at end) as loaded_at,
        max(case when status = 'ok' then finished_at end) as good_at,
        min(case when status <> 'failed' and started_at >= :eight_weeks_ago then started_at end)
            as first_started_at,
        max(case when status <> 'failed' then started_at end) as last_started_at,
        count(case when status <> 'failed' and started_at >= :eight_weeks_ago then 1 end) as count_runs
    from sync_runs
    group by region_code, entity
),

last_statuses as (
    select
        runs.region_code,
        runs.entity,
        sync_runs.status,
        row_number() over (
            partition by runs.region_code, runs.entity
            order by sync_runs.run_id desc
        ) as age
    from runs
    inner join sync_runs
        on
            runs.region_code = sync_runs.region_code
            and runs.entity = sync_runs.entity
            and runs.started_at = sync_runs.started_at
)

select
    runs.region_code,
    runs.entity,
    last_statuses.status,
    runs.started_at,
    runs.loaded_at,
    runs.good_at,
    runs.first_started_at,
    runs.last_started_at,
    runs.count_runs
from runs
inner join last_statuses
    on
        runs.region_code = last_statuses.region_code
        and runs.entity = last_statuses.entity
where last_statuses.age = 1
order by runs.region_code, runs.entity;
