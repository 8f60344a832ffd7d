"""Changes, from the history of tasks: reopened ones, lines edited after approval, time until somebody is assigned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pipelines.page import charts
from pipelines.page.asking import Questions
from pipelines.page.axes import every_month
from pipelines.page.showing import Figure, moment, money, month, shown, table, zone_of


def changes(questions: Questions, names: Mapping[str, str], zones: Mapping[str, str | None]) -> list[Figure]:
    """`zones`: region code to the name of its time zone."""
    return [_reopened(questions, names), _edited(questions, names, zones), _assigned(questions, names)]


def _reopened(questions: Questions, names: Mapping[str, str]) -> Figure:
    rows = questions.ask("reopened")
    counted: Counter[str] = Counter()
    for row in rows:
        counted[month(row["noted_month"])] += row["count_reopened"]
    return Figure(
        "Reopened tasks",
        "Finished tasks that a later run found unfinished, by month of that run.",
        table(
            "Reopened tasks by region and month",
            "region | month | #times | #tasks",
            [
                (
                    names.get(row["region_code"], row["region_code"]),
                    month(row["noted_month"]),
                    shown(row["count_reopened"]),
                    shown(row["count_tasks"]),
                )
                for row in rows
            ],
        ),
        charts.bars(
            [{"month": when, "times": count} for when, count in sorted(counted.items())],
            "month",
            "times",
            every_month(row["noted_month"] for row in rows),
            "times",
        )
        if counted
        else "",
    )


def _edited(questions: Questions, names: Mapping[str, str], zones: Mapping[str, str | None]) -> Figure:
    return Figure(
        "Lines edited after approval",
        "The newest changes of the cost and supply lines of tasks that had been approved; "
        "a dash where no amount was known.",
        table(
            "Lines edited after approval, the newest 20",
            "region | task | name | seen | #before | #after",
            [
                (
                    names.get(row["region_code"], row["region_code"]),
                    str(row["task_id"]),
                    shown(row["name"]),
                    moment(row["noted_at"], zone_of(zones.get(row["region_code"]))),
                    money(row["amount_before"]),
                    money(row["amount"]),
                )
                for row in questions.ask("edited_costs")
            ],
        ),
    )


def _assigned(questions: Questions, names: Mapping[str, str]) -> Figure:
    return Figure(
        "Time until somebody is assigned",
        "Hours from the run that first saw a task without anybody to the run that saw somebody assigned: an upper "
        "bound, since changes between two runs are seen as one.",
        table(
            "Hours until assigned, by region and month",
            "region | month | #tasks | #middle | #nine of ten within",
            [
                (
                    names.get(row["region_code"], row["region_code"]),
                    month(row["noted_month"]),
                    shown(row["count_tasks"]),
                    f"{row['middle_hours']:,.1f}",
                    f"{row['nine_of_ten_hours']:,.1f}",
                )
                for row in questions.ask("assigned")
            ],
        ),
    )
