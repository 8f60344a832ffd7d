"""No secret leaves through a text: what is learnt from the configuration, and how it is found in any spelling."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote, quote_plus

import pendulum
import pytest

from pipelines.watch.logs import set_up_logging
from pipelines.watch.problems import problems_of
from pipelines.watch.report import RegionReport
from pipelines.watch.secrets import SECRETS, Secrets

PASSWORD = "canary p@ss/wörd+81&dd"


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        quote_plus(PASSWORD),
        json.dumps({"password": PASSWORD}),
        repr({"x": PASSWORD}),
        f'invalid dsn: "postgresql+psycopg2://loader:{quote(PASSWORD, safe="")}@db/x"',
        f"Proxy-Authorization: Basic {base64.b64encode(f'loader:{PASSWORD}'.encode()).decode()}",
        'could not translate host name "ss/wörd+81&dd@db"',
    ],
)
def test_a_password_is_taken_out_in_every_spelling(text: str) -> None:
    secrets = Secrets()
    secrets.learn_address(f"postgresql+psycopg2://loader:{PASSWORD}@db.example.test:5432/x")
    cleaned = secrets.clean(f"before {text} after")
    assert "***" in cleaned and cleaned.startswith("before ") and cleaned.endswith(" after")
    for word in ("canary", "81&dd", "81%26dd", quote("wörd")):
        assert word not in cleaned


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mysql://root:hunter2@h/d refused", "mysql://***@h/d refused"),
        ("proxy http://u:p@ss@proxy:8080/", "proxy http://***@proxy:8080/"),
        ("host=db user=u password=hunter2 dbname=x", "host=db user=u password=*** dbname=x"),
        ("password='hun ter2' x", "password=*** x"),
        ("Authorization: JWT abcdefgh1234", "Authorization: JWT ***"),
        ("got eyJhbGciOi.eyJzdWIi.c2ln!", "got ***!"),
        ("https://hooks.slack.com/services/T0/B0/xyz failed", "*** failed"),
        ("401 for /task (region 'smoky')", "401 for /task (region 'smoky')"),
        ("write to somebody@example.test", "write to somebody@example.test"),
    ],
)
def test_what_looks_like_a_secret_goes_though_nobody_named_it(text: str, left: str) -> None:
    assert Secrets().clean(text) == left


def test_every_value_with_a_telling_name_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "PGPASSWORD": "canary-one-11",
        "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID": "canary-two-22",
        "SOURCES__BREEZEWAY__PERSONAL_DATA_KEY": "canary-three-33",
        "HTTPS_PROXY": "http://who:canary-four-44@proxy.example.test:3128",
        "all_proxy": "who:canary-five-55@proxy.example.test:3128",
        "RUNTIME__SLACK_INCOMING_HOOK": "https://chat.example.test/canary-six-66",
        "DESTINATION__BIGQUERY__CREDENTIALS": '{"private_key": "-----\\ncanary-seven-77-long\\n-----"}',
        "DESTINATION__SNOWFLAKE__CREDENTIALS__PASSWORD": "canary-eight-88",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", "/data/warehouse.duckdb")
    monkeypatch.setenv("PWD", "/data")  # no password, though named like one
    secrets = Secrets()
    secrets.learn_configuration()
    text = secrets.clean(json.dumps(planted) + " ".join(planted.values()))
    assert [word for word in text.split("canary")[1:]] == []
    assert secrets.clean("/data/warehouse.duckdb on proxy.example.test:3128") == (
        "/data/warehouse.duckdb on proxy.example.test:3128"
    )


def test_a_password_that_is_a_word_of_every_text_stays_readable() -> None:
    """`postgres` with the password `postgres`: texts that name the database would name nothing any more."""
    secrets = Secrets()
    secrets.learn("postgres", "load", "x")
    secrets.spare("postgres")
    assert secrets.clean("postgres: loads are reload x") == "postgres: loads are reload x"
    assert secrets.clean("postgresql://postgres:postgres@h/d, load") == "postgresql://***@h/d, ***"


def test_report_and_log_lines_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    SECRETS.learn("canary-report-99")
    report = RegionReport("smoky", "postgres", pendulum.now("UTC"))
    report.fail(1, "OperationalError: canary-report-99")
    report.failures.append(
        {"entity": "tasks", "property_id": 1, "status": 500, "message": "canary-report-99"}
    )
    report.warnings.append("canary-report-99")
    set_up_logging(verbose=True, quiet=False, as_json=False)
    for name in ("breezeway", "dlt"):
        try:
            raise ValueError("canary-report-99")
        except ValueError as e:
            logging.getLogger(name).error("%s canary-report-99", e, exc_info=True)
    text = json.dumps(report.as_dict()) + str(problems_of(report)) + capsys.readouterr().err
    assert "canary-report" not in text and "Traceback" in text


def test_lines_of_dlt_itself_show_with_verbose_only(capsys: pytest.CaptureFixture[str]) -> None:
    line = logging.getLogger("dlt")
    line.addHandler(logging.StreamHandler())
    try:
        set_up_logging(verbose=False, quiet=False, as_json=False)
        line.error("Job failed: Traceback ...")
        assert capsys.readouterr().err == ""
    finally:
        line.handlers.clear()
