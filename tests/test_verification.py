"""The plan's own verification queries, unchanged, on both databases after a run of today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pendulum
import pytest
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import small_world

from breezeway_source.columns import TABLES
from breezeway_source.sandbox import Sandbox

QUERIES = """
-- after a single region's load: new fields populated
SELECT COUNT(*) as total, COUNT(linked_reservation_id) as has_linked_res, COUNT(total_time) as has_total_time
FROM breezeway.tasks
WHERE region_code='nashville' AND synced_at > NOW() - INTERVAL '1 hour';

-- supplies and costs captured
SELECT COUNT(*) FROM breezeway.task_supplies WHERE region_code='nashville';
SELECT COUNT(*) FROM breezeway.task_costs WHERE region_code='nashville';

-- linkage over all regions (was about 4 %, wanted: well over 50 %)
SELECT region_code,
       COUNT(*) as total_tasks,
       COUNT(linked_reservation_id) as has_linked_res,
       COUNT(reservation_pk) as has_res_fk,
       ROUND(100.0 * COUNT(reservation_pk) / NULLIF(COUNT(*), 0), 1) as pct_linked
FROM breezeway.tasks
GROUP BY region_code
ORDER BY region_code;

-- of the tasks that carry a link, how many resolved
SELECT
    region_code,
    COUNT(*) as total,
    COUNT(linked_reservation_id) as has_link_id,
    COUNT(reservation_pk) as has_fk,
    ROUND(100.0 * COUNT(reservation_pk) / NULLIF(COUNT(linked_reservation_id), 0), 1) as resolution_pct
FROM breezeway.tasks
GROUP BY region_code
ORDER BY region_code;

SELECT region_code, COUNT(*) FROM breezeway.task_supplies GROUP BY region_code ORDER BY region_code;
SELECT region_code, COUNT(*) FROM breezeway.task_costs GROUP BY region_code ORDER BY region_code;

-- new fields over the last day
SELECT
    COUNT(*) as total,
    COUNT(total_time) as has_total_time,
    COUNT(subdepartment_id) as has_subdept,
    COUNT(billable) as has_billable
FROM breezeway.tasks
WHERE synced_at > NOW() - INTERVAL '24 hours';

-- must include: property_contacts, reservation_tags, subdepartments, task_costs, task_supplies, templates
SELECT table_name FROM information_schema.tables WHERE table_schema='breezeway' ORDER BY table_name;

-- about 50 columns or more
SELECT column_name FROM information_schema.columns WHERE table_schema='breezeway' AND table_name='tasks' ORDER BY ordinal_position;
"""  # noqa: E501

REGIONS = ("austin", "nashville")
WANTED_TABLES = {
    "property_contacts",
    "reservation_tags",
    "subdepartments",
    "task_costs",
    "task_supplies",
    "templates",
}
NEW_COLUMNS = """
    total_cost total_time estimated_time estimated_rate billable itemized_cost task_series_id parent_task_id
    linked_reservation_id linked_reservation_external_id subdepartment_id subdepartment_name template_name
    requested_by_id requested_by_name summary_note reservation_pk property_pk link_status
""".split()


@pytest.fixture
def two_regions(database: Database, tmp_path: Path) -> Iterator[Loader]:
    """Two regions with all of today, made once for this file and test_compat.py; NOW() in the queries is today."""
    now = pendulum.now("UTC")
    worlds = {
        region: small_world(region=region, now=now, tasks=12, first_property_id=2001 + 7000 * number)
        for number, region in enumerate(REGIONS)
    }
    kind = QuickLoader if database.kind == "duckdb" else Loader
    with (
        Sandbox.multi(worlds, token_limit=False) as sandbox,
        kind(sandbox, database, tmp_path / "work", now) as made,
    ):
        made.configure(marts=False)
        made.once("two regions of today", lambda: load(made))
        yield made


def load(loader: Loader) -> None:
    report = loader.run("--entities", "all", regions=REGIONS)
    assert report.exit_code == 0, report.as_dict()


def answers(loader: Loader) -> list[list[tuple[Any, ...]]]:
    statements = re.sub("^--.*$", "", QUERIES, flags=re.MULTILINE).split(";")
    return [loader.query(statement) for statement in statements if statement.strip()]


def test_the_plans_queries_give_sensible_figures(two_regions: Loader) -> None:
    loader = two_regions
    populated, supplies, costs, linkage, resolution, supplies_by, costs_by, new_fields, *names = answers(
        loader
    )

    worlds = loader.sandbox.worlds
    tasks = {region: list(worlds[region].tasks.values()) for region in REGIONS}
    linked = {region: [t for t in tasks[region] if t.get("linked_reservation")] for region in REGIONS}
    resolved = {
        region: [t for t in linked[region] if t["linked_reservation"]["id"] in worlds[region].reservations]
        for region in REGIONS
    }
    lines = {
        (region, field): sum(len(t.get(field) or ()) for t in tasks[region])
        for region in REGIONS
        for field in ("supplies", "costs")
    }

    ((total, has_link, has_time),) = populated
    assert (total, has_link) == (len(tasks["nashville"]), len(linked["nashville"]))
    assert 0 < has_time <= total
    assert supplies == [(lines["nashville", "supplies"],)]
    assert supplies_by == [(region, lines[region, "supplies"]) for region in REGIONS]
    assert [region for region, _ in costs_by] == list(REGIONS)
    for region, count in costs_by:  # the API keeps lines somebody deleted; they count no more
        assert 0 < count <= lines[region, "costs"]
    assert costs == [(dict(costs_by)["nashville"],)]

    for region, row in zip(REGIONS, linkage, strict=True):
        share = Decimal(100 * len(resolved[region])) / len(tasks[region])
        assert row[:4] == (region, len(tasks[region]), len(linked[region]), len(resolved[region]))
        assert abs(Decimal(str(row[4])) - share) <= Decimal("0.06")
        assert row[4] > 50
    for region, row in zip(REGIONS, resolution, strict=True):
        share = Decimal(100 * len(resolved[region])) / len(linked[region])
        assert row[:4] == (region, len(tasks[region]), len(linked[region]), len(resolved[region]))
        assert abs(Decimal(str(row[4])) - share) <= Decimal("0.06")

    ((day_total, day_time, day_subdepartment, day_billable),) = new_fields
    assert day_total == sum(map(len, tasks.values()))
    assert has_time <= day_time <= day_total
    assert 0 < day_subdepartment <= day_total
    assert 0 < day_billable <= day_total

    tables, columns = ({name for (name,) in rows} for rows in names)
    assert tables >= WANTED_TABLES
    assert tables >= set(TABLES)
    assert len(columns) >= 50
    assert columns >= set(NEW_COLUMNS)
    assert loader.column("select count(*) from regions") == [len(REGIONS)]
