"""The few questions `--check` sends to the API: each answer is kept, for the estimate and the doubts alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from breezeway_source.api.client import Client
from breezeway_source.api.counters import Counters
from breezeway_source.api.pages import Page, Row, page_fault
from breezeway_source.errors import ApiError

MOST_REQUESTS = 20  # of one region, whatever is asked


class NoMoreQuestions(Exception):
    """The questions of this check are used up: what is still open is `not seen`."""


@dataclass(frozen=True)
class Asked:
    """One page of a list as it came."""

    path: str
    params: Mapping[str, Any]
    body: Any

    @property
    def page(self) -> Page:
        return Page.of(self.body)

    def echo(self, key: str) -> int | None:
        """A number the answer tells about itself, such as `page`; None where it does not."""
        value = self.body.get(key) if isinstance(self.body, dict) else None
        return value if isinstance(value, int) else None


@dataclass
class Asking:
    """Asks at most MOST_REQUESTS questions; `pages` are those of lists, oldest first."""

    client: Client
    counters: Counters
    pages: list[Asked] = field(default_factory=list)

    def page(self, path: str, **params: Any) -> Asked:
        """One page of a list. Raises ApiError, and NoMoreQuestions."""
        self._count()
        body = self.client.get(path, params, label=path.rstrip("/"), fault=page_fault)
        self.pages.append(Asked(path, params, body))
        return self.pages[-1]

    def record(self, path: str, label: str) -> Row | None:
        """One record by its id; None where the API has none. Raises NoMoreQuestions."""
        self._count()
        try:
            return self.client.one(path, label=label)
        except ApiError:
            return None

    def raw(self, path: str, label: str) -> Any:
        """An answer of any shape; the error where there is none. Raises NoMoreQuestions."""
        self._count()
        try:
            return self.client.get(path, label=label)
        except ApiError as e:
            return e

    def of(self, path: str) -> list[Asked]:
        """The pages of one list so far."""
        return [asked for asked in self.pages if asked.path.rstrip("/") == path.rstrip("/")]

    def _count(self) -> None:
        if self.counters.total >= MOST_REQUESTS:
            raise NoMoreQuestions
