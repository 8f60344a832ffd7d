-- regions: one row per loaded region. Reads regions.
select
    region_code,
    name,
    time_zone
from regions
order by region_code;
