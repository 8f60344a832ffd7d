-- Every line belongs to the loaded version of its parent; none is left over. severity: error
select
    'tasks__supplies' as table_name,
    tasks__supplies.region_code,
    tasks__supplies.task_id as parent_id
from tasks__supplies
left join tasks on tasks__supplies._dlt_root_id = tasks._dlt_id
where
    tasks__supplies.region_code = :region_code
    and tasks._dlt_id is null

union all

select
    'tasks__costs' as table_name,
    tasks__costs.region_code,
    tasks__costs.task_id as parent_id
from tasks__costs
left join tasks on tasks__costs._dlt_root_id = tasks._dlt_id
where
    tasks__costs.region_code = :region_code
    and tasks._dlt_id is null

union all

select
    'tasks__assignments' as table_name,
    tasks__assignments.region_code,
    tasks__assignments.task_id as parent_id
from tasks__assignments
left join tasks on tasks__assignments._dlt_root_id = tasks._dlt_id
where
    tasks__assignments.region_code = :region_code
    and tasks._dlt_id is null

union all

select
    'tasks__photos' as table_name,
    tasks__photos.region_code,
    tasks__photos.task_id as parent_id
from tasks__photos
left join tasks on tasks__photos._dlt_root_id = tasks._dlt_id
where
    tasks__photos.region_code = :region_code
    and tasks._dlt_id is null

union all

select
    'tasks__task_tags' as table_name,
    tasks__task_tags.region_code,
    tasks__task_tags.task_id as parent_id
from tasks__task_tags
left join tasks on tasks__task_tags._dlt_root_id = tasks._dlt_id
where
    tasks__task_tags.region_code = :region_code
    and tasks._dlt_id is null

union all

select
    'reservations__tags' as table_name,
    reservations__tags.region_code,
    reservations__tags.reservation_id as parent_id
from reservations__tags
left join reservations on reservations__tags._dlt_root_id = reservations._dlt_id
where
    reservations__tags.region_code = :region_code
    and reservations._dlt_id is null

union all

select
    'reservations__guests' as table_name,
    reservations__guests.region_code,
    reservations__guests.reservation_id as parent_id
from reservations__guests
left join reservations on reservations__guests._dlt_root_id = reservations._dlt_id
where
    reservations__guests.region_code = :region_code
    and reservations._dlt_id is null

union all

select
    'properties__photos' as table_name,
    properties__photos.region_code,
    properties__photos.property_id as parent_id
from properties__photos
left join properties on properties__photos._dlt_root_id = properties._dlt_id
where
    properties__photos.region_code = :region_code
    and properties._dlt_id is null

union all

select
    'property_details__contacts' as table_name,
    property_details__contacts.region_code,
    property_details__contacts.property_id as parent_id
from property_details__contacts
left join property_details on property_details__contacts._dlt_root_id = property_details._dlt_id
where
    property_details__contacts.region_code = :region_code
    and property_details._dlt_id is null

union all

select
    'property_details__tags' as table_name,
    property_details__tags.region_code,
    property_details__tags.property_id as parent_id
from property_details__tags
left join property_details on property_details__tags._dlt_root_id = property_details._dlt_id
where
    property_details__tags.region_code = :region_code
    and property_details._dlt_id is null

union all

select
    'task_details__comments' as table_name,
    task_details__comments.region_code,
    task_details__comments.task_id as parent_id
from task_details__comments
left join task_details on task_details__comments._dlt_root_id = task_details._dlt_id
where
    task_details__comments.region_code = :region_code
    and task_details._dlt_id is null

union all

select
    'task_details__requirements' as table_name,
    task_details__requirements.region_code,
    task_details__requirements.task_id as parent_id
from task_details__requirements
left join task_details on task_details__requirements._dlt_root_id = task_details._dlt_id
where
    task_details__requirements.region_code = :region_code
    and task_details._dlt_id is null;
