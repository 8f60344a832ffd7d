"""The switches of the stand-in API: what each changes, in which answers, and that it can be turned off again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.deviations import KINDS
from breezeway_source.sandbox.deviations.rows import DAYS, NAMELESS
from breezeway_source.sandbox.deviations.shapes import EMPTY, SHAPES

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)
HOME = 2001


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    world = World.seeded("smoky", now=NOW, properties=6, tasks_per_property=12)
    with Sandbox(world, token_limit=False, page_totals="both") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.reset_log()
    yield running
    running.behave()


@pytest.fixture(scope="module")
def session(running: Sandbox) -> requests.Session:
    pair = dict(zip(("client_id", "client_secret"), running.credentials["smoky"], strict=True))
    token = requests.post(f"{running.base_url}/public/auth/v1/", json=pair, timeout=5).json()["access_token"]
    made = requests.Session()
    made.headers["Authorization"] = f"JWT {token}"
    return made


class Asker:
    """Asks the sandbox; follows redirects only when told."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox, self.session = sandbox, session

    def get(self, path: str, *, follow: bool = False, **query: object) -> requests.Response:
        url = f"{self.sandbox.base_url}/public/inventory/v1{path}"
        params = {key: str(value) for key, value in {"sort_order": "asc", **query}.items()}
        return self.session.get(url, params=params, timeout=10, allow_redirects=follow)

    def ids(self, path: str, **query: object) -> list[int]:
        body = self.get(path, **query).json()
        return [row["id"] for row in (body if isinstance(body, list) else body["results"])]


@pytest.fixture
def api(sandbox: Sandbox, session: requests.Session) -> Asker:
    return Asker(sandbox, session)


# -- when and where ------------------------------------------------------------------------------


def test_it_is_on_for_its_paths_its_queries_and_its_turns_and_can_be_ended(
    sandbox: Sandbox, api: Asker
) -> None:
    refused = sandbox.deviate("refused", "/people", where={"status": "active"}, after=1, times=2)
    seen = [api.get("/people", status="active").status_code for _ in range(4)]
    assert seen == [200, 403, 403, 200]
    assert api.get("/people", status="invited").status_code == api.get("/supplies").status_code == 200
    assert refused.touched == 2
    lasting = sandbox.deviate("refused", f"/property/{HOME}", status=410)
    assert api.get(f"/property/{HOME}").status_code == 410
    assert api.get(f"/property/{HOME + 1}").status_code == 200
    lasting.end()
    assert api.get(f"/property/{HOME}").status_code == 200


def test_an_unknown_deviation_is_named_with_the_known_ones(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="page_ecco.*page_echo"):
        sandbox.deviate("page_ecco")


# -- pages ---------------------------------------------------------------------------------------


def page(api: Asker, number: int, **query: object) -> Any:
    return api.get("/property", limit=4, page=number, **query).json()


def test_totals_may_be_missing_wrong_changing_or_spelled(sandbox: Sandbox, api: Asker) -> None:
    def totals(name: str, number: int = 1, **options: Any) -> tuple[Any, Any]:
        sandbox.behave()
        sandbox.deviate(name, **options)
        body = [page(api, n) for n in range(1, number + 1)][-1]
        return body.get("total_pages", "-"), body.get("total_results", "-")

    assert totals("totals_off") == ("-", "-")
    assert totals("totals_wrong", by=3) == (3, 9)
    assert [totals("totals_changing", n)[1] for n in (1, 2)] == [7, 6]
    assert totals("totals_spelled", form="text") == ("2", "6")
    assert totals("totals_spelled", form="null") == (None, None)
    assert totals("totals_spelled", form="results_only") == ("-", 6)
    assert totals("totals_spelled", form="pages_only") == (2, "-")


def test_pages_may_repeat_be_lost_or_begin_elsewhere(sandbox: Sandbox, api: Asker) -> None:
    first, second = api.ids("/property", limit=4), api.ids("/property", limit=4, page=2)
    assert len(first) == 4 and len(second) == 2
    for name, options, number, ids, said in (
        ("page_echo", {}, 2, first, 2),
        ("page_echo", {"says": "given"}, 2, first, 1),
        ("last_page_repeated", {}, 3, second, 3),
        ("past_end", {"form": "first"}, 3, first, 3),
        ("pages_from_zero", {}, 1, second, 2),
        ("page_lost", {}, 2, [], 2),
        ("rows_missing", {}, 1, first[:-1], 1),
        ("row_doubled", {}, 1, [first[0], first[0], *first[2:]], 1),
        ("page_numbered_wrong", {}, 2, second, 3),
    ):
        sandbox.behave()
        deviation = sandbox.deviate(name, "/property", **options)  # type: ignore[arg-type]
        body = page(api, number)
        assert ([row["id"] for row in body["results"]], body["page"]) == (ids, said), name
        assert deviation.touched or name == "last_page_repeated", name
    for form in ("400", "404", "410", "422"):
        sandbox.behave()
        sandbox.deviate("past_end", form=form)
        assert (api.get("/property", limit=4, page=2).status_code) == 200
        assert (api.get("/property", limit=4, page=3).status_code) == int(form)


def test_a_limit_may_be_clamped_or_echoed_wrong(sandbox: Sandbox, api: Asker) -> None:
    for says, limit in (("given", 2), ("asked", 4), ("nothing", None)):
        sandbox.behave()
        sandbox.deviate("limit_clamped", to=2, says=says)
        assert (len(page(api, 1)["results"]), page(api, 1).get("limit")) == (2, limit)
    sandbox.behave()
    sandbox.deviate("limit_echoed_wrong", limit=7)
    assert (len(page(api, 1)["results"]), page(api, 1)["limit"]) == (4, 7)


def test_order_may_change_and_be_ignored(sandbox: Sandbox, api: Asker) -> None:
    ordered = api.ids("/property")
    sandbox.deviate("sort_ignored")
    assert api.ids("/property") == ordered[::-1]
    sandbox.behave()
    sandbox.deviate("ties_shuffled")
    seen = {tuple(api.ids("/property")) for _ in range(5)}
    assert len(seen) > 1 and {tuple(sorted(ids)) for ids in seen} == {tuple(sorted(ordered))}
    sandbox.behave()
    sandbox.deviate("ties_shuffled", all_tied=False)
    assert api.ids("/property") == ordered, "no two of them were made at one time"


def test_filters_may_be_ignored_or_a_day_off(sandbox: Sandbox, api: Asker) -> None:
    world = sandbox.world
    day = sorted(stay["checkout_date"] for stay in world.reservations.values())[20]
    window = {"checkout_date_ge": day, "checkout_date_le": day, "limit": 500}
    on_the_day = api.ids("/reservation", **window)
    assert on_the_day
    sandbox.deviate("filters_shifted")
    assert not set(on_the_day) & set(api.ids("/reservation", **window))
    everything = {"home_id": HOME, "limit": 500}
    days = {**everything, "updated_at": "2026-11-01,2026-11-20"}
    fewer = api.ids("/task", **days)
    sandbox.behave()
    assert len(fewer) <= len(api.ids("/task", **days)) < len(api.ids("/task", **everything))
    sandbox.deviate("filters_ignored")
    assert api.ids("/task", **days) == api.ids("/task", **everything)
    assert len(api.ids("/reservation", **window)) == min(500, len(world.reservations))
    sandbox.behave()
    sandbox.deviate("filters_ignored", names=("status",))
    assert api.ids("/people", status="invited") == api.ids("/people", status="active")
    sandbox.behave()
    other = api.ids("/task", home_id=HOME + 1)
    sandbox.deviate("taken_as", "/task", home_id=HOME)
    assert api.ids("/task", home_id=HOME + 1) == api.ids("/task", home_id=HOME) != other
    sandbox.behave()
    sandbox.deviate("upcoming_instead")
    assert all(
        world.reservations[i]["checkout_date"] >= world.today for i in api.ids("/reservation", **window)
    )


def test_something_may_happen_between_two_requests(sandbox: Sandbox, api: Asker) -> None:
    seen: list[int] = []
    sandbox.deviate("meanwhile", "/property", after=1, times=1, happens=lambda: seen.append(1))
    for expected in (0, 1, 1):
        page(api, 1)
        assert len(seen) == expected


# -- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", EMPTY)
def test_nothing_is_said_in_many_forms(sandbox: Sandbox, api: Asker, form: str) -> None:
    said = sandbox.deviate("empty", form=form)
    assert api.ids("/property"), "a list with rows stays"
    told = api.get("/property", page=9)
    assert said.touched == 1
    assert told.content != b"" or told.status_code == 204 or form == "empty_body"
    sandbox.behave()
    sandbox.deviate("emptied", form=form)
    assert not api.get("/property").content or not (api.get("/property").json() or {"results": None}).get(
        "results"
    )  # type: ignore[union-attr]


@pytest.mark.parametrize("form", SHAPES)
def test_rows_come_in_other_shapes(sandbox: Sandbox, api: Asker, form: str) -> None:
    shaped = sandbox.deviate("shaped", "/property/{id}/contacts", "/supplies", form=form)
    api.get(f"/property/{HOME + 1}/contacts"), api.get("/supplies")
    assert shaped.touched


def test_an_empty_catalogue_an_error_beside_and_ids_as_text(sandbox: Sandbox, api: Asker) -> None:
    sandbox.deviate("catalogue_empty", "/supplies", "/people")
    assert (
        api.ids("/supplies") == api.ids("/people") == [] and api.get("/supplies").json()["total_results"] == 0
    )
    sandbox.behave()
    sandbox.deviate("error_beside", error="half")
    assert api.get("/property").json()["error"] == "half"
    sandbox.behave()
    sandbox.deviate("ids_as_text")
    row = api.get("/property").json()["results"][1]
    assert row["id"] == str(HOME + 1) and row["company_id"] == str(sandbox.world.company_id)


# -- records -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", NAMELESS)
def test_a_record_may_have_no_usable_id(sandbox: Sandbox, api: Asker, form: str) -> None:
    true = len(api.ids("/property"))
    sandbox.deviate("nameless", form=form)
    rows = api.get("/property").json()["results"]
    assert len(rows) == true and rows[0].get("id") != HOME
    sandbox.behave()
    sandbox.deviate("stranger", form=form)
    assert len(api.get("/property").json()["results"]) == true + 1


@pytest.mark.parametrize("form", DAYS)
def test_days_are_spelled_otherwise(sandbox: Sandbox, api: Asker, form: str) -> None:
    sandbox.deviate("dates", "/reservation", form=form)
    rows = api.get("/reservation").json()["results"]
    assert any(row["checkout_date"] != sandbox.world.reservations[row["id"]]["checkout_date"] for row in rows)


def test_values_may_be_absurd_and_keys_unknown(sandbox: Sandbox, api: Asker) -> None:
    for form in ("huge", "long_int", "deep", "nul", "surrogate", "nan"):
        sandbox.behave()
        assert sandbox.deviate("absurd", "/property", field="display", form=form)
        assert len(api.get("/property").content) > 1000
    sandbox.behave()
    sandbox.deviate("more_keys", "/property", form="many")
    assert len(api.get("/property").json()["results"][0]) > 1700
    sandbox.behave()
    sandbox.deviate("fields", "/property", only=1, display="other")
    assert [row["display"] == "other" for row in api.get("/property").json()["results"]][:3] == [
        False,
        True,
        False,
    ]


def test_tasks_and_stays_may_say_less(sandbox: Sandbox, api: Asker) -> None:
    query = {"home_id": HOME, "limit": 500}
    for form, said in (("null", {None}), ("absent", {"-"})):
        sandbox.behave()
        sandbox.deviate("money_unsaid", "/task", form=form)
        assert {row.get("costs", "-") for row in api.get("/task", **query).json()["results"]} == said
    sandbox.behave()
    sandbox.deviate("amounts", "/task", text="(12.00)")
    tasks = api.get("/task", **query).json()["results"]
    assert {line["cost"] for row in tasks for line in row.get("costs") or ()} == {"(12.00)"}
    sandbox.behave()
    sandbox.deviate("external_links", "/task")
    links = [row["linked_reservation"] for row in api.get("/task", **query).json()["results"]]
    assert any(link and list(link) == ["external_reservation_id"] for link in links)
    sandbox.behave()
    sandbox.deviate("said_deleted", "/reservation")
    sandbox.deviate("outside_window", "/reservation")
    rows = api.get("/reservation", limit=3).json()["results"]
    assert len(rows) == 4 and rows[0]["status"] == "deleted" and rows[1]["checkout_date"] < "2026-01-01"


# -- answers -------------------------------------------------------------------------------------


def test_refusals_have_their_forms(sandbox: Sandbox, api: Asker) -> None:
    for form, status in (("json", 401), ("html", 403), ("fields", 422), ("empty", 404)):
        sandbox.behave()
        sandbox.deviate("refused", "/people", status=status, form=form)
        told = api.get("/people")
        assert told.status_code == status
        assert (b"<html" in told.content, b'"fields"' in told.content, not told.content) == (
            form == "html",
            form == "fields",
            form == "empty",
        )
    sandbox.behave()
    sandbox.deviate("busy", times=1)
    told = api.get("/people")
    assert (told.status_code, told.json()["details"]["retry_after"]) == (429, 1)
    assert api.get("/people").status_code == 200


def test_a_record_may_be_gone_in_three_forms(sandbox: Sandbox, api: Asker) -> None:
    task, stay = next(iter(sandbox.world.tasks)), next(iter(sandbox.world.reservations))
    for form in ("404", "410"):
        sandbox.behave()
        sandbox.deviate("gone", "/task/{id}", form=form)
        assert api.get(f"/task/{task}").status_code == int(form)
    sandbox.behave()
    sandbox.deviate("gone", form="deleted")
    assert api.get(f"/task/{task}").json()["type_task_status"]["code"] == "deleted"
    assert api.get(f"/reservation/{stay}").json()["status"] == "deleted"


def test_redirects_lead_to_the_same_answer_or_elsewhere(sandbox: Sandbox, api: Asker) -> None:
    true = api.get("/property", limit=2).json()
    sandbox.deviate("redirected", form="same")
    assert api.get("/property", limit=2).status_code == 302
    assert api.get("/property", limit=2, follow=True).json() == true
    for form, start in (("bare", "/public"), ("other_host", "http://localhost:1"), ("circle", "/public")):
        sandbox.behave()
        sandbox.deviate("redirected", form=form)
        where = api.get("/property", limit=2).headers["Location"]
        assert where.startswith(start) and ("limit=2" in where) == (form != "bare")


def test_an_answer_may_drip_and_lack_its_date_or_type(sandbox: Sandbox, api: Asker) -> None:
    true = api.get("/task/tags").content
    sandbox.deviate("drip", "/task/tags", "/auth", pause_s=0.001)
    began = time.monotonic()
    assert api.get("/task/tags").content == true
    assert time.monotonic() - began >= 0.001 * len(true)
    sandbox.behave()
    sandbox.deviate("undated")
    sandbox.deviate("typed", mark=b"\xef\xbb\xbf")
    told = api.get("/task/tags")
    assert "Date" not in told.headers and told.headers["Content-Type"] == "text/plain"
    assert json.loads(told.content.decode("utf-8-sig")) == json.loads(true)


def test_a_list_may_be_cut_whatever_page_is_asked_for(sandbox: Sandbox, api: Asker) -> None:
    true = api.get("/task/tags").json()
    sandbox.deviate("in_pages", "/task/tags", rows=3)
    assert api.get("/task/tags", page=2).json()["results"] == true[3:6] != []
    sandbox.behave()
    sandbox.deviate("cut", "/task/tags", "/property", to=2)
    assert api.get("/task/tags", page=2).json() == true[:2] != true
    assert len(api.get("/property", page=1).json()) == 2


def test_every_kind_has_a_test() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [name for name in KINDS if f'"{name}"' not in source] == []
