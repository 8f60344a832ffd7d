"""One text for many tables: a query whose second line says `-- for each: child table` stands for one per table.

`:table`, `:key` and the like are names out of the data dictionary, so the text is read, and linted, as SQL.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from breezeway_source.columns import TABLES

CHILDREN = "child table"
UNKEPT_ROOTS = "root table whose key no index keeps unique"
_FOR_EACH = re.compile(r"^-- for each: (?P<which>.+)\n", re.MULTILINE)
_NAME = re.compile(r"(?<!:):(table|parent|parent_id|key|key_text|key_is_null)\b")


def for_each_table(sql: str, kept_unique: Collection[str] = ()) -> str | None:
    """The query over all its tables, put together with `union all`; None where none is left to ask.

    A text without the line comes back as it is. `kept_unique`: tables whose key an index keeps. Raises ValueError for
    a line that names no kind of table.
    """
    found = _FOR_EACH.search(sql)
    if found is None:
        return sql
    text = sql.rstrip().rstrip(";")
    parts = [
        _NAME.sub(lambda name, names=names: names[name[1]], text)  # type: ignore[misc]
        for names in _tables(found["which"], kept_unique)
    ]
    return "\n\nunion all\n\n".join(parts) if parts else None


def _tables(which: str, kept_unique: Collection[str]) -> Iterator[dict[str, str]]:
    if which not in (CHILDREN, UNKEPT_ROOTS):
        raise ValueError(f"'-- for each: {which}' names no kind of table: {CHILDREN}, or {UNKEPT_ROOTS}")
    for root in TABLES.values():
        if which == CHILDREN:
            for child in root.children:
                yield {"table": child.name, "parent": root.name, "parent_id": root.key[-1]}
        elif "deleted_at" in root.by_name and root.name not in kept_unique:  # not of bookkeeping
            yield {
                "table": root.name,
                "key": ", ".join(root.key),
                "key_text": " || ' ' || ".join(
                    f"cast({name} as varchar)" for name in root.key[1:] or root.key
                ),
                "key_is_null": " or ".join(f"{name} is null" for name in root.key),
            }
