"""What the API does in one run of the story, and not in the next: deviations, some at once, that a run bears or tells.

None of them changes what a row says: that would stay until the row is read again, which is another story.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from breezeway_source.sandbox import Sandbox

PAGED = ("/property", "/reservation", "/task", "/supplies")
LISTS = (
    *PAGED,
    "/people",
    "/companies/templates",
    "/companies/subdepartments",
    "/property/tags",
    "/task/tags",
    "/property/{id}/contacts",
    "/property/{id}/tags",
    "/task/{id}/comments",
    "/task/{id}/requirements",
)
BY_ID = ("/task/{id}", "/reservation/{id}")

Options = Mapping[str, Any]

PAGING: tuple[tuple[str, Options], ...] = (
    ("totals_off", {}),
    ("totals_wrong", {"by": 1}),
    ("totals_changing", {}),
    ("totals_spelled", {"form": "null"}),
    ("totals_spelled", {"form": "results_only"}),
    ("page_echo", {"says": "asked"}),
    ("page_echo", {"says": "given"}),
    ("past_end", {"form": "404"}),
    ("past_end", {"form": "422"}),
    ("limit_clamped", {"says": "given"}),
    ("limit_echoed_wrong", {"limit": 7}),
    ("page_numbered_wrong", {}),
    ("ties_shuffled", {}),
    ("sort_ignored", {}),
    ("error_beside", {"error": None}),
    ("error_beside", {"error": "half"}),
    ("error_beside", {"error": ["half"], "key": "errors"}),
)
ANYWHERE: tuple[tuple[str, Options], ...] = (
    ("empty", {"form": "results_null"}),
    ("empty", {"form": "204"}),
    ("emptied", {"form": "empty_body"}),
    ("emptied", {"form": "object"}),
    ("shaped", {"form": "named"}),
    ("shaped", {"form": "data"}),
    ("shaped", {"form": "texts"}),
    ("shaped", {"form": "by_id"}),
    ("refused", {"status": 401}),
    ("refused", {"status": 403}),
    ("refused", {"status": 404}),
    ("refused", {"status": 410}),
    ("refused", {"status": 422, "form": "fields"}),
    ("busy", {"retry_after": 0}),
    ("redirected", {"form": "same"}),
    ("redirected", {"form": "other_host"}),
    ("typed", {}),
    ("undated", {}),
    ("ids_as_text", {}),
)
WITHOUT_TOTALS = {"past_end", "page_echo", "ties_shuffled"}
"""Half of the time together with lists that say no totals."""


def become_strange(sandbox: Sandbox, dice: random.Random) -> str:
    """Turn one deviation on, for a few lists, or several at once; their names and places."""
    sandbox.behave()
    return "; ".join(_deviate(sandbox, dice) for _ in range(dice.choice((1, 1, 2, 3))))


def _deviate(sandbox: Sandbox, dice: random.Random) -> str:
    if dice.random() < 0.5:
        (name, options), places = dice.choice(PAGING), dice.sample(PAGED, dice.randint(1, 3))
    else:
        (name, options), places = dice.choice(ANYWHERE), dice.sample(LISTS + BY_ID, dice.randint(1, 4))
    if name == "shaped" or name == "emptied":
        places = [place for place in places if place not in BY_ID] or ["/people"]
    sandbox.deviate(
        name, *places, after=dice.choice((0, 0, 3)), times=dice.choice((None, None, 5)), **options
    )
    if name in WITHOUT_TOTALS and dice.random() < 0.5:
        sandbox.deviate("totals_off", *places)
        name += " without totals"
    return f"{name} {dict(options)} at {', '.join(places)}"
