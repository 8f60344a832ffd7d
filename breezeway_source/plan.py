"""What one run is to read of one region."""

from __future__ import annotations

from dataclasses import dataclass, field

import pendulum


@dataclass(frozen=True)
class Plan:
    """The entities of a run, and how much of each.

    Whole means: without regard to the cursor. `since` and `until` are days, both included; a run with them,
    or with `properties`, reads beside the stored cursor and leaves it as it is.
    """

    entities: tuple[str, ...]
    whole_tasks: bool = False
    whole_stays: bool = False
    full: bool = False
    reconcile: bool = False
    since: pendulum.Date | None = None
    until: pendulum.Date | None = None
    properties: frozenset[int] = field(default_factory=frozenset)

    @property
    def beside_cursor(self) -> bool:
        """True when the stored cursors are to stay as they are."""
        return self.since is not None or bool(self.properties)
