-- lateness: one row per region and span: cleans finished after the next check-in, over eight weeks.
-- Reads mart_stay_turnovers.
select
    region_code,
    case
        when slack_minutes is null then 'not known'
        when slack_minutes > -30 then 'under 30 min'
        when slack_minutes > -60 then '30-60 min'
        when slack_minutes > -120 then '1-2 h'
        when slack_minutes > -240 then '2-4 h'
        else 'over 4 h'
    end as late_by,
    count(*) as count_cleans
from mart_stay_turnovers
where
    is_turn
    and not is_on_time
    and checkout_date >= :eight_weeks_ago_day
    and checkout_date <= :today
group by 1, 2
order by 1, 2;
