-- task_costs: one row per live cost line of a live task. Reads tasks__costs, tasks.
-- Lines that carry deleted_at stay in tasks__costs and out of here: these lines make the totals.
create or replace view task_costs as
select
    tasks.region_code,
    tasks.task_id,
    tasks__costs.cost_id,
    tasks__costs.cost,
    tasks__costs.description,
    tasks__costs.bill_to,
    tasks__costs.type_cost_id,
    tasks__costs.type_cost_code,
    tasks__costs.type_cost_name,
    tasks__costs.created_at,
    tasks__costs.updated_at
from tasks__costs
inner join tasks
    on
        tasks__costs.region_code = tasks.region_code
        and tasks__costs.task_id = tasks.task_id
where
    tasks.deleted_at is null
    and tasks__costs.deleted_at is null;
