"""Who speaks to the API: one token and one pace per key pair, also when regions share one."""

from __future__ import annotations

import threading
from pathlib import Path

from ..settings import Region, Settings
from .auth import Auth
from .client import Client
from .counters import Counters
from .pace import Throttle


class Access:
    """The key pairs of one process. `cache_dir` None keeps tokens in the user's cache folder."""

    def __init__(self, settings: Settings, *, cache_dir: Path | None = None) -> None:
        self._settings = settings
        self._cache_dir = cache_dir
        self._lock = threading.Lock()
        self._pairs: dict[tuple[str, str], tuple[Auth, Throttle]] = {}

    def client(self, region: Region, counters: Counters) -> Client:
        """A client for the region. Raises ConfigError when it has no key pair; sends nothing."""
        pair = region.key_pair()
        with self._lock:  # regions begin in threads of their own
            if pair not in self._pairs:
                throttle = Throttle(self._settings.requests_per_minute)
                auth = Auth(
                    self._settings.base_url,
                    *pair,
                    region=region.code,
                    cache_dir=self._cache_dir,
                    sleep=throttle.pause,
                    counters=counters,
                )
                self._pairs[pair] = (auth, throttle)
            auth, throttle = self._pairs[pair]
        return Client(
            self._settings.base_url,
            auth,
            throttle,
            counters,
            company_id=region.company_id,
            region=region.code,
        )

    def tokens(self) -> list[str]:
        """The tokens in use, so that texts can be kept free of them."""
        with self._lock:
            held = [auth.held for auth, _ in self._pairs.values()]
        return [token for token in held if token]

    def abort(self) -> None:
        """Ends all waiting of all key pairs: the run is called off."""
        with self._lock:
            throttles = [throttle for _, throttle in self._pairs.values()]
        for throttle in throttles:
            throttle.abort()
