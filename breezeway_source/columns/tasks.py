"""Tasks, their lines, and what is read of them one by one (`breezeway-api.md`, section 5)."""

from __future__ import annotations

from .model import Column, child, root

_TASK_ID = Column("task_id", "bigint", "Breezeway's id of the task.")

_SUPPLIES = child(
    "tasks",
    "supplies",
    "task_supplies",
    "One supply used on a task.",
    _TASK_ID,
    Column("supply_usage_id", "bigint", "Id of this use of the supply; null where the API gives none."),
    Column("supply_id", "bigint", "Id of the supply in the catalogue (supplies)."),
    Column("name", "text", "Name of the supply at the time of use."),
    Column("description", "text", "Description of the supply; null if none."),
    Column("size", "text", "Size as free text, such as M; null if none."),
    Column("quantity", "decimal", "Number of units used."),
    Column("unit_cost", "decimal", "Cost of one unit, in the company's currency."),
    Column("total_price", "decimal", "Price of all units with markup, in the company's currency."),
    Column(
        "bill_to", "text", "Who pays: owner, guest, internal, damage, insurance or review; null if unset."
    ),
    Column("billable", "bool", "Whether the line is billed; null if the API does not say."),
    Column(
        "markup_pricing_type", "text", "How the markup is meant: percent or flat_rate; null without markup."
    ),
    Column("markup_rate", "decimal", "The markup: percent, or an amount in the company's currency."),
)

_COSTS = child(
    "tasks",
    "costs",
    "task_costs",
    "One cost line of a task; lines with deleted_at are kept here and count in no total.",
    _TASK_ID,
    Column("cost_id", "bigint", "Id of the cost line; null where the API gives none."),
    Column("cost", "decimal", "Amount of the line, in the company's currency."),
    Column("description", "text", "What the cost is for, of any length; null if none."),
    Column(
        "bill_to", "text", "Who pays: owner, guest, internal, damage, insurance or review; null if unset."
    ),
    Column("type_cost_id", "bigint", "Id of the cost type."),
    Column(
        "type_cost_code", "text", "Code of the cost type, such as labor, material, expense, tax or mileage."
    ),
    Column("type_cost_name", "text", "Name of the cost type."),
    Column("created_at", "timestamp", "When the line was entered, UTC."),
    Column("updated_at", "timestamp", "When the line was last changed, UTC; null if never."),
    Column("deleted_at", "timestamp", "When the line was deleted at the source, UTC; null while it counts."),
)

_ASSIGNMENTS = child(
    "tasks",
    "assignments",
    "task_assignments",
    "One person assigned to a task.",
    _TASK_ID,
    Column("assignment_id", "bigint", "Id of the assignment."),
    Column("assignee_id", "bigint", "Id of the person (people), who may have left since."),
    Column("name", "text", "Name of the person."),
    Column("employee_code", "text", "The person's code at the company; null if none."),
    Column("expires_at", "timestamp", "Until when the person may accept, UTC; null if without limit."),
    Column(
        "type_task_user_status", "text", "State of the assignment: pending, assigned, accepted or completed."
    ),
)

_PHOTOS = child(
    "tasks",
    "photos",
    "task_photos",
    "One photo of a task.",
    _TASK_ID,
    Column("photo_id", "bigint", "Id of the photo; null where the API gives none."),
    Column("url", "text", "Address of the photo, which may be signed and change between reads."),
)

_TASK_TAGS = child(
    "tasks",
    "task_tags",
    "task_tags",
    "One tag of a task.",
    _TASK_ID,
    Column("tag_id", "bigint", "Id of the tag (tags, tag_kind task)."),
    Column("name", "text", "Name of the tag."),
    Column("company_id", "bigint", "Breezeway's id of the company; null if not given."),
)

TASKS = root(
    "tasks",
    "One task at a property.",
    (_TASK_ID,),
    Column("name", "text", "Title of the task."),
    Column("description", "text", "What is to be done, of any length; null if none."),
    Column("property_id", "bigint", "Id of the property (properties); the API calls it home_id."),
    Column("home_id", "bigint", "The same id under the API's own name."),
    Column(
        "reference_property_id", "text", "The property's id in the property management system; null if none."
    ),
    Column(
        "template_id", "bigint", "Id of the template the task was made from (templates); null if from none."
    ),
    Column("template_name", "text", "Name of that template; null if from none or not given."),
    Column(
        "type_department", "text", "Code of the department, such as housekeeping, inspection or maintenance."
    ),
    Column("subdepartment_id", "bigint", "Id of the subdepartment (subdepartments); null if none."),
    Column("subdepartment_name", "text", "Name of the subdepartment; null if none."),
    Column(
        "subdepartments",
        "json",
        "All subdepartments as a list of id and name, where the API gives a list; the first is in the two columns.",
    ),
    Column("type_priority", "text", "Priority: urgent, high, normal, low, lowest or watch."),
    Column(
        "task_status_code", "text", "Code of the status, such as created, in_progress, finished or approved."
    ),
    Column("task_status_name", "text", "Name of the status as shown to people."),
    Column("task_status_stage", "text", "Stage of the status: new, in_progress or finished."),
    Column(
        "scheduled_date", "date", "Day the task is planned for, local to the property; null if unplanned."
    ),
    Column("scheduled_time", "time", "Time of day it is planned for, local to the property; null if any."),
    Column("created_at", "timestamp", "When the task was made, UTC."),
    Column("updated_at", "timestamp", "When the task was last changed, UTC."),
    Column("started_at", "timestamp", "When work began, UTC; null if not yet."),
    Column("finished_at", "timestamp", "When work ended, UTC; null if not yet."),
    Column("paused", "bool", "Whether work is paused."),
    Column("created_by_id", "bigint", "Id of the person who made the task; null if the system did."),
    Column("created_by_name", "text", "Name of the person who made the task."),
    Column("started_by_id", "bigint", "Id of the person who began the work; null if not begun."),
    Column("started_by_name", "text", "Name of the person who began the work."),
    Column("finished_by_id", "bigint", "Id of the person who finished the work; null if not finished."),
    Column("finished_by_name", "text", "Name of the person who finished the work."),
    Column(
        "requested_by_id",
        "bigint",
        "Id of who asked for the task; null where only a role or nobody is named.",
    ),
    Column("requested_by_name", "text", "Name or role of who asked for the task, such as owner or guest."),
    Column(
        "linked_reservation_id", "bigint", "Id of the stay the task belongs to (reservations); null if none."
    ),
    Column("linked_reservation_external_id", "text", "That stay's id in the property management system."),
    Column("summary_id", "bigint", "Id of the closing summary; null if none or not given."),
    Column("summary_note", "text", "Text of the closing summary; null if none."),
    Column("summary_created_at", "timestamp", "When the summary was written, UTC; null if not given."),
    Column("summary_updated_at", "timestamp", "When the summary was last changed, UTC; null if not given."),
    Column("report_url", "text", "Address of the task's report, which opens without a login.", personal=True),
    Column(
        "bill_to",
        "text",
        "Who pays: owner, guest, internal, damage, insurance or review; multiple where lines differ; null if unset.",
    ),
    Column("billable", "bool", "Whether the task is billed; null if the API does not say."),
    Column("itemized_cost", "bool", "Whether costs are itemised; null if the API does not say."),
    Column("rate_type", "text", "What the rate is paid for: hour, hourly or piece; null if no rate."),
    Column("rate_paid", "text", 'The rate paid as the API writes it, such as "120.00 USD"; null if none.'),
    Column("rate_paid_amount", "decimal", "The amount in rate_paid; null if none or not readable."),
    Column("rate_paid_currency", "text", "The currency code in rate_paid, such as USD; null if none."),
    Column("estimated_rate", "decimal", "The rate expected, in the company's currency; null if none."),
    Column("total_cost", "decimal", "All costs of the task, in the company's currency; null if none."),
    Column("total_time", "text", "Time worked as H:MM:SS, where hours may exceed 24; null if none."),
    Column(
        "total_time_seconds",
        "bigint",
        "Time worked in seconds; null if none or not readable, as a bare number is, whose unit the API does not say.",
    ),
    Column("estimated_time", "text", "Time expected as the API writes it; null if none."),
    Column("task_series_id", "bigint", "Id of the series of repeating tasks; null if the task stands alone."),
    Column("parent_task_id", "bigint", "Id of the task this one came from; null if from none."),
    Column("checkin_date", "date", "Check-in day the task was made for, where the API gives one."),
    Column("checkout_date", "date", "Check-out day the task was made for, where the API gives one."),
    Column("tags", "json", "Names of the task's tags as a list; null if none."),
    Column("reported_tasks", "json", "Ids of tasks reported from this one as a list; null if none."),
    Column(
        "lines_from",
        "text",
        "Where costs and supplies were read: list or detail; null while they are still to come.",
    ),
    Column(
        "reservation_pk", "bigint", "Id of the linked stay, set while that stay is loaded and not deleted."
    ),
    Column("property_pk", "bigint", "Id of the property, set once that property is in `properties`."),
    Column(
        "link_status",
        "text",
        "Why reservation_pk is set or not: linked, no_link_at_source, reservation_not_found, "
        "reservation_deleted or reservation_not_loaded.",
    ),
    children=(_SUPPLIES, _COSTS, _ASSIGNMENTS, _PHOTOS, _TASK_TAGS),
)

_COMMENTS = child(
    "task_details",
    "comments",
    "task_comments",
    "One comment on a task.",
    _TASK_ID,
    Column("comment_id", "bigint", "Id of the comment."),
    Column("comment", "text", "Text of the comment; people are mentioned as {{id,name}}.", personal=True),
    Column("comment_by", "text", "Name of who wrote it, where the API gives one."),
    Column("comment_by_id", "bigint", "Id of who wrote it, where the API gives one."),
    Column("author_id", "bigint", "Id of the author, where the API gives an author object."),
    Column("author_name", "text", "Name of the author, where the API gives an author object."),
    Column("created_at", "timestamp", "When the comment was written, UTC."),
    Column("updated_at", "timestamp", "When the comment was last changed, UTC, where the API gives it."),
    personal_unknown=True,
)

_REQUIREMENTS = child(
    "task_details",
    "requirements",
    "task_requirements",
    "One answer of a task's checklist, which has no id of its own.",
    _TASK_ID,
    Column("position", "bigint", "Place of the answer in the checklist, from 0."),
    Column("section_name", "text", "Section of the checklist; null if none."),
    Column("action", "json", "What was to be done or looked at, as a list of texts."),
    Column(
        "response", "text", "The answer: check, good, yes, 1 to 5, or free text of any length.", personal=True
    ),
    Column(
        "type_requirement", "text", "Kind of answer, such as checklist, condition, count, photo or rating."
    ),
    Column("photo_required", "bool", "Whether a photo had to be taken."),
    Column("photos", "json", "Addresses of the photos as a list; null if none."),
    Column("note", "text", "Free text beside the answer; null if none.", personal=True),
    Column("home_element_name", "text", "Part of the property the answer is about; null if none."),
)

TASK_DETAILS = root(
    "task_details",
    "One task whose comments and requirements have been read.",
    (_TASK_ID,),
    Column("task_updated_at", "timestamp", "The task's updated_at when they were read, UTC."),
    Column("property_pk", "bigint", "Id of the task's property, set once the task is loaded."),
    children=(_COMMENTS, _REQUIREMENTS),
)
