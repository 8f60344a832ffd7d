-- No supply line has a negative quantity or price; cost lines may be credits. severity: warn
select
    region_code,
    task_id,
    supply_usage_id,
    supply_id
from tasks__supplies
where
    region_code = :region_code
    and (quantity < 0 or unit_cost < 0 or total_price < 0);
