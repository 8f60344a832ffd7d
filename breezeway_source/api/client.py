"""The HTTP policy of the source, written once: pace, time-outs, bounded retries, proof of every answer.

An answer counts only if it is 200 with the expected shape (`breezeway-api.md`, sections 1.4 and 1.6, Q1,
Q19): an error or half a page under 200 would read as the end of a list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from ..entities.endpoints import ENDPOINTS
from ..errors import ApiError, AuthError
from .auth import Auth, is_html
from .call import EMPTY_BODY, Call, Fault, Passing, told_by
from .counters import Counters
from .listing import Ask, Listing, Reader, followed
from .pace import RETRY_AFTER_TRUSTED_TIMES, Throttle, asked_wait_s, retry_after_s
from .pages import Inside, Page, Row, page_fault, record_fault
from .transport import ANSWER_WITHIN_S, TIMEOUT_S, Astray, NoAnswer, Transport

INVENTORY_PATH = "/public/inventory/v1"
ATTEMPTS = 8
GIVE_UP_S = 300.0  # of failing answers
PROPERTY_LIST = "/property"  # what every key pair may read
PAGE_SIZE_ROWS = 100  # the largest one known to be accepted everywhere
COMPANY_LISTS = frozenset(
    path for one in ENDPOINTS.values() if one.of_company for path in one.paths if "{" not in path
)
_TOLD_PARAMS = ("home_id", "property_id", "page")
# What the same request may be answered otherwise in a moment; 429 and a proxy's 403 are waited out by everyone.
_MAY_PASS = frozenset((408, 425, *range(500, 600))) - {501, 505}


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
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base_url.rstrip("/") + INVENTORY_PATH
        self._auth = auth
        self._throttle = throttle
        self._counters = counters
        self._company_id = company_id
        self._page_size = page_size
        self._timeout = timeout
        self._region = region
        self._clock = clock
        self._transport = transport or Transport(base_url)
        self._lane = throttle.lane()
        self._judging = threading.Lock()
        self._denied: set[str] = set()
        self._hopeless_token: str | None = None
        self._retrying = Retrying(  # its state is thread-local, so all workers share it
            stop=self._is_given_up,
            wait=self._wait_s,
            sleep=self._lane.pause,
            retry=retry_if_exception_type(Passing),
            reraise=True,
        )
        self._attempts = attempts

    def __repr__(self) -> str:
        return f"Client({self._region!r})"

    def __deepcopy__(self, memo: object) -> Client:
        return self  # dlt copies arguments; there is one pool of connections

    def close(self) -> None:
        """Closes the pooled connections."""
        self._transport.close()

    @property
    def waits_for(self) -> str | None:
        """What holds up all workers of this key pair at this moment, in words; None when nothing does."""
        return self._throttle.waits_for

    def abort(self) -> None:
        """Ends all waiting and asking of this region with Aborted; others on the key pair go on."""
        self._lane.abort()
        self._transport.cut()

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, label: str, fault: Fault | None = None
    ) -> Any:
        """One proven JSON answer, neither empty nor null; fractions are Decimal.

        `fault` says what is wrong with the shape of a body, or None.
        """
        asked = dict(params or {})
        if self._company_id is not None and label in COMPANY_LISTS:
            asked.setdefault("company_id", self._company_id)
        call = Call(self._base + path, path, asked, label, fault)
        try:
            return self._retrying(self._attempt, call)
        except Passing as e:
            raise self._error(
                call, f"{e} after {call.attempts} attempts", e.status, permanent=False
            ) from None

    def one(self, path: str, *, label: str) -> Row:
        """One record, which has an id."""
        asked = path.rpartition("/")[2]
        record: Row = self.get(path, label=label, fault=partial(record_fault, asked))
        return record

    def bare(self, path: str, params: Mapping[str, Any] | None = None, *, label: str) -> Listing:
        """All rows of a list of the bare family, as they come, also without ids; a paged answer is followed to its end.

        Raises ApiError also for a paged list that is not whole: a caller could not tell it from a whole one.
        """
        page = Page.of(self.get(path, params, label=label, fault=page_fault))
        if page.is_bare or (
            (page.pages(self._page_size) or 1) <= 1
            and not page.is_full(self._page_size)
            and page.total in (None, len(page.rows))
        ):
            ask = self._asker(path, params, label)
            listing = followed(page.rows, ask) if page.may_be_cut else Listing(page.rows)
            listing = replace(listing, nameless=page.strange)
            self._counters.count_listed(label, len(listing.rows))
            return listing
        listing = self.listing(path, params, label=label)
        if not listing.whole or listing.nameless:  # without ids rows of several pages cannot be told apart
            why = listing.why or f"{listing.nameless} rows without an id on several pages"
            raise ApiError(f"{path}{self._where({})} did not come whole: {why}", path=path)
        return listing

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
        ask = self._asker(path, params, label)
        limit = int((params or {}).get("limit", self._page_size))
        reader = Reader(ask, limit, oldest_first=oldest_first, inside=inside, fallback=fallback)
        listing = reader.read()
        self._counters.count_listed(label, len(listing.rows))
        return listing

    def _asker(self, path: str, params: Mapping[str, Any] | None, label: str) -> Ask:
        return lambda page: self.get(path, {**page, **(params or {})}, label=label, fault=page_fault)

    def hear_the_time(self) -> None:
        """One question, asked once: any answer, a refusal too, tells the counters the time. Raises AuthError."""
        try:
            self._attempt(self._probe())
        except AuthError:
            raise
        except (ApiError, Passing):
            pass  # whoever needs that list asks again, and says so

    def _attempt(self, call: Call) -> Any:
        call.attempts += 1
        try:
            token = self._auth.token(
                self._lane.pause
            )  # may take minutes: not while holding a place in flight
            response = self._send(call, token)
            if response.status_code == 401:
                response = self._send_again(call, token)
            body = self._proven(call, response)
        except Passing as e:
            call.failing_s += 0.0 if e.everyone else call.took_s
            if call.comes_back(e):
                raise self._error(
                    call, f"{e}, the same twice", e.status, permanent=True, told=self._way_out(call, e)
                ) from None
            raise
        self._denied.discard(call.label)
        return body

    def _send_again(self, call: Call, token: str) -> requests.Response:
        """Answers a 401: the list of properties tells whether the token or the right to this endpoint is missing."""
        with self._judging:
            self._check_right(call, token)
            if token == self._hopeless_token:  # one call a minute: not spent on it again
                raise self._unusable(call)
            token = self._auth.renew(token, self._lane.pause)
        response = self._send(call, token)
        if response.status_code == 401:
            with self._judging:
                self._check_right(call, token)
                self._hopeless_token = token
            raise self._unusable(call)
        return response

    def _check_right(self, call: Call, token: str) -> None:
        """Raises ApiError, a 403, where the same token serves the list of properties: remembered for the run."""
        if call.label not in self._denied:
            if call.label == PROPERTY_LIST or token not in (self._auth.held, self._hopeless_token):
                return
            status = self._send(self._probe(), token).status_code
            if status == 401:
                return
            if status != 200:
                raise Passing("401, and the list of properties could not be asked", status)
            self._denied.add(call.label)
        raise self._error(
            call, "401", 403, permanent=True, told=": the key pair may read properties, and not this (as 403)"
        )

    def _unusable(self, call: Call) -> AuthError:
        where = self._where(call.params)
        return AuthError(
            f"401 for {call.path}{where}, with a new token too", status=401, path=call.path, permanent=True
        )

    def _probe(self) -> Call:
        """The least question there is; the shape of its answer does not matter."""
        known = {} if self._company_id is None else {"company_id": self._company_id}
        params = {"limit": 1, "page": 1, **known}
        return Call(self._base + PROPERTY_LIST, PROPERTY_LIST, params, PROPERTY_LIST, None)

    def _send(self, call: Call, token: str) -> requests.Response:
        """One request in its turn, read to its end."""
        throttle = self._throttle
        with self._lane.slot() as waited:
            era = throttle.era
            self._counters.count_sent(call.label, is_retry=call.sent > 0, paced_seconds=waited)
            call.sent += 1
            began = self._clock()
            try:
                response = self._transport.send(
                    "GET",
                    call.url,
                    params=call.params,
                    headers={"Authorization": f"JWT {token}"},
                    timeout=self._timeout,
                    within_s=max(1.0, min(ANSWER_WITHIN_S, GIVE_UP_S - call.failing_s)),
                )
            except NoAnswer as e:
                raise Passing(str(e)) from None
            except Astray as e:
                raise Passing(str(e), sign=str(e)) from None
            finally:
                call.took_s = self._clock() - began
        status = response.status_code
        self._counters.note_date(response.headers)
        if status == 429 or (status == 403 and is_html(response)):
            self._counters.count_refused(call.label)
            throttle.refused(era, asked_wait_s(response, datetime.now(timezone.utc)))
            raise Passing(f"{status}", status, everyone=True)
        if status == 200:
            throttle.ease(era)
        return response

    def _proven(self, call: Call, response: requests.Response) -> Any:
        """The body of an answer that can be believed. Raises Passing or a permanent ApiError otherwise."""
        status = response.status_code
        if status >= 400 and status not in _MAY_PASS:
            meant = 404 if status == 410 else status
            raise self._error(call, f"{status}", meant, permanent=True, told=told_by(response))
        if status >= 400:
            raise Passing(f"{status}", status, retry_after=retry_after_s(response.headers.get("Retry-After")))
        return call.believed(response)

    def _way_out(self, call: Call, failure: Passing) -> str:
        if str(failure) == EMPTY_BODY:
            company = call.params.get("company_id")
            whose = "no company_id is set" if company is None else f"company {company} was asked for"
            key = f"sources.breezeway.regions.{self._region}.company_id" if self._region else "company_id"
            return (
                f": so the API answers for a company the key pair may not see, and {whose}. "
                f"Next: see with --check which companies it sees, and correct {key}."
            )
        return ". Next: correct base_url, or the proxy that sends it there." if failure.status is None else ""

    def _is_given_up(self, state: RetryCallState) -> bool:
        call: Call = state.args[0]
        return state.attempt_number >= self._attempts or call.failing_s >= GIVE_UP_S

    def _wait_s(self, state: RetryCallState) -> float:
        """Seconds this worker waits by itself; a refusal is waited out by everyone in the throttle."""
        failure = state.outcome.exception() if state.outcome else None
        if not isinstance(failure, Passing) or failure.everyone:
            return 0.0
        seconds = self._throttle.delay_s(state.attempt_number)
        if failure.retry_after is not None:
            trusted = state.attempt_number <= RETRY_AFTER_TRUSTED_TIMES
            seconds = failure.retry_after if trusted else max(failure.retry_after, seconds)
        state.args[0].failing_s += seconds
        return seconds

    def _error(
        self, call: Call, what: str, status: int | None, *, permanent: bool, told: str = ""
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
