-- reopened: one row per region and month of its zone, of six months: finished tasks that were seen unfinished
-- afterwards. Reads task_changes, regions.
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
),

reopened as (
    select
        versions.region_code,
        versions.task_id,
        cast(
            date_trunc('month', versions.noted_at at time zone coalesce(regions.time_zone, 'UTC')) as date
        ) as noted_month,
        :first_of_six_months as first_month
    from versions
    inner join regions on versions.region_code = regions.region_code
    where
        versions.was_finished
        and not versions.is_finished
)

select
    region_code,
    noted_month,
    count(*) as count_reopened,
    count(distinct task_id) as count_tasks
from reopened
where noted_month >= first_month
group by region_code, noted_month
order by region_code, noted_month;
