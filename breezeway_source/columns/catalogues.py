"""What a company defines once: people, supplies, templates, subdepartments, tags (`breezeway-api.md`, section 6)."""

from __future__ import annotations

from .model import Column, root

CATALOGUES = (
    root(
        "people",
        "One person of the company, whether active, invited or inactive.",
        (Column("person_id", "bigint", "Breezeway's id of the person; assignee_id of assignments."),),
        Column("name", "text", "Full name, joined from first and last name where only those are given."),
        Column("first_name", "text", "First name; null if not given, as for people only invited."),
        Column("last_name", "text", "Last name; null if not given, as for people only invited."),
        Column(
            "status",
            "text",
            "The list the person was found in: active, invited or inactive; null if not said.",
        ),
        Column("active", "bool", "Whether the person is active."),
        Column("accept_decline_tasks", "bool", "Whether the person may accept and decline tasks."),
        Column("emails", "json", "E-mail addresses as a list; null if none.", personal=True),
        Column("employee_code", "text", "The person's code at the company; null if none."),
        Column("type_role", "text", "Code of the role, such as staff."),
        Column("type_departments", "json", "Codes of the person's departments as a list; null if none."),
        Column(
            "groups", "json", "Groups of the person as a list of id, name, parent_group_id; null if none."
        ),
        Column(
            "availability",
            "json",
            "Working hours by weekday as lists of start and end, HH:MM:SS; null if none.",
        ),
        Column("shifts", "json", "Working hours by weekday in the API's other form; null if none."),
        personal_unknown=True,
    ),
    root(
        "supplies",
        "One supply in the company's stock.",
        (Column("supply_id", "bigint", "Breezeway's id of the supply."),),
        Column("company_id", "bigint", "Breezeway's id of the company."),
        Column("name", "text", "Name of the supply."),
        Column("description", "text", "Description; null if none."),
        Column("size", "text", "Size as free text, such as M; null if none."),
        Column("internal_id", "text", "The company's own id of the supply; null if none."),
        Column("unit_cost", "decimal", "Cost of one unit, in the company's currency."),
        Column("stock_count", "decimal", "Number of units in stock."),
        Column("low_stock_alert", "bool", "Whether a low stock raises an alert."),
        Column("low_stock_count", "decimal", "Number of units from which the stock counts as low."),
        Column("supply_category_id", "bigint", "Id of the category; null if none."),
        Column("type_stock_status_code", "text", "Code of the stock status, such as in_stock."),
        Column("type_stock_status_name", "text", "Name of the stock status."),
        Column("is_billable", "bool", "Whether use of the supply is billed; null if not said."),
        Column(
            "markup_pricing_type",
            "text",
            "How the markup is meant: percent or flat_rate; null without markup.",
        ),
        Column("markup_rate", "decimal", "The markup: percent, or an amount in the company's currency."),
        Column("supply_unit_type", "text", "Unit the supply is counted in, such as ea; null if not said."),
        Column("total_price", "decimal", "Price with markup, in the company's currency; null if not given."),
        Column("created_at", "timestamp", "When the supply was entered, UTC."),
        Column("updated_at", "timestamp", "When the supply was last changed, UTC."),
    ),
    root(
        "templates",
        "One template tasks are made from.",
        (Column("template_id", "bigint", "Breezeway's id of the template."),),
        Column("name", "text", "Name of the template."),
        Column("department", "text", "Code of the department, such as housekeeping."),
    ),
    root(
        "subdepartments",
        "One subdepartment of the company.",
        (Column("subdepartment_id", "bigint", "Breezeway's id of the subdepartment."),),
        Column("name", "text", "Name of the subdepartment."),
        Column(
            "reference_company_id",
            "text",
            "Id of the company in the property management system; null if none.",
        ),
    ),
    root(
        "tags",
        "One tag the company defined, for one kind of object.",
        (
            Column("tag_kind", "text", "What the tag is for: task, property or reservation."),
            Column("tag_id", "bigint", "Breezeway's id of the tag, unique within its kind."),
        ),
        Column("name", "text", "Name of the tag."),
        Column("description", "text", "Description; null if none."),
        Column("company_id", "bigint", "Breezeway's id of the company; null if not given."),
    ),
)
