-- reopened: one row per region and month of its zone: finished tasks that were seen unfinished afterwards.
-- Reads task_changes, regions.
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
    versions.region_code,
    cast(
        date_trunc('month', versions.noted_at at time zone coalesce(regions.time_zone, 'UTC')) as date
    ) as noted_month,
    count(*) as count_reopened,
    count(distinct versions.task_id) as count_tasks
from versions
left join regions on versions.region_code = regions.region_code
where
    versions.was_finished
    and not versions.is_finished
    and versions.noted_at >= :half_a_year_ago_instant
group by 1, 2
order by 1, 2;
