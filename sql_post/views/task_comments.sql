-- task_comments: one row per comment on a live task. Reads task_details__comments, tasks.
create or replace view task_comments as
select
    tasks.region_code,
    tasks.task_id,
    task_details__comments.comment_id,
    task_details__comments.comment,
    task_details__comments.comment_by,
    task_details__comments.comment_by_id,
    task_details__comments.author_id,
    task_details__comments.author_name,
    task_details__comments.created_at,
    task_details__comments.updated_at
from task_details__comments
inner join tasks
    on
        task_details__comments.region_code = tasks.region_code
        and task_details__comments.task_id = tasks.task_id
where tasks.deleted_at is null;
