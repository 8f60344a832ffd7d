-- place_task_details: sets property_pk of task details whose task is loaded. Reads task_details, tasks.
-- Runs last: a null property_pk is the sign by which marts know details that have just been written.
update task_details
set property_pk = tasks.property_id
from tasks
where
    task_details.region_code = :region_code
    and task_details.property_pk is null
    and tasks.region_code = task_details.region_code
    and tasks.task_id = task_details.task_id
    and tasks.property_id is not null;
