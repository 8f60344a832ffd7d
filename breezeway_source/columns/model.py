"""The two nouns of the data dictionary: a column and a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal[
    "bigint", "text", "decimal", "double", "bool", "date", "time", "timestamp", "json", "money", "local"
]


@dataclass(frozen=True)
class Column:
    """One column. `about` is one sentence for its readers: unit, format, what null means.

    A decimal has 24 digits, four of them decimals; a timestamp is in UTC. `personal` columns follow the
    configuration's `personal_data`, and are of kind text or json.
    """

    name: str
    kind: Kind
    about: str
    personal: bool = False


@dataclass(frozen=True)
class Table:
    """One table; `about` says what one row is.

    `key` is the contract's key, empty for child tables. A child's `field` is the name of its list in the
    parent's row, `view` the name of the view users read it under. With `personal_unknown`, fields of this table
    that the dictionary does not know count as personal.
    """

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[Table, ...] = ()
    field: str = ""
    view: str | None = None
    personal_unknown: bool = False

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}


REGION = Column("region_code", "text", "Code of the region the row belongs to, such as smoky.")
SYNCED = Column("synced_at", "timestamp", "Start of the run that read the row, UTC.")
DELETED = Column(
    "deleted_at", "timestamp", "When the row was found gone at the source, UTC; null while it lives."
)
UNPARSED = Column(
    "unparsed",
    "json",
    "Values that did not fit their column, as the API sent them, by column or field; null if all did.",
)


def root(
    name: str,
    about: str,
    key: tuple[Column, ...],
    *columns: Column,
    children: tuple[Table, ...] = (),
    personal_unknown: bool = False,
) -> Table:
    """A root table: region and key first, the bookkeeping columns last."""
    return Table(
        name=name,
        about=about,
        key=("region_code", *(column.name for column in key)),
        columns=(REGION, *key, *columns, SYNCED, DELETED, UNPARSED),
        children=children,
        personal_unknown=personal_unknown,
    )


def child(
    parent: str,
    field: str,
    view: str,
    about: str,
    parent_id: Column,
    *columns: Column,
    personal_unknown: bool = False,
) -> Table:
    """A child table: region and the parent's id first, then its own columns."""
    return Table(
        name=f"{parent}__{field}",
        about=about,
        key=(),
        columns=(REGION, parent_id, *columns, UNPARSED),
        field=field,
        view=view,
        personal_unknown=personal_unknown,
    )
