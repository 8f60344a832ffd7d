-- task_changes: adds one version of each task whose watched values differ from its last one. Key:
-- region_code, task_id, change_number. Reads tasks, tasks__assignments, tasks__costs, tasks__supplies, and
-- examined_tasks: those written or marked deleted since the links were made (pipelines/database/touched.py).
insert into task_changes (
    region_code,
    task_id,
    change_number,
    noted_at,
    task_status_code,
    task_status_stage,
    scheduled_date,
    linked_reservation_id,
    assignees,
    count_cost_lines,
    cost_amount,
    count_supply_lines,
    supply_amount,
    total_cost,
    is_deleted
)
with

people_of_tasks as (
    select distinct
        assignments.task_id,
        assignments.assignee_id,
        coalesce(lower(assignments.type_task_user_status), '') as state
    from examined_tasks
    inner join tasks__assignments as assignments on examined_tasks.task_id = assignments.task_id
    where assignments.region_code = :region_code
),

assigned as (
    select
        task_id,
        string_agg(
            concat(cast(assignee_id as varchar), ':', state), ','
            order by assignee_id, state
        ) as assignees
    from people_of_tasks
    group by task_id
),

costs as (
    select
        tasks__costs.task_id,
        count(*) as count_cost_lines,
        cast(sum(round(tasks__costs.cost, 2)) as decimal(38, 2)) as cost_amount
    from examined_tasks
    inner join tasks__costs on examined_tasks.task_id = tasks__costs.task_id
    where
        tasks__costs.region_code = :region_code
        and tasks__costs.deleted_at is null
    group by tasks__costs.task_id
),

supplies_used as (
    select
        tasks__supplies.task_id,
        count(*) as count_supply_lines,
        cast(sum(round(tasks__supplies.total_price, 2)) as decimal(38, 2)) as supply_amount
    from examined_tasks
    inner join tasks__supplies on examined_tasks.task_id = tasks__supplies.task_id
    where tasks__supplies.region_code = :region_code
    group by tasks__supplies.task_id
),

versions as (
    select
        task_changes.task_id,
        max(task_changes.change_number) as change_number
    from examined_tasks
    inner join task_changes on examined_tasks.task_id = task_changes.task_id
    where task_changes.region_code = :region_code
    group by task_changes.task_id
),

found as (
    select
        tasks.task_id,
        tasks.task_status_code,
        tasks.task_status_stage,
        tasks.scheduled_date,
        tasks.linked_reservation_id,
        assigned.assignees,
        costs.cost_amount,
        supplies_used.supply_amount,
        coalesce(tasks.deleted_at, tasks.synced_at) as noted_at,
        coalesce(costs.count_cost_lines, 0) as count_cost_lines,
        coalesce(supplies_used.count_supply_lines, 0) as count_supply_lines,
        cast(round(tasks.total_cost, 2) as decimal(38, 2)) as total_cost,
        tasks.deleted_at is not null as is_deleted,
        coalesce(versions.change_number, 0) as change_number
    from examined_tasks
    inner join tasks on examined_tasks.task_id = tasks.task_id
    left join assigned on examined_tasks.task_id = assigned.task_id
    left join costs on examined_tasks.task_id = costs.task_id
    left join supplies_used on examined_tasks.task_id = supplies_used.task_id
    left join versions on examined_tasks.task_id = versions.task_id
    where tasks.region_code = :region_code
)

select
    :region_code as region_code,
    found.task_id,
    found.change_number + 1 as change_number,
    found.noted_at,
    found.task_status_code,
    found.task_status_stage,
    found.scheduled_date,
    found.linked_reservation_id,
    found.assignees,
    found.count_cost_lines,
    found.cost_amount,
    found.count_supply_lines,
    found.supply_amount,
    found.total_cost,
    found.is_deleted
from found
left join task_changes
    on
        task_changes.region_code = :region_code
        and found.task_id = task_changes.task_id
        and found.change_number = task_changes.change_number
where
    task_changes.task_id is null
    or found.task_status_code is distinct from task_changes.task_status_code
    or found.task_status_stage is distinct from task_changes.task_status_stage
    or found.scheduled_date is distinct from task_changes.scheduled_date
    or found.linked_reservation_id is distinct from task_changes.linked_reservation_id
    or found.assignees is distinct from task_changes.assignees
    or found.count_cost_lines is distinct from task_changes.count_cost_lines
    or found.cost_amount is distinct from task_changes.cost_amount
    or found.count_supply_lines is distinct from task_changes.count_supply_lines
    or found.supply_amount is distinct from task_changes.supply_amount
    or found.total_cost is distinct from task_changes.total_cost
    or found.is_deleted is distinct from task_changes.is_deleted;
