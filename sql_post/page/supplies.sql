-- supplies: one row per region and work month: supplies used, their price, cost and margin, and how many
-- lines of several pieces are priced as one piece: the price may be a unit's then, and margins say nothing.
-- Reads mart_task_lines.
select
    region_code,
    work_month,
    count(*) as count_lines,
    sum(quantity) as quantity,
    sum(amount) as amount,
    sum(supply_cost) as supply_cost,
    sum(supply_margin) as supply_margin,
    sum(case when quantity > 1 then 1 else 0 end) as count_of_several,
    sum(
        case when quantity > 1 and amount <> 0 and supply_cost = round(amount * quantity, 2) then 1 else 0 end
    ) as count_priced_as_one
from mart_task_lines
where
    line_kind = 'supply'
    and work_month >= :two_years_ago
group by region_code, work_month
order by region_code, work_month;
