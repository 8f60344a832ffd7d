"""The stand-in API: does it behave as `breezeway-api.md` says, and does a story change what it serves?"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import requests

from breezeway_source.sandbox import LoggedRequest, Sandbox, World
from breezeway_source.sandbox.endpoints import ANSWERS
from breezeway_source.sandbox.faults import ANSWERED, TRANSIENT_KINDS

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)
TODAY = "2026-11-20"


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.25

    def __call__(self) -> float:
        return self.seconds


class Caller:
    """A plain client: one token, no retries."""

    def __init__(self, sandbox: Sandbox, region: str | None = None) -> None:
        self.sandbox = sandbox
        self.pair = sandbox.credentials[region or sandbox.world.region]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"JWT {self.token().json()['access_token']}"

    def token(self, client_id: str | None = None, secret: str | None = None) -> requests.Response:
        body = {"client_id": client_id or self.pair[0], "client_secret": secret or self.pair[1]}
        return requests.post(f"{self.sandbox.base_url}/public/auth/v1/", json=body, timeout=5)

    def get(self, path: str, **query: object) -> requests.Response:
        url = f"{self.sandbox.base_url}/public/inventory/v1{path}"
        return self.session.get(url, params={k: str(v) for k, v in query.items()}, timeout=5)

    def rows(self, path: str, **query: object) -> list[dict[str, Any]]:
        body = self.get(path, **query).json()
        return list(body if isinstance(body, list) else body["results"])

    def ids(self, path: str, **query: object) -> list[int]:
        return [row["id"] for row in self.rows(path, **query)]


@pytest.fixture
def world() -> World:
    return World.seeded("smoky", now=NOW, properties=6, tasks_per_property=12)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(world: World, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(world, clock=clock) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


# -- tokens --------------------------------------------------------------------------------------


def test_a_token_says_when_it_ends_and_is_good_until_then(sandbox: Sandbox, clock: Clock) -> None:
    caller = Caller(sandbox)
    text = str(caller.session.headers["Authorization"]).removeprefix("JWT ").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert claims["exp"] == int(clock() + 86400)
    clock.seconds += 86399
    assert caller.get("/people").status_code == 200
    clock.seconds += 1
    assert caller.get("/people").status_code == 401


def test_only_the_prefix_jwt_is_accepted(sandbox: Sandbox, caller: Caller) -> None:
    token = str(caller.session.headers["Authorization"]).removeprefix("JWT ")
    for header in (f"Bearer {token}", token, "JWT invented", ""):
        caller.session.headers["Authorization"] = header
        assert caller.get("/people").status_code == 401
    assert sandbox.count("GET /people", 401) == 4


def test_a_second_token_within_the_minute_is_refused_with_the_instant_of_release(
    caller: Caller, clock: Clock
) -> None:
    clock.seconds += 30.5
    refused = caller.token()
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers
    release = datetime.fromisoformat(refused.json()["details"]["retry_after"])
    assert release.tzinfo is None
    assert release.replace(tzinfo=timezone.utc).timestamp() == 1_000_061, "never too early"
    clock.seconds = 1_000_061.0
    assert caller.token().json()["access_token"]


def test_bad_credentials_answer_200_without_a_token(caller: Caller) -> None:
    wrong = caller.token(secret="wrong")
    assert (wrong.status_code, wrong.content) == (200, b"null")
    unknown = caller.token(client_id="nobody")
    assert (unknown.status_code, unknown.json()) == (200, {"error": "inactive client"})


def test_a_refresh_gives_both_tokens_and_has_its_own_minute(sandbox: Sandbox, clock: Clock) -> None:
    caller = Caller(sandbox)
    clock.seconds += 60
    pair = caller.token().json()
    url, header = (
        f"{sandbox.base_url}/public/auth/v1/refresh",
        {"Authorization": f"JWT {pair['refresh_token']}"},
    )
    fresh = requests.post(url, headers=header, timeout=5).json()
    assert fresh["access_token"] not in (None, pair["access_token"])
    assert fresh["refresh_token"] != pair["refresh_token"]
    assert requests.post(url, headers=header, timeout=5).status_code == 429
    access = {"Authorization": f"JWT {pair['access_token']}"}
    assert requests.post(url, headers=access, timeout=5).status_code == 401
    assert sandbox.count("POST /auth/refresh") == 3
    assert sandbox.token_requests == 5


def test_expired_tokens_answer_401_until_a_new_one(sandbox: Sandbox, clock: Clock) -> None:
    caller = Caller(sandbox)
    sandbox.faults.expire_tokens()
    assert caller.get("/people").status_code == 401
    clock.seconds += 60
    assert Caller(sandbox).get("/people").status_code == 200


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ("empty", 200, b""),
        ("null", 200, b"null"),
        ("inactive", 200, b'{"error":"inactive client"}'),
        ("500", 500, None),
        ("http_401", 401, None),
    ],
)
def test_token_answers_can_be_forced(
    sandbox: Sandbox, caller: Caller, answer: str, status: int, body: bytes | None
) -> None:
    sandbox.faults.auth_answer = answer
    got = caller.token()
    assert got.status_code == status
    assert body is None or got.content == body


def test_a_forced_auth_429_names_an_instant_or_seconds(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults.auth_retry_after_s = 3
    sandbox.faults.next_auth("http_429_seconds")
    assert caller.token().json()["details"]["retry_after"] == 3
    sandbox.faults.next_auth("http_429_iso")
    assert caller.token().json()["details"]["retry_after"] == "1970-01-12T13:46:44"


# -- the endpoints -------------------------------------------------------------------------------


def test_every_endpoint_answers_with_and_without_slash(world: World, caller: Caller) -> None:
    task = next(iter(world.tasks))
    query = {
        "/task": {"home_id": "2001"},
        "/property/external-id": {"reference_property_id": "PMS-2001"},
        "/reservation/external-id": {"reference_property_id": "PMS-2001"},
    }
    ids = {"property": 2001, "task": task, "reservation": next(iter(world.reservations)), "people": 650}
    for endpoint in ANSWERS:
        path = endpoint.replace("{id}", str(ids.get(endpoint.split("/")[1]))).replace("{ref}", "PMS-2001")
        plain = caller.get(path, **query.get(endpoint, {}))
        slashed = caller.get(f"{path}/", **query.get(endpoint, {}))
        assert plain.status_code == 200, (path, plain.text)
        assert plain.content == slashed.content
        assert b'"_' not in plain.content, "a private key was served"


def test_unknown_paths_and_ids_answer_404_with_an_error(caller: Caller) -> None:
    for path in ("/task/1", "/property/1/contacts", "/user", "/task/tags/9", "/reservation/1/tasks"):
        answer = caller.get(path)
        assert answer.status_code == 404, path
        assert set(answer.json()) == {"error", "description"}
    assert requests.get(f"{caller.sandbox.base_url}/public/task/v1", timeout=5).status_code == 404


def test_only_reading_is_possible(caller: Caller) -> None:
    answer = caller.session.post(
        f"{caller.sandbox.base_url}/public/inventory/v1/task/tags", json=[], timeout=5
    )
    assert answer.status_code == 405


def test_properties_tasks_and_stays_tell_their_totals_and_supplies_do_not(
    caller: Caller, sandbox: Sandbox
) -> None:
    page = caller.get("/property", limit=4, page=2, sort_order="asc").json()
    assert [row["id"] for row in page.pop("results")] == [2005, 2006]
    assert page == {"limit": 4, "page": 2, "total_pages": 2, "total_results": 6}
    assert caller.get("/reservation").json()["total_results"] > 0
    assert set(caller.get("/supplies").json()) == {"limit", "page", "results"}
    sandbox.page_totals = "documented"
    assert set(caller.get("/reservation").json()) == {"limit", "page", "results"}
    with Sandbox(World("austin", now=NOW), page_totals="both", clock=sandbox.clock) as other:
        assert Caller(other).get("/supplies").json()["total_results"] == 0


def test_pages_of_a_busy_property_are_disjoint_whole_and_ordered(world: World, caller: Caller) -> None:
    first = caller.get("/task", home_id=2001, sort_order="asc").json()
    second = caller.get("/task", home_id=2001, sort_order="asc", page=2).json()
    assert (first["limit"], first["total_pages"]) == (100, 2)
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == sorted(row["id"] for row in world.tasks.values() if row["home_id"] == 2001)
    assert len(ids) == first["total_results"] == second["total_results"] > 100
    assert caller.ids("/task", home_id=2001, limit=500) == ids[::-1]
    assert caller.ids("/task", home_id=2001, page=3) == []


def test_a_limit_above_500_is_clamped_and_nonsense_refused(caller: Caller) -> None:
    assert caller.get("/task", home_id=2001, limit=9999).json()["limit"] == 500
    for query in ({"limit": "many"}, {"page": "0"}, {"sort_by": "updated_at"}, {"sort_order": "up"}):
        assert caller.get("/property", **query).status_code == 422


def test_tasks_need_exactly_one_selector_and_a_breezeway_id_is_no_reference(caller: Caller) -> None:
    for query in (
        {},
        {"home_id": 2001, "reference_property_id": "PMS-2001"},
        {"home_id": 999},
        {"property_id": 2001},
    ):
        assert caller.get("/task", **query).status_code == 422, query
    assert caller.get("/task", property_id=2001).json()["description"] == "Property not found."
    by_home = caller.ids("/task", home_id=2002)
    assert by_home and caller.ids("/task", reference_property_id="PMS-2002") == by_home


def test_task_days_are_whole_utc_days_with_both_ends(world: World, caller: Caller) -> None:
    late = world.add_task(home_id=2002, updated_at="2026-11-19T23:30:00-05:00")["id"]  # the 20th, UTC
    early = world.add_task(home_id=2002, updated_at="2026-11-19T00:00:00+00:00")["id"]
    assert set(caller.ids("/task", home_id=2002, updated_at=f"{TODAY},{TODAY}")) == {late}
    assert {late, early} <= set(caller.ids("/task", home_id=2002, updated_at=f"2026-11-19,{TODAY}"))
    unscheduled = {row["id"] for row in world.listed_tasks(2001) if row["scheduled_date"] is None}
    assert unscheduled
    scheduled = set(caller.ids("/task", home_id=2001, limit=500, scheduled_date="2000-01-01,2099-01-01"))
    assert scheduled == {row["id"] for row in world.listed_tasks(2001)} - unscheduled
    assert caller.get("/task", home_id=2002, updated_at=TODAY).status_code == 422


def test_tasks_are_filtered_by_department_and_assignee(world: World, caller: Caller) -> None:
    world.add_task(home_id=2002, type_department="safety", assignments=[{"id": 1, "assignee_id": 4711}])
    newest = max(world.tasks)
    assert caller.ids("/task", home_id=2002, type_department="safety") == [newest]
    assert caller.ids("/task", home_id=2002, assignee_ids="4711,4712") == [newest]


def test_people_without_a_status_are_the_active_ones(world: World, caller: Caller) -> None:
    active = caller.ids("/people")
    assert active == caller.ids("/people", status="active")
    others = caller.ids("/people", status="invited") + caller.ids("/people", status="inactive")
    assert others and sorted(active + others) == sorted(world.people)


def test_the_list_may_omit_money_and_the_detail_never_does(world: World, caller: Caller) -> None:
    task = next(row for row in world.listed_tasks(2001) if row.get("costs"))
    assert any(row.get("costs") for row in caller.rows("/task", home_id=2001, limit=500))
    world.task_list_omits_money = True
    assert all(not {"costs", "supplies"} & set(row) for row in caller.rows("/task", home_id=2001, limit=500))
    assert caller.get(f"/task/{task['id']}").json()["costs"] == task["costs"]


def test_a_company_the_key_may_not_see_is_an_empty_200(world: World, caller: Caller) -> None:
    answer = caller.get("/companies/templates", company_id=1)
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(caller.rows("/companies/templates", company_id=world.company_id)) == len(world.templates)


# -- stays ---------------------------------------------------------------------------------------


def test_without_a_filter_stays_are_the_upcoming_ones(world: World, caller: Caller) -> None:
    upcoming = {row["id"] for row in world.reservations.values() if row["checkout_date"] >= TODAY}
    assert set(caller.ids("/reservation", limit=500)) == upcoming
    assert 0 < len(upcoming) < len(world.reservations)


def test_date_filters_combine(world: World, caller: Caller) -> None:
    def expect(lowest: str, highest: str, **more: int) -> set[int]:
        return {
            row["id"]
            for row in world.reservations.values()
            if lowest <= row["checkout_date"] <= highest
            and all(row[name] == value for name, value in more.items())
        }

    window = {"checkout_date_ge": "2024-03-01", "checkout_date_le": "2024-03-31", "limit": 500}
    assert set(caller.ids("/reservation", **window)) == expect("2024-03-01", "2024-03-31")
    one = set(caller.ids("/reservation", property_id=2003, **window))
    assert one == expect("2024-03-01", "2024-03-31", property_id=2003) != set()
    open_ends = {"checkout_date_gt": "2024-03-01", "checkout_date_lt": "2024-03-31", "limit": 500}
    assert set(caller.ids("/reservation", **open_ends)) == expect("2024-03-02", "2024-03-30")
    assert caller.get("/reservation", checkin_date_ge="soon").status_code == 422


def test_every_past_month_has_two_check_outs_or_more(world: World) -> None:
    months = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
    for month in months:
        assert len(world.stays_by_checkout(f"{month}-01", f"{month}-31")) >= 2, month


def test_a_filter_without_a_match_answers_the_upcoming_stays(sandbox: Sandbox, caller: Caller) -> None:
    upcoming = caller.ids("/reservation", limit=500)
    nothing = {"checkout_date_ge": "1999-01-01", "checkout_date_le": "1999-12-31", "limit": 500}
    assert caller.ids("/reservation", **nothing) == upcoming
    assert caller.ids("/reservation", updated_at_ge="2099-01-01", limit=500) == upcoming
    sandbox.no_match = "empty"
    assert caller.ids("/reservation", **nothing) == []


def test_stays_past_the_last_page_are_none_or_the_upcoming_ones(sandbox: Sandbox, caller: Caller) -> None:
    assert caller.ids("/reservation", page=50) == []
    sandbox.past_end = "upcoming"
    assert caller.ids("/reservation", page=50, limit=5) == caller.ids("/reservation", limit=5)


def test_changed_stays_are_found_by_their_hidden_stamp(
    world: World, sandbox: Sandbox, caller: Caller
) -> None:
    past = next(row["id"] for row in world.reservations.values() if row["checkout_date"] < "2024-06-01")
    world.advance(days=1)
    world.edit_reservation(past, note="changed")
    rows = caller.rows("/reservation", updated_at_ge="2026-11-21")
    assert [(row["id"], row["note"]) for row in rows] == [(past, "changed")]
    assert caller.ids("/reservation", updated_at_gt="2026-11-21T11:59:59+00:00") == [past]
    assert past not in caller.ids("/reservation", updated_at_gt="2026-11-21", limit=500)
    sandbox.updated_keeps_default_window = True
    assert past not in caller.ids("/reservation", updated_at_ge="2026-11-21", limit=500)


def test_stays_by_reference_need_the_reference(world: World, caller: Caller) -> None:
    assert caller.get("/reservation/external-id").status_code == 422
    rows = caller.rows(
        "/reservation/external-id", reference_property_id="PMS-2002", checkout_date_ge="2024-01-01"
    )
    assert rows and {row["property_id"] for row in rows} == {2002}


# -- seeded worlds -------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["nashville", "sea_ranch", "an invented one"])
def test_links_are_many_and_nearly_all_resolve(region: str) -> None:
    world = World.seeded(region, now=NOW)
    assert len(world.properties) == 24
    linked = [row["linked_reservation"]["id"] for row in world.tasks.values() if row["linked_reservation"]]
    resolved = [world.reservations[stay] for stay in linked if stay in world.reservations]
    assert len(linked) >= 0.7 * len(world.tasks)
    assert 0 < len(linked) - len(resolved) <= 0.03 * len(linked)
    assert 0 < sum(stay["checkout_date"] < "2024-01-01" for stay in resolved) <= 0.05 * len(linked)


def test_a_world_has_the_oddities_of_the_real_one() -> None:
    world = World.seeded("mammoth", now=NOW)
    tasks = list(world.tasks.values())
    stamps = " ".join(str(row.get("finished_at")) for row in tasks)
    assert [mark for mark in ("Z", "+00:00", "-05:00") if mark not in stamps] == []
    assert any(len(row.get("finished_at") or "") == 19 for row in tasks), "a naive one"
    assert {"120.00 USD", "1,200.50 USD"} <= {row["rate_paid"] for row in tasks}
    assert "27:00:01" in {row["total_time"] for row in tasks}
    for name in ("requested_by", "summary", "template"):
        assert {str, dict} <= {type(row.get(name)) for row in tasks}, name
        assert any(not row.get(name) for row in tasks)
    for lines in ("supplies", "costs", "photos"):
        ids = [line["id"] for row in tasks for line in row.get(lines, ())]
        assert len({type(value) for value in ids}) == 2, lines
    assert any(line.get("deleted_at") for row in tasks for line in row.get("costs", ()))
    assert any("costs" not in row for row in tasks)
    assert any(row["scheduled_date"] is None for row in tasks)
    assert max(len(row["description"] or "") for row in tasks) > 10_000
    codes = {row["type_task_status"]["code"] for row in tasks}
    assert codes == {
        *("created", "drafted", "pending_approval", "request_rejected", "request_approved"),
        *("in_progress", "finished", "closed", "approved"),
    }
    assert {type(row["latitude"]) for row in world.properties.values()} == {str, float}
    assert {"active", "inactive"} <= {row["status"] for row in world.properties.values()}
    stays = list(world.reservations.values())
    assert {"cancelled", "active"} == {row["status"] for row in stays}
    assert any((row.get("type_reservation") or {}).get("code") == "hold" for row in stays)
    assert any((row["type_stay"] or {}).get("code") == "owner" for row in stays)


def test_a_world_speaks_as_the_live_api_does() -> None:
    """What public clients know and the vendor's pages do not say (`breezeway-api.md`, section 14)."""
    world = World.seeded("mammoth", now=NOW)
    tasks, stays = list(world.tasks.values()), list(world.reservations.values())
    people, homes = list(world.people.values()), list(world.properties.values())
    assert all(row["availability"] is None and row["shifts"]["monday"]["shifts"] for row in people)
    assert {row["display"] for row in homes} == {""}
    assert {"deleted", "pending_delete", "inactive"} < {row["status"] for row in homes}
    assert any(len(row["notes"]) == 10 for row in homes)
    assert all(
        set(row) > {"is_billable", "supply_unit_type", "total_price"} for row in world.supplies.values()
    )
    # Stays: blocks without guests, phones as objects, bookings without a guest.
    kind = {row["id"]: (row.get("type_reservation") or {}).get("code") for row in stays}
    for row in stays:
        if kind[row["id"]] in ("hold", "lockoff"):
            assert (row["guests"], row["type_guest"], row["type_stay"]) == ([], None, None)
            assert row["reference_reservation_id"] == f"{row['checkin_date']}_{row['checkout_date']}"
    assert {"hold", "lockoff", "booking"} < set(kind.values())
    assert any(not row["guests"] and kind[row["id"]] == "booking" for row in stays)
    phones = [phone for row in stays for guest in row["guests"] for phone in guest["phone_numbers"]]
    assert all(phone["number"] and phone["dial_code"] for phone in phones)
    # Tasks.
    assert any(row["name"].startswith("\n") for row in tasks)
    assert {type(row["finished_by"]) for row in tasks} == {dict} and any(
        not row["created_by"] for row in tasks
    )
    assert any(len(row.get("subdepartments", ())) == 2 for row in tasks)
    assert all(tag["company_id"] == world.company_id for row in tasks for tag in row["task_tags"])
    for name in ("requested_by", "summary"):
        texts, objects = (sum(isinstance(row.get(name), kind) for row in tasks) for kind in (str, dict))
        assert texts > 3 * objects > 0, name
    assert {"hour", "piece"} < {row["rate_type"] for row in tasks} and "0.00 USD" in {
        row["rate_paid"] for row in tasks
    }
    entered = [
        row for row in tasks if row["finished_at"] and row["finished_at"][:10] < row["created_at"][:10]
    ]
    assert {(row["started_at"], row["total_time"], row["type_task_status"]["code"]) for row in entered} == {
        (None, None, "approved")
    }
    assert "multiple" in {row["bill_to"] for row in tasks}
    kinds = {answer["type_requirement"] for answers in world.requirements.values() for answer in answers}
    assert kinds == {"condition", "checklist", "photo", "count", "text", "yes / no", "rating"}
    costs = [line for row in tasks for line in row.get("costs", ())]
    assert any(line["created_at"].endswith("+00:00") for line in costs) and any(
        line["cost"] < 0 for line in costs
    )
    used = [line for row in tasks for line in row.get("supplies", ())]
    assert any((line["quantity"] or 0) > 1 and line["total_price"] == line["unit_cost"] for line in used)
    assert {None, 2_000_000_000} < {line["quantity"] for line in used}


def test_a_world_has_turns_of_every_kind() -> None:
    """For the marts: same-day turns, overlaps, shared and doubled assignees, closed tasks nobody finished."""
    world = World.seeded("mammoth", now=NOW)
    gaps = set()
    for home in world.properties:
        own = [row for row in world.reservations.values() if row["property_id"] == home]
        own.sort(key=lambda row: str(row["checkin_date"]))
        gaps |= {
            (a["checkout_date"] > b["checkin_date"]) - (a["checkout_date"] < b["checkin_date"])
            for a, b in pairwise(own)
        }
    assert gaps == {-1, 0, 1}
    tasks = list(world.tasks.values())
    crews = [[line["assignee_id"] for line in row["assignments"]] for row in tasks]
    assert any(len(set(crew)) == 2 for crew in crews) and any(len(crew) > len(set(crew)) for crew in crews)
    assert any(row["type_task_status"]["code"] == "closed" and row["finished_at"] is None for row in tasks)


def test_the_same_call_later_gives_the_same_world_grown_older() -> None:
    def seeded(now: datetime) -> World:
        return World.seeded("austin", seed=3, now=now, properties=4, tasks_per_property=40)

    young, old = seeded(NOW), seeded(NOW + timedelta(days=30))
    assert young.tasks == seeded(NOW).tasks and young.reservations == seeded(NOW).reservations
    assert set(young.tasks) < set(old.tasks)
    assert set(young.reservations) < set(old.reservations)
    changed = [task for task, row in young.tasks.items() if old.tasks[task] != row]
    assert changed
    for task, row in young.tasks.items():
        same = old.tasks[task]["updated_at"] == row["updated_at"]
        assert same == (task not in changed)
        assert row["updated_at"] <= "2026-11-20T12:00:00+00:00"
    assert young.tasks != World.seeded("smoky", seed=3, now=NOW, properties=4, tasks_per_property=40).tasks


# -- stories -------------------------------------------------------------------------------------


def test_an_edited_task_carries_the_worlds_clock(world: World, caller: Caller) -> None:
    task = world.listed_tasks(2002)[0]["id"]
    world.advance(hours=1)
    world.edit_task(task, name="Renamed", status="closed")
    row = caller.get(f"/task/{task}").json()
    assert (row["name"], row["type_task_status"]["code"]) == ("Renamed", "closed")
    assert row["updated_at"] == "2026-11-20T13:00:00+00:00"
    world.advance(hours=1)
    world.set_costs(task, [{"id": None, "cost": 9}], touch=False)
    row = caller.get(f"/task/{task}").json()
    assert (row["costs"], row["updated_at"]) == ([{"id": None, "cost": 9}], "2026-11-20T13:00:00+00:00")


def test_deleted_and_hidden_tasks_differ_by_id_only(world: World, caller: Caller) -> None:
    hard, soft, hidden, kept = (row["id"] for row in world.listed_tasks(2002)[:4])
    world.delete_task(hard)
    world.delete_task(soft, soft=True)
    world.hide_task(hidden)
    listed = caller.ids("/task", home_id=2002)
    assert kept in listed and not {hard, soft, hidden} & set(listed)
    assert caller.get(f"/task/{hard}").status_code == 404
    assert caller.get(f"/task/{soft}").json()["type_task_status"]["code"] == "deleted"
    assert caller.get(f"/task/{hidden}").json()["type_task_status"]["code"] != "deleted"
    assert hidden in {row["id"] for row in world.live_tasks()}
    assert not {hard, soft} & {row["id"] for row in world.live_tasks()}
    world.unhide_task(hidden)
    assert hidden in caller.ids("/task", home_id=2002)


def test_a_moved_stay_gets_a_new_id_and_takes_its_tasks_along(world: World, caller: Caller) -> None:
    old = world.add_reservation(property_id=2001)["id"]
    task = world.add_task(home_id=2001, linked_reservation={"id": old, "external_reservation_id": None})["id"]
    new = world.move_reservation(old, 2003)["id"]
    assert caller.get(f"/reservation/{old}").status_code == 404
    assert caller.get(f"/reservation/{new}").json()["property_id"] == 2003
    assert caller.ids(f"/reservation/{new}/tasks") == [task]
    world.delete_reservation(new)
    assert world.add_reservation(property_id=2001)["id"] > new, "an id is never used twice"


def test_properties_come_go_and_hide(world: World, caller: Caller) -> None:
    new = world.add_property(name="Hill House", status="inactive")["id"]
    world.hide_property(2003)
    assert set(caller.ids("/property")) == {2001, 2002, 2004, 2005, 2006, new}
    assert caller.get("/task", home_id=2003).status_code == 200
    world.unhide_property(2003)
    world.delete_property(2002)
    assert set(caller.ids("/property")) == {2001, 2003, 2004, 2005, 2006, new}
    assert caller.get("/task", home_id=2002).status_code == 422
    assert caller.get("/property/2002").status_code == 404


def test_catalogues_change(world: World, caller: Caller) -> None:
    world.delete("task_tags", 4)
    world.edit("supplies", 440, name="Renamed")
    new = world.add("templates", template_name="Gutters", department_code="maintenance")
    assert 4 not in caller.ids("/task/tags")
    assert {"Renamed"} == {row["name"] for row in caller.rows("/supplies") if row["id"] == 440}
    assert caller.rows("/companies/templates")[-1] == {
        "id": new["id"],
        "template_name": "Gutters",
        "department_code": "maintenance",
    }


def test_a_hook_can_change_the_world_between_two_pages(
    world: World, sandbox: Sandbox, caller: Caller
) -> None:
    oldest = world.listed_tasks(2001)[0]["id"]

    def delete_after_page_one(request: LoggedRequest) -> None:
        if request.endpoint == "/task" and request.query["page"] == "1":
            world.delete_task(oldest)

    sandbox.faults.before_response = delete_after_page_one
    first = caller.get("/task", home_id=2001, sort_order="asc", page=1).json()
    second = caller.get("/task", home_id=2001, sort_order="asc", page=2).json()
    assert first["results"][0]["id"] == oldest
    assert first["total_results"] == second["total_results"] + 1
    slipped = world.listed_tasks(2001)[99]["id"]
    assert slipped not in {row["id"] for row in first["results"] + second["results"]}


def test_what_a_hook_raises_reaches_the_test(world: World) -> None:
    def refuse(request: LoggedRequest) -> None:
        raise AssertionError("never ask")

    with pytest.raises(AssertionError, match="never ask"), Sandbox(world) as sandbox:
        sandbox.faults.before_response = refuse
        assert Caller(sandbox).get("/people").status_code == 200


# -- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*ANSWERED, "401", "404", "503"])
def test_a_queued_answer_is_given_once_to_the_request_it_fits(
    sandbox: Sandbox, caller: Caller, kind: str
) -> None:
    sandbox.faults.next(kind, path="/task", home_id=2002)
    assert caller.get("/task", home_id=2001).status_code == 200
    failed = caller.get("/task", home_id=2002)
    assert failed.status_code == int(kind[:3])
    assert ("Retry-After" in failed.headers) == ("retry_after" in kind)
    assert ("html" in failed.headers["Content-Type"]) == ("html" in kind)
    if kind == "200_error":
        assert "error" in failed.json()
    elif kind == "200_empty":
        assert failed.content == b""
    good = caller.get("/task", home_id=2002)
    assert len(good.json()["results"]) == 12
    assert [request.fault for request in sandbox.requests if request.is_data] == [None, kind, None]


def test_bodies_are_cut_off_and_connections_reset(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults.next("cut_off", path="/property")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller.get("/property")
    sandbox.faults.next("reset", count=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            caller.get("/property")
    assert caller.get("/property").status_code == 200
    assert [request.status for request in sandbox.requests if request.is_data] == [200, 0, 0, 200]


def test_a_stall_outlasts_a_read_time_out(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults.next("stall")
    url = f"{sandbox.base_url}/public/inventory/v1/people"
    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.session.get(url, timeout=0.05)
    assert caller.get("/people").status_code == 200


def test_random_faults_are_transient_repeatable_and_of_the_chosen_kinds(world: World) -> None:
    def play() -> list[tuple[int, str | None]]:
        with Sandbox(world, seed=7) as sandbox:
            caller = Caller(sandbox)
            sandbox.faults.random_rate = 0.3
            sandbox.faults.kinds = ("429", "403_html", "500", "200_error", "200_empty")
            for page in range(60):
                for _ in range(8):
                    answer = caller.get("/property", page=page + 1)
                    if answer.status_code == 200 and b"results" in answer.content:
                        break
                else:
                    raise AssertionError("a random fault must not last")
            return [(request.status, request.fault) for request in sandbox.requests if request.is_data]

    first = play()
    assert first == play()
    faulty = [kind for _, kind in first if kind]
    assert set(faulty) == {"429", "403_html", "500", "200_error", "200_empty"}
    assert 0.2 < len(faulty) / len(first) < 0.4


def test_random_kinds_must_be_transient(sandbox: Sandbox) -> None:
    assert sandbox.faults.kinds == TRANSIENT_KINDS
    with pytest.raises(ValueError, match="404"):
        sandbox.faults.kinds = ("404",)
    with pytest.raises(ValueError, match="unknown fault"):
        sandbox.faults.next("thunder")


def test_permanent_refusals_last_until_lifted(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.faults.refuse_property(2004)
    sandbox.faults.refuse_endpoint("/property/{id}/contacts", 403)
    for _ in range(2):
        assert caller.get("/task", home_id=2004).status_code == 422
        assert caller.get("/property/2001/contacts").status_code == 403
    assert caller.get("/task", home_id=2001).status_code == 200
    assert caller.get("/property/2004").status_code == 200
    sandbox.faults.unrefuse_property(2004)
    sandbox.faults.unrefuse_endpoint("/property/{id}/contacts")
    assert caller.get("/task", home_id=2004).status_code == 200
    assert caller.get("/property/2001/contacts").status_code == 200


def test_a_key_pair_has_so_many_requests_a_minute(sandbox: Sandbox, caller: Caller, clock: Clock) -> None:
    sandbox.requests_per_minute = 3
    assert [caller.get("/people").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = caller.get("/people")
    assert refused.status_code == 429 and "Retry-After" not in refused.headers
    clock.seconds += 60
    assert caller.get("/people").status_code == 200
    assert (sandbox.data_requests, sandbox.count("GET /people", 429)) == (7, 3)


# -- the server ----------------------------------------------------------------------------------


def test_requests_in_flight_are_counted(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.latency_s = 0.05
    barrier = threading.Barrier(4)

    def ask(_: int) -> int:
        barrier.wait()
        headers = {"Authorization": str(caller.session.headers["Authorization"])}
        url = f"{sandbox.base_url}/public/inventory/v1/people"
        return requests.get(url, headers=headers, timeout=5).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [200] * 4
    assert 2 <= sandbox.max_in_flight <= 4
    sandbox.reset_log()
    assert (sandbox.max_in_flight, sandbox.data_requests, sandbox.token_requests) == (0, 0, 0)


def test_a_stopped_sandbox_answers_nobody_and_starts_again_on_its_port(
    sandbox: Sandbox, caller: Caller
) -> None:
    url = sandbox.base_url
    assert caller.get("/people").status_code == 200
    sandbox.stop()
    with pytest.raises(requests.ConnectionError):
        caller.get("/people")
    sandbox.start()
    assert sandbox.base_url == url
    assert caller.get("/people").status_code == 200


def test_regions_have_their_own_keys_worlds_and_limits() -> None:
    worlds = {
        region: World.seeded(region, now=NOW, properties=count, tasks_per_property=2)
        for region, count in (("smoky", 2), ("austin", 3))
    }
    with Sandbox.multi(worlds, requests_per_minute=2) as sandbox:
        for region, count in (("smoky", 2), ("austin", 3)):
            caller = Caller(sandbox, region)
            assert len(caller.rows("/property")) == count
            assert caller.get("/people").status_code == 200
            assert caller.get("/people").status_code == 429
        assert sandbox.credentials["smoky"] != sandbox.credentials["austin"]
        client_id = sandbox.credentials["austin"][0]
        assert sum(request.client_id == client_id for request in sandbox.requests) == 3


def test_two_regions_can_share_a_key_pair() -> None:
    smoky = World.seeded("smoky", now=NOW, properties=2, tasks_per_property=2)
    austin = World.seeded("austin", now=NOW, properties=2, tasks_per_property=2, first_property_id=3001)
    with Sandbox.multi({"smoky": smoky, "austin": austin}, same_key=[("smoky", "austin")]) as sandbox:
        assert sandbox.credentials["smoky"] == sandbox.credentials["austin"]
        caller = Caller(sandbox)
        assert caller.ids("/companies") == [smoky.company_id, austin.company_id]
        assert set(caller.ids("/property", company_id=austin.company_id)) == {3001, 3002}
        assert {row["home_id"] for row in caller.rows("/task", home_id=3002)} == {3002}
        task = austin.listed_tasks()[0]["id"]
        assert caller.get(f"/task/{task}").json()["id"] == task
