"""The page's questions to the loaded database: `sql_post/page/*.sql`, one text for DuckDB and PostgreSQL."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from pipelines.database.ddl import SQL_DIR, SqlClient

Row = dict[str, Any]
EIGHT_WEEKS = timedelta(weeks=8)
_PLACE = re.compile(r"(?<!:):([a-z_]+)\b")


class Questions:
    """Answers of one moment; `now` is UTC, and every span the queries name is reckoned from it."""

    def __init__(self, client: SqlClient, now: datetime) -> None:
        self._client = client
        today = now.date()
        self._spans = {
            "a_day_ago": _instant(now - timedelta(days=1)),
            "eight_weeks_ago": _instant(now - EIGHT_WEEKS),
            "eight_weeks_ago_day": _day(today - EIGHT_WEEKS),
            "half_a_year_ago": _day(today - timedelta(weeks=26)),
            "half_a_year_ago_instant": _instant(now - timedelta(weeks=26)),
            "two_years_ago": _day(today.replace(day=1) - timedelta(days=700)),
            "last_month": _day((today.replace(day=1) - timedelta(days=1)).replace(day=1)),
            "today": _day(today),
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


def _day(day: Any) -> str:
    return f"cast('{day.isoformat()}' as date)"
