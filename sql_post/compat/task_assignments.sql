-- task_assignments: one row per assignment of a live task, under the old schema's names.
create or replace view :compat.task_assignments as
select
    task_assignments.assignment_id as id,
    task_assignments.region_code,
    task_assignments.task_id,
    task_assignments.assignment_id,
    task_assignments.assignee_id,
    task_assignments.name as assignee_name,
    task_assignments.employee_code,
    task_assignments.expires_at,
    task_assignments.type_task_user_status,
    task_assignments.task_id as task_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tasks.synced_at
from :dataset.task_assignments
inner join :dataset.tasks
    on
        task_assignments.region_code = tasks.region_code
        and task_assignments.task_id = tasks.task_id;
