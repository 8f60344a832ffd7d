-- regions: one row per region, under the old schema's names.
create or replace view :compat.regions as
select
    regions.region_code as id,
    regions.region_code,
    regions.name as region_name,
    regions.company_id,
    cast(regions.company_id as varchar) as breezeway_company_id,
    true as is_active,
    cast(null as timestamp with time zone) as created_at,
    cast(null as timestamp with time zone) as updated_at,
    regions.synced_at
from :dataset.regions;
