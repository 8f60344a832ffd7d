"""This week's work: check-outs that need attention, and how punctual the cleans were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pipelines.page import charts
from pipelines.page.asking import Questions
from pipelines.page.axes import every_week
from pipelines.page.showing import Figure, Table, percent, shown, table

SPANS = ("under 30 min", "30-60 min", "1-2 h", "2-4 h", "over 4 h", "not known")


def due(questions: Questions, names: Mapping[str, str]) -> Table:
    """Check-outs of yesterday to in 14 days without a clean, or with nobody assigned, the most urgent first."""
    rows = [
        (
            names.get(row["region_code"], row["region_code"]),
            shown(row["property_name"] or row["property_id"]),
            _at(row["checkout_date"], row["checkout_time"]),
            _at(row["next_checkin_date"], row["next_checkin_time"])
            if row["next_checkin_date"]
            else "nobody booked",
            "same day" if row["is_same_day_turn"] else "",
            "no clean" if row["clean_state"] == "none" else "nobody assigned",
            shown(row["reservation_id"]).replace(",", ""),
        )
        for row in questions.ask("due")
    ]
    return table(
        "Check-outs that need attention",
        "region | property | check-out | next check-in | turn | clean | stay",
        rows,
    )


def due_of_all(questions: Questions) -> str:
    """How many check-outs there are at all: none that needs attention is not the same as none that is known."""
    counted = questions.ask("upcoming")
    turns, needing = (sum(int(row[name]) for row in counted) for name in ("count_turns", "count_needing"))
    if not turns:
        return "No check-out of these days is known."
    return f"{shown(needing)} of {shown(turns)} check-outs of these days need attention."


def _at(day: object, time: object) -> str:
    return f"{shown(day)} {str(time)[:5]}" if time else shown(day)


def punctuality(questions: Questions, names: Mapping[str, str]) -> list[Figure]:
    """Share of cleans on time, same-day turns, and by how much the late ones were late."""
    rows = questions.ask("punctuality")
    on_time, late, same_day, turns = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        week = row["checkout_week"].isoformat()
        on_time[week] += row["count_on_time"]
        late[week] += row["count_late"]
        same_day[week] += row["count_same_day_turns"]
        turns[week] += row["count_turns"]
    weeks = every_week(row["checkout_week"] for row in rows)
    share = [
        {
            "week": week,
            "share": on_time[week] / (on_time[week] + late[week]) if on_time[week] + late[week] else None,
            "what": "on time",
        }
        for week in weeks
    ]
    by_week = table(
        "Turns by week of check-out and region",
        "region | week from | #turns | #same day | #on time | #late | #on time, of those judged",
        [
            (
                names.get(row["region_code"], row["region_code"]),
                shown(row["checkout_week"]),
                shown(row["count_turns"]),
                shown(row["count_same_day_turns"]),
                shown(row["count_on_time"]),
                shown(row["count_late"]),
                percent(row["count_on_time"], row["count_on_time"] + row["count_late"]),
            )
            for row in rows
        ],
    )
    counted = questions.ask("lateness")
    by_span: Counter[str] = Counter()
    for row in counted:
        by_span[row["late_by"]] += row["count_cleans"]
    late_values = [{"span": span, "cleans": by_span[span]} for span in SPANS]
    judged, too_late = sum(by_span.values()), sum(by_span[span] for span in SPANS)
    return [
        Figure(
            "Cleans on time",
            "Of the turns whose clean has a finishing time and a next check-in: finished before that check-in. "
            "By week of check-out, all regions.",
            by_week,
            charts.lines(share, "week", "share", "what", ["on time"], "on time", charts.SHARE, weeks)
            if any(on_time.values()) or any(late.values())
            else "",
        ),
        Figure(
            "Same-day turns",
            "Turns whose next guest checks in on the day of check-out, by week of check-out, all regions.",
            table(
                "Same-day turns by week",
                "week from | #turns | #same day",
                [(week, shown(turns[week]), shown(same_day[week])) for week in weeks],
            ),
            charts.bars(
                [{"week": week, "turns": same_day[week]} for week in weeks],
                "week",
                "turns",
                weeks,
                "same-day turns",
            )
            if any(same_day.values())
            else "",
        ),
        Figure(
            "How late",
            "Cleans of the last eight weeks that were finished after the next check-in, by how much.",
            table(
                "Cleans of eight weeks by how late they were",
                "region | late by | #cleans",
                [
                    (
                        names.get(row["region_code"], row["region_code"]),
                        row["late_by"],
                        shown(row["count_cleans"]),
                    )
                    for row in counted
                ],
            ),
            charts.bars(late_values, "span", "cleans", SPANS, "cleans") if too_late else "",
            fact=f"{shown(too_late)} of {shown(judged)} judged cleans {'was' if too_late == 1 else 'were'} late."
            if judged
            else "",
        ),
    ]
