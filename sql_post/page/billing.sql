-- billing: one row per region, work month and payer, of two years and of what has no month. Reads
-- mart_owner_billing, regions.
with

days as materialized (
    select
        regions.region_code,
        :first_of_two_years as first_month
    from regions
)

select
    mart_owner_billing.region_code,
    mart_owner_billing.work_month,
    mart_owner_billing.bill_to,
    sum(mart_owner_billing.count_lines) as count_lines,
    sum(mart_owner_billing.count_lines_without_amount) as count_lines_without_amount,
    sum(mart_owner_billing.amount) as amount,
    sum(mart_owner_billing.billable_amount) as billable_amount,
    sum(mart_owner_billing.not_billable_amount) as not_billable_amount,
    sum(mart_owner_billing.unsaid_amount) as unsaid_amount,
    sum(mart_owner_billing.unfinished_amount) as unfinished_amount
from mart_owner_billing
inner join days on mart_owner_billing.region_code = days.region_code
where
    mart_owner_billing.work_month >= days.first_month
    or mart_owner_billing.work_month is null
group by mart_owner_billing.region_code, mart_owner_billing.work_month, mart_owner_billing.bill_to
order by mart_owner_billing.region_code, mart_owner_billing.work_month, mart_owner_billing.bill_to;
