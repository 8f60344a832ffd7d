"""The one table of what is read. A resource, a choice of `--entities`, the tests and the README follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import unknown_name

if TYPE_CHECKING:
    from ..reading import Reading

WHOLE_LIST = "whole list"


class Reader(Protocol):
    """How one entity is read: `jobs` says what to ask (None: not yet), `read` asks it, in any thread."""

    def jobs(self, reading: Reading) -> Iterator[Any]: ...

    def read(self, reading: Reading, job: Any) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Endpoint:
    """One entity: its paths below the inventory API, how its changes are found, and when it is due.

    `reader` names module and class (or function) that make its Reader: names of entities are known without
    importing what reads them. Without it, the entity is the one list at its path. `of_company`: its lists take
    `company_id` (`breezeway-api.md`, sections 1.3, 6.2); the task list names it otherwise.
    """

    name: str
    paths: tuple[str, ...]
    cursor: str
    group: str
    reader: str = ""
    of_company: bool = False

    @property
    def is_whole_list(self) -> bool:
        """Whether every run that reads it reads all there is."""
        return self.cursor.startswith(WHOLE_LIST)

    def new_reader(self) -> Reader:
        """A reader for one extraction's rows."""
        module, name = (self.reader or "catalogues.one_list").split(".")
        make: Callable[..., Reader] = getattr(import_module(f".{module}", __package__), name)
        return make() if self.reader else make(self.name, *self.paths)


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint(
            "properties", ("/property",), WHOLE_LIST, "hourly", "properties.Properties", of_company=True
        ),
        Endpoint(
            "reservations",
            ("/reservation", "/reservation/{id}"),
            "run clock, `updated_at_ge`; check-out windows daily",
            "hourly",
            "reservations.Reservations",
            of_company=True,
        ),
        Endpoint(
            "tasks",
            ("/task", "/task/{id}"),
            "run clock per property, `updated_at=from,to`",
            "hourly",
            "tasks.Tasks",
        ),
        Endpoint("people", ("/people",), f"{WHOLE_LIST}, three statuses", "daily", "catalogues.people"),
        Endpoint("supplies", ("/supplies",), WHOLE_LIST, "daily", of_company=True),
        Endpoint(
            "tags",
            ("/task/tags", "/property/tags", "/reservation/tags"),
            f"{WHOLE_LIST}s",
            "daily",
            "catalogues.tags",
            of_company=True,
        ),
        Endpoint(
            "property_details",
            ("/property/{id}/contacts", "/property/external-id/{id}/contacts", "/property/{id}/tags"),
            "new ones, and a seventh a day",
            "daily",
            "property_details.PropertyDetails",
        ),
        Endpoint(
            "task_details",
            ("/task/{id}/comments", "/task/{id}/requirements"),
            "tasks newer than their details",
            "daily",
            "task_details.TaskDetails",
        ),
        Endpoint("templates", ("/companies/templates",), WHOLE_LIST, "weekly", of_company=True),
        Endpoint("subdepartments", ("/companies/subdepartments",), WHOLE_LIST, "weekly", of_company=True),
    )
}


@dataclass(frozen=True)
class Group:
    """A name for several entities; `daily` also reads the full stay window, `weekly` all tasks."""

    entities: tuple[str, ...]
    whole_stays: bool = False
    whole_tasks: bool = False


def _in_group(group: str) -> tuple[str, ...]:
    return tuple(endpoint.name for endpoint in ENDPOINTS.values() if endpoint.group == group)


GROUPS: dict[str, Group] = {
    "hourly": Group(_in_group("hourly")),
    "daily": Group(("reservations", *_in_group("daily")), whole_stays=True),
    "weekly": Group(("tasks", *_in_group("weekly")), whole_tasks=True),
    "all": Group(tuple(ENDPOINTS), whole_stays=True),
}


def select_entities(names: list[str]) -> Group:
    """What these names, of entities or groups, mean together. Raises ConfigError for an unknown one."""
    chosen: dict[str, None] = {}
    whole_stays = whole_tasks = False
    for name in names:
        if name in GROUPS:
            group = GROUPS[name]
            chosen.update(dict.fromkeys(group.entities))
            whole_stays, whole_tasks = whole_stays or group.whole_stays, whole_tasks or group.whole_tasks
        elif name in ENDPOINTS:
            chosen[name] = None
        else:
            raise unknown_name("entity", name, [*ENDPOINTS, *GROUPS])
    return Group(tuple(name for name in ENDPOINTS if name in chosen), whole_stays, whole_tasks)
