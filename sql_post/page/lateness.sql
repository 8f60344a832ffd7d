-- lateness: one row per region and span: cleans that were judged, over eight weeks, by how long after the
-- next check-in they were finished. Reads mart_stay_turnovers, regions.
with

days as materialized (
    select
        regions.region_code,
        :eight_weeks_ago_day as first_day,
        :today as today
    from regions
),

judged as (
    select
        mart_stay_turnovers.region_code,
        case
            when mart_stay_turnovers.is_on_time then 'on time'
            when mart_stay_turnovers.slack_minutes is null then 'not known'
            when mart_stay_turnovers.slack_minutes > -30 then 'under 30 min'
            when mart_stay_turnovers.slack_minutes > -60 then '30-60 min'
            when mart_stay_turnovers.slack_minutes > -120 then '1-2 h'
            when mart_stay_turnovers.slack_minutes > -240 then '2-4 h'
            else 'over 4 h'
        end as late_by
    from mart_stay_turnovers
    inner join days on mart_stay_turnovers.region_code = days.region_code
    where
        mart_stay_turnovers.is_turn
        and mart_stay_turnovers.is_on_time is not null
        and mart_stay_turnovers.checkout_date between days.first_day and days.today
)

select
    region_code,
    late_by,
    count(*) as count_cleans
from judged
group by region_code, late_by
order by region_code, late_by;
