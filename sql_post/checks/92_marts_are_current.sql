-- A weekly run finds every mart as its definition makes it; what differed is mended. severity: error
select
    region_code,
    name,
    count_differences
from marts_made
where
    region_code = :region_code
    and count_differences > 0;
