"""The access token of one key pair: fetched once a day, shared by all workers, processes and runs.

What the token endpoint answers is odd (`breezeway-api.md`, section 1.2): a wrong secret is 200 with an empty
body, an inactive client 200 with `error`, and one call a minute is allowed. So only a non-empty
`access_token` is a success, and a refusal is never hammered.

The refresh token is not used: fetching anew once a day is well within the limit, while whether refreshing
revokes the tokens other processes still hold is unknown.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeGuard

import pendulum
import requests

from ..errors import AuthError
from .counters import Counters
from .pace import ABORT_POLL_S, FIRST_DELAY_S, UNSAID_WAIT_S, asked_wait_s
from .token_cache import Token, TokenCache, user_cache_dir
from .transport import NoAnswer, Transport

TOKEN_PATH = "/public/auth/v1/"
TOKEN_LIFETIME = timedelta(hours=23)  # documented are 24 h; used where the token itself does not say
RENEW_BEFORE = timedelta(minutes=5)
LONGEST_WAIT_S = 900.0
MAX_WAITS = 5
MAX_FAILURES = 5

logger = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return pendulum.now("UTC")


class _NoAnswer(Exception):
    """The token endpoint gave no proper answer, which may pass."""

    def __init__(self, what: str, status: int | None = None) -> None:
        super().__init__(what)
        self.status = status


class _AskedToWait(Exception):
    """The token endpoint allows no call before `seconds` are over."""

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.seconds = seconds


class Auth:
    """Holds the token of one key pair; thread-safe, and safe between processes with one cache folder.

    `sleep` may raise (`Throttle.pause` does after an abort) to end a wait. No text of this class holds the
    id, the secret or the token.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        region: str = "",
        cache_dir: Path | None = None,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], object] = time.sleep,
        transport: Transport | None = None,
        counters: Counters | None = None,
    ) -> None:
        """`cache_dir` None is the user's cache folder, see `user_cache_dir`."""
        self._url = base_url.rstrip("/") + TOKEN_PATH
        self._client_id = client_id
        self._client_secret = client_secret
        self._region = region
        self._of_region = f" for region {region!r}" if region else ""
        self._clock = clock
        self._sleep = sleep
        self._transport = transport or Transport(base_url)
        self._counters = counters or Counters()
        self._cache = TokenCache(
            cache_dir or user_cache_dir(), base_url.rstrip("/"), client_id, client_secret
        )
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._not_before: datetime | None = None
        self._refusal: str | None = None
        self._refusal_status: int | None = None

    def __repr__(self) -> str:
        return f"Auth({self._region!r})"

    def __deepcopy__(self, memo: object) -> Auth:
        return self  # dlt copies its configuration; a copy would fetch a second token

    @property
    def held(self) -> str | None:
        """The token in memory, good or not; asks nobody."""
        return self._token.access_token if self._token else None

    def token(self, sleep: Callable[[float], object] | None = None) -> str:
        """The token to send now; fetches one where memory and cache hold none that is still good.

        `sleep` waits for the caller, and may call the wait off for him alone. Raises AuthError.
        """
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token.access_token
        return self._renewed(None, sleep or self._sleep)

    def renew(self, stale: str, sleep: Callable[[float], object] | None = None) -> str:
        """Another token than `stale`, which the API answered with 401.

        Where another thread or process has already renewed it, theirs, without a call. Raises AuthError.
        """
        return self._renewed(stale, sleep or self._sleep)

    def _renewed(self, stale: str | None, sleep: Callable[[float], object]) -> str:
        while not self._lock.acquire(timeout=ABORT_POLL_S):
            sleep(0)  # who holds it may wait for minutes
        try:
            if self._is_good(self._token, stale):
                return self._token.access_token
            if self._refusal is not None:  # credentials do not get better within a run
                raise AuthError(self._refusal, status=self._refusal_status, path=TOKEN_PATH, permanent=True)
            with self._cache.locked(sleep):
                cached = self._cache.read()
                if self._is_good(cached, stale):
                    self._token = cached
                    return cached.access_token
                token = self._fetch(sleep)
                self._cache.write(token)
            self._token = token
            return token.access_token
        finally:
            self._lock.release()

    def _is_good(self, token: Token | None, stale: str | None) -> TypeGuard[Token]:
        return token is not None and token.access_token != stale and self._clock() < token.renew_at

    def _fetch(self, sleep: Callable[[float], object]) -> Token:
        """One new token; waits and tries again as the API allows."""
        waits = failures = 0
        while True:
            self._wait_for_reset(sleep)
            try:
                return self._new_token(self._post())
            except _AskedToWait as e:
                self._not_before = self._clock() + timedelta(seconds=e.seconds)
                waits += 1
                if waits > MAX_WAITS:
                    raise self._error(
                        f"answered {e.status} {waits} times", e.status, permanent=False
                    ) from None
                logger.warning(
                    "Token request answered %s%s; waiting until %s UTC.",
                    e.status,
                    self._of_region,
                    self._not_before.astimezone(timezone.utc).strftime("%H:%M:%S"),
                )
            except _NoAnswer as e:
                failures += 1
                if failures >= MAX_FAILURES:
                    raise self._error(f"{e}, {failures} times", e.status, permanent=False) from None
                sleep(FIRST_DELAY_S * 2.0**failures)

    def _wait_for_reset(self, sleep: Callable[[float], object]) -> None:
        if self._not_before is not None:
            seconds = (self._not_before - self._clock()).total_seconds()
            if seconds > 0:
                sleep(seconds)
            self._not_before = None

    def _post(self) -> requests.Response:
        self._counters.count_token_call()
        try:
            response = self._transport.send(
                "POST",
                self._url,
                json={"client_id": self._client_id, "client_secret": self._client_secret},
                follow=False,  # the secret goes to the configured address alone
            )
        except NoAnswer as e:
            raise _NoAnswer(f"got {e}") from None
        self._counters.note_date(response.headers)
        return response

    def _new_token(self, response: requests.Response) -> Token:
        """The token of a successful answer. Raises what the answer means otherwise."""
        status = response.status_code
        refused_by_proxy = status == 403 and is_html(response)
        if status == 429 or refused_by_proxy:
            raise _AskedToWait(status, self._asked_wait_s(response))
        if status == 408 or status >= 500:
            raise _NoAnswer(f"answered {status}", status)
        if 300 <= status < 400:
            raise self._refused(f"answered {status}, which leads elsewhere: is base_url right?", status)
        if status in (401, 403):
            raise self._refused(f"answered {status}: credentials refused", status)
        if status in (404, 405):
            raise self._refused(
                f"answered {status}, so no tokens are given there: is base_url right?", status
            )
        if status != 200:
            raise self._refused(f"answered {status}", status)
        body = _json_or_none(response)
        if body is None and response.content.strip() not in (b"", b"null"):
            raise _NoAnswer("answered 200 with something else than JSON", status)
        if not body:
            raise self._refused("answered 200 with an empty body: credentials refused", status)
        if isinstance(body, dict):
            token = body.get("access_token")
            if isinstance(token, str) and token:
                return self._dated(token)
            if "error" in body:
                raise self._refused(f"answered 200 with an error{self._quoted(body['error'])}", status)
        raise self._refused("answered 200 without an access_token", status)

    def _dated(self, access_token: str) -> Token:
        now = self._clock()
        expires_at = expiry(access_token)
        if (
            expires_at is None or expires_at <= now
        ):  # dead on arrival: then our clock is wrong, and 401 will tell
            expires_at = now + TOKEN_LIFETIME
        # A token that lives for minutes only must not be renewed at every request.
        margin = min(RENEW_BEFORE, (expires_at - now) / 10)
        return Token(access_token, expires_at, expires_at - margin)

    def _asked_wait_s(self, response: requests.Response) -> float:
        """Seconds until the reset the answer names, in body or header, and one more."""
        seconds = asked_wait_s(response, self._clock(), LONGEST_WAIT_S)
        return (UNSAID_WAIT_S if seconds is None else seconds) + 1.0

    def _quoted(self, text: Any) -> str:
        """The API's own word where it is short and holds nothing of ours."""
        if not isinstance(text, str) or not text.strip() or len(text) > 80:
            return ""
        if self._client_id in text or self._client_secret in text:
            return ""
        return f": {' '.join(text.split())}"

    def _refused(self, what: str, status: int) -> AuthError:
        error = self._error(what, status, permanent=True)
        self._refusal, self._refusal_status = str(error), status
        return error

    def _error(self, what: str, status: int | None, *, permanent: bool) -> AuthError:
        way_out = " Check client_id and client_secret of the region." if permanent else ""
        return AuthError(
            f"Token request{self._of_region} {what}.{way_out}",
            status=status,
            path=TOKEN_PATH,
            permanent=permanent,
        )


def expiry(access_token: str) -> datetime | None:
    """The `exp` claim of a JWT as an instant, UTC; None where it cannot be read."""
    parts = access_token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        exp = claims["exp"]
        if isinstance(exp, bool):
            return None
        return datetime.fromtimestamp(float(exp), timezone.utc)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def is_html(response: requests.Response) -> bool:
    """A page of some proxy rather than an answer of the API."""
    kind = response.headers.get("Content-Type", "")
    return "html" in kind.lower() or response.content.lstrip()[:1] == b"<"


def _json_or_none(response: requests.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None
