"""Every machine, database and end of the pipe that was ever tried, with a canary in each secret: found nowhere.

The rows are those of the other tests of strange machines (test_any_*.py, test_transport.py, test_refused_loads.py,
test_catalogues.py, test_locks.py), which say what each must tell; here only where secrets might have gone with it.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import duckdb
import pendulum
import psycopg2
import pytest
from databases import execute, fresh_postgres, server_url
from leavings import (
    DATABASE_PASSWORD,
    HOOK,
    POSTGRES,
    PROXY_PASSWORD,
    SECRET,
    Leavings,
    assert_no_secret,
    database_text,
    planted_world,
)

from breezeway_source.sandbox import Sandbox
from breezeway_source.sandbox.answers import LoggedRequest

KEY = "canary-key-40fe"
HASHED = {"SOURCES__BREEZEWAY__PERSONAL_DATA": "hash", "SOURCES__BREEZEWAY__PERSONAL_DATA_KEY": KEY}
PROXY = f"http://who:{PROXY_PASSWORD}@127.0.0.1:1"
PROXIES = {"HTTP_PROXY": PROXY, "http_proxy": PROXY, "HTTPS_PROXY": PROXY, "https_proxy": PROXY}
LOCAL = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
FAR = {"NO_PROXY": "", "no_proxy": ""}


@dataclass(frozen=True)
class Row:
    """What is called, how it ends, what a run says of it, and what is done before."""

    line: str
    ends: int | tuple[int, ...]
    says: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    before: Callable[[Leavings], object] = lambda leavings: None


def newer_file(leavings: Leavings) -> None:
    file = leavings.folder / "newer.duckdb"
    duckdb.connect(str(file)).close()
    content = bytearray(file.read_bytes())
    content[12:20] = struct.pack("<Q", 9999)
    content[52:84] = b"v99.1.2".ljust(32, b"\0")
    file.write_bytes(content)


def empty_catalogue(leavings: Leavings) -> None:
    supplies = leavings.sandbox.world.supplies
    pattern = next(iter(supplies.values()))
    for number in range(25):
        supplies[880_000 + number] = {**pattern, "id": 880_000 + number}
    assert leavings.shell("RUN --entities properties supplies", **HASHED, **PROXIES, **LOCAL) == 0
    leavings.sandbox.deviate("catalogue_empty", "/supplies")


def year_9999(leavings: Leavings) -> None:
    leavings.sandbox.world.edit_task(min(leavings.sandbox.world.tasks), finished_at="9999-12-31T23:59:59.9Z")


def interrupting(leavings: Leavings) -> None:
    """Whoever asks for tasks is sent Ctrl-C, and no answer in time."""
    sent = threading.Event()

    def interrupt(request: LoggedRequest) -> None:
        if request.endpoint == "/task" and not sent.is_set():
            sent.set()
            os.kill(int((leavings.folder / "pid").read_text()), signal.SIGINT)
            time.sleep(5)

    leavings.sandbox.faults.before_response = interrupt


def pooler(leavings: Leavings) -> socket.socket:
    """pgbouncer's refusal over the wire."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                asking, _ = listener.accept()
            except OSError:
                return
            with asking:
                asking.recv(8)
                asking.sendall(b"N")
                asking.recv(4096)
                text = f"SFATAL\0C08P01\0Munsupported startup parameter: options {DATABASE_PASSWORD}\0\0".encode()
                asking.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)

    threading.Thread(target=refuse, daemon=True).start()
    return listener


LAKE_ENDS = (1, 2)  # without the extension, or without the catalog
REGION = "SOURCES__BREEZEWAY__REGIONS__SMOKY"
DUCKDB = "DESTINATION__DUCKDB__CREDENTIALS"
ADDRESS = f"postgresql+psycopg2://loader:{DATABASE_PASSWORD}@127.0.0.1:1/d"
ROWS = {
    "another driver's address": Row("RUN LOAD --destination postgres", 2, environ={POSTGRES: ADDRESS}),
    "the same, checked": Row("RUN --check --destination postgres", 2, environ={POSTGRES: ADDRESS}),
    "a machine 40 days ahead": Row(
        "RUN LOAD", 0, "40 days ahead",
        before=lambda leavings: setattr(leavings.sandbox.faults, "clock_ahead_s", -40 * 86400.0),
    ),
    "a pooler": Row("RUN LOAD --destination postgres", 2, "direct connection", before=pooler),
    "a file named like the dataset": Row("RUN LOAD", 2, "breezeway_local", {DUCKDB: "breezeway.prod.duckdb"}),
    "a file of a newer DuckDB": Row("RUN LOAD", 2, "99.1.2", {DUCKDB: "newer.duckdb"}, newer_file),
    "a link to the file": Row(
        "ln -s real.duckdb link.duckdb; RUN LOAD", 0, environ={DUCKDB: "link.duckdb"}
    ),
    "closed": Row("RUN LOAD >&- 2>&- <&-", 0),
    "full": Row("RUN LOAD >/dev/full 2>/dev/full", 0),
    "one line is read": Row("RUN LOAD 2>&1 | head -1; exit ${PIPESTATUS[0]}", 0),
    "letters of the C locale": Row(
        "exec RUN LOAD --dry-run --sample 9", 0, "S?d",
        {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", f"{REGION}__NAME": "Süd"},
    ),
    "no home": Row("HOME=/dev/null/nobody XDG_CACHE_HOME= RUN LOAD", 0, "Token not kept"),
    "absurd values": Row(
        "RUN LOAD", 0,
        before=lambda leavings: leavings.sandbox.deviate("absurd", "/task", field="name", form="long_int"),
    ),
    "year 9999": Row("RUN LOAD", 0, before=year_9999),
    "no certificates": Row(
        "RUN LOAD", 2, "REQUESTS_CA_BUNDLE",
        {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem", "SOURCES__BREEZEWAY__BASE_URL": "https://127.0.0.1:1"},
    ),
    "a dead proxy": Row("RUN LOAD", 2, "PROXY", {**FAR, "SOURCES__BREEZEWAY__BASE_URL": "https://api.example.test"}),
    "a misspelt proxy": Row(
        "RUN LOAD", 2, "no address of a proxy",
        {**FAR, "https_proxy": PROXY.replace("http", "htp"), "SOURCES__BREEZEWAY__BASE_URL": "https://api.example.test"},
    ),
    "a redirect to another host": Row(
        "RUN LOAD", 1, "another address",
        before=lambda leavings: leavings.sandbox.deviate(
            "redirected", "/task", form="other_host", host=f"http://who:{PROXY_PASSWORD}@other.test"
        ),
    ),
    "Ctrl-C": Row("echo $$ >pid; exec RUN LOAD", 130, "interrupted by Ctrl-C", before=interrupting),
    "a full disk": Row("ulimit -f 400; RUN LOAD", 1, "free space"),
    "files": Row("RUN LOAD --destination filesystem", 2, "choose one of duckdb, postgres"),
    "a lake without its package": Row(
        "RUN LOAD --destination ducklake", LAKE_ENDS,
        environ={"DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG": f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:1/lake"},
    ),
    "a warehouse without its package": Row(
        "RUN LOAD --destination snowflake", 2, "pip install",
        {"DESTINATION__SNOWFLAKE__CREDENTIALS": f"snowflake://u:{DATABASE_PASSWORD}@h/d"},
    ),
    "no lookback": Row("RUN LOAD", 2, "lookback_days", {"SOURCES__BREEZEWAY__LOOKBACK_DAYS": "0"}),
    "an empty catalogue": Row("RUN LOAD", 1, "came back empty", before=empty_catalogue),
}  # fmt: skip


SUITE = (
    "another driver's address", "a pooler", "a file of a newer DuckDB", "year 9999", "a misspelt proxy",
    "a redirect to another host", "Ctrl-C", "a lake without its package",
    "a warehouse without its package", "an empty catalogue",
)  # fmt: skip
"""Where somebody else words what is told; all rows: `--long`. The others' own tests say what they tell."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", ROWS if metafunc.config.getoption("--long") else SUITE)


@pytest.fixture
def leavings(tmp_path: Path) -> Iterator[Leavings]:
    world = planted_world(properties=2, tasks=2)
    with Sandbox({("canary-client", SECRET): world}, token_limit=False) as sandbox:
        yield Leavings(tmp_path, sandbox)


def canaries_found(leavings: Leavings) -> dict[str, set[str]]:
    return leavings.holding(SECRET, HOOK, DATABASE_PASSWORD, PROXY_PASSWORD, KEY)


def test_no_canary_is_found_after_a_run_of(name: str, leavings: Leavings) -> None:
    row = ROWS[name]
    made = row.before(leavings)
    address = f"postgresql://loader:{DATABASE_PASSWORD}@127.0.0.1:1/d"
    if isinstance(made, socket.socket):
        address = address.replace(":1/", f":{made.getsockname()[1]}/")
    said_before = len(leavings.said)
    code = leavings.shell(row.line, **{POSTGRES: address, **HASHED, **PROXIES, **LOCAL, **row.environ})
    said = "\n".join(leavings.said[said_before:])
    report = leavings.folder / "report.json"
    assert code in (row.ends if isinstance(row.ends, tuple) else (row.ends,)), said
    assert row.says in said + (report.read_text("utf-8") if report.exists() else "")
    assert "Traceback" not in said
    assert canaries_found(leavings) == {}
    assert_no_secret(leavings)


# --- in the database too -----------------------------------------------------------------------------------


def with_password(url: str) -> str:
    """The same database; nobody there asks for a password, but the run knows one."""
    return url.replace("postgres:x@", f"postgres:{DATABASE_PASSWORD}@", 1)


def load(leavings: Leavings, url: str, *options: str) -> int:
    environ = {POSTGRES: with_password(url), **HASHED, **PROXIES, **LOCAL}
    return leavings.run("--destination", "postgres", *options, **environ)


def test_no_canary_is_in_the_history_of_a_database_that_refuses_what_quotes_them(leavings: Leavings) -> None:
    """A stranger's transaction, a refused row and a zone of the database's own, one after the other."""
    with fresh_postgres() as url:
        execute(server_url(), f"alter database {urlsplit(url).path[1:]} set timezone to 'Asia/Kolkata'")
        year_9999(leavings)
        assert load(leavings, url) == 0
        with closing(psycopg2.connect(url)) as stranger, stranger.cursor() as cursor:
            cursor.execute("lock table breezeway.tasks in access exclusive mode")
            leavings.sandbox.world.edit_task(min(leavings.sandbox.world.tasks), brand_new="new")
            assert load(leavings, url) == 1
            stranger.rollback()
        leavings.sandbox.world.edit_task(min(leavings.sandbox.world.tasks), name="refused")
        execute(url, "alter table breezeway.tasks add constraint unlike check (name <> 'refused')")
        assert load(leavings, url) == 1
        kept = database_text(url)
        assert "The database refused what was read" in kept
        assert not [word for word in (SECRET, DATABASE_PASSWORD, PROXY_PASSWORD, HOOK, KEY) if word in kept]
    assert canaries_found(leavings) == {}
    assert_no_secret(leavings)


def test_no_canary_is_told_of_a_database_of_another_alphabet(leavings: Leavings) -> None:
    name = f"latin_{pendulum.now().int_timestamp}"
    execute(server_url(), f"create database {name} encoding 'LATIN1' locale 'C' template template0")
    try:
        url = urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))
        assert load(leavings, url) == 2
        assert "encoding LATIN1" in "\n".join(leavings.said)
    finally:
        execute(server_url(), f"drop database {name} with (force)")
    assert canaries_found(leavings) == {}
    assert_no_secret(leavings)
