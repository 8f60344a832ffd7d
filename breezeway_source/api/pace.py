"""The pace of one key pair: a token bucket, a limit of requests in flight, one shared back-off.

Breezeway's limit is undocumented, most likely 200 requests a minute and per key pair, without quota
headers (`breezeway-api.md`, section 1.5). So requests are paced instead of burst into refusals, and a
refusal of one request holds back everyone.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import pendulum

from ..errors import BreezewayError

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 60.0
RETRY_AFTER_CAP_S = 300.0
# A server that says "0" for ever would use up all attempts in a moment: later its word is only a minimum.
RETRY_AFTER_TRUSTED_TIMES = 4
ABORT_POLL_S = 0.2
UNSAID_WAIT_S = 60.0


class Aborted(BreezewayError):
    """The run was called off while this request waited its turn; the cause is told elsewhere."""


def retry_after_s(
    header: str | None, *, now: datetime | None = None, cap_s: float = RETRY_AFTER_CAP_S
) -> float | None:
    """Seconds a Retry-After header asks for, 0 to `cap_s`; None without a readable one.

    Takes seconds, `0` included, and the HTTP date.
    """
    text = (header or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError):
            return None
        if until.tzinfo is None:  # "-0000" is read as naive
            until = until.replace(tzinfo=timezone.utc)
        seconds = (until - (now or datetime.now(timezone.utc))).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), cap_s)


class Lane:
    """One region's way into a throttle: what calls it off leaves the other regions of the key pair alone."""

    def __init__(self, throttle: Throttle, sleep: Callable[[float], object] | None) -> None:
        self._throttle = throttle
        self._aborted = threading.Event()
        self.sleep: Callable[[float], object] = sleep or self._aborted.wait

    def slot(self) -> AbstractContextManager[float]:
        """See Throttle.slot."""
        return self._throttle.slot(self)

    def pause(self, seconds: float) -> None:
        """Waits for the caller alone, outside any slot; raises Aborted after `abort`."""
        self.check()
        if seconds > 0:
            self.sleep(seconds)
            self.check()

    def abort(self) -> None:
        """Ends all waiting of this region, now and later, with Aborted."""
        self._aborted.set()

    def check(self) -> None:
        if self._aborted.is_set():
            raise Aborted("The run was called off.")
        self._throttle.check()


class Throttle:
    """Shared by every worker of one key pair; thread-safe.

    The bucket holds at most `burst` tokens and starts with one: with a full one, the first minute would
    hold `burst` requests more than the pace, all of them refused where the pace equals the limit.
    `requests_per_minute` None paces nothing; back-off and the limit in flight still hold.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        max_in_flight: int = 16,
        burst: int = 10,
        random_source: random.Random | None = None,
    ) -> None:
        """`sleep` None waits on the abort event, so that `abort` ends every wait at once."""
        if requests_per_minute is not None and not requests_per_minute > 0:
            raise ValueError("requests_per_minute must be above 0, or None for no pace")
        self._rate_per_s = None if requests_per_minute is None else requests_per_minute / 60.0
        self._clock = clock
        self._aborted = threading.Event()
        self._lanes: list[Lane] = []
        self._is_own_sleep = sleep is None
        self._sleep: Callable[[float], object] = sleep or self._aborted.wait
        self._burst = float(max(burst, 1))
        self._random = random_source or random.Random()
        self._in_flight = threading.BoundedSemaphore(max_in_flight)
        self._turn = threading.Lock()  # only its holder waits for a token: no herd at every token
        self._lock = threading.Lock()  # guards what follows
        self._tokens = 1.0
        self._filled_at = clock()
        self._resume_at = -math.inf
        self._refusals = 0  # in a row, without a success between
        self._era = 0

    @property
    def era(self) -> int:
        """Number of back-offs so far; tells what was sent before the latest from what was sent after."""
        return self._era

    def lane(self) -> Lane:
        """The way in for one region; regions that share a key pair share the pace, and not an abort."""
        made = Lane(self, None if self._is_own_sleep else self._sleep)
        with self._lock:
            self._lanes.append(made)
        return made

    @contextmanager
    def slot(self, lane: Lane | None = None) -> Iterator[float]:
        """One attempt: waits for a place in flight, the shared back-off and a token.

        Gives the seconds that pace and back-off held up the whole queue for this attempt: summed over all
        workers they never exceed the wall clock. Raises Aborted after `abort`.
        """
        check = lane.check if lane else self.check
        while not self._in_flight.acquire(timeout=ABORT_POLL_S):
            check()
        try:
            yield self._take(check, lane.sleep if lane else self._sleep)
        finally:
            self._in_flight.release()

    def pause(self, seconds: float) -> None:
        """Waits for the caller alone, outside any slot; raises Aborted after `abort`."""
        self.check()
        if seconds > 0:
            self._sleep(seconds)
            self.check()

    def refused(self, era: int, retry_after: float | None = None) -> float:
        """Everyone waits, after a refusal of a request sent in `era`; gives the seconds from now.

        Requests already out when the back-off began may be refused too: that is the same refusal, so it
        does not double the wait again.
        """
        with self._lock:
            now = self._clock()
            if era == self._era:
                self._refusals += 1
                self._era += 1
                seconds = self.delay_s(self._refusals)
                if retry_after is not None:
                    trusted = self._refusals <= RETRY_AFTER_TRUSTED_TIMES
                    seconds = retry_after if trusted else max(retry_after, seconds)
                self._hold(now, seconds)
            elif retry_after is not None:
                self._hold(now, retry_after)
            return max(self._resume_at - now, 0.0)

    def ease(self, era: int | None = None) -> None:
        """A request sent in `era` succeeded: the next back-off starts from the shortest again.

        A success of an earlier era says nothing about the refusals since.
        """
        if self._refusals and (era is None or era == self._era):
            with self._lock:
                self._refusals = 0

    def delay_s(self, failures: int) -> float:
        """Back-off after the `failures`-th failure in a row: 0.5 s doubling to 60 s, up to a quarter more.

        The jitter only lengthens: eight attempts then always outlast a limit of a minute (63.5 s).
        """
        base = FIRST_DELAY_S * 2.0 ** min(max(failures - 1, 0), 30)
        return min(base * (1.0 + 0.25 * self._random.random()), LONGEST_DELAY_S)

    @property
    def waits_for(self) -> str | None:
        """What holds up all workers at this moment: the wait after a refusal, or the pace; None when nothing does."""
        with self._lock:
            seconds = self._resume_at - self._clock()
        if seconds > 1.0:
            return f"the end of a refusal, {seconds:.0f} s"
        return "the pace" if self._turn.locked() else None

    def abort(self) -> None:
        """Ends all waiting, now and later, with Aborted; a request already sent is not cut off."""
        self._aborted.set()
        for lane in list(self._lanes):
            lane.abort()

    def check(self) -> None:
        if self._aborted.is_set():
            raise Aborted("The run was called off.")

    def _take(self, check: Callable[[], None], sleep: Callable[[float], object]) -> float:
        waited = 0.0
        while not self._turn.acquire(timeout=ABORT_POLL_S):  # another region's worker may hold it for minutes
            check()
        try:
            while True:
                check()
                with self._lock:
                    now = self._clock()
                    seconds = self._wait_s(now)
                if seconds <= 0:
                    return waited
                sleep(seconds)
                waited += max(self._clock() - now, 0.0)
        finally:
            self._turn.release()

    def _wait_s(self, now: float) -> float:
        """Seconds until the next try; 0 when a token was taken."""
        if now < self._resume_at:
            return self._resume_at - now
        if self._rate_per_s is None:
            return 0.0
        self._fill(now)
        if self._tokens >= 1.0 - 1e-6:  # sums of float seconds stop just short of a whole token
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate_per_s

    def _fill(self, now: float) -> None:
        if self._rate_per_s is not None and now > self._filled_at:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate_per_s)
            self._filled_at = now

    def _hold(self, now: float, seconds: float) -> None:
        # One request tries the water afterwards, the others follow at the pace instead of all at once.
        self._fill(now)
        self._tokens = min(self._tokens, 1.0)
        self._resume_at = max(self._resume_at, now + max(seconds, 0.0))
        self._filled_at = max(self._filled_at, self._resume_at)


def asked_wait_s(response: Any, now: datetime, cap_s: float = RETRY_AFTER_CAP_S) -> float | None:
    """Seconds a 429 asks for, in its body (`details.retry_after`, seconds or an instant) or its header."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        details = body.get("details")
        said = details.get("retry_after") if isinstance(details, dict) else None
        seconds = seconds_until(said if said is not None else body.get("retry_after"), now)
        if seconds is not None and seconds >= -UNSAID_WAIT_S:  # long past: one of the two clocks is wrong
            return min(max(seconds, 0.0), cap_s)
        if seconds is not None:
            return None
    return retry_after_s(response.headers.get("Retry-After"), now=now, cap_s=cap_s)


def seconds_until(said: Any, now: datetime) -> float | None:
    """`retry_after` of a body: seconds, or an ISO instant whose missing zone means UTC."""
    if said is None or isinstance(said, bool):
        return None
    try:
        seconds = float(said)
        return seconds if math.isfinite(seconds) else None
    except (TypeError, ValueError, OverflowError):
        pass
    if not isinstance(said, str):
        return None
    try:
        until = pendulum.parse(said.strip(), tz="UTC")
    except ValueError:
        return None
    if not isinstance(until, pendulum.DateTime):
        return None
    return until.timestamp() - now.timestamp()
