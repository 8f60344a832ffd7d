-- reopened: one row per region and month: finished tasks that were seen unfinished afterwards.
-- Reads task_changes.
with

versions as (
    select
        region_code,
        task_id,
        noted_at,
        coalesce(lower(task_status_code) in ('finished', 'approved', 'closed'), false) as is_finished,
        lag(coalesce(lower(task_status_code) in ('finished', 'approved', 'closed'), false)) over (
            partition by region_code, task_id
            order by change_number
        ) as was_finished
    from task_changes
    where not is_deleted
)

select
    region_code,
    cast(date_trunc('month', noted_at at time zone 'UTC') as date) as noted_month,
    count(*) as count_reopened,
    count(distinct task_id) as count_tasks
from versions
where
    was_finished
    and not is_finished
    and noted_at >= :half_a_year_ago_instant
group by region_code, cast(date_trunc('month', noted_at at time zone 'UTC') as date)
order by region_code, noted_month;
