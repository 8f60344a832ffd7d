"""How a request travels: proxies, certificates, redirects, and the time an answer may take in all.

A wrong setting of this machine is told at once, by the name of its variable and without its value, which may hold
a password. What may pass is told as NoAnswer and asked for again by the caller.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from ..errors import ConfigError

POOL_SIZE = 32
TIMEOUT_S = (5.0, 60.0)  # connect, read: pages of reservations take 15 s (`breezeway-api.md`, section 1.5)
ANSWER_WITHIN_S = 120.0
REDIRECTS = 5
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_travelling = threading.local()


class NoAnswer(Exception):
    """No complete answer came, which may pass. Holds only the kind of error: its own text has the whole address."""


class Astray(Exception):
    """The answer leads somewhere else, where nothing is asked."""


class _Watched:
    """A connection that can be cut while it is made, spoken to or read from."""

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc]
        _Trip.attach(made)
        return made

    def getresponse(self) -> Any:
        _Trip.attach(self.sock)  # type: ignore[attr-defined]
        return super().getresponse()  # type: ignore[misc]


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return _watch(super().proxy_manager_for(*args, **kwargs))


def _watch(manager: Any) -> Any:
    """The same manager, whose connections are watched."""
    manager.pool_classes_by_scheme = {
        scheme: pool
        if issubclass(pool.ConnectionCls, _Watched)
        else type(
            pool.__name__, (pool,), {"ConnectionCls": type("Watched", (_Watched, pool.ConnectionCls), {})}
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


class _Trip:
    """One request under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_cut = False

    @staticmethod
    def attach(connection: Any) -> None:
        trip: _Trip | None = getattr(_travelling, "trip", None)
        if trip is not None and isinstance(connection, socket.socket):
            with trip._lock:
                trip._socket = connection
                if trip.is_cut:
                    _shut(connection)

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            if self._socket is not None:
                _shut(self._socket)


class _Watchdog:
    """Cuts what takes too long: one thread for all requests, since a timer's for each costs a tenth of a request.

    It ends when there is nothing to watch, so that a process that asks nobody has none.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[_Trip, float] = {}
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    def watch(self, trip: _Trip, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        with self._changed:
            self._deadlines[trip] = deadline
            if self._thread is None or not self._thread.is_alive():  # a fork has no threads of its parent's
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif deadline < self._wakes_at:
                self._changed.notify()

    def forget(self, trip: _Trip) -> None:
        with self._changed:
            self._deadlines.pop(trip, None)

    def _run(self) -> None:
        with self._changed:
            while self._deadlines:
                now = time.monotonic()
                for trip in [trip for trip, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[trip]
                    trip.cut()
                self._wakes_at = min(self._deadlines.values(), default=now)
                self._changed.wait(self._wakes_at - now)
            self._thread = None


_watchdog = _Watchdog()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # beneath TLS: its own waits for the other side


class Transport:
    """The connections to one host; thread-safe. Raises ConfigError for proxies and bundles that cannot be used."""

    def __init__(self, base_url: str, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._base = urlsplit(base_url)
        self._within_s = answer_within_s
        self._lock = threading.Lock()
        self._trips: set[_Trip] = set()
        self._was_answered = False
        self._session, self._proxy = _session(base_url)

    def close(self) -> None:
        """Closes the pooled connections."""
        self._session.close()

    def cut(self) -> None:
        """Ends every request under way, as if its connection had broken."""
        with self._lock:
            trips = list(self._trips)
        for trip in trips:
            trip.cut()

    def send(
        self,
        method: str,
        url: str,
        *,
        within_s: float | None = None,
        timeout: tuple[float, float] = TIMEOUT_S,
        follow: bool = True,
        **request: Any,
    ) -> requests.Response:
        """The complete answer. Raises NoAnswer, Astray for a redirect that is not followed, ConfigError."""
        limit = min(within_s or self._within_s, self._within_s)
        with self._trip(limit) as trip:
            try:
                response = self._followed(method, url, follow, timeout, request)
            except (requests.RequestException, HTTPError, OSError) as e:
                if trip.is_cut:
                    raise NoAnswer(f"no complete answer within {limit:g} s") from None
                self._explain(e)
                raise NoAnswer(f"no complete answer ({type(e).__name__})") from None
            if trip.is_cut:  # an end of the connection may look like the end of a body
                raise NoAnswer(f"no complete answer within {limit:g} s")
        if response.status_code == 407 and self._proxy:
            raise ConfigError(
                f"The proxy of {self._proxy} wants a user and a password. Next: correct {self._proxy}."
            )
        self._was_answered = True
        return response

    def _followed(
        self, method: str, url: str, follow: bool, timeout: tuple[float, float], request: Mapping[str, Any]
    ) -> requests.Response:
        sent, moved = dict(request), False
        for _ in range(REDIRECTS):
            response = self._asked(method, url, timeout, sent)
            if not response.is_redirect or not follow:
                if moved and response.status_code in (
                    404,
                    410,
                ):  # the page it led to is not there, whatever was asked
                    raise Astray(f"a redirect leads nowhere ({response.status_code})")
                return response
            moved = True
            asked, leads = (
                urlsplit(response.url),
                urlsplit(urljoin(response.url, response.headers["Location"])),
            )
            if leads[:2] != asked[:2]:
                raise Astray(f"{response.status_code} leads to another address ({leads.hostname})")
            if sorted(parse_qsl(leads.query)) != sorted(parse_qsl(asked.query)):
                raise Astray(f"{response.status_code} leads to another question")
            url = leads.geturl()
            sent.pop("params", None)
        raise Astray(f"{response.status_code} leads on and on")

    def _asked(
        self, method: str, url: str, timeout: tuple[float, float], request: Mapping[str, Any]
    ) -> requests.Response:
        # `Session.request` puts together settings that are the same each time: a sixth of a request's CPU.
        session, asked = self._session, requests.PreparedRequest()
        headers = {**session.headers, **request.get("headers", {})}
        asked.prepare(method, url, **{**request, "headers": headers}, cookies=session.cookies)
        return session.send(asked, timeout=timeout, allow_redirects=False, proxies=session.proxies)

    @contextmanager
    def _trip(self, within_s: float) -> Iterator[_Trip]:
        trip = _Trip()
        with self._lock:
            self._trips.add(trip)
        _travelling.trip = trip
        _watchdog.watch(trip, within_s)
        try:
            yield trip
        finally:
            _watchdog.forget(trip)
            _travelling.trip = None
            with self._lock:
                self._trips.discard(trip)

    def _explain(self, error: BaseException) -> None:
        """Raises ConfigError for what this machine's settings cause; after a good answer it may be an outage."""
        if self._was_answered:
            return
        causes = list(_causes(error))
        refused = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            raise ConfigError(
                f"The certificate of {self._base.hostname} is not trusted ({refused.verify_message}). Next: "
                "set REQUESTS_CA_BUNDLE to the file of the certificates to trust, and see that the clock is right."
            ) from None
        if self._proxy and any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes):
            raise ConfigError(
                f"The proxy of {self._proxy} does not answer or refuses. Next: correct {self._proxy}, or name "
                f"{self._base.hostname} in NO_PROXY."
            ) from None


def _session(base_url: str) -> tuple[requests.Session, str]:
    """A session that retries nothing by itself, and the variable that names its proxy.

    Proxies and the certificate bundle are read from the environment once, here. With `trust_env` requests
    would do that for every request, and would replace our Authorization header by an entry of ~/.netrc.
    """
    session = requests.Session()
    session.trust_env = False
    scheme = urlsplit(base_url).scheme
    proxies = get_environ_proxies(base_url)
    variable = ""
    if proxies.get(scheme) or proxies.get("all"):
        variable = _named(f"{scheme}_proxy", "all_proxy") or "the system's settings"
        _check_proxy(variable, proxies.get(scheme) or proxies["all"])
        session.proxies = proxies
    bundle = next((name for name in BUNDLES if os.environ.get(name)), None)
    if bundle and scheme == "https":
        _check_bundle(bundle, os.environ[bundle])
        session.verify = os.environ[bundle]
    adapter = _Adapter(pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["Accept"] = "application/json"
    session.headers["Cache-Control"] = (
        "no-cache"  # one before the API may know addresses alone, not whose they are
    )
    session.headers["User-Agent"] = "breezeway-source"
    return session, variable


def _named(*names: str) -> str:
    return next((n for name in names for n in (name, name.upper()) if os.environ.get(n)), "")


def _check_proxy(variable: str, address: str) -> None:
    try:
        proxy = parse_url(address if "://" in address else f"http://{address}")
    except LocationParseError:
        proxy = None
    known = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
    if proxy is None or not proxy.host or proxy.scheme not in known:
        raise ConfigError(
            f"{variable} is no address of a proxy. Next: give it as http://host:port, or unset {variable}."
        )
    if proxy.scheme.startswith("socks") and find_spec("socks") is None:
        raise ConfigError(
            f"{variable} names a SOCKS proxy, for which a package is missing. Next: pip install pysocks, "
            f"or give {variable} an http:// address."
        )


def _check_bundle(variable: str, path: str) -> None:
    way_out = f"Next: correct {variable}, or unset it to use the certificates that come with requests."
    if not Path(path).exists():
        raise ConfigError(f"{variable} names {path}, which is not there. {way_out}")
    if Path(path).is_file():
        try:
            ssl.create_default_context(cafile=path)
        except (ssl.SSLError, OSError):
            raise ConfigError(
                f"{variable} names {path}, which holds no readable certificate. {way_out}"
            ) from None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all it was made from; requests and urllib3 hand causes on as arguments and `reason`."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        found = pending.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        pending += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
