-- upcoming: one row per region: turns that leave yesterday to in 14 days, and those that need attention.
-- Reads mart_upcoming_turns.
select
    region_code,
    count(*) as count_turns,
    sum(case when needs_attention then 1 else 0 end) as count_needing
from mart_upcoming_turns
group by region_code
order by region_code;
