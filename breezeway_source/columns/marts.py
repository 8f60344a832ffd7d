"""The marts and the history of tasks: what `sql_post/marts/` makes after a load, never read from the API.

Keys are told by the header of each file. `money` is decimal(38, 2): cents, rounded once. A `local` timestamp is the
region's clock, without a zone.
"""

from __future__ import annotations

from .model import REGION, Column, Table
from .turns import MART_STAY_TURNOVERS, MART_UPCOMING_TURNS, PROPERTY_ID

_TASK_ID = Column("task_id", "bigint", "Id of the task (tasks).")
_LINKED_STAY = Column(
    "reservation_id", "bigint", "Id of the task's stay (tasks.reservation_pk); null without a loaded stay."
)
_DEPARTMENT = Column("type_department", "text", "Code of the task's department, as in tasks.")
_FINISHED = Column(
    "is_finished",
    "bool",
    "Whether the work was done: status finished or approved, or closed with a time of finishing.",
)
_WORK_DAY = Column(
    "work_day",
    "date",
    "Local day of finishing, else the planned day, else the local day the task was made; null without any.",
)
_WORK_MONTH = Column("work_month", "date", "First day of the month of the work day; null without one.")
_BILL_TO = Column("bill_to", "text", "Who pays by the line's own word, lower-case; unset where it is silent.")

MART_TASK_LINES = Table(
    "mart_task_lines",
    "One cost or supply line of a live task, in cents; lines deleted at the source are left out.",
    ("region_code", "task_id", "line_kind", "line_position"),
    (
        REGION,
        _TASK_ID,
        Column("line_kind", "text", "cost or supply."),
        Column("line_position", "bigint", "Place of the line in the source's list, from 0."),
        Column("line_id", "bigint", "cost_id or supply_usage_id; null where the API gives none."),
        Column("line_type", "text", "type_cost_code in lower-case, unset without one; supply for supplies."),
        Column("supply_id", "bigint", "Id of the supply in the catalogue (supplies); null for costs."),
        PROPERTY_ID,
        _LINKED_STAY,
        _DEPARTMENT,
        _FINISHED,
        _WORK_DAY,
        _WORK_MONTH,
        _BILL_TO,
        Column(
            "billable",
            "bool",
            "Whether it is billed: the supply's own flag, for costs the task's; null if not said.",
        ),
        Column("quantity", "decimal", "Number of units of a supply; null for costs and where not given."),
        Column(
            "amount",
            "money",
            "The cost, or the price of the whole supply line as documented; negative is a credit; null if not given.",
        ),
        Column(
            "supply_cost",
            "money",
            "quantity times unit_cost; null for costs, and where either is missing or beyond all measure.",
        ),
        Column("supply_margin", "money", "amount less supply_cost; null where either is null."),
    ),
)

MART_TASK_MONEY = Table(
    "mart_task_money",
    "One live task: what it cost, by sort and by payer.",
    ("region_code", "task_id"),
    (
        REGION,
        _TASK_ID,
        Column("name", "text", "Title of the task, as in tasks."),
        PROPERTY_ID,
        _LINKED_STAY,
        Column("link_status", "text", "Why reservation_id is set or not, as in tasks."),
        _DEPARTMENT,
        Column("task_status_code", "text", "Code of the status, as in tasks."),
        Column("total_time_seconds", "bigint", "Time worked in seconds, as in tasks."),
        _FINISHED,
        _WORK_DAY,
        Column(
            "work_day_basis",
            "text",
            "What the work day was taken from: finished, scheduled, created or none.",
        ),
        Column("count_cost_lines", "bigint", "Number of live cost lines."),
        Column("count_supply_lines", "bigint", "Number of supply lines."),
        Column("count_lines_without_amount", "bigint", "Number of lines whose amount is not known."),
        Column(
            "cost_amount",
            "money",
            "Sum of the cost lines: labor, mark-up, tax and other together; null if no amount is known.",
        ),
        Column(
            "labor_amount", "money", "Of these, lines of type labor, skilled_labor and non_skilled_labor."
        ),
        Column("mark_up_amount", "money", "Of these, lines of type mark_up."),
        Column("tax_amount", "money", "Of these, lines of type tax."),
        Column("other_cost_amount", "money", "Of these, lines of every other type."),
        Column("supply_amount", "money", "Sum of the prices of the supply lines; null if none is known."),
        Column("supply_cost", "money", "Sum of what the supplies cost, where that is known."),
        Column(
            "supply_margin",
            "money",
            "Sum of the margins of lines whose price and cost are both known; not supply_amount less supply_cost.",
        ),
        Column("lines_amount", "money", "cost_amount and supply_amount together; the five payers together."),
        Column("owner_amount", "money", "Of lines_amount, what the owner pays."),
        Column("guest_amount", "money", "Of lines_amount, what the guest pays."),
        Column("internal_amount", "money", "Of lines_amount, what the company itself pays."),
        Column(
            "other_payer_amount", "money", "Of lines_amount, what others pay, such as damage or insurance."
        ),
        Column("unset_payer_amount", "money", "Of lines_amount, lines that name no payer."),
        Column("total_cost", "money", "The source's own total, in cents; null if none."),
        Column(
            "total_cost_difference",
            "money",
            "total_cost less lines_amount, a figure to look at and never to add; null where either is null.",
        ),
        Column("task_cost", "money", "lines_amount, else total_cost, else null; never their sum."),
        Column("task_cost_basis", "text", "What task_cost was taken from: lines, total_cost or none."),
        Column(
            "rate_paid_amount",
            "money",
            "What the task pays; never added to task_cost, which may repeat it as labor.",
        ),
        Column("rate_paid_currency", "text", "Its currency code, such as USD; null if none."),
    ),
)

MART_OWNER_BILLING = Table(
    "mart_owner_billing",
    "One property, work month and payer: what may be billed; not what was.",
    ("region_code", "property_id", "work_month", "bill_to"),
    (
        REGION,
        PROPERTY_ID,
        _WORK_MONTH,
        _BILL_TO,
        Column("count_lines", "bigint", "Number of lines."),
        Column("count_tasks", "bigint", "Number of tasks they belong to."),
        Column("count_lines_without_amount", "bigint", "Number of lines whose amount is not known."),
        Column("amount", "money", "Sum of the lines; null if no amount is known."),
        Column("cost_amount", "money", "Of this, cost lines."),
        Column("supply_amount", "money", "Of this, supply lines."),
        Column("billable_amount", "money", "Of amount, lines of finished work that are said to be billed."),
        Column(
            "not_billable_amount",
            "money",
            "Of amount, lines of finished work that are said not to be billed.",
        ),
        Column("unsaid_amount", "money", "Of amount, lines of finished work where the source does not say."),
        Column("unfinished_amount", "money", "Of amount, lines of work that is not finished."),
        Column("supply_cost", "money", "What the supplies cost, where that is known."),
        Column("supply_margin", "money", "Sum of the margins that are known."),
        Column(
            "count_supplies_without_margin", "bigint", "Number of supply lines whose margin is not known."
        ),
    ),
)

MART_PAYOUTS = Table(
    "mart_payouts",
    "One person, work month and currency: shares of what finished tasks pay; not payroll.",
    ("region_code", "work_month", "person_id", "currency"),
    (
        REGION,
        _WORK_MONTH,
        Column("person_id", "bigint", "Id of the person (people); null where a task names nobody."),
        Column("currency", "text", "Currency code of the rates, such as USD; an empty text without one."),
        Column("count_tasks", "bigint", "Number of finished tasks the person has a share of."),
        Column("count_shared_tasks", "bigint", "Of these, tasks shared with others."),
        Column("count_tasks_without_rate", "bigint", "Of these, tasks without a readable rate."),
        Column("amount", "money", "The person's shares, in whole cents; null if no rate is known."),
        Column("hourly_amount", "money", "Of this, tasks whose rate is of type hour or hourly."),
        Column("piece_amount", "money", "Of this, all other tasks."),
        Column("own_seconds", "bigint", "Time of the tasks not shared, in seconds; null if not known."),
        Column(
            "shared_task_seconds",
            "bigint",
            "Whole time of the shared tasks, in seconds, not split: not to be added over people.",
        ),
    ),
)

MART_REGION_MONTHS = Table(
    "mart_region_months",
    "One region and month: stays by their departure, tasks by their work day.",
    ("region_code", "month"),
    (
        REGION,
        Column("month", "date", "First day of the month; null for stays and tasks without a day."),
        Column("count_stays", "bigint", "Stays that left, not cancelled; holds are among them."),
        Column("count_cancelled_stays", "bigint", "Cancelled stays that would have left."),
        Column("count_nights", "bigint", "Nights of the turns."),
        Column("stay_cost", "money", "Cost of the tasks linked to stays that are not cancelled."),
        Column("cancelled_stay_cost", "money", "Cost of the tasks linked to cancelled stays."),
        Column("clean_cost", "money", "Of stay_cost, tasks of the department housekeeping."),
        Column("count_turns", "bigint", "Departures of guests."),
        Column("count_same_day_turns", "bigint", "Of these, with an arrival on the same day."),
        Column("count_on_time", "bigint", "Turns whose clean was finished before the next arrival."),
        Column("count_late", "bigint", "Turns whose clean was finished after the next arrival."),
        Column("count_turns_without_clean", "bigint", "Turns for which no task is known that cleans."),
        Column("count_tasks", "bigint", "Live tasks."),
        Column("count_finished", "bigint", "Of these, the finished ones."),
        Column("count_cleans", "bigint", "Finished tasks of housekeeping."),
        Column("count_inspections", "bigint", "Finished tasks of inspection."),
        Column("count_maintenance", "bigint", "Finished tasks of maintenance."),
        Column("count_linked", "bigint", "Tasks that carry a link to a stay."),
        Column("count_resolved", "bigint", "Of these, tasks whose stay is loaded and live."),
        Column("task_cost", "money", "Sum of task_cost; null if none is known."),
        Column("maintenance_cost", "money", "Of this, tasks of maintenance."),
        Column("owner_amount", "money", "What owners pay, by the lines."),
        Column("guest_amount", "money", "What guests pay, by the lines."),
        Column("supply_amount", "money", "Prices of the supplies."),
        Column("supply_margin", "money", "Margins of the supplies that are known."),
        Column("rate_paid_amount", "money", "What the finished tasks pay."),
        Column("count_tasks_without_cost", "bigint", "Tasks whose cost is not known."),
        Column("count_totals_that_differ", "bigint", "Tasks whose own total is not the sum of their lines."),
        Column(
            "count_inspections_judged",
            "bigint",
            "Finished inspections with a readable answer about a condition.",
        ),
        Column(
            "count_inspections_with_finding",
            "bigint",
            "Of these, with one that is dirty, damaged or not_working.",
        ),
    ),
)

TASK_CHANGES = Table(
    "task_changes",
    "One version of what is watched of a task, added when a load or a deletion has changed it; nothing is ever "
    "removed.",
    ("region_code", "task_id", "change_number"),
    (
        REGION,
        _TASK_ID,
        Column("change_number", "bigint", "Number of the version, from 1: what was found when first seen."),
        Column(
            "noted_at",
            "timestamp",
            "synced_at of the row, or its deleted_at, UTC: changes between two runs are one version.",
        ),
        Column("task_status_code", "text", "Code of the status, as in tasks."),
        Column("task_status_stage", "text", "Stage of the status, as in tasks."),
        Column("scheduled_date", "date", "Day the task was planned for."),
        Column(
            "linked_reservation_id", "bigint", "Id of the stay the source linked the task to; null if none."
        ),
        Column(
            "assignees",
            "text",
            "Who was assigned, as id:status in the order of ids, such as 21:accepted,22:assigned; null if nobody.",
        ),
        Column("count_cost_lines", "bigint", "Number of live cost lines."),
        Column("cost_amount", "money", "Their sum; null if no amount is known."),
        Column("count_supply_lines", "bigint", "Number of supply lines."),
        Column("supply_amount", "money", "Sum of their prices; null if none is known."),
        Column("total_cost", "money", "The source's own total; null if none."),
        Column("is_deleted", "bool", "Whether the task was gone at the source."),
    ),
)

MARTS_MADE = Table(
    "marts_made",
    "One mart of one region that is complete, and what it was made with; without a row it is made anew.",
    ("region_code", "name"),
    (
        REGION,
        Column("name", "text", "Name of the mart, or task_changes."),
        Column("definition", "text", "Fingerprint of its select, its columns and the region's time zone."),
        Column(
            "count_differences", "bigint", "Rows the last full reckoning found different; null before one."
        ),
    ),
)

# Nobody named, no day, no property are rows too: these keys are no primary keys.
KEYS_WITH_NULLS = frozenset({"mart_owner_billing", "mart_payouts", "mart_region_months"})

MARTS: dict[str, Table] = {
    table.name: table
    for table in (
        MART_TASK_LINES,
        MART_TASK_MONEY,
        MART_STAY_TURNOVERS,
        MART_OWNER_BILLING,
        MART_PAYOUTS,
        MART_UPCOMING_TURNS,
        MART_REGION_MONTHS,
    )
}
"""The marts by name, in the order they are made in."""

MADE_HERE: dict[str, Table] = {table.name: table for table in (*MARTS.values(), TASK_CHANGES, MARTS_MADE)}
"""Everything of this module by name: tables beside TABLES, and one view (mart_upcoming_turns)."""
