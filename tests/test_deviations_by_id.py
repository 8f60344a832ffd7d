"""Deviations of what is asked for one by one: records that are gone, links, amounts, the token."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

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


def test_a_link_by_the_external_id_alone_finds_its_stay(quick_loader: Loader, world: HidingWorld) -> None:
    quick_loader.sandbox.deviate("external_links", "/task")
    quick_loader.load()
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


SPELLINGS = {
    "(12.00)": "-12",
    "CA$ 12.00": "12",
    "12.00 USD": "12",
    "1,200.50": "1200.5",
    "12,50 €": "12.5",
}


def test_amounts_in_odd_spellings_are_read(quick_loader: Loader) -> None:
    build = RowBuilder(TABLES["tasks"], "smoky", NOW, PersonalData()).build
    for text, amount in SPELLINGS.items():
        (line,) = build({"id": 1, "costs": [{"id": 1, "cost": text}]})["costs"]
        assert line["cost"] == Decimal(amount), text
    text, amount = next(iter(SPELLINGS.items()))
    quick_loader.sandbox.deviate("amounts", "/task", "/task/{id}", text=text)
    quick_loader.load()
    assert set(quick_loader.column("select cost from tasks__costs")) == {Decimal(amount)}


def test_an_amount_nobody_can_read_is_told_with_the_number_of_lines(
    quick_loader: Loader, world: HidingWorld
) -> None:
    quick_loader.sandbox.deviate("amounts", "/task", "/task/{id}", text="twelve")
    report = quick_loader.load()
    lines = quick_loader.query("select cost, unparsed from tasks__costs")
    assert lines and all(cost is None and "twelve" in str(kept) for cost, kept in lines)
    told = [*report.warnings, *(note for notes in report.check_notes.values() for note in notes.values())]
    assert any(str(len(lines)) in text and "cost" in text for text in told), told


@pytest.mark.parametrize("form", ["other_host", "circle", "bare"])
def test_a_token_call_that_is_sent_elsewhere_goes_nowhere(quick_loader: Loader, form: str) -> None:
    with Sandbox(small_world(now=NOW), token_limit=False) as other:
        quick_loader.sandbox.deviate("redirected", "/auth", form=form, host=other.base_url, status=307)
        report = quick_loader.run()
        assert report.exit_code == 3 and other.requests == []


def test_no_token_goes_to_another_host(quick_loader: Loader) -> None:
    with Sandbox(small_world(now=NOW), token_limit=False) as other:
        quick_loader.sandbox.deviate("redirected", form="other_host", host=other.base_url)
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
