-- task_supplies: one row per supply line of a live task, under the old schema's names.
-- Its id may be null at the source.
create or replace view :compat.task_supplies as
select
    task_supplies.supply_usage_id as id,
    task_supplies.region_code,
    task_supplies.task_id,
    task_supplies.supply_usage_id,
    task_supplies.supply_id,
    task_supplies.name,
    task_supplies.description,
    task_supplies.size,
    task_supplies.quantity,
    task_supplies.unit_cost,
    task_supplies.total_price,
    task_supplies.bill_to,
    task_supplies.billable,
    task_supplies.markup_pricing_type,
    task_supplies.markup_rate,
    task_supplies.task_id as task_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tasks.synced_at
from :dataset.task_supplies
inner join :dataset.tasks
    on
        task_supplies.region_code = tasks.region_code
        and task_supplies.task_id = tasks.task_id;
