-- No other region reads the same company: its rows would be loaded twice. severity: warn
select
    regions.region_code,
    second_region.region_code as other_region_code,
    regions.company_id
from regions
inner join regions as second_region
    on
        regions.company_id = second_region.company_id
        and regions.region_code <> second_region.region_code
where regions.region_code = :region_code;
