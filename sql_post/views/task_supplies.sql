-- task_supplies: one row per supply line of a live task. Reads tasks__supplies, tasks.
create or replace view task_supplies as
select
    tasks.region_code,
    tasks.task_id,
    tasks__supplies.supply_usage_id,
    tasks__supplies.supply_id,
    tasks__supplies.name,
    tasks__supplies.description,
    tasks__supplies.size,
    tasks__supplies.quantity,
    tasks__supplies.unit_cost,
    tasks__supplies.total_price,
    tasks__supplies.bill_to,
    tasks__supplies.billable,
    tasks__supplies.markup_pricing_type,
    tasks__supplies.markup_rate
from tasks__supplies
inner join tasks
    on
        tasks__supplies.region_code = tasks.region_code
        and tasks__supplies.task_id = tasks.task_id
where tasks.deleted_at is null;
