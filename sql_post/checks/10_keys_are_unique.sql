-- Every row has its key, and no other row of its table has the same. severity: error
select
    'properties' as table_name,
    region_code,
    cast(property_id as text) as key_value,
    count(*) as count_rows
from properties
where region_code = :region_code
group by region_code, property_id
having count(*) > 1 or property_id is null

union all

select
    'reservations' as table_name,
    region_code,
    cast(reservation_id as text) as key_value,
    count(*) as count_rows
from reservations
where region_code = :region_code
group by region_code, reservation_id
having count(*) > 1 or reservation_id is null

union all

select
    'tasks' as table_name,
    region_code,
    cast(task_id as text) as key_value,
    count(*) as count_rows
from tasks
where region_code = :region_code
group by region_code, task_id
having count(*) > 1 or task_id is null

union all

select
    'people' as table_name,
    region_code,
    cast(person_id as text) as key_value,
    count(*) as count_rows
from people
where region_code = :region_code
group by region_code, person_id
having count(*) > 1 or person_id is null

union all

select
    'supplies' as table_name,
    region_code,
    cast(supply_id as text) as key_value,
    count(*) as count_rows
from supplies
where region_code = :region_code
group by region_code, supply_id
having count(*) > 1 or supply_id is null

union all

select
    'templates' as table_name,
    region_code,
    cast(template_id as text) as key_value,
    count(*) as count_rows
from templates
where region_code = :region_code
group by region_code, template_id
having count(*) > 1 or template_id is null

union all

select
    'subdepartments' as table_name,
    region_code,
    cast(subdepartment_id as text) as key_value,
    count(*) as count_rows
from subdepartments
where region_code = :region_code
group by region_code, subdepartment_id
having count(*) > 1 or subdepartment_id is null

union all

select
    'tags' as table_name,
    region_code,
    tag_kind || ' ' || cast(tag_id as text) as key_value,
    count(*) as count_rows
from tags
where region_code = :region_code
group by region_code, tag_kind, tag_id
having count(*) > 1 or tag_kind is null or tag_id is null

union all

select
    'property_details' as table_name,
    region_code,
    cast(property_id as text) as key_value,
    count(*) as count_rows
from property_details
where region_code = :region_code
group by region_code, property_id
having count(*) > 1 or property_id is null

union all

select
    'task_details' as table_name,
    region_code,
    cast(task_id as text) as key_value,
    count(*) as count_rows
from task_details
where region_code = :region_code
group by region_code, task_id
having count(*) > 1 or task_id is null;
