"""The source in anybody's pipeline: three lines load a region, and dlt's own ways of choosing and changing work."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pendulum
import pytest
from dlt.common.configuration.container import Container
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.run_context import RunContext, switched_run_context
from dlt.extract import DltSource
from dlt.pipeline import Pipeline
from dlt.pipeline.exceptions import PipelineStepFailed
from small_worlds import small_world

from breezeway_source import breezeway_source
from breezeway_source.entities.endpoints import ENDPOINTS
from breezeway_source.errors import ApiError, ConfigError
from breezeway_source.sandbox import Sandbox, World

HERE = "[sources.breezeway]\nrequests_per_minute = 60000\ndetails_days = 4000\n"


@pytest.fixture
def world() -> World:
    """Of today: the source's clock is the machine's, or that of the API's answers."""
    return small_world(now=pendulum.now("UTC"), properties=2, stays_days=30)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project that knows the sandbox as its API, and smoky by its key pair alone."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(HERE, "utf-8")
    client_id, client_secret = sandbox.credentials["smoky"]
    monkeypatch.setenv("SOURCES__BREEZEWAY__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID", client_id)
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET", client_secret)
    monkeypatch.chdir(tmp_path)
    Container()[PipelineContext].deactivate()
    with switched_run_context(RunContext(str(tmp_path))), OPEN:
        yield tmp_path


OPEN = ExitStack()
"""DuckDB's files: each stays open while its test goes on, since opening it for each statement costs more than that."""


def pipeline(project: Path, name: str = "smoky", destination: Any = "duckdb") -> Pipeline:
    if destination == "duckdb":
        file = str(project / f"{name}_local.duckdb")
        OPEN.enter_context(duckdb.connect(file))
        destination = dlt.destinations.duckdb(file)
    return dlt.pipeline(
        name, destination=destination, dataset_name="breezeway", pipelines_dir=str(project / "dlt")
    )


def extracted(reading: Pipeline, data: Any, **options: Any) -> Counter[str]:
    """Rows by table of an extraction alone: cursors move with it, tables do not."""
    found: Counter[str] = Counter()
    for metrics in itertools.chain(*reading.extract(data, **options).metrics.values()):
        found.update({table: of.items_count for table, of in metrics["table_metrics"].items()})
    return found


def counted(loaded: Pipeline, table: str) -> int:
    """Rows of a table; dlt makes those that got none when somebody asks for all of them only."""
    with loaded.sql_client() as client:
        try:
            ((count,),) = client.execute_sql(f"select count(*) from {table}") or ((0,),)
        except DestinationUndefinedEntity:
            return 0
    return int(count)


def written(loaded: Pipeline) -> dict[str, int]:
    """Rows by entity of the pipeline's last normalise step."""
    rows = loaded.last_trace.last_normalize_info.row_counts
    return {name: rows.get(name, 0) for name in ENDPOINTS}


def test_three_lines_load_a_region_and_again_what_changed(project: Path, world: World) -> None:
    loaded = pipeline(project)
    loaded.run(breezeway_source("smoky"))
    assert counted(loaded, "tasks") == len(world.tasks) > 3
    assert counted(loaded, "tasks__supplies") == sum(
        len(t.get("supplies") or ()) for t in world.tasks.values()
    )
    for name in ENDPOINTS:
        assert written(loaded)[name] > 0, name

    world.edit_task(next(iter(world.tasks)), description="edited")
    again = extracted(loaded, breezeway_source("smoky"))
    assert (again["tasks"], again["reservations"]) == (1, 0)


def test_building_it_sends_nothing_and_a_wrong_word_is_told_at_once(sandbox: Sandbox) -> None:
    breezeway_source("smoky", base_url="http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="Unknown region 'smokey'. Did you mean 'smoky'"):
        breezeway_source("smokey")
    with pytest.raises(ConfigError, match="Unknown entity 'task'. Did you mean 'tasks'"):
        breezeway_source("smoky", entities=("task",))
    with pytest.raises(ConfigError, match=r"^until needs since"):
        breezeway_source("smoky", until="2026-03-01")
    with pytest.raises(ConfigError, match="Which region"):
        breezeway_source()
    with pytest.raises(ConfigError, match="https"):
        breezeway_source("smoky", base_url="http://example.test")
    assert sandbox.logged() == []


def test_the_region_may_stand_in_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGION", "smoky")
    assert breezeway_source().name == "breezeway_smoky"


def test_nothing_is_taken_from_shorter_or_bare_names(
    project: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "CLIENT_ID",
        "CLIENT_SECRET",
        "SINCE",
        "UNTIL",
        "BASE_URL",
        "ENTITIES",
        "REGION",
        "PROPERTIES",
    ):
        for place in ("", "SOURCES__", "SOURCES__BREEZEWAY__BREEZEWAY_SMOKY__"):
            monkeypatch.setenv(place + name, "1999-01-01")
    monkeypatch.setenv("FULL", "true")
    for name in ("CLIENT_ID", "CLIENT_SECRET"):  # one region's pair never serves another
        monkeypatch.setenv(f"SOURCES__BREEZEWAY__{name}", "someone's")
    reading = pipeline(project, destination=None)
    whole, later = (extracted(reading, breezeway_source("smoky", entities="tasks")) for _ in range(2))
    assert later["tasks"] < whole["tasks"], "FULL or SINCE was taken from the environment"
    with pytest.raises(ConfigError, match="Unknown region 'austin'"):
        breezeway_source("austin")


def test_a_key_pair_that_is_given_serves_a_region_without_a_table(project: Path, sandbox: Sandbox) -> None:
    client_id, client_secret = sandbox.credentials["smoky"]
    source = breezeway_source("lake_tahoe", client_id=client_id, client_secret=client_secret)
    assert {row["region_code"] for row in source.people} == {"lake_tahoe"}


def test_each_choice_of_one_or_two_resources_ends() -> None:
    """Without a destination nothing is loaded, so of details alone there are none to read."""
    source = breezeway_source("smoky")
    for names in (*itertools.combinations(ENDPOINTS, 1), *itertools.combinations(ENDPOINTS, 2)):
        assert list(source.with_resources(*names)) or names == ("task_details",)


def test_a_single_resource_is_a_list_of_rows(world: World) -> None:
    source = breezeway_source("smoky")
    for name in ENDPOINTS:
        rows = list(getattr(source, name))
        assert rows or name == "task_details"
        assert len(list(getattr(source, name))) == len(rows), "each list is a reading of its own"
        if name == "tasks":
            assert {row["task_id"] for row in rows} == set(world.tasks)


def test_the_same_object_runs_after_a_failure_twice_and_into_two_pipelines(
    project: Path, sandbox: Sandbox, world: World
) -> None:
    source = breezeway_source("smoky", entities="tasks")
    one, other = pipeline(project), pipeline(project, "other")
    sandbox.faults.refuse_endpoint("/property", 403)
    with pytest.raises(PipelineStepFailed) as told:
        one.run(source)
    assert isinstance(told.value.exception.__cause__, ApiError) or "403" in str(told.value)
    sandbox.faults.clear()
    whole = len(world.tasks)
    for loaded in (one, other):
        loaded.run(source)
        assert (written(loaded)["tasks"], counted(loaded, "tasks")) == (whole, whole)
    world.edit_task(next(iter(world.tasks)), description="edited")
    one.run(source)
    assert (written(one)["tasks"], counted(one, "tasks"), counted(other, "tasks")) == (1, whole, whole)


def test_a_list_refused_in_each_of_its_windows_is_told_once(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.refuse_endpoint("/reservation", 403)
    assert list(breezeway_source("smoky").reservations) == []
    assert sandbox.count("GET /reservation") > 1
    assert [line.getMessage() for line in caplog.records if line.name == "breezeway"] == [
        "smoky: 403 for /reservation (region 'smoky', page 1): Refused by the sandbox."
    ]


def test_after_a_limit_a_full_run_lacks_nothing(project: Path, world: World) -> None:
    loaded, entities = pipeline(project), ("people", "tasks", "task_details")
    source = breezeway_source("smoky", entities=entities)
    source.people.add_limit(1)
    source.task_details.add_limit(1)
    loaded.run(source)
    assert counted(loaded, "task_details") < len(world.tasks) == counted(loaded, "tasks")
    loaded.run(breezeway_source("smoky", entities=entities))
    assert counted(loaded, "task_details") == len(world.tasks)
    with loaded.sql_client() as client:
        people = client.execute_sql("select count(*), count(deleted_at) from people")
    assert people == [(len(world.people), 0)]


Given = Callable[[DltSource], Any]


def as_it_is(source: DltSource) -> Any:
    return source


def renamed(source: DltSource) -> Any:
    return source.tasks.with_name("jobs")


def in_a_source_of_ones_own(source: DltSource) -> Any:
    return dlt.source(lambda: [source.people, source.tasks], name="mine")()


def beside_another_selection(source: DltSource) -> Any:
    return [source.with_resources("people"), source.with_resources("tasks")]


def below_a_transformer(source: DltSource) -> Any:
    return source.tasks | dlt.transformer(lambda tasks: tasks, name="jobs")


@pytest.mark.parametrize(
    "given", [as_it_is, renamed, in_a_source_of_ones_own, beside_another_selection, below_a_transformer]
)
def test_a_limit_holds_the_cursor_wherever_the_resource_stands(
    project: Path, world: World, given: Given
) -> None:
    reading = pipeline(project, destination=None)
    table = "jobs" if given in (renamed, below_a_transformer) else "tasks"
    limited = breezeway_source("smoky", entities=("people", "tasks"))
    limited.tasks.add_limit(1)
    assert 0 < extracted(reading, given(limited))[table] < len(world.tasks)
    for is_whole in (True, False):
        rows = extracted(reading, given(breezeway_source("smoky", entities=("people", "tasks"))))[table]
        assert (rows >= len(world.tasks)) is is_whole


def test_who_breaks_off_leaves_the_cursor_as_it_was(project: Path, world: World) -> None:
    """Drawn by a resource of one's own, the source reads and writes the state that its run will store."""

    @dlt.resource(primary_key="task_id", write_disposition="merge")
    def first(count: int) -> Iterator[Any]:
        yield from itertools.islice(breezeway_source("smoky", entities="tasks").tasks, count)

    reading = pipeline(project, destination=None)
    for count in (1, len(world.tasks)):
        assert extracted(reading, first(count))["first"] == count


def test_a_resource_of_another_name_is_replaced_whole(project: Path, world: World) -> None:
    loaded = pipeline(project)
    loaded.run(renamed(breezeway_source("smoky", entities="tasks")))
    anew = extracted(
        loaded, renamed(breezeway_source("smoky", entities="tasks")), write_disposition="replace"
    )
    assert anew["jobs"] == counted(loaded, "jobs") == len(world.tasks)


def test_regions_in_one_source_have_cursors_of_their_own(project: Path, sandbox: Sandbox) -> None:
    client_id, client_secret = sandbox.credentials["smoky"]
    reading = pipeline(project, destination=None)
    reading.extract(breezeway_source("smoky", entities="reservations"))  # names the pipeline's schema
    sandbox.reset_log()
    keys = {"client_id": client_id, "client_secret": client_secret}
    other = breezeway_source("lake_tahoe", entities="reservations", **keys)
    for is_first in (True, False):
        reading.extract(other.reservations)
        asked = [asked.query for asked in sandbox.logged() if asked.endpoint == "/reservation"]
        # After an hour's windows one day alone is asked for, to see whether filters are heeded.
        assert any("updated_at_ge" not in query for query in asked[:-1]) is is_first
        sandbox.reset_log()


def test_the_same_rows_for_two_tables_in_one_run_are_refused(project: Path) -> None:
    source = breezeway_source("smoky")
    with pytest.raises(PipelineStepFailed, match="jobs and tasks both read tasks in one run. Next: "):
        pipeline(project, destination=None).extract([renamed(source), source.tasks])


def test_a_limit_of_the_whole_source_ends_and_marks_no_catalogue_as_read(project: Path) -> None:
    found = extracted(pipeline(project, destination=None), breezeway_source("smoky").add_limit(1))
    assert found["entity_reads"] == 0 < found["people"]


def test_a_source_made_parallel_reads_as_it_does_anyway(project: Path, world: World) -> None:
    reading = pipeline(project, destination=None)
    first, later = (extracted(reading, breezeway_source("smoky").parallelize()) for _ in range(2))
    assert first["tasks"] == first["task_details"] == len(world.tasks) > later["tasks"]


def test_rows_are_changed_and_left_out_dlts_way_and_its_contracts_hold(project: Path, world: World) -> None:
    source = breezeway_source("smoky", entities=("people", "tasks"))
    first = min(world.tasks)
    source.tasks.add_filter(lambda row: row["task_id"] == first)
    source.people.add_map(lambda row: row | {"name": "somebody"})
    source.people.apply_hints(columns={"nickname": {"data_type": "text"}})
    loaded = pipeline(project)
    loaded.run(source)
    with loaded.sql_client() as client:
        assert client.execute_sql("select task_id from tasks") == [(first,)]
        assert client.execute_sql("select distinct name, nickname from people") == [("somebody", None)]
    world.people[next(iter(world.people))]["brand_new_field"] = "x"
    with pytest.raises(PipelineStepFailed, match="brand_new_field"):
        loaded.run(source, schema_contract={"columns": "freeze"})


def test_types_and_keys_stand_on_the_resources() -> None:
    source = breezeway_source("smoky")
    assert source.tasks.columns["total_cost"]["data_type"] == "decimal"
    assert source.tasks.columns["task_id"] == {**source.tasks.columns["task_id"], "nullable": False}
    assert source.tasks.compute_table_schema()["columns"]["region_code"]["primary_key"] is True
    assert set(source.tasks.nested_hints) >= {"supplies", "costs"}
    assert all(
        source.resources[name].write_disposition["disposition"] == "merge" for name in source.resources
    )


def test_details_alone_are_those_of_the_tasks_that_are_loaded(project: Path, world: World) -> None:
    loaded = pipeline(project)
    loaded.run(breezeway_source("smoky", entities="tasks"))
    found = extracted(loaded, breezeway_source("smoky").with_resources("task_details"))
    assert {name for name in ENDPOINTS if found[name]} == {"task_details"}
    assert found["task_details"] == len(world.tasks)


def test_where_no_database_can_be_asked_every_row_of_the_window_is_given(project: Path, world: World) -> None:
    place = dlt.destinations.filesystem(str(project / "files"))
    loaded = pipeline(project, "files", place)
    loaded.run(breezeway_source("smoky", entities="tasks"))
    world.edit_task(next(iter(world.tasks)), description="edited")
    window = [
        t for t in world.tasks.values() if t["updated_at"] >= (world.now - timedelta(days=3)).isoformat()
    ]
    again = extracted(loaded, breezeway_source("smoky", entities="tasks"))
    assert 1 <= again["tasks"] <= len(window) + 1


def test_a_day_is_read_again_beside_the_cursor(project: Path, world: World) -> None:
    loaded = pipeline(project)
    loaded.run(breezeway_source("smoky", entities="tasks"))

    def again(**options: Any) -> int:
        return extracted(loaded, breezeway_source("smoky", entities="tasks", **options))["tasks"]

    days = sorted(task["updated_at"][:10] for task in world.tasks.values())
    assert again(since=days[0], until=days[0]) == days.count(days[0])
    assert 0 < again(properties=[min(world.properties)]) < len(world.tasks)
    assert again(full=True) == len(world.tasks)


def test_a_refresh_drops_and_loads_everything_again(project: Path, world: World) -> None:
    """What is loaded is asked of the destination before dlt drops it: without a cursor it counts for nothing."""
    loaded, roots = pipeline(project), ("reservations", "property_details", "task_details", "tasks", "people")
    tables = (*roots, "reservations__guests")
    loaded.run(breezeway_source("smoky", entities=roots))
    before = {table: counted(loaded, table) for table in tables}
    assert all(before.values())
    world.advance(minutes=5)
    loaded.run(breezeway_source("smoky", entities=roots), refresh="drop_sources")
    # With the stay long before start_date, which comes by the link of its task alone.
    assert {table: counted(loaded, table) for table in tables} == before
    anew: dict[str, dict[str, Any]] = {
        "refresh drop_resources": {"refresh": "drop_resources"},
        "refresh drop_data": {"refresh": "drop_data"},
        "replace": {"write_disposition": "replace"},
    }
    for name, options in anew.items():
        world.advance(minutes=5)
        found = extracted(loaded, breezeway_source("smoky", entities=roots), **options)
        assert (name, {table: found[table] for table in roots}) == (name, {t: before[t] for t in roots})


def test_an_old_stay_follows_its_task_also_into_a_later_run(project: Path, world: World) -> None:
    world.now = pendulum.now("UTC").subtract(years=6)
    stay = world.add_reservation(
        property_id=min(world.properties), checkin_date="2019-01-01", checkout_date="2019-01-05"
    )
    world.now = pendulum.now("UTC")
    world.edit_task(min(world.tasks), linked_reservation={"id": stay["id"]})
    loaded = pipeline(project)
    loaded.run(breezeway_source("smoky").with_resources("tasks"))
    loaded.run(breezeway_source("smoky", entities=("tasks", "reservations")))
    with loaded.sql_client() as client:
        assert client.execute_sql(
            "select count(*) from reservations where reservation_id = %s", stay["id"]
        ) == [(1,)]
