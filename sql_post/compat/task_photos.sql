-- task_photos: one row per photo of a live task, under the old schema's names.
create or replace view :compat.task_photos as
select
    task_photos.photo_id as id,
    task_photos.region_code,
    task_photos.task_id,
    task_photos.photo_id,
    task_photos.url,
    task_photos.task_id as task_pk,
    cast(null as varchar) as caption,
    cast(null as boolean) as is_default,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    tasks.synced_at
from :dataset.task_photos
inner join :dataset.tasks
    on
        task_photos.region_code = tasks.region_code
        and task_photos.task_id = tasks.task_id;
