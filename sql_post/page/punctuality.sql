-- punctuality: one row per region and week of check-out: turns, same-day turns, cleans on time and late.
-- Reads mart_stay_turnovers.
select
    region_code,
    cast(date_trunc('week', cast(checkout_date as timestamp)) as date) as checkout_week,
    count(*) as count_turns,
    sum(case when is_same_day_turn then 1 else 0 end) as count_same_day_turns,
    sum(case when is_on_time then 1 else 0 end) as count_on_time,
    sum(case when not is_on_time then 1 else 0 end) as count_late
from mart_stay_turnovers
where
    is_turn
    and checkout_date >= :half_a_year_ago
    and checkout_date <= :today
group by region_code, cast(date_trunc('week', cast(checkout_date as timestamp)) as date)
order by region_code, checkout_week;
