-- supplies: one row per region and work month, of two years and of what has no month: supplies used, their
-- price, cost and margin, and how many lines of several pieces are priced as one piece: the price may be a
-- unit's then, and margins say nothing. Reads mart_task_lines, regions.
with

days as materialized (
    select
        regions.region_code,
        :first_of_two_years as first_month
    from regions
),

lines as (
    select
        mart_task_lines.region_code,
        mart_task_lines.work_month,
        mart_task_lines.quantity,
        mart_task_lines.amount,
        mart_task_lines.supply_cost,
        mart_task_lines.supply_margin,
        mart_task_lines.quantity > 1 and mart_task_lines.amount <> 0 as is_of_several,
        -- beyond these bounds the product does not fit 38 digits, and would fail the whole page
        case
            when abs(mart_task_lines.quantity) < 1000000000 and abs(mart_task_lines.amount) < 1000000000000
                then round(mart_task_lines.quantity * mart_task_lines.amount, 2)
        end as cost_at_that_price
    from mart_task_lines
    inner join days on mart_task_lines.region_code = days.region_code
    where
        mart_task_lines.line_kind = 'supply'
        and (mart_task_lines.work_month >= days.first_month or mart_task_lines.work_month is null)
)

select
    region_code,
    work_month,
    count(*) as count_lines,
    sum(quantity) as quantity,
    sum(amount) as amount,
    sum(supply_cost) as supply_cost,
    sum(supply_margin) as supply_margin,
    sum(case when is_of_several then 1 else 0 end) as count_of_several,
    sum(case when is_of_several and supply_cost = cost_at_that_price then 1 else 0 end) as count_priced_as_one
from lines
group by region_code, work_month
order by region_code, work_month;
