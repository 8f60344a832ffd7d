-- mart_region_months: one row per region and month, stays by check-out, tasks by work day. Key: region_code,
-- month. Reads mart_stay_turnovers, mart_task_money, task_details, task_details__requirements. Ratios are
-- the reader's: numerators and denominators stand here.
with

stays as (
    select
        turnovers.checkout_month as month_start,
        turnovers.is_cancelled,
        turnovers.is_turn,
        turnovers.nights,
        turnovers.stay_cost,
        turnovers.clean_cost,
        turnovers.is_same_day_turn,
        turnovers.is_on_time,
        turnovers.clean_basis
    from touched_months
    inner join mart_stay_turnovers as turnovers on touched_months.month_start = turnovers.checkout_month
    where turnovers.region_code = :region_code

    union all

    select
        turnovers.checkout_month as month_start,
        turnovers.is_cancelled,
        turnovers.is_turn,
        turnovers.nights,
        turnovers.stay_cost,
        turnovers.clean_cost,
        turnovers.is_same_day_turn,
        turnovers.is_on_time,
        turnovers.clean_basis
    from mart_stay_turnovers as turnovers
    where
        turnovers.region_code = :region_code
        and turnovers.checkout_month is null
        and exists (
            select 1
            from touched_months
            where touched_months.month_start is null
        )
),

stay_months as (
    select
        month_start,
        sum(case when is_cancelled then 0 else 1 end) as count_stays,
        sum(case when is_cancelled then 1 else 0 end) as count_cancelled_stays,
        sum(case when is_turn then nights else 0 end) as count_nights,
        sum(case when not is_cancelled then stay_cost end) as stay_cost,
        sum(case when is_cancelled then stay_cost end) as cancelled_stay_cost,
        sum(case when not is_cancelled then clean_cost end) as clean_cost,
        sum(case when is_turn then 1 else 0 end) as count_turns,
        sum(case when is_same_day_turn then 1 else 0 end) as count_same_day_turns,
        sum(case when is_on_time then 1 else 0 end) as count_on_time,
        sum(case when not is_on_time then 1 else 0 end) as count_late,
        sum(case when clean_basis = 'none' then 1 else 0 end) as count_turns_without_clean
    from stays
    group by month_start
),

work as (
    select
        touched_months.month_start,
        priced.task_id,
        priced.is_finished,
        lower(priced.type_department) as department,
        priced.link_status,
        priced.reservation_id,
        priced.task_cost,
        priced.owner_amount,
        priced.guest_amount,
        priced.supply_amount,
        priced.supply_margin,
        priced.rate_paid_amount,
        priced.total_cost_difference
    from touched_months
    inner join mart_task_money as priced
        on
            touched_months.month_start
            = cast(date_trunc('month', cast(priced.work_day as timestamp)) as date)
    where priced.region_code = :region_code

    union all

    select
        cast(null as date) as month_start,
        priced.task_id,
        priced.is_finished,
        lower(priced.type_department) as department,
        priced.link_status,
        priced.reservation_id,
        priced.task_cost,
        priced.owner_amount,
        priced.guest_amount,
        priced.supply_amount,
        priced.supply_margin,
        priced.rate_paid_amount,
        priced.total_cost_difference
    from mart_task_money as priced
    where
        priced.region_code = :region_code
        and priced.work_day is null
        and exists (
            select 1
            from touched_months
            where touched_months.month_start is null
        )
),

-- One row per finished inspection with an answer about a condition that can be read.
judged as (
    select
        work.task_id,
        max(case when lower(answers.response) = 'good' then 0 else 1 end) as has_finding
    from work
    inner join task_details on work.task_id = task_details.task_id
    inner join task_details__requirements as answers on work.task_id = answers.task_id
    where
        work.is_finished
        and work.department = 'inspection'
        and task_details.region_code = :region_code
        and task_details.deleted_at is null
        and answers.region_code = :region_code
        and lower(answers.type_requirement) = 'condition'
        and lower(answers.response) in ('good', 'dirty', 'damaged', 'not_working')
    group by work.task_id
),

task_months as (
    select
        work.month_start,
        count(*) as count_tasks,
        sum(case when work.is_finished then 1 else 0 end) as count_finished,
        sum(
            case when work.is_finished and work.department = 'housekeeping' then 1 else 0 end
        ) as count_cleans,
        sum(
            case when work.is_finished and work.department = 'inspection' then 1 else 0 end
        ) as count_inspections,
        sum(
            case when work.is_finished and work.department = 'maintenance' then 1 else 0 end
        ) as count_maintenance,
        sum(case when work.link_status <> 'no_link_at_source' then 1 else 0 end) as count_linked,
        count(work.reservation_id) as count_resolved,
        sum(work.task_cost) as task_cost,
        sum(case when work.department = 'maintenance' then work.task_cost end) as maintenance_cost,
        sum(work.owner_amount) as owner_amount,
        sum(work.guest_amount) as guest_amount,
        sum(work.supply_amount) as supply_amount,
        sum(work.supply_margin) as supply_margin,
        sum(case when work.is_finished then work.rate_paid_amount end) as rate_paid_amount,
        sum(case when work.task_cost is null then 1 else 0 end) as count_tasks_without_cost,
        sum(case when work.total_cost_difference <> 0 then 1 else 0 end) as count_totals_that_differ,
        count(judged.task_id) as count_inspections_judged,
        sum(judged.has_finding) as count_inspections_with_finding
    from work
    left join judged on work.task_id = judged.task_id
    group by work.month_start
),

months as (
    select month_start from stay_months
    union
    select month_start from task_months
)

select
    :region_code as region_code,
    months.month_start as month, -- noqa: RF04
    cast(coalesce(stay_months.count_stays, 0) as bigint) as count_stays,
    cast(coalesce(stay_months.count_cancelled_stays, 0) as bigint) as count_cancelled_stays,
    cast(coalesce(stay_months.count_nights, 0) as bigint) as count_nights,
    cast(stay_months.stay_cost as decimal(38, 2)) as stay_cost,
    cast(stay_months.cancelled_stay_cost as decimal(38, 2)) as cancelled_stay_cost,
    cast(stay_months.clean_cost as decimal(38, 2)) as clean_cost,
    cast(coalesce(stay_months.count_turns, 0) as bigint) as count_turns,
    cast(coalesce(stay_months.count_same_day_turns, 0) as bigint) as count_same_day_turns,
    cast(coalesce(stay_months.count_on_time, 0) as bigint) as count_on_time,
    cast(coalesce(stay_months.count_late, 0) as bigint) as count_late,
    cast(coalesce(stay_months.count_turns_without_clean, 0) as bigint) as count_turns_without_clean,
    cast(coalesce(task_months.count_tasks, 0) as bigint) as count_tasks,
    cast(coalesce(task_months.count_finished, 0) as bigint) as count_finished,
    cast(coalesce(task_months.count_cleans, 0) as bigint) as count_cleans,
    cast(coalesce(task_months.count_inspections, 0) as bigint) as count_inspections,
    cast(coalesce(task_months.count_maintenance, 0) as bigint) as count_maintenance,
    cast(coalesce(task_months.count_linked, 0) as bigint) as count_linked,
    cast(coalesce(task_months.count_resolved, 0) as bigint) as count_resolved,
    cast(task_months.task_cost as decimal(38, 2)) as task_cost,
    cast(task_months.maintenance_cost as decimal(38, 2)) as maintenance_cost,
    cast(task_months.owner_amount as decimal(38, 2)) as owner_amount,
    cast(task_months.guest_amount as decimal(38, 2)) as guest_amount,
    cast(task_months.supply_amount as decimal(38, 2)) as supply_amount,
    cast(task_months.supply_margin as decimal(38, 2)) as supply_margin,
    cast(task_months.rate_paid_amount as decimal(38, 2)) as rate_paid_amount,
    cast(coalesce(task_months.count_tasks_without_cost, 0) as bigint) as count_tasks_without_cost,
    cast(coalesce(task_months.count_totals_that_differ, 0) as bigint) as count_totals_that_differ,
    cast(coalesce(task_months.count_inspections_judged, 0) as bigint) as count_inspections_judged,
    cast(coalesce(task_months.count_inspections_with_finding, 0) as bigint) as count_inspections_with_finding
from months
left join stay_months
    on
        months.month_start = stay_months.month_start
        or (months.month_start is null and stay_months.month_start is null)
left join task_months
    on
        months.month_start = task_months.month_start
        or (months.month_start is null and task_months.month_start is null)
