"""Costs and supplies where the lists of tasks leave them out: details within the bound, and nothing loaded is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Database
from loading import Loader
from quick_loading import QuickLoader
from small_worlds import NOW, asked_by_id, small_world

from breezeway_source.api import pace
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.stamps import naive
from pipelines.watch.report import RegionReport


@pytest.fixture
def world() -> World:
    return small_world(properties=4, tasks=15)


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


@pytest.mark.parametrize("form", ["null", "absent"])
def test_lines_come_from_the_details_within_the_bound_the_rest_in_the_next_runs(
    loader: Loader, world: World, form: str
) -> None:
    loader.sandbox.deviate("money_unsaid", "/task", form=form)
    bound = len(world.tasks) // 3 + 1
    loader.configure(details_per_run=bound)
    first = loader.load("--entities", "properties", "tasks")
    assert len(asked_by_id(loader.sandbox, "/task/{id}")) == bound
    assert set(sources(loader)) == {"detail", None}
    assert any(
        "costs and supplies of" in warning and "still to come" in warning for warning in first.warnings
    )
    for _ in range(3):
        loader.pass_time(hours=1)
        last = loader.load("--entities", "properties", "tasks")
    assert sources(loader) == {"detail": sum(sources(loader).values())}
    assert lines(loader) == true_lines(world) and min(true_lines(world)) > 5
    assert not any("still to come" in warning for warning in last.warnings)
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_lists_are_believed_where_the_details_have_no_lines_either(loader: Loader, world: World) -> None:
    for task in world.tasks.values():
        task["costs"], task["supplies"] = None, None
    report = loader.load("--entities", "properties", "tasks")
    asked = len(asked_by_id(loader.sandbox, "/task/{id}"))
    assert 20 <= asked < len(world.tasks)
    assert any("they are believed" in warning for warning in report.warnings)
    assert None not in sources(loader)


def test_a_refused_detail_takes_no_loaded_line_away_and_a_new_task_loads_without(
    loader: Loader, world: World
) -> None:
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.load("--entities", "properties", "tasks")
    before = lines(loader)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    loader.pass_time(hours=1)
    world.edit_task(rich["id"], name="Edited")
    new = world.add_task(home_id=rich["home_id"], name="New")["id"]
    for task_id in (rich["id"], new):
        loader.sandbox.faults.next("422", 1, path=f"/task/{task_id}")
    (report,) = loader.run("--entities", "properties", "tasks").regions
    assert report.exit_code == 1 and lines(loader) == before
    assert loader.query("select name, lines_from from tasks where task_id = %s", new) == [("New", None)]
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert loader.query("select name, lines_from from tasks where task_id = %s", rich["id"]) == [
        ("Edited", "detail")
    ]
    assert lines(loader) == true_lines(world)


@pytest.mark.parametrize("status", [404, 410])
def test_tasks_that_lists_show_are_loaded_though_their_ids_are_not_found(
    loader: Loader, world: World, status: int
) -> None:
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.sandbox.deviate("refused", "/task/{id}", status=status)
    (report,) = loader.run("--entities", "properties", "tasks").regions
    assert report.exit_code == 1 and report.status == "partial"
    assert any("that lists show are not found by their ids" in f["message"] for f in report.failures)
    live = {t["id"] for t in world.tasks.values() if t["type_task_status"]["code"] != "deleted"}
    assert set(loader.column("select task_id from tasks where deleted_at is null")) == live
    loader.sandbox.behave()
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert lines(loader) == true_lines(world) and None not in sources(loader)


def test_a_task_that_goes_between_list_and_detail_is_told_and_goes_with_its_proofs(
    loader: Loader, world: World
) -> None:
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.load("--entities", "properties", "tasks")
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    new = world.add_task(home_id=rich["home_id"], name="New")["id"]
    world.edit_task(rich["id"], name="Edited")
    before = lines(loader)
    for task_id in (rich["id"], new):
        loader.sandbox.faults.next("404", 1, path=f"/task/{task_id}")
    loader.pass_time(hours=1)
    loader.run("--entities", "properties", "tasks")
    assert lines(loader) == before
    assert loader.query("select name, lines_from from tasks where task_id = %s", new) == [("New", None)]
    world.delete_task(new)
    for _ in range(2):
        loader.pass_time(days=1)
        loader.load("--entities", "properties", "tasks", "--reconcile")
    assert loader.column("select name from tasks where task_id = %s", rich["id"]) == ["Edited"]
    assert loader.column("select deleted_at is not null from tasks where task_id = %s", new) == [True]
    assert lines(loader) == true_lines(world)
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_lists_that_hold_their_lines_cost_no_detail(loader: Loader, world: World) -> None:
    for task in world.tasks.values():
        task["costs"], task["supplies"] = task.get("costs") or [], task.get("supplies") or []
    loader.load("--entities", "properties", "tasks")
    assert asked_by_id(loader.sandbox, "/task/{id}") == []
    assert set(sources(loader)) == {"list"}


LACK = "lists_lack_lines"


def state(loader: Loader) -> dict[str, object]:
    """What dlt's state keeps of tasks."""
    with loader.target.pipeline("smoky", str(loader.folder)).managed_state() as kept:
        found: dict[str, object] = kept["sources"]["breezeway_smoky"]["resources"]["tasks"]
    return found


EMPTIED = {"costs": [], "supplies": []}


@pytest.mark.parametrize(
    "options", [(), ("--entities", "weekly"), ("--full",)], ids=["hourly", "weekly", "full"]
)
def test_empty_lists_alone_take_no_loaded_lines_away(
    loader: Loader, world: World, options: tuple[str, ...]
) -> None:
    """A list that stops showing lines answers [] for them: each task that would lose some is asked by its id."""
    loader.first_load("--entities", "properties", "tasks")
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
    loader.first_load("--entities", "properties", "tasks")
    task = next(t for t in world.tasks.values() if t.get("costs") and t.get("supplies"))
    world.edit_task(
        task["id"], costs=[]
    )  # its supplies stay, in the list as in the detail: no list lacks lines
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load("--entities", "properties", "tasks")
    assert lines(loader) == true_lines(world)
    assert len(asked_by_id(loader.sandbox, "/task/{id}")) == 1
    assert LACK not in state(loader)
    loader.pass_time(hours=1)
    loader.sandbox.reset_log()
    loader.load("--entities", "properties", "tasks")
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_empty_lists_are_asked_about_where_no_list_shows_a_line(loader: Loader, world: World) -> None:
    """A first load whose lists are all empty: details of finished tasks decide, and then all is read again."""
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    (report,) = loader.run("--entities", "properties", "tasks").regions
    told = "lists of tasks have no costs and supplies where their details have lines"
    assert report.exit_code == 1 and told in report.failures[0]["message"]
    assert 5 <= len(asked_by_id(loader.sandbox, "/task/{id}")) <= 20
    for _ in range(2):
        loader.pass_time(hours=1)
        loader.load("--entities", "properties", "tasks")
        assert lines(loader) == true_lines(world) and min(true_lines(world)) > 5
    loader.sandbox.reset_log()
    done = next(
        t["type_task_status"] for t in world.tasks.values() if t["type_task_status"]["code"] == "finished"
    )
    new = world.add_task(home_id=2001, type_task_status=done, costs=[{"id": 77, "cost": "9.50"}])["id"]
    loader.pass_time(hours=1)
    loader.load(
        "--entities", "properties", "tasks"
    )  # a task it has never seen: its lists are no longer believed
    assert asked_by_id(loader.sandbox, "/task/{id}") == [new] and lines(loader) == true_lines(world)
    loader.sandbox.behave()
    world.edit_task(new, name="Edited")
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert state(loader)["empty_lists_lie"] == ["supplies"]  # of costs a list shows one again


def test_empty_lists_about_which_nothing_could_be_asked_are_asked_about_later(
    loader: Loader, world: World
) -> None:
    loader.configure(details_per_run=0)
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    warnings = loader.load("--entities", "properties", "tasks").warnings
    assert any("also in the 0 details that were given" in text for text in warnings)
    loader.configure(details_per_run=200)
    loader.pass_time(hours=1)
    assert loader.run("--entities", "weekly").exit_code == 1
    loader.pass_time(hours=1)
    loader.load("--entities", "properties", "tasks")
    assert lines(loader) == true_lines(world)


def test_that_all_lists_are_empty_is_believed_and_told_where_details_have_none_either(
    loader: Loader, world: World
) -> None:
    told = "finished tasks that were listed are empty, also in the "
    for task in world.tasks.values():
        task.update(EMPTIED)
    assert any(told in text for text in loader.load("--entities", "properties", "tasks").warnings)
    assert 5 <= len(asked_by_id(loader.sandbox, "/task/{id}")) <= 20
    loader.sandbox.reset_log()
    loader.pass_time(hours=1)
    for task_id in world.tasks:
        world.edit_task(task_id, name="Edited")
    assert not any(told in text for text in loader.load().warnings)
    assert asked_by_id(loader.sandbox, "/task/{id}") == []


def test_what_was_believed_of_empty_lists_is_asked_about_again_by_weekly_runs(
    loader: Loader, world: World
) -> None:
    """Costs begin to be used when their lists have long been believed: the newest tasks show it."""
    loader.sandbox.deviate("fields", "/task", **EMPTIED)
    true = {
        task_id: (task.pop("costs"), task.pop("supplies"))
        for task_id, task in world.tasks.items()
        if "costs" in task
    }
    loader.load("--entities", "properties", "tasks")
    for task_id, (costs, supplies) in list(true.items())[-40:]:
        world.edit_task(task_id, costs=costs, supplies=supplies)
    loader.pass_time(hours=1)
    loader.load()
    assert lines(loader) == (0, 0) != true_lines(world)
    loader.pass_time(days=6)
    (report,) = loader.run("--entities", "weekly").regions
    assert "where their details have lines" in report.failures[0]["message"]
    loader.pass_time(hours=1)
    loader.load()
    assert lines(loader) == true_lines(world)


def test_lines_in_no_form_of_a_list_take_none_away_and_are_told(loader: Loader, world: World) -> None:
    loader.load("--entities", "properties", "tasks")
    before = lines(loader)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.edit_task(rich["id"], costs="see invoice", name="Edited")
    new = world.add_task(home_id=rich["home_id"], costs="see invoice", supplies=[])["id"]
    loader.pass_time(hours=1)
    (report,) = loader.run("--entities", "properties", "tasks").regions
    assert report.exit_code == 1 and lines(loader) == before
    assert f"costs or supplies of task {rich['id']} are no list of lines" in report.failures[0]["message"]
    assert any("costs of tasks came as no list in 1 rows" in warning for warning in report.warnings)
    assert "see invoice" in str(loader.column("select unparsed from tasks where task_id = %s", new))


@pytest.mark.parametrize("key", ["results", "data", "numbers"])
def test_lines_may_come_wrapped_or_numbered(loader: Loader, world: World, key: str) -> None:
    true = true_lines(world)
    for task in world.tasks.values():
        for name in EMPTIED:
            listed = task.get(name) or []
            numbered = {str(2 * number): line for number, line in enumerate(listed)} or []
            task[name] = numbered if key == "numbers" else {key: listed}
    loader.load("--entities", "properties", "tasks")
    assert lines(loader) == true and asked_by_id(loader.sandbox, "/task/{id}") == []


def test_lines_that_are_not_read_are_told_beside_the_cursor_too(loader: Loader, world: World) -> None:
    loader.first_load("--entities", "properties", "tasks")
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.edit_task(rich["id"], name="Edited")
    loader.pass_time(hours=1)
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.sandbox.deviate("gone", "/task/{id}")
    (report,) = loader.run("--entities", "tasks", "--property", str(rich["home_id"])).regions
    assert loader.column("select name from tasks where task_id = %s", rich["id"]) != ["Edited"]
    assert any("that lists show are not found by their ids" in f["message"] for f in report.failures)


def test_lines_beyond_the_bound_come_though_no_detail_has_shown_any_yet(loader: Loader, world: World) -> None:
    for task in world.tasks.values():
        task["costs"], task["supplies"] = [], []
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.configure(details_per_run=15)
    loader.load("--entities", "properties", "tasks")
    assert sources(loader) == {"detail": 15, None: len(world.tasks) - 15}
    last = max(loader.column("select task_id from tasks where lines_from is null"))
    world.set_costs(last, [{"id": 77, "cost": "9.50"}], touch=False)
    for _ in range(len(world.tasks) // 15 + 1):
        loader.pass_time(hours=1)
        report = loader.load("--entities", "properties", "tasks")
    assert None not in sources(loader) and lines(loader) == (0, 1)
    assert not any("still to come" in text for text in report.warnings)


def test_a_detail_that_says_deleted_is_one_proof_of_two(loader: Loader, world: World) -> None:
    loader.sandbox.deviate("money_unsaid", "/task")
    loader.load("--entities", "properties", "tasks")
    before = lines(loader)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.edit_task(rich["id"], name="Edited")
    new = world.add_task(home_id=rich["home_id"], name="New")["id"]
    loader.sandbox.deviate("gone", f"/task/{rich['id']}", f"/task/{new}", form="deleted")
    for _ in range(2):  # as listed, and then among those whose lines are still to come
        loader.pass_time(hours=1)
        loader.run("--entities", "properties", "tasks")
        assert lines(loader) == before
        assert loader.query("select name, deleted_at, lines_from from tasks where task_id = %s", new) == [
            ("New", None, None)
        ]
        assert loader.column("select deleted_at from tasks where task_id = %s", rich["id"]) == [None]


@pytest.mark.parametrize("form", ["null", "empty"])
def test_lines_that_lists_and_details_lose_together_are_told(loader: Loader, world: World, form: str) -> None:
    loader.first_load("--entities", "properties", "tasks")
    rich = [task["id"] for task in world.tasks.values() if task.get("supplies") and task.get("costs")][:3]
    for task_id in rich:
        world.edit_task(task_id, name="Edited")
    loader.pass_time(hours=1)
    loader.sandbox.deviate("money_unsaid", "/task", "/task/{id}", form=form)
    warnings = loader.load().warnings
    for kind in EMPTIED:
        assert any(text.startswith(f"3 tasks had {kind} that neither") for text in warnings), warnings


@pytest.mark.parametrize("form", ["null", "absent"])
def test_a_task_that_no_list_shows_keeps_lines_its_detail_says_nothing_of(
    loader: Loader, world: World, form: str
) -> None:
    loader.first_load("--entities", "properties", "tasks")
    before = lines(loader)
    rich = next(task for task in world.tasks.values() if task.get("supplies") and task.get("costs"))
    world.hide_task(rich["id"])
    loader.sandbox.deviate("money_unsaid", "/task/{id}", form=form)
    loader.pass_time(days=1)
    loader.load("--reconcile")
    assert asked_by_id(loader.sandbox, "/task/{id}") == [rich["id"]] and lines(loader) == before
    loader.sandbox.behave()
    world.set_costs(rich["id"], [])
    loader.pass_time(days=1)
    loader.load("--reconcile")
    assert lines(loader) == (before[0], before[1] - len(rich["costs"]))


def tasks_loaded(loader: Loader, *options: str) -> RegionReport:
    (report,) = loader.run("--entities", "properties", "tasks", *options).regions
    return report


def test_costs_that_all_tasks_lose_are_told_though_supplies_stay(loader: Loader, world: World) -> None:
    loader.first_load("--entities", "properties", "tasks")
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
    loader.pass_time(hours=1)
    assert tasks_loaded(loader).exit_code == 0
    assert lines(loader) == true_lines(world) and min(true_lines(world)) > 5


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
    loader.pass_time(hours=1)
    assert tasks_loaded(loader).exit_code == 0
    assert lines(loader) == true_lines(world) == (0, 10)


@pytest.mark.parametrize("touch", [False, True])
def test_costs_that_do_not_move_their_task_are_told_by_runs_that_read_all(
    loader: Loader, world: World, touch: bool
) -> None:
    """Hourly runs ask for what changed, and would bring such costs a week late without a word."""
    loader.first_load("--entities", "properties", "tasks")
    at = loader.pass_time(days=1)
    for task in [task for task in world.tasks.values() if task.get("costs")][:3]:
        world.set_costs(task["id"], [{"id": 7, "cost": 5, "created_at": naive(at)}], touch=touch)
    loader.pass_time(hours=1)
    assert not any("a cost alone" in text for text in tasks_loaded(loader).warnings)
    loader.pass_time(hours=1)
    told = [text for text in loader.load("--entities", "weekly").warnings if "a cost alone" in text]
    assert [text.split(" ")[0] for text in told] == ([] if touch else ["3"])


def test_lines_that_many_tasks_lose_in_list_and_detail_are_told_though_others_show_some(
    loader: Loader, world: World
) -> None:
    """As where an API keeps no lines of old tasks."""
    rich = [task["id"] for task in world.tasks.values()][:22]
    for task_id in rich:
        world.edit_task(task_id, supplies=[{"supply_id": 440, "name": "Filter", "total_price": 2}], costs=[])
    loader.first_load("--entities", "properties", "tasks")
    loader.pass_time(days=1)
    for task_id in rich:
        world.set_supplies(task_id, [], touch=False)
    world.add_task(home_id=2001, supplies=[{"supply_id": 440, "name": "Filter", "total_price": 2}])
    told = [text for text in loader.load("--entities", "weekly").warnings if text.startswith("22 tasks had")]
    assert len(told) == 1 and "and others of this run do; the first is" in told[0]
