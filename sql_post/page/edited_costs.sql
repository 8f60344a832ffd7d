-- edited_costs: the 20 newest changes of the lines of a task that was approved before. Reads task_changes,
-- mart_task_money.
with

versions as (
    select
        region_code,
        task_id,
        change_number,
        noted_at,
        cost_amount,
        supply_amount,
        lag(cost_amount) over (partition by region_code, task_id order by change_number) as cost_before,
        lag(supply_amount) over (partition by region_code, task_id order by change_number) as supply_before,
        lag(count_cost_lines) over (partition by region_code, task_id order by change_number) as costs_before,
        lag(count_supply_lines) over (partition by region_code, task_id order by change_number)
            as supplies_before,
        count_cost_lines,
        count_supply_lines,
        lag(lower(task_status_code)) over (partition by region_code, task_id order by change_number)
            as status_before
    from task_changes
)

select
    versions.region_code,
    versions.task_id,
    mart_task_money.name,
    versions.noted_at,
    coalesce(versions.cost_before, 0) + coalesce(versions.supply_before, 0) as amount_before,
    coalesce(versions.cost_amount, 0) + coalesce(versions.supply_amount, 0) as amount
from versions
left join mart_task_money
    on
        versions.region_code = mart_task_money.region_code
        and versions.task_id = mart_task_money.task_id
where
    versions.status_before = 'approved'
    and versions.noted_at >= :half_a_year_ago_instant
    and (
        versions.cost_before is distinct from versions.cost_amount
        or versions.supply_before is distinct from versions.supply_amount
        or versions.costs_before is distinct from versions.count_cost_lines
        or versions.supplies_before is distinct from versions.count_supply_lines
    )
order by versions.noted_at desc, versions.region_code asc, versions.task_id asc
limit 20;
