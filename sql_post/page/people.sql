-- people: one row per region, person, currency and work month, of this month and the last. A person without a
-- number is nobody named. Reads mart_payouts, people, regions. Asked only with page_names = true.
with

days as materialized (
    select
        regions.region_code,
        :first_of_two_months as first_month
    from regions
)

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
inner join days on mart_payouts.region_code = days.region_code
left join people
    on
        mart_payouts.region_code = people.region_code
        and mart_payouts.person_id = people.person_id
where mart_payouts.work_month >= days.first_month
order by mart_payouts.region_code, mart_payouts.work_month, mart_payouts.person_id, mart_payouts.currency;
