-- task_tags: one row per tag of a live task. Reads tasks__task_tags, tasks.
create or replace view task_tags as
select
    tasks.region_code,
    tasks.task_id,
    tasks__task_tags.tag_id,
    tasks__task_tags.name,
    tasks__task_tags.company_id
from tasks__task_tags
inner join tasks
    on
        tasks__task_tags.region_code = tasks.region_code
        and tasks__task_tags.task_id = tasks.task_id
where tasks.deleted_at is null;
