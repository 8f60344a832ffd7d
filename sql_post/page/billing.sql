-- billing: one row per region, work month and payer. Reads mart_owner_billing.
select
    region_code,
    work_month,
    bill_to,
    sum(count_lines) as count_lines,
    sum(count_lines_without_amount) as count_lines_without_amount,
    sum(amount) as amount,
    sum(billable_amount) as billable_amount,
    sum(not_billable_amount) as not_billable_amount,
    sum(unsaid_amount) as unsaid_amount,
    sum(unfinished_amount) as unfinished_amount
from mart_owner_billing
where work_month >= :two_years_ago
group by region_code, work_month, bill_to
order by region_code, work_month, bill_to;
