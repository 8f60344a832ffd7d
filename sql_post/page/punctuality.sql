-- punctuality: one row per region and week of check-out, of half a year: turns, same-day turns, cleans on
-- time and late. Reads mart_stay_turnovers, regions.
with

days as materialized (
    select
        regions.region_code,
        :first_week as first_week,
        :today as today
    from regions
),

turns as (
    select
        mart_stay_turnovers.region_code,
        mart_stay_turnovers.is_same_day_turn,
        mart_stay_turnovers.is_on_time,
        cast(
            date_trunc('week', cast(mart_stay_turnovers.checkout_date as timestamp)) as date
        ) as checkout_week
    from mart_stay_turnovers
    inner join days on mart_stay_turnovers.region_code = days.region_code
    where
        mart_stay_turnovers.is_turn
        and mart_stay_turnovers.checkout_date between days.first_week and days.today
)

select
    region_code,
    checkout_week,
    count(*) as count_turns,
    sum(case when is_same_day_turn then 1 else 0 end) as count_same_day_turns,
    sum(case when is_on_time then 1 else 0 end) as count_on_time,
    sum(case when not is_on_time then 1 else 0 end) as count_late
from turns
group by region_code, checkout_week
order by region_code, checkout_week;
