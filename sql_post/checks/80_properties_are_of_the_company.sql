-- Every property belongs to the company its region is known as. severity: warn
select
    properties.region_code,
    properties.property_id,
    properties.company_id
from properties
inner join regions on properties.region_code = regions.region_code
where
    properties.region_code = :region_code
    and properties.deleted_at is null
    and properties.company_id <> regions.company_id;
