"""The stand-in API in a process of its own, so that a benchmark does not share Python's lock with it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import pendulum

from breezeway_source.sandbox import Sandbox, World


@dataclass(frozen=True)
class Log:
    """Data requests served: by status, and each as (path, query)."""

    statuses: dict[int, int]
    calls: list[tuple[str, dict[str, str]]]

    @property
    def total(self) -> int:
        return sum(self.statuses.values())

    @property
    def refused_share(self) -> float:
        return self.statuses.get(429, 0) / max(self.total, 1)


class Served:
    """A running sandbox: `base_url`, `key_pair`, `log()`, and `ask` to change its world."""

    def __init__(self, *, properties: int, tasks_per_property: int, **options: Any) -> None:
        here, there = multiprocessing.get_context("spawn").Pipe()
        self._connection: Any = here
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(there, properties, tasks_per_property, options), daemon=True
        )

    def __enter__(self) -> Served:
        self._process.start()
        self.base_url, self.key_pair, self.tasks = self._connection.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask("stop")
        self._process.join(10)

    def ask(self, command: str, *args: Any) -> Any:
        self._connection.send((command, args))
        return self._connection.recv()

    def log(self) -> Log:
        return Log(*self.ask("log"))

    def environment(self, region: str = "smoky") -> dict[str, str]:
        """What leads a run to this sandbox."""
        prefix = f"SOURCES__BREEZEWAY__REGIONS__{region.upper()}__"
        return {
            "SOURCES__BREEZEWAY__BASE_URL": self.base_url,
            f"{prefix}CLIENT_ID": self.key_pair[0],
            f"{prefix}CLIENT_SECRET": self.key_pair[1],
        }


def _serve(connection: Connection, properties: int, tasks_per_property: int, options: dict[str, Any]) -> None:
    world = World.seeded(
        "smoky", now=pendulum.now("UTC"), properties=properties, tasks_per_property=tasks_per_property
    )
    with Sandbox(world, token_limit=False, **options) as sandbox:
        connection.send((sandbox.base_url, (sandbox.client_id, sandbox.client_secret), len(world.tasks)))
        while True:
            command, args = connection.recv()
            if command == "log":
                data = [request for request in sandbox.logged() if request.is_data]
                calls = [(request.path, dict(request.query)) for request in data]
                connection.send((dict(Counter(request.status for request in data)), calls))
            elif command == "set":
                setattr(sandbox, *args)
                connection.send(None)
            elif command == "reset":
                sandbox.reset_log()
                connection.send(None)
            elif command == "edit_tasks":
                world.now = pendulum.now("UTC")
                for task_id in list(world.tasks)[: args[0]]:
                    world.edit_task(task_id, name="Edited")
                connection.send(None)
            else:
                connection.send(None)
                return
