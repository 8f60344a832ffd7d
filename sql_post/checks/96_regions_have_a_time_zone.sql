-- The region has a time_zone in the configuration: its days and clock times are UTC without. severity: warn
select
    region_code,
    name
from regions
where
    region_code = :region_code
    and time_zone is null;
