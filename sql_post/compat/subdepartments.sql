-- subdepartments: one row per live entry, with the old schema's id.
create or replace view :compat.subdepartments as
select
    subdepartments.subdepartment_id as id,
    subdepartments.region_code,
    subdepartments.subdepartment_id,
    subdepartments.name,
    subdepartments.reference_company_id,
    subdepartments.synced_at,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at
from :dataset.subdepartments
where subdepartments.deleted_at is null;
