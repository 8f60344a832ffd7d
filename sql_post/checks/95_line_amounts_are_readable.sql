-- Every amount that a line of a task carries could be read: sums are low without it. severity: warn
select
    region_code,
    task_id,
    cost_id as line_id
from tasks__costs
where
    region_code = :region_code
    and cost is null
    and unparsed is not null
    and cast(unparsed as varchar) like '%"cost"%'

union all

select
    region_code,
    task_id,
    supply_usage_id as line_id
from tasks__supplies
where
    region_code = :region_code
    and total_price is null
    and unparsed is not null
    and cast(unparsed as varchar) like '%"total_price"%';
