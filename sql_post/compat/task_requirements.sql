-- task_requirements: one row per checklist answer of a live task, under the old schema's names.
-- They have no id at the source.
create or replace view :compat.task_requirements as
select
    row_number()
        over (order by task_requirements.region_code, task_requirements.task_id, task_requirements.position)
        as id,
    task_requirements.region_code,
    task_requirements.task_id,
    task_requirements.position,
    task_requirements.section_name,
    task_requirements.action,
    task_requirements.response,
    task_requirements.type_requirement,
    task_requirements.photo_required,
    task_requirements.photos,
    task_requirements.note,
    task_requirements.home_element_name,
    task_requirements.task_id as task_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tasks.synced_at
from :dataset.task_requirements
inner join :dataset.tasks
    on
        task_requirements.region_code = tasks.region_code
        and task_requirements.task_id = tasks.task_id;
