-- people: one row per region, person, currency and work month, of this month and the last.
-- Reads mart_payouts, people. Asked only with page_names = true.
select
    mart_payouts.region_code,
    mart_payouts.work_month,
    mart_payouts.person_id,
    mart_payouts.currency,
    mart_payouts.count_tasks,
    mart_payouts.count_tasks_without_rate,
    mart_payouts.amount,
    coalesce(people.name, people.first_name) as first_name,
    people.last_name
from mart_payouts
left join people
    on
        mart_payouts.region_code = people.region_code
        and mart_payouts.person_id = people.person_id
where mart_payouts.work_month >= :last_month
order by mart_payouts.region_code, mart_payouts.work_month, mart_payouts.person_id, mart_payouts.currency;
