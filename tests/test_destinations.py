"""What destinations can do; those beside DuckDB and PostgreSQL: sqlite end to end, the SQL of the others parsed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlglot
from databases import Database
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseTerminalException
from loading import Loader, target_of
from small_worlds import NOW, small_world, task_windows

from breezeway_source.dialects import in_dialect
from breezeway_source.sandbox import Sandbox
from breezeway_source.sql_warehouse import SqlWarehouse
from pipelines.database.ddl import SQL_DIR
from pipelines.database.destinations import Target, find_target
from pipelines.database.engines import ENGINES
from pipelines.database.post_sql import make_views, portable_views

# --- what a destination can do ----------------------------------------------------------------------------


def test_what_a_destination_can_do_is_as_dlt_says_and_its_configuration_is_not_resolved_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = target_of(database).pipeline("smoky", str(database.folder / "work")).destination
    dlts_own = type(made)(**made.config_params)
    naming = Schema("any").naming
    assert str(dict(made.capabilities())) == str(dict(dlts_own.capabilities()))
    assert str(dict(made.capabilities(naming=naming))) == str(dict(dlts_own.capabilities(naming=naming)))
    resolved = []
    monkeypatch.setattr(type(made), "configuration", lambda *args, **options: resolved.append(args))
    made.capabilities()
    assert resolved == []
    dlts_own.capabilities()
    assert len(resolved) == 1


# --- sqlite, by dlt's sqlalchemy --------------------------------------------------------------------------


class SqliteLoader(Loader):
    """Runs into sqlite, one file a dataset, beside the file that the address names."""

    @property
    def target(self) -> Target:
        return find_target("sqlalchemy")


@pytest.fixture
def sqlite_loader(
    tmp_path: Path, duckdb_database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqliteLoader]:
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", f"sqlite:///{tmp_path}/lite.db")
    world = small_world(properties=2, tasks=3)
    second = small_world(region="sea_ranch", properties=1, tasks=2)
    with (
        Sandbox.multi({"smoky": world, "sea_ranch": second}, token_limit=False) as sandbox,
        SqliteLoader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        yield loader


def test_sqlite_has_every_row_of_two_regions_once_with_its_links_after_each_kind_of_run(
    sqlite_loader: SqliteLoader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loader, world = sqlite_loader, sqlite_loader.sandbox.world
    report, beside = loader.run(regions=("smoky", "sea_ranch")).regions
    assert [(region.exit_code, region.error) for region in (report, beside)] == [(0, None)] * 2
    assert report.warnings == [
        "deletions, marts and checks are made on duckdb and postgres only, not on sqlalchemy"
    ]
    as_in_the_source(loader)
    with caplog.at_level(logging.DEBUG, "breezeway"):
        warehouse = SqlWarehouse(loader.target.pipeline("smoky", str(loader.folder)), "smoky", scripted=False)
        answers = [getattr(warehouse, question)(*args) for question, args in ASKED]
    assert "is not asked" not in caplog.text and answers[1].keys() == world.tasks.keys()

    changed, other = sorted(world.tasks)[:2]
    loader.pass_time(hours=1)
    world.edit_task(changed, name="Changed", linked_reservation=None)
    loader.pass_time(hours=1)
    loader.wipe()  # the cursors are in the database
    loader.sandbox.reset_log()
    assert loader.load().rows["tasks"] == 1, "what is loaded is known"
    assert task_windows(loader.sandbox).keys() == world.properties.keys()
    assert None not in task_windows(loader.sandbox).values()
    loader.pass_time(hours=1)
    assert loader.load("--reconcile").rows["tasks"] == 0
    as_in_the_source(loader)
    one = (
        "where region_code = 'smoky' and task_id = %s"  # of the other region's of the same id nothing changed
    )
    assert loader.query(f"select name from tasks {one}", changed) == [("Changed",)]
    assert loader.query(f"select link_status from task_links {one}", changed) == [("no_link_at_source",)]
    assert loader.query(f"select link_status from task_links {one}", other) == [("linked",)]
    assert {file.name for file in tmp_path.glob("lite__*.db")} == {
        "lite__breezeway.db",
        "lite__breezeway_staging_smoky.db",
        "lite__breezeway_staging_sea_ranch.db",
    }


def as_in_the_source(loader: Loader) -> None:
    for region, world in loader.sandbox.worlds.items():
        of_it = f"where region_code = '{region}'"
        assert sorted(loader.column(f"select task_id from tasks {of_it}")) == sorted(world.tasks)
        assert sorted(loader.column(f"select task_id from task_links {of_it}")) == sorted(world.tasks)
        assert sorted(loader.column(f"select property_id from properties {of_it}")) == sorted(
            world.properties
        )
        stays = loader.column(f"select reservation_id from reservations {of_it}")
        assert len(stays) == len(set(stays)) > 0
        linked = {task["id"]: (task["linked_reservation"] or {}).get("id") for task in world.tasks.values()}
        assert dict(loader.query(f"select task_id, reservation_pk from task_links {of_it}")) == linked
        found = [(len(linked), len([one for one in linked.values() if one]))]
        assert loader.query(f"select total_tasks, resolved from task_linkage {of_it}") == found


# --- the others: every select, in their words ------------------------------------------------------------------

DIALECTS = sorted({engine.dialect or "sqlite" for engine in ENGINES.values() if engine.kind == "views"})
SELECTS = {path.stem: path.read_text("utf-8") for path in sorted((SQL_DIR / "checks").glob("*.sql"))}
ASKED = (
    ("task_versions", (NOW,)),
    ("task_versions", (None,)),
    ("live_tasks", ()),
    ("live_stays", ()),
    ("stay_hashes", ()),
    ("stay_ids", ()),
    ("missing_stays", (5, NOW)),
    ("unknown_stays", (NOW,)),
    ("refused_stays", (NOW,)),
    ("half_proven", ("tasks",)),
    ("last_asked", ("tasks",)),
    ("deleted", ("tasks",)),
    ("live_properties", ()),
    ("read_before", ("reservations", NOW)),
    ("live_catalogue", ("people",)),
    ("due_task_details", (5, (1, 2), None)),
    ("due_task_details", (5, (), (NOW, NOW))),
    ("count_due_task_details", ((1, 2), None)),
    ("task_details_read", ((1, 2),)),
    ("with_lines", ("task_details", (1, 2))),
    ("linked_tasks", ((1, 2),)),
    ("property_details_read", ()),
    ("properties_with_lines", ()),
    ("has_task_lines", ("comments",)),
)


class Elsewhere:
    """What a database of that dialect would be asked; it has no rows, or refuses everything."""

    def __init__(self, dialect: str, refusal: Exception | None = None) -> None:
        self.capabilities = SimpleNamespace(sqlglot_dialect=dialect, casefold_identifier=str)
        self.destination = SimpleNamespace(destination_name=dialect)
        self.asked: list[str] = []
        self.refusal = refusal

    def make_qualified_table_name(self, name: str) -> str:
        return f"acme.{name}"

    def sql_client(self) -> Elsewhere:
        return self

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def execute_sql(self, sql: str, *args: object) -> list[Any]:
        assert not args, "written in"
        self.asked.append(sql)
        if self.refusal:
            raise self.refusal
        return []

    @contextmanager
    def execute_query(self, sql: str) -> Iterator[Any]:
        if self.refusal:
            raise self.refusal
        yield SimpleNamespace(columns_schema={})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_view_is_said_in_the_dialect(dialect: str) -> None:
    for name, view in portable_views().items():
        client: Any = Elsewhere(dialect)
        said = in_dialect(view, client)
        sqlglot.parse_one(said, read=dialect)
        assert f"acme.{name}" in said
        if dialect != "sqlite":  # there a view looks in its own file
            assert "FROM acme." in said
        assert ("SETTINGS join_use_nulls = 1" in said) == (dialect == "clickhouse")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("check", SELECTS)
def test_every_check_is_said_in_the_dialect(check: str, dialect: str) -> None:
    text = re.sub(r":region_code|:key_text", "'smoky'", SELECTS[check])
    text = re.sub(r":key_is_null|:reads_all", "1 = 1", text).replace(":since", "synced_at")
    text = text.replace(":parent_id", "task_id").replace(":parent", "tasks").replace(":table", "tasks__costs")
    client: Any = Elsewhere(dialect)
    said = in_dialect(text.replace(":key", "region_code, task_id"), client)
    sqlglot.parse_one(said, read=dialect)
    assert "acme." in said


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_asked_before_reading_is_said_in_the_dialect_or_not_asked(dialect: str) -> None:
    client: Any = Elsewhere(dialect)
    warehouse = SqlWarehouse(client, "smoky", scripted=False)
    for question, args in ASKED:
        assert not getattr(warehouse, question)(*args), question
    assert len(client.asked) >= len(ASKED)
    for said in client.asked:
        sqlglot.parse_one(said, read=dialect)
        assert "%s" not in said and "?" not in said and "acme." in said and "'smoky'" in said
        assert "extract" not in said.lower() and "is distinct" not in said.lower()
    limited = [said for said in client.asked if re.search(r"\b(?:LIMIT|TOP|FIRST) \(?5\b", said)]
    assert len(limited) == 3, "every value in its place, wherever the dialect has the limit"
    refusing: Any = Elsewhere(dialect, DatabaseTerminalException(ValueError("no such function")))
    assert not any(getattr(SqlWarehouse(refusing, "smoky", scripted=False), q)(*args) for q, args in ASKED)


def test_a_view_that_is_refused_is_a_warning() -> None:
    refusing: Any = Elsewhere("redshift", DatabaseTerminalException(ValueError("no such column")))
    warnings = make_views(refusing)
    assert len(warnings) == len(portable_views()) and "View task_links was not made (no such column)" in str(
        warnings
    )
