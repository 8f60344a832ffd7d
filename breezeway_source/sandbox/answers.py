"""What one request asks, and what one answer is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .stores import Stores

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """Status, body and headers, ready to be written."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        """The JSON of the body; None where it has none."""
        return json.loads(self.body) if self.body and self.content_type == JSON else None


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it was answered.

    `path` is what follows `/public/inventory/v1` (or `/auth`, `/auth/refresh`), without a trailing slash;
    `endpoint` the same with placeholders, `/task/{id}`. Repeated query values are joined with commas.
    `status` 0: the connection was reset. `fault`: the fault played, if any. `at`: the sandbox's clock.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    at: float
    endpoint: str = ""
    client_id: str = ""
    fault: str | None = None

    @property
    def is_data(self) -> bool:
        """Whether it asked for data, rather than for a token."""
        return not self.path.startswith("/auth")


@dataclass(frozen=True)
class Ask:
    """A request for data, taken apart. `world` is the company it is about."""

    endpoint: str
    query: Mapping[str, Sequence[str]]
    world: Stores
    worlds: Sequence[Stores]
    record_id: int = 0
    reference: str = ""

    def first(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[0] if values else None


class Refusal(Exception):
    """An error answer of the API: `{"error", "description"}`, at times with `fields` and `status_code`."""

    def __init__(self, status: int, error: str, description: str, **more: object) -> None:
        super().__init__(description)
        self.answer = json_answer({"error": error, "description": description, **more}, status)


RAW = {
    "huge": "1e99999999999999999999",
    "long_int": "9" * 5000,
    "deep": "[" * 1200 + "]" * 1200,
    "nul": '"a\\u0000b"',
    "surrogate": '"\\ud800 half"',
    "nan": "NaN",
    "infinity": "-Infinity",
}
"""JSON that Python would not write, some of it no JSON at all."""


def raw(name: str) -> str:
    """Stands in a row for RAW[name]."""
    return f"@@raw:{name}@@"


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """A JSON body; header names are given with underscores."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "@@raw:" in text:
        for name, written in RAW.items():
            text = text.replace(f'"{raw(name)}"', written)
    body = text.encode()
    return Answer(status, body, JSON, {name.replace("_", "-"): text for name, text in headers.items()})


def unprocessable(description: str) -> Refusal:
    return Refusal(422, "Unprocessable Entity", description, fields={}, status_code=422)


def not_found(description: str = "Not found.") -> Refusal:
    return Refusal(404, "Not Found", description)
