-- mart_task_lines: one row per cost or supply line of a live task. Key: region_code, task_id, line_kind,
-- line_position. Reads tasks, tasks__costs, tasks__supplies, regions. Amounts become cents here, once.
with

zone as (
    select coalesce(max(time_zone), 'UTC') as time_zone
    from regions
    where region_code = :region_code
),

live_tasks as (
    select
        tasks.region_code,
        tasks.task_id,
        tasks.property_id,
        tasks.reservation_pk as reservation_id,
        tasks.type_department,
        tasks.billable,
        coalesce(
            lower(tasks.task_status_code) in ('finished', 'approved')
            or (lower(tasks.task_status_code) = 'closed' and tasks.finished_at is not null),
            false
        ) as is_finished,
        coalesce(
            cast(tasks.finished_at at time zone zone.time_zone as date),
            tasks.scheduled_date,
            cast(tasks.created_at at time zone zone.time_zone as date)
        ) as work_day
    from touched_tasks
    inner join tasks on touched_tasks.task_id = tasks.task_id
    cross join zone
    where
        tasks.region_code = :region_code
        and tasks.deleted_at is null
        and coalesce(lower(tasks.task_status_code), '') <> 'deleted'
),

cost_lines as (
    select
        live_tasks.region_code,
        live_tasks.task_id,
        live_tasks.property_id,
        live_tasks.reservation_id,
        live_tasks.type_department,
        live_tasks.is_finished,
        live_tasks.work_day,
        live_tasks.billable,
        charges._dlt_list_idx as line_position,
        charges.cost_id as line_id,
        coalesce(lower(charges.type_cost_code), 'unset') as line_type,
        coalesce(lower(charges.bill_to), 'unset') as bill_to,
        cast(round(charges.cost, 2) as decimal(38, 2)) as amount
    from live_tasks
    inner join tasks__costs as charges on live_tasks.task_id = charges.task_id
    where
        charges.region_code = :region_code
        and charges.deleted_at is null
),

supply_lines as (
    select
        live_tasks.region_code,
        live_tasks.task_id,
        live_tasks.property_id,
        live_tasks.reservation_id,
        live_tasks.type_department,
        live_tasks.is_finished,
        live_tasks.work_day,
        used._dlt_list_idx as line_position,
        used.supply_usage_id as line_id,
        used.supply_id,
        used.billable,
        used.quantity,
        coalesce(lower(used.bill_to), 'unset') as bill_to,
        cast(round(used.total_price, 2) as decimal(38, 2)) as amount,
        -- beyond these bounds the product does not fit 38 digits, and would fail the whole mart
        case
            when abs(used.quantity) < 1000000000 and abs(used.unit_cost) < 1000000000000
                then cast(round(used.quantity * used.unit_cost, 2) as decimal(38, 2))
        end as supply_cost
    from live_tasks
    inner join tasks__supplies as used on live_tasks.task_id = used.task_id
    where used.region_code = :region_code
)

select
    region_code,
    task_id,
    'cost' as line_kind,
    line_position,
    line_id,
    line_type,
    cast(null as bigint) as supply_id,
    property_id,
    reservation_id,
    type_department,
    is_finished,
    work_day,
    cast(date_trunc('month', cast(work_day as timestamp)) as date) as work_month,
    bill_to,
    billable,
    cast(null as decimal(24, 4)) as quantity,
    amount,
    cast(null as decimal(38, 2)) as supply_cost,
    cast(null as decimal(38, 2)) as supply_margin
from cost_lines

union all

select
    region_code,
    task_id,
    'supply' as line_kind,
    line_position,
    line_id,
    'supply' as line_type,
    supply_id,
    property_id,
    reservation_id,
    type_department,
    is_finished,
    work_day,
    cast(date_trunc('month', cast(work_day as timestamp)) as date) as work_month,
    bill_to,
    billable,
    cast(quantity as decimal(24, 4)) as quantity,
    amount,
    supply_cost,
    cast(amount - supply_cost as decimal(38, 2)) as supply_margin
from supply_lines
