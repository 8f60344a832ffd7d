"""`--check` looks at what the API's pages leave open: one line a doubt, at most 20 requests a region."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from loading import Loader
from test_preflight import check, texts, worst_code

from breezeway_source.sandbox import Sandbox
from pipelines.preflight.doubts import FAILS, HOLDS, UNSEEN


def doubts(loader: Loader, *options: str) -> dict[str, tuple[str, str]]:
    """Beginning of each doubt's line to its state and text; the check stays within its requests and exit code 0."""
    loader.sandbox.reset_log()
    answers = check(loader, *options)
    assert loader.sandbox.data_requests <= 20
    assert worst_code(answers) == 0
    found = [answer for answer in answers if answer.topic == "doubt"]
    return {" ".join(answer.text.split()[:2]).strip(":"): (answer.state, answer.text) for answer in found}


@pytest.mark.parametrize("entities", ["hourly", "all"])
def test_every_doubt_has_one_line(entities: str, quick_loader: Loader) -> None:
    seen = doubts(quick_loader, "--entities", entities)
    assert list(seen) == [
        "order and",
        "filters change",
        "money in",
        "total_price of",
        "statuses are",
        "contacts of",
        "totals on",
    ]
    assert {state for state, _ in seen.values()} <= {HOLDS, FAILS, UNSEEN}
    holding = {name for name, (state, _) in seen.items() if state == HOLDS}
    assert holding >= {"order and", "filters change", "money in", "statuses are"}


CASES: dict[str, tuple[Callable[[Sandbox], object], str, str]] = {}


def case(doubt: str, words: str) -> Callable[[Callable[[Sandbox], object]], Callable[[Sandbox], object]]:
    def note(prepare: Callable[[Sandbox], object]) -> Callable[[Sandbox], object]:
        CASES[prepare.__name__.replace("_", " ")] = (prepare, doubt, words)
        return prepare

    return note


@case("money in", "the list gives fewer")
def lists_without_money(sandbox: Sandbox) -> None:
    sandbox.deviate("money_unsaid", "/task")


@case("total_price of", "one unit's in")
def a_total_price_of_one_unit(sandbox: Sandbox) -> None:
    for task in list(sandbox.world.tasks.values()):
        supplies = [
            {**line, "quantity": 3, "unit_cost": 2.5, "total_price": 2.5}
            for line in task.get("supplies") or ()
        ]
        sandbox.world.edit_task(task["id"], touch=False, supplies=supplies)


@case("statuses are", "new are stays dreamt")
def a_status_nobody_knows(sandbox: Sandbox) -> None:
    for stay_id in list(sandbox.world.reservations):
        sandbox.world.edit_reservation(stay_id, touch=False, status="dreamt")


@case("order and", "gives rows of page 1 on page 2 again")
def a_page_2_that_is_page_1(sandbox: Sandbox) -> None:
    sandbox.deviate("page_echo", "/property")


@case("order and", "/task answers limit 7")
def another_limit(sandbox: Sandbox) -> None:
    sandbox.deviate("limit_echoed_wrong", "/task")


@case("filters change", "tasks changed in 2001")
def filters_that_do_nothing(sandbox: Sandbox) -> None:
    sandbox.deviate("filters_ignored", "/task", names=("updated_at",))


@case("filters change", "stays of other days")
def upcoming_stays_instead(sandbox: Sandbox) -> None:
    sandbox.deviate("filters_ignored", "/reservation")


@case("totals on", "not on /task")
def no_totals(sandbox: Sandbox) -> None:
    sandbox.deviate("totals_off", "/task")


@case("contacts of", "403")
def contacts_that_are_refused(sandbox: Sandbox) -> None:
    sandbox.faults.refuse_endpoint("/property/{id}/contacts", 403)


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_hold_says_what_it_means_for_the_rows(name: str, quick_loader: Loader) -> None:
    prepare, doubt, words = CASES[name]
    prepare(quick_loader.sandbox)
    state, text = doubts(quick_loader, "--entities", "all")[doubt]
    assert state == FAILS and words in text


def test_details_still_to_be_read_are_told_with_the_number_of_runs(quick_loader: Loader) -> None:
    loader = quick_loader
    (told,) = texts(check(loader), "details")
    assert "are still to be read: 1 run of at most 2000" in told
    loader.configure(details_per_run=5, details_days=0)
    loader.load("--entities", "all")
    (told,) = texts(check(loader), "details")
    (left,) = loader.column(
        "select count(*) from tasks left join task_details using (region_code, task_id) "
        "where task_details.task_id is null and tasks.deleted_at is null"
    )
    assert left > 5 and f"of {left} tasks are still to be read: {-(-left // 5)} runs of at most 5" in told
