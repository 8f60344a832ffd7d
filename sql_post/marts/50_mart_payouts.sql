-- mart_payouts: one row per person, work month and currency: shares of what finished tasks pay, not payroll.
-- Key: region_code, work_month, person_id, currency. Reads tasks, tasks__assignments, mart_task_money.
-- A task's rate is its total, split among its payees in whole cents, left-over cents to the lowest ids.
with

finished as (
    select
        priced.task_id,
        priced.total_time_seconds,
        priced.rate_paid_amount,
        priced.rate_paid_currency,
        touched_months.month_start as work_month
    from touched_months
    inner join mart_task_money as priced
        on
            touched_months.month_start
            = cast(date_trunc('month', cast(priced.work_day as timestamp)) as date)
    where
        priced.region_code = :region_code
        and priced.is_finished

    union all

    select
        priced.task_id,
        priced.total_time_seconds,
        priced.rate_paid_amount,
        priced.rate_paid_currency,
        cast(null as date) as work_month
    from mart_task_money as priced
    where
        priced.region_code = :region_code
        and priced.is_finished
        and priced.work_day is null
        and exists (
            select 1
            from touched_months
            where touched_months.month_start is null
        )
),

done as (
    select
        finished.task_id,
        finished.work_month,
        coalesce(finished.rate_paid_currency, '') as currency,
        coalesce(lower(tasks.rate_type) in ('hour', 'hourly'), false) as is_hourly,
        tasks.finished_by_id,
        -- beyond these bounds sums of cents or seconds do not fit 64 bits: such a value counts as unreadable
        case
            when abs(finished.rate_paid_amount) < 10000000000000
                then cast(finished.rate_paid_amount * 100 as bigint)
        end as cents,
        case
            when finished.total_time_seconds between -10000000000000 and 10000000000000
                then finished.total_time_seconds
        end as seconds
    from finished
    inner join tasks on finished.task_id = tasks.task_id
    where tasks.region_code = :region_code
),

assignees as (
    select
        assignments.task_id,
        assignments.assignee_id,
        max(
            case when lower(assignments.type_task_user_status) in ('accepted', 'completed') then 1 else 0 end
        ) as has_worked
    from done
    inner join tasks__assignments as assignments on done.task_id = assignments.task_id
    where
        assignments.region_code = :region_code
        and assignments.assignee_id is not null
    group by assignments.task_id, assignments.assignee_id
),

ranked as (
    select
        task_id,
        assignee_id,
        has_worked,
        max(has_worked) over (partition by task_id) as any_has_worked
    from assignees
),

shares as (
    select
        done.work_month,
        done.currency,
        done.is_hourly,
        done.cents,
        done.seconds,
        coalesce(ranked.assignee_id, done.finished_by_id) as person_id,
        count(*) over (partition by done.task_id) as count_payees,
        row_number() over (partition by done.task_id order by ranked.assignee_id) as place
    from done
    left join ranked
        on
            done.task_id = ranked.task_id
            and ranked.has_worked = ranked.any_has_worked
),

parts as (
    select
        work_month,
        person_id,
        currency,
        is_hourly,
        seconds,
        count_payees > 1 as is_shared,
        cents,
        cast((cents - mod(cents, count_payees)) / count_payees as bigint)
        + case
            when place > abs(mod(cents, count_payees)) then 0
            when cents < 0 then -1
            else 1
        end as own_cents
    from shares
)

select
    :region_code as region_code,
    work_month,
    person_id,
    currency,
    count(*) as count_tasks,
    cast(sum(case when is_shared then 1 else 0 end) as bigint) as count_shared_tasks,
    cast(sum(case when cents is null then 1 else 0 end) as bigint) as count_tasks_without_rate,
    cast(cast(sum(own_cents) as decimal(30, 0)) * cast(0.01 as decimal(3, 2)) as decimal(38, 2)) as amount,
    cast(
        cast(sum(case when is_hourly then own_cents end) as decimal(30, 0)) * cast(0.01 as decimal(3, 2))
        as decimal(38, 2)
    ) as hourly_amount,
    cast(
        cast(sum(case when not is_hourly then own_cents end) as decimal(30, 0)) * cast(0.01 as decimal(3, 2))
        as decimal(38, 2)
    ) as piece_amount,
    cast(sum(case when not is_shared then seconds end) as bigint) as own_seconds,
    cast(sum(case when is_shared then seconds end) as bigint) as shared_task_seconds
from parts
group by work_month, person_id, currency
