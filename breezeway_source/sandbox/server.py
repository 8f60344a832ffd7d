"""The sandbox: worlds behind key pairs, served over HTTP, with a log of every request."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .about import property_of, world_asked
from .answers import Answer, Ask, LoggedRequest, Refusal, json_answer, not_found
from .deviations import KINDS, Deviation, Deviations
from .endpoints import ANSWERS, resolve
from .faults import ANSWERED, Faults, error_answer
from .tokens import RESET, TokenDesk
from .wire import HOST, Delivery, Server
from .world import World

if TYPE_CHECKING:
    from typing_extensions import Self

AUTH_PATH = "/public/auth/v1"
DATA_PATH = "/public/inventory/v1"
MOVED_PATH = "/public/inventory/v2"
"""Where a redirect on the same host leads: the same answers."""

KeyPair = tuple[str, str]

TOTALS: dict[str, frozenset[str]] = {
    "live": frozenset({"/property", "/task", "/reservation"}),
    "documented": frozenset({"/property", "/task"}),
    "both": frozenset({"/property", "/task", "/reservation", "/supplies"}),
    "none": frozenset(),
}


class Sandbox:
    """A stand-in API on a free loopback port; a context manager, or `start()` and `stop()`.

    `world`: one World, or worlds by (client_id, client_secret). Everything but the worlds may be
    changed while it runs. `requests_per_minute`: data requests per key pair in any 60 seconds, the
    rest answers 429 without Retry-After; None: unlimited. `latency_s`: added to each data request.
    `page_totals`: which paged lists carry totals: "live" (property, task, reservation), "documented" (without
    reservation), "both" (all), "none", or endpoint paths. `past_end`, `no_match`, `updated_keeps_default_window`: see
    endpoints.Manners. `clock`: seconds since 1970, for tokens and the rate limit.
    """

    def __init__(
        self,
        world: World | Mapping[KeyPair, World | Sequence[World]],
        *,
        requests_per_minute: int | None = None,
        latency_s: float = 0.0,
        seed: int = 0,
        token_life_s: float = 86400.0,
        token_limit: bool = True,
        page_totals: str | Collection[str] = "live",
        past_end: str = "empty",
        no_match: str = "upcoming",
        updated_keeps_default_window: bool = False,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        by_pair = {_pair(world.region): world} if isinstance(world, World) else world
        self._worlds: dict[KeyPair, list[World]] = {
            pair: [held] if isinstance(held, World) else list(held) for pair, held in by_pair.items()
        }
        held = [(pair, world) for pair, worlds in self._worlds.items() for world in worlds]
        self.worlds: dict[str, World] = {world.region: world for _, world in held}
        self.credentials: dict[str, KeyPair] = {world.region: pair for pair, world in held}
        self.client_id, self.client_secret = held[0][0]
        self.world = held[0][1]
        self.requests_per_minute = requests_per_minute
        self.latency_s = latency_s
        self.clock = clock
        self.page_totals = page_totals
        self.past_end = past_end
        self.no_match = no_match
        self.updated_keeps_default_window = updated_keeps_default_window
        self.faults = Faults(seed, expire_tokens=lambda: self.tokens.expire_all())
        self.tokens = TokenDesk(
            dict(self._worlds.keys()), self.faults, clock=clock, life_s=token_life_s, limit=token_limit
        )
        self.deviations = Deviations()
        self.errors: list[Exception] = []
        """What a hook or the sandbox itself raised; leaving the context raises the first."""
        self.requests: list[LoggedRequest] = []
        self.max_in_flight = 0
        self._in_flight = 0
        self._recent: dict[str, deque[float]] = {client_id: deque() for client_id, _ in self._worlds}
        self._lock = threading.Lock()
        self._port = port
        self._server: Server | None = None

    @classmethod
    def multi(
        cls,
        worlds: Mapping[str, World],
        *,
        same_key: Iterable[Iterable[str]] = (),
        **options: object,
    ) -> Sandbox:
        """One key pair per region; the regions of each `same_key` group share one.

        A shared pair answers for the company of `company_id`, else for the one that has the id asked for.
        """
        group_of = {region: tuple(group) for group in map(tuple, same_key) for region in group}
        pairs: dict[KeyPair, list[World]] = {}
        for region, world in worlds.items():
            pairs.setdefault(_pair("-".join(group_of.get(region, (region,)))), []).append(world)
        return cls(pairs, **options)  # type: ignore[arg-type]

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen; after a stop on the same port again."""
        self._server = Server(self._port, self._respond, lambda: time.time() + self.faults.clock_ahead_s)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.errors:
            raise self.errors[0]

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`; known once started."""
        return f"http://{HOST}:{self._port}"

    # -- deviations ------------------------------------------------------------------------------

    def deviate(
        self,
        name: str,
        *paths: str,
        where: Mapping[str, object] | None = None,
        after: int = 0,
        times: int | None = None,
        **options: Any,
    ) -> Deviation:
        """From now on answers differ in this way (deviations.KINDS, with its options), until `.end()`.

        `paths`, `where`, `after`, `times`: see Deviation. Several at a time follow each other.
        """
        if name not in KINDS:
            raise ValueError(f"unknown deviation {name!r}; known: {', '.join(sorted(KINDS))}")
        asked = {key: str(value) for key, value in (where or {}).items()}
        kind = KINDS[name](**options)
        return self.deviations.add(Deviation(name, kind, frozenset(paths), asked, after, times))

    def behave(self) -> None:
        """No deviation is on any more."""
        self.deviations.clear()

    # -- the log ---------------------------------------------------------------------------------

    def count(self, what: str, status: int | None = None) -> int:
        """How many requests: `count("GET /task")`, `count("GET /task/{id}", 404)`, `count("POST /auth")`."""
        method, _, path = what.partition(" ")
        return sum(
            request.method == method
            and path in (request.endpoint, request.path)
            and status in (None, request.status)
            for request in self.logged()
        )

    def logged(self) -> list[LoggedRequest]:
        """A copy of the log so far."""
        with self._lock:
            return list(self.requests)

    @property
    def data_requests(self) -> int:
        """Requests for data, the refused and failed ones included."""
        return sum(request.is_data for request in self.logged())

    @property
    def token_requests(self) -> int:
        """Requests for a token or a refresh, whatever the answer."""
        return sum(not request.is_data for request in self.logged())

    def reset_log(self) -> None:
        """Forget the requests and the highest number in flight."""
        with self._lock:
            self.requests.clear()
            self.max_in_flight = self._in_flight

    # -- answering -------------------------------------------------------------------------------

    def _respond(self, method: str, target: str, authorization: str, body: bytes) -> Delivery:
        parts = urlsplit(target)
        path = parts.path.rstrip("/")
        query = parse_qs(parts.query)
        request = LoggedRequest(
            method, path, {name: ",".join(values) for name, values in query.items()}, 0, self.clock()
        )
        if path in (AUTH_PATH, f"{AUTH_PATH}/refresh"):
            return self._token_delivery(request, authorization, body)
        with self._lock:
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            if self.latency_s:
                time.sleep(self.latency_s)
            request, delivery = self._data_delivery(request, query, authorization)
        except Exception as error:  # noqa: BLE001 - told to the client, and to the test at the end
            self.errors.append(error)
            delivery = Delivery(error_answer(500))
        finally:
            # Before a byte is sent: the client's next request may arrive faster than this thread goes on.
            with self._lock:
                self._in_flight -= 1
        return self._log(request, delivery)

    def _log(self, request: LoggedRequest, delivery: Delivery) -> Delivery:
        status = 0 if delivery.manner == "reset" else delivery.answer.status
        request = replace(request, status=status)
        with self._lock:
            self.requests.append(request)
        hook = self.faults.before_response
        if hook is not None:
            try:
                hook(request)
            except Exception as error:  # noqa: BLE001 - an assertion must not vanish in a server thread
                self.errors.append(error)
        return delivery

    def _token_delivery(self, request: LoggedRequest, authorization: str, body: bytes) -> Delivery:
        refresh = request.path.endswith("/refresh")
        path = "/auth/refresh" if refresh else "/auth"
        request = replace(request, path=path, endpoint=path)
        kind = self.faults.pick(request)
        answer = ANSWERED.get(kind or "")
        if request.method != "POST":
            answer = json_answer({"error": "Method Not Allowed", "description": "POST"}, 405)
        elif answer is None:
            answer = self.tokens.refresh(authorization) if refresh else self.tokens.issue(body)
        manner = "reset" if answer is RESET else self._manner(kind)
        turn = self.deviations.turn(request)
        return self._log(replace(request, fault=kind), Delivery(turn.tell(answer), manner, turn.pause_s))

    def _data_delivery(
        self, request: LoggedRequest, query: Mapping[str, Sequence[str]], authorization: str
    ) -> tuple[LoggedRequest, Delivery]:
        moved = request.path.startswith(MOVED_PATH)
        path = request.path.removeprefix(MOVED_PATH if moved else DATA_PATH)
        try:
            if path == request.path:
                raise not_found(f"No such path: {path}.")
            endpoint, record_id, reference = resolve(path)
        except Refusal as refusal:
            return replace(request, path=path, endpoint=path), Delivery(refusal.answer)
        client_id = self.tokens.client_of(authorization)
        request = replace(request, path=path, endpoint=endpoint, client_id=client_id or "")
        if client_id is None:
            return request, Delivery(json_answer({"error": "Unauthorized", "description": "Bad token."}, 401))
        if request.method != "GET":
            return request, Delivery(json_answer({"error": "Method Not Allowed", "description": "GET"}, 405))
        if self._over_limit(client_id):
            return request, Delivery(ANSWERED["429"])
        kind = self.faults.pick(request)
        request = replace(request, fault=kind)
        if kind in ANSWERED:
            return request, Delivery(ANSWERED[kind])
        if kind is not None and kind.isdigit():
            return request, Delivery(error_answer(int(kind)))
        turn = self.deviations.turn(request, moved=moved)
        answer = turn.tell(self._true_answer(request, turn.ask(query), record_id, reference))
        return request, Delivery(answer, self._manner(kind), turn.pause_s)

    def _manner(self, kind: str | None) -> str:
        if kind == "stall":
            time.sleep(self.faults.stall_s)
        return kind if kind in ("cut_off", "reset") else "whole"

    def _true_answer(
        self,
        request: LoggedRequest,
        query: Mapping[str, Sequence[str]],
        record_id: int,
        reference: str,
    ) -> Answer:
        worlds = next(worlds for pair, worlds in self._worlds.items() if pair[0] == request.client_id)
        try:
            world = world_asked(request.endpoint, query, record_id, worlds)
            if world is None:
                return Answer(200)  # a company the key may not see: 200 with an empty body
            ask = Ask(request.endpoint, query, world, worlds, record_id, reference)
            refused = self.faults.refusal(ask.endpoint, property_of(ask))
            if refused is not None:
                return refused
            with world.lock:
                return ANSWERS[ask.endpoint](ask, self)
        except Refusal as refusal:
            return refusal.answer

    def tells_totals(self, endpoint: str) -> bool:
        """Whether a paged list carries totals (`page_totals`)."""
        told = TOTALS[self.page_totals] if isinstance(self.page_totals, str) else self.page_totals
        return endpoint in told

    def _over_limit(self, client_id: str) -> bool:
        """Whether this key pair has used up the last 60 seconds; a refused request does not count."""
        if self.requests_per_minute is None:
            return False
        with self._lock:
            now, recent = self.clock(), self._recent[client_id]
            while recent and recent[0] <= now - 60.0:
                recent.popleft()
            if len(recent) >= self.requests_per_minute:
                return True
            recent.append(now)
            return False


def _pair(name: str) -> KeyPair:
    return f"id-{name}", f"secret-{name}"
