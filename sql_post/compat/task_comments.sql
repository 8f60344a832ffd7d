-- task_comments: one row per comment on a live task, under the old schema's names.
create or replace view :compat.task_comments as
select
    task_comments.comment_id as id,
    task_comments.region_code,
    task_comments.task_id,
    task_comments.comment_id,
    task_comments.comment,
    task_comments.comment_by,
    task_comments.comment_by_id,
    task_comments.author_id,
    task_comments.author_name,
    task_comments.created_at,
    task_comments.updated_at,
    task_comments.task_id as task_pk,
    tasks.synced_at
from :dataset.task_comments
inner join :dataset.tasks
    on
        task_comments.region_code = tasks.region_code
        and task_comments.task_id = tasks.task_id;
