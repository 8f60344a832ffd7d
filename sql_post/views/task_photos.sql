-- task_photos: one row per photo of a live task. Reads tasks__photos, tasks.
create or replace view task_photos as
select
    tasks.region_code,
    tasks.task_id,
    tasks__photos.photo_id,
    tasks__photos.url
from tasks__photos
inner join tasks
    on
        tasks__photos.region_code = tasks.region_code
        and tasks__photos.task_id = tasks.task_id
where tasks.deleted_at is null;
