"""Definitions of the marts and the history, broken one at a time: each makes other rows than the reckoning in Python.

One world, loaded once, is compared with that reckoning; then a broken select is asked for what it would make of it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import marts_truth
import pytest
from databases import Database
from mart_world import Reader, Rows
from marts_truth import Row
from tables import Client, create_tables, fetch

from breezeway_source.columns.marts import MARTS
from pipelines.database import mart_rows, marts, touched
from pipelines.database.ddl import with_region
from pipelines.database.post_sql import mart_view, run_scripts

NOW = datetime(2026, 6, 27, 3, tzinfo=timezone.utc)  # still the 26th in the region
TODAY = date(2026, 6, 26)
OTHERS = "left join tasks__assignments as others on others.task_id ="

BREAKS: dict[str, dict[str, tuple[str, str]]] = {
    "mart_task_lines": {
        "null is zero": ("round(charges.cost, 2)", "round(coalesce(charges.cost, 0), 2)"),
        "a deleted line is counted": ("and charges.deleted_at is null", ""),
        "a deleted task is counted": ("and tasks.deleted_at is null", ""),
        "a task that a list calls deleted is counted": ("<> 'deleted'", "<> ''"),
        "UTC for local": (
            "tasks.finished_at at time zone zone.time_zone",
            "tasks.finished_at at time zone 'UTC'",
        ),
        "the planned day before the day of finishing": (
            "cast(tasks.finished_at at time zone zone.time_zone as date),\n            tasks.scheduled_date",
            "tasks.scheduled_date,\n            cast(tasks.finished_at at time zone zone.time_zone as date)",
        ),
        "cut instead of rounded": ("round(used.total_price, 2)", "trunc(used.total_price * 100) / 100"),
        "closed is finished": (" and tasks.finished_at is not null", ""),
        "the task's flag for the supply's": ("used.billable", "live_tasks.billable"),
        "another region's time zone": (
            "where region_code = :region_code",
            "where region_code <> :region_code",
        ),
        "lines of other regions": ("where used.region_code = :region_code", ""),
        "the source's spelling of payers": ("lower(charges.bill_to)", "charges.bill_to"),
    },
    "mart_task_money": {
        "the total is added to the lines": (
            "coalesce(sums.lines_amount, live_tasks.total_cost)",
            "coalesce(sums.lines_amount, 0) + coalesce(live_tasks.total_cost, 0)",
        ),
        "the margin is price less cost": (
            "sums.supply_margin as",
            "sums.supply_amount - sums.supply_cost as",
        ),
        "a join that fans out": (
            "on touched_tasks.task_id = mart_task_lines.task_id",
            f"on touched_tasks.task_id = mart_task_lines.task_id {OTHERS} touched_tasks.task_id",
        ),
        "no total is zero": ("live_tasks.total_cost - sums", "coalesce(live_tasks.total_cost, 0) - sums"),
        "silence bills the owner": ("bill_to = 'owner'", "bill_to in ('owner', 'unset')"),
        "skilled labor is no labor": ("'labor', 'skilled_labor',", "'labor',"),
    },
    "mart_stay_turnovers": {
        "an arrival on the same day is not the next": (
            "on_day desc, is_arrival desc",
            "on_day desc, is_arrival asc",
        ),
        "cancelled stays are turns": ("not is_cancelled\n", "true\n"),
        "holds are turns": ("not in ('hold', 'block', ", "not in ('block', "),
        "an unknown time of arrival comes first": (
            "checkin_time asc nulls last",
            "checkin_time asc nulls first",
        ),
        "stays without a property are turns": ("and property_id is not null\n),", "\n),"),
        "cleans are finished in UTC": (
            "tasks.finished_at at time zone zone.time_zone as finished_local",
            "tasks.finished_at at time zone 'UTC' as finished_local",
        ),
        "finished at the minute of arrival is late": ("clean_finished_local <=", "clean_finished_local <"),
        "a clean of those who come is not of those who left": (
            "coalesce(cleans.on_day <= stays.checkin_date, false)",
            "false",
        ),
        "rejected requests clean": ("in ('deleted', 'request_rejected')", "in ('deleted')"),
        "cleans without a link beside linked ones": ("where not exists (", "where true or not exists ("),
        "cleans eight days after": ("checkout_date + 7", "checkout_date + 8"),
        "one finished clean of two is all": (
            "turn_cleans.count_finished = turn_cleans.count_cleans then 'finished'",
            "turn_cleans.count_finished > 0 then 'finished'",
        ),
        "a finish without a time is none to wait for": (
            "and turn_cleans.count_timed = turn_cleans.count_cleans",
            "",
        ),
        "one assigned clean of two is all": (
            "turn_cleans.count_assigned =",
            "0 < turn_cleans.count_assigned or 0 =",
        ),
        "unfinished work is paid": (
            "case when priced.is_finished then priced.rate",
            "case when true then priced.rate",
        ),
        "half a minute is a minute": (
            "judged.next_checkin_time) - judged.clean",
            "judged.next_checkin_time) + interval 30 second - judged.clean",
        ),
    },
    "mart_owner_billing": {
        "unfinished work is billed": ("is_finished and billable then", "billable then"),
        "not said is said not to be": ("and not billable", "and not coalesce(billable, false)"),
        "lines are tasks": ("count(distinct task_id)", "count(task_id)"),
        "a supply without a margin is not told": ("supply_margin is null then", "supply_margin = 0 then"),
    },
    "mart_payouts": {
        "everybody gets the whole rate": (
            "cast((cents - mod(cents, count_payees)) / count_payees as bigint)",
            "cents",
        ),
        "left-over cents are lost": ("place > abs(mod(cents, count_payees))", "true"),
        "who was only assigned is paid": ("and ranked.has_worked = ranked.any_has_worked", ""),
        "who stands there twice is paid twice": (
            "assignments.assignee_id\n),",
            "assignments.assignee_id, assignments._dlt_list_idx\n),",
        ),
        "no currency is dollars": ("currency, '')", "currency, 'USD')"),
        "nobody is whoever finished": (
            "coalesce(ranked.assignee_id, done.finished_by_id)",
            "ranked.assignee_id",
        ),
        "the time of shared tasks is one's own": (
            "sum(case when not is_shared then seconds end)",
            "sum(seconds)",
        ),
        "hours are pieces": ("in ('hour', 'hourly')", "in ('hour')"),
    },
    "mart_region_months": {
        "one good answer is a pass": ("max(case when lower(answers", "min(case when lower(answers"),
        "cancelled stays cost": ("sum(case when not is_cancelled then stay_cost end)", "sum(stay_cost)"),
        "not known is late": ("sum(case when not is_on_time", "sum(case when is_on_time is not true"),
        "hashed answers are judged": (
            "and lower(answers.response) in ('good', 'dirty', 'damaged', 'not_working')",
            "",
        ),
        "nights of cancelled stays": ("case when is_turn then nights", "case when true then nights"),
        "links that lead nowhere are resolved": (
            "count(work.reservation_id)",
            "count(nullif(work.link_status, 'no_link_at_source'))",
        ),
        "no difference where no total is": (
            "total_cost_difference <> 0",
            "total_cost_difference is distinct from 0",
        ),
    },
    marts.VIEW: {
        "today is UTC's": ("at time zone coalesce(regions.time_zone, 'UTC')", "at time zone 'UTC'"),
        "thirteen days": ("today + 14", "today + 13"),
        "not yesterday": ("today - 1", "today"),
        "unassigned is well": ("in ('none', 'unassigned')", "in ('none')"),
    },
    marts.HISTORY: {
        "a deleted line is counted": ("and tasks__costs.deleted_at is null", ""),
        "who accepted is not watched": ("lower(assignments.type_task_user_status)", "lower('')"),
        "the link is not watched": (
            "found.linked_reservation_id is distinct",
            "false and found.linked_reservation_id is distinct",
        ),
        "null is zero": ("sum(round(tasks__costs.cost, 2))", "sum(round(coalesce(tasks__costs.cost, 0), 2))"),
        "a deletion is noted when it was read": (
            "coalesce(tasks.deleted_at, tasks.synced_at)",
            "tasks.synced_at",
        ),
        "equal versions are noted": ("task_changes.task_id is null\n", "true\n"),
    },
}


@dataclass
class World:
    """Marts made of rows of one region, changes of another one loaded since; what each select must make of it."""

    client: Client
    wanted: dict[str, Counter[tuple[Any, ...]]]

    def made_by(self, name: str, sql: str) -> Counter[tuple[Any, ...]]:
        """The rows a select makes, of the history those it would add."""
        region = "austin" if name == marts.HISTORY else "smoky"
        return Counter(fetch(self.client, with_region(sql, region)))


def select(name: str) -> str:
    """The select behind a mart, the view or the history; of the view as of `NOW`."""
    if name == marts.VIEW:
        body = mart_view().sql.partition(" as\n")[2].replace(";", " and region_code = 'smoky'")
        return body.replace("current_timestamp", f"timestamptz '{NOW.isoformat()}'")
    if name == marts.HISTORY:
        return marts.history_sql().partition(")\nwith")[1][2:] + marts.history_sql().partition(")\nwith")[2]
    (mart,) = (mart for mart in marts.marts() if mart.name == name)
    return f"select {mart.columns} from ({mart.sql}\n) as made"


def watched(task: Row) -> tuple[Any, ...]:
    """What the history watches, in its order of columns."""
    costs = [line["cost"] for line in task["costs"] if line["deleted_at"] is None]
    people = {
        (line["assignee_id"], marts_truth.lower(line["type_task_user_status"]))
        for line in task["assignments"]
    }

    def amount(values: list[Decimal | None]) -> Decimal | None:
        return marts_truth.total(marts_truth.cents(value) for value in values)

    prices = [line["total_price"] for line in task["supplies"]]
    named = sorted((person, state) for person, state in people if person is not None)
    unnamed = sorted(state for person, state in people if person is None)
    return (
        task["task_status_code"],
        task["task_status_stage"],
        task["scheduled_date"],
        task["linked_reservation_id"],
        ",".join([*(f"{person}:{state}" for person, state in named), *(f":{state}" for state in unnamed)])
        or None,
        len(costs),
        amount(costs),
        len(prices),
        amount(prices),
        marts_truth.cents(task["total_cost"]),
        task["deleted_at"] is not None,
    )


def versions(client: Client, rows: Rows) -> Counter[tuple[Any, ...]]:
    """Change some tasks; the versions that makes."""
    first = {task_id: watched(task) for task_id, task in rows.tasks.items()}
    for task_id in list(rows.tasks)[::4]:
        rows.edit_task(task_id)
    query = "select task_id, coalesce(deleted_at, synced_at) from tasks where region_code = %s"
    noted = dict(fetch(client, query, rows.region))
    return Counter(
        (rows.region, task_id, 2, noted[task_id], *watched(task))
        for task_id, task in rows.tasks.items()
        if watched(task) != first[task_id]
    )


def upcoming(rows: Rows, turnovers: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    """The rows of the view."""
    names = [column.name for column in MARTS[marts.VIEW].columns]
    shown = (
        {
            **row,
            "today": TODAY,
            "days_ahead": (row["checkout_date"] - TODAY).days,
            "property_name": None,
            "needs_attention": row["clean_state"] in ("none", "unassigned"),
        }
        for row in turnovers
        if row["is_turn"] and -1 <= (row["checkout_date"] - TODAY).days <= 14
    )
    return Counter(tuple(row[name] for name in names) for row in shown)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("marts")
    with Database("duckdb", str(folder / "marts.duckdb"), folder).client() as client:
        create_tables(client)
        rows, others = Rows(client, random.Random(5)), Rows(client, random.Random(6), "austin", "Asia/Tokyo")
        for region in (rows, others):
            region.begin()
            run_scripts(client, region.region)
        truth = marts_truth.marts(rows.source())
        assert marts_truth.differences(Reader(client), truth) == []
        wanted = {
            mart.name: Counter(
                fetch(client, f"select {mart.columns} from {mart.name} where region_code = 'smoky'")
            )
            for mart in marts.marts()
        }
        wanted[marts.VIEW] = upcoming(rows, truth["mart_stay_turnovers"].values())
        wanted[marts.HISTORY] = versions(client, others)
        touched.take_all(client, rows.region)
        mart_rows._take_all_months(client, rows.region, marts.marts())
        touched.examine(client, others.region, everything=False)
        yield World(client, wanted)


@pytest.mark.parametrize("name", BREAKS)
def test_the_selects_as_they_are_make_what_python_reckons(world: World, name: str) -> None:
    assert sum(world.wanted[name].values()) > 3
    assert world.made_by(name, select(name)) == world.wanted[name]


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        pytest.param(name, *broken, id=f"{name}, {what}")
        for name, breaks in BREAKS.items()
        for what, broken in breaks.items()
    ],
)
def test_a_broken_definition_makes_other_rows(world: World, name: str, text: str, instead: str) -> None:
    whole = select(name)
    assert text in whole, "the definition reads otherwise now: break it anew"
    assert world.made_by(name, whole.replace(text, instead)) != world.wanted[name]
