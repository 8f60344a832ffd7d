-- linkage: one row per region and week of its zone: live tasks, those with a link, those whose stay is
-- loaded, as the last run of the week counted them. Reads sync_runs of the last eight weeks, regions.
with

runs as (
    select
        sync_runs.region_code,
        sync_runs.run_id,
        sync_runs.entity,
        sync_runs.started_at,
        sync_runs.tasks_total,
        sync_runs.tasks_linked,
        sync_runs.tasks_resolved,
        cast(
            date_trunc('week', sync_runs.started_at at time zone coalesce(regions.time_zone, 'UTC')) as date
        ) as run_week
    from sync_runs
    left join regions on sync_runs.region_code = regions.region_code
    where
        sync_runs.tasks_total is not null
        and sync_runs.started_at >= :eight_weeks_ago
),

counted as (
    select
        region_code,
        tasks_total,
        tasks_linked,
        tasks_resolved,
        run_week,
        row_number() over (
            partition by region_code, run_week
            order by started_at desc, run_id desc, entity asc
        ) as age
    from runs
)

select
    region_code,
    run_week,
    tasks_total,
    tasks_linked,
    tasks_resolved
from counted
where age = 1
order by region_code, run_week;
