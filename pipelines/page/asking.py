"""The page's questions to the loaded database: `sql_post/page/*.sql`, one text for DuckDB and PostgreSQL."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from pipelines.database.ddl import SQL_DIR, SqlClient
from pipelines.page.axes import FAR

Row = dict[str, Any]
EIGHT_WEEKS = timedelta(weeks=8)
_PLACE = re.compile(r"(?<!:):([a-z_]+)\b")


class Questions:
    """Answers of one moment, `now` (UTC). Spans of days are reckoned from the region's own day, not from UTC's: a
    query that names one reads `regions`, once (a zone asked for each of seven million lines takes seconds).
    """

    def __init__(self, client: SqlClient, now: datetime) -> None:
        self._client = client
        today = f"cast({_instant(now)} at time zone coalesce(regions.time_zone, 'UTC') as date)"
        self._spans = {
            "a_day_ago": _instant(now - timedelta(days=1)),
            "eight_weeks_ago": _instant(now - EIGHT_WEEKS),
            "half_a_year_ago": _instant(now - timedelta(weeks=26)),
            "far": str(FAR),
            "today": today,
            "eight_weeks_ago_day": f"({today} - {EIGHT_WEEKS.days})",
            # Weeks and months begin whole: a first one cut short reads as a poor one.
            "first_week": f"cast(date_trunc('week', cast({today} as timestamp)) as date) - {7 * 26}",
            "first_of_two_months": _month_ago(today, 1),
            "first_of_six_months": _month_ago(today, 5),
            "first_of_two_years": _month_ago(today, 23),
        }

    def ask(self, name: str) -> list[Row]:
        """The rows of one query by column name; none where its tables are not there yet."""
        sql = (SQL_DIR / "page" / f"{name}.sql").read_text("utf-8").rstrip().rstrip(";")
        try:
            with self._client.execute_query(_PLACE.sub(lambda place: self._spans[place[1]], sql)) as cursor:
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except DatabaseUndefinedRelation:
            return []


def _instant(moment: datetime) -> str:
    return f"cast('{moment.isoformat()}' as timestamp with time zone)"


def _month_ago(today: str, count: int) -> str:
    """The first day of the month so many months ago."""
    return f"cast(date_trunc('month', cast({today} as timestamp)) - interval '{count} months' as date)"
