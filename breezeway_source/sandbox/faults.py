"""Failures on demand: queued, at random (always transient), or permanent."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .answers import HTML, Answer, LoggedRequest, json_answer

HTML_PAGE = (
    b"<html><head><title>Error</title></head><body><h1>The request could not be served</h1></body></html>"
)

ANSWERED: dict[str, Answer] = {
    "429": json_answer({"error": "Too Many Requests", "description": "Slow down."}, 429),
    "429_retry_after_0": json_answer({"error": "Too Many Requests"}, 429, Retry_After="0"),
    "429_retry_after_1": json_answer({"error": "Too Many Requests"}, 429, Retry_After="1"),
    "403_html": Answer(403, HTML_PAGE, HTML),
    "500": json_answer({"error": "Internal Server Error", "description": "Try again."}, 500),
    "502_html": Answer(502, HTML_PAGE, HTML),
    "200_error": json_answer({"error": "Something went wrong"}),
    "200_html": Answer(200, HTML_PAGE, HTML),
    "200_empty": Answer(200),
}
"""Transient kinds that are an answer of their own; the rest happen to the connection."""

ON_THE_WIRE = ("cut_off", "reset", "stall")
"""Half a body, then close; a reset connection; the right answer, `stall_s` late."""

TRANSIENT_KINDS = (*ANSWERED, *ON_THE_WIRE)

AUTH_ANSWERS = (
    "ok",
    "empty",
    "null",
    "inactive",
    "wrong_secret",
    "no_token",
    "html",
    "http_401",
    "http_429_iso",
    "http_429_seconds",
    "500",
    "reset",
)


@dataclass
class Queued:
    """A fault waiting for its request."""

    kind: str
    left: int
    path: str | None
    match: Mapping[str, str] = field(default_factory=dict)

    def fits(self, request: LoggedRequest) -> bool:
        if self.path not in (None, request.path, request.endpoint):
            return False
        return all(request.query.get(name) == value for name, value in self.match.items())


class Faults:
    """The failures a sandbox plays. All of it may be changed while the server runs.

    `random_rate`: share of data requests, 0 to 1, that fail in one of the `kinds`; whether one does
    depends on the seed, the URL and how often it was asked, not on the order of arrival.
    `stall_s`: how long a stall lasts. `before_response`: called with each request when its answer is
    ready and before a byte of it is sent; what it changes in the world is seen by the next request.
    `clock_ahead_s`: by how much the `Date` of every answer is ahead of the true time.
    `auth_answer`: one of AUTH_ANSWERS, until changed. `auth_retry_after_s`: the wait the forced 429 names.
    """

    def __init__(self, seed: int = 0, *, expire_tokens: Callable[[], None] = lambda: None) -> None:
        self.seed = seed
        self.random_rate = 0.0
        self.stall_s = 0.2
        self.clock_ahead_s = 0.0
        self.before_response: Callable[[LoggedRequest], None] | None = None
        self.auth_answer = "ok"
        self.auth_retry_after_s = 60.0
        self.permanent: dict[tuple[str, int | None], int] = {}
        self.expire_tokens = expire_tokens
        """All access tokens issued so far answer 401 from now on."""
        self._kinds: tuple[str, ...] = TRANSIENT_KINDS
        self._queue: list[Queued] = []
        self._auth_queue: list[str] = []
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of random faults: all transient, a retry works."""
        return self._kinds

    @kinds.setter
    def kinds(self, kinds: tuple[str, ...]) -> None:
        unknown = set(kinds) - set(TRANSIENT_KINDS)
        if unknown or not kinds:
            raise ValueError(f"not transient kinds: {sorted(unknown)}; known: {', '.join(TRANSIENT_KINDS)}")
        self._kinds = tuple(kinds)

    def next(self, kind: str, count: int = 1, path: str | None = None, **match: object) -> None:
        """Queue a fault for the next `count` fitting requests.

        `kind`: a transient kind, or an error status such as "401" or "404". `path`: an endpoint
        ("/task", "/task/{id}") or a path ("/task/123"), any when None. `match`: query values.
        """
        if kind not in TRANSIENT_KINDS and not (kind.isdigit() and 400 <= int(kind) < 600):
            raise ValueError(
                f"unknown fault {kind!r}; known: {', '.join(TRANSIENT_KINDS)} or an error status"
            )
        with self._lock:
            self._queue.append(Queued(kind, count, path, {name: str(value) for name, value in match.items()}))

    def next_auth(self, answer: str, count: int = 1) -> None:
        """Queue an AUTH_ANSWERS kind for the next `count` token requests."""
        if answer not in AUTH_ANSWERS:
            raise ValueError(f"unknown auth answer {answer!r}; known: {', '.join(AUTH_ANSWERS)}")
        with self._lock:
            self._auth_queue += [answer] * count

    def refuse_property(self, property_id: int, status: int = 422, endpoint: str = "/task") -> None:
        """Every request of an endpoint about this property answers `status`, until unrefused."""
        self.permanent[(endpoint, property_id)] = status

    def unrefuse_property(self, property_id: int, endpoint: str = "/task") -> None:
        self.permanent.pop((endpoint, property_id), None)

    def refuse_endpoint(self, endpoint: str, status: int = 403) -> None:
        """Every request of an endpoint, such as "/property/{id}/contacts", answers `status`."""
        self.permanent[(endpoint, None)] = status

    def unrefuse_endpoint(self, endpoint: str) -> None:
        self.permanent.pop((endpoint, None), None)

    def clear(self) -> None:
        """Nothing fails any more."""
        with self._lock:
            self.random_rate = 0.0
            self.auth_answer = "ok"
            self.clock_ahead_s = 0.0
            self.before_response = None
            self._queue.clear()
            self._auth_queue.clear()
            self.permanent.clear()

    # -- asked by the server -----------------------------------------------------------------------

    def pick(self, request: LoggedRequest) -> str | None:
        """The fault of this request: a queued one first, else by chance."""
        with self._lock:
            for queued in self._queue:
                if queued.fits(request):
                    queued.left -= 1
                    if queued.left < 1:
                        self._queue.remove(queued)
                    return queued.kind
            if self.random_rate <= 0 or not request.is_data:
                return None
            url = f"{self.seed}|{request.client_id}|{request.path}|{sorted(request.query.items())}"
            self._asked[url] += 1
            dice = random.Random(f"{url}|{self._asked[url]}")
            return dice.choice(self._kinds) if dice.random() < self.random_rate else None

    def refusal(self, endpoint: str, property_id: int | None) -> Answer | None:
        """The permanent answer of an endpoint, or of one property there."""
        status = self.permanent.get((endpoint, None))
        if status is None and property_id is not None:
            status = self.permanent.get((endpoint, property_id))
        return None if status is None else error_answer(status)

    def pick_auth(self) -> str:
        with self._lock:
            return self._auth_queue.pop(0) if self._auth_queue else self.auth_answer


def error_answer(status: int) -> Answer:
    """The API's own form of an error."""
    return json_answer({"error": f"Error {status}", "description": "Refused by the sandbox."}, status)
