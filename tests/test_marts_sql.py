"""The marts' SQL on rows put there by hand: the worked example, what a run touches, the history of tasks, bad input."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import marts_truth
import pytest
from dlt.destinations.exceptions import DatabaseException
from mart_world import Reader, Rows
from tables import Client, fetch, hour, insert, proof, property_row, remerge, stay, task

from breezeway_source.columns import TABLES
from pipelines.database import mart_rows, marts
from pipelines.database.indexes import ensure_indexes
from pipelines.database.post_sql import ensure_comments, ensure_views, run_scripts

DEMO = {"region_code": "demo"}
JULY = date(2026, 7, 1)


@pytest.fixture
def client(tables: Client) -> Client:
    return tables


def day(number: int, month: int = 7) -> date:
    return date(2026, month, number)


def utc(number: int, at: str, month: int = 7) -> datetime:
    return datetime.combine(day(number, month), time.fromisoformat(at), timezone.utc)


def add_stay(client: Client, number: int, checkin: date, checkout: date, **more: Any) -> None:
    times = {"checkin_time": time(16), "checkout_time": time(10), "status": "active"}
    days = {"checkin_date": checkin, "checkout_date": checkout}
    insert(client, "reservations", stay(number, 10, region="demo", **{**times, **days, **more}))


def add_task(client: Client, number: int, stay_id: int | None = None, **more: Any) -> None:
    clean = {"type_department": "housekeeping", "task_status_code": "finished"}
    insert(client, "tasks", task(number, stay_id, 10, region="demo", **{**clean, **more}))


def add_line(client: Client, table: str, position: int, task_id: int = 100, **more: Any) -> None:
    insert(client, table, {**DEMO, "task_id": task_id, "_dlt_list_idx": position, **more})


@pytest.fixture
def demo(client: Client) -> Client:
    """The rows of the worked example (marts.md, section 8)."""
    insert(client, "regions", {**DEMO, "time_zone": "America/Chicago"})
    insert(client, "properties", property_row(10, region="demo", name="House"))
    add_stay(client, 1, day(28, 6), day(3))
    add_stay(client, 2, day(3), day(6))
    add_stay(client, 3, day(4), day(5))
    add_stay(client, 4, day(8), day(10))
    add_stay(client, 5, day(11), day(12), status="cancelled")
    add_task(
        client,
        100,
        1,
        scheduled_date=day(3),
        finished_at=utc(3, "20:30"),
        total_cost=Decimal("47.25"),
        billable=True,
        rate_paid_amount=Decimal(100),
        rate_paid_currency="USD",
    )
    costs: tuple[tuple[str, str | None, str, datetime | None], ...] = (
        ("labor", "35.00", "owner", None),
        ("labor", "-5.00", "owner", None),
        ("material", "99.00", "owner", utc(4, "09:00")),
        ("tax", None, "guest", None),
    )
    for position, (code, amount, payer, deleted_at) in enumerate(costs):
        add_line(
            client,
            "tasks__costs",
            position,
            type_cost_code=code,
            cost=None if amount is None else Decimal(amount),
            bill_to=payer,
            deleted_at=deleted_at,
        )
    price, cost = Decimal("11.875"), Decimal("4.75")
    add_line(
        client,
        "tasks__supplies",
        0,
        quantity=2,
        unit_cost=cost,
        total_price=price,
        bill_to="guest",
        billable=False,
    )
    add_line(client, "tasks__supplies", 1, unit_cost=3, total_price=Decimal("5.37"))
    people = ((21, "accepted"), (22, "completed"), (23, "accepted"), (24, "assigned"), (21, "completed"))
    for position, (person, state) in enumerate(people):
        add_line(client, "tasks__assignments", position, assignee_id=person, type_task_user_status=state)
    add_task(
        client,
        101,
        4,
        scheduled_date=day(8),
        finished_at=utc(8, "21:30"),
        total_cost=Decimal("90.00"),
        finished_by_id=7,
    )
    add_task(
        client, 102, created_at=utc(1, "03:00", month=8), task_status_code="created", type_department=None
    )
    return client


def row_of(client: Client, mart: str, columns: str, where: str) -> list[Any]:
    """One row, amounts as texts with their two decimals."""
    (row,) = fetch(client, f"select {columns} from {mart} where {where}")
    return [str(value) if isinstance(value, Decimal) else value for value in row]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_worked_example_as_it_stands(demo: Client, zone: str) -> None:
    demo.execute_sql(f"set timezone = '{zone}'")
    run_scripts(demo, "demo")
    lines = fetch(
        demo,
        "select amount, supply_cost, supply_margin from mart_task_lines where task_id = 100 "
        "order by line_kind, line_position",
    )
    assert [[None if cell is None else str(cell) for cell in line] for line in lines] == [
        ["35.00", None, None],
        ["-5.00", None, None],
        [None, None, None],
        ["11.88", "9.50", "2.38"],
        ["5.37", None, None],
    ]
    money = (
        "cost_amount, supply_amount, supply_margin, lines_amount, owner_amount, guest_amount, unset_payer_amount, "
        "total_cost, total_cost_difference"
    )
    assert row_of(demo, "mart_task_money", money, "task_id = 100") == (
        ["30.00", "17.25", "2.38", "47.25", "30.00", "11.88", "5.37", "47.25", "0.00"]
    )
    cost = "task_cost, task_cost_basis"
    assert row_of(demo, "mart_task_money", cost, "task_id = 101") == ["90.00", "total_cost"]
    assert row_of(demo, "mart_task_money", f"{cost}, work_day, work_day_basis", "task_id = 102") == (
        [None, "none", day(31), "created"]
    )
    turn = "stay_cost, next_reservation_id, is_same_day_turn, window_minutes, clean_basis, is_on_time, slack_minutes"
    turns = {
        number: row_of(demo, "mart_stay_turnovers", turn, f"reservation_id = {number}")
        for number in range(1, 6)
    }
    assert turns == {
        1: ["47.25", 2, True, 360, "link", True, 30],
        2: [None, 4, False, 3240, "link", False, -30],
        3: [None, 4, False, 4680, "none", None, None],
        4: ["90.00", None, None, None, "none", None, None],
        5: [None, None, None, None, None, None, None],
    }
    assert fetch(demo, "select reservation_id from mart_stay_turnovers where not is_turn") == [(5,)]
    billing = "billable_amount, not_billable_amount, unsaid_amount"
    for payer, wanted in {
        "owner": ["30.00", None, None],
        "guest": [None, "11.88", None],
        "unset": [None, None, "5.37"],
    }.items():
        where = f"bill_to = '{payer}' and work_month = date '2026-07-01'"
        assert row_of(demo, "mart_owner_billing", billing, where) == wanted
    payouts = fetch(
        demo, "select person_id, amount, count_tasks_without_rate from mart_payouts order by person_id"
    )
    assert [(person, amount and str(amount), without) for person, amount, without in payouts] == [
        (7, None, 1),
        (21, "33.34", 0),
        (22, "33.33", 0),
        (23, "33.33", 0),
    ]
    months = (
        "count_stays, count_cancelled_stays, count_nights, stay_cost, count_turns, count_same_day_turns, "
        "count_on_time, count_late, count_turns_without_clean"
    )
    assert row_of(demo, "mart_region_months", f"month, {months}", "true") == (
        [JULY, 4, 1, 11, "137.25", 4, 1, 1, 1, 2]
    )


# --- what a run touches --------------------------------------------------------------------------------


def touched_by(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The properties whose rows the scripts reckon anew."""
    found: list[int | None] = []
    write = mart_rows._write_differences

    def spy(client: Client, *args: Any, **more: Any) -> dict[str, int]:
        found.extend(row[0] for row in fetch(client, "select property_id from touched_properties"))
        return write(client, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(mart_rows, "_write_differences", spy)
        run_scripts(client, "demo")
    return sorted(found, key=str)


def test_what_is_written_deleted_or_linked_touches_its_properties(
    demo: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_reference(number: int, reference: str | None, property_id: int = 14) -> dict[str, Any]:
        return stay(number, property_id, region="demo", reference_reservation_id=reference)

    def leads(task_id: int) -> tuple[int | None, str]:
        query = "select reservation_id, link_status from mart_task_money where task_id = %s"
        ((stay_id, status),) = fetch(demo, query, task_id)
        return stay_id, status

    insert(demo, "properties", *(property_row(number, region="demo") for number in range(11, 17)))
    insert(demo, "reservations", stay(30, 11, region="demo", checkin_date=day(1), checkout_date=day(2)))
    insert(demo, "tasks", task(200, 99, 12, region="demo"), task(201, 30, 13, region="demo"))
    # One that waits, one whose links are looked at in every run since its property is not loaded, one with a reference.
    insert(demo, "tasks", task(300, 77, 11, region="demo"), task(301, 78, 19, region="demo"))
    insert(demo, "tasks", task(302, None, 15, region="demo", linked_reservation_external_id="X"))
    insert(demo, "deletion_proofs", proof("reservations", 78, hour(5), reason="link_lookup", region="demo"))
    run_scripts(demo, "demo")
    # a property's own row: nothing
    remerge(demo, "properties", "property_id", property_row(11, region="demo", name="New name"))
    assert touched_by(demo, monkeypatch) == []
    # a task that moves: where it was and where it is
    remerge(demo, "tasks", "task_id", task(201, 30, 12, region="demo"))
    assert touched_by(demo, monkeypatch) == [11, 12, 13]
    # a task that is linked to a stay at another property, and to none of the loaded ones again
    for stay_id in (30, 99):
        remerge(demo, "tasks", "task_id", task(200, stay_id, 12, region="demo"))
        assert touched_by(demo, monkeypatch) == [11, 12]
    # a stay that moves: the old property, the new one, and its tasks' own
    remerge(demo, "reservations", "reservation_id", stay(30, 13, region="demo"))
    assert touched_by(demo, monkeypatch) == [11, 12, 13]
    # a stay that comes makes links, by its id (at 11 and 12) and by its reference (at 14 and 15)
    insert(demo, "reservations", stay(99, 11, region="demo"))
    insert(demo, "reservations", by_reference(40, "X"))
    assert touched_by(demo, monkeypatch) == [11, 12, 14, 15]
    assert (leads(200), leads(302)) == ((99, "linked"), (40, "linked"))
    # proofs delete it; and the reference is another stay's
    insert(demo, "deletion_proofs", *(proof("reservations", 99, hour(n), region="demo") for n in (1, 2)))
    insert(demo, "reservations", by_reference(41, "X", 16))
    remerge(demo, "reservations", "reservation_id", by_reference(40, None))
    assert touched_by(demo, monkeypatch) == [11, 12, 14, 15, 16]
    assert (leads(200), leads(302)) == ((None, "reservation_deleted"), (41, "linked"))
    # it is revived; and two stays have the reference
    remerge(demo, "reservations", "reservation_id", stay(99, 11, at=hour(3), region="demo"))
    remerge(demo, "reservations", "reservation_id", by_reference(40, "X"))
    assert touched_by(demo, monkeypatch) == [11, 12, 14, 15, 16]
    assert (leads(200), leads(302)) == ((99, "linked"), (None, "reservation_not_loaded"))
    # a task that is deleted; and a link that waits in vain no longer does
    insert(demo, "deletion_proofs", *(proof("tasks", 200, hour(n), region="demo") for n in (1, 2)))
    insert(demo, "deletion_proofs", proof("reservations", 78, hour(6), answer="alive", region="demo"))
    assert touched_by(demo, monkeypatch) == [11, 12, 19]
    assert fetch(demo, "select count(*) from mart_task_money where task_id = 200") == [(0,)]
    assert leads(301) == (None, "reservation_not_loaded")
    # a task's details
    insert(demo, "task_details", {**DEMO, "task_id": 201, "task_updated_at": hour(4)})
    assert touched_by(demo, monkeypatch) == [12, 13]
    # a link that waits in vain changes its status alone
    insert(demo, "deletion_proofs", proof("reservations", 77, hour(5), reason="link_lookup", region="demo"))
    assert touched_by(demo, monkeypatch) == [11]
    assert leads(300) == (None, "reservation_not_found")
    assert touched_by(demo, monkeypatch) == []


def test_who_did_it_and_what_was_answered_change_sums_alone(demo: Client) -> None:
    add_task(demo, 103, type_department="inspection", finished_at=utc(9, "12:00"))
    run_scripts(demo, "demo")
    demo.execute_sql("update tasks__assignments set assignee_id = 29 where assignee_id = 23")
    demo.execute_sql("update tasks set link_status = null where task_id = 100")  # as a load leaves it
    run_scripts(demo, "demo")
    assert row_of(demo, "mart_payouts", "amount", "person_id = 29") == ["33.33"]
    insert(demo, "task_details", {**DEMO, "task_id": 103, "task_updated_at": hour(4)})
    add_line(demo, "task_details__requirements", 0, 103, type_requirement="condition", response="dirty")
    run_scripts(demo, "demo")
    assert row_of(demo, "mart_region_months", "count_inspections_with_finding", "true") == [1]


def test_changes_of_every_kind_leave_what_python_reckons(client: Client) -> None:
    rows = Rows(client, random.Random(3))
    rows.begin()
    run_scripts(client, rows.region)
    for _ in range(5):
        for _ in range(5):
            rows.change()
        run_scripts(client, rows.region)
        assert marts_truth.differences(Reader(client), marts_truth.marts(rows.source())) == []


def test_tasks_and_stays_of_no_property_are_kept_up_too(demo: Client) -> None:
    run_scripts(demo, "demo")
    assert ensure_indexes(demo, {**TABLES, **marts.ours(demo)}) == []
    insert(demo, "tasks", task(400, None, None, region="demo", total_cost=5))
    add_line(demo, "tasks__costs", 0, 400, cost=7, bill_to="owner")
    add_task(demo, 401, None)  # no day, and nobody who did it
    run_scripts(demo, "demo")
    assert fetch(demo, "select task_cost from mart_task_money where task_id = 400") == [(7,)]
    assert fetch(demo, "select amount from mart_owner_billing where property_id is null") == [(7,)]
    remerge(demo, "tasks", "task_id", task(400, None, 10, region="demo", total_cost=5))
    run_scripts(demo, "demo", reckon=True)
    assert fetch(demo, "select count(*) from mart_owner_billing where property_id is null") == [(0,)]
    assert fetch(demo, "select sum(count_differences) from marts_made") == [(0,)]


def test_a_full_reckoning_finds_and_mends_what_is_not_as_it_should_be(demo: Client) -> None:
    run_scripts(demo, "demo")
    demo.execute_sql("update mart_task_money set task_cost = 1 where task_id = 100")
    demo.execute_sql("delete from mart_payouts where person_id = 21")
    demo.execute_sql("update mart_region_months set month = date '2020-01-01'")
    run_scripts(demo, "demo")
    assert fetch(demo, "select task_cost from mart_task_money where task_id = 100") == [(1,)]
    run_scripts(demo, "demo", reckon=True)
    query = "select name, count_differences from marts_made where count_differences > 0 order by name"
    assert fetch(demo, query) == [("mart_payouts", 1), ("mart_region_months", 2), ("mart_task_money", 1)]
    assert row_of(demo, "mart_task_money", "task_cost", "task_id = 100") == ["47.25"]
    assert fetch(demo, "select month from mart_region_months") == [(JULY,)]
    run_scripts(demo, "demo")
    assert fetch(demo, query) == []


# --- definitions, the switch, other people's tables ----------------------------------------------------


def test_another_time_zone_or_definition_makes_all_anew(
    demo: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_scripts(demo, "demo")
    demo.execute_sql("update regions set time_zone = 'Pacific/Auckland'")
    run_scripts(demo, "demo")
    assert fetch(demo, "select work_day from mart_task_money where task_id = 100") == [(day(4),)]
    made = marts.marts()
    changed = [marts.Mart(m.table, m.sql.replace("'unset'", "'nobody'")) for m in made]
    monkeypatch.setattr(mart_rows, "marts", lambda: tuple(changed))
    run_scripts(demo, "demo")
    assert fetch(demo, "select count(*) from mart_task_lines where bill_to = 'nobody'") == [(1,)]


def test_switched_off_they_are_emptied_and_that_is_told_once(demo: Client) -> None:
    insert(demo, "regions", {"region_code": "other"})
    insert(demo, "tasks", task(1, region="other"))
    run_scripts(demo, "other")
    run_scripts(demo, "demo")
    (warning,) = run_scripts(demo, "demo", with_marts=False)
    assert "marts = false" in warning
    assert fetch(demo, "select region_code, count(*) from mart_task_money group by region_code") == [
        ("other", 1)
    ]
    assert run_scripts(demo, "demo", with_marts=False) == []
    run_scripts(demo, "demo")
    assert fetch(demo, "select count(*) from mart_task_money where region_code = 'demo'") == [(3,)]


def test_marts_exist_from_the_first_run_on_also_empty(client: Client) -> None:
    assert run_scripts(client, "demo") == [] and ensure_views(client) == []
    for name in marts.MARTS:
        assert fetch(client, f"select count(*) from {name}") == [(0,)]


def test_a_table_that_is_not_ours_is_left_alone_and_told(demo: Client) -> None:
    demo.execute_sql("create table mart_task_money (mine bigint)")
    demo.execute_sql("insert into mart_task_money values (1)")
    for _ in range(2):
        (warning,) = run_scripts(demo, "demo")
        assert warning.startswith("mart_task_money was left alone") and "Next:" in warning
    assert ensure_indexes(demo, {**TABLES, **marts.ours(demo)}) == []
    assert ensure_comments(demo, {**TABLES, **marts.ours(demo)}) == []
    assert fetch(demo, "select * from mart_task_money") == [(1,)]
    demo.execute_sql("alter table mart_task_money rename to theirs")
    assert run_scripts(demo, "demo") == []
    assert fetch(demo, "select count(*) from mart_task_money") == [(3,)]


def test_a_view_that_is_not_ours_is_left_alone_and_the_other_marts_are_kept(demo: Client) -> None:
    demo.execute_sql("create view mart_payouts as select 1 as mine")
    (warning,) = run_scripts(demo, "demo")
    assert warning.startswith("mart_payouts was left alone")
    remerge(demo, "tasks", "task_id", task(102, None, 10, at=hour(1), region="demo", total_cost=5))
    run_scripts(demo, "demo")
    assert fetch(demo, "select mine from mart_payouts") == [(1,)]
    assert fetch(demo, "select task_cost from mart_region_months where month is null") == [(5,)]


def test_a_wrong_time_zone_fails_and_nothing_of_it_is_kept(demo: Client) -> None:
    run_scripts(demo, "demo")
    demo.execute_sql("update regions set time_zone = 'America/Nowhere'")
    with pytest.raises(DatabaseException, match="Nowhere"):
        run_scripts(demo, "demo")
    assert fetch(demo, "select count(*) from mart_task_money") == [(3,)]


def test_a_column_that_is_new_comes_at_the_end_and_is_filled(demo: Client) -> None:
    run_scripts(demo, "demo")
    demo.execute_sql("alter table mart_payouts drop column count_tasks")
    run_scripts(demo, "demo")
    assert fetch(demo, "select count(count_tasks) from mart_payouts") == [(4,)]


def test_what_was_dropped_by_hand_is_made_again_with_its_rows(demo: Client) -> None:
    run_scripts(demo, "demo")
    for name in ("mart_payouts", "task_changes"):
        demo.execute_sql(f"drop table {name}")
    run_scripts(demo, "demo")
    assert fetch(demo, "select count(*) from mart_payouts") == [(4,)]
    assert fetch(demo, "select task_id, change_number from task_changes order by task_id") == (
        [(100, 1), (101, 1), (102, 1)]
    )


@pytest.mark.parametrize(
    ("foreign", "empty"),
    [
        ("mart_owner_billing", set()),
        ("mart_stay_turnovers", {"mart_task_lines", "mart_task_money", "mart_owner_billing"}),
    ],
)
def test_marts_that_cannot_be_kept_up_are_empty_until_they_can(
    demo: Client, foreign: str, empty: set[str]
) -> None:
    run_scripts(demo, "demo")
    demo.execute_sql(f"comment on table {foreign} is 'mine'")
    remerge(demo, "tasks", "task_id", task(100, 1, 10, at=hour(1), region="demo"))
    (warning,) = run_scripts(demo, "demo")
    assert warning.startswith(f"{foreign} was left alone")
    assert fetch(demo, f"select count(*) > 0 from {foreign}") == [(True,)]
    others = {"mart_task_lines", "mart_task_money", "mart_owner_billing"} - {foreign}
    assert {n for n in others if fetch(demo, f"select count(*) from {n}") == [(0,)]} == empty
    demo.execute_sql(f"drop table {foreign} cascade")
    assert run_scripts(demo, "demo", reckon=True) == []
    assert fetch(demo, "select sum(count_differences) from marts_made") in ([(0,)], [(None,)])
    assert fetch(demo, "select task_cost from mart_task_money where task_id = 100") == [(Decimal("47.25"),)]


def test_a_history_that_was_somebody_elses_for_a_while_catches_up(client: Client) -> None:
    insert(client, "tasks", task(1, region="demo", task_status_code="created"))
    run_scripts(client, "demo")
    client.execute_sql("alter table task_changes rename to theirs")
    client.execute_sql("create table task_changes (mine bigint)")
    remerge(client, "tasks", "task_id", task(1, at=hour(1), region="demo", task_status_code="finished"))
    (warning,) = run_scripts(client, "demo")
    assert warning.startswith("task_changes was left alone")
    client.execute_sql("drop table task_changes")
    client.execute_sql("alter table theirs rename to task_changes")
    run_scripts(client, "demo")
    assert [version[:3:2] for version in versions(client, 1)] == [(1, "created"), (2, "finished")]


def test_absurd_amounts_fail_no_mart(demo: Client) -> None:
    most = Decimal("99999999999999999999.9999")
    add_task(
        demo,
        500,
        1,
        total_cost=-most,
        rate_paid_amount=most,
        total_time_seconds=2**63 - 1,
        finished_at=utc(2, "12:00"),
    )
    add_task(demo, 501, 1, total_time_seconds=-(2**63), finished_at=utc(2, "12:00"), finished_by_id=3)
    add_task(demo, 502, 1, total_time_seconds=2**63 - 1, finished_at=utc(2, "12:00"), finished_by_id=3)
    for position in range(3):
        add_line(demo, "tasks__costs", position, 500, cost=most)
        add_line(demo, "tasks__supplies", position, 500, quantity=most, unit_cost=-most, total_price=-most)
    add_line(demo, "tasks__supplies", 3, 500, quantity=10**9 - 1, unit_cost=10**12 - 1)
    assert run_scripts(demo, "demo") == []
    where = "task_id = 500"
    assert row_of(demo, "mart_task_money", "cost_amount, supply_amount, supply_cost", where) == (
        ["300000000000000000000.00", "-300000000000000000000.00", str((10**9 - 1) * (10**12 - 1)) + ".00"]
    )
    assert fetch(demo, "select count(*) from mart_payouts where amount > 100000") == [(0,)]


def test_a_region_without_a_time_zone_counts_in_utc(demo: Client) -> None:
    demo.execute_sql("update regions set time_zone = null")
    run_scripts(demo, "demo")
    assert fetch(demo, "select work_day from mart_task_money where task_id = 102") == [(day(1, 8),)]


# --- the history of tasks ------------------------------------------------------------------------------


def versions(client: Client, task_id: int) -> list[tuple[Any, ...]]:
    return fetch(
        client,
        "select change_number, noted_at, task_status_code, assignees, cost_amount, is_deleted from task_changes "
        "where task_id = %s order by change_number",
        task_id,
    )


def test_a_version_of_a_task_is_added_when_something_watched_differs(client: Client) -> None:
    def write(number: int, **more: Any) -> None:
        remerge(client, "tasks", "task_id", task(1, at=hour(number), region="demo", **more))
        run_scripts(client, "demo", with_marts=False)

    add_line(client, "tasks__assignments", 0, 1, assignee_id=9, type_task_user_status="Assigned")
    add_line(client, "tasks__assignments", 1, 1, assignee_id=8)
    add_line(client, "tasks__costs", 0, 1, cost=Decimal("1.005"))
    add_line(client, "tasks__costs", 1, 1, cost=100, deleted_at=hour(0))
    write(0, task_status_code="created")
    write(1, task_status_code="created", name="not watched")
    write(2, task_status_code="approved")
    client.execute_sql("update tasks__costs set cost = 2 where _dlt_list_idx = 0")
    write(3, task_status_code="approved")
    run_scripts(client, "demo", with_marts=False)
    insert(client, "deletion_proofs", *(proof("tasks", 1, hour(n), region="demo") for n in (4, 5)))
    run_scripts(client, "demo", with_marts=False)
    run_scripts(client, "demo", reckon=True, with_marts=False)
    write(6, task_status_code="approved")
    found = [
        (number, noted.astimezone(timezone.utc), status, people, str(cost), gone)
        for number, noted, status, people, cost, gone in versions(client, 1)
    ]
    people = "8:,9:assigned"
    assert found == [
        (1, hour(0), "created", people, "1.01", False),
        (2, hour(2), "approved", people, "1.01", False),
        (3, hour(3), "approved", people, "2.00", False),
        (4, hour(5), "approved", people, "2.00", True),
        (5, hour(6), "approved", people, "2.00", False),
    ]


def test_scripts_that_fail_leave_no_version_and_the_next_run_adds_it_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(client, "tasks", task(1, region="demo"))
    with monkeypatch.context() as patch:
        patch.setattr(mart_rows, "refresh", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_scripts(client, "demo")
    assert versions(client, 1) == []
    for _ in range(2):
        run_scripts(client, "demo")
    assert len(versions(client, 1)) == 1


def test_tasks_loaded_before_there_was_a_history_get_their_first_version(client: Client) -> None:
    insert(client, "tasks", task(1, region="demo", link_status="no_link_at_source", property_pk=1))
    insert(client, "properties", property_row(1, region="demo"))
    for _ in range(2):
        run_scripts(client, "demo")
        assert len(versions(client, 1)) == 1


def test_unfinished_work_is_not_unsaid_and_a_clean_long_after_a_departure_is_none_of_it(demo: Client) -> None:
    add_task(demo, 103, task_status_code="created", type_department="maintenance", scheduled_date=day(9))
    add_line(demo, "tasks__costs", 0, 103, cost=8, bill_to="insurance")
    add_task(demo, 104, task_status_code="created", scheduled_date=day(18))
    run_scripts(demo, "demo")
    billing = "amount, unsaid_amount, unfinished_amount"
    assert row_of(demo, "mart_owner_billing", billing, "bill_to = 'insurance'") == ["8.00", None, "8.00"]
    state = "clean_basis, clean_state"
    assert row_of(demo, "mart_stay_turnovers", state, "reservation_id = 4") == ["none", "none"]
    add_task(demo, 105, task_status_code="created", scheduled_date=day(17))
    run_scripts(demo, "demo")
    assert row_of(demo, "mart_stay_turnovers", state, "reservation_id = 4") == ["day", "unassigned"]
