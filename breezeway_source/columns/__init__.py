"""The data dictionary: every table and column there is, in one place.

Table hints, the conversion of rows, views and the documentation all follow from TABLES. dlt's own columns
(`_dlt_id` and the like) are not listed.
"""

from __future__ import annotations

from .bookkeeping import BOOKKEEPING
from .catalogues import CATALOGUES
from .model import Column, Kind, Table
from .properties import PROPERTIES, PROPERTY_DETAILS
from .reservations import RESERVATIONS
from .tasks import TASK_DETAILS, TASKS

TABLES: dict[str, Table] = {
    table.name: table
    for table in (PROPERTIES, RESERVATIONS, TASKS, *CATALOGUES, PROPERTY_DETAILS, TASK_DETAILS, *BOOKKEEPING)
}
"""Root tables by name; child tables hang in their parent's `children`."""

__all__ = ["TABLES", "Column", "Kind", "Table"]
