"""The client: which answers are believed, which are asked for again, and when a list counts as whole."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from decimal import Decimal
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pendulum
import pytest
from scripted_api import Answer, Asked, ScriptedApi
from small_worlds import small_world

from breezeway_source.api.auth import Auth
from breezeway_source.api.client import Client
from breezeway_source.api.counters import Counters
from breezeway_source.api.pace import Aborted, Throttle
from breezeway_source.errors import ApiError, AuthError
from breezeway_source.sandbox import LoggedRequest, Sandbox, World

NOW = datetime(2031, 3, 4, 12, 0, tzinfo=timezone.utc)
HTML = Answer(b"<html>slow down</html>", 403, {"Content-Type": "text/html"})


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    api = ScriptedApi()
    yield api
    api.close()


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


@pytest.fixture
def make(api: ScriptedApi, fake: FakeTime, tmp_path: Path) -> Any:
    def make(**extra: Any) -> Client:
        counters = extra.pop("counters", Counters())
        auth = Auth(api.base_url, "id", "secret", cache_dir=tmp_path / "cache", sleep=fake.sleep)
        throttle = Throttle(None, clock=fake.clock, sleep=fake.sleep)
        return Client(api.base_url, auth, throttle, counters, **{"region": "smoky", **extra})

    return make


def rows(*ids: Any) -> list[dict[str, Any]]:
    return [{"id": i, "name": f"row {i}"} for i in ids]


def page(
    ids: list[Any],
    *,
    number: int = 1,
    pages: int | None = None,
    total: int | None = None,
    limit: int | None = 2,
) -> Answer:
    body: dict[str, Any] = {"page": number, "results": rows(*ids)}
    for key, value in (("limit", limit), ("total_pages", pages), ("total_results", total)):
        if value is not None:
            body[key] = value
    return Answer(body)


def asked_pages(api: ScriptedApi) -> list[int]:
    return [int(asked.params["page"]) for asked in api.requests if asked.method == "GET"]


def ids(listing: Any) -> list[Any]:
    return [row["id"] for row in listing.rows]


# --- one answer ---


def test_a_request_carries_token_path_and_parameters(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer({"ok": True}))
    counters = Counters()
    client = make(counters=counters)
    client.get("/task/", {"home_id": 2004, "updated_at": "2031-03-01,2031-03-09"}, label="/task")
    asked = api.requests[-1]
    assert (asked.method, asked.path, asked.token) == ("GET", "/public/inventory/v1/task/", "token-1")
    assert asked.params == {"home_id": "2004", "updated_at": "2031-03-01,2031-03-09"}
    assert counters.snapshot()["by_endpoint"] == {"/task": 1}


def test_fractions_are_exact(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer(b'{"id": 1, "unit_cost": 20.10}'))
    cost = make().one("/supplies/1", label="/supplies/{id}")["unit_cost"]
    assert isinstance(cost, Decimal) and str(cost) == "20.10"


@pytest.mark.parametrize(
    "odd",
    [
        Answer({"error": "x"}, 429),
        HTML,
        Answer(b" <!doctype html>", 403),
        Answer({"error": "x"}, 500),
        Answer(b"", 502),
        Answer(b"", 503, {"Retry-After": "1"}),
        Answer(b"", 408),
        Answer(b"<html>maintenance</html>", 200, {"Content-Type": "text/html"}),
        Answer({"id": 1}, 204),
        Answer({"id": 1}, 206),
        Answer({"id": 1}, cut_after=4),
        Answer({"id": 1}, chunked=True, cut_after=6),
        Answer({"id": 1}, cut_after=0),
    ],
)
def test_an_answer_that_may_pass_is_asked_for_eight_times(odd: Answer, api: ScriptedApi, make: Any) -> None:
    counters = Counters()
    api.gets(*[odd] * 7, Answer({"id": 1}))
    assert make(counters=counters).one("/task/1", label="/task/{id}") == {"id": 1}
    assert (counters.total, counters.retries) == (8, 7)
    assert counters.refused == (7 if odd.status in (403, 429) else 0)
    api.gets(odd)
    with pytest.raises(ApiError) as caught:
        make().one("/task/1", label="/task/{id}")
    assert not caught.value.permanent
    assert not isinstance(caught.value, AuthError)
    assert caught.value.path == "/task/1"
    assert "/task/1" in str(caught.value) and "'smoky'" in str(caught.value)
    assert caught.value.status == (None if odd.cut_after is not None else odd.status)
    assert api.count("GET") == 16


@pytest.mark.parametrize(
    "odd",
    [
        Answer({"error": "company not allowed"}),
        Answer(b""),
        Answer(b"null"),
        Answer(b'{"id": 1, "na'),
        Answer(b'{"id": 1, "name": "\xff"}'),
        Answer([{"id": 1}]),
        Answer({"name": "no id"}),
    ],
)
def test_an_odd_answer_that_comes_back_the_same_is_told_in_seconds(
    odd: Answer, api: ScriptedApi, make: Any, fake: FakeTime
) -> None:
    api.gets(odd, Answer({"id": 1}))
    assert make().one("/task/1", label="/task/{id}") == {"id": 1}, "once is a passing fault"
    api.gets(odd, Answer({}, 500), odd, Answer({"id": 1}))
    assert make().one("/task/1", label="/task/{id}") == {"id": 1}
    asked, fake.now = api.count("GET"), 0.0
    api.gets(odd)
    with pytest.raises(ApiError, match="the same twice") as caught:
        make().one("/task/1", label="/task/{id}")
    assert (caught.value.permanent, api.count("GET") - asked) == (True, 2)
    assert fake.now < 2


def test_an_empty_body_names_the_company_and_the_way_out(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer(b""))
    with pytest.raises(ApiError, match=r"company 9001 .*Next: .*--check.*regions\.smoky\.company_id"):
        make(company_id=9001).listing("/companies/templates", label="/companies/templates")


@pytest.mark.parametrize("nothing", [None, "", [], {}, False])
def test_null_absent_and_empty_are_one(nothing: Any, api: ScriptedApi, make: Any) -> None:
    for body in ({"error": nothing, "id": 1}, {"id": 1}):
        api.gets(Answer(body))
        assert make().one("/task/1", label="/task/{id}")["id"] == 1
    for empty in (Answer({"total_results": 0, "results": nothing}), Answer({"total_results": "0"})):
        api.gets(empty)
        assert make().listing("/task/", label="/task").proven
    for empty in (Answer(b"", 204), Answer([])):
        api.gets(empty)
        assert make().listing("/task/", label="/task") == make().listing("/people", label="/people")
        assert make().bare("/people", label="/people").rows == []


def test_gone_is_not_found(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer({}, 410))
    with pytest.raises(ApiError, match="410 for /task/1") as caught:
        make().one("/task/1", label="/task/{id}")
    assert (caught.value.status, caught.value.permanent) == (404, True)


@pytest.mark.parametrize(
    "absurd", ["1e99999999999999999999", "-1E+999999999", "9" * 5000, "[" * 1200 + "]" * 1200, "NaN"]
)
def test_an_absurd_value_costs_itself_alone(absurd: str, api: ScriptedApi, make: Any) -> None:
    text = f'{{"results": [{{"id": 1, "name": "[{{", "x": {absurd}}}, {{"id": 2, "y": 1.50}}], "total_results": 2}}'
    api.gets(Answer(text.encode()))
    listing = make().listing("/task/", label="/task")
    assert (ids(listing), listing.whole, api.count("GET")) == ([1, 2], True, 1)
    first, second = listing.rows
    assert first["name"] == "[{" and second["y"] == Decimal("1.50")
    value = first["x"]
    while isinstance(value, list):
        (value,) = value
    assert isinstance(value, str) and value in absurd


def test_a_question_is_given_up_after_five_minutes(api: ScriptedApi, make: Any, fake: FakeTime) -> None:
    def slow(asked: Asked) -> Answer:
        fake.now += 119
        return Answer({}, 500)

    api.on_get = slow
    with pytest.raises(ApiError, match="after 3 attempts"):
        make(clock=fake.clock).one("/task/1", label="/task/{id}")


@pytest.mark.parametrize(
    "body", [{"details": {"retry_after": 9}}, {"retry_after": "9"}, {"details": {"retry_after": 9e9}}]
)
def test_a_wait_named_in_the_body_is_honoured_within_bounds(
    body: Any, api: ScriptedApi, make: Any, fake: FakeTime
) -> None:
    api.gets(Answer(body, 429), Answer({"id": 1}))
    make().one("/task/1", label="/task/{id}")
    assert fake.now in (9, 300)


def test_eight_attempts_outlast_a_limit_of_a_minute(api: ScriptedApi, make: Any, fake: FakeTime) -> None:
    api.on_get = lambda asked: Answer({}, 429) if fake.now < 60 else Answer({"id": 1})
    make().one("/task/1", label="/task/{id}")
    assert 60 <= fake.now < 80
    fake.now = 0.0
    api.on_get = lambda asked: Answer({}, 500) if fake.now < 60 else Answer({"id": 1})
    make().one("/task/1", label="/task/{id}")
    assert 60 <= fake.now < 80


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_and_so_is_zero(
    status: int, api: ScriptedApi, make: Any, fake: FakeTime
) -> None:
    api.gets(
        Answer({}, status, {"Retry-After": "0"}), Answer({}, status, {"Retry-After": "9"}), Answer({"id": 1})
    )
    make().one("/task/1", label="/task/{id}")
    assert sum(fake.slept) == 9


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(b"", 405), ""),
        (Answer(b"<html>", 501), ""),
        (Answer(b"", 505), ""),
        (Answer({"error": "x", "description": "Property not found."}, 422), "Property not found."),
        (Answer({"error": "Not enabled for\nthis account"}, 403), "Not enabled for this account"),
        (Answer({"error": "y" * 500}, 422), "y" * 120),
        (Answer({"description": "ada@example.test is no user"}, 422), ""),
        (Answer({"description": "Ada Sample"}, 404), ""),
        (Answer(b"nothing", 400), ""),
    ],
)
def test_a_refusal_that_stays_is_not_repeated(answer: Answer, told: str, api: ScriptedApi, make: Any) -> None:
    api.gets(answer)
    with pytest.raises(ApiError) as caught:
        make().listing("/task/", {"home_id": 2004}, label="/task")
    where = f"{answer.status} for /task/ (region 'smoky', home_id 2004, page 1)"
    assert str(caught.value) == (f"{where}: {told}" if told else where)
    assert (caught.value.status, caught.value.permanent) == (answer.status, True)
    assert api.count("GET") == 1


@pytest.mark.parametrize("status", [200, 403, 405, 429, 500, 503])
def test_the_time_is_heard_by_one_question_whatever_the_answer(
    status: int, api: ScriptedApi, make: Any
) -> None:
    counters = Counters()
    api.gets(Answer([], status))
    make(counters=counters).hear_the_time()
    assert api.count("GET") == 1 and counters.clock_ahead_s is not None
    api.posts(Answer({}, 401))
    api.gets(Answer({}, 401))
    with pytest.raises(AuthError):
        make().hear_the_time()


@pytest.mark.parametrize(("age", "ahead_s"), [("3600", 0), ("", 3600), ("0", 3600)])
def test_an_answer_kept_by_a_cache_tells_the_time_it_was_given_at(
    age: str, ahead_s: int, api: ScriptedApi, make: Any
) -> None:
    """Else the run would take an earlier time for the API's, and remove what the run before it noted as to come."""
    counters, then = Counters(), formatdate(time.time() - 3600, usegmt=True)
    api.gets(Answer([], headers={"Age": age} if age else {}))
    with patch.object(BaseHTTPRequestHandler, "date_time_string", lambda self: then):
        make(counters=counters).listing("/property", label="/property")
    assert counters.clock_ahead_s == pytest.approx(ahead_s, abs=30)
    assert {asked.cache for asked in api.requests} == {"no-cache"}


def test_a_refusal_holds_back_the_other_workers(api: ScriptedApi, tmp_path: Path) -> None:
    throttle = Throttle(None)
    auth = Auth(api.base_url, "id", "secret", cache_dir=tmp_path)
    client = Client(api.base_url, auth, throttle, Counters())
    api.gets(Answer({}, 429), Answer({"id": 1}))
    client.one("/task/1", label="/task/{id}")
    era = throttle.era
    assert era == 1
    throttle.refused(era, 0.3)
    with throttle.slot() as waited:
        assert 0.2 < waited < 1.0


def test_an_abort_ends_the_retries(api: ScriptedApi, tmp_path: Path) -> None:
    auth = Auth(api.base_url, "id", "secret", cache_dir=tmp_path)
    client = Client(api.base_url, auth, Throttle(None), Counters())
    api.gets(Answer({}, 429, {"Retry-After": "200"}))
    threading.Timer(0.2, client.abort).start()
    with pytest.raises(Aborted):
        client.one("/task/1", label="/task/{id}")
    assert api.count("GET") == 1


def test_nobody_listening_is_an_api_error_without_the_query(tmp_path: Path, api: ScriptedApi) -> None:
    auth = Auth(api.base_url, "id", "secret", cache_dir=tmp_path)
    auth.token()
    client = Client("http://127.0.0.1:1", auth, Throttle(None, sleep=lambda s: None), Counters(), attempts=2)
    with pytest.raises(ApiError, match=r"no complete answer \(ConnectionError\) after 2 attempts") as caught:
        client.get("/people", {"status": "hidden"}, label="/people")
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


# --- the token ---


def test_a_401_renews_the_token_once_for_all_workers(api: ScriptedApi, make: Any) -> None:
    api.posts(Answer({"access_token": "old"}), Answer({"access_token": "new"}))
    api.on_get = lambda asked: Answer({"id": 1}) if asked.token == "new" else Answer({}, 401)
    counters = Counters()
    client = make(counters=counters)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: client.one("/task/1", label="/task/{id}"), range(64)))
    assert api.count("POST") == 2
    assert counters.total == 64 + counters.retries + 1, "one asks whether it is the token"
    assert 1 <= counters.retries <= 16


def test_a_401_of_one_endpoint_is_a_missing_right_and_costs_no_token(api: ScriptedApi, make: Any) -> None:
    api.on_get = lambda asked: Answer({}, 401) if asked.path.endswith("/comments") else Answer({"id": 1})
    client = make()
    for _ in range(3):
        with pytest.raises(ApiError, match="401 for /task/1/comments") as caught:
            client.bare("/task/1/comments", label="/task/{id}/comments")
        assert (caught.value.status, caught.value.permanent) == (403, True)
        assert not isinstance(caught.value, AuthError)
    assert client.one("/task/1", label="/task/{id}") == {"id": 1}
    assert api.count("POST") == 1
    assert [asked.path for asked in api.requests].count("/public/inventory/v1/property") == 1


def test_a_token_that_opens_nothing_ends_its_region_and_costs_one_more(api: ScriptedApi, make: Any) -> None:
    tokens = iter(range(100))
    api.on_post = lambda asked: Answer({"access_token": f"token-{next(tokens)}"})
    api.gets(Answer({}, 401))
    client = make()
    for _ in range(3):
        with pytest.raises(AuthError, match="401 for /task/1"):
            client.one("/task/1", label="/task/{id}")
    assert api.count("POST") == 2


def test_regions_on_one_key_pair_are_called_off_alone(api: ScriptedApi, tmp_path: Path) -> None:
    auth, throttle = Auth(api.base_url, "id", "secret", cache_dir=tmp_path), Throttle(None)
    one, other = (Client(api.base_url, auth, throttle, Counters()) for _ in range(2))
    api.gets(Answer({"id": 1}))
    one.abort()
    with pytest.raises(Aborted):
        one.one("/task/1", label="/task/{id}")
    assert other.one("/task/1", label="/task/{id}") == {"id": 1}
    throttle.abort()
    with pytest.raises(Aborted):
        other.one("/task/1", label="/task/{id}")


def test_a_401_between_other_failures_is_still_renewed_only_once(api: ScriptedApi, make: Any) -> None:
    api.posts(Answer({"access_token": "old"}), Answer({"access_token": "new"}))
    api.gets(Answer({}, 500), Answer({}, 401), Answer({}, 500), Answer({"id": 1}))
    assert make().one("/task/1", label="/task/{id}") == {"id": 1}
    api.gets(Answer({}, 500), Answer({}, 401), Answer({}, 500), Answer({}, 401))
    with pytest.raises(AuthError):
        make().one("/task/1", label="/task/{id}")


def test_nothing_secret_is_logged(api: ScriptedApi, make: Any, caplog: pytest.LogCaptureFixture) -> None:
    api.gets(Answer({}, 500), Answer({"id": 1, "name": "Ada Sample"}))
    client = make()
    with caplog.at_level(logging.DEBUG):
        client.one("/task/1", label="/task/{id}")
    assert not any(word in caplog.text for word in ("token-1", "secret", "Ada"))
    assert repr(client) == "Client('smoky')"
    assert copy.deepcopy(client) is client


# --- lists ---


def test_a_paged_list_is_read_oldest_first_to_its_last_page(api: ScriptedApi, make: Any) -> None:
    api.gets(
        page([1, 2], pages=3, total=5), page([3, 4], number=2, pages=3, total=5), page([5], pages=3, total=5)
    )
    listing = make(page_size=2).listing("/task/", {"home_id": 7}, label="/task")
    assert (ids(listing), listing.proven, listing.total, listing.pages) == ([1, 2, 3, 4, 5], True, 5, 3)
    assert api.requests[-1].params == {
        "home_id": "7",
        "limit": "2",
        "page": "3",
        "sort_by": "created_at",
        "sort_order": "asc",
    }


def test_behind_a_full_last_page_one_more_is_asked_for_and_not_behind_another(
    api: ScriptedApi, make: Any
) -> None:
    api.gets(page([1, 2], pages=2, total=4), page([3, 4], pages=2, total=4), page([], pages=2, total=4))
    assert ids(make().listing("/task/", label="/task")) == [1, 2, 3, 4]
    api.gets(page([1, 2], total=3), page([3], total=3))  # the count alone tells the pages too
    assert ids(make().listing("/task/", label="/task")) == [1, 2, 3]
    assert asked_pages(api) == [1, 2, 3, 1, 2]


def test_without_totals_a_short_page_ends_the_list_and_nothing_is_proven(api: ScriptedApi, make: Any) -> None:
    api.gets(page([1]))
    listing = make(page_size=2).listing("/supplies", label="/supplies")
    assert (ids(listing), listing.whole, listing.proven, listing.total) == ([1], True, False, None)


def test_a_page_past_the_end_that_answers_the_first_again_ends_the_list(api: ScriptedApi, make: Any) -> None:
    def answer(asked: Asked) -> Answer:
        number = {"2": 2}.get(asked.params["page"], 1)
        found = [3, 4] if (number == 2) is (asked.params["sort_order"] == "asc") else [1, 2]
        return page(found, number=int(asked.params["page"]))

    api.on_get = answer
    listing = make(page_size=2).listing("/supplies", label="/supplies")
    assert (ids(listing), listing.whole) == ([1, 2, 3, 4], True)
    assert asked_pages(api) == [1, 2, 3, 4, 1]


def test_an_empty_list_is_whole_with_a_total_and_unknown_without(api: ScriptedApi, make: Any) -> None:
    api.gets(page([], pages=0, total=0))
    assert make().listing("/task/", label="/task").proven is True
    api.gets(page([]))
    assert make().listing("/task/", label="/task").proven is False


def test_ids_are_compared_as_numbers_and_the_last_row_wins(api: ScriptedApi, make: Any) -> None:
    api.gets(page([1, 2], pages=2, total=3), page(["2", 3], pages=2, total=3))
    listing = make().listing("/task/", label="/task")
    assert (ids(listing), listing.proven) == ([1, "2", 3], True)


def test_a_list_that_changed_once_is_read_again(api: ScriptedApi, make: Any) -> None:
    # A row of page 1 is deleted before page 2 is read: row 3 slips onto page 1 and is not seen.
    first = (page([1, 2], pages=2, total=4), page([4], pages=2, total=3))
    second = (page([2, 3], pages=2, total=3), page([4], pages=2, total=3))
    api.gets(*first, *second)
    listing = make().listing("/task/", label="/task")
    assert (ids(listing), listing.proven, listing.total) == ([2, 3, 4], True, 3)
    assert asked_pages(api) == [1, 2, 1, 2]


def test_a_deletion_that_leaves_the_count_right_is_still_noticed(api: ScriptedApi, make: Any) -> None:
    # Three distinct ids and a last total of three, though row 3 slipped: only the first total tells.
    api.gets(
        page([1, 2], pages=2, total=4),
        page([4], pages=2, total=3),
        page([2, 3], pages=2, total=3),
        page([4], pages=2, total=3),
    )
    assert 3 in ids(make().listing("/task/", label="/task"))


def test_a_list_that_never_rests_gives_all_rows_seen_and_no_proof(api: ScriptedApi, make: Any) -> None:
    api.gets(*(page([n, 10], pages=1, total=5, limit=9) for n in (1, 2, 3)))
    listing = make().listing("/task/", label="/task")
    assert (sorted(ids(listing)), listing.whole) == ([1, 2, 3, 10], False)
    assert listing.why and not listing.proven
    assert asked_pages(api) == [1, 1, 1]


def test_records_without_an_id_cost_themselves_alone(api: ScriptedApi, make: Any) -> None:
    api.gets(
        Answer(
            {"limit": 9, "total_pages": 1, "total_results": 3, "results": [{"id": 1}, {"n": 1}, {"id": 0}]}
        )
    )
    listing = make().listing("/task/", label="/task")
    assert (ids(listing), listing.nameless, listing.proven) == ([1], 2, True)
    assert api.count("GET") == 1


def test_stray_rows_are_dropped_and_end_the_list(api: ScriptedApi, make: Any) -> None:
    def inside(row: dict[str, Any]) -> bool:
        return int(row["id"]) < 100

    api.gets(page([500, 501], pages=40, total=80))  # nothing matched: the upcoming stays
    listing = make().listing("/reservation", label="/reservation", inside=inside)
    assert (listing.rows, listing.proven) == ([], True)
    assert api.count("GET") == 1
    api.gets(page([1, 2]), page([500, 501], number=2), page([2, 1]))  # a page past the end, without totals
    listing = make(page_size=2).listing("/reservation", label="/reservation", inside=inside)
    assert (set(ids(listing)), listing.whole) == ({1, 2}, True)
    assert api.count("GET") == 4


def test_a_bare_array_is_taken_for_a_whole_list(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer(rows(1, 2, 3)))
    listing = make(page_size=2).listing("/people", label="/people")
    assert (ids(listing), listing.proven, listing.pages) == ([1, 2, 3], True, 1)
    assert api.count("GET") == 1


def test_a_bare_array_of_just_the_page_size_is_looked_behind(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer(rows(1, 2)))
    listing = make(page_size=2).listing("/people", label="/people")
    assert (ids(listing), listing.proven) == ([1, 2], True)
    assert api.count("GET") == 2


@pytest.mark.parametrize(
    "body", [{}, {"limit": 2, "results": None}, {"results": {"id": 1}}, {"results": [1]}, 7]
)
def test_a_page_without_an_array_is_never_an_empty_page(body: Any, api: ScriptedApi, make: Any) -> None:
    api.gets(Answer(body), page([1], pages=1, total=1))
    assert ids(make().listing("/task/", label="/task")) == [1]
    api.gets(Answer(body))
    with pytest.raises(ApiError, match="200 with"):
        make().listing("/task/", label="/task")


@pytest.mark.parametrize("key", ["results", "data"])
def test_a_list_of_the_bare_family_may_come_wrapped(key: str, api: ScriptedApi, make: Any) -> None:
    api.gets(Answer({key: rows(1, 2)}))
    assert make().bare("/task/5/comments", label="/task/{id}/comments").rows == rows(1, 2)
    assert api.count("GET") == 1
    assert api.requests[-1].params == {}


def test_a_list_of_the_bare_family_that_has_pages_is_read_to_its_end(api: ScriptedApi, make: Any) -> None:
    api.on_get = lambda asked: (
        page([3], pages=2, total=3) if asked.params.get("page") == "2" else page([1, 2], pages=2, total=3)
    )
    assert make().bare("/people", label="/people").rows == rows(1, 2, 3)


def test_rows_of_a_bare_list_are_given_as_they_come(api: ScriptedApi, make: Any) -> None:
    api.gets(Answer([{"response": "yes"}, {"response": "yes"}]))
    assert len(make().bare("/task/5/requirements", label="/task/{id}/requirements").rows) == 2


@pytest.mark.parametrize(
    ("path", "label", "is_sent"),
    [
        ("/property", "/property", True),
        ("/task/tags", "/task/tags", True),
        ("/task/", "/task", False),
        ("/people", "/people", False),
        ("/property/7/tags", "/property/{id}/tags", False),
    ],
)
def test_the_company_is_named_where_the_api_takes_it(
    path: str, label: str, is_sent: bool, api: ScriptedApi, make: Any
) -> None:
    api.gets(Answer(rows(1)))
    make(company_id=9001).listing(path, label=label)
    assert ("company_id" in api.requests[-1].params) is is_sent
    make().listing(path, label=label)
    assert "company_id" not in api.requests[-1].params


def test_sixteen_workers_share_one_client(api: ScriptedApi, make: Any) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer({"id": int(asked.path.rsplit("/", 1)[1])})

    api.on_get = answer
    counters = Counters()
    client = make(counters=counters)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda i: client.one(f"/task/{i}", label="/task/{id}")["id"], range(100)))
    assert found == list(range(100))
    assert counters.snapshot()["by_endpoint"] == {"/task/{id}": 100}
    assert api.count("POST") == 1


# --- against the stand-in API ---


@pytest.fixture
def world() -> World:
    return small_world(now=pendulum.instance(NOW), properties=4, tasks=11, stays_days=400)


@pytest.fixture
def connect(fake: FakeTime, tmp_path: Path) -> Any:
    def connect(sandbox: Sandbox, rpm: float | None = None, **extra: Any) -> Client:
        pair = sandbox.credentials["smoky"]
        auth = Auth(sandbox.base_url, *pair, cache_dir=tmp_path / "cache", sleep=fake.sleep)
        throttle = Throttle(rpm, clock=fake.clock, sleep=fake.sleep)
        return Client(sandbox.base_url, auth, throttle, Counters(), **{"page_size": 10, **extra})

    return connect


def tasks_of(world: World, property_id: int) -> set[int]:
    return {task["id"] for task in world.tasks.values() if task["home_id"] == property_id}


def test_a_fifth_of_all_answers_failing_changes_nothing(world: World, connect: Any) -> None:
    with Sandbox(world, seed=3) as sandbox:
        sandbox.faults.random_rate = 0.2
        sandbox.faults.stall_s = 0.01
        client = connect(sandbox)
        homes = list(world.properties)
        with ThreadPoolExecutor(16) as pool:
            listings = list(
                pool.map(lambda p: client.listing("/task/", {"home_id": p}, label="/task"), homes)
            )
        for home, listing in zip(homes, listings, strict=True):
            assert listing.proven
            assert set(ids(listing)) == tasks_of(world, home)
        assert sandbox.token_requests == 1
        assert sandbox.max_in_flight <= 16


def test_a_task_deleted_while_its_list_is_read_hides_no_other(world: World, connect: Any) -> None:
    home = next(iter(world.properties))
    oldest = min(tasks_of(world, home), key=lambda i: (world.tasks[i]["created_at"], i))

    with Sandbox(world) as sandbox:

        def delete_after_page_one(request: LoggedRequest) -> None:
            if request.endpoint == "/task" and request.query["page"] == "1" and oldest in world.tasks:
                world.delete_task(oldest)

        sandbox.faults.before_response = delete_after_page_one
        listing = connect(sandbox).listing("/task/", {"home_id": home}, label="/task")
        assert listing.proven
        assert set(ids(listing)) == tasks_of(world, home)
        assert [request.query["page"] for request in sandbox.logged() if request.is_data].count("1") == 2


@pytest.mark.parametrize("page_totals", ["documented", "both", "none"])
@pytest.mark.parametrize("past_end", ["empty", "upcoming"])
def test_every_stay_of_a_window_is_read_however_the_api_ends_its_lists(
    page_totals: str, past_end: str, world: World, connect: Any
) -> None:
    days = sorted(stay["checkout_date"] for stay in world.reservations.values())
    first, last = days[len(days) // 2], days[len(days) // 2 + 12]
    wanted = {i for i, stay in world.reservations.items() if first <= stay["checkout_date"] <= last}

    def inside(stay: dict[str, Any]) -> bool:
        return bool(first <= stay["checkout_date"] <= last)

    with Sandbox(world, page_totals=page_totals, past_end=past_end) as sandbox:
        client = connect(sandbox, page_size=1)
        window = {"checkout_date_ge": first, "checkout_date_le": last}
        listing = client.listing("/reservation", window, label="/reservation", inside=inside)
        assert set(ids(listing)) == wanted
        assert listing.whole and listing.proven
        nothing = {"checkout_date_ge": "1999-01-01", "checkout_date_le": "1999-01-02"}
        listing = client.listing("/reservation", nothing, label="/reservation", inside=lambda stay: False)
        assert listing.rows == []


def test_tokens_that_end_during_the_run_are_renewed(world: World, connect: Any) -> None:
    with Sandbox(world, token_limit=False) as sandbox:
        client = connect(sandbox)
        client.listing("/people", label="/people")
        sandbox.faults.expire_tokens()
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(lambda p: client.listing("/task/", {"home_id": p}, label="/task"), world.properties)
            )
        assert sandbox.token_requests == 2


def test_at_the_limit_itself_nothing_is_refused_and_no_time_is_lost(
    world: World, connect: Any, fake: FakeTime
) -> None:
    with Sandbox(world, requests_per_minute=120, clock=fake.clock) as sandbox:
        client = connect(sandbox, rpm=120)
        for _ in range(140):
            client.get("/companies", label="/companies")
        assert sandbox.count("GET /companies", 429) <= 1
        assert fake.now <= 1.05 * 70


def test_above_the_limit_every_request_is_answered_in_the_end(
    world: World, connect: Any, fake: FakeTime
) -> None:
    with Sandbox(world, requests_per_minute=25, clock=fake.clock) as sandbox:
        client = connect(sandbox)
        for _ in range(60):
            client.get("/companies", label="/companies")
        assert sandbox.count("GET /companies", 200) == 60
        assert 120 <= fake.now < 240


@pytest.mark.parametrize(
    ("behind", "came", "may_go_on"),
    [
        (Answer([]), 50, False),
        (Answer(rows(*range(51, 61))), 60, False),
        (Answer(rows(*range(1, 51))), 50, True),
        (Answer({"error": "Unknown parameter"}, status=422), 50, True),
    ],
    ids=["ends", "goes on", "repeats", "refuses to be asked"],
)
def test_a_bare_list_as_long_as_a_page_is_asked_for_the_next_one(
    behind: Answer, came: int, may_go_on: bool, api: ScriptedApi, make: Any
) -> None:
    api.on_get = lambda asked: behind if asked.params else Answer(rows(*range(1, 51)))
    listing = make().bare("/task/5/comments", label="/task/{id}/comments")
    assert (len(listing.rows), listing.may_go_on) == (came, may_go_on)
    assert api.requests[-1].params == {"limit": "50", "page": "2"}


@pytest.mark.parametrize("named", [True, False], ids=["with ids", "without"])
def test_a_bare_list_whose_rows_are_signed_anew_in_each_answer_is_the_same_again(
    named: bool, api: ScriptedApi, make: Any
) -> None:
    api.on_get = lambda asked: Answer(
        [({"id": n} if named else {}) | {"photo": f"p{n}?signed={len(api.requests)}"} for n in range(50)]
    )
    listing = make().bare("/task/5/requirements", label="/task/{id}/requirements")
    assert (len(listing.rows), listing.may_go_on, api.count("GET")) == (50, True, 2)
