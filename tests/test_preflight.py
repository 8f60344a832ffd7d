"""`--check`: what it finds, what it costs, and that it writes nothing."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from conftest import NOW
from databases import Database
from loading import Loader
from rich.console import Console

from breezeway_source.api.access import Access
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.settings import Settings
from pipelines.preflight.check import Answer, Preflight, print_check
from pipelines.preflight.estimate import Known, estimate
from pipelines.run import main, make_plan, parser


def check(
    loader: Loader, *options: str, regions: tuple[str, ...] = ("smoky",), **changes: Any
) -> list[Answer]:
    access = Access(loader.settings, cache_dir=loader.folder.parent / "tokens")
    preflight = Preflight(
        loader.settings, make_plan(parser().parse_args(list(options))), loader.target, access, loader.now
    )
    return preflight.check([dataclasses.replace(region, **changes) for region in loader.regions(regions)])


def texts(answers: list[Answer], topic: str) -> list[str]:
    return [answer.text for answer in answers if answer.topic == topic]


def worst_code(answers: list[Answer]) -> int:
    return print_check(answers, Console(file=io.StringIO(), width=120))


def estimated(answers: list[Answer]) -> int:
    return int(texts(answers, "estimate")[0].split()[1])


def test_a_sound_region_is_told_with_companies_properties_rights_and_versions(loader: Loader) -> None:
    answers = check(loader)
    assert worst_code(answers) == 0
    company = loader.sandbox.world.company_id
    assert texts(answers, "credentials") == ["token obtained"]
    assert texts(answers, "scope") == [f"companies: Smoky Sample Stays ({company})", "6 properties"]
    (versions,) = texts(answers, "versions")
    assert "Python 3." in versions and "dlt 1." in versions
    (database,) = texts(answers, "database")
    told = "will be made" if loader.database.kind == "duckdb" else "has all rights it needs"
    assert told in database


def test_it_writes_nothing_and_reads_a_handful_of_pages(loader: Loader) -> None:
    before = set(loader.folder.parent.rglob("*"))
    check(loader, "--entities", "all")
    made = {path.name for path in set(loader.folder.parent.rglob("*")) - before}
    assert all(name == "tokens" or name.endswith((".json", ".lock")) for name in made), made
    assert not Path(os.environ["DLT_DATA_DIR"]).exists()
    assert loader.sandbox.data_requests <= 20
    assert {request.method for request in loader.sandbox.logged() if request.is_data} == {"GET"}
    if loader.database.kind == "postgres":
        with psycopg2.connect(loader.database.url) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_namespace where nspname like 'breezeway%'")
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("group", ["hourly", "all"])
def test_the_estimate_of_a_first_load_is_about_right(quick_loader: Loader, group: str) -> None:
    told = estimated(check(quick_loader, "--entities", group))
    quick_loader.sandbox.reset_log()
    quick_loader.load("--entities", group)
    assert told == pytest.approx(quick_loader.sandbox.data_requests, rel=0.25)


def test_the_estimate_of_a_later_run_is_what_the_last_one_took(short_loader: Loader) -> None:
    short_loader.first_load()
    short_loader.pass_time(hours=1)
    hourly = short_loader.load()
    assert estimated(check(short_loader)) == hourly.requests["total"]


def test_the_estimate_knows_windows_properties_and_full_reads() -> None:
    known = Known(1000, tasks_each=150, recent_each=2, stays_each=3, loaded={"tasks": 1, "reservations": 1})
    today = NOW.date()

    def count(*options: str) -> dict[str, int]:
        return estimate(make_plan(parser().parse_args(list(options))), Settings(), known, today)

    assert count() == {"properties": 10, "reservations": 3, "tasks": 1000}
    assert count("--entities", "tasks", "--full") == {"tasks": 2010}
    assert count("--entities", "tasks", "--property", "1", "2") == {"tasks": 14}
    assert count("--entities", "tasks", "--since", "2026-03-01") == {"tasks": 1010}
    assert count("--entities", "reservations", "--since", "2026-03-01") == {"reservations": 30}
    assert count("--entities", "task_details") == {"task_details": 4000}, "at most details_per_run"
    assert count("--entities", "properties", "property_details")["property_details"] == 2000


def test_regions_with_key_pairs_of_their_own_take_their_minutes_side_by_side(
    duckdb_database: Database, tmp_path: Path
) -> None:
    worlds = {
        name: World.seeded(name, now=NOW, properties=3, tasks_per_property=2) for name in ("smoky", "austin")
    }
    with Sandbox.multi(worlds) as sandbox, Loader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader:
        answers = check(loader, regions=("smoky", "austin"))
        own = [text for answer in answers if answer.topic == "estimate" for text in [answer.text]]
        assert [answer.region for answer in answers if answer.topic == "estimate"] == [
            "smoky",
            "austin",
            "all",
        ]
        assert int(own[2].split()[1]) == int(own[0].split()[1]) + int(own[1].split()[1])


def test_refused_credentials_end_3_and_missing_ones_2(loader: Loader) -> None:
    answers = check(loader, client_secret=None)
    assert worst_code(answers) == 2 and "client_secret" in texts(answers, "credentials")[0]
    loader.sandbox.faults.auth_answer = "inactive"
    answers = check(loader)
    assert worst_code(answers) == 3 and "inactive client" in texts(answers, "credentials")[0]


def test_a_key_pair_that_may_not_list_companies_is_no_failure(duckdb_loader: Loader) -> None:
    duckdb_loader.sandbox.faults.refuse_endpoint("/companies", 403)
    answers = check(duckdb_loader)
    assert worst_code(answers) == 0
    assert texts(answers, "scope") == ["companies are not told (403)", "6 properties"]


def test_a_wide_key_pair_needs_its_company_named(duckdb_database: Database, tmp_path: Path) -> None:
    worlds = {
        name: World.seeded(name, now=NOW, properties=2, tasks_per_property=2, first_property_id=first)
        for name, first in (("smoky", 2001), ("austin", 3001))
    }
    with (
        Sandbox.multi(worlds, same_key=[("smoky", "austin")]) as sandbox,
        Loader(sandbox, duckdb_database, tmp_path / "work", NOW) as loader,
    ):
        answers = check(loader)
        assert worst_code(answers) == 2
        assert any(
            "it sees 2 companies: set sources.breezeway.regions.smoky.company_id" in t
            for t in texts(answers, "scope")
        )
        assert worst_code(check(loader, company_id=worlds["smoky"].company_id)) == 0
        answers = check(loader, company_id=1)
        assert (
            worst_code(answers) == 3
            and "company_id is 1, which it does not see" in texts(answers, "scope")[1]
        )


def test_missing_rights_on_postgres_are_told_with_the_statement_that_gives_them(
    postgres_database: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    postgres_database.execute("drop role if exists poor_loader")
    postgres_database.execute("create role poor_loader login password 'x'")
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as loader:
        loader.load("--entities", "properties")
        poor = dataclasses.replace(
            postgres_database, url=postgres_database.url.replace("//postgres:", "//poor_loader:")
        )
        with Loader(sandbox, poor, tmp_path / "poor", NOW) as weak:
            answers = check(weak)
            assert worst_code(answers) == 2
            told = "; ".join(texts(answers, "database"))
            assert "grant create, usage on schema breezeway to poor_loader" in told
            assert "tables of breezeway belong to somebody else: alter their owner to poor_loader" in told
    postgres_database.execute("alter database {} set default_transaction_read_only = on")
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as loader:
        assert any("default_transaction_read_only is on" in text for text in texts(check(loader), "database"))
    postgres_database.execute("alter database {} reset all")
    postgres_database.execute("drop role poor_loader")


def test_a_database_that_cannot_be_reached_is_told_beside_the_rest(
    duckdb_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(duckdb_loader.database.url)
    file.write_bytes(b"this is no database")
    answers = check(duckdb_loader)
    assert worst_code(answers) == 2
    assert any(text.startswith("cannot be opened") for text in texts(answers, "database"))
    assert texts(answers, "credentials") == ["token obtained"]
    duckdb_loader.database.kind, duckdb_loader.database.url = (
        "postgres",
        "postgresql://u:hidden-word@127.0.0.1:1/x",
    )
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", duckdb_loader.database.url)
    answers = check(duckdb_loader)
    assert worst_code(answers) == 2
    assert not any("hidden-word" in answer.text for answer in answers)


def test_the_command_line_checks_the_sandbox_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dlt").symlink_to(Path(__file__).resolve().parent.parent / ".dlt")
    assert main(["--check", "--sandbox", "--region", "smoky"]) == 0
    out = capsys.readouterr().out
    assert "nothing was written" in out and "24 properties" in out and "about" in out
    assert [path.name for path in tmp_path.iterdir()] == [".dlt"]
    assert main(["--check", "--sandbox", "--region", "smoky", "--dry-run"]) == 2
    assert "--check loads nothing" in capsys.readouterr().err


def test_a_loaded_duckdb_is_only_read(quick_loader: Loader) -> None:
    quick_loader.load("--entities", "properties")
    file = Path(quick_loader.database.url)
    before = file.read_bytes()
    check(quick_loader, "--entities", "all")
    assert file.read_bytes() == before
    with duckdb.connect(str(file), read_only=True) as database:
        assert database.execute("select count(*) from breezeway.sync_runs").fetchone() == (1,)
