-- problems: one row per region: what its last run left open, as JSON. Reads sync_runs.
with

noted as (
    select
        region_code,
        problems,
        row_number() over (
            partition by region_code
            order by started_at desc, run_id desc
        ) as age
    from sync_runs
    where problems is not null
)

select
    region_code,
    problems
from noted
where age = 1
order by region_code;
