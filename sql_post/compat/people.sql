-- people: one row per live person, under the old schema's names.
create or replace view :compat.people as
select
    people.person_id as id,
    people.region_code,
    people.person_id,
    people.name as person_name,
    people.first_name,
    people.last_name,
    people.status,
    people.active,
    people.accept_decline_tasks,
    people.emails,
    people.employee_code,
    people.type_role,
    people.type_departments,
    people.groups,
    people.availability,
    people.shifts,
    people.synced_at,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at
from :dataset.people
where people.deleted_at is null;
