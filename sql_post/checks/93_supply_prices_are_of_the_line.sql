-- The price of a supply line is that of the whole line, not of one unit of several. severity: warn
select
    region_code,
    task_id,
    supply_usage_id,
    supply_id
from tasks__supplies
where
    region_code = :region_code
    and quantity > 1
    and total_price = unit_cost
    and total_price <> 0;
