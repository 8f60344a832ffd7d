-- assigned: one row per region and month of its zone, of six months: how long tasks waited from the first
-- version, in which nobody was assigned, to the first in which somebody was. Hours, an upper bound: changes
-- between two runs are one. Versions that tell of a deletion assign nobody. Reads task_changes, regions.
with

first_seen as (
    select
        task_changes.region_code,
        task_changes.task_id,
        task_changes.noted_at,
        cast(
            date_trunc('month', task_changes.noted_at at time zone coalesce(regions.time_zone, 'UTC')) as date
        ) as noted_month,
        :first_of_six_months as first_month
    from task_changes
    inner join regions on task_changes.region_code = regions.region_code
    where
        task_changes.change_number = 1
        and task_changes.assignees is null
        and not task_changes.is_deleted
),

waited as (
    select
        first_seen.region_code,
        first_seen.task_id,
        first_seen.noted_month,
        cast(
            extract(epoch from (min(task_changes.noted_at) - first_seen.noted_at)) / 3600 as decimal(18, 1)
        ) as hours
    from first_seen
    inner join task_changes
        on
            first_seen.region_code = task_changes.region_code
            and first_seen.task_id = task_changes.task_id
    where
        first_seen.noted_month >= first_seen.first_month
        and task_changes.assignees is not null
        and not task_changes.is_deleted
    group by first_seen.region_code, first_seen.task_id, first_seen.noted_month, first_seen.noted_at
)

select
    region_code,
    noted_month,
    count(*) as count_tasks,
    percentile_disc(0.5) within group (order by hours) as middle_hours,
    percentile_disc(0.9) within group (order by hours) as nine_of_ten_hours
from waited
group by region_code, noted_month
order by region_code, noted_month;
