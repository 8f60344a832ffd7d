-- edited_costs: the 20 newest changes, of half a year, of the lines of a task that was approved in a version
-- before. A deletion is no edit. Reads task_changes, mart_task_money.
with

versions as (
    select
        region_code,
        task_id,
        noted_at,
        cost_amount,
        supply_amount,
        count_cost_lines,
        count_supply_lines,
        lag(cost_amount) over earlier as cost_before,
        lag(supply_amount) over earlier as supply_before,
        lag(count_cost_lines) over earlier as costs_before,
        lag(count_supply_lines) over earlier as supplies_before,
        max(case when lower(task_status_code) = 'approved' then 1 else 0 end) over (
            partition by region_code, task_id
            order by change_number
            rows between unbounded preceding and 1 preceding
        ) as was_approved
    from task_changes
    where not is_deleted
    window earlier as (
        partition by region_code, task_id
        order by change_number
    )
)

select
    versions.region_code,
    versions.task_id,
    mart_task_money.name,
    versions.noted_at,
    case
        when versions.cost_before is not null or versions.supply_before is not null
            then coalesce(versions.cost_before, 0) + coalesce(versions.supply_before, 0)
    end as amount_before,
    case
        when versions.cost_amount is not null or versions.supply_amount is not null
            then coalesce(versions.cost_amount, 0) + coalesce(versions.supply_amount, 0)
    end as amount
from versions
left join mart_task_money
    on
        versions.region_code = mart_task_money.region_code
        and versions.task_id = mart_task_money.task_id
where
    versions.was_approved = 1
    and versions.noted_at >= :half_a_year_ago
    and (
        versions.cost_before is distinct from versions.cost_amount
        or versions.supply_before is distinct from versions.supply_amount
        or versions.costs_before is distinct from versions.count_cost_lines
        or versions.supplies_before is distinct from versions.count_supply_lines
    )
order by versions.noted_at desc, versions.region_code asc, versions.task_id asc
limit 20;
