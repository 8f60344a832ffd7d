-- runs: one row per region and entity: its last run, its last good one, and how often it is loaded.
-- Reads sync_runs of the last eight weeks.
with

recent as (
    select
        region_code,
        entity,
        status,
        started_at,
        finished_at,
        row_number() over (
            partition by region_code, entity
            order by started_at desc, run_id desc
        ) as age
    from sync_runs
    where started_at >= :eight_weeks_ago
),

loaded as (
    select
        region_code,
        entity,
        max(finished_at) as loaded_at,
        max(case when status = 'ok' then finished_at end) as good_at,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at,
        count(*) as count_runs
    from recent
    where status <> 'failed'
    group by region_code, entity
)

select
    recent.region_code,
    recent.entity,
    recent.status,
    recent.started_at,
    loaded.loaded_at,
    loaded.good_at,
    loaded.first_started_at,
    loaded.last_started_at,
    coalesce(loaded.count_runs, 0) as count_runs
from recent
left join loaded
    on
        recent.region_code = loaded.region_code
        and recent.entity = loaded.entity
where recent.age = 1
order by recent.region_code, recent.entity;
