"""Properties: one row per property of every status, listed whole each time (breezeway-api.md, section 3.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..errors import ApiError, AuthError
from ..reading import Reading
from ..rows.fields import record_id, says_deleted
from .absence import OwnWord
from .catalogues import note_whole_read

NAME = "properties"
MOST_ASKED = 100  # of those that the list lacks, by their ids


class Properties:
    """The properties of one run."""

    def __init__(self) -> None:
        self._own_word = OwnWord(NAME, "status")
        self._live: Collection[int] = ()

    def jobs(self, reading: Reading) -> Iterator[str | None]:
        """One job, once the list is there. An empty list is refused where live properties are loaded."""
        self._own_word.begin(reading)
        self._live = reading.warehouse.live_catalogue(NAME).get("", ())
        while reading.properties.rows() is None:
            yield None
        if not refuses_empty(reading):
            yield NAME

    def read(self, reading: Reading, job: str) -> list[dict[str, Any]]:
        """All listed properties."""
        rows = [
            row
            for raw in reading.properties.rows() or []
            if (row := reading.row(NAME, raw, **self._own_word.said(reading, raw))) is not None
        ]
        if reading.properties.proven:
            if not reading.properties.unnamed:  # else any missing property may be the one without an id
                note_whole_read(reading, NAME, len(rows))
                listed = {record_id(raw) for raw in reading.properties.rows() or []}
                self._tell_those_alive(reading, sorted(one for one in self._live if one not in listed))
        else:
            why = reading.properties.doubt
            reading.fail(NAME, f"the list of properties did not come whole: {why}; its rows are loaded.")
        return rows

    def _tell_those_alive(self, reading: Reading, missing: list[int]) -> None:
        """The list decides (design, section 6); that one it lacks is still given by its id is told."""
        alive = []
        for one in missing[:MOST_ASKED]:
            try:
                raw = reading.client.one(f"/property/{one}", label="/property/{id}")
            except AuthError:
                raise
            except ApiError as e:  # no answer to this question alone changes anything
                if not e.permanent:
                    break  # the API has trouble: each question would take minutes
                continue
            if not says_deleted(raw, "status", reading.started_at):
                alive.append(one)
        if alive:
            reading.warn(
                f"{len(alive)} properties are missing from the list and still given by their ids, the first is "
                f"{alive[0]}: they are marked deleted until the list has them again. Next: look at it at the source."
            )


def refuses_empty(reading: Reading) -> bool:
    """Whether an empty list is told as a failure, because live properties are loaded. Accepted with a warning else.

    A run without the entity `properties` asks too: its tasks and details hang on the same list.
    """
    if reading.properties.rows():
        return False
    loaded = reading.warehouse.live_properties()
    if not loaded:
        reading.warn("the API listed no property; nothing was loaded before, so the empty list is accepted.")
        return False
    reading.fail_once(
        NAME,
        f"the API listed no property of region {reading.region.code!r}, where {loaded} are loaded: "
        "nothing was marked deleted. Check the key pair's scope with --check.",
    )
    return True
