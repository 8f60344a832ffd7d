-- last_day: one row per region: requests and failures of the last 24 hours. Reads sync_runs.
select
    region_code,
    sum(requests) as count_requests,
    sum(failures) as count_failures
from sync_runs
where started_at >= :a_day_ago
group by region_code
order by region_code;
