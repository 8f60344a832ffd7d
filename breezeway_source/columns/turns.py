"""The columns of the marts of stays: what each cost, and whether its clean was done before the next guest came."""

from __future__ import annotations

from .model import REGION, Column, Table

_STAY_ID = Column("reservation_id", "bigint", "Id of the stay (reservations).")
PROPERTY_ID = Column("property_id", "bigint", "Id of the property (properties); null if not known.")

_CLEAN_AND_NEXT = (
    Column(
        "next_reservation_id",
        "bigint",
        "The first stay that arrives at the property on or after the check-out day; null if nobody is booked.",
    ),
    Column("next_checkin_date", "date", "Its day of arrival."),
    Column("next_checkin_time", "time", "Its time of arrival, local; null if unset."),
    Column("is_same_day_turn", "bool", "Whether it arrives on the check-out day; null if nobody is booked."),
    Column(
        "window_minutes", "bigint", "Minutes from check-out to its arrival; null where a time is not known."
    ),
    Column(
        "clean_basis",
        "text",
        "How the clean was found: link, day (unlinked, on a day of the window) or none; null without a turn.",
    ),
    Column(
        "clean_state",
        "text",
        "none (no task says so), unassigned, assigned, in_progress or finished (all are); null without a turn.",
    ),
    Column("count_cleans", "bigint", "Number of housekeeping tasks that count for this turn."),
    Column(
        "clean_finished_local",
        "local",
        "When the last clean was finished, local; null unless all are, with their times.",
    ),
    Column(
        "is_on_time",
        "bool",
        "Whether that was before the next arrival; null where either is not known.",
    ),
    Column("slack_minutes", "bigint", "Minutes from that to the next arrival; negative is late."),
)

_STAY = (
    PROPERTY_ID,
    Column("status", "text", "Status as in reservations."),
    Column("type_stay_code", "text", "Kind of stay as in reservations."),
    Column("type_reservation_code", "text", "Kind of reservation as in reservations."),
    Column("checkin_date", "date", "Day of arrival, local."),
    Column("checkout_date", "date", "Day of departure, local."),
    Column("checkout_time", "time", "Time of departure, local; null if unset."),
    Column("is_cancelled", "bool", "Whether the status is cancelled or canceled."),
    Column(
        "is_turn",
        "bool",
        "Whether guests leave: not cancelled; no hold, block, maintenance or lock-off; a night or more; at a property.",
    ),
    Column("nights", "bigint", "Nights from arrival to departure; null without one."),
    Column("checkout_month", "date", "First day of the month of departure."),
    Column("count_tasks", "bigint", "Number of live tasks linked to the stay."),
    Column("count_tasks_finished", "bigint", "Of these, the finished ones."),
    Column("count_tasks_without_cost", "bigint", "Of these, tasks whose cost is not known."),
    Column("stay_cost", "money", "Sum of task_cost of the linked tasks; null if none is known."),
    Column("clean_cost", "money", "Of this, tasks of the department housekeeping."),
    Column("owner_amount", "money", "What the owner pays for the linked tasks, by their lines."),
    Column("guest_amount", "money", "What the guest pays for the linked tasks, by their lines."),
    Column("rate_paid_amount", "money", "What the finished linked tasks pay."),
)

MART_STAY_TURNOVERS = Table(
    "mart_stay_turnovers",
    "One live stay, cancelled ones too: its cost, the clean after it and the next arrival.",
    ("region_code", "reservation_id"),
    (REGION, _STAY_ID, *_STAY, *_CLEAN_AND_NEXT),
)

MART_UPCOMING_TURNS = Table(
    "mart_upcoming_turns",
    "One turn that leaves yesterday to in 14 days, on the region's own day.",
    ("region_code", "reservation_id"),
    (
        REGION,
        _STAY_ID,
        Column("today", "date", "The region's day when the view was read."),
        Column("days_ahead", "bigint", "Days from today to the departure; -1 is yesterday."),
        *_STAY,
        *_CLEAN_AND_NEXT,
        Column("property_name", "text", "Name of the property; null if it is not loaded."),
        Column("needs_attention", "bool", "Whether no clean is known, or one that nobody is assigned to."),
    ),
)
