-- people: one row per region, person, currency and work month, of this month and the last. A person without a
-- number is nobody named. Reads mart_payouts, people, regions. Asked only with page_names = true.
select
    mart_payouts.region_code,
    mart_payouts.work_month,
    mart_payouts.person_id,
    mart_payouts.currency,
    mart_payouts.count_tasks,
    mart_payouts.count_tasks_without_rate,
    mart_payouts.amount,
    people.name
from mart_payouts
left join regions on mart_payouts.region_code = regions.region_code
left join people
    on
        mart_payouts.region_code = people.region_code
        and mart_payouts.person_id = people.person_id
where mart_payouts.work_month >= :first_of_two_months
order by mart_payouts.region_code, mart_payouts.work_month, mart_payouts.person_id, mart_payouts.currency;
