-- No other region reads the same company: its rows would be loaded twice. severity: warn
with

companies as (
    select
        region_code,
        company_id
    from properties
    where
        deleted_at is null
        and company_id is not null
    union
    select
        region_code,
        company_id
    from regions
    where company_id is not null
)

select
    companies.region_code,
    second_companies.region_code as other_region_code,
    companies.company_id
from companies
inner join companies as second_companies
    on
        companies.company_id = second_companies.company_id
        and companies.region_code <> second_companies.region_code
where companies.region_code = :region_code;
