"""A fingerprint of a row as it is stored: a stay carries no time of change, so this tells whether it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..columns import Table

# Of the run that read it, or made here: no part of what was read.
_LEFT_OUT = frozenset({"synced_at", "content_hash"})


class ContentHash:
    """Makes the fingerprints of one table's rows; with another dictionary all differ, and rows are written anew."""

    def __init__(self, table: Table) -> None:
        columns = [
            f"{part.name}.{c.name} {c.kind}" for part in (table, *table.children) for c in part.columns
        ]
        self._version = hashlib.sha256("\n".join(columns).encode()).digest()

    def of(self, row: Mapping[str, Any]) -> str:
        """32 hexadecimal digits of the row with its lists, whatever the order of its keys."""
        kept = {key: value for key, value in row.items() if key not in _LEFT_OUT}
        text = json.dumps(kept, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(self._version + text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
