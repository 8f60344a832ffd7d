-- turnover_cost: one row per region and month of check-out: what a turn's cleans cost, with its spread.
-- Turns without a known cost are counted apart. Reads mart_stay_turnovers.
select
    region_code,
    checkout_month,
    count(*) as count_turns,
    count(clean_cost) as count_costs,
    sum(clean_cost) as clean_cost,
    min(clean_cost) as lowest,
    percentile_disc(0.25) within group (order by clean_cost) as lower_quarter,
    percentile_disc(0.5) within group (order by clean_cost) as middle,
    percentile_disc(0.75) within group (order by clean_cost) as upper_quarter,
    max(clean_cost) as highest
from mart_stay_turnovers
where
    is_turn
    and checkout_month >= :two_years_ago
    and checkout_date <= :today
group by region_code, checkout_month
order by region_code, checkout_month;
