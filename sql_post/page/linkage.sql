-- linkage: one row per region and week: live tasks, those with a link, those whose stay is loaded, as the
-- last run of the week counted them. Reads sync_runs of the last eight weeks.
with

counted as (
    select
        region_code,
        tasks_total,
        tasks_linked,
        tasks_resolved,
        cast(date_trunc('week', started_at at time zone 'UTC') as date) as run_week,
        row_number() over (
            partition by region_code, date_trunc('week', started_at at time zone 'UTC')
            order by started_at desc, run_id desc, entity asc
        ) as age
    from sync_runs
    where
        tasks_total is not null
        and started_at >= :eight_weeks_ago
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
