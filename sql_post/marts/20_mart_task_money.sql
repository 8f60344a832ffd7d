-- mart_task_money: one row per live task, what it cost and who pays. Key: region_code, task_id.
-- Reads tasks, regions, mart_task_lines. Lines and the source's own total are never added.
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
        tasks.name,
        tasks.property_id,
        tasks.reservation_pk as reservation_id,
        tasks.link_status,
        tasks.type_department,
        tasks.task_status_code,
        tasks.total_time_seconds,
        tasks.scheduled_date,
        tasks.rate_paid_currency,
        coalesce(
            lower(tasks.task_status_code) in ('finished', 'approved')
            or (lower(tasks.task_status_code) = 'closed' and tasks.finished_at is not null),
            false
        ) as is_finished,
        cast(tasks.finished_at at time zone zone.time_zone as date) as finished_on,
        cast(tasks.created_at at time zone zone.time_zone as date) as created_on,
        cast(round(tasks.total_cost, 2) as decimal(38, 2)) as total_cost,
        cast(round(tasks.rate_paid_amount, 2) as decimal(38, 2)) as rate_paid_amount
    from touched_tasks
    inner join tasks on touched_tasks.task_id = tasks.task_id
    cross join zone
    where
        tasks.region_code = :region_code
        and tasks.deleted_at is null
        and coalesce(lower(tasks.task_status_code), '') <> 'deleted'
),

lines as (
    select
        mart_task_lines.task_id,
        mart_task_lines.bill_to,
        mart_task_lines.amount,
        mart_task_lines.supply_cost,
        mart_task_lines.supply_margin,
        mart_task_lines.line_kind = 'cost' as is_cost,
        case
            when mart_task_lines.line_kind = 'supply' then 'supply'
            when mart_task_lines.line_type in ('labor', 'skilled_labor', 'non_skilled_labor') then 'labor'
            when mart_task_lines.line_type in ('mark_up', 'tax') then mart_task_lines.line_type
            else 'other'
        end as sort
    from touched_tasks
    inner join mart_task_lines on touched_tasks.task_id = mart_task_lines.task_id
    where mart_task_lines.region_code = :region_code
),

sums as (
    select
        task_id,
        sum(case when is_cost then 1 else 0 end) as count_cost_lines,
        sum(case when is_cost then 0 else 1 end) as count_supply_lines,
        sum(case when amount is null then 1 else 0 end) as count_lines_without_amount,
        sum(case when is_cost then amount end) as cost_amount,
        sum(case when sort = 'labor' then amount end) as labor_amount,
        sum(case when sort = 'mark_up' then amount end) as mark_up_amount,
        sum(case when sort = 'tax' then amount end) as tax_amount,
        sum(case when sort = 'other' then amount end) as other_cost_amount,
        sum(case when sort = 'supply' then amount end) as supply_amount,
        sum(supply_cost) as supply_cost,
        sum(supply_margin) as supply_margin,
        sum(amount) as lines_amount,
        sum(case when bill_to = 'owner' then amount end) as owner_amount,
        sum(case when bill_to = 'guest' then amount end) as guest_amount,
        sum(case when bill_to = 'internal' then amount end) as internal_amount,
        sum(
            case when bill_to not in ('owner', 'guest', 'internal', 'unset') then amount end
        ) as other_payer_amount,
        sum(case when bill_to = 'unset' then amount end) as unset_payer_amount
    from lines
    group by task_id
)

select
    live_tasks.region_code,
    live_tasks.task_id,
    live_tasks.name,
    live_tasks.property_id,
    live_tasks.reservation_id,
    live_tasks.link_status,
    live_tasks.type_department,
    live_tasks.task_status_code,
    live_tasks.total_time_seconds,
    live_tasks.is_finished,
    coalesce(live_tasks.finished_on, live_tasks.scheduled_date, live_tasks.created_on) as work_day,
    case
        when live_tasks.finished_on is not null then 'finished'
        when live_tasks.scheduled_date is not null then 'scheduled'
        when live_tasks.created_on is not null then 'created'
        else 'none'
    end as work_day_basis,
    cast(coalesce(sums.count_cost_lines, 0) as bigint) as count_cost_lines,
    cast(coalesce(sums.count_supply_lines, 0) as bigint) as count_supply_lines,
    cast(coalesce(sums.count_lines_without_amount, 0) as bigint) as count_lines_without_amount,
    cast(sums.cost_amount as decimal(38, 2)) as cost_amount,
    cast(sums.labor_amount as decimal(38, 2)) as labor_amount,
    cast(sums.mark_up_amount as decimal(38, 2)) as mark_up_amount,
    cast(sums.tax_amount as decimal(38, 2)) as tax_amount,
    cast(sums.other_cost_amount as decimal(38, 2)) as other_cost_amount,
    cast(sums.supply_amount as decimal(38, 2)) as supply_amount,
    cast(sums.supply_cost as decimal(38, 2)) as supply_cost,
    cast(sums.supply_margin as decimal(38, 2)) as supply_margin,
    cast(sums.lines_amount as decimal(38, 2)) as lines_amount,
    cast(sums.owner_amount as decimal(38, 2)) as owner_amount,
    cast(sums.guest_amount as decimal(38, 2)) as guest_amount,
    cast(sums.internal_amount as decimal(38, 2)) as internal_amount,
    cast(sums.other_payer_amount as decimal(38, 2)) as other_payer_amount,
    cast(sums.unset_payer_amount as decimal(38, 2)) as unset_payer_amount,
    live_tasks.total_cost,
    cast(live_tasks.total_cost - sums.lines_amount as decimal(38, 2)) as total_cost_difference,
    cast(coalesce(sums.lines_amount, live_tasks.total_cost) as decimal(38, 2)) as task_cost,
    case
        when sums.lines_amount is not null then 'lines'
        when live_tasks.total_cost is not null then 'total_cost'
        else 'none'
    end as task_cost_basis,
    live_tasks.rate_paid_amount,
    live_tasks.rate_paid_currency
from live_tasks
left join sums on live_tasks.task_id = sums.task_id
