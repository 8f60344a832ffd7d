-- Every property belongs to the company of its region: the configured one, else that of most. severity: warn
with

counted as (
    select
        company_id,
        count(*) as count_properties
    from properties
    where
        region_code = :region_code
        and deleted_at is null
        and company_id is not null
    group by company_id
),

ranked as (
    select
        company_id,
        row_number() over (order by count_properties desc, company_id asc) as place
    from counted
),

own as (
    select coalesce(max(regions.company_id), max(ranked.company_id)) as company_id
    from ranked
    left join regions on regions.region_code = :region_code
    where ranked.place = 1
)

select
    properties.region_code,
    properties.property_id,
    properties.company_id
from properties
cross join own
where
    properties.region_code = :region_code
    and properties.deleted_at is null
    and properties.company_id <> own.company_id;
