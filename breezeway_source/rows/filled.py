"""Documented fields that a run should find filled: what is null everywhere was renamed or taken away at the API.

Many fields are null in a whole account for good reasons (nobody uses them), so only those are judged that the API
documents as never null (ALWAYS), and, where a table was read whole and has some rows, those that an account of any
size fills somewhere (SOMEWHERE). Counted while rows are made, so it costs no query and sees this run's rows only.
Source: `breezeway-api.md`, sections 3 to 6; why it matters: section 11, Q16 and Q18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..columns import Table

ENOUGH_ROWS: Final = 20
"""Of a whole table: fewer rows may all lack what is optional."""

ALWAYS: Final[dict[str, str]] = {
    "properties": "company_id name status",
    "reservations": "property_id status checkin_date checkout_date",
    "tasks": "name property_id type_department type_priority task_status_code task_status_name task_status_stage "
    "created_at updated_at",
    "people": "active type_role",
    "supplies": "name company_id created_at updated_at",
    "templates": "name department",
    "subdepartments": "name",
    "tags": "name",
    "properties__photos": "url",
    "property_details__tags": "tag_id name",
    "reservations__tags": "tag_id name",
    "tasks__supplies": "name",
    "tasks__costs": "cost type_cost_code created_at",
    "tasks__assignments": "assignment_id assignee_id name type_task_user_status",
    "tasks__photos": "url",
    "tasks__task_tags": "tag_id name",
    "task_details__comments": "comment created_at",
    "task_details__requirements": "type_requirement",
}

SOMEWHERE: Final[dict[str, str]] = {
    "properties": "address1 city state zipcode country latitude longitude",
    "reservations": "checkin_time checkout_time type_guest_code type_stay_code type_reservation_code",
    "reservations__guests": "first_name last_name",
    "tasks": "template_id scheduled_date started_at finished_at created_by_id created_by_name started_by_id "
    "finished_by_id finished_by_name linked_reservation_id report_url total_time total_time_seconds total_cost",
    "people": "name first_name last_name emails type_departments",
    "supplies": "unit_cost stock_count",
    "tasks__supplies": "supply_id quantity unit_cost total_price bill_to",
    "tasks__costs": "bill_to type_cost_id",
    "property_details__contacts": "name",
    "task_details__requirements": "section_name action",
}

LINES_SOMEWHERE: Final = ("tasks__assignments", "reservations__guests")
"""Of a whole table: somebody is assigned, somebody stays."""


@dataclass(frozen=True)
class NullField:
    """A documented field that was null in all `rows` rows of a table that one run wrote, or a list without a line."""

    table: str
    column: str
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.table}.{self.column} is null in every row of this run ({self.rows}), where the API documents it "
            "as filled: was the field renamed? See new columns, in this report or an earlier one."
        )


class FilledFields:
    """Watches the rows of one root table and its child tables; not thread-safe, the caller holds a lock."""

    def __init__(self, table: Table, *, without_personal: bool = False) -> None:
        self._children = [(child.field, child.name) for child in table.children]
        self._rows = {t.name: 0 for t in (table, *table.children)}
        self._root = table.name
        personal = {t.name: {c.name for c in t.columns if c.personal} for t in (table, *table.children)}
        self._personal = {
            child.name for child in table.children if without_personal and child.personal_unknown
        }
        self._missing = {
            name: {*ALWAYS.get(name, "").split(), *SOMEWHERE.get(name, "").split()}
            - (personal[name] if without_personal else set())
            for name in self._rows
        }

    def see(self, row: Mapping[str, Any]) -> None:
        """Note which fields a row has; null ones are not among its keys."""
        self._see(self._root, row)
        for field, name in self._children:
            for line in row.get(field) or ():
                self._see(name, line)

    def _see(self, name: str, row: Mapping[str, Any]) -> None:
        self._rows[name] += 1
        missing = self._missing[name]
        if missing:  # soon empty: after that a row costs one addition
            missing.difference_update([column for column in missing if column in row])

    def null_fields(self, *, is_whole: bool) -> list[NullField]:
        """What no row had; `is_whole` says that the run read the whole table."""
        found = []
        if is_whole and self._rows[self._root] >= ENOUGH_ROWS:
            found = [
                NullField(self._root, field, self._rows[self._root])
                for field, name in self._children
                if name in LINES_SOMEWHERE and not self._rows[name]
            ]
        for name, rows in self._rows.items():
            judged = set(ALWAYS.get(name, "").split())
            if is_whole and rows >= ENOUGH_ROWS:
                judged.update(SOMEWHERE.get(name, "").split())
            if rows:
                found += [NullField(name, column, rows) for column in sorted(judged & self._missing[name])]
        return found
