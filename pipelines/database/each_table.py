"""One text for many tables: a query or script in whose header stands `-- for each: child table` is one per table.

`:table`, `:key` and the like are names out of the data dictionary, so the text is read, and linted, as SQL.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from breezeway_source.columns import TABLES
from breezeway_source.entities.endpoints import ENDPOINTS

CHILDREN = "child table"
WHOLE_LISTS = "list that is read whole"
UNKEPT_ROOTS = "root table whose key no index keeps unique"
_FOR_EACH = re.compile(r"^-- for each: (?P<which>.+)\n", re.MULTILINE)
_NAME = re.compile(r"(?<!:):(table|parent|parent_id|key|key_text|key_is_null|scope)\b")


def for_each_table(sql: str, kept_unique: Collection[str] = (), between: str = "union all") -> str | None:
    """The query over all its tables, put together; None where none is left to ask.

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
    return f"\n\n{between}\n\n".join(parts) if parts else None


def _tables(which: str, kept_unique: Collection[str]) -> Iterator[dict[str, str]]:
    if which not in (CHILDREN, WHOLE_LISTS, UNKEPT_ROOTS):
        kinds = ", or ".join((CHILDREN, WHOLE_LISTS, UNKEPT_ROOTS))
        raise ValueError(f"'-- for each: {which}' names no kind of table: {kinds}")
    for root in TABLES.values():
        if which == WHOLE_LISTS:
            if root.name in ENDPOINTS and ENDPOINTS[root.name].is_whole_list:
                # Between region and own id stands the list that a row is from, where there are several.
                scope = f"{root.name}.{root.key[1]}" if len(root.key) > 2 else "''"
                yield {"table": root.name, "scope": scope}
        elif which == CHILDREN:
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
