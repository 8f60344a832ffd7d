-- task_requirements: one row per checklist answer of a live task. Reads task_details__requirements, tasks.
create or replace view task_requirements as
select
    tasks.region_code,
    tasks.task_id,
    task_details__requirements.position,
    task_details__requirements.section_name,
    task_details__requirements.action,
    task_details__requirements.response,
    task_details__requirements.type_requirement,
    task_details__requirements.photo_required,
    task_details__requirements.photos,
    task_details__requirements.note,
    task_details__requirements.home_element_name
from task_details__requirements
inner join tasks
    on
        task_details__requirements.region_code = tasks.region_code
        and task_details__requirements.task_id = tasks.task_id
where tasks.deleted_at is null;
