-- details_follow_their_parents: property_details and task_details carry the deleted_at of their property or
-- task, null again once that is back. Two statements each, both starting from the few deleted rows.

update property_details
set deleted_at = properties.deleted_at
from properties
where
    property_details.region_code = :region_code
    and properties.region_code = property_details.region_code
    and properties.property_id = property_details.property_id
    and properties.deleted_at is not null
    and property_details.deleted_at is distinct from properties.deleted_at;

update property_details
set deleted_at = null
from properties
where
    property_details.region_code = :region_code
    and properties.region_code = property_details.region_code
    and properties.property_id = property_details.property_id
    and property_details.deleted_at is not null
    and properties.deleted_at is null;

update task_details
set deleted_at = tasks.deleted_at
from tasks
where
    task_details.region_code = :region_code
    and tasks.region_code = task_details.region_code
    and tasks.task_id = task_details.task_id
    and tasks.deleted_at is not null
    and task_details.deleted_at is distinct from tasks.deleted_at;

update task_details
set deleted_at = null
from tasks
where
    task_details.region_code = :region_code
    and tasks.region_code = task_details.region_code
    and tasks.task_id = task_details.task_id
    and task_details.deleted_at is not null
    and tasks.deleted_at is null;
