-- differing_totals: the 20 tasks whose own total differs most from the sum of their lines.
-- Reads mart_task_money.
select
    region_code,
    task_id,
    name,
    property_id,
    work_day,
    total_cost,
    lines_amount,
    total_cost_difference
from mart_task_money
where total_cost_difference <> 0
order by abs(total_cost_difference) desc, region_code asc, task_id asc
limit 20;
