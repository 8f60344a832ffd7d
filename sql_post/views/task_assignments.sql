-- task_assignments: one row per assignment of a live task. Reads tasks__assignments, tasks.
create or replace view task_assignments as
select
    tasks.region_code,
    tasks.task_id,
    tasks__assignments.assignment_id,
    tasks__assignments.assignee_id,
    tasks__assignments.name,
    tasks__assignments.employee_code,
    tasks__assignments.expires_at,
    tasks__assignments.type_task_user_status
from tasks__assignments
inner join tasks
    on
        tasks__assignments.region_code = tasks.region_code
        and tasks__assignments.task_id = tasks.task_id
where tasks.deleted_at is null;
