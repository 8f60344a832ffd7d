"""Each picture shows the numbers of the table below it: bars, points and ranges are read back from what is drawn."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from drawings import Drawing, figures
from reading_pages import Page
from small_worlds import NOW
from test_page import REGIONS, loaded_into, name

from pipelines.page.axes import every_month
from pipelines.page.making import make_page
from pipelines.page.showing import NOTHING
from pipelines.page.work import SPANS

Figures = dict[str, tuple[str, Page]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    folder = tmp_path_factory.mktemp("drawn")
    home = {name: str(folder) for name in ("HOME", "XDG_CACHE_HOME", "DLT_DATA_DIR")}
    with patch.dict(os.environ, home), loaded_into("duckdb", folder) as loader, loader.client() as client:
        client.execute_sql(
            "update mart_stay_turnovers set is_on_time = false, slack_minutes = -(reservation_id % 9) * 40 "
            "where is_on_time and reservation_id % 5 > 0"
        )
        client.execute_sql(
            "update mart_stay_turnovers set clean_cost = 12.5 * (reservation_id % 23) where is_turn"
        )
        return figures(make_page(client, REGIONS, loader.now))


def number(cell: str) -> float:
    return 0 if cell == NOTHING else float(Decimal(cell.replace(",", "")))


def near(values: dict[int, float], highest: float = 0) -> object:
    """As exact as a picture is: half a point of 190 is a quarter of a per cent of what is highest in it."""
    return pytest.approx(values, abs=max(highest, *map(abs, values.values())) / 200)


def assert_months(picture: Drawing, sums: dict[int, float]) -> None:
    """Bars are as high as their sums. The world has one month out of all measure, with a sign at the axis' end."""
    heights = picture.tall
    (beyond,) = picture.cut
    assert sums.pop(beyond) > 1000 * heights.pop(beyond) > 1000 * max(sums.values())
    assert heights == near(sums) and len(sums) > 10


def test_bars_and_points_of_weeks_are_those_of_the_numbers(drawn: Figures) -> None:
    svg, page = drawn["Same-day turns"]
    rows = page.rows("Same-day turns by week")
    same_day = {place: number(row[2]) for place, row in enumerate(rows)}
    assert Drawing(svg, len(rows)).tall == near(same_day) and sum(same_day.values()) > 5

    svg, page = drawn["Cleans on time"]
    judged: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    for row in page.rows("Turns by week of check-out and region"):
        judged[row[1]][0] += number(row[4])
        judged[row[1]][1] += number(row[4]) + number(row[5])
    first = date.fromisoformat(min(judged))
    shares = {
        (date.fromisoformat(week) - first) // timedelta(weeks=1): on_time / of
        for week, (on_time, of) in judged.items()
        if of
    }
    assert Drawing(svg, len(rows)).points == near(shares) and len(set(shares.values())) > 1


def test_stacks_and_bars_of_months_are_the_sums_of_the_numbers(drawn: Figures) -> None:
    svg, page = drawn["To be billed, by payer"]
    rows = page.rows("To be billed, by region, month and payer")
    months = every_month(date.fromisoformat(f"{row[1]}-01") for row in rows)
    sums: dict[tuple[int, str], float] = defaultdict(float)
    for row in rows:
        sums[months.index(row[1]), row[2]] += number(row[5])
    picture = Drawing(svg, len(months))
    tall: dict[int, float] = defaultdict(float)
    for (place, _), amount in sums.items():
        tall[place] += amount
    assert_months(picture, tall)
    # Payer by payer: each has one colour, whose bars are as high as its amounts.
    colours: dict[str, dict[int, float]] = defaultdict(dict)
    for (place, colour), (low, high) in picture.bars.items():
        colours[colour][place] = high - low
    payers: dict[str, dict[int, float]] = defaultdict(dict)
    for (place, payer), amount in sums.items():
        payers[payer][place] = amount
    assert len(colours) == len(payers) > 1
    for amounts in payers.values():
        expected = near({place: amounts.get(place, 0) for place in tall}, max(tall.values()))
        shown = [{place: heights.get(place, 0) for place in tall} for heights in colours.values()]
        assert shown.count(expected) == 1

    svg, page = drawn["Supplies used"]
    used: dict[int, float] = defaultdict(float)
    rows = page.rows("Supplies by region and month")
    months = every_month(date.fromisoformat(f"{row[1]}-01") for row in rows)
    for row in rows:
        used[months.index(row[1])] += number(row[4])
    assert_months(Drawing(svg, len(months)), used)


def test_the_spread_of_a_turnovers_cost_is_that_of_the_numbers(drawn: Figures) -> None:
    for code in REGIONS:
        svg, page = drawn[name(code)]
        rows = page.rows(f"Cost of a turnover in {name(code)}")
        months = every_month(date.fromisoformat(f"{row[0]}-01") for row in rows)
        known = {months.index(row[0]): [number(cell) for cell in row[3:8]] for row in rows if row[2] != "0"}
        picture = Drawing(svg, len(months))
        places = {place for place, _ in picture.bars}
        assert places == picture.ranges.keys() == picture.points.keys() == known.keys()
        ((colour,),) = [{colour for _, colour in picture.bars}]
        bottom, top = ({place: picture.bars[place, colour][end] for place in known} for end in (0, 1))
        lowest, highest = ({place: picture.ranges[place][end] for place in known} for end in (0, 1))
        shown = (lowest, bottom, picture.points, top, highest)
        for part, heights in enumerate(shown):
            assert heights == near({place: values[part] for place, values in known.items()})
        assert len(known) > 10


def test_late_cleans_and_reopened_tasks_are_as_many_as_the_numbers_say(drawn: Figures) -> None:
    svg, page = drawn["How late"]
    late: dict[int, float] = defaultdict(float)
    for row in page.rows("Cleans of eight weeks by how late they were"):
        if row[1] != "on time":
            late[SPANS.index(row[1])] += number(row[2])
    picture = Drawing(svg, len(SPANS)).tall
    assert {place: height for place, height in picture.items() if height > 0.1} == near(late) and len(
        late
    ) > 2

    svg, page = drawn["Reopened tasks"]
    rows = page.rows("Reopened tasks by region and month")
    assert Drawing(svg, 1).tall == near({0: sum(number(row[2]) for row in rows)})
    assert {row[1] for row in rows} == {NOW.strftime("%Y-%m")}
