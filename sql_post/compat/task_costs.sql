-- task_costs: one row per live cost line of a live task, under the old schema's names.
-- Its id may be null at the source.
create or replace view :compat.task_costs as
select
    task_costs.cost_id as id,
    task_costs.region_code,
    task_costs.task_id,
    task_costs.cost_id,
    task_costs.cost,
    task_costs.description,
    task_costs.bill_to,
    task_costs.type_cost_id,
    task_costs.type_cost_code,
    task_costs.type_cost_name,
    task_costs.created_at,
    task_costs.updated_at,
    task_costs.task_id as task_pk,
    tasks.synced_at
from :dataset.task_costs
inner join :dataset.tasks
    on
        task_costs.region_code = tasks.region_code
        and task_costs.task_id = tasks.task_id;
