"""How many requests a run will take: from the region's own past runs where there are some, else by counting pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import pendulum

from breezeway_source.api.client import PAGE_SIZE_ROWS
from breezeway_source.entities.catalogues import PEOPLE_STATUSES
from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.entities.windows import BOOKED_AHEAD_MONTHS, WINDOW_MONTHS
from breezeway_source.plan import Plan
from breezeway_source.settings import Settings

HOURLY_WINDOWS = 3
LISTS_EACH = 2  # contacts and tags of a property, comments and requirements of a task
WEEK_DAYS = 7


@dataclass(frozen=True)
class Known:
    """What a handful of pages and the warehouse tell of one region.

    `tasks_each`, `recent_each`, `stays_each`: rows a property; recent tasks are those whose details are read,
    stays those of a window of WINDOW_MONTHS. `loaded`: rows by table.
    `past`: median requests of the region's runs by entity and extent.
    """

    properties: int
    tasks_each: float = 0.0
    recent_each: float = 0.0
    stays_each: float = 0.0
    loaded: Mapping[str, int] = field(default_factory=dict)
    past: Mapping[tuple[str, str], int] = field(default_factory=dict)


def estimate(plan: Plan, settings: Settings, known: Known, today: pendulum.Date) -> dict[str, int]:
    """Requests by entity, about right; lookups of linked stays, at most `max_link_lookups`, come on top."""
    found = {}
    for entity in plan.entities:
        past = known.past.get((entity, _extent(entity, plan, known)))
        found[entity] = _counted(entity, plan, settings, known, today) if past is None else past
    if "properties" not in plan.entities and {"tasks", "property_details"} & set(plan.entities):
        listing = "tasks" if "tasks" in plan.entities else "property_details"
        if (listing, _extent(listing, plan, known)) not in known.past:
            found[listing] += _pages(known.properties)
    return found


def _extent(entity: str, plan: Plan, known: Known) -> str:
    """As `sync_runs.reading` names it."""
    if plan.beside_cursor(entity):
        return "part"
    if entity.endswith("_details"):
        return "changes"
    if entity == "tasks" and plan.reconcile:
        return "compared"  # whole lists, of which the changed rows are written: unlike any other run
    whole = {
        "tasks": plan.whole_tasks or plan.full or not known.loaded.get("tasks"),
        "reservations": plan.whole_stays or plan.full or not known.loaded.get("reservations"),
    }
    return "whole" if whole.get(entity, True) else "changes"


def _counted(entity: str, plan: Plan, settings: Settings, known: Known, today: pendulum.Date) -> int:
    properties = len(plan.properties) or known.properties
    if entity == "properties":
        return _pages(known.properties)
    if entity == "tasks":
        is_whole = _extent("tasks", plan, known) in ("whole", "compared") or (
            plan.properties and plan.since is None
        )
        return properties * (_pages(known.tasks_each) if is_whole else 1)
    if entity == "reservations":
        return _stay_requests(plan, settings, known, today)
    if entity == "property_details":
        new = max(properties - known.loaded.get("property_details", 0), 0)
        due = properties if plan.full or plan.properties else new + ceil((properties - new) / WEEK_DAYS)
        return LISTS_EACH * due
    if entity == "task_details":
        # Until the history is whole, each run takes as many of it as its bound allows.
        reads_all = plan.full or not known.loaded.get("task_details")
        tasks = properties * (known.tasks_each if reads_all else known.recent_each)
        return LISTS_EACH * round(min(settings.details_per_run, tasks))
    return len(PEOPLE_STATUSES) if entity == "people" else len(ENDPOINTS[entity].paths)  # small catalogues


def _stay_requests(plan: Plan, settings: Settings, known: Known, today: pendulum.Date) -> int:
    per_window = _pages(known.properties * known.stays_each)
    if plan.since is not None:
        months = ((plan.until or today) - plan.since).in_months() + 1
        return per_window * ceil(months / WINDOW_MONTHS)
    if _extent("reservations", plan, known) != "whole":
        return HOURLY_WINDOWS
    months = (today.add(months=BOOKED_AHEAD_MONTHS) - min(settings.start_date, today)).in_months()
    windows = months // WINDOW_MONTHS + 1
    ahead = BOOKED_AHEAD_MONTHS // WINDOW_MONTHS  # few are booked so early: one page a window
    return (windows - ahead) * per_window + ahead + 1


def _pages(rows: float) -> int:
    return max(1, ceil(rows / PAGE_SIZE_ROWS))
