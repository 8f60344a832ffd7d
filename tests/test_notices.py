"""Notices: once when something comes up, once when it is over, and never an error of their own."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pendulum
import pytest
from conftest import NOW
from databases import Database
from loading import Loader

from breezeway_source.errors import ConfigError
from breezeway_source.sandbox import Sandbox
from pipelines.watch import notices
from pipelines.watch.logs import KEEP_DAYS, log_to_folder, set_up_logging
from pipelines.watch.notices import message, summary, tell
from pipelines.watch.problems import Problem, news_of, problems_of
from pipelines.watch.report import RegionReport, RunReport
from pipelines.watch.ways_out import ELSE_NEXT, WAYS_OUT, with_next


@dataclass
class Hook:
    """A server that takes what is sent to Slack."""

    url: str
    texts: list[str] = field(default_factory=list)
    status: int = 200
    hang: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """The hook, configured as `runtime.slack_incoming_hook`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/services/T0/B0/hook-secret"
            if taken.status == 0:
                taken.hang.wait(10)
            taken.texts.append(json.loads(body)["text"])
            self.send_response(taken.status or 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    taken = Hook(f"http://127.0.0.1:{server.server_port}/services/T0/B0/hook-secret")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", taken.url)
    yield taken
    taken.hang.set()
    server.shutdown()
    server.server_close()


def run_and_tell(loader: Loader, *options: str) -> RunReport:
    report = loader.run(*(options or ("--entities", "tasks")))
    tell(report)
    loader.pass_time(hours=1)
    return report


def test_a_problem_is_sent_once_when_it_comes_and_once_when_it_is_over(
    quick_loader: Loader, hook: Hook
) -> None:
    """Runs of other entities, or of other properties alone, neither end nor repeat it."""
    loader = quick_loader
    loader.first_load("--entities", "tasks")
    loader.pass_time(hours=1)
    loader.sandbox.faults.refuse_property(2003, 422)
    run_and_tell(loader)
    (told,) = hook.texts
    heading, line = told.splitlines()
    assert heading == "*Breezeway load: partial*"
    assert line.startswith("• smoky: tasks: 422 for /task/ (region 'smoky', home_id 2003")
    assert "Next: look at property 2003 in Breezeway" in line and "--property 2003" in line
    run_and_tell(loader, "--entities", "people")
    run_and_tell(loader, "--entities", "tasks", "--property", "2001")
    run_and_tell(loader)
    assert hook.texts == [told]
    loader.sandbox.faults.clear()
    run_and_tell(loader)
    assert len(hook.texts) == 2
    heading, over = hook.texts[-1].splitlines()
    assert heading == "*Breezeway load: ok*"
    assert over.startswith("• smoky: over: tasks: 422 for /task/") and over.endswith(
        "(since 2026-03-10T10:30)"
    )


def test_a_refused_region_is_told_once_also_on_a_fresh_machine(quick_loader: Loader, hook: Hook) -> None:
    loader = quick_loader
    loader.sandbox.faults.auth_answer = "inactive"
    for _ in range(2):
        assert run_and_tell(loader).exit_code == 3
        loader.wipe()
    assert len(hook.texts) == 1 and "inactive client" in hook.texts[0] and "Check client_id" in hook.texts[0]
    loader.sandbox.faults.clear()
    run_and_tell(loader)
    assert "over: failed: Token request for region 'smoky'" in hook.texts[1]


def test_a_new_column_is_told_once(quick_loader: Loader, hook: Hook) -> None:
    world = quick_loader.sandbox.world
    quick_loader.first_load("--entities", "tasks")
    quick_loader.pass_time(hours=1)
    for task_id in list(world.tasks)[:2]:
        world.edit_task(task_id, brand_new_field="x")
        run_and_tell(quick_loader)
    assert hook.texts == ["*Breezeway load: ok*\n• smoky: new columns: tasks.brand_new_field text"]


def test_a_database_that_cannot_be_written_is_told_once_and_when_it_is_over(
    postgres_database: Database, sandbox: Sandbox, hook: Hook, tmp_path: Path
) -> None:
    with Loader(sandbox, postgres_database, tmp_path / "work", NOW) as loader:
        loader.configure(marts=False)
        loader.first_load("--entities", "tasks")
        loader.pass_time(hours=1)
        postgres_database.execute("alter database {} set default_transaction_read_only = on")
        for _ in range(2):
            (region,) = run_and_tell(loader).regions
            assert region.exit_code == 1 and "read-only" in (region.error or "")
            assert any("not in sync_runs" in warning for warning in region.warnings)
        (told,) = hook.texts
        assert "failed: " in told and "read-only transaction" in told
        assert "give the loading user write access" in told
        postgres_database.execute("alter database {} reset all")
        run_and_tell(loader)
        assert "over: failed: " in hook.texts[1] and "read-only" in hook.texts[1]


@pytest.mark.parametrize(
    ("status", "told"),
    [(500, "answered with 500"), (404, "answered with 404"), (0, "answered with no answer in time")],
)
def test_a_notice_that_cannot_be_sent_is_a_warning_without_the_hooks_address(
    hook: Hook, status: int, told: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.status = status
    monkeypatch.setattr(notices, "SEND_TIMEOUT_S", 0.3)
    monkeypatch.setattr(logging.getLogger("breezeway"), "propagate", True)
    tell(failed_report())
    assert told in caplog.text and "hook-secret" not in caplog.text.replace("could not post", "")


@pytest.mark.parametrize(
    "url", ["http://hooks.example.test/hook-secret", "ftp://127.0.0.1/hook-secret", "hook-secret"]
)
def test_a_hook_in_the_clear_is_refused_without_telling_it(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", url)
    monkeypatch.setattr(logging.getLogger("breezeway"), "propagate", True)
    tell(failed_report())
    assert "no notice was sent: runtime.slack_incoming_hook is no https address" in caplog.text
    assert "hook-secret" not in caplog.text


def failed_report(region: str = "smoky") -> RunReport:
    failed = RegionReport(region, "duckdb", NOW, ("tasks",))
    failed.fail(
        3, "Token request for region 'smoky' answered 401. Check client_id and client_secret of the region."
    )
    failed.news = news_of(failed, {})
    return RunReport(NOW, 1.0, [failed])


def test_stderr_has_one_line_a_problem_and_what_is_known_only_without_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logging(verbose=False, quiet=True, as_json=False)
    report = failed_report()
    tell(report)
    (line,) = capsys.readouterr().err.splitlines()
    assert "ERROR smoky: failed: Token request for region 'smoky' answered 401. Check client_id" in line
    report.regions[0].news = news_of(report.regions[0], report.regions[0].news.open)
    tell(report)
    assert capsys.readouterr().err == ""
    set_up_logging(verbose=False, quiet=False, as_json=True)
    tell(report)
    lines = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert lines[0].startswith("smoky: failed: 0 requests") and lines[1].startswith(
        "smoky: still (since 2026-03-10T09:30)"
    )


def test_the_job_summary_has_the_table_and_the_problems_and_runs_nothing_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    report = failed_report()
    report.regions[0].fail(1, "<img src=x> [a](b) | `c`")
    report.regions[0].news = news_of(report.regions[0], {})
    tell(report)
    text = file.read_text("utf-8")
    assert text.startswith("## Breezeway load: failed\n\n| region | status | requests |")
    assert "| smoky | failed | 0 |" in text
    assert r"**new** smoky: failed: &lt;img src=x> \[a\](b) \| \`c\`" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    tell(report)  # a folder: a warning
    assert summary(report) in text


def test_a_long_list_of_news_is_cut() -> None:
    report = failed_report()
    report.regions[0].news = news_of(report.regions[0], {})
    report.regions[0].news.new[:] = [Problem(str(n), f"problem {n} <&>") for n in range(100)]
    lines = message(report).splitlines()
    assert len(lines) == 31 and lines[1] == "• smoky: problem 0 &lt;&amp;&gt;"
    assert lines[-1] == "• and 71 more: see the run's report"


# --- what is a problem, and which is news ------------------------------------------------------------------


def region(**changes: object) -> RegionReport:
    made = RegionReport("smoky", "duckdb", NOW, ("properties", "tasks"))
    for name, value in changes.items():
        setattr(made, name, value)
    made.settle()
    return made


CHECK = {"name": "volume_is_kept", "severity": "warn", "rows": 1}
NOTES = {"volume_is_kept": {"check:volume_is_kept:tasks": "the API listed no tasks. Next: look."}}


def test_every_kind_of_problem_has_its_line_and_its_next_step() -> None:
    found = problems_of(
        region(
            failures=[
                {"entity": "tasks", "property_id": 7, "status": 422, "message": "422 for /task/ (home_id 7)"},
                {
                    "entity": "tasks",
                    "property_id": 8,
                    "status": None,
                    "message": "no complete answer after 8 attempts",
                },
                {
                    "entity": "people",
                    "property_id": None,
                    "status": 500,
                    "message": "500 for /people after 8 attempts",
                },
            ],
            checks=[CHECK],
            check_notes=NOTES,
            warnings=["something odd"],
        )
    )
    assert [problem.key for problem in found] == [
        "failure:tasks:7:422",
        "failure:tasks:8:",
        "failure:people::500",
        "check:volume_is_kept:tasks",
        "warning:something odd",
    ]
    assert all("Next: " in problem.text for problem in found[:4])


def test_a_check_is_over_when_it_was_judged_again_and_not_before() -> None:
    first = news_of(region(checks=[CHECK], check_notes=NOTES), {})
    assert [problem.key for problem in first.new] == ["check:volume_is_kept:tasks"]
    passed = {**CHECK, "rows": 0}
    unjudged = news_of(region(checks=[passed]), first.open)
    assert unjudged.over == [] and set(unjudged.open) == {"check:volume_is_kept:tasks"}
    judged = news_of(region(checks=[passed]), first.open, judged={"check:volume_is_kept:tasks"})
    assert judged.over == ["check volume_is_kept (warn): the API listed no tasks. (since 2026-03-10T09:30)"]
    assert judged.open == {}
    failed = region()
    failed.fail(1, "broken")
    assert set(news_of(failed, first.open).open) == {"check:volume_is_kept:tasks", "error"}


def test_a_warning_is_told_again_only_after_a_week_without_it() -> None:
    first = news_of(region(warnings=["300 loaded tasks are missing"]), {})
    other_number = news_of(region(warnings=["301 loaded tasks are missing"]), first.open)
    assert len(first.new) == 1 and other_number.new == []
    for days, told_again in ((7, False), (9, True)):
        later = news_of(region(started_at=NOW.add(days=days)), other_number.open)
        assert later.over == []
        again = news_of(
            region(started_at=NOW.add(days=days), warnings=["302 loaded tasks are missing"]), later.open
        )
        assert bool(again.new) is told_again


@pytest.mark.parametrize(
    ("error", "step"),
    [
        ("load: InternalError: cannot execute INSERT in a read-only transaction", "write access"),
        ("extract: OSError: [Errno 28] No space left on device", "free space"),
        ('load: DiskFull: could not extend file "base/1/2": No space left on device', "free space"),
        ("IO Error: Could not write file: File too large", "free space"),
        ("PostgreSQL cannot be reached: connection refused", "see whether the database is up"),
        ("401 for /property (region 'smoky'), with a new token too", "the key pair was revoked"),
        (
            "no complete answer (ReadTimeout) after 8 attempts for /property",
            "asks again from the same cursor",
        ),
        ("canceling statement due to lock timeout", "pg_stat_activity"),
        ("permission denied for schema breezeway", "grant the right"),
        ("KeyError: 'x'", "--verbose adds the traceback"),
        ("The database refused what was read: tables can have at most 1600 columns", "max_new_columns"),
        ("The database refused what was read: DataError: value too long", "for the same rows come again"),
        ('OperationalError: FATAL: database "x" does not exist', "create it"),
        ('DatabaseUndefinedRelation: relation "tasks" does not exist', "_dlt_version"),
        ('could not translate host name "db" to address', "DNS"),
        ("FATAL: sorry, too many clients already", "max_connections"),
    ],
)
def test_every_error_names_a_way_out(error: str, step: str) -> None:
    assert "Next: " in with_next(error) and step in with_next(error)


def test_running_again_is_advised_only_where_it_can_help() -> None:
    advised = {pattern for pattern, step in WAYS_OUT if "run again" in step}
    assert len(advised) == 3, "a full disk, a read-only database, one that is down"
    assert "run again" not in ELSE_NEXT


@pytest.mark.parametrize("error", ["Region 'smoky' has no credentials: set x", "Check client_id and so on."])
def test_an_error_that_names_its_own_way_out_is_left_as_it_is(error: str) -> None:
    assert with_next(error) == error


# --- log files ---------------------------------------------------------------------------------------------


def test_a_run_logs_to_its_own_file_and_old_files_of_runs_go(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "breezeway"
    folder.mkdir(parents=True)
    old = NOW.subtract(days=KEEP_DAYS + 1)
    kept, gone, other = (
        folder / name for name in ("2026-02-09T093000_1.log", f"{old:%Y-%m-%dT%H%M%S}_1.log", "2020.log")
    )
    for file in (kept, gone, other):
        file.touch()
    set_up_logging(verbose=False, quiet=False, as_json=True)
    file = log_to_folder(folder, NOW, as_json=True)
    tell(failed_report())
    set_up_logging(verbose=False, quiet=False, as_json=False)
    assert {path.name for path in folder.iterdir()} == {file.name, kept.name, other.name}
    assert file.name.startswith("2026-03-10T093000_")
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert lines[-1]["level"] == "error" and lines[-1]["message"].startswith("smoky: failed: Token request")
    assert pendulum.parse(lines[-1]["at"])


def test_a_log_folder_that_cannot_be_made_is_told_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"sources\.breezeway\.log_folder '.*file' cannot be written"):
        log_to_folder(tmp_path / "file", NOW, as_json=False)
