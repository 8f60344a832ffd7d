"""The list of properties, which most of a region hangs on: read once a run, beside everything else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from .api.client import Client
from .api.listing import Listing

Rows = list[dict[str, Any]]


class PropertyList:
    """All listed properties. `tell` hears what is doubtful about the list.

    Once there are rows: `proven`, or `doubt` says why not; `unnamed` are those without a usable id of their own.
    """

    def __init__(self, client: Client, tell: Callable[[str, Listing], None]) -> None:
        self._client = client
        self._tell = tell
        self._lock = threading.Lock()
        self._rows: Future[Rows] | None = None
        self.unnamed = 0
        self.proven, self.doubt = True, ""

    def rows(self) -> Rows | None:
        """None while the list is being read.

        Raises ApiError when it cannot be read: nothing else of the region can be read without it.
        """
        with self._lock:
            if self._rows is None:
                self._rows = Future()
                threading.Thread(
                    target=self._read, args=(self._rows,), name="property-list", daemon=True
                ).start()
        return self._rows.result() if self._rows.done() else None

    def _read(self, rows: Future[Rows]) -> None:
        try:
            listing = self._client.listing("/property", label="/property")
            self.proven = listing.whole and not listing.may_go_on
            self.doubt = listing.why or "it may be cut"
            self.unnamed = listing.nameless + listing.clashing
            self._tell("properties", listing)
            rows.set_result(listing.rows)
        except BaseException as e:
            rows.set_exception(e)
