-- assigned: one row per region and month: how long tasks waited from the first version, in which nobody was
-- assigned, to the first in which somebody was. Hours, an upper bound: changes between two runs are one.
-- Reads task_changes.
with

first_seen as (
    select
        region_code,
        task_id,
        noted_at
    from task_changes
    where
        change_number = 1
        and assignees is null
        and noted_at >= :half_a_year_ago_instant
),

waited as (
    select
        first_seen.region_code,
        first_seen.task_id,
        first_seen.noted_at,
        cast(
            extract(epoch from (min(task_changes.noted_at) - first_seen.noted_at)) / 3600 as decimal(18, 1)
        ) as hours
    from first_seen
    inner join task_changes
        on
            first_seen.region_code = task_changes.region_code
            and first_seen.task_id = task_changes.task_id
    where task_changes.assignees is not null
    group by first_seen.region_code, first_seen.task_id, first_seen.noted_at
)

select
    region_code,
    cast(date_trunc('month', noted_at at time zone 'UTC') as date) as noted_month,
    count(*) as count_tasks,
    percentile_disc(0.5) within group (order by hours) as middle_hours,
    percentile_disc(0.9) within group (order by hours) as nine_of_ten_hours
from waited
group by region_code, cast(date_trunc('month', noted_at at time zone 'UTC') as date)
order by region_code, noted_month;
