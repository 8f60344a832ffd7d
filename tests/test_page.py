"""The page to look at: every figure on it equals a query beside it, and it says nothing it must not."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from databases import Database, fresh_postgres
from loading import Loader
from quick_loading import QuickLoader
from reading_pages import Page
from small_worlds import NOW, small_world
from tables import Client, insert

from breezeway_source.sandbox import Sandbox, World
from pipelines.database.marts import make_tables
from pipelines.database.post_sql import run_scripts
from pipelines.page import __main__ as page_command
from pipelines.page import axes, charts
from pipelines.page.making import make_page, write_page
from pipelines.watch.sync_runs import plain

SQL_README = Path(__file__).parents[1] / "sql_post" / "README.md"
REGIONS = {"smoky": "Smoky Mountains", "austin": "Austin"}
GUEST = "Wilhelmina Passenger"
MARKUP = "<script>alert('task')</script>"
# One record each that the page must show or must not.


def worlds() -> dict[str, World]:
    made = {
        code: small_world(region=code, properties=4, tasks=24, first_property_id=2001 + 7000 * number)
        for number, code in enumerate(REGIONS)
    }
    world = made["smoky"]
    for stay in world.reservations.values():
        stay["guests"] = [{"first_name": GUEST, "last_name": GUEST, "emails": [f"{GUEST}@example.test"]}]
    task = next(task for task in world.tasks.values() if task.get("costs"))
    world.edit_task(task["id"], name=MARKUP, total_cost=987654.25)
    world.edit_property(next(iter(world.properties)), name="<b>Bold</b> & Sons")
    return made


def load_and_change(loader: Loader) -> None:
    """Two regions, and an hour later what a run would write of three tasks that changed."""
    first = loader.run("--entities", "all", regions=tuple(REGIONS))
    assert first.exit_code == 0, first.as_dict()
    tasks = loader.sandbox.worlds["smoky"].tasks.values()
    done = [t for t in tasks if t["type_task_status"]["code"] in ("finished", "approved")]
    reopened = done[0]["id"]
    approved = next(
        t["id"] for t in done[1:] if t["type_task_status"]["code"] == "approved" and t.get("costs")
    )
    assigned = next(t["id"] for t in tasks if not t.get("assignments"))
    with loader.client() as client:
        client.execute_sql(f"update tasks set task_status_code = 'created' where task_id = {reopened}")
        client.execute_sql(
            f"update tasks__costs set cost = 1234.5 where task_id = {approved} and _dlt_list_idx = 0"
        )
        somebody = {"region_code": "smoky", "task_id": assigned, "assignee_id": 655}
        of_it = {"_dlt_root_id": "x", "_dlt_parent_id": "x", "_dlt_list_idx": 0}
        insert(client, "tasks__assignments", {**somebody, **of_it, "type_task_user_status": "assigned"})
        client.execute_sql(
            "update tasks set link_status = null, synced_at = %s "
            f"where task_id in ({reopened}, {approved}, {assigned})",
            plain(NOW.add(hours=1)),
        )
        run_scripts(client, "smoky")


@contextmanager
def loaded_into(kind: str, folder: Path) -> Iterator[Loader]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_postgres()) if kind == "postgres" else str(folder / "page.duckdb")
        way = Loader if kind == "postgres" else QuickLoader
        sandbox = stack.enter_context(Sandbox.multi(worlds(), token_limit=False))
        loader = stack.enter_context(way(sandbox, Database(kind, url, folder), folder / "work", NOW))
        loader.configure(marts=True)
        loader.once("the page's two regions", lambda: load_and_change(loader))
        loader.now = NOW.add(hours=1, minutes=10)
        yield loader


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    """For tests that change nothing of it."""
    folder = tmp_path_factory.mktemp("loaded")
    home = {name: str(folder) for name in ("HOME", "XDG_CACHE_HOME", "DLT_DATA_DIR")}
    with patch.dict(os.environ, home), loaded_into(request.param, folder) as loader:
        yield loader


@pytest.fixture
def loaded_duckdb(tmp_path: Path) -> Iterator[Loader]:
    with loaded_into("duckdb", tmp_path) as loader:
        yield loader


@cache
def html_of(loader: Loader, with_names: bool = False) -> str:
    with loader.client() as client:
        return make_page(client, REGIONS, loader.now, with_names=with_names)


def page(loader: Loader, with_names: bool = False) -> Page:
    return Page(html_of(loader, with_names))


def name(code: str) -> str:
    return {"smoky": "Smoky", "austin": "Austin"}[code]  # as the test's regions are called


NOTHING = "\N{EN DASH}"
NEW_YORK = ZoneInfo("America/New_York")  # smoky's


def money(value: Decimal | None) -> str:
    return NOTHING if value is None else f"{value:,.2f}"


def share_of(part: int, whole: int) -> str:
    return f"{100 * Decimal(part) / Decimal(whole):.1f} %" if whole else NOTHING


def test_every_figure_equals_a_query_beside_it(loaded: Loader) -> None:
    shown = page(loaded)
    since = (NOW.date().replace(day=1) - timedelta(days=700)).isoformat()

    # To be billed: from the lines, not from the mart that the page reads.
    billed: dict[tuple[str, str, str], list[Decimal | None]] = defaultdict(list)
    for code, month, payer, amount in loaded.query(
        f"select region_code, work_month, bill_to, amount from mart_task_lines "
        f"where work_month >= date '{since}'"
    ):
        billed[name(code), month.strftime("%Y-%m"), payer].append(amount)
    rows = shown.rows("To be billed, by region, month and payer")
    assert {tuple(row[:3]): (row[3], row[4], row[5]) for row in rows} == {
        key: (
            f"{len(amounts):,}",
            f"{sum(a is None for a in amounts):,}",
            money(
                sum((a for a in amounts if a is not None), Decimal(0))
                if any(a is not None for a in amounts)
                else None
            ),
        )
        for key, amounts in billed.items()
    }
    assert len(rows) > 10

    # Cost of a turnover, with its spread.
    costs: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    turns: Counter[tuple[str, str]] = Counter()
    for code, month, cost in loaded.query(
        f"select region_code, checkout_month, clean_cost from mart_stay_turnovers "
        f"where is_turn and checkout_month >= date '{since}' and checkout_date <= date '{loaded.now.date()}'"
    ):
        turns[code, month.strftime("%Y-%m")] += 1
        if cost is not None:
            costs[code, month.strftime("%Y-%m")].append(cost)
    for code in REGIONS:
        table = shown.rows(f"Cost of a turnover in {name(code)}")
        assert {row[0]: int(row[1].replace(",", "")) for row in table} == {
            month: count for (of, month), count in turns.items() if of == code
        }
        for row in table:
            known = sorted(costs[code, row[0]])
            assert row[2] == str(len(known))
            middle = known[(len(known) + 1) // 2 - 1] if known else None
            assert (row[3], row[5], row[7], row[8]) == (
                money(known[0] if known else None),
                money(middle),
                money(known[-1] if known else None),
                money(sum(known) if known else None),
            )
    assert sum(map(len, costs.values())) > 5

    # What is due, supplies, doubtful money, links.
    ((due,),) = loaded.query("select count(*) from mart_upcoming_turns where needs_attention")
    assert len(shown.rows("Check-outs that need attention")) == due if due else True
    supplies = loaded.query(
        f"select count(*), sum(amount) from mart_task_lines where line_kind = 'supply' and work_month >= date '{since}'"
    )
    told = shown.rows("Supplies by region and month")
    assert supplies == [
        (
            sum(int(row[2].replace(",", "")) for row in told),
            sum(Decimal(row[4].replace(",", "")) for row in told if row[4] != "\N{EN DASH}"),
        )
    ]
    for row in shown.rows("Lines without an amount, and totals that differ"):
        code = next(code for code in REGIONS if name(code) == row[0])
        assert [int(cell.replace(",", "")) for cell in row[1:5]] == [
            *loaded.query(
                "select count(*), count(*) - count(amount) from mart_task_lines where region_code = %s", code
            )[0],
            *loaded.query(
                "select count(total_cost_difference), count(*) filter (where total_cost_difference <> 0) "
                "from mart_task_money where region_code = %s",
                code,
            )[0],
        ]
    links = {
        code: (f"{tasks:,}", f"{linked:,}", f"{resolved:,}")
        for code, tasks, linked, resolved in loaded.query(
            "select region_code, total_tasks, linked, resolved from task_linkage"
        )
    }
    assert {row[0]: tuple(row[2:5]) for row in shown.rows("Linkage of eight weeks")} == {
        name(code): counts for code, counts in links.items()
    }

    # Punctuality by week, against the rows themselves.
    weeks: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for code, day, same_day, on_time in loaded.query(
        "select region_code, checkout_date, is_same_day_turn, is_on_time from mart_stay_turnovers where is_turn "
        f"and checkout_date <= date '{loaded.now.date()}' "
        f"and checkout_date >= date '{loaded.now.date() - timedelta(weeks=26)}'"
    ):
        week = (day - timedelta(days=day.weekday())).isoformat()
        counts = weeks[name(code), week]
        for place, happened in enumerate((True, same_day, on_time, on_time is False)):
            counts[place] += bool(happened)
    assert {
        (row[0], row[1]): [int(cell.replace(",", "")) for cell in row[2:6]]
        for row in shown.rows("Turns by week of check-out and region")
    } == dict(weeks)


def test_every_other_figure_equals_one_reckoned_from_the_rows(loaded: Loader) -> None:
    """Spreads, splits, spans and shares; nothing is asked the way the page asks it."""
    shown, today = page(loaded), loaded.now.date()
    since = (NOW.date().replace(day=1) - timedelta(days=700)).isoformat()

    # To be billed: its four parts.
    parts: dict[tuple[str, str, str], list[Decimal | None]] = defaultdict(lambda: [None] * 4)
    for code, month, payer, finished, billable, amount in loaded.query(
        "select region_code, work_month, bill_to, is_finished, billable, amount from mart_task_lines "
        f"where work_month >= date '{since}'"
    ):
        place = 3 if not finished else 2 if billable is None else 0 if billable else 1
        of = parts[name(code), month.strftime("%Y-%m"), payer]
        of[place] = of[place] if amount is None else (of[place] or Decimal(0)) + amount
    billing = shown.rows("To be billed, by region, month and payer")
    assert {tuple(row[:3]): row[6:] for row in billing} == {
        key: [money(amount) for amount in amounts] for key, amounts in parts.items()
    }
    assert sum(any(row[place] != NOTHING for row in billing) for place in range(6, 10)) > 1

    # The quarters of a turnover's cost: the value below which, or at which, so many lie.
    quarters: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for code, month, cost in loaded.query(
        "select region_code, checkout_month, clean_cost from mart_stay_turnovers "
        "where is_turn and clean_cost is not null "
        f"and checkout_month >= date '{since}' and checkout_date <= date '{today}'"
    ):
        quarters[code, month.strftime("%Y-%m")].append(cost)
    for code in REGIONS:
        for row in shown.rows(f"Cost of a turnover in {name(code)}"):
            known = sorted(quarters[code, row[0]])
            for cell, share in ((row[4], 1), (row[6], 3)):
                assert cell == money(known[-(-len(known) * share // 4) - 1] if known else None)

    # Supplies, row by row; all lines of several pieces are priced as one piece here or not: see the test of margins.
    used: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, None, None, None, None])
    for code, month, *values in loaded.query(
        "select region_code, work_month, quantity, amount, supply_cost, supply_margin from mart_task_lines "
        f"where line_kind = 'supply' and work_month >= date '{since}'"
    ):
        sums = used[name(code), month.strftime("%Y-%m")]
        sums[0] += 1
        for place, value in enumerate(values, 1):
            sums[place] = sums[place] if value is None else (sums[place] or Decimal(0)) + value
    supplies = shown.rows("Supplies by region and month")
    assert {tuple(row[:2]) for row in supplies} == used.keys() and len(supplies) > 3
    for row in supplies:
        count, pieces, *amounts = used[row[0], row[1]]
        assert row[2] == f"{count:,}"
        assert (None if row[3] == NOTHING else Decimal(row[3].replace(",", ""))) == pieces
        assert row[4:] == [money(amount) for amount in amounts][: len(row) - 4]

    # Lateness, same-day turns by week, and the shares.
    late: Counter[tuple[str, str]] = Counter()
    for code, minutes in loaded.query(
        "select region_code, case when not is_on_time then slack_minutes else 1 end "
        "from mart_stay_turnovers where is_turn and is_on_time is not null "
        f"and checkout_date between date '{today - timedelta(weeks=8)}' and date '{today}'"
    ):
        bounds = ((30, "under 30 min"), (60, "30-60 min"), (120, "1-2 h"), (240, "2-4 h"))
        span = "not known" if minutes is None else next((t for m, t in bounds if -minutes < m), "over 4 h")
        late[name(code), "on time" if minutes == 1 else span] += 1
    by_span = shown.rows("Cleans of eight weeks by how late they were")
    assert {(row[0], row[1]): int(row[2]) for row in by_span} == dict(late) and late
    too_late = sum(count for (_, span), count in late.items() if span != "on time")
    assert f"{too_late} of {sum(late.values())} judged cleans" in shown.text
    by_week = shown.rows("Turns by week of check-out and region")
    weeks: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in by_week:
        weeks[row[1]] = [a + int(b) for a, b in zip(weeks[row[1]], row[2:4], strict=True)]
        assert row[6] == share_of(int(row[4]), int(row[4]) + int(row[5]))
    told_weeks = {row[0]: [int(cell) for cell in row[1:]] for row in shown.rows("Same-day turns by week")}
    assert told_weeks == {week: weeks[week] for week in told_weeks} and weeks.keys() <= told_weeks.keys()
    mondays = [date.fromisoformat(week) for week in told_weeks]
    assert {after - before for before, after in itertools.pairwise(mondays)} == {timedelta(weeks=1)}
    assert any(same_day for _, same_day in weeks.values())

    # Totals that differ, and the share of them.
    differing = [
        [name(code), str(task), title or NOTHING, str(home), str(day or NOTHING),
         *map(money, (total, lines, total - lines))]
        for code, task, title, home, day, total, lines in loaded.query(
            "select region_code, task_id, name, property_id, work_day, total_cost, lines_amount from mart_task_money "
            "where total_cost is not null and lines_amount is not null and total_cost <> lines_amount"
        )
    ]  # fmt: skip
    most = sorted(differing, key=lambda row: -abs(Decimal(row[7].replace(",", ""))))[:20]
    told = shown.rows("The 20 tasks whose totals differ most")
    assert [row[7] for row in told] == [row[7] for row in most]
    assert all(row in differing for row in told) and len(told) > 1
    doubtful = shown.rows("Lines without an amount, and totals that differ")
    lines, without, compared, differ = (
        sum(int(row[place].replace(",", "")) for row in doubtful) for place in (1, 2, 3, 4)
    )
    assert f"{without} of {lines} lines have no amount." in shown.text
    assert f"{differ} of {compared} totals differ." in shown.text
    for row in doubtful:
        assert row[5] == share_of(int(row[4].replace(",", "")), int(row[3].replace(",", "")))

    # A region at a look, and its links.
    for code in REGIONS:
        card = {row[0]: row[1] for row in shown.tables[f"region-{code}"]}
        runs = loaded.query(
            "select run_id, requests, failures, finished_at from sync_runs where region_code = %s", code
        )
        requests, failures = sum(row[1] for row in runs), sum(row[2] for row in runs)
        assert card["requests, failures in 24 h"] == f"{requests:,}, {failures:,}"
        ((tasks, linked, resolved),) = loaded.query(
            "select count(*), count(linked_reservation_id), count(reservation_pk) from tasks "
            "where deleted_at is null and region_code = %s",
            code,
        )
        assert card["live tasks"] == f"{tasks:,}"
        assert card["linked, resolved"] == f"{share_of(linked, tasks)}, {share_of(resolved, linked)}"
        (links,) = [row for row in shown.rows("Linkage of eight weeks") if row[0] == name(code)]
        assert links[5] == share_of(resolved, tasks)
        age = loaded.now - max(row[3] for row in runs)
        assert card["data loaded"] == f"{int(age.total_seconds() // 60)} min ago"
        ((good,),) = loaded.query("select max(finished_at) from sync_runs where region_code = %s", code)
        (zone,) = loaded.column("select time_zone from regions where region_code = %s", code)
        at = good.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")
        assert card["last good run"] == f"{at} ({card['data loaded']})"
        # Both regions were loaded by the same run.
        for entity, last in loaded.query(
            "select entity, max(finished_at) from sync_runs where region_code = %s group by entity", code
        ):
            minutes = int((loaded.now - last).total_seconds() // 60)
            assert shown.text.count(f"{entity}: {minutes} min ago") >= 2, entity
    assert f"Made {loaded.now:%Y-%m-%d %H:%M} UTC" in shown.text


def test_what_needs_attention_is_that_of_the_view_the_next_guest_first(loaded_duckdb: Loader) -> None:
    """The view knows today by the database's clock: what was loaded_duckdb in March is moved there."""
    days = (date.today() - NOW.date()).days
    for column in ("checkout_date", "next_checkin_date"):
        loaded_duckdb.query(f"update mart_stay_turnovers set {column} = {column} + cast({days} as integer)")
    shown = page(loaded_duckdb)
    expected = []
    for code, home, house, out, out_at, into, into_at, same, state, stay in loaded_duckdb.query(
        "select region_code, property_id, property_name, checkout_date, checkout_time, next_checkin_date, "
        "next_checkin_time, is_same_day_turn, clean_state, reservation_id from mart_upcoming_turns "
        "where needs_attention"
    ):
        expected.append(
            [
                name(code),
                house or f"{home:,}",
                f"{out} {str(out_at)[:5]}" if out_at else str(out),
                (f"{into} {str(into_at)[:5]}" if into_at else str(into)) if into else "nobody booked",
                "same day" if same else "",
                "no clean" if state == "none" else "nobody assigned",
                str(stay),
            ]
        )
    due = shown.tables.get("Check-outs that need attention", [[]])[1:]
    assert sorted(due) == sorted(expected) and len(due) > 3
    (upcoming,) = loaded_duckdb.column("select count(*) from mart_upcoming_turns")
    assert f"{len(due)} of {upcoming} check-outs of these days need attention." in shown.text
    urgency = [(row[3] if row[3] != "nobody booked" else row[2])[:10] for row in due]
    assert urgency == sorted(urgency)


def test_changes_are_told_from_the_history(loaded: Loader) -> None:
    """Reopened, edited after its approval, assigned: one task each, an hour after the first load."""
    shown = page(loaded)
    month = loaded.now.strftime("%Y-%m")
    assert shown.rows("Reopened tasks by region and month") == [["Smoky", month, "1", "1"]]
    (edited,) = shown.rows("Lines edited after approval, the newest 20")
    versions = loaded.column(
        "select coalesce(cost_amount, 0) + coalesce(supply_amount, 0) from task_changes where task_id = %s "
        "order by change_number",
        int(edited[1]),
    )
    assert edited[4:] == [money(versions[0]), money(versions[-1])] and versions[0] != versions[-1]
    (seen,) = loaded.column(
        "select noted_at from task_changes where task_id = %s and change_number = 2", int(edited[1])
    )
    (title,) = loaded.column("select name from tasks where task_id = %s", int(edited[1]))
    assert (
        edited[0] == "Smoky"
        and edited[2] == title
        and edited[3] == seen.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M %Z")
    )
    assert shown.rows("Hours until assigned, by region and month") == [["Smoky", month, "1", "1.0", "1.0"]]


def test_work_by_person_is_that_of_the_payouts(loaded: Loader) -> None:
    shown = page(loaded, with_names=True)
    first = (loaded.now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    expected = [
        [
            name(code),
            month.strftime("%Y-%m"),
            f"{tasks:,}",
            f"{without:,}",
            currency or NOTHING,
            money(amount),
        ]
        for code, month, tasks, without, currency, amount in loaded.query(
            "select region_code, work_month, count_tasks, count_tasks_without_rate, currency, amount from mart_payouts "
            f"where work_month >= date '{first}'"
        )
    ]
    told = shown.rows("Work by person, this month and the last")
    assert sorted([*row[:2], *row[3:]] for row in told) == sorted(expected) and expected
    people = {
        (name(code), person): full
        for code, person, full in loaded.query("select region_code, person_id, name from people")
    }
    shares = loaded.query(
        f"select region_code, person_id from mart_payouts where work_month >= date '{first}'"
    )
    whose = Counter(
        (name(code), (people.get((name(code), person)) or f"person {person}") if person else "nobody named")
        for code, person in shares
    )
    assert Counter((row[0], row[2]) for row in told) == whose and any(" " in who for _, who in whose)


def test_what_came_from_outside_is_shown_as_text_and_people_are_not_shown(loaded: Loader) -> None:
    html, named = html_of(loaded), html_of(loaded, with_names=True)
    shown = Page(html)
    assert MARKUP in [row[2] for row in shown.rows("The 20 tasks whose totals differ most")]
    assert MARKUP not in html and "<b>" not in html
    assert not [tag for tag, _ in shown.tags if tag in ("script", "iframe", "img", "link", "object", "form")]
    for _, attributes in shown.tags:
        for key, value in attributes.items():
            assert not key.startswith("on"), key
            if key in ("href", "src"):
                assert (value or "").startswith("#")
    staff = {first for (first,) in loaded.query("select first_name from people where first_name is not null")}
    assert GUEST not in html and GUEST not in named and "example.test" not in html
    assert "Work by person" not in html
    assert (
        not {row[2].split()[0] for row in Page(named).rows("Work by person, this month and the last")}
        - staff
        - {"person", "nobody"}
    )


# --- states --------------------------------------------------------------------------------------------


def test_an_empty_database_says_what_to_do(duckdb_database: Database) -> None:
    with duckdb_database.client() as client:
        shown = Page(make_page(client, REGIONS, NOW))
    assert "never loaded" in shown.text and "run pipelines/run.py --region smoky" in shown.text
    assert "No check-out of these days is known." in shown.text, "not: none needs attention"
    with duckdb_database.client() as client:
        assert (
            "Nothing has been loaded yet, and no region is configured."
            in Page(make_page(client, {}, NOW)).text
        )


@pytest.fixture
def tables(duckdb_tables: Client) -> Client:
    make_tables(duckdb_tables)
    return duckdb_tables


def put(client: Any, table: str, *rows: dict[str, Any]) -> None:
    """Rows of a mart, which has no columns of dlt's."""
    for names, alike in itertools.groupby(rows, key=tuple):
        values = [tuple(row.values()) for row in alike]
        marks = ", ".join(["({})".format(", ".join(["%s"] * len(names)))] * len(values))
        client.execute_sql(
            f"insert into {table} ({', '.join(names)}) values {marks}", *itertools.chain(*values)
        )


def put_region(client: Any, code: str, zone: str | None = None) -> None:
    region = {"region_code": code, "name": code.title(), "time_zone": zone, "synced_at": plain(NOW)}
    insert(client, "regions", region)


def run_row(region: str, entity: str, hours_ago: float, **more: Any) -> dict[str, Any]:
    at = plain(NOW) - timedelta(hours=hours_ago)
    return {
        "run_id": f"run{hours_ago}",
        "region_code": region,
        "entity": entity,
        "started_at": at,
        "finished_at": at + timedelta(minutes=1),
        "status": "ok",
        "exit_code": 0,
        "requests": 10,
        "retries": 0,
        "refusals": 0,
        "rows": 1,
        "failures": 0,
        **more,
    }


def test_a_region_is_late_failed_or_well_in_words_and_with_its_problems(tables: Any) -> None:
    for region in ("well", "failed", "late"):
        insert(
            tables,
            "regions",
            {
                "region_code": region,
                "name": region.title(),
                "time_zone": "America/New_York",
                "synced_at": plain(NOW),
            },
        )
    insert(
        tables,
        "sync_runs",
        *(run_row("well", "tasks", hour) for hour in range(1, 120)),
        *(run_row("late", "tasks", hour) for hour in range(21, 120)),
        *(run_row("failed", "tasks", hour + 1) for hour in range(1, 120)),
    )
    noted = {"text": "failed: no answer. Next: wait.", "since": "2026-03-10T01:02:03+00:00", "seen": "x"}
    problems = json.dumps({"error": noted})
    insert(
        tables, "sync_runs", run_row("failed", "tasks", 0.5, status="failed", exit_code=3, problems=problems)
    )
    shown = Page(make_page(tables, {"mammoth": "Mammoth"}, NOW))
    assert (
        "Needs attention: Failed failed; Late not as usual; Mammoth never loaded; 2 open problems."
        in shown.text
    )
    assert shown.rows("What the last runs left open") == [
        ["Failed", "failed: no answer.", "2026-03-09 21:02 EDT", "wait."],
        ["Mammoth", "has never been loaded", "the beginning", "run pipelines/run.py --region mammoth"],
    ]
    titles = [
        attributes.get("title") for tag, attributes in shown.tags if tag == "li" and "title" in attributes
    ]
    assert "usually every 60 minutes" in titles


@pytest.fixture(params=["duckdb", "postgres"])
def tables_of_both(request: pytest.FixtureRequest) -> Client:
    made: Client = request.getfixturevalue(f"{request.param}_tables")
    make_tables(made)
    return made


def test_months_and_weeks_are_of_the_regions_zone_and_reopened_means_one_thing(tables_of_both: Any) -> None:
    """The page's meaning is that of the query in sql_post/README.md."""
    client, region = tables_of_both, {"region_code": "smoky"}
    put_region(client, "smoky", "America/New_York")
    start = datetime(2026, 3, 1, 3, tzinfo=timezone.utc)  # the last evening of February there
    histories = {
        1: ("Finished", "created"),
        2: ("CLOSED", None),
        3: ("approved", "in_progress", "Finished", "Created"),
        4: ("approved", "Closed"),
        5: ("created", "closed"),
        6: ("finished", "deleted"),
    }
    put(
        client,
        "task_changes",
        *(
            {
                **region,
                "task_id": task,
                "change_number": number,
                "noted_at": start - timedelta(hours=len(codes) - number),
                "task_status_code": code,
                "assignees": "655:assigned" if number > 1 else None,
                "is_deleted": code == "deleted",
            }
            for task, codes in histories.items()
            for number, code in enumerate(codes, 1)
        ),
    )
    sunday = datetime(2026, 3, 9, 3, tzinfo=timezone.utc)  # Monday in UTC
    row = run_row("smoky", "tasks", 1, tasks_total=9, tasks_linked=8, tasks_resolved=7)
    insert(client, "sync_runs", row | {"started_at": sunday, "finished_at": sunday})
    shown = Page(make_page(client, {}, NOW))
    assert shown.rows("Reopened tasks by region and month") == [["Smoky", "2026-02", "4", "3"]]
    assert shown.rows("Hours until assigned, by region and month")[0][:3] == ["Smoky", "2026-02", "5"]
    assert [row[:2] for row in shown.rows("Linkage of eight weeks")] == [["Smoky", "2026-03-02"]]
    queries = re.findall(r"```sql\n(.*?);\n```", SQL_README.read_text("utf-8"), re.DOTALL)
    (query,) = [query for query in queries if "task_changes" in query]
    assert sorted(row[0] for row in client.execute_sql(query)) == [1, 2, 3, 3]


def test_days_weeks_and_months_are_of_the_regions_own_day_and_begin_whole(tables_of_both: Any) -> None:
    """It is 1 March in UTC, and the last evening of February in New York."""
    client, now = tables_of_both, datetime(2026, 3, 1, 3, tzinfo=timezone.utc)
    for code, zone in (("smoky", "America/New_York"), ("austin", None)):
        region = {"region_code": code}
        put_region(client, code, zone)
        days = (
            date(2024, 3, 31),  # in two years there, before them in UTC
            date(2024, 4, 1),
            date(2025, 8, 24),  # the Sunday before the first whole week of half a year
            date(2025, 8, 25),
            date(2026, 1, 3),  # eight weeks ago there
            date(2026, 2, 28),
            date(2026, 3, 1),
        )
        turn = {"is_turn": True, "is_same_day_turn": False, "is_on_time": True, "clean_cost": Decimal(9)}
        put(
            client,
            "mart_stay_turnovers",
            *(
                {
                    **region,
                    **turn,
                    "reservation_id": number,
                    "checkout_date": day,
                    "checkout_month": day.replace(day=1),
                }
                for number, day in enumerate(days)
            ),
        )
        months = (date(2024, 3, 1), date(2024, 4, 1), date(2025, 12, 1), date(2026, 1, 1), None)
        line = {"line_kind": "supply", "bill_to": "owner", "amount": Decimal(5), "property_id": 1}
        for number, month in enumerate(months):
            put(client, "mart_task_lines", {**region, **line, "task_id": number, "work_month": month})
            bill = {"bill_to": "owner", "count_lines": 1, "count_lines_without_amount": 0}
            put(
                client,
                "mart_owner_billing",
                {**region, **bill, "property_id": 1, "work_month": month, "amount": Decimal(5)},
            )
            pay = {"currency": "", "count_tasks": 1, "count_tasks_without_rate": 1}
            put(client, "mart_payouts", {**region, **pay, "person_id": 7, "work_month": month})
        for number, seen in enumerate((date(2025, 9, 1), date(2025, 9, 30), date(2025, 10, 2)), 1):
            at = datetime(seen.year, seen.month, seen.day, 12, tzinfo=timezone.utc)
            versions = (("approved", None, 0), ("created", "655:assigned", 1))
            for change, (status, who, hours) in enumerate(versions, 1):
                version = {"task_id": number, "change_number": change, "task_status_code": status}
                noted = {"noted_at": at + timedelta(hours=hours), "assignees": who, "is_deleted": False}
                put(client, "task_changes", {**region, **version, **noted})
    shown = Page(make_page(client, {}, now, with_names=True))
    seen = {
        "turnovers": shown.rows("Cost of a turnover in Smoky"),
        "in UTC": shown.rows("Cost of a turnover in Austin"),
    }
    assert {name: [row[:2] for row in rows] for name, rows in seen.items()} == {
        "turnovers": [
            ["2024-03", "1"],
            ["2024-04", "1"],
            ["2025-08", "2"],
            ["2026-01", "1"],
            ["2026-02", "1"],
        ],
        "in UTC": [["2024-04", "1"], ["2025-08", "2"], ["2026-01", "1"], ["2026-02", "1"], ["2026-03", "1"]],
    }
    weeks = shown.rows("Turns by week of check-out and region")
    assert [row[1:3] for row in weeks if row[0] == "Smoky"] == [
        ["2025-08-25", "1"],
        ["2025-12-29", "1"],
        ["2026-02-23", "1"],
    ]
    assert [row[1:3] for row in weeks if row[0] == "Austin"][-1] == ["2026-02-23", "2"]
    late = shown.rows("Cleans of eight weeks by how late they were")
    assert late == [["Austin", "on time", "2"], ["Smoky", "on time", "2"]]
    people = [row[:3] for row in shown.rows("Work by person, this month and the last")]
    assert people == [["Smoky", "2026-01", "person 7"]], "in UTC, January is two months ago"
    for caption in ("To be billed, by region, month and payer", "Supplies by region and month"):
        rows = shown.rows(caption)
        assert [row[1] for row in rows if row[0] == "Smoky"] == [
            "2024-03",
            "2024-04",
            "2025-12",
            "2026-01",
            "no day",
        ]
        assert [row[1] for row in rows if row[0] == "Austin"] == ["2024-04", "2025-12", "2026-01", "no day"]
    for caption in ("Reopened tasks by region and month", "Hours until assigned, by region and month"):
        rows = [row[:3] for row in shown.rows(caption)]
        assert rows == [["Austin", "2025-10", "1"], ["Smoky", "2025-09", "2"], ["Smoky", "2025-10", "1"]]


def test_lines_edited_after_an_approval_are_told_also_later_and_deletions_are_none(
    tables_of_both: Any,
) -> None:
    histories: dict[int, tuple[tuple[str, Any, Any, int, bool], ...]] = {
        # status, costs, supplies, lines, deleted
        1: (("approved", 5, None, 1, False), ("created", 5, None, 1, False), ("created", 8, 2, 2, False)),
        2: (("approved", 5, None, 1, False), ("approved", None, None, 0, True)),
        3: (("approved", None, None, 1, False), ("approved", Decimal("-1.5"), None, 1, False)),
        4: (("finished", 5, None, 1, False), ("approved", 6, None, 1, False)),
        5: (("Approved", 5, 1, 2, False), ("approved", None, None, 2, False)),
    }
    put(
        tables_of_both,
        "task_changes",
        *(
            {
                "region_code": "smoky",
                "task_id": task,
                "change_number": number,
                "noted_at": plain(NOW) - timedelta(hours=task),
                "task_status_code": status,
                "cost_amount": None if cost is None else Decimal(cost),
                "supply_amount": None if supply is None else Decimal(supply),
                "count_cost_lines": lines,
                "count_supply_lines": 0,
                "is_deleted": is_deleted,
            }
            for task, versions in histories.items()
            for number, (status, cost, supply, lines, is_deleted) in enumerate(versions, 1)
        ),
    )
    shown = Page(make_page(tables_of_both, {}, NOW)).rows("Lines edited after approval, the newest 20")
    assert [[row[1], *row[4:]] for row in shown] == [
        ["1", "5.00", "10.00"],
        ["3", NOTHING, "-1.50"],
        ["5", "6.00", NOTHING],
    ]


def test_a_region_that_has_stood_still_for_months_was_loaded(tables: Any) -> None:
    put_region(tables, "smoky")
    noted = json.dumps({"check": {"text": "bad rows. Next: look.", "since": "2025-12-01T00:00:00+00:00"}})
    insert(tables, "sync_runs", run_row("smoky", "tasks", 24 * 70, problems=noted))
    shown = Page(make_page(tables, {"smoky": "Smoky"}, NOW))
    assert "Needs attention: Smoky not as usual; 1 open problem." in shown.text
    assert "tasks: 69 days ago" in shown.text and "never loaded" not in shown.text
    assert shown.rows("What the last runs left open")[0][:2] == ["Smoky", "bad rows."]
    # What was loaded once by hand, beside a region that runs, is not late for ever.
    insert(tables, "sync_runs", run_row("smoky", "people", 1, problems="{}"))
    shown = Page(make_page(tables, {"smoky": "Smoky"}, NOW))
    assert "All is well in 1 region." in shown.text and "○ tasks: 69 days ago" in shown.text


def test_what_is_out_of_all_measure_is_told_and_does_not_flatten_the_pictures(tables_of_both: Any) -> None:
    client, region, absurd = tables_of_both, {"region_code": "smoky"}, Decimal("41000000000.00")
    put_region(client, "smoky")
    month = NOW.date().replace(day=1)
    months = [(month - timedelta(days=28 * back)).replace(day=1) for back in range(6)]
    costs = {stay: Decimal(100 + stay) for stay in range(17)} | {17: absurd, 18: Decimal(0), 19: -absurd}
    put(
        client,
        "mart_stay_turnovers",
        *(
            {
                **region,
                "reservation_id": stay,
                "is_turn": True,
                "checkout_date": months[stay % 6],
                "checkout_month": months[stay % 6],
                "clean_cost": cost,
            }
            for stay, cost in costs.items()
        ),
    )
    bill = {**region, "property_id": 1, "count_lines": 1, "count_lines_without_amount": 0}
    put(
        client,
        "mart_owner_billing",
        *(
            {**bill, "work_month": when, "bill_to": payer, "amount": amount}
            for when, owner in zip(months, (500, absurd, 400, -absurd, 300, 450))
            for payer, amount in (("owner", Decimal(owner)), ("guest", Decimal(100)))
        ),
    )
    put(
        client,
        "mart_task_lines",
        *(
            {
                **region,
                "task_id": number,
                "line_kind": "supply",
                "bill_to": "owner",
                "work_month": when,
                # The product of the two does not fit into 38 digits.
                "quantity": Decimal(10**19) if number == 2 else Decimal(2),
                "amount": Decimal(10**19) if number == 2 else Decimal(10),
            }
            for number, when in enumerate(months)
        ),
    )
    html = make_page(client, {}, NOW)
    shown = Page(html)
    rows = shown.rows("Cost of a turnover in Smoky")
    assert sum(int(row[9]) for row in rows) == 2 and [row[7] for row in rows].count(money(absurd)) == 1
    assert "2 of 20 turns are outlying, up to" in shown.text
    told = [
        f"{when:%Y-%m} ({money(amount)})"
        for when, amount in ((months[1], absurd + 100), (months[3], -absurd))
    ]
    assert f"more than 20 times the middle month: {', '.join(told)}." in shown.text
    assert f"more than 20 times the middle month: {months[2]:%Y-%m} ({money(Decimal(10**19))})." in shown.text
    drawn = re.findall(r'<div class="drawn">(<svg.*?</svg>)', html, re.DOTALL)
    assert [svg.count(charts.BEYOND) for svg in drawn] == [2, 2, 1]
    assert max(max(marks(svg)) for svg in drawn) < 2000
    # What is cut off is as high as the picture, the rest keeps its measure.
    heights = [float(height) for height in re.findall(r'd="M[\d.,]+h[\d.]+v([\d.]+)h', drawn[2])]
    heights = [height for height in heights if height]
    assert len(heights) == 6 and max(heights) == pytest.approx(170)
    assert sorted(heights)[:5] == pytest.approx([170 / 1.05] * 5, rel=1e-3)


def test_a_day_mistyped_into_a_far_year_is_in_the_numbers_and_presses_no_picture_together(
    tables_of_both: Any,
) -> None:
    client, region, month = tables_of_both, {"region_code": "smoky"}, NOW.date().replace(day=1)
    put_region(client, "smoky")
    months = [month, (month + timedelta(days=40)).replace(day=1), date(2062, 3, 1), date(9999, 12, 1)]
    bill = {**region, "property_id": 1, "count_lines": 1, "count_lines_without_amount": 0, "bill_to": "owner"}
    put(
        client, "mart_owner_billing", *({**bill, "work_month": when, "amount": Decimal(7)} for when in months)
    )
    supply = {**region, "line_kind": "supply", "bill_to": "owner", "quantity": Decimal(2)}
    put(
        client,
        "mart_task_lines",
        *(
            {**supply, "task_id": number, "work_month": when, "amount": Decimal(9)}
            for number, when in enumerate(months)
        ),
    )
    html = make_page(client, {}, NOW)
    shown = Page(html)
    for caption in ("To be billed, by region, month and payer", "Supplies by region and month"):
        assert [row[1] for row in shown.rows(caption)] == [f"{when:%Y-%m}" for when in months]
    last = axes.every_month([months[0], months[-1]])[-1]
    assert shown.text.count(f"Months after {last}, up to 9999-12, are in the numbers alone.") == 2
    drawn = re.findall(r'<div class="drawn">(<svg.*?</svg>)', html, re.DOTALL)
    assert len(drawn) == 2 and not any("2062" in svg for svg in drawn)
    assert axes.every_month([date(2026, 3, 1), date(9999, 12, 1)])[::35] == ["2026-03", "2029-02"]


def test_months_and_weeks_without_a_row_have_their_place_in_pictures() -> None:
    months = [date(2025, 11, 1), None, date(2026, 2, 1)]
    assert axes.every_month(months) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert axes.every_week([date(2026, 1, 12), date(2025, 12, 29)]) == [
        "2025-12-29",
        "2026-01-05",
        "2026-01-12",
    ]
    assert axes.every_month([None]) == axes.every_week([]) == []
    svg = charts.bars([{"x": "2025-11", "y": 1}], "x", "y", axes.every_month(months), "")
    assert [text for text in re.findall(r">(\d{4}-\d\d)<", svg)] == axes.every_month(months)


def test_forty_regions_and_two_years_stay_small(tables: Client) -> None:
    regions = [f"region_{number}" for number in range(40)]
    insert(
        tables,
        "regions",
        *({"region_code": code, "name": code.title(), "synced_at": plain(NOW)} for code in regions),
    )
    counts = {"tasks_total": 1000, "tasks_linked": 800}
    insert(
        tables,
        "sync_runs",
        *(
            run_row(code, "tasks", 168 * week + number / 100, **counts, tasks_resolved=700 + week)
            for number, code in enumerate(regions)
            for week in range(8)
        ),
    )
    month = f"date '{NOW.date().replace(day=1)}' - to_months(cast(months.range as integer))"
    tables.execute_sql(
        "insert into mart_stay_turnovers (region_code, reservation_id, is_turn, checkout_date, checkout_month, "
        "clean_cost, is_on_time, is_same_day_turn) "
        f"select region_code, 100 * months.range + stays.range, true, {month}, {month}, "
        "100 + stays.range + months.range, stays.range % 2 = 1, false "
        "from regions, range(24) as months, range(3) as stays"
    )
    tables.execute_sql(
        "insert into mart_owner_billing (region_code, property_id, work_month, bill_to, count_lines, "
        "count_lines_without_amount, amount, billable_amount) "
        f"select region_code, 1, {month}, bill_to, 3, 0, 12.5, 12.5 "
        "from regions, range(24) as months, (values ('owner'), ('guest'), ('internal')) as payers (bill_to)"
    )
    html = make_page(tables, {}, NOW)
    assert len(Page(html).rows("Cost of a turnover in Region_39")) > 20
    assert len(html.encode()) < 2_000_000


def test_late_cleans_are_counted_by_how_late_they_were(tables: Any) -> None:
    put_region(tables, "smoky")
    slack = (-1, -29, -30, -59, -60, -119, -120, -239, -240, -9999, None)
    turn = {"region_code": "smoky", "is_turn": True, "is_same_day_turn": True, "checkout_date": NOW.date()}
    put(
        tables,
        "mart_stay_turnovers",
        *(
            turn | {"reservation_id": n, "is_on_time": False, "slack_minutes": minutes}
            for n, minutes in enumerate(slack)
        ),
        turn | {"reservation_id": 50, "is_on_time": True, "slack_minutes": 3},
        turn | {"reservation_id": 51, "is_on_time": False, "slack_minutes": -3, "is_turn": False},
        turn | {"reservation_id": 52, "checkout_date": NOW.date() - timedelta(days=57), "is_on_time": False},
    )
    shown = Page(make_page(tables, {}, NOW))
    spans = ("under 30 min", "30-60 min", "1-2 h", "2-4 h", "over 4 h")
    expected = dict.fromkeys(spans, "2") | {"not known": "1", "on time": "1"}
    rows = shown.rows("Cleans of eight weeks by how late they were")
    assert {row[1]: row[2] for row in rows} == expected
    assert "11 of 12 judged cleans were late." in shown.text


def test_margins_are_not_shown_while_lines_carry_the_price_of_a_piece(tables: Any) -> None:
    put_region(tables, "smoky")
    line = {
        "region_code": "smoky",
        "line_kind": "supply",
        "work_month": NOW.date().replace(day=1),
        "bill_to": "owner",
    }
    several = {
        **line,
        "quantity": Decimal(2),
        "supply_cost": Decimal("9.50"),
        "supply_margin": Decimal("0.50"),
    }
    put(tables, "mart_task_lines", *({**several, "task_id": n, "amount": Decimal("4.75")} for n in range(3)))
    shown = Page(make_page(tables, {}, NOW))
    assert "Margins are not shown" in shown.text and len(shown.tables["Supplies by region and month"][0]) == 6
    put(
        tables,
        "mart_task_lines",
        *({**several, "task_id": 9 + n, "amount": Decimal("10.00")} for n in range(9)),
    )
    shown = Page(make_page(tables, {}, NOW))
    assert (
        "Margins are not shown" not in shown.text
        and len(shown.tables["Supplies by region and month"][0]) == 7
    )


def marks(svg: str) -> list[Decimal]:
    """The numbers beside an axis, percentages as they stand."""
    told = [text.replace(",", "").rstrip("%") for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    return [Decimal(text) for text in told if re.fullmatch(r"\d+(\.\d+)?", text)]


@pytest.mark.parametrize("highest", [1, 2, 3, 4, 5, 6, 7, 12, 250])
def test_marks_of_counts_are_whole_numbers_each_once(highest: int) -> None:
    counts = [{"span": "short", "cleans": highest}, {"span": "long", "cleans": 0}]
    found = marks(charts.bars(counts, "span", "cleans", ["short", "long"], "cleans"))
    steps = {after - before for before, after in itertools.pairwise(found)}
    assert found[0] == 0 and len(found) > 1 and len(steps) == 1 and min(steps) >= 1, found
    assert all(mark == int(mark) for mark in found), found


@pytest.mark.parametrize("highest", [0.5, 2, 3, 1234.5])
def test_marks_of_amounts_and_shares_are_their_values(highest: float) -> None:
    """Rounded to whole ones they read 0, 1, 1, 2, 2."""
    row = {"x": "a", "y": highest, "series": "s", "rank": 0}
    names = ("lowest", "lower_quarter", "middle", "upper_quarter", "highest")
    for svg in (
        charts.stacked([row], "x", "y", "series", ["s"], ""),
        charts.spread([{"x": "a", **{name: highest * n / 4 for n, name in enumerate(names)}}], "x"),
        charts.lines([{**row, "y": highest / 100}], "x", "y", "series", ["s"], "", charts.SHARE),
    ):
        found = marks(svg)
        assert len({after - before for before, after in itertools.pairwise(found)}) == 1, found


# --- commands ------------------------------------------------------------------------------------------


def test_the_command_makes_the_page_of_what_is_loaded(
    loaded_duckdb: Loader, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", loaded_duckdb.database.url)
    monkeypatch.setattr(page_command, "pendulum", SimpleNamespace(now=lambda _: loaded_duckdb.now))
    loaded_duckdb.sandbox.reset_log()
    assert (page_command.main([str(tmp_path / "page.html")]), *capsys.readouterr()) == (
        0,
        f"{tmp_path / 'page.html'}\n",
        "",
    )
    made, expected = Page((tmp_path / "page.html").read_text("utf-8")), page(loaded_duckdb)
    for caption, rows in expected.tables.items():
        assert [row for row in rows if row not in made.tables[caption]] == [], caption
    assert len(made.rows("To be billed, by region, month and payer")) > 10
    # Regions that are configured and not loaded are there too.
    assert "run pipelines/run.py --region mammoth" in made.text and "mammoth" not in expected.text
    assert not loaded_duckdb.sandbox.logged()


def test_half_a_page_is_never_found(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("before")
    with pytest.raises(TypeError):
        write_page(file, None)  # type: ignore[arg-type]
    assert file.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["{folder}/nowhere/page.html"], "is the folder there and yours"),
        (["{folder}/page.html", "--destination", "postgress"], "Did you mean 'postgres'?"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    more: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "loaded.duckdb"))
    assert page_command.main([part.format(folder=tmp_path) for part in more]) == 2
    assert told in capsys.readouterr().err
