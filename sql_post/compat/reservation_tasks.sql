-- reservation_tasks: one row per live task whose stay is loaded, under the old schema's names.
create or replace view :compat.reservation_tasks as
select
    tasks.task_id as id,
    tasks.region_code,
    tasks.reservation_pk,
    tasks.task_id as task_pk,
    tasks.reservation_pk as reservation_id,
    tasks.task_id,
    tasks.created_at,
    tasks.updated_at,
    tasks.synced_at
from :dataset.tasks
where
    tasks.deleted_at is null
    and tasks.reservation_pk is not null;
