"""The HTTP policy of the source, written once: pace, time-outs, bounded retries, proof of every answer.

An answer counts only if it is 200 with the expected shape (`breezeway-api.md`, sections 1.4 and 1.6, Q1,
Q19): an error or half a page under 200 would read as the end of a list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from urllib3.exceptions import HTTPError

from ..errors import ApiError, AuthError
from .auth import Auth, is_html
from .counters import Counters
from .listing import Listing, Reader
from .pace import RETRY_AFTER_TRUSTED_TIMES, Throttle, retry_after_s
from .pages import Inside, Page, Row, page_fault, record_fault
from .sessions import new_session

INVENTORY_PATH = "/public/inventory/v1"
ATTEMPTS = 8
TIMEOUT_S = (5.0, 60.0)  # connect, read: pages of reservations take 15 s (`breezeway-api.md`, section 1.5)
PAGE_SIZE_ROWS = 100  # the largest one known to be accepted everywhere
# Lists that take company_id (`breezeway-api.md`, sections 1.3, 6.2); the task list names it otherwise.
COMPANY_LISTS = frozenset(
    (
        "/property",
        "/reservation",
        "/supplies",
        "/property/tags",
        "/reservation/tags",
        "/task/tags",
        "/companies/templates",
        "/companies/subdepartments",
    )
)
_TOLD_PARAMS = ("home_id", "property_id", "page")
_TRANSIENT_4XX = (408, 425)
TOLD_LENGTH = 120

Fault = Callable[[Any], str | None]


class _Passing(Exception):
    """An attempt failed in a way that may pass; `everyone` when all workers wait for it."""

    def __init__(
        self,
        what: str,
        status: int | None = None,
        *,
        retry_after: float | None = None,
        everyone: bool = False,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.retry_after = retry_after
        self.everyone = everyone


class _Call:
    """One question to the API over all its attempts."""

    __slots__ = ("fault", "is_renewed", "is_retry", "label", "params", "path", "url")

    def __init__(
        self, url: str, path: str, params: Mapping[str, Any], label: str, fault: Fault | None
    ) -> None:
        self.url = url
        self.path = path
        self.params = params
        self.label = label
        self.fault = fault
        self.is_retry = False
        self.is_renewed = False


class Client:
    """Reads the inventory API of one region; thread-safe, GET only.

    All methods raise ApiError (`permanent` for what repeating does not change), AuthError without a usable
    token, and Aborted once the throttle was aborted. `label` is the path as the run report counts it: without
    trailing slash, ids as `{id}`.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        throttle: Throttle,
        counters: Counters,
        *,
        company_id: int | None = None,
        page_size: int = PAGE_SIZE_ROWS,
        attempts: int = ATTEMPTS,
        timeout: tuple[float, float] = TIMEOUT_S,
        region: str = "",
        session: requests.Session | None = None,
    ) -> None:
        self._base = base_url.rstrip("/") + INVENTORY_PATH
        self._auth = auth
        self._throttle = throttle
        self._counters = counters
        self._company_id = company_id
        self._page_size = page_size
        self._timeout = timeout
        self._region = region
        self._session = session or new_session(base_url)
        self._hopeless_token: str | None = None
        self._retrying = Retrying(  # its state is thread-local, so all workers share it
            stop=stop_after_attempt(attempts),
            wait=self._wait_s,
            sleep=throttle.pause,
            retry=retry_if_exception_type(_Passing),
            reraise=True,
        )
        self._attempts = attempts

    def __repr__(self) -> str:
        return f"Client({self._region!r})"

    def __deepcopy__(self, memo: object) -> Client:
        return self  # dlt copies arguments; there is one pool of connections

    def close(self) -> None:
        """Closes the pooled connections."""
        self._session.close()

    @property
    def waits_for(self) -> str | None:
        """What holds up all workers of this key pair at this moment, in words; None when nothing does."""
        return self._throttle.waits_for

    def abort(self) -> None:
        """Ends all waiting of this key pair's workers with Aborted."""
        self._throttle.abort()

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, label: str, fault: Fault | None = None
    ) -> Any:
        """One proven JSON answer, neither empty nor null; fractions are Decimal.

        `fault` says what is wrong with the shape of a body, or None.
        """
        asked = dict(params or {})
        if self._company_id is not None and label in COMPANY_LISTS:
            asked.setdefault("company_id", self._company_id)
        call = _Call(self._base + path, path, asked, label, fault)
        try:
            return self._retrying(self._attempt, call)
        except _Passing as e:
            raise self._error(
                call, f"{e} after {self._attempts} attempts", e.status, permanent=False
            ) from None

    def one(self, path: str, *, label: str) -> Row:
        """One record, which has an id."""
        record: Row = self.get(path, label=label, fault=record_fault)
        return record

    def bare(self, path: str, params: Mapping[str, Any] | None = None, *, label: str) -> list[Row]:
        """All rows of a list of the bare family, as they come; a paged answer is followed to its end.

        Raises ApiError also for a paged list that is not whole: a caller could not tell it from a whole one.
        """
        page = Page.of(self.get(path, params, label=label, fault=page_fault))
        if page.is_bare or (
            (page.pages(self._page_size) or 1) <= 1
            and not page.is_full(self._page_size)
            and page.total in (None, len(page.rows))
        ):
            self._counters.count_listed(label, len(page.rows))
            return page.rows
        listing = self.listing(path, params, label=label)
        if not listing.whole:
            raise ApiError(f"{path}{self._where({})} did not come whole: {listing.why}", path=path)
        return listing.rows

    def listing(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        label: str,
        inside: Inside | None = None,
        fallback: Inside | None = None,
        oldest_first: bool = True,
    ) -> Listing:
        """A list of either family with the verdict on it; see Listing and Reader."""

        def ask(page: dict[str, Any]) -> Any:
            return self.get(path, {**page, **(params or {})}, label=label, fault=page_fault)

        limit = int((params or {}).get("limit", self._page_size))
        reader = Reader(ask, limit, oldest_first=oldest_first, inside=inside, fallback=fallback)
        listing = reader.read()
        self._counters.count_listed(label, len(listing.rows))
        return listing

    def _attempt(self, call: _Call) -> Any:
        token = self._auth.token()  # may take minutes: not while holding a place in flight
        response, token = self._send(call, token)
        if response.status_code == 401:
            response = self._send_again(call, token)
        return self._proven(call, response)

    def _send_again(self, call: _Call, token: str) -> requests.Response:
        """Answers a 401: with another token, once per question."""
        if not call.is_renewed and token != self._hopeless_token:
            call.is_renewed = True
            response, token = self._send(call, self._auth.renew(token))
            if response.status_code != 401:
                return response
            # Renewing did not help: do not spend the one token call a minute on it again.
            self._hopeless_token = token
        where = self._where(call.params)
        raise AuthError(
            f"401 for {call.path}{where}, with a new token too", status=401, path=call.path, permanent=True
        )

    def _send(self, call: _Call, token: str) -> tuple[requests.Response, str]:
        """One request in its turn, read to its end; gives the token it was sent with."""
        throttle = self._throttle
        with throttle.slot() as waited:
            era = throttle.era
            self._counters.count_sent(call.label, is_retry=call.is_retry, paced_seconds=waited)
            call.is_retry = True
            try:
                response = self._session.get(
                    call.url,
                    params=call.params,
                    headers={"Authorization": f"JWT {token}"},
                    timeout=self._timeout,
                )
            except (requests.RequestException, HTTPError, OSError) as e:
                if isinstance(e, (ValueError, requests.TooManyRedirects)):
                    raise self._error(call, type(e).__name__, None, permanent=True) from None
                # Only the kind of error: its text holds the whole address.
                raise _Passing(f"no complete answer ({type(e).__name__})") from None
        status = response.status_code
        self._counters.note_date(response.headers.get("Date"))
        if status == 429 or (status == 403 and is_html(response)):
            self._counters.count_refused(call.label)
            throttle.refused(era, retry_after_s(response.headers.get("Retry-After")))
            raise _Passing(f"{status}", status, everyone=True)
        if status == 200:
            throttle.ease(era)
        return response, token

    def _proven(self, call: _Call, response: requests.Response) -> Any:
        """The body of an answer that can be believed. Raises _Passing or a permanent ApiError otherwise."""
        status = response.status_code
        if status != 200:
            if 400 <= status < 500 and status not in _TRANSIENT_4XX:
                raise self._error(call, f"{status}", status, permanent=True, told=_told(response))
            retry_after = retry_after_s(response.headers.get("Retry-After"))
            raise _Passing(f"{status}", status, retry_after=retry_after)
        try:
            body = json.loads(response.content, parse_float=Decimal)
        except ValueError:
            raise _Passing("200 without JSON", status) from None
        if body is None:
            raise _Passing("200 with an empty body", status)
        if isinstance(body, dict) and "error" in body:
            raise _Passing("200 with an error", status)
        wrong = call.fault(body) if call.fault else None
        if wrong:
            raise _Passing(f"200 {wrong}", status)
        return body

    def _wait_s(self, state: RetryCallState) -> float:
        """Seconds this worker waits by itself; a refusal is waited out by everyone in the throttle."""
        failure = state.outcome.exception() if state.outcome else None
        if not isinstance(failure, _Passing) or failure.everyone:
            return 0.0
        own = self._throttle.delay_s(state.attempt_number)
        if failure.retry_after is None:
            return own
        trusted = state.attempt_number <= RETRY_AFTER_TRUSTED_TIMES
        return failure.retry_after if trusted else max(failure.retry_after, own)

    def _error(
        self, call: _Call, what: str, status: int | None, *, permanent: bool, told: str = ""
    ) -> ApiError:
        return ApiError(
            f"{what} for {call.path}{self._where(call.params)}{told}",
            status=status,
            path=call.path,
            permanent=permanent,
        )

    def _where(self, params: Mapping[str, Any]) -> str:
        parts = [f"region {self._region!r}"] if self._region else []
        parts += [f"{name} {params[name]}" for name in _TOLD_PARAMS if name in params]
        return f" ({', '.join(parts)})" if parts else ""


def _told(response: requests.Response) -> str:
    """What the API says about a 403 or 422, which is about features and parameters; other texts stay out.

    Nothing that looks like an address, since messages are logged.
    """
    if response.status_code not in (403, 422):
        return ""
    try:
        body = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    for key in ("description", "error"):
        text = body.get(key)
        if isinstance(text, str) and text.strip() and "@" not in text:
            return f": {' '.join(text.split())[:TOLD_LENGTH]}"
    return ""
