-- turnover_cost: one row per region and month of check-out, of two years: what a turn's cleans cost, with
-- its spread. Turns without a known cost are counted apart, and so are outlying ones: of more than far_from,
-- so many times the middle one of the region's costs. Reads mart_stay_turnovers, regions.
with

days as materialized (
    select
        regions.region_code,
        :first_of_two_years as first_month,
        :today as today
    from regions
),

turns as (
    select
        mart_stay_turnovers.region_code,
        mart_stay_turnovers.checkout_month,
        mart_stay_turnovers.clean_cost
    from mart_stay_turnovers
    inner join days on mart_stay_turnovers.region_code = days.region_code
    where
        mart_stay_turnovers.is_turn
        and mart_stay_turnovers.checkout_month >= days.first_month
        and mart_stay_turnovers.checkout_date <= days.today
),

usual as (
    select
        region_code,
        :far * percentile_disc(0.5) within group (order by abs(clean_cost)) as far_from
    from turns
    where clean_cost <> 0
    group by region_code
)

select
    turns.region_code,
    turns.checkout_month,
    usual.far_from,
    count(*) as count_turns,
    count(turns.clean_cost) as count_costs,
    sum(case when abs(turns.clean_cost) > usual.far_from then 1 else 0 end) as count_outlying,
    sum(turns.clean_cost) as clean_cost,
    min(turns.clean_cost) as lowest,
    percentile_disc(0.25) within group (order by turns.clean_cost) as lower_quarter,
    percentile_disc(0.5) within group (order by turns.clean_cost) as middle,
    percentile_disc(0.75) within group (order by turns.clean_cost) as upper_quarter,
    max(turns.clean_cost) as highest
from turns
left join usual on turns.region_code = usual.region_code
group by turns.region_code, turns.checkout_month, usual.far_from
order by turns.region_code, turns.checkout_month;
