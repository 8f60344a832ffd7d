-- task_tags: one row per tag of a live task, under the old schema's names.
create or replace view :compat.task_tags as
select
    task_tags.tag_id as id,
    task_tags.region_code,
    task_tags.task_id,
    task_tags.tag_id,
    task_tags.name as tag_name,
    task_tags.company_id,
    task_tags.task_id as task_pk,
    task_tags.tag_id as tag_pk,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tasks.synced_at
from :dataset.task_tags
inner join :dataset.tasks
    on
        task_tags.region_code = tasks.region_code
        and task_tags.task_id = tasks.task_id;
