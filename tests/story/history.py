"""What `task_changes` must hold after the story: each task's versions, in their order, up to the task as it is."""

from __future__ import annotations

from itertools import groupby, pairwise

from loading import Loader

WATCHED = "task_status_code, task_status_stage, scheduled_date, linked_reservation_id"


def problems(loader: Loader) -> list[str]:
    """Versions that are missing, doubled or not the task's, by the tables alone."""
    versions = loader.query(
        f"select task_id, change_number, {WATCHED}, total_cost, is_deleted, assignees, count_cost_lines, cost_amount, "
        "count_supply_lines, supply_amount from task_changes order by task_id, change_number"
    )
    now = {
        task_id: tuple(cells)
        for task_id, *cells in loader.query(
            f"select task_id, {WATCHED}, cast(round(total_cost, 2) as decimal(38, 2)), deleted_at is not null "
            "from tasks"
        )
    }
    found, seen = [], set()
    for task_id, rows in groupby(versions, key=lambda row: row[0]):
        seen.add(task_id)
        numbers, cells = zip(*((row[1], tuple(row[2:])) for row in rows), strict=True)
        if list(numbers) != list(range(1, len(numbers) + 1)):
            found.append(f"task_changes {task_id}: versions {numbers}")
        if any(one == other for one, other in pairwise(cells)):
            found.append(f"task_changes {task_id}: one version twice in a row")
        if cells[-1][:6] != now.get(task_id):
            found.append(f"task_changes {task_id}: {cells[-1][:6]} last instead of {now.get(task_id)}")
    return found + [f"task_changes {task_id}: no version" for task_id in now.keys() - seen]
