-- Every row has its key, and no other row of its table has the same. severity: error
-- for each: root table whose key no index keeps unique
select
    ':table' as table_name,
    region_code,
    :key_text as key_value,
    count(*) as count_rows
from :table
where region_code = :region_code
group by :key
having count(*) > 1 or :key_is_null;
