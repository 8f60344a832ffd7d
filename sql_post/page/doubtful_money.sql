-- doubtful_money: one row per region: lines whose amount is not known, tasks whose total is not their lines'.
-- Reads mart_task_money.
select
    region_code,
    sum(count_cost_lines + count_supply_lines) as count_lines,
    sum(count_lines_without_amount) as count_lines_without_amount,
    sum(case when total_cost_difference <> 0 then 1 else 0 end) as count_totals_that_differ,
    count(total_cost_difference) as count_totals_compared
from mart_task_money
group by region_code
order by region_code;
