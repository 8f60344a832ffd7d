"""Secrets and guests: planted, and looked for in everything a run leaves behind.

The key pair's secret and the token may be nowhere, but for the token in the user's own cache; what guests and
owners wrote is in the database where it belongs, with personal_data = keep, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import execute, fresh_postgres
from leavings import (
    DATABASE_PASSWORD,
    HOOK,
    PERSONAL,
    POSTGRES,
    PROXY_PASSWORD,
    SECRET,
    Leavings,
    assert_no_secret,
    database_text,
    planted_world,
)

from breezeway_source.errors import ConfigError
from breezeway_source.sandbox import Sandbox, World
from breezeway_source.settings import read_settings


@pytest.fixture
def world() -> World:
    return planted_world()


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox({("canary-client", SECRET): world}, token_limit=False) as running:
        yield running


@pytest.fixture
def leavings(tmp_path: Path, sandbox: Sandbox) -> Leavings:
    return Leavings(tmp_path, sandbox)


def test_secrets_are_nowhere_and_guests_in_the_database_alone_whatever_the_database_says(
    leavings: Leavings,
) -> None:
    """After a good run, and after one that a trigger ends with words that quote an address, as extensions for
    foreign tables do: report, log, history, notice.
    """
    with fresh_postgres() as url:
        place = {POSTGRES: url, "SOURCES__BREEZEWAY__MARTS": "true"}
        assert leavings.run("--destination", "postgres", **place) == 0
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

        execute(
            url,
            "create function breezeway.quote() returns trigger language plpgsql as $$ begin "
            f"raise exception 'dblink to postgresql://far:{DATABASE_PASSWORD}@h/d; {SECRET}; {HOOK}'; end $$; "
            "create trigger quoting before insert on breezeway.tasks "
            "for each row execute function breezeway.quote()",
        )
        assert leavings.run("--full", "--destination", "postgres", **place) == 1
        assert "dblink" in (leavings.folder / "report.json").read_text("utf-8")
        kept = database_text(url)
        assert "dblink" in kept
        for word in (DATABASE_PASSWORD, SECRET, HOOK):
            place_of_it = kept.find(word)
            assert place_of_it < 0, kept[place_of_it - 200 : place_of_it + 80]
    assert_no_secret(leavings)


def test_runs_that_drop_personal_data_leave_none_anywhere_and_failed_ones_no_secret(
    leavings: Leavings,
) -> None:
    faults = leavings.sandbox.faults
    faults.auth_answer = "inactive"
    assert leavings.run() == 3
    faults.clear()
    drop = {"SOURCES__BREEZEWAY__PERSONAL_DATA": "drop"}
    assert leavings.run(**drop, SOURCES__BREEZEWAY__MARTS="true") == 0
    assert_no_secret(leavings)
    assert leavings.holding(*PERSONAL) == {}
    assert leavings.holding("Clean").keys() == {"breezeway_local.duckdb"}, "the search finds what is there"
    faults.refuse_property(next(iter(leavings.sandbox.world.properties)), 422)
    faults.refuse_endpoint("/people", 403)
    assert leavings.run(**drop) == 1
    faults.clear()
    faults.refuse_endpoint("/property", 404)
    faults.expire_tokens()
    assert leavings.run(**drop) in (1, 3)
    assert_no_secret(leavings)
    assert leavings.holding(*PERSONAL) == {}
    assert any("Traceback" in text for text in leavings.said), "tracebacks were looked through, too"


def test_a_load_that_breaks_leaves_rows_in_the_working_folder_alone(leavings: Leavings) -> None:
    """What waits to be loaded is the database's content; nothing of it is said."""
    with fresh_postgres() as url:
        execute(url, "create schema breezeway; create table breezeway.people (person_id text)")
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
    for call in (leavings.run, leavings.check):
        assert call("--destination", "postgres", **{POSTGRES: url}) == 2
    assert_no_secret(leavings)


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


CHECKED = (
    "another driver's scheme",
    "signs that are not encoded",
    "a key file that is none",
    "a proxy of a kind nobody knows",
    "an API's address with a user",
)
"""With `--check` too: words that say which database, and the command line's, are read in the same place."""


@pytest.mark.parametrize(
    ("kind", "check"), [*((kind, False) for kind in KINDS), *((kind, True) for kind in CHECKED)]
)
def test_no_secret_leaves_through_any_text_whoever_wrote_it(
    kind: str, check: bool, leavings: Leavings
) -> None:
    options, environ = KINDS[kind]
    if not any("destination" in option for option in options):
        options = ("--destination", "postgres", *options)
    call = leavings.check if check else leavings.run
    assert call(*options, **environ) != 0
    assert_no_secret(leavings)
    assert "Traceback" not in leavings.said[-2], "results on stdout"


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
