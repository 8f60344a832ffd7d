"""Secrets and guests: planted, and looked for in everything a run leaves behind.

The key pair's secret and the token may be nowhere, but for the token in the user's own cache; what guests and
owners wrote is in the database where it belongs, with personal_data = keep, and nowhere else.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pendulum
import psycopg2
import pytest
from databases import fresh_postgres

from breezeway_source.errors import ConfigError
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.settings import read_settings

PROJECT = Path(__file__).resolve().parent.parent
SECRET = "canary-secret-7f31"
GUEST = "Canaryguest"
WIFI = "canary-wifi-95c2"
HOOK = "canary-hook-22ab"
DATABASE_PASSWORD = "canary-database-81dd"
PERSONAL = (GUEST, WIFI)


@pytest.fixture
def world() -> World:
    world = World.seeded("smoky", now=pendulum.now("UTC"), properties=4, tasks_per_property=4)
    (first, second, *_) = world.properties
    world.edit_property(first, wifi_password=WIFI, notes={"access": f"code {WIFI}"})
    stay = world.add_reservation(
        property_id=first, guests=[{"first_name": GUEST, "last_name": GUEST}], note=GUEST
    )
    task = world.add_task(home_id=first, linked_reservation={"id": stay["id"]}, name="Clean")
    world.set_comments(task["id"], [{"id": 1, "comment": f"{GUEST} lost the {WIFI}"}])
    world.set_contacts(first, [{"id": 9, "name": GUEST, "email": f"{GUEST}@example.test"}])
    world.set_contacts(second, [{"id": 10, "name": GUEST}])
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox({("canary-client", SECRET): world}, token_limit=False) as running:
        yield running


class Leavings:
    """A folder in which runs happen, and everything they leave there or say."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.said: list[str] = []
        (folder / ".dlt").mkdir()
        (folder / ".dlt" / "config.toml").write_bytes((PROJECT / ".dlt" / "config.toml").read_bytes())

    def run(self, *options: str, **environment: str) -> int:
        """One run of the command line, as verbose as it can be."""
        done = subprocess.run(
            [
                sys.executable,
                str(PROJECT / "pipelines" / "run.py"),
                *("--region", "smoky", "--entities", "all", "--report", "report.json", "--verbose", *options),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            env={
                **os.environ,
                "HOME": str(self.folder / "home"),
                "XDG_CACHE_HOME": str(self.folder / "home" / "cache"),
                "DLT_DATA_DIR": str(self.folder / "dlt"),
                "RUNTIME__LOG_LEVEL": "DEBUG",
                "RUNTIME__SLACK_INCOMING_HOOK": f"http://127.0.0.1:1/{HOOK}",
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "SOURCES__BREEZEWAY__BASE_URL": self.sandbox.base_url,
                "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "60000",
                "SOURCES__BREEZEWAY__LOG_FOLDER": "logs",
                "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID": "canary-client",
                "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET": SECRET,
                **environment,
            },
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode

    @property
    def tokens(self) -> list[str]:
        return list(self.sandbox.tokens._tokens)

    def holding(self, *words: str) -> dict[str, set[str]]:
        """File, or `output`, to the words it holds; also within compressed and escaped text."""
        found: dict[str, set[str]] = {}
        texts = {"output": "\n".join(self.said).encode()}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path.relative_to(self.folder))] = path.read_bytes()
        for name, content in texts.items():
            held = {word for word in words if word.encode() in content or word.encode() in _unpacked(content)}
            if held:
                found[name] = held
        return found


def _unpacked(content: bytes) -> bytes:
    """What gzip or zlib made small (dlt's packages, its stored state)."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content)
    except zlib.error:
        return b""


@pytest.fixture
def leavings(tmp_path: Path, sandbox: Sandbox) -> Leavings:
    return Leavings(tmp_path, sandbox)


def assert_no_secret(leavings: Leavings) -> None:
    """Neither secret nor hook anywhere; the token in its cache file alone, which is its owner's."""
    assert leavings.holding(SECRET, HOOK) == {}
    for name in leavings.holding(*leavings.tokens):
        file = leavings.folder / name
        assert file.parent == leavings.folder / "home" / "cache" / "breezeway" and file.suffix == ".json", (
            name
        )
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def database_text(url: str) -> str:
    """Every row of every table of the database, as JSON."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables where table_schema like 'breezeway%'"
        )
        texts = []
        for schema, table in cursor.fetchall():
            cursor.execute(f'select coalesce(json_agg(t)::text, \'\') from "{schema}"."{table}" as t')
            texts.append((cursor.fetchone() or ("",))[0])
    return "\n".join(texts)


def test_a_good_run_leaves_no_secret_and_guests_in_the_database_alone(leavings: Leavings) -> None:
    with fresh_postgres() as url:
        assert leavings.run("--destination", "postgres", DESTINATION__POSTGRES__CREDENTIALS=url) == 0
        assert_no_secret(leavings)
        assert leavings.holding(*PERSONAL) == {}
        kept = database_text(url)
        assert all(word in kept for word in PERSONAL)
        assert SECRET not in kept and not any(token in kept for token in leavings.tokens)
        assert (
            "the_report" not in kept
            and json.loads((leavings.folder / "report.json").read_text())["status"] == "ok"
        )
        assert leavings.run("--destination", "postgres", "--dry-run", "--sample", "50") == 0
        assert leavings.holding(*PERSONAL) == {}, "a sample is masked, and the throw-away database is gone"


def test_a_good_run_that_drops_personal_data_leaves_none_anywhere(leavings: Leavings) -> None:
    assert leavings.run(SOURCES__BREEZEWAY__PERSONAL_DATA="drop") == 0
    assert_no_secret(leavings)
    assert leavings.holding(*PERSONAL) == {}
    assert leavings.holding("Clean").keys() == {"breezeway_local.duckdb"}, "the search finds what is there"


def test_failed_runs_leave_no_secret_and_no_guest(leavings: Leavings) -> None:
    faults = leavings.sandbox.faults
    faults.auth_answer = "inactive"
    assert leavings.run() == 3
    faults.clear()
    faults.refuse_property(next(iter(leavings.sandbox.world.properties)), 422)
    faults.refuse_endpoint("/people", 403)
    assert leavings.run(SOURCES__BREEZEWAY__PERSONAL_DATA="drop") == 1
    faults.clear()
    faults.refuse_endpoint("/property", 404)
    faults.expire_tokens()
    assert leavings.run(SOURCES__BREEZEWAY__PERSONAL_DATA="drop") in (1, 3)
    assert_no_secret(leavings)
    assert leavings.holding(*PERSONAL) == {}
    assert any("Traceback" in text for text in leavings.said), "tracebacks were looked through, too"


def test_a_load_that_breaks_leaves_rows_in_the_working_folder_alone(leavings: Leavings) -> None:
    """What waits to be loaded is the database's content; nothing of it is said."""
    with fresh_postgres() as url:
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("create schema breezeway")
            cursor.execute("create table breezeway.people (person_id text)")
        code = leavings.run("--destination", "postgres", DESTINATION__POSTGRES__CREDENTIALS=url)
        assert code != 0
    assert_no_secret(leavings)
    assert all(name.startswith("dlt/pipelines/") and "/load/" in name for name in leavings.holding(*PERSONAL))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://loader:{DATABASE_PASSWORD}@127.0.0.1:1/warehouse",
        f"postgresql://loader:{DATABASE_PASSWORD}@no-such-host.invalid/warehouse",
        f"postgresql:/loader:{DATABASE_PASSWORD}@broken",
    ],
)
def test_a_database_that_cannot_be_reached_does_not_tell_its_password(leavings: Leavings, url: str) -> None:
    for options in ((), ("--check",)):
        report = () if options else ("--destination", "postgres")
        done = subprocess_code(leavings, *options, *report, url=url)
        assert done == 2
    assert leavings.holding(DATABASE_PASSWORD) == {}
    assert_no_secret(leavings)


POSTGRES = "DESTINATION__POSTGRES__CREDENTIALS"
PROXY_PASSWORD = "canary-proxy-63aa"
KINDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "another driver's scheme": ((), {POSTGRES: f"postgresql+psycopg2://loader:{DATABASE_PASSWORD}@127.0.0.1:1/d"}),
    "postgis": ((), {POSTGRES: f"postgis://loader:{DATABASE_PASSWORD}@127.0.0.1:1/d"}),
    "another database's scheme": ((), {POSTGRES: f"mysql://loader:{DATABASE_PASSWORD}@127.0.0.1:1/d"}),
    "signs that are not encoded": ((), {POSTGRES: f"postgresql://loader:a@{DATABASE_PASSWORD}/b#c@127.0.0.1:1/d"}),
    "a broken port": ((), {POSTGRES: f"postgresql://loader:{DATABASE_PASSWORD}@127.0.0.1:port/d"}),
    "words instead of an address": ((), {POSTGRES: f"host=127.0.0.1 port=1 password={DATABASE_PASSWORD}"}),
    "on the command line": (("--destination", f"postgresql://u:{DATABASE_PASSWORD}@h/d"), {}),
    "as an option": ((f"--postgresql://u:{DATABASE_PASSWORD}@h/d",), {}),
    "a region by mistake": (("--region", f"postgresql://u:{DATABASE_PASSWORD}@h/d"), {}),
    "a warehouse without its package": (
        ("--destination", "snowflake"),
        {"DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://u:{DATABASE_PASSWORD}@h/d"},
    ),
    "a key file that is none": (
        ("--destination", "bigquery"),
        {"DESTINATION__BIGQUERY__CREDENTIALS": f'{{"private_key": "{DATABASE_PASSWORD}'},
    ),
    "a proxy of a kind nobody knows": (
        ("--destination", "duckdb"),
        dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), f"socks9://who:{PROXY_PASSWORD}@127.0.0.1:1")
        | {"NO_PROXY": "", "no_proxy": ""},
    ),
    "an API's address with a user": (
        ("--destination", "duckdb"),
        {"SOURCES__BREEZEWAY__BASE_URL": f"htps://u:{DATABASE_PASSWORD}@api.example.test"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_leaves_through_any_text_whoever_wrote_it(
    kind: str, check: bool, leavings: Leavings
) -> None:
    options, environ = KINDS[kind]
    if not any("destination" in option for option in options):
        options = ("--destination", "postgres", *options)
    if check:
        assert subprocess_code(leavings, "--check", "--verbose", *options, url="", **environ) != 0
    else:
        assert leavings.run(*options, **environ) != 0
    assert leavings.holding(DATABASE_PASSWORD, PROXY_PASSWORD) == {}
    assert_no_secret(leavings)
    assert "Traceback" not in leavings.said[-2], "results on stdout"


def test_what_a_database_itself_says_is_cleaned_everywhere(leavings: Leavings) -> None:
    """A trigger that quotes the address, as extensions for foreign tables do: report, log, history, notice."""
    with fresh_postgres() as url:
        assert leavings.run("--destination", "postgres", DESTINATION__POSTGRES__CREDENTIALS=url) == 0
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(
                "create function breezeway.quote() returns trigger language plpgsql as $$ begin "
                f"raise exception 'dblink to postgresql://far:{DATABASE_PASSWORD}@h/d; {SECRET}; {HOOK}'; end $$"
            )
            cursor.execute(
                "create trigger quoting before insert on breezeway.tasks "
                "for each row execute function breezeway.quote()"
            )
        assert (
            leavings.run("--full", "--destination", "postgres", DESTINATION__POSTGRES__CREDENTIALS=url) == 1
        )
        assert "dblink" in (leavings.folder / "report.json").read_text("utf-8")
        kept = database_text(url)
        assert "dblink" in kept
        for word in (DATABASE_PASSWORD, SECRET, HOOK):
            place = kept.find(word)
            assert place < 0, kept[place - 200 : place + 80]
    assert leavings.holding(DATABASE_PASSWORD) == {}
    assert_no_secret(leavings)


def subprocess_code(leavings: Leavings, *options: str, url: str, **environ: str) -> int:
    if "--check" not in options:
        return leavings.run(*options, DESTINATION__POSTGRES__CREDENTIALS=url)
    done = subprocess.run(
        [
            sys.executable,
            str(PROJECT / "pipelines" / "run.py"),
            "--region",
            "smoky",
            "--destination",
            "postgres",
            *options,
        ],
        cwd=leavings.folder,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "HOME": str(leavings.folder / "home"),
            "XDG_CACHE_HOME": str(leavings.folder / "home" / "cache"),
            "DLT_DATA_DIR": str(leavings.folder / "dlt"),
            "DESTINATION__POSTGRES__CREDENTIALS": url,
            "SOURCES__BREEZEWAY__BASE_URL": leavings.sandbox.base_url,
            "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "60000",
            "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID": "canary-client",
            "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET": SECRET,
            **environ,
        },
    )
    leavings.said += [done.stdout, done.stderr]
    return done.returncode


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://api.breezeway.io", True),
        ("http://127.0.0.1.example.test", True),
        ("http://localhost.example.test", True),
        ("http://10.0.0.1:8000", True),
        ("http://[::1]:8000", False),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("https://api.breezeway.io", False),
        (f"https://user:{SECRET}@api.breezeway.io", True),
    ],
)
def test_the_secret_is_sent_encrypted_or_to_this_machine_alone(
    url: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__BREEZEWAY__BASE_URL", url)
    if not refused:
        assert read_settings().base_url == url
        return
    with pytest.raises(ConfigError) as told:
        read_settings()
    assert SECRET not in str(told.value)
