"""The token desk: who may have a token, how often, and for how long (`breezeway-api.md`, 1.2)."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from .answers import HTML, Answer, json_answer
from .faults import HTML_PAGE, Faults
from .stamps import UTC, naive

REFRESH_LIFE_S = 30 * 86400.0
WINDOW_S = 60.0


@dataclass(frozen=True)
class Token:
    """What a token stands for."""

    client_id: str
    kind: str
    expires_at: float


class TokenDesk:
    """Issues JWT-shaped tokens (unsigned inventions) and knows which are good.

    `life_s`: of an access token. `limit`: one request a minute and key pair on each of the two paths.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        faults: Faults,
        *,
        clock: Callable[[], float],
        life_s: float,
        limit: bool,
    ) -> None:
        self.life_s = life_s
        self.limit = limit
        self._secrets = dict(secrets)
        self._faults = faults
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._granted_at: dict[tuple[str, str], float] = {}
        self._serial = 0
        self._lock = threading.Lock()

    def issue(self, body: bytes) -> Answer:
        """Answer `POST /public/auth/v1/`."""
        forced = self._forced()
        if forced is not None:
            return forced
        try:
            asked = json.loads(body or b"{}")
            client_id, secret = str(asked["client_id"]), str(asked["client_secret"])
        except (ValueError, KeyError, TypeError):
            return json_answer({"error": "Bad Request", "description": "client_id, client_secret"}, 400)
        if client_id not in self._secrets:
            return json_answer({"error": "inactive client"})
        if secret != self._secrets[client_id]:
            return json_answer(None)
        return self._grant("issue", client_id)

    def refresh(self, header: str) -> Answer:
        """Answer `POST /public/auth/v1/refresh`."""
        forced = self._forced()
        if forced is not None:
            return forced
        token = self._good(header, "refresh")
        if token is None:
            return json_answer({"error": "Unauthorized", "description": "Invalid refresh token."}, 401)
        return self._grant("refresh", token.client_id)

    def client_of(self, header: str) -> str | None:
        """The client of an `Authorization: JWT <access token>` header; None: answer 401."""
        token = self._good(header, "access")
        return token.client_id if token else None

    def expire_all(self) -> None:
        """No access token issued so far is good any more; refresh tokens stay."""
        with self._lock:
            self._tokens = {text: token for text, token in self._tokens.items() if token.kind == "refresh"}

    def _good(self, header: str, kind: str) -> Token | None:
        scheme, _, text = header.partition(" ")
        with self._lock:
            token = self._tokens.get(text) if scheme == "JWT" else None
        if token is None or token.kind != kind or self._clock() >= token.expires_at:
            return None
        return token

    def _grant(self, path: str, client_id: str) -> Answer:
        with self._lock:
            now = self._clock()
            free_at = self._granted_at.get((path, client_id), -math.inf) + WINDOW_S
            if self.limit and now < free_at:
                return _too_many(free_at, seconds=None)
            self._granted_at[(path, client_id)] = now
            return json_answer(
                {
                    "access_token": self._token(client_id, "access", now + self.life_s),
                    "refresh_token": self._token(client_id, "refresh", now + REFRESH_LIFE_S),
                }
            )

    def _token(self, client_id: str, kind: str, expires_at: float) -> str:
        self._serial += 1
        claims = {"exp": int(expires_at), "type": kind, "jti": str(self._serial)}
        text = ".".join((_base64({"alg": "none", "typ": "JWT"}), _base64(claims), "not-a-signature"))
        self._tokens[text] = Token(client_id, kind, expires_at)
        return text

    def _forced(self) -> Answer | None:
        kind = self._faults.pick_auth()
        wait = self._faults.auth_retry_after_s
        if kind == "http_429_iso":
            return _too_many(self._clock() + wait, seconds=None)
        if kind == "http_429_seconds":
            return _too_many(0, seconds=wait)
        return FORCED.get(kind)


RESET = Answer(0)
"""Stands for a reset connection: nothing is answered."""

FORCED: dict[str, Answer] = {
    "empty": Answer(200),
    "wrong_secret": json_answer(None),
    "null": json_answer(None),
    "inactive": json_answer({"error": "inactive client"}),
    "no_token": json_answer({}),
    "html": Answer(200, HTML_PAGE, HTML),
    "http_401": json_answer({"error": "Unauthorized"}, 401),
    "500": json_answer({"error": "Internal Server Error"}, 500),
    "reset": RESET,
}


def _too_many(free_at: float, *, seconds: float | None) -> Answer:
    """The 429 of the token paths: the way out is in the body, as a naive UTC instant or in seconds."""
    when: object = seconds
    if seconds is None:
        whole = math.ceil(free_at)  # never earlier than the limit really ends
        when = naive(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole))
    details = {"message": "Only one token request a minute.", "retry_after": when}
    return json_answer({"error": "Too Many Requests", "details": details}, 429)


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
