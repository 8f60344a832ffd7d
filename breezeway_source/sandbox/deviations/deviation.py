"""One deviation: what it changes, in which answers; and those that are on, in the order they were switched on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..answers import JSON, Answer, LoggedRequest, json_answer

Query = dict[str, list[str]]


@dataclass(frozen=True)
class Moment:
    """The answer at hand: what was asked, and that it is the `number`th this deviation has to do with."""

    endpoint: str
    path: str
    query: Mapping[str, str]
    number: int
    moved: bool = False
    """It was asked for where a redirect had led."""

    @property
    def page(self) -> int:
        text = self.query.get("page", "1")
        return int(text) if text.isdigit() else 1

    @property
    def limit(self) -> int:
        text = self.query.get("limit", "100")
        return int(text) if text.isdigit() else 100


@dataclass(frozen=True)
class Kind:
    """What differs: the question as the API understands it, the JSON it answers, or the answer as a whole.

    `body` sees 200 answers with JSON only. `pause_s`: the answer drips, one byte every so many seconds.
    """

    ask: Callable[[Query, Moment], Query] | None = None
    body: Callable[[Any, Moment], Any] | None = None
    answer: Callable[[Answer, Moment], Answer] | None = None
    pause_s: float = 0.0


@dataclass
class Deviation:
    """A kind, and the requests it is about.

    `paths`: endpoints ("/task", "/task/{id}") or paths ("/task/123"); none: all data. `where`: query values
    ({"page": "2"}). The first `after` such requests are answered as ever, the next `times` (None: all, until
    `end()`) differ. `touched`: answers that really came out different.
    """

    name: str
    kind: Kind
    paths: frozenset[str] = frozenset()
    where: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    times: int | None = None
    touched: int = 0
    met: int = 0
    ended: bool = False

    def end(self) -> None:
        """The API behaves again."""
        self.ended = True

    def takes(self, request: LoggedRequest) -> bool:
        """Whether this request is one of those; counts it."""
        if self.ended or not (
            {request.endpoint, request.path} & self.paths if self.paths else request.is_data
        ):
            return False
        if any(request.query.get(name) != value for name, value in self.where.items()):
            return False
        self.met += 1
        return self.after < self.met and (self.times is None or self.met <= self.after + self.times)


@dataclass(frozen=True)
class Turn:
    """The deviations of one request."""

    parts: Sequence[tuple[Deviation, Moment]]

    @property
    def pause_s(self) -> float:
        return max((deviation.kind.pause_s for deviation, _ in self.parts), default=0.0)

    def ask(self, query: Mapping[str, Sequence[str]]) -> Query:
        """The question as the API understands it."""
        asked: Query = {name: list(values) for name, values in query.items()}
        for deviation, moment in self.parts:
            if deviation.kind.ask is not None:
                changed = deviation.kind.ask({name: list(values) for name, values in asked.items()}, moment)
                deviation.touched += changed != asked
                asked = changed
        return asked

    def tell(self, answer: Answer) -> Answer:
        """The answer as it goes out."""
        for deviation, moment in self.parts:
            kind, told = deviation.kind, answer
            if kind.body is not None and answer.status == 200 and answer.content_type == JSON and answer.body:
                told = json_answer(kind.body(json.loads(answer.body), moment))
            if kind.answer is not None:
                told = kind.answer(told, moment)
            deviation.touched += told != answer or kind.pause_s > 0
            answer = told
        return answer


class Deviations:
    """Those that are on."""

    def __init__(self) -> None:
        self._on: list[Deviation] = []
        self._lock = threading.Lock()

    def add(self, deviation: Deviation) -> Deviation:
        with self._lock:
            self._on.append(deviation)
        return deviation

    def clear(self) -> None:
        """All of them end."""
        with self._lock:
            for deviation in self._on:
                deviation.end()
            self._on.clear()

    def turn(self, request: LoggedRequest, *, moved: bool = False) -> Turn:
        """Whatever this request meets."""
        with self._lock:
            return Turn(
                [
                    (d, Moment(request.endpoint, request.path, request.query, d.met - d.after, moved))
                    for d in self._on
                    if d.takes(request)
                ]
            )
