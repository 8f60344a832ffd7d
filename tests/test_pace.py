"""The pace: how often, how many at once, and who waits after a refusal. All clocks are made up."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from breezeway_source.api.counters import Counters
from breezeway_source.api.pace import Aborted, Throttle, retry_after_s

NOON = datetime(2031, 3, 4, 12, 0, 0, tzinfo=timezone.utc)


class FakeTime:
    """A clock that only moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.now += seconds


def throttle(time_: FakeTime, rpm: float | None, **extra: object) -> Throttle:
    return Throttle(rpm, clock=time_.clock, sleep=time_.sleep, random_source=random.Random(1), **extra)  # type: ignore[arg-type]


def send(t: Throttle) -> float:
    with t.slot() as waited:
        return waited


def test_requests_leave_at_the_pace_from_the_very_first_second() -> None:
    fake = FakeTime()
    t = throttle(fake, 600)
    sent = []
    for _ in range(1801):
        send(t)
        sent.append(fake.now)
    assert sent[-1] - sent[0] == pytest.approx(180.0, abs=0.01)
    assert sum(at < sent[0] + 60 for at in sent) in (600, 601)


def test_a_fixed_window_of_the_same_size_refuses_less_than_one_in_a_hundred() -> None:
    fake = FakeTime()
    t = throttle(fake, 600)
    rng = random.Random(2)
    start, window, used, refused, done, sent = fake.now, 0, 0, 0, 0, 0
    while done < 3000:
        with t.slot():
            era = t.era
            arrives = fake.now + rng.random() * 0.05
        sent += 1
        if int((arrives - start) // 60) != window:
            window, used = int((arrives - start) // 60), 0
        used += 1
        if used > 600:
            refused += 1
            t.refused(era)
        else:
            done += 1
            t.ease(era)
    assert refused / sent < 0.01
    assert fake.now - start < 1.05 * 300


def test_after_a_lull_at_most_ten_leave_at_once() -> None:
    fake = FakeTime()
    t = throttle(fake, 60)
    send(t)
    fake.now += 3600
    assert sum(send(t) == 0 for _ in range(15)) == 10


def test_without_a_pace_nothing_waits() -> None:
    fake = FakeTime()
    t = throttle(fake, None)
    assert sum(send(t) for _ in range(1000)) == 0
    assert fake.now == 1000.0


def test_a_pace_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Throttle(0)


def test_never_more_than_sixteen_are_in_flight() -> None:
    t = Throttle(None)
    lock, inside, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal inside, most
        with t.slot():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.002)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(work, range(300)))
    assert most == 16


def test_a_refusal_holds_back_everyone_and_then_lets_one_go_first() -> None:
    fake = FakeTime()
    t = throttle(fake, 60)
    send(t)
    fake.now += 100  # a full bucket
    seconds = t.refused(t.era)
    assert 0.5 <= seconds <= 0.625
    assert send(t) == pytest.approx(seconds)
    assert send(t) == pytest.approx(1.0)


def test_refusals_double_the_wait_up_to_a_minute_and_a_success_resets_it() -> None:
    fake = FakeTime()
    t = throttle(fake, None)
    waits = [t.refused(t.era) for _ in range(9) if send(t) >= 0]
    for wait, base in zip(waits, (0.5, 1, 2, 4, 8, 16, 32, 60, 60), strict=True):
        assert base <= wait <= min(base * 1.25, 60)
    assert (
        len({round(wait / base, 6) for wait, base in zip(waits, (0.5, 1, 2, 4, 8, 16, 32), strict=False)}) > 1
    )
    t.ease(t.era)
    fake.now += 60
    assert t.refused(t.era) <= 0.625


def test_sixteen_refusals_of_one_burst_count_as_one() -> None:
    fake = FakeTime()
    t = throttle(fake, None)
    era = t.era
    assert max(t.refused(era) for _ in range(16)) <= 0.625


def test_a_straggler_that_succeeds_does_not_reset_a_later_back_off() -> None:
    t = throttle(FakeTime(), None)
    before = t.era
    t.refused(t.era)
    t.ease(before)
    assert t.refused(t.era) >= 1.0


def test_retry_after_zero_means_now_until_it_is_said_too_often() -> None:
    t = throttle(FakeTime(), None)
    assert [t.refused(t.era, 0.0) for _ in range(4)] == [0, 0, 0, 0]
    assert t.refused(t.era, 0.0) >= 8


def test_retry_after_replaces_the_own_wait() -> None:
    t = throttle(FakeTime(), None)
    assert t.refused(t.era, 7.0) == 7.0
    assert send(t) == 7.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("100000", 300.0),
        ("-3", 0.0),
        ("Tue, 04 Mar 2031 12:00:09 GMT", 9.0),
        ("Tue, 04 Mar 2031 11:00:00 GMT", 0.0),
        ("Tue, 04 Mar 2031 12:00:09 -0000", 9.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_spellings(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=NOON) == seconds


def test_an_abort_ends_the_wait_of_everyone_at_once() -> None:
    t = Throttle(1, max_in_flight=2)  # one a minute
    send(t)
    ended = []

    def work() -> None:
        try:
            send(t)
        except Aborted:
            ended.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    start = time.monotonic()
    t.abort()
    for thread in threads:
        thread.join(5)
    assert len(ended) == 6
    assert max(ended) - start < 1.0
    with pytest.raises(Aborted):
        t.pause(0)


def test_the_waiting_of_a_queue_is_not_counted_once_per_worker() -> None:
    t = Throttle(6000)
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        waited = sum(pool.map(lambda _: send(t), range(40)))
    assert 0.3 < waited <= time.monotonic() - start + 0.05


def test_counters_add_up_over_threads_and_give_the_shape_of_the_report() -> None:
    counters = Counters()

    def work(i: int) -> None:
        counters.count_sent("/task" if i % 2 else "/property", is_retry=i % 4 == 0, paced_seconds=0.01)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    counters.count_refused()
    counters.count_token_call()
    assert counters.snapshot() == {
        "total": 400,
        "by_endpoint": {"/property": 200, "/task": 200},
        "retries": 100,
        "refused": 1,
        "paced_seconds": 4.0,
    }
    assert counters.token_calls == 1
