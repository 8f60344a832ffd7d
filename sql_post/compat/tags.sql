-- tags: one row per live tag that is defined for tasks or stays, under the old schema's names.
-- Where both kinds have the same id it is the tasks' tag: an id stands once, so joins by it do not fan out.
create or replace view :compat.tags as
select
    tags.tag_id as id,
    tags.region_code,
    tags.tag_id,
    tags.name as tag_name,
    tags.description,
    tags.company_id,
    tags.tag_kind,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tags.synced_at
from :dataset.tags
where
    tags.deleted_at is null
    and (
        tags.tag_kind = 'task'
        or (
            tags.tag_kind = 'reservation'
            and not exists (
                select 1
                from :dataset.tags as task_tag
                where
                    task_tag.region_code = tags.region_code
                    and task_tag.tag_id = tags.tag_id
                    and task_tag.tag_kind = 'task'
                    and task_tag.deleted_at is null
            )
        )
    );
