"""Costs and supplies where the lists of tasks leave them out: details within the bound, and nothing loaded is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import NOW, asked_by_id, small_world

from breezeway_source.api import pace
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.stamps import naive
from breezeway_source.sandbox.stores import Row
from pipelines.watch.report import RegionReport


@pytest.fixture
def world() -> World:
    return small_world(properties=6, tasks=10)


@pytest.fixture
def loader(
    world: World, duckdb_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loader]:
    monkeypatch.setattr(pace, "FIRST_DELAY_S", 0.001)
    with (
        Sandbox(world, token_limit=False) as sandbox,
        QuickLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as made,
    ):
        yield made


def lines(loader: Loader) -> tuple[int, int]:
    return loader.column("select count(*) from task_supplies")[0], loader.column(
        "select count(*) from task_costs"
    )[0]


def true_lines(world: World) -> tuple[int, int]:
    live = [t for t in world.tasks.values() if t["type_task_status"]["code"] != "deleted"]
    return (
        sum(len(task.get("supplies") or ()) for task in live),
        sum(not line.get("deleted_at") for task in live for line in task.get("costs") or ()),
    )


def sources(loader: Loader) -> dict[str | None, int]:
    return dict(loader.query("select lines_from, count(*) from tasks where deleted_at is null group by 1"))  # type: ignore[arg-type]


TASKS = ("--entities", "properties", "tasks")


def load_without_money(loader: Loader) -> None:
    """Load from lists that say nothing of money, and go on saying nothing: lines come from details."""
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.once("lists of tasks say nothing of money", lambda: loader.load(*TASKS))
    loader.wipe()
    loader.sandbox.reset_log()


def with_both(world: World) -> list[Row]:
    """Tasks that have costs and supplies, each of another property."""
    found = {
        task["home_id"]: task for task in world.tasks.values() if task.get("supplies") and task.get("costs")
    }
    return list(found.values())


def test_lines_come_from_the_details_within_the_bound_the_rest_in_the_next_runs(
    loader: Loader, world: World
) -> None:
    for home in world.properties:
        loader.sandbox.deviate(
            "money_unsaid", "/task", where={"home_id": home}, form="absent" if home % 2 else "null"
        )
    bound = len(world.tasks) // 2 + 1
    loader.configure(details_per_run=bound)
    first = loader.load(*TASKS)
    assert len(asked_by_id(loader.sandbox, "/task/{id}")) == bound
    assert set(sources(loader)) == {"detail", None}
    assert any(
        "costs and supplies of" in warning and "still to come" in warning for warning in first.warnings
    )
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert sources(loader) == {"detail": sum(sources(loader).values())}
    assert lines(loader) == true_lines(world) and min(true_lines(world)) > 5
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    assert not any("still to come" in warning for warning in loader.load(*TASKS).warnings)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_lists_are_believed_where_the_details_have_no_lines_either(loader: Loader, world: World) -> None:
    for task in world.tasks.values():
        task["costs"], task["supplies"] = None, None
    report = loader.load(*TASKS)
    asked = len(asked_by_id(loader.sandbox, "/task/{id}"))
    assert 20 <= asked < len(world.tasks)
    assert any("they are believed" in warning for warning in report.warnings)
    assert None not in sources(loader)


def test_details_that_are_refused_not_found_or_deleted_take_nothing_away_and_are_asked_for_again(
    loader: Loader, world: World
) -> None:
    """Of a loaded task each, and of a new one, which is loaded without lines."""
    load_without_money(loader)
    before = lines(loader)
    refused, lost, deleted = (task["id"] for task in with_both(world)[:3])
    for task_id in (refused, lost, deleted):
        world.edit_task(task_id, name="Edited")
    home = with_both(world)[3]["home_id"]  # where no loaded task keeps the cursor from moving
    new = [world.add_task(home_id=home, name="New")["id"] for _ in range(2)]
    later = world.add_task(home_id=world.tasks[refused]["home_id"], name="New")["id"]
    for task_id in (refused, later):
        loader.sandbox.faults.next("422", 1, path=f"/task/{task_id}")
    for task_id in (lost, new[0]):
        loader.sandbox.faults.next("404", 1, path=f"/task/{task_id}")
    loader.sandbox.deviate("gone", f"/task/{deleted}", f"/task/{new[1]}", form="deleted")
    loader.pass_time(hours=1)
    (report,) = loader.run(*TASKS).regions
    assert report.exit_code == 1 and lines(loader) == before
    rows = "select name, deleted_at, lines_from from tasks where task_id = %s"
    for task_id in (*new, later):
        assert loader.query(rows, task_id) == [("New", None, None)]
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert loader.query(rows, refused) == loader.query(rows, lost) == [("Edited", None, "detail")]
    # As listed, and then among those whose lines are still to come: one proof of two.
    assert loader.query(rows, new[1]) == [("New", None, None)]
    assert loader.column("select deleted_at from tasks where task_id = %s", deleted) == [None]
    assert lines(loader) == before == true_lines(world)
    loader.sandbox.behave()
    loader.sandbox.deviate("money_unsaid", "/task")
    world.delete_task(new[0])
    for _ in range(2):
        loader.pass_time(days=1)
        loader.load(*TASKS, "--reconcile")
    assert loader.column("select deleted_at is not null from tasks where task_id = %s", new[0]) == [True]
    assert loader.query(rows, deleted) == [("Edited", None, "detail")]
    assert lines(loader) == true_lines(world)
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_tasks_that_lists_show_are_loaded_though_their_ids_are_not_found(
    loader: Loader, world: World
) -> None:
    loader.sandbox.deviate("money_unsaid", "/task")
    for task_id in world.tasks:
        loader.sandbox.deviate("refused", f"/task/{task_id}", status=410 if task_id % 2 else 404)
    (report,) = loader.run(*TASKS).regions
    assert report.exit_code == 1 and report.status == "partial"
    assert any("that lists show are not found by their ids" in f["message"] for f in report.failures)
    live = {t["id"] for t in world.tasks.values() if t["type_task_status"]["code"] != "deleted"}
    assert set(loader.column("select task_id from tasks where deleted_at is null")) == live
    loader.sandbox.behave()
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert lines(loader) == true_lines(world) and None not in sources(loader)


LACK, TO_COME = "lists_lack_lines", "lines_to_come"


def state(loader: Loader) -> dict[str, object]:
    """What dlt's state keeps of tasks."""
    with loader.target.pipeline("smoky", str(loader.folder)).managed_state() as kept:
        found: dict[str, object] = kept["sources"]["breezeway_smoky"]["resources"]["tasks"]
    return found


EMPTIED = {"costs": [], "supplies": []}


@pytest.mark.parametrize("options", [TASKS, (*TASKS, "--full")], ids=["hourly", "full"])
def test_empty_lists_alone_take_no_loaded_lines_away(
    loader: Loader, world: World, options: tuple[str, ...]
) -> None:
    """A list that stops showing lines answers [] for them: each task that would lose some is asked by its id."""
    loader.first_load(*TASKS)
    before = lines(loader)
    assert min(before) > 0
    for task_id in world.tasks:
        world.edit_task(task_id, report_url="https://example.test/changed")
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load(*options)
    assert lines(loader) == before == true_lines(world)
    asked = asked_by_id(loader.sandbox, "/task/{id}")
    had = [t for t in world.tasks.values() if t.get("costs") or t.get("supplies")]
    assert len(asked) == len(had) < len(world.tasks)


def test_lines_that_were_taken_off_a_task_go_after_one_question(loader: Loader, world: World) -> None:
    loader.first_load(*TASKS)
    task = next(t for t in world.tasks.values() if t.get("costs") and t.get("supplies"))
    world.edit_task(
        task["id"], costs=[]
    )  # its supplies stay, in the list as in the detail: no list lacks lines
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load(*TASKS)
    assert lines(loader) == true_lines(world)
    assert len(asked_by_id(loader.sandbox, "/task/{id}")) == 1
    assert state(loader).keys().isdisjoint((LACK, TO_COME))  # nothing more is asked


def test_empty_lists_are_asked_about_where_no_list_shows_a_line(loader: Loader, world: World) -> None:
    """A first load whose lists are all empty: details of finished tasks decide, and then all is read again."""
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    (report,) = loader.run(*TASKS).regions
    told = "lists of tasks have no costs and supplies where their details have lines"
    assert report.exit_code == 1 and told in report.failures[0]["message"]
    assert 5 <= len(asked_by_id(loader.sandbox, "/task/{id}")) <= 20
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert lines(loader) == true_lines(world) and min(true_lines(world)) > 5
    loader.sandbox.reset_log()
    done = next(
        t["type_task_status"] for t in world.tasks.values() if t["type_task_status"]["code"] == "finished"
    )
    new = world.add_task(home_id=2001, type_task_status=done, costs=[{"id": 77, "cost": "9.50"}])["id"]
    loader.pass_time(hours=1)
    loader.load(*TASKS)  # a task it has never seen: its lists are no longer believed
    assert asked_by_id(loader.sandbox, "/task/{id}") == [new] and lines(loader) == true_lines(world)
    loader.sandbox.behave()
    world.edit_task(new, name="Edited")
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert state(loader)["empty_lists_lie"] == ["supplies"]  # of costs a list shows one again


def test_empty_lists_about_which_nothing_could_be_asked_are_asked_about_later(
    loader: Loader, world: World
) -> None:
    loader.configure(details_per_run=0)
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    warnings = loader.load(*TASKS).warnings
    assert any("also in the 0 details that were given" in text for text in warnings)
    loader.configure(details_per_run=200)
    loader.pass_time(hours=1)
    (report,) = loader.run("--entities", "weekly").regions
    assert "all tasks are read again in the next run" in report.failures[0]["message"]
    assert state(loader)["empty_lists_lie"] == ["costs", "supplies"]


def test_that_all_lists_are_empty_is_believed_and_told_and_asked_about_again_by_weekly_runs(
    loader: Loader, world: World
) -> None:
    """Costs begin to be used when their lists have long been believed: the newest tasks show it."""
    told = "finished tasks that were listed are empty, also in the "
    true = [
        (task_id, {kind: task[kind] for kind in EMPTIED})
        for task_id, task in world.tasks.items()
        if task.get("costs") or task.get("supplies")
    ]
    for task in world.tasks.values():
        task.update(EMPTIED)
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    assert any(told in text for text in loader.load(*TASKS).warnings)
    assert 5 <= len(asked_by_id(loader.sandbox, "/task/{id}")) <= 20
    for task_id, money in true:
        world.edit_task(task_id, **money)
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    assert not any(told in text for text in loader.load(*TASKS).warnings)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []
    assert lines(loader) == (0, 0) != true_lines(world)
    loader.pass_time(days=6)
    (report,) = loader.run("--entities", "weekly").regions
    assert "where their details have lines" in report.failures[0]["message"]
    loader.pass_time(hours=1)
    loader.load(*TASKS)
    assert lines(loader) == true_lines(world)


def test_lines_in_no_form_of_a_list_take_none_away_and_are_told(loader: Loader, world: World) -> None:
    loader.first_load(*TASKS)
    before = lines(loader)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.edit_task(rich["id"], costs="see invoice", name="Edited")
    new = world.add_task(home_id=rich["home_id"], costs="see invoice", supplies=[])["id"]
    loader.pass_time(hours=1)
    (report,) = loader.run(*TASKS).regions
    assert report.exit_code == 1 and lines(loader) == before
    assert f"costs or supplies of task {rich['id']} are no list of lines" in report.failures[0]["message"]
    assert any("costs of tasks came as no list in 1 rows" in warning for warning in report.warnings)
    assert "see invoice" in str(loader.column("select unparsed from tasks where task_id = %s", new))


def test_lists_that_hold_their_lines_in_whatever_wrapping_cost_no_detail(
    loader: Loader, world: World
) -> None:
    true = true_lines(world)
    forms: list[Callable[[list[Row]], object]] = [
        lambda listed: listed,
        lambda listed: {"results": listed},
        lambda listed: {"data": listed},
        lambda listed: {str(2 * number): line for number, line in enumerate(listed)} or [],
    ]
    for number, task in enumerate(world.tasks.values()):
        for name in EMPTIED:
            task[name] = forms[number % len(forms)](task.get(name) or [])
    loader.load(*TASKS)
    assert lines(loader) == true and asked_by_id(loader.sandbox, "/task/{id}") == []
    assert set(sources(loader)) == {"list"}


def test_lines_that_are_not_read_are_told_beside_the_cursor_too(loader: Loader, world: World) -> None:
    loader.first_load(*TASKS)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.edit_task(rich["id"], name="Edited")
    loader.pass_time(hours=1)
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.sandbox.deviate("gone", "/task/{id}")
    (report,) = loader.run("--entities", "tasks", "--property", str(rich["home_id"])).regions
    assert loader.column("select name from tasks where task_id = %s", rich["id"]) != ["Edited"]
    assert any("that lists show are not found by their ids" in f["message"] for f in report.failures)


def test_lines_beyond_the_bound_come_though_no_detail_has_shown_any_yet(loader: Loader, world: World) -> None:
    for task_id in list(world.tasks)[35:]:
        del world.tasks[task_id]
    for task in world.tasks.values():
        task["costs"], task["supplies"] = [], []
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.configure(details_per_run=15)
    loader.load(*TASKS)
    assert sources(loader) == {"detail": 15, None: len(world.tasks) - 15}
    last = max(loader.column("select task_id from tasks where lines_from is null"))
    world.set_costs(last, [{"id": 77, "cost": "9.50"}], touch=False)
    for _ in range(3):
        loader.pass_time(hours=1)
        report = loader.load(*TASKS)
    assert None not in sources(loader) and lines(loader) == (0, 1)
    assert not any("still to come" in text for text in report.warnings)


def test_lines_that_lists_and_details_lose_together_are_told(loader: Loader, world: World) -> None:
    loader.first_load(*TASKS)
    for task, form in zip(with_both(world)[:3], ("null", "empty", "absent"), strict=True):
        world.edit_task(task["id"], name="Edited")
        loader.sandbox.deviate("money_unsaid", "/task", where={"home_id": task["home_id"]}, form=form)
        loader.sandbox.deviate("money_unsaid", f"/task/{task['id']}", form=form)
    loader.pass_time(hours=1)
    warnings = loader.load(*TASKS).warnings
    for kind in EMPTIED:
        assert any(text.startswith(f"3 tasks had {kind} that neither") for text in warnings), warnings


def test_a_task_that_no_list_shows_keeps_lines_its_detail_says_nothing_of(
    loader: Loader, world: World
) -> None:
    loader.first_load(*TASKS)
    before = lines(loader)
    hidden = with_both(world)[:2]
    for task, form in zip(hidden, ("null", "absent"), strict=True):
        world.hide_task(task["id"])
        loader.sandbox.deviate("money_unsaid", f"/task/{task['id']}", form=form)
    loader.pass_time(days=1)
    loader.load(*TASKS, "--reconcile")
    asked = asked_by_id(loader.sandbox, "/task/{id}")
    assert sorted(asked) == sorted(task["id"] for task in hidden) and lines(loader) == before
    loader.sandbox.behave()
    went = sum(len(task["costs"]) for task in hidden)
    for task in hidden:
        world.set_costs(task["id"], [])
    loader.pass_time(days=1)
    loader.load(*TASKS, "--reconcile")
    assert lines(loader) == (before[0], before[1] - went)


def tasks_loaded(loader: Loader, *options: str) -> RegionReport:
    (report,) = loader.run(*TASKS, *options).regions
    return report


def test_costs_that_all_tasks_lose_are_told_though_supplies_stay(loader: Loader, world: World) -> None:
    loader.first_load(*TASKS)
    had = sum(bool(task.get("costs")) for task in world.tasks.values())
    loader.pass_time(hours=1)
    loader.sandbox.deviate("fields", "/task", "/task/{id}", costs=None)
    warnings = tasks_loaded(loader, "--full").warnings
    assert any(text.startswith(f"{had} tasks had costs that neither") for text in warnings), warnings
    assert lines(loader) == (true_lines(world)[0], 0)


def test_costs_that_no_list_shows_are_asked_about_though_lists_show_supplies(
    loader: Loader, world: World
) -> None:
    """A first load whose lists have supplies and no cost, though details have some."""
    loader.sandbox.deviate("fields", "/task", costs=[])
    report = tasks_loaded(loader)
    assert "lists of tasks have no costs where their details have lines" in report.failures[0]["message"]
    assert 0 < len(asked_by_id(loader.sandbox, "/task/{id}")) < len(world.tasks)
    assert state(loader)["empty_lists_lie"] == ["costs"]  # and so details are asked for them from now on


def test_what_a_detail_leaves_empty_takes_nothing_away_that_the_list_shows(
    loader: Loader, world: World
) -> None:
    """Lists have the costs and the links, details the supplies."""
    loader.sandbox.deviate("fields", "/task", supplies=None)
    loader.sandbox.deviate("fields", "/task/{id}", costs=None, linked_reservation={}, type_priority="")
    assert tasks_loaded(loader).exit_code == 0
    assert lines(loader) == true_lines(world)
    links = {
        task["id"]: task["linked_reservation"]["id"]
        for task in world.tasks.values()
        if task.get("linked_reservation")
    }
    assert links and links == dict(
        loader.query(
            "select task_id, linked_reservation_id from tasks where linked_reservation_id is not null"
        )
    )
    assert loader.column("select count(*) from tasks where type_priority is null") == [0]


LISTED = ("linked_reservation", "assignments", "photos", "task_tags")


def listed(loader: Loader) -> dict[str, list[int]]:
    """Ids of tasks with a link, and with lines that their lists show."""
    found = {name: loader.column(f"select distinct task_id from tasks__{name}") for name in LISTED[1:]}
    found[LISTED[0]] = loader.column("select task_id from tasks where linked_reservation_id is not null")
    return {name: sorted(ids) for name, ids in found.items()}


def test_lines_still_to_come_take_nothing_away_that_only_lists_show(loader: Loader, world: World) -> None:
    """Costs and supplies are in details alone, links, photos, tags and assignments in lists alone."""
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.sandbox.deviate("fields", "/task/{id}", **dict.fromkeys(LISTED))
    loader.configure(details_per_run=20)
    assert tasks_loaded(loader).exit_code == 0
    before = listed(loader)
    assert all(before.values())
    loader.pass_time(hours=1)
    told = tasks_loaded(loader).failures[0]["message"]
    assert "tasks are without assignments, linked_reservation, photos, task_tags, which their lists" in told
    assert listed(loader) == before
    loader.configure(details_per_run=2 * len(world.tasks))
    loader.pass_time(hours=1)
    assert tasks_loaded(loader, "--full").exit_code == 0
    assert listed(loader) == before and lines(loader) == true_lines(world)


@pytest.mark.parametrize(
    ("when", "world"), [(when, small_world(properties=1, tasks=80)) for when in ("first", "later")]
)
def test_lines_that_only_new_tasks_have_are_found(loader: Loader, world: World, when: str) -> None:
    """Lists have null, and so have the details of the first 20 finished tasks, or had until then those of all."""
    new = [t["id"] for t in world.tasks.values() if t["type_task_status"]["code"] == "finished"][-10:]
    for task in world.tasks.values():
        task.update(EMPTIED)
    loader.sandbox.deviate("money_unsaid", "/task")
    if when == "later":
        assert tasks_loaded(loader).exit_code == 0
        loader.pass_time(hours=1)
    for one in new:
        world.edit_task(one, costs=[{"id": one, "cost": 5}])
    told = tasks_loaded(loader).failures[0]["message"]
    assert "no costs where their details have lines: all tasks are read again" in told
    if when == "first":
        loader.pass_time(hours=1)
        assert tasks_loaded(loader).exit_code == 0
        assert lines(loader) == true_lines(world) == (0, 10)


def test_costs_that_do_not_move_their_task_are_told_by_runs_that_read_all(
    loader: Loader, world: World
) -> None:
    """Hourly runs ask for what changed, and would bring such costs a week late without a word."""
    loader.first_load(*TASKS)
    at = loader.pass_time(days=1)
    for number, task in enumerate([task for task in world.tasks.values() if task.get("costs")][:6]):
        line = {"id": 7, "cost": 5, "created_at": naive(at)}
        world.set_costs(task["id"], [line], touch=number < 3)
    loader.pass_time(hours=1)
    assert not any("a cost alone" in text for text in tasks_loaded(loader).warnings)
    loader.pass_time(hours=1)
    told = [text for text in loader.load("--entities", "weekly").warnings if "a cost alone" in text]
    assert [text.split(" ")[0] for text in told] == ["3"]


def test_lines_that_many_tasks_lose_in_list_and_detail_are_told_though_others_show_some(
    loader: Loader, world: World
) -> None:
    """As where an API keeps no lines of old tasks."""
    rich = [task["id"] for task in world.tasks.values()][:22]
    for task_id in rich:
        world.edit_task(task_id, supplies=[{"supply_id": 440, "name": "Filter", "total_price": 2}], costs=[])
    loader.first_load(*TASKS)
    loader.pass_time(days=1)
    for task_id in rich:
        world.set_supplies(task_id, [], touch=False)
    world.add_task(home_id=2001, supplies=[{"supply_id": 440, "name": "Filter", "total_price": 2}])
    told = [text for text in loader.load("--entities", "weekly").warnings if text.startswith("22 tasks had")]
    assert len(told) == 1 and "and others of this run do; the first is" in told[0]
