"""personal_data in whole runs: dropped values reach nothing a run leaves behind, hashed ones still join."""

from __future__ import annotations

import gzip
import hmac
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import NOW
from loading import Loader

from breezeway_source.sandbox import World
from pipelines.run import main

EMAIL = "canary.email@example.test"
PHONE = "5550100"


class Canaries:
    """Makes the values to look for."""

    def __init__(self) -> None:
        self.made = [EMAIL, PHONE]

    def __call__(self, what: str) -> str:
        self.made.append(f"canary-{what}-{len(self.made)}")
        return self.made[-1]


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def world(canaries: Canaries) -> World:
    """One row of everything, a canary in every personal field, in odd shapes too."""
    c = canaries
    world = World.seeded("smoky", now=NOW, properties=2, tasks_per_property=0)
    fields = "address1 address2 building wifi_name wifi_password access_code guest_access_code internal_code"
    unknown = {"door_code": c("door"), "wifi_info": {"password": c("wifi")}, "owner_email": c("owner")}
    world.edit_property(
        2001, **{name: c(name) for name in fields.split()}, notes={"about": c("notes")}, **unknown
    )
    world.edit_property(
        2002, notes=c("notes"), wifi_password=[c("listed")], access_code={"code": c("nested")}
    )
    contact = {
        "name": c("contact"),
        "email": EMAIL,
        "phone": PHONE,
        "assistant": c("assistant"),
        "type": "owner",
    }
    more = {
        "first_name": c("first"),
        "last_name": c("last"),
        "emails": [EMAIL, c("more")],
        "phones": [{"n": c("n")}],
    }
    world.set_contacts(2001, [{**contact, "birthday": c("birthday")}, more])
    guest = {
        "first_name": c("guest"),
        "last_name": c("guest"),
        "emails": [EMAIL],
        "phone_numbers": [int(PHONE)],
    }
    stay = {"access_code": c("stay"), "guide_url": f"https://guide.test/{c('guide')}", "note": c("note")}
    world.add_reservation(
        property_id=2001, id=1, guests=[{**guest, "passport": c("passport")}, c("bare")], **stay
    )
    world.add_reservation(
        property_id=2001, id=2, note={"long": c("note")}, guests=c("guests"), guide_url=[c("url")]
    )
    world.add(
        "people",
        id=1,
        name="Ada",
        active=True,
        type_role="staff",
        emails=[EMAIL, c("mail")],
        phone=c("phone"),
    )
    world.add("people", id=2, name="Ben", active=True, type_role="staff", emails={"work": c("mail")})
    comments = [
        {"id": 1, "comment": c("comment"), "created_at": "2026-03-01T08:00:00", "html": c("html")},
        {"comment": {"text": c("odd")}},
    ]
    asked = {"id": 1, "name": "Owner", "email": c("asked")}
    for task_id, url in ((101, f"https://portal.test/{c('report')}"), (102, {"url": c("report")})):
        world.add_task(
            home_id=2001,
            id=task_id,
            report_url=url,
            requested_by=asked,
            comments=comments,
            lock_code=c("lock"),
        )
    world.set_comments(101, comments)
    answer = {"action": "Look", "type_requirement": "text", "response": c("response"), "note": c("note")}
    world.set_requirements(
        101, [answer, {**answer, "response": {"text": c("response")}}, {**answer, "note": [c("odd")]}]
    )
    return world


@pytest.fixture(autouse=True)
def loaded_files_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By configuration dlt deletes the files it has loaded; here they stay, to be searched."""
    monkeypatch.setenv("LOAD__DELETE_COMPLETED_JOBS", "false")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything logged by anybody, down to the last detail."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in (None, "breezeway", "dlt")]
    before = [(logger, logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield stream
    for logger, level, propagate, handlers in before:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


def files(folder: Path) -> str:
    """The text of every file below a folder, unpacked where it is packed."""
    texts = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        texts.append(f"{path.name}: {content.decode('latin-1')}")
        if content[:4] == b"PAR1":
            texts.append(str(pq.read_table(io.BytesIO(content)).to_pylist()))
    return "\n".join(texts)


def rows(loader: Loader) -> str:
    """Every row of every table of the dataset and of the staging dataset."""
    tables = loader.query(
        "select table_schema, table_name from information_schema.tables where table_schema like 'breezeway%%'"
        if loader.database.kind == "postgres"
        else "select table_schema, table_name from information_schema.tables where table_schema like 'breezeway%'"
    )
    with loader.client() as client:
        found = [
            f"{name}: {list(client.execute_sql(f'select * from {schema}.{name}') or ())}"
            for schema, name in tables
        ]
    return "\n".join(found)


def left_behind(loader: Loader, report: Any, log: io.StringIO) -> dict[str, str]:
    places = {
        "rows": rows(loader),
        "files": files(loader.folder.parent),
        "report": json.dumps(report.as_dict(), default=str),
        "log": log.getvalue(),
    }
    if loader.database.kind == "duckdb":
        assert Path(loader.database.url).is_relative_to(loader.folder.parent)  # among the files, with its log
    return places


def test_dropped_values_are_nowhere(loader: Loader, canaries: Canaries, logged: io.StringIO) -> None:
    loader.configure(personal_data="drop")
    report = loader.load("--entities", "all")
    places = left_behind(loader, report, logged)
    assert [
        (place, value) for place, text in places.items() for value in canaries.made if value in text
    ] == []
    assert "canary" not in "".join(places.values()).lower()
    # The rows are there all the same, and what is not personal with them.
    assert loader.column("select count(*) from reservation_guests where reservation_id = 1") == [2]
    assert loader.column(
        "select contact_type from property_contacts where property_id = 2001 order by 1"
    ) == [
        "owner",
        None,
    ]
    assert loader.column("select count(*) from task_requirements") == [3]
    assert loader.column("select requested_by_name from tasks where task_id = 101") == ["Owner"]
    assert [
        check for check in report.checks if check["name"] == "documented_fields_are_filled" and check["rows"]
    ] == []
    assert "2001" in places["files"], "the loaded files are there to be searched"


def test_kept_values_are_all_found_so_that_the_search_proves_something(
    duckdb_loader: Loader, canaries: Canaries
) -> None:
    duckdb_loader.configure(marts=False)
    report = duckdb_loader.load("--entities", "all")
    for place in (rows(duckdb_loader), files(duckdb_loader.folder)):
        assert [value for value in canaries.made if value not in place] == []
    assert "canary" not in json.dumps(report.as_dict(), default=str)


def test_hashed_values_join_over_tables_and_runs_and_depend_on_the_key(
    quick_loader: Loader, canaries: Canaries, logged: io.StringIO
) -> None:
    loader = quick_loader
    loader.configure(personal_data="hash", personal_data_key="pepper-canary-key")
    report = loader.load("--entities", "all")
    places = left_behind(loader, report, logged)
    assert "canary" not in "".join(places.values()).lower(), "neither a value nor the key"

    def hashes() -> tuple[str, str, str, str]:
        (guest,) = loader.column(
            "select emails from reservation_guests where reservation_id = 1 and emails is not null"
        )
        (contact, phone) = loader.query(
            "select email, phone from property_contacts where property_id = 2001 and contact_type = 'owner'"
        )[0]
        (person,) = loader.column("select emails from people where person_id = 1")
        (dialled,) = loader.column(
            "select phone_numbers from reservation_guests where reservation_id = 1 and phone_numbers is not null"
        )
        assert _first(dialled) == phone
        return _first(guest), contact, _first(person), phone

    first = hashes()
    assert len(set(first[:3])) == 1 and first[0] != first[3]
    assert all(value.startswith("h:") and len(value) == 34 for value in first)
    digest = hmac.digest(b"pepper-canary-key", EMAIL.encode(), "sha256").hex()
    assert first[0] == f"h:{digest[:32]}", "of text and key alone, hence the same in every run"
    loader.wipe()
    loader.configure(personal_data_key="another")
    loader.pass_time(days=1)
    loader.load("--entities", "reservations", "people", "property_details", "--full")
    assert not set(hashes()) & set(first)


def _first(value: Any) -> str:
    found = json.loads(value) if isinstance(value, str) else value
    return str(found[0])


def test_hash_without_a_key_ends_2_in_one_line_before_anything_is_sent(
    duckdb_loader: Loader,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sandbox = duckdb_loader.sandbox
    for key, value in {
        "BASE_URL": sandbox.base_url,
        "PERSONAL_DATA": "hash",
        "REGIONS__SMOKY__CLIENT_ID": sandbox.client_id,
        "REGIONS__SMOKY__CLIENT_SECRET": sandbox.client_secret,
    }.items():
        monkeypatch.setenv(f"SOURCES__BREEZEWAY__{key}", value)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", duckdb_loader.database.url)
    monkeypatch.delenv("SOURCES__BREEZEWAY__PERSONAL_DATA_KEY", raising=False)
    assert main(["--region", "smoky"]) == 2
    out, err = capfd.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("run.py: ") and "SOURCES__BREEZEWAY__PERSONAL_DATA_KEY" in line and out == ""
    assert sandbox.requests == [] and not Path(duckdb_loader.database.url).exists()
