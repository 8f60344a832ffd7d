"""The command line: bad input is one clear line with the right exit code, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pendulum
import pytest
from many_processes import environment, small_worlds
from started import PROGRAM, ROOT, run_py

from breezeway_source.plan import Plan
from breezeway_source.sandbox import Sandbox
from pipelines.run import main, make_plan, parser

REGIONS = "nashville, austin, smoky, hilton_head, breckenridge, sea_ranch, mammoth, hill_country"
SECRET = "canary-secret"

BAD: dict[str, tuple[list[str], str]] = {
    "no region": ([], f"Which region? Give --region with one of {REGIONS}, or all."),
    "unknown region": (
        ["--region", "smokey"],
        f"Unknown region 'smokey'. Did you mean 'smoky'? Known: {REGIONS}.",
    ),
    "one unknown region of two": (
        ["--region", "smoky", "--region", "texas"],
        f"Unknown region 'texas'. Known: {REGIONS}.",
    ),
    "unknown entity": (
        ["--region", "smoky", "--entities", "taks"],
        "Unknown entity 'taks'. Did you mean 'tasks'? Known: properties, reservations, tasks, people, supplies, "
        "tags, property_details, task_details, templates, subdepartments, hourly, daily, weekly, all.",
    ),
    "unknown option": (
        ["--regoin", "smoky"],
        "Unknown option '--regoin'. Did you mean '--region'? See --help.",
    ),
    "an option cut short": (
        ["--reg", "smoky"],
        "Unknown option '--reg'. Did you mean '--region'? See --help.",
    ),
    "an option without its value": (
        ["--region"],
        "argument --region: expected one argument. See --help.",
    ),
    "bad day": (
        ["--region", "smoky", "--since", "yesterday"],
        f"--since 'yesterday' is no day: write it like {pendulum.now().to_date_string()}.",
    ),
    "no such day": (
        ["--region", "smoky", "--since", "2026-01-01", "--until", "2026-02-30"],
        f"--until '2026-02-30' is no day: write it like {pendulum.now().to_date_string()}.",
    ),
    "days in the wrong order": (
        ["--region", "smoky", "--since", "2026-02-01", "--until", "2026-01-01"],
        "--until 2026-01-01 is before --since 2026-02-01.",
    ),
    "half a window": (["--region", "smoky", "--until", "2026-01-01"], "--until needs --since."),
    "full and a window": (
        ["--region", "smoky", "--full", "--since", "2026-01-01"],
        "--full reads everything: leave out --since, or --full.",
    ),
    "reconcile and a window": (
        ["--region", "smoky", "--reconcile", "--since", "2026-01-01"],
        "--reconcile compares whole lists: leave out --since.",
    ),
    "no property id": (
        ["--region", "smoky", "--property", "Loft"],
        "--property 'Loft' is no id: Breezeway's property ids are whole numbers.",
    ),
    "sample without a dry run": (["--region", "smoky", "--sample", "3"], "--sample goes with --dry-run."),
    "a sample below nothing": (
        ["--region", "smoky", "--dry-run", "--sample", "-1"],
        "--sample -1 is below 0: it is the number of rows shown of each table.",
    ),
    "a check that would load": (
        ["--region", "smoky", "--check", "--dry-run"],
        "--check loads nothing: leave out --dry-run, --report and --page.",
    ),
    "a report nowhere": (
        ["--region", "smoky", "--report", "no/such/folder/report.json"],
        "--report 'no/such/folder/report.json' cannot be written: is the folder there and yours?",
    ),
    "unknown log format": (
        ["--region", "smoky", "--log-format", "xml"],
        "argument --log-format: invalid choice: 'xml' (choose from 'text', 'json'). See --help.",
    ),
}


def code_of(argv: list[str]) -> int:
    """The exit code of a command line, also of one that argparse ends."""
    try:
        return main(argv)
    except SystemExit as e:
        return int(e.code or 0)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv, message = BAD[case]
    assert code_of(argv) == 2
    out, err = capsys.readouterr()
    # Python 3.12 and newer quote no choices.
    assert (out, err.replace("text, json", "'text', 'json'")) == ("", f"run.py: {message}\n")


def test_an_unknown_destination_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--region", "smoky", "--destination", "postgress"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("run.py: Unknown destination 'postgress'. Did you mean 'postgres'? Known: ")
    assert {"duckdb", "postgres", "snowflake"} <= set(err.partition("Known: ")[2].strip(" .\n").split(", "))


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ("", Plan(("properties", "reservations", "tasks"))),
        ("--entities tags tasks", Plan(("tasks", "tags"))),
        (
            "--entities daily --entities templates",
            Plan(
                (
                    *("reservations", "people", "supplies", "tags", "property_details", "task_details"),
                    "templates",
                ),
                whole_stays=True,
            ),
        ),
        ("--entities weekly", Plan(("tasks", "templates", "subdepartments"), whole_tasks=True)),
        (
            "--entities weekly --reconcile",
            Plan(
                ("properties", "reservations", "tasks", "templates", "subdepartments"),
                whole_tasks=True,
                whole_stays=True,
                reconcile=True,
            ),
        ),
        (
            "--entities people --reconcile",
            Plan(("properties", "reservations", "tasks", "people"), whole_stays=True, reconcile=True),
        ),
        (
            "--since 2026-01-01 --until 2026-01-01",
            Plan(
                ("properties", "reservations", "tasks"),
                since=pendulum.Date(2026, 1, 1),
                until=pendulum.Date(2026, 1, 1),
            ),
        ),
        (
            "--full --property 7 8 --property 9",
            Plan(("properties", "reservations", "tasks"), full=True, properties=frozenset((7, 8, 9))),
        ),
    ],
)
def test_options_make_the_plan(words: str, plan: Plan) -> None:
    assert make_plan(parser().parse_args(words.split())) == plan


# --- as a process, in a folder of its own ---------------------------------------------------------------


@pytest.fixture
def source() -> Iterator[Sandbox]:
    with Sandbox.multi(small_worlds(("smoky",)), token_limit=False) as running:
        yield running


def clean(environ: dict[str, str]) -> dict[str, str]:
    """This and nothing of ours in the environment."""
    return {name: value for name, value in os.environ.items() if "__" not in name} | environ


def run(folder: Path, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """run.py in this folder and environment."""
    return run_py(argv, folder, clean(environ))


def start(folder: Path, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same by an interpreter that has imported nothing."""
    return subprocess.run(
        [sys.executable, PROGRAM, *argv],
        cwd=folder,
        env=clean(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def made(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_help_needs_neither_configuration_nor_network(tmp_path: Path) -> None:
    done = start(tmp_path, "--help")
    assert (done.returncode, done.stderr, made(tmp_path)) == (0, "", [])
    assert "--region NAME" in done.stdout


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.toml", "[sources.breezeway\n", "The configuration cannot be read: "),
        ("secrets.toml", "client_id = \n", "The configuration cannot be read: "),
        (
            "config.toml",
            "\ufeff[sources.breezeway]\n",
            "./.dlt/config.toml begins with a byte order mark (BOM)",
        ),
        (
            "config.toml",
            "[sources.breezeway.regions.smoky]\n",
            "Region 'smoky' has no credentials: set sources.breezeway.regions.smoky.client_id and "
            "sources.breezeway.regions.smoky.client_secret in .dlt/secrets.toml, or "
            "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID in the environment.",
        ),
    ],
)
def test_a_run_that_cannot_start_writes_nothing(tmp_path: Path, file: str, text: str, message: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / file).write_text(text, "utf-8")
    done = run(tmp_path, "--region", "smoky", "--report", "report.json")
    assert (done.returncode, done.stdout, made(tmp_path)) == (2, "", [".dlt", f".dlt/{file}"])
    assert done.stderr.startswith(f"run.py: {message}") and done.stderr.count("\n") == 1, done.stderr


def test_a_forked_call_is_like_one_of_an_interpreter_of_its_own(source: Sandbox, tmp_path: Path) -> None:
    """And knows nothing of the one before: what tests are told by `run_py` is what a process tells."""
    told, folders = [], (tmp_path / "forked", tmp_path / "started")
    for call, folder in zip((run, start), folders):
        (folder / ".dlt").mkdir(parents=True)
        refused = call(folder, "--region", "smoky", "--report", "report.json")
        (folder / ".dlt" / "config.toml").write_bytes((ROOT / ".dlt" / "config.toml").read_bytes())
        checked = call(folder, "--region", "smoky", "--check", **environment(source, folder / "home"))
        told.append([(done.returncode, done.stdout, done.stderr) for done in (refused, checked)])
    forked, started = told
    assert forked == started and [code for code, *_ in forked] == [2, 0]
    assert made(folders[0]) == made(folders[1])


def test_wrong_credentials_end_3_without_a_row_a_traceback_or_the_secret(
    source: Sandbox, tmp_path: Path
) -> None:
    environ = environment(source, tmp_path / "home") | {
        "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET": SECRET
    }
    done = run(tmp_path, "--region", "smoky", "--report", "report.json", **environ)
    report = json.loads((tmp_path / "report.json").read_text())
    said = done.stdout + done.stderr + json.dumps(report)
    assert (done.returncode, report["status"]) == (3, "failed")
    assert report["regions"][0]["error"] == (
        "Token request for region 'smoky' answered 200 with an empty body: credentials refused. "
        "Check client_id and client_secret of the region."
    )
    assert report["regions"][0]["requests"]["total"] == 0
    assert "Traceback" not in said and SECRET not in said
    with duckdb.connect(str(tmp_path / "breezeway_local.duckdb"), read_only=True) as database:
        found = database.execute("select table_name from information_schema.tables").fetchall()
    assert found == [("sync_runs",)]  # the history of runs, this one too


def test_a_good_run_tells_its_result_on_stdout_and_the_rest_on_stderr(
    source: Sandbox, tmp_path: Path
) -> None:
    done = start(
        tmp_path,
        *("--region", "smoky", "--log-format", "json", "--report", "report.json"),
        **environment(source, tmp_path / "home", SOURCES__BREEZEWAY__MARTS="false"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].rstrip() == "Breezeway load: ok"
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines and all(set(line) == {"at", "level", "message"} for line in lines)
    report = json.loads((tmp_path / "report.json").read_text())
    (region,) = report.pop("regions")
    assert (report.pop("status"), sorted(report)) == ("ok", ["seconds", "started_at"])
    assert {name: region[name] for name in ("region", "status", "exit_code", "destination", "dataset")} == {
        "region": "smoky",
        "status": "ok",
        "exit_code": 0,
        "destination": "duckdb",
        "dataset": "breezeway",
    }
    assert sorted(region["seconds"]) == ["extract", "load", "normalize", "sql"]
    assert sorted(region["requests"]) == ["by_endpoint", "paced_seconds", "refused", "retries", "total"]
    assert region["requests"]["total"] == source.data_requests
    assert region["requests"]["by_endpoint"]["/task"] == source.count("GET /task")
    assert list(region["rows"]) == ["properties", "reservations", "tasks"]
    assert region["rows"]["tasks"] == len(source.world.tasks)
    assert sorted(region["linkage"]) == [
        *("linked", "linked_pct", "resolution_pct", "resolved", "tasks", "unresolved"),
    ]
    assert {"name": "tasks_have_a_property", "severity": "warn", "rows": 0} in region["checks"]
    assert (region["schema_changes"], region["failures"], region["error"]) == ([], [], None)


# Answers calls of programs one by one: exit code, lines of stderr, and what slow packages are imported by then.
ASKED = """
import contextlib, importlib, io, json, sys
for module, *options in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try: code = importlib.import_module(module).main(options)
        except SystemExit as end: code = end.code
    slow = {name.split(".")[0] for name in sys.modules} & {"dlt", "duckdb", "pyarrow", "requests", "sqlglot"}
    print(json.dumps([code, said.getvalue().splitlines(), sorted(slow)]))
"""


def answers(*calls: Sequence[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> list[Any]:
    """What programs answer in a process of their own."""
    command = [sys.executable, "-c", ASKED, json.dumps(calls)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


RUN, PAGE, COMPAT = "pipelines.run", "pipelines.page.__main__", "pipelines.compat.__main__"
SMOKY = ("--region", "smoky")


CALLS = [
    (RUN, "--help"),
    (RUN, "--regoin", "smoky"),
    (RUN,),
    (RUN, "--region", "smokey"),
    (RUN, *SMOKY, "--region", "smok"),
    (RUN, *SMOKY, "--entities", "taks"),
    (RUN, *SMOKY, "--destination", "postgress"),
    (RUN, *SMOKY, "--dry-run", "--destination", "postgress"),
    (RUN, *SMOKY, "--destination", "filesystem"),
    (RUN, *SMOKY, "--since", "yesterday"),
    (RUN, *SMOKY, "--property", "x1"),
    (RUN, *SMOKY, "--sample", "many"),
    (RUN, *SMOKY, "--log-format", "xml"),
    (RUN, *SMOKY, "--check", "--dry-run"),
    (RUN, *SMOKY, "--report", "/nowhere/report.json"),
    (RUN, *SMOKY, "--page", "/nowhere/page.html"),
    (PAGE, "--help"),
    (PAGE,),
    (PAGE, "page.html", "--destinaton", "postgres"),
    (PAGE, "page.html", "--destination", "postgress"),
    (PAGE, "/nowhere/page.html"),
    (COMPAT, "--help"),
    (COMPAT, "--destinaton", "postgres"),
    (COMPAT, "--destination", "postgress"),
]


def test_help_and_what_is_mistyped_are_answered_without_importing_dlt() -> None:
    """Importing it takes longer than all the rest; a third of that time is the bound, and none of it is spent."""
    found = answers(*CALLS)
    for call, (code, lines, slow) in zip(CALLS, found, strict=True):
        told = (0, 0, []) if "--help" in call else (2, 1, [])
        assert (code, len(lines), slow) == told, (call, lines)


@pytest.mark.parametrize(
    ("place", "text", "env", "told", "waits"),
    [
        ("secrets.toml", "[sources.breezeway.regions.north]\nclient_id = 'x'", {}, "south, east, north.", False),
        ("config.toml", "", {}, "south, east.", False),
            ("config.toml", "", {"SOURCES__BREEZEWAY__REGIONS__WEST__CLIENT_ID": "x"}, "south, east, west.", False),
        ("config.toml", "[providers]\nenable_google_secrets = false", {}, "south, east.", True),
        ("config.toml", "", {"PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false"}, "south, east.", True),
        ("secrets.toml", "no TOML", {}, "The configuration cannot be read", True),
        ("config.toml", "[sources.breezeway.regions]\nx = 1", {}, "is not a table", True),
    ],
)  # fmt: skip
def test_a_mistyped_region_has_the_same_answer_with_and_without_dlt(
    place: str, text: str, env: dict[str, str], told: str, waits: bool, tmp_path: Path
) -> None:
    (tmp_path / ".dlt").mkdir()
    regions = "".join(f"[sources.breezeway.regions.{code}]\nname = 'R'\n" for code in ("south", "east"))
    (tmp_path / ".dlt" / "config.toml").write_text(regions)
    with (tmp_path / ".dlt" / place).open("a") as file:
        file.write(text)
    with_dlt = run(tmp_path, "--region", "noth", **env)
    assert with_dlt.returncode == 2 and told in with_dlt.stderr
    if waits:
        certain = "from pipelines.load.mistyped import refuse_mistyped; refuse_mistyped(['noth'])"
        subprocess.run(
            [sys.executable, "-c", certain],
            cwd=tmp_path,
            env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
            check=True,
        )
    else:
        ((code, lines, slow),) = answers((RUN, "--region", "noth"), cwd=tmp_path, env=env)
        assert (code, lines, slow) == (2, with_dlt.stderr.splitlines(), [])


def test_a_region_of_the_environment_alone_is_not_mistyped(tmp_path: Path) -> None:
    pair = {"CLIENT_ID": "x", "CLIENT_SECRET": "y"}
    env = {f"SOURCES__BREEZEWAY__REGIONS__WEST__{key}": value for key, value in pair.items()}
    ((code, lines, _),) = answers(
        (RUN, *"--region west --destination postgres".split()), cwd=tmp_path, env=env
    )
    assert (code, len(lines)) == (2, 1) and "PostgreSQL has no usable credentials" in lines[0], lines
