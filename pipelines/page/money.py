"""Money: what a turnover costs with its spread, what is to be billed to whom, supplies, and what is doubtful."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.page import charts
from pipelines.page.asking import Questions, Row
from pipelines.page.axes import FAR, Reach, every_month, reach
from pipelines.page.showing import Figure, money, month, percent, shown, table

_SPREAD = ("lowest", "lower_quarter", "middle", "upper_quarter", "highest")
TOLD = 4  # months beyond a picture that are named
PAYERS = ("owner", "guest", "internal", "damage", "insurance", "unset")
# Of the lines of several pieces so many may be priced as one piece before margins are not shown.
PRICED_AS_ONE_SHARE = Decimal("0.5")
NO_MARGINS = (
    "Margins are not shown: most supply lines of several pieces carry the price of one piece, so it is not settled "
    "whether the price is of a unit or of the line."
)


def turnover_cost(questions: Questions, names: Mapping[str, str]) -> list[Figure]:
    """One picture a region: the cost of a turn's cleans by month of check-out."""
    by_region: dict[str, list[Row]] = defaultdict(list)
    for row in questions.ask("turnover_cost"):
        by_region[row["region_code"]].append(row)
    return [_turnover_cost(names.get(code, code), rows) for code, rows in sorted(by_region.items())]


def _turnover_cost(region: str, rows: Sequence[Row]) -> Figure:
    known = [row for row in rows if row["count_costs"]]
    costs = [(month(row["checkout_month"]), row[name]) for row in known for name in _SPREAD]
    reached = reach(costs, known[0]["far_from"] if known else None)
    drawn = [
        {"month": month(row["checkout_month"])} | {name: float(reached.cut(row[name])) for name in _SPREAD}
        for row in known
    ]
    outlying, costing = (sum(int(row[name]) for row in known) for name in ("count_outlying", "count_costs"))
    note = ""
    if outlying:
        farthest = max((amount for _, amount in costs), key=abs)
        note = (
            f"{shown(outlying)} of {shown(costing)} turns {'is' if outlying == 1 else 'are'} outlying, "
            f"up to {money(farthest)}: beyond the picture, in the numbers."
        )
    heads = "month | #turns | #with a cost | #lowest | #lower quarter | #middle | #upper quarter | #highest | #sum"
    return Figure(
        region,
        "",
        table(
            f"Cost of a turnover in {region}",
            f"{heads} | #outlying",
            [
                (
                    month(row["checkout_month"]),
                    shown(row["count_turns"]),
                    shown(row["count_costs"]),
                    *(money(row[name]) for name in (*_SPREAD, "clean_cost")),
                    shown(int(row["count_outlying"] or 0)),
                )
                for row in rows
            ],
        ),
        charts.spread(drawn, "month", every_month(row["checkout_month"] for row in rows), reached)
        if drawn
        else "",
        note,
    )


def _beyond(reached: Reach) -> str:
    """Which months are not drawn to their height, with their amounts."""
    if not reached.beyond:
        return ""
    told = ", ".join(f"{place} ({money(amount)})" for place, amount in reached.beyond[:TOLD])
    more = f" and {len(reached.beyond) - TOLD} more" if len(reached.beyond) > TOLD else ""
    return f"Beyond the picture ({charts.BEYOND}), more than {FAR} times the middle month: {told}{more}."


def _later(rows: Sequence[Row], places: Sequence[str]) -> str:
    """What a picture of `places` has no room for, if there is any."""
    last = max((row["work_month"] for row in rows if row["work_month"]), default=None)
    if last is None or month(last) in places:
        return ""
    return f"Months after {places[-1]}, up to {month(last)}, are in the numbers alone."


def billing(questions: Questions, names: Mapping[str, str]) -> Figure:
    """What finished and unfinished work adds up to, by month and payer."""
    rows = questions.ask("billing")
    places = every_month(row["work_month"] for row in rows)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        payer = row["bill_to"] if row["bill_to"] in PAYERS else "other"
        if row["work_month"] and month(row["work_month"]) in places:
            sums[month(row["work_month"]), payer] += row["amount"] or 0
    order = [*PAYERS, "other"]
    # What is owed stands up, credits hang down.
    heights: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    for (when, _), amount in sums.items():
        heights[when, amount > 0] += amount
    reached = reach([(when, height) for (when, _), height in heights.items()])
    parts = {key: reached.cut(height) / height if height else 1 for key, height in heights.items()}
    used = [payer for payer in order if any(of == payer for _, of in sums)]
    values = [
        {
            "month": when,
            "payer": payer,
            "amount": float(amount * parts[when, amount > 0]),
            "rank": order.index(payer),
        }
        for (when, payer), amount in sorted(sums.items())
    ]
    return Figure(
        "To be billed, by payer",
        "Cost and supply lines of live tasks by month of the work and by who pays; unset where the line does not say. "
        "Whether a line was invoiced or paid is not known.",
        table(
            "To be billed, by region, month and payer",
            "region | month | payer | #lines | #without amount | #amount | #billable | #not billable | #not said | "
            "#not finished",
            [
                (
                    names.get(row["region_code"], row["region_code"]),
                    month(row["work_month"]),
                    row["bill_to"],
                    shown(int(row["count_lines"])),
                    shown(int(row["count_lines_without_amount"])),
                    *(
                        money(row[name])
                        for name in (
                            "amount",
                            "billable_amount",
                            "not_billable_amount",
                            "unsaid_amount",
                            "unfinished_amount",
                        )
                    ),
                )
                for row in rows
            ],
        ),
        charts.stacked(
            values,
            "month",
            "amount",
            "payer",
            used,
            "amount",
            places,
            reached,
        )
        if values
        else "",
        " ".join(filter(None, (_beyond(reached), _later(rows, places)))),
    )


def supplies(questions: Questions, names: Mapping[str, str]) -> Figure:
    """Supplies used; margins only where prices are known to be of the line."""
    rows = questions.ask("supplies")
    of_several = sum(row["count_of_several"] for row in rows)
    as_one = sum(row["count_priced_as_one"] for row in rows)
    hides = bool(of_several) and Decimal(as_one) / Decimal(of_several) > PRICED_AS_ONE_SHARE
    places = every_month(row["work_month"] for row in rows)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["work_month"] and month(row["work_month"]) in places:
            sums[month(row["work_month"])] += row["amount"] or 0
    reached = reach(list(sums.items()))
    drawn = [{"month": when, "amount": float(reached.cut(amount))} for when, amount in sorted(sums.items())]
    heads = "region | month | #lines | #pieces | #amount | #cost" + ("" if hides else " | #margin")
    return Figure(
        "Supplies used",
        "Amount of supply lines by month of the work. The cost is quantity times unit cost; a margin is the amount "
        "less that cost, of lines where both are known.",
        table("Supplies by region and month", heads, [_supply(row, names, hides) for row in rows]),
        charts.bars(drawn, "month", "amount", places, "amount", reached) if drawn else "",
        " ".join(filter(None, (NO_MARGINS if hides else "", _beyond(reached), _later(rows, places)))),
    )


def _supply(row: Row, names: Mapping[str, str], hides: bool) -> tuple[str, ...]:
    cells = (
        names.get(row["region_code"], row["region_code"]),
        month(row["work_month"]),
        shown(row["count_lines"]),
        shown(row["quantity"]),
        money(row["amount"]),
        money(row["supply_cost"]),
    )
    return cells if hides else (*cells, money(row["supply_margin"]))


def doubtful(questions: Questions, names: Mapping[str, str]) -> list[Figure]:
    """Lines whose amount is not known, and tasks whose own total is not the sum of their lines."""
    counts = questions.ask("doubtful_money")
    tasks = questions.ask("differing_totals")
    lines, without, compared, differing = (sum(int(row[name] or 0) for row in counts) for name in _COUNTS)
    return [
        Figure(
            "Lines without an amount",
            "Their sums are low by what these lines are worth.",
            fact=f"{shown(without)} of {shown(lines)} lines have no amount." if lines else "",
            table=table(
                "Lines without an amount, and totals that differ",
                "region | #lines | #without amount | #totals compared | #that differ | #share that differs",
                [
                    (
                        names.get(row["region_code"], row["region_code"]),
                        *(shown(int(row[name] or 0)) for name in _COUNTS),
                        percent(row["count_totals_that_differ"], row["count_totals_compared"]),
                    )
                    for row in counts
                ],
            ),
        ),
        Figure(
            "Totals that differ most",
            "The task's own total beside the sum of its lines. A figure to look at, never to add.",
            fact=f"{shown(differing)} of {shown(compared)} totals differ." if compared else "",
            table=table(
                "The 20 tasks whose totals differ most",
                "region | task | name | property | work day | #total | #lines | #difference",
                [_differing(row, names) for row in tasks],
            ),
        ),
    ]


def people(questions: Questions, names: Mapping[str, str]) -> Figure:
    """Finished work by person, of this month and the last: only where names of staff may be shown."""
    return Figure(
        "Work by person",
        "Finished tasks of this month and the last, with the task's pay split equally among those who did it. "
        "Not payroll: whether a rate is per task or per person is not known.",
        table(
            "Work by person, this month and the last",
            "region | month | person | #tasks | #without rate | currency | #amount",
            [
                (
                    names.get(row["region_code"], row["region_code"]),
                    month(row["work_month"]),
                    row["name"] or (f"person {row['person_id']}" if row["person_id"] else "nobody named"),
                    shown(row["count_tasks"]),
                    shown(row["count_tasks_without_rate"]),
                    row["currency"] or shown(None),
                    money(row["amount"]),
                )
                for row in questions.ask("people")
            ],
        ),
    )


_COUNTS: Sequence[str] = (
    "count_lines",
    "count_lines_without_amount",
    "count_totals_compared",
    "count_totals_that_differ",
)


def _differing(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        names.get(row["region_code"], row["region_code"]),
        str(row["task_id"]),
        shown(row["name"]),
        str(row["property_id"]),
        shown(row["work_day"]),
        money(row["total_cost"]),
        money(row["lines_amount"]),
        money(row["total_cost_difference"]),
    )
