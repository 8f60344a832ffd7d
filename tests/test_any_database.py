"""Any database an administrator hands out: taken, or refused with exit 2, the reason and the way out."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import dlt
import duckdb
import psycopg2
import pytest
from conftest import NOW
from databases import Database, execute, fresh_postgres, server_url
from dlt.common.destination import Destination
from loading import Loader
from small_worlds import small_world

from breezeway_source.errors import ConfigError
from breezeway_source.sandbox import Sandbox, World
from pipelines.database.destinations import Target, duckdb_target, find_target
from pipelines.database.engines import ENGINES
from pipelines.database.fitness import UnfitDatabase, refuse_unfit
from pipelines.database.locks import database_use, folder_lock, region_lock
from pipelines.preflight.check import Preflight
from pipelines.run import make_plan, parser

PASSWORD = "canary-address-5d1e"


@pytest.fixture
def world() -> World:
    """Few rows: many runs."""
    return small_world(properties=2, tasks=3, stays_days=20)


@pytest.fixture
def postgres_loader(sandbox: Sandbox, postgres_database: Database, tmp_path: Path) -> Iterator[Loader]:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as made:
        yield made


# --- the table of destinations -----------------------------------------------------------------------------


def test_every_destination_of_dlt_has_its_entry_and_its_own_dialect() -> None:
    assert set(dlt.destinations.__all__) == set(ENGINES)
    for engine in ENGINES.values():
        assert engine.staging_layout("smoky") == "%s_staging_smoky"
        if engine.kind != "refused" and engine.dialect is not None:
            found = Destination.from_reference(engine.name).capabilities()  # type: ignore[union-attr]
            assert engine.dialect == found.sqlglot_dialect, engine.name
            assert "delete-insert" in (found.supported_merge_strategies or ()), engine.name


@pytest.mark.parametrize("name", [e.name for e in ENGINES.values() if e.kind == "refused"])
def test_a_place_that_cannot_replace_rows_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        find_target(name)
    assert ENGINES[name].reason in str(refused.value) and "choose one of duckdb, postgres" in str(
        refused.value
    )


@pytest.mark.parametrize("name", [e.name for e in ENGINES.values() if e.kind == "views"])
def test_a_destination_without_package_or_credentials_names_what_is_missing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [v for v in os.environ if v.startswith("DESTINATION__")]:
        monkeypatch.delenv(variable)
    with pytest.raises(ConfigError) as refused:
        find_target(name)
    text = str(refused.value)
    assert f"pip install 'dlt[{name}]'" in text or f"destination.{name}.credentials" in text


def test_credentials_that_are_missing_are_named_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__REDSHIFT__CREDENTIALS__HOST", "cluster.example.test")
    with pytest.raises(ConfigError) as refused:
        find_target("redshift")
    text = str(refused.value)
    assert "destination.redshift.credentials.password" in text and "credentials.host" not in text
    monkeypatch.setenv(
        "DESTINATION__REDSHIFT__CREDENTIALS", f"redshift://u:{PASSWORD}@cluster.example.test:5439/warehouse"
    )
    target = find_target("redshift")
    assert "cluster.example.test:5439:warehouse" in target.location and PASSWORD not in target.location


def test_a_lake_is_known_by_its_catalog_and_not_by_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG"
    monkeypatch.setenv(key, f"postgresql://loader:{PASSWORD}@db.example.test:5432/lake")
    one = find_target("ducklake")
    monkeypatch.setenv(key, f"postgresql://somebody:{PASSWORD}@db.example.test:5432/lake")
    assert one == find_target("ducklake") and one.has_sql
    assert "db.example.test:5432/lake" in one.location and "loader" not in one.location


@pytest.mark.parametrize("name", sorted(name for name, one in ENGINES.items() if one.kind != "refused"))
def test_own_staging_dataset_per_region_on_every_destination(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shared one a region vanished on DuckLake and PostgreSQL, status ok."""
    target = duckdb_target(tmp_path / "x.duckdb")
    if name == "postgres":
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://u:p@h/d")
        target = find_target("postgres")
    elif name != "duckdb":
        target = type(target)(ENGINES[name], name)
    made = target._dlt_destination("smoky")
    assert made.config_params["staging_dataset_name_layout"] == "%s_staging_smoky"


# --- PostgreSQL's address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgis", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "pgsql"],
)
def test_addresses_for_other_drivers_are_taken(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_postgres() as url:
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url.replace("postgresql", scheme, 1))
        refuse_unfit(find_target("postgres"), "smoky")


@pytest.mark.parametrize(
    "address",
    [
        f"mysql://loader:{PASSWORD}@db.example.test/warehouse",
        f"host=db.example.test user=loader password={PASSWORD}",
        f"loader:{PASSWORD}@db.example.test/warehouse",
        f"postgresql+psycopg2:/loader:{PASSWORD}@db.example.test",
    ],
)
def test_other_addresses_are_refused_without_quoting_them(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
    with pytest.raises(ConfigError) as refused:
        find_target("postgres")
    assert PASSWORD not in str(refused.value) and "postgresql://user:password@host" in str(refused.value)


# --- a server that cannot be loaded into --------------------------------------------------------------------


def checked(loader: Loader) -> str:
    """What --check says of the database, and that it would end 2."""
    plan = make_plan(parser().parse_args([]))
    from breezeway_source.api.access import Access

    access = Access(loader.settings, cache_dir=loader.folder.parent / "tokens")
    preflight = Preflight(loader.settings, plan, loader.target, access, loader.now)
    answers = [a for a in preflight.check(loader.regions(("smoky",))) if a.topic == "database"]
    assert {answer.exit_code for answer in answers} == {2}, answers
    return " ".join(answer.text for answer in answers)


def run_ends_2(loader: Loader) -> str:
    (region,) = loader.run().regions
    assert (region.exit_code, region.requests["total"]) == (2, 0), "before anything is read"
    return region.error or ""


def test_a_database_of_another_alphabet_is_told_before_anything_is_read(
    postgres_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "latin_one"
    execute(server_url(), f"create database {name} encoding 'LATIN1' locale 'C' template template0")
    try:
        url = postgres_loader.database.url.replace(urlsplit(postgres_loader.database.url).path, f"/{name}")
        postgres_loader.database.url = url
        for said in (run_ends_2(postgres_loader), checked(postgres_loader)):
            assert "encoding LATIN1" in said and "encoding 'UTF8' template template0" in said
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_namespace where nspname like 'breezeway%'")
            assert cursor.fetchone() == (0,), "nothing was written"
        connection.close()
    finally:
        execute(server_url(), f"drop database {name} with (force)")


@contextmanager
def pooler(url: str, folder: Path, *settings: str) -> Iterator[str]:
    """The address of a pgbouncer before the database, started for the test."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("no pgbouncer here: the scripted refusal below stands for it")
    parts, port = urlsplit(url), free_port()
    host = parts.query.partition("host=")[2]
    (folder / "users.txt").write_text('"postgres" "x"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={host} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = any\nunix_socket_dir =\npidfile = {folder / 'pid'}\n" + "\n".join(settings) + "\n"
        "[users]\n"
    )
    ini = (folder / "pgbouncer.ini").read_text()
    ini = ini.replace(
        f"host={host} port=5432", f"host={host} port=5432 user=postgres dbname={parts.path[1:]}"
    )
    (folder / "pgbouncer.ini").write_text(ini)
    as_owner = {"user": Path(host).stat().st_uid} if os.getuid() == 0 else {}
    for path in (folder, *folder.parents):  # pgbouncer refuses to be root, and must reach its file
        if path.stat().st_uid == os.getuid() and str(path) != "/tmp" and len(path.parts) > 2:
            path.chmod(0o777)
    process = subprocess.Popen(
        ["pgbouncer", str(folder / "pgbouncer.ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_owner
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"postgresql://postgres:x@127.0.0.1:{port}{parts.path}"
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "settings",
    [
        ("pool_mode = session",),
        ("pool_mode = transaction", "ignore_startup_parameters = options"),
    ],
    ids=["refuses options", "drops options"],
)
def test_a_pooler_is_told_before_anything_is_read(
    settings: tuple[str, ...], postgres_loader: Loader, tmp_path: Path
) -> None:
    with pooler(postgres_loader.database.url, tmp_path, *settings) as url:
        postgres_loader.database.url = url
        for said in (run_ends_2(postgres_loader), checked(postgres_loader)):
            assert "direct connection" in said and "pgbouncer" in said, said


def test_a_server_that_refuses_startup_parameters_is_told_as_a_pooler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pgbouncer's words over the wire, for machines without it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                asking, _ = listener.accept()
            except OSError:
                return
            with asking:
                asking.recv(8)  # SSLRequest
                asking.sendall(b"N")
                asking.recv(4096)
                text = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                asking.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)

    threading.Thread(target=refuse, daemon=True).start()
    port = listener.getsockname()[1]
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d")
    try:
        with pytest.raises(UnfitDatabase, match="unsupported startup parameter: options.*direct connection"):
            refuse_unfit(find_target("postgres"), "smoky")
    finally:
        listener.close()


def test_the_session_is_in_utc_whatever_the_server_says(postgres_loader: Loader) -> None:
    postgres_loader.database.execute("alter database {} set timezone to 'Asia/Kolkata'")
    assert postgres_loader.column("select current_setting('TimeZone')") == ["UTC"]


# --- DuckDB's file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("breezeway.prod.duckdb", "breezeway"),
        ("BREEZEWAY.2026.01.db", "breezeway"),
        ("information_schema.duckdb", "breezeway"),
        ("breezeway", "breezeway"),
        ("acme.duckdb", "acme"),
        ("acme_staging_smoky.x.duckdb", "acme"),
    ],
)
def test_a_file_named_like_a_dataset_up_to_its_first_dot_is_refused(
    name: str, dataset: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"'{dataset}_local.duckdb'"):
        duckdb_target(tmp_path / name, dataset=dataset)
    assert duckdb_target(tmp_path / "breezeway_prod.duckdb", dataset="acme").dataset == "acme"


def test_a_link_to_a_file_named_like_a_dataset_is_refused_and_another_is_the_file_itself(
    tmp_path: Path,
) -> None:
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "breezeway.duckdb")
    with pytest.raises(ConfigError, match="name of a dataset"):
        duckdb_target(tmp_path / "link.duckdb")
    (tmp_path / "other.duckdb").symlink_to(tmp_path / "real.duckdb")
    assert duckdb_target(tmp_path / "other.duckdb") == duckdb_target(tmp_path / "real.duckdb")


def test_a_file_made_by_a_newer_duckdb_is_told_with_the_version_to_install(tmp_path: Path) -> None:
    file = tmp_path / "newer.duckdb"
    duckdb.connect(str(file)).close()
    content = bytearray(file.read_bytes())
    content[12:20] = struct.pack("<Q", 9999)
    content[52:84] = b"v99.1.2".ljust(32, b"\0")
    file.write_bytes(content)
    words = r"made by DuckDB 99\.1\.2.*pip install 'duckdb>=99\.1\.2'"
    with pytest.raises(UnfitDatabase, match=words), database_use(duckdb_target(file)):
        pass


@pytest.mark.parametrize("what", ["folder", "missing folder", "memory"])
def test_what_is_no_file_is_refused(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "folder": str(tmp_path),
        "missing folder": str(tmp_path / "no" / "x.duckdb"),
        "memory": ":memory:",
    }
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", places[what])
    with pytest.raises(ConfigError, match="DESTINATION__DUCKDB__CREDENTIALS"):
        find_target("duckdb")


@pytest.mark.skipif(os.getuid() != 0, reason="another user can be put on by root alone")
def test_a_file_of_somebody_else_is_told_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "theirs.duckdb"
    duckdb.connect(str(file)).close()
    file.chmod(0o600)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and len(path.parts) > 2:
            path.chmod(0o777)
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from pipelines.database.destinations import duckdb_target\n"
        "from pipelines.database.locks import database_use\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try:\n"
        "    with database_use(duckdb_target(Path(sys.argv[2]))): pass\n"
        "except Exception as e: print(type(e).__name__, e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).resolve().parent.parent), str(file)],
        capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": "/nonexistent"},
    )  # fmt: skip
    assert "UnfitDatabase" in done.stdout and "give the loading user the right" in done.stdout, done


# --- several companies in one database ----------------------------------------------------------------------


def test_two_datasets_in_one_database_never_touch_each_other_nor_wait_for_each_other(
    duckdb_loader: Loader,
) -> None:
    """On PostgreSQL: test_companies.py."""
    loader = duckdb_loader
    loader.first_load()
    before = loader.column("select count(*) from breezeway.tasks")
    with region_lock(loader.target, "smoky"):
        report = loader.of_dataset("acme").load()
    assert report.dataset == "acme" and report.rows["tasks"] == before[0] > 0
    loader.load("--full")
    assert loader.column("select count(*) from acme.sync_runs") == [3]
    assert loader.column("select count(*) from breezeway.tasks") == before


def test_a_working_folder_in_use_by_another_databases_run_is_not_emptied(
    duckdb_loader: Loader, tmp_path: Path
) -> None:
    other = duckdb_target(tmp_path / "other.duckdb")
    with folder_lock(other, "smoky", str(duckdb_loader.folder)):
        (region,) = duckdb_loader.run().regions
    assert (region.exit_code, region.requests["total"]) == (2, 0)
    assert (
        region.error is not None
        and "DLT_DATA_DIR" in region.error
        and f"process {os.getpid()}" in region.error
    )


LAKE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pipelines.database.destinations import Target
from pipelines.database.engines import ENGINES
from pipelines.database.locks import database_use
lake = Target(ENGINES["ducklake"], sys.argv[2])
with database_use(lake), database_use(lake):
    print("in", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def test_writers_of_a_lake_take_turns_between_processes_and_within_one(tmp_path: Path) -> None:
    words = [sys.executable, "-c", LAKE, str(Path(__file__).resolve().parent.parent), str(tmp_path)]
    first = subprocess.Popen([*words, "1.5"], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "in\n"
    begun = time.monotonic()
    lake = Target(ENGINES["ducklake"], str(tmp_path))
    with database_use(lake), database_use(lake):
        assert first.poll() is not None or time.monotonic() - begun > 0.5
    assert first.wait(10) == 0
