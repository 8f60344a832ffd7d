-- mart_owner_billing: one row per property, work month and payer: what may be billed. Key: region_code,
-- property_id, work_month, bill_to. Reads mart_task_lines. Not what was invoiced or paid.
with

lines as (
    select
        mart_task_lines.property_id,
        mart_task_lines.work_month,
        mart_task_lines.bill_to,
        mart_task_lines.task_id,
        mart_task_lines.line_kind,
        mart_task_lines.is_finished,
        mart_task_lines.billable,
        mart_task_lines.amount,
        mart_task_lines.supply_cost,
        mart_task_lines.supply_margin
    from touched_properties
    inner join mart_task_lines on touched_properties.property_id = mart_task_lines.property_id
    where mart_task_lines.region_code = :region_code

    union all

    select
        mart_task_lines.property_id,
        mart_task_lines.work_month,
        mart_task_lines.bill_to,
        mart_task_lines.task_id,
        mart_task_lines.line_kind,
        mart_task_lines.is_finished,
        mart_task_lines.billable,
        mart_task_lines.amount,
        mart_task_lines.supply_cost,
        mart_task_lines.supply_margin
    from mart_task_lines
    where
        mart_task_lines.region_code = :region_code
        and mart_task_lines.property_id is null
        and exists (
            select 1
            from touched_properties
            where touched_properties.property_id is null
        )
)

select
    :region_code as region_code,
    property_id,
    work_month,
    bill_to,
    count(*) as count_lines,
    count(distinct task_id) as count_tasks,
    cast(sum(case when amount is null then 1 else 0 end) as bigint) as count_lines_without_amount,
    cast(sum(amount) as decimal(38, 2)) as amount,
    cast(sum(case when line_kind = 'cost' then amount end) as decimal(38, 2)) as cost_amount,
    cast(sum(case when line_kind = 'supply' then amount end) as decimal(38, 2)) as supply_amount,
    cast(sum(case when is_finished and billable then amount end) as decimal(38, 2)) as billable_amount,
    cast(
        sum(case when is_finished and not billable then amount end) as decimal(38, 2)
    ) as not_billable_amount,
    cast(sum(case when is_finished and billable is null then amount end) as decimal(38, 2)) as unsaid_amount,
    cast(sum(case when not is_finished then amount end) as decimal(38, 2)) as unfinished_amount,
    cast(sum(supply_cost) as decimal(38, 2)) as supply_cost,
    cast(sum(supply_margin) as decimal(38, 2)) as supply_margin,
    cast(
        sum(case when line_kind = 'supply' and supply_margin is null then 1 else 0 end) as bigint
    ) as count_supplies_without_margin
from lines
group by property_id, work_month, bill_to
