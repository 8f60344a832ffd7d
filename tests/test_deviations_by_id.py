"""Deviations of what is asked for one by one: records that are gone, links, amounts, the token."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from conftest import NOW
from loading import Loader
from small_worlds import HidingWorld, small_world

from breezeway_source.columns import TABLES
from breezeway_source.rows.builder import RowBuilder
from breezeway_source.rows.personal import PersonalData
from breezeway_source.sandbox import Sandbox


@pytest.fixture
def world() -> HidingWorld:
    world = small_world(kind=HidingWorld, properties=2, tasks=4, stays_days=30)
    assert isinstance(world, HidingWorld)
    return world


@pytest.fixture
def sandbox(world: HidingWorld) -> Iterator[Sandbox]:
    with Sandbox(world, token_limit=False) as running:
        yield running


def test_a_record_that_answers_410_is_deleted_after_two_proofs(
    quick_loader: Loader, world: HidingWorld
) -> None:
    """404 and status `deleted`: test_reconcile.py."""
    quick_loader.first_load()
    task = next(iter(world.listed_tasks(2001)))["id"]
    stay = world.stays_by_checkout("2026-03-01")[0]["id"]
    world.hide_task(task)
    world.hide_reservation(stay)
    quick_loader.sandbox.deviate("gone", f"/task/{task}", f"/reservation/{stay}", form="410")
    gone = "select 1 from {} where deleted_at is not null and {} = %s"
    for run in (1, 2):
        quick_loader.pass_time(days=1)
        quick_loader.load("--reconcile")
        for table, key, row_id in (("tasks", "task_id", task), ("reservations", "reservation_id", stay)):
            assert len(quick_loader.query(gone.format(table, key), row_id)) == (run == 2), (table, run)


SPELLINGS = {
    "(12.00)": "-12",
    "CA$ 12.00": "12",
    "12.00 USD": "12",
    "1,200.50": "1200.5",
    "12,50 €": "12.5",
}


@pytest.mark.parametrize(("text", "amount"), SPELLINGS.items())
def test_amounts_in_odd_spellings_are_read(text: str, amount: str) -> None:
    build = RowBuilder(TABLES["tasks"], "smoky", NOW, PersonalData()).build
    (line,) = build({"id": 1, "costs": [{"id": 1, "cost": text}]})["costs"]
    assert line["cost"] == Decimal(amount)


def test_a_link_by_the_external_id_finds_its_stay_and_an_amount_nobody_can_read_is_told(
    quick_loader: Loader, world: HidingWorld
) -> None:
    """With the number of lines; in the other property are amounts that can be read."""
    text, amount = next(iter(SPELLINGS.items()))
    odd = dict(zip(sorted(world.properties), (text, "twelve"), strict=True))
    quick_loader.sandbox.deviate("external_links", "/task")
    for home, spelled in odd.items():
        quick_loader.sandbox.deviate("amounts", "/task", where={"home_id": str(home)}, text=spelled)
    report = quick_loader.load()

    by_reference: dict[str, list[int]] = {}
    for stay_id, stay in world.reservations.items():
        by_reference.setdefault(str(stay["reference_reservation_id"]), []).append(stay_id)
    wanted = {}
    for task in world.live_tasks():
        reference = (task.get("linked_reservation") or {}).get("external_reservation_id")
        if reference and len(by_reference[reference]) == 1:
            wanted[task["id"]] = by_reference[reference][0]
    assert len(wanted) > 3
    found = quick_loader.query("select task_id, reservation_pk from tasks where link_status = 'linked'")
    loaded = set(quick_loader.column("select reservation_id from reservations"))
    assert dict(found).items() >= {task: stay for task, stay in wanted.items() if stay in loaded}.items()

    lines: dict[str, list[tuple[Any, Any]]] = {}
    for home, cost, kept in quick_loader.query(
        "select tasks.home_id, costs.cost, costs.unparsed from tasks__costs as costs "
        "inner join tasks on costs._dlt_root_id = tasks._dlt_id"
    ):
        lines.setdefault(odd[home], []).append((cost, kept))
    assert {cost for cost, _ in lines[text]} == {Decimal(amount)}
    unread = lines["twelve"]
    assert all(cost is None and "twelve" in str(kept) for cost, kept in unread)
    told = [*report.warnings, *(note for notes in report.check_notes.values() for note in notes.values())]
    assert any(str(len(unread)) in line and "cost" in line for line in told), told


def test_no_token_and_no_call_for_one_goes_elsewhere(quick_loader: Loader) -> None:
    ours = quick_loader.sandbox
    with Sandbox(small_world(now=NOW), token_limit=False) as other:
        for form in ("other_host", "circle", "bare"):
            ours.deviate("redirected", "/auth", form=form, host=other.base_url, status=307)
            assert quick_loader.run().exit_code == 3, form
            ours.behave()
        assert ours.data_requests == 0
        ours.deviate("redirected", form="other_host", host=other.base_url)
        assert quick_loader.run().exit_code == 3 and other.requests == []


def test_the_tasks_of_one_property_given_for_all_are_told(quick_loader: Loader, world: HidingWorld) -> None:
    """As by a cache that heeds no parameter: the other property's tasks would never come."""
    loader = quick_loader
    first, second = sorted(world.properties)
    loader.sandbox.deviate("taken_as", "/task", home_id=first)
    (report,) = loader.run().regions
    assert report.exit_code == 1
    assert [failure["property_id"] for failure in report.failures] == [second]
    assert "all its rows are of other properties" in report.failures[0]["message"]
    loader.sandbox.behave()
    loader.pass_time(hours=1)
    loader.load()
    assert set(loader.column("select task_id from tasks")) == {task["id"] for task in world.live_tasks()}
