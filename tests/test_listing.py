"""The judge of "whole": every kind of evidence an answer can give, on lists longer than a page of both families."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from breezeway_source.api.listing import Listing, Reader
from breezeway_source.errors import ApiError

Body = Any


@dataclass
class Api:
    """A list of `rows` rows in pages; `change` may turn a page into what a test wants."""

    rows: int = 250
    totals: bool = False
    change: Callable[[dict[str, Any], dict[str, Any]], Body] | None = None
    gone: set[int] = field(default_factory=set)
    asked: list[tuple[int, str]] = field(default_factory=list)

    def ids(self, order: str) -> list[int]:
        ids = [n for n in range(1, self.rows + 1) if n not in self.gone]
        return ids if order == "asc" else ids[::-1]

    def __call__(self, params: dict[str, Any]) -> Body:
        self.asked.append((params["page"], params["sort_order"]))
        return self.answer(params)

    def answer(self, params: dict[str, Any], ids: list[int] | None = None) -> Body:
        ids = self.ids(params["sort_order"]) if ids is None else ids
        limit, page = params["limit"], params["page"]
        body = {"limit": limit, "page": page, "results": self.page(ids, limit, page)}
        if self.totals:
            body |= {"total_results": len(ids), "total_pages": -(-len(ids) // limit)}
        return self.change(params, body) if self.change else body

    @staticmethod
    def page(ids: list[int], limit: int, page: int) -> list[dict[str, Any]]:
        return [{"id": n} for n in ids[(page - 1) * limit : page * limit]]

    def read(self, limit: int = 100, **how: Any) -> Listing:
        return Reader(self, limit, **how).read()


def ids(listing: Listing) -> set[Any]:
    return {row["id"] for row in listing.rows}


def all_of(api: Api) -> set[int]:
    return set(api.ids("asc"))


# --- undisturbed ---


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("totals", [True, False])
def test_an_undisturbed_list_is_whole(rows: int, totals: bool) -> None:
    api = Api(rows, totals)
    listing = api.read()
    assert (ids(listing), listing.whole, listing.why) == (all_of(api), True, "")
    assert listing.proven is (totals or rows > 1)
    if totals:
        # A total may be the length of a page, or an older count: what is behind a full page is asked for.
        pages = rows // 100 + 1
        assert len(api.asked) == pages, "a list that is well costs no request more"


def test_a_list_without_totals_is_read_again_from_its_other_end() -> None:
    api = Api(250)
    assert api.read().proven
    assert [order for _, order in api.asked] == ["asc"] * 3 + ["desc"] * 3


@pytest.mark.parametrize("rows", [2000, 2300, 4500])
def test_a_total_that_may_be_where_counting_ends_is_looked_at_from_the_other_end(rows: int) -> None:
    def capped(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        ids = api.ids(asked["sort_order"])[:2000]
        return {**body, "total_results": 2000, "results": api.page(ids, asked["limit"], asked["page"])}

    api = Api(rows, change=capped)
    listing = api.read()
    assert (listing.whole, len(listing.rows)) == (rows == 2000, min(rows, 4000))
    assert len(api.asked) <= (22 if rows == 2000 else 43)


def test_newest_first_may_be_asked_for() -> None:
    api = Api(250, totals=True)
    assert api.read(oldest_first=False).proven
    assert {order for _, order in api.asked} == {"desc"}


@pytest.mark.parametrize("rows", [0, 7, 100, 300])
def test_a_bare_array_is_everything(rows: int) -> None:
    listing = Api(rows, change=lambda asked, body: [{"id": n} for n in range(1, rows + 1)]).read()
    assert (len(listing.rows), listing.whole, listing.proven) == (rows, True, True)


def test_bare_arrays_may_be_pages() -> None:
    api = Api(130, change=lambda asked, body: body["results"])
    listing = api.read()
    assert (ids(listing), listing.proven) == (all_of(api), True)
    repeated = Api(330, change=lambda asked, body: api.page(api.ids("asc"), 100, 1))
    assert not repeated.read().why, "one that comes whole whatever is asked holds everything"


# --- evidence ---


def echo(api: Api, answered: int = 1, says: bool = False) -> Callable[..., Body]:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if asked["page"] < 2:
            return body
        rows = api.page(api.ids(asked["sort_order"]), asked["limit"], answered)
        return {**body, "results": rows} | ({"page": answered} if says else {})

    return change


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("rows", [130, 250, 1200])
def test_page_one_for_every_page_is_not_taken_for_the_list(rows: int, says: bool, totals: bool) -> None:
    api = Api(rows, totals)
    api.change = echo(api, says=says)
    listing = api.read()
    assert not listing.whole and listing.why
    assert len(ids(listing)) >= 100
    assert len(api.asked) <= 20


def test_one_page_answered_twice_is_noticed_and_the_next_ones_are_read() -> None:
    api = Api(450)
    broken = iter([True])

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if asked["page"] == 2 and next(broken, False):
            return {**body, "results": api.page(api.ids("asc"), 100, 1)}
        return body

    api.change = change
    listing = api.read()
    assert (ids(listing), listing.whole) == (all_of(api), True), "the readings after it agree"


@pytest.mark.parametrize("status", [400, 404, 410, 422])
@pytest.mark.parametrize("rows", [100, 200])
def test_a_refusal_behind_the_last_page_ends_a_list_without_totals(rows: int, status: int) -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if not body["results"]:
            raise ApiError("no such page", status=status, permanent=True)
        return body

    api = Api(rows, change=change)
    listing = api.read()
    assert (ids(listing), listing.whole) == (all_of(api), True)
    assert api.asked[-1] == (1, "desc"), "seen from the other end, nothing is missing"


@pytest.mark.parametrize("status", [404, 403])
def test_a_page_refused_before_the_end_is_told(status: int) -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if asked["page"] == 2:
            raise ApiError("refused", status=status, permanent=True)
        return body

    for totals in (True, False):
        api = Api(250, totals, change)
        listing = api.read()
        assert not listing.whole and len(listing.rows) >= 100


def test_a_first_page_that_is_refused_and_a_later_one_in_trouble_are_errors() -> None:
    for page, permanent in ((1, True), (2, False)):

        def change(
            asked: dict[str, Any], body: dict[str, Any], page: int = page, permanent: bool = permanent
        ) -> Body:
            if asked["page"] == page:
                raise ApiError("no", status=500, permanent=permanent)
            return body

        with pytest.raises(ApiError):
            Api(250, change=change).read()


@pytest.mark.parametrize("behind", ["first", "last"])
def test_known_rows_behind_the_end_end_it(behind: str) -> None:
    api = Api(200)

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if body["results"]:
            return body
        number = 1 if behind == "first" else 2
        return {**body, "results": api.page(api.ids(asked["sort_order"]), 100, number)}

    api.change = change
    listing = api.read()
    assert (ids(listing), listing.whole) == (all_of(api), True)


def test_an_order_that_is_not_heeded_shows_no_other_end() -> None:
    api = Api(200)

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        rows = api.page(api.ids("asc"), 100, asked["page"])
        if not rows:
            raise ApiError("no such page", status=404, permanent=True)
        return {**body, "results": rows}

    api.change = change
    listing = api.read()
    assert len(listing.rows) == 200 and not listing.whole and "order" in listing.why


@pytest.mark.parametrize("totals", [True, False])
def test_rows_that_change_places_cost_none_in_silence(totals: bool) -> None:
    dice = random.Random(7)
    api = Api(2400, totals)

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        mixed = api.ids("asc")
        dice.shuffle(mixed)
        return {**body, "results": api.page(mixed, asked["limit"], asked["page"])}

    api.change = change
    listing = api.read()
    assert not listing.whole and 1600 < len(listing.rows) < 2400
    small = Api(130, totals)
    small.change = lambda asked, body: {
        **body,
        "results": small.page(dice.sample(small.ids("asc"), 130), asked["limit"], asked["page"]),
    }
    listing = small.read()
    assert listing.whole is (len(listing.rows) == 130), "together the readings have as many as the list"


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("page", [1, 2])
def test_a_row_deleted_while_the_list_is_read_hides_no_other(page: int, totals: bool) -> None:
    api = Api(250, totals)

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if asked["page"] == page:
            api.gone.add(3)
        return body

    api.change = change
    listing = api.read()
    assert listing.whole and all_of(api) <= ids(listing) <= all_of(api) | {3}


@pytest.mark.parametrize("totals", [{"total_results": 251}, {"total_results": 0}, {"total_results": 90}])
def test_a_total_that_is_not_the_number_of_rows_is_told_and_all_pages_are_read(totals: Any) -> None:
    api = Api(250, change=lambda asked, body: body | totals)
    listing = api.read()
    assert not listing.whole and ids(listing) == all_of(api)
    assert len(api.asked) <= 8, "what comes back the same is not asked for a third time"


def test_a_total_that_differs_between_pages_is_told() -> None:
    listing = Api(250, change=lambda asked, body: body | {"total_results": 250 + asked["page"] % 2}).read()
    assert not listing.whole and "total changed from 250 to 251" in listing.why


@pytest.mark.parametrize("form", [str, lambda n: None])
def test_totals_in_other_spellings(form: Any) -> None:
    api = Api(250, True, lambda asked, body: body | {"total_results": form(body["total_results"])})
    listing = api.read()
    assert listing.proven and ids(listing) == all_of(api)


def test_a_clamped_limit_is_adopted_and_a_nonsensical_one_told() -> None:
    api = Api(130)

    def clamp(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        limit = min(asked["limit"], 25)
        rows = api.page(api.ids(asked["sort_order"]), limit, asked["page"])
        return {"limit": limit, "page": asked["page"], "results": rows}

    api.change = clamp
    listing = api.read()
    assert (ids(listing), listing.whole) == (all_of(api), True)
    for said in ("asked", "nothing"):

        def silent(asked: dict[str, Any], body: dict[str, Any], said: str = said) -> Body:
            clamped = clamp(asked, body)
            return clamped | {"limit": asked["limit"]} if said == "asked" else {"results": clamped["results"]}

        listing = Api(130, change=silent).read()
        assert not listing.whole and len(listing.rows) > 25, said


@pytest.mark.parametrize("rows", [31, 70, 250])
@pytest.mark.parametrize("most", [30, 50])
def test_pages_cut_short_without_a_word_are_noticed_where_no_order_shows_it(rows: int, most: int) -> None:
    """No totals, no limit told, and the same first page from both ends: only page 2 tells that there is more."""

    class Cut(Api):
        def __call__(self, params: dict[str, Any]) -> Body:
            body = super().__call__(params | {"limit": min(params["limit"], most), "sort_order": "asc"})
            return {"page": body["page"], "results": body["results"]}

    api = Cut(rows)
    listing = api.read()
    assert listing.whole and ids(listing) == all_of(api)
    short = Cut(most - 1)
    assert short.read().whole and [page for page, _ in short.asked] == [1, 1, 2]


def test_a_lost_page_is_told() -> None:
    for totals in (True, False):
        lost = Api(
            250,
            totals,
            lambda asked, body: (
                {**body, "results": []} if (asked["page"], asked["sort_order"]) == (2, "asc") else body
            ),
        )
        listing = lost.read()
        assert not listing.whole or ids(listing) == all_of(lost)


def test_a_row_twice_on_a_page_instead_of_another_is_told() -> None:
    for totals in (True, False):
        api = Api(
            130,
            totals,
            lambda asked, body: (
                {**body, "results": [body["results"][0], *body["results"][:1], *body["results"][2:]]}
                if asked["page"] == 1
                else body
            ),
        )
        listing = api.read()
        assert listing.whole is (ids(listing) == all_of(api)) and listing.whole is not totals


# --- records, windows ---


@pytest.mark.parametrize("bad", [{"n": 1}, {"id": None}, {"id": ""}, {"id": "x"}, {"id": 10**30}, "text", 7])
@pytest.mark.parametrize("totals", [True, False])
def test_a_record_without_a_usable_id_costs_itself(bad: Any, totals: bool) -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        return {**body, "results": [bad if row["id"] == 1 else row for row in body["results"]]}

    for rows in (99, 130):
        listing = Api(rows, totals, change).read()
        assert (len(listing.rows), listing.nameless, listing.whole) == (rows - 1, 1, True)
    bare = Api(99, change=lambda asked, body: change(asked, body)["results"]).read()
    assert (len(bare.rows), bare.nameless, bare.whole) == (98, 1, True)


def test_rows_outside_are_left_out_and_reading_goes_on() -> None:
    api = Api(250, True)
    listing = api.read(inside=lambda row: row["id"] != 50)
    assert (len(listing.rows), listing.whole) == (249, False)
    assert "outside" in listing.why
    listing = Api(250, True).read(inside=lambda row: None if row["id"] == 50 else True)
    assert (len(listing.rows), listing.whole, listing.doubtful) == (250, True, 1)


def test_an_answer_wholly_outside_is_an_empty_one() -> None:
    api = Api(250, True)
    listing = api.read(inside=lambda row: False)
    assert (listing.rows, listing.whole, len(api.asked)) == ([], True, 1)
    listing = Api(250, True).read(inside=lambda row: False, fallback=lambda row: row["id"] > 60)
    assert not listing.whole, "these are not the rows that come when nothing matches"
    listing = Api(250).read(inside=lambda row: row["id"] % 2 == 0, fallback=lambda row: True)
    assert (len(listing.rows), listing.whole, listing.proven) == (50, True, False)
    # Its first page may be inside by chance: all of it is read, and it is no window with strays.
    api = Api(250, True)
    listing = api.read(inside=lambda row: row["id"] <= 150, fallback=lambda row: True)
    assert (len(listing.rows), listing.whole, len(api.asked)) == (150, True, 3)


def test_behind_the_end_the_answer_to_nothing_may_come() -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        return body if body["results"] else {**body, "results": [{"id": 900 + n} for n in range(100)]}

    api = Api(200, change=change)
    listing = api.read(inside=lambda row: row["id"] < 900)
    assert (ids(listing), listing.whole) == (all_of(api), True)


@pytest.mark.parametrize(("inside_by_chance", "requests"), [(0, 2), (3, 2), (100, 4)])
def test_behind_a_list_as_long_as_a_page_the_answer_to_nothing_may_come_with_its_own_total(
    inside_by_chance: int, requests: int
) -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if asked["page"] == 1:
            return body
        return {
            **body,
            "results": [{"id": 900 + n} for n in range(100)],
            "total_results": 180,
            "total_pages": 2,
        }

    api = Api(100, totals=True, change=change)
    listing = api.read(
        inside=lambda row: row["id"] < 900 + inside_by_chance, fallback=lambda row: row["id"] >= 900
    )
    assert (ids(listing), listing.whole, len(api.asked)) == (all_of(api), True, requests)


@pytest.mark.parametrize("forever", [False, True])
def test_a_list_that_grows_while_it_is_read_is_no_answer_to_nothing(forever: bool) -> None:
    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        if len(api.asked) == 1 or forever:
            api.rows += 1
        return body

    api = Api(100, totals=True, change=change)
    listing = api.read(inside=lambda row: True, fallback=lambda row: True)
    assert (listing.whole, all_of(Api(101)) <= ids(listing)) == (not forever, True)


def test_the_answer_to_nothing_behind_the_end_comes_for_each_page_without_totals_too() -> None:
    upcoming = [{"id": 900 + n} for n in range(100)]

    def change(asked: dict[str, Any], body: dict[str, Any]) -> Body:
        return body if asked["page"] <= 2 else {**body, "results": upcoming}

    listing = Api(200, change=change).read(inside=lambda r: r["id"] < 930, fallback=lambda r: r["id"] >= 900)
    assert (listing.whole, all_of(Api(200)) <= ids(listing) <= all_of(Api(929))) == (True, True)
    strays = Api(
        200,
        change=lambda asked, body: {**body, "results": [*body["results"][1:], {"id": 950 + asked["page"]}]},
    )
    assert not strays.read(inside=lambda r: r["id"] < 930, fallback=lambda r: r["id"] >= 900).whole


@pytest.mark.parametrize("forget_pages", [False, True])
def test_a_total_that_is_the_length_of_each_page_proves_nothing(forget_pages: bool) -> None:
    """A first page of 100 that says 100: the second page tells."""

    def change(params: dict[str, Any], body: dict[str, Any]) -> Body:
        body["total_results"] = len(body["results"])
        if forget_pages:
            del body["total_pages"]
        return body

    api = Api(160, totals=True, change=change)
    listing = api.read()
    assert not listing.whole and ids(listing) == all_of(api)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_count_from_before_the_last_row_came_hides_no_row(pages: int) -> None:
    def change(params: dict[str, Any], body: dict[str, Any]) -> Body:
        body |= {"total_results": pages * 100, "total_pages": pages}
        return body

    api = Api(pages * 100 + 1, totals=True, change=change)
    listing = api.read()
    assert not listing.whole and ids(listing) == all_of(api)


@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize(
    "behind", [404, 403, 500, "empty", "counts nothing", "the first page", "the last page"]
)
def test_lists_of_just_so_many_full_pages_are_whole_whatever_is_behind_them(
    behind: int | str, pages: int
) -> None:
    served: dict[int, dict[str, Any]] = {}

    def change(params: dict[str, Any], body: dict[str, Any]) -> Body:
        if params["page"] <= pages:
            served[params["page"]] = body
            return body
        if isinstance(behind, int):
            raise ApiError("no such page", status=behind, permanent=behind < 500)
        if behind == "counts nothing":
            return body | {"results": [], "total_results": 0, "total_pages": 0}
        return body if behind == "empty" else served[1 if behind == "the first page" else pages]

    api = Api(pages * 100, totals=True, change=change)
    listing = api.read()
    assert (listing.whole, listing.proven, listing.why) == (True, True, "")
    assert len(listing.rows) == pages * 100 and len(api.asked) == pages + 1
