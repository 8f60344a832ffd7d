-- Every live task belongs to a loaded property. severity: warn
select
    region_code,
    task_id
from tasks
where
    region_code = :region_code
    and property_pk is null
    and deleted_at is null;
