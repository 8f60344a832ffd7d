"""The workflows: what the scheduled job's own shell steps do against the sandbox, and what GitHub must be told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pendulum
import pytest
import yaml
from databases import fresh_postgres
from dlt.common.configuration.providers.toml import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from small_worlds import small_world

from breezeway_source.entities.endpoints import GROUPS
from breezeway_source.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"
LOAD = yaml.safe_load((WORKFLOWS / "load.yml").read_text("utf-8"))
TRIGGERS = LOAD[True]  # YAML 1.1 reads the key `on` as a truth
JOB = LOAD["jobs"]["load"]
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}", re.DOTALL)
HOURLY, SUNDAYS, DAILY, WEEKLY = (entry["cron"] for entry in TRIGGERS["schedule"])


def step(name: str) -> dict[str, Any]:
    return next(step for step in JOB["steps"] if step.get("name") == name)


def regions() -> list[str]:
    config = tomlkit.parse((ROOT / ".dlt" / "config.toml").read_text("utf-8")).unwrap()
    return list(config["sources"]["breezeway"]["regions"])


# --- what GitHub is told -----------------------------------------------------------------------------------


def test_the_matrix_and_the_manual_choice_are_the_configured_regions() -> None:
    listed = json.loads(re.search(r"\[\"nashville.*?\]", JOB["strategy"]["matrix"]["region"]).group())  # type: ignore[union-attr]
    assert listed == regions() and len(listed) == 8
    assert TRIGGERS["workflow_dispatch"]["inputs"]["region"]["options"] == ["all", *regions()]
    assert list(TRIGGERS["workflow_dispatch"]["inputs"]) == ["region", "entities", "since", "full"]


def test_one_job_loads_all_regions_and_runs_never_overlap() -> None:
    matrix = JOB["strategy"]["matrix"]["region"]
    assert matrix.rstrip().endswith("""|| '["all"]') }}""") and "vars.BREEZEWAY_MATRIX == 'true'" in matrix
    assert JOB["strategy"]["fail-fast"] is False
    assert JOB["concurrency"] == {
        "group": "breezeway-load${{ vars.BREEZEWAY_MATRIX == 'true' && format('-{0}', matrix.region) || '' }}",
        "cancel-in-progress": False,
    }


def hours(cron: str) -> set[int]:
    spans = [part.partition("-") for part in cron.split()[1].split(",")]
    return {hour for first, _, last in spans for hour in range(int(first), int(last or first) + 1)}


def test_no_daily_or_weekly_run_is_displaced_by_an_hourly_one() -> None:
    """GitHub keeps one waiting run. What waits for an hourly run starts before the next hourly one comes."""
    assert {cron.split()[0] for cron in (HOURLY, SUNDAYS, DAILY, WEEKLY)} == {"7"}
    assert (HOURLY.split()[4], SUNDAYS.split()[4], DAILY.split()[4], WEEKLY.split()[4]) == (
        "1-6",
        "0",
        "*",
        "0",
    )
    limit = re.search(
        r"startsWith\(github.event.schedule, '(.*?)'\) && (\d+) \|\| (\d+)", JOB["timeout-minutes"]
    )
    assert limit is not None and HOURLY.startswith(limit[1]) and SUNDAYS.startswith(limit[1])
    assert int(limit[2]) < 60, "an hourly run ends before the next one is due"
    for cron in (HOURLY, SUNDAYS):
        assert not hours(cron) & {9, 10}
    assert not hours(SUNDAYS) & {17, 18}
    daily_ends = 9 + (int(limit[3]) + 60) / 60
    assert daily_ends < 17, "the weekly run does not wait for a daily one"
    everything = hours(HOURLY) | hours(DAILY)
    assert everything == set(range(24)) - {10}


def test_report_and_log_are_kept_for_thirty_days_whatever_happened_and_the_token_is_not() -> None:
    kept = step("Keep report and log")
    assert kept["if"] == "always()" and kept["with"]["retention-days"] == 30
    env = step("Load")["env"]
    assert kept["with"]["path"] == "artefacts/"
    assert env["SOURCES__BREEZEWAY__LOG_FOLDER"].startswith("artefacts/")
    for place in ("XDG_CACHE_HOME", "DLT_DATA_DIR"):
        assert env[place].startswith("${{ runner.temp }}/")
    (cache,) = [step for step in JOB["steps"] if "cache@" in step.get("uses", "")]
    assert cache["with"]["path"] == ".venv", "a cache is readable by every branch"


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("*.yml")), ids=lambda file: file.name)
def test_workflows_may_read_only_end_in_time_and_put_no_input_into_a_script(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        limit = max(int(n) for n in re.findall(r"\b\d\d+\b", str(job["timeout-minutes"])))
        assert limit <= 330 and "permissions" not in job
        for each in job["steps"]:
            assert "${{" not in each.get("run", "")
            if each.get("uses", "").startswith("actions/checkout"):
                assert each["with"]["persist-credentials"] is False


def test_every_region_has_its_secrets_by_name() -> None:
    env = step("Load")["env"]
    for region in regions():
        for key in ("CLIENT_ID", "CLIENT_SECRET"):
            name = region.upper()
            assert (
                env[f"SOURCES__BREEZEWAY__REGIONS__{name}__{key}"]
                == f"${{{{ secrets.BREEZEWAY_{name}_{key} }}}}"
            )
    assert "toJSON(secrets)" not in (WORKFLOWS / "load.yml").read_text("utf-8")


def test_the_schedule_runs_what_was_tested() -> None:
    """Every requirement is pinned, to a version it allows; nothing is installed that is not pinned."""
    pinned = {}
    for line in (WORKFLOWS / "constraints.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, _, version = line.partition("==")
            pinned[canonicalize_name(name)] = version
    asked = [
        Requirement(line)
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if line[0] != "#"
    ]
    for requirement in asked:
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
    assert "-c .github/workflows/constraints.txt" in step("Install")["run"]
    (update, _) = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))["updates"]
    assert (update["directory"], update["schedule"]) == ("/.github/workflows", {"interval": "monthly"})


def test_ci_calls_the_one_command_and_tests_the_oldest_postgres() -> None:
    ci = yaml.safe_load((WORKFLOWS / "ci.yml").read_text("utf-8"))["jobs"]
    assert ".ci/run" in [each.get("run") for each in ci["run"]["steps"]]
    assert ci["postgres-13"]["services"]["postgres"]["image"] == "postgres:13"
    assert "TEST_POSTGRES_URL" in ci["postgres-13"]["steps"][-1]["env"]


def of_ci_run(function: str, *words: str, path: str = os.environ["PATH"]) -> str:
    """What a function of .ci/run says."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (body,) = re.findall(rf"^{function}\(\) \{{\n.*?^\}}\n", script, re.DOTALL | re.MULTILINE)
    command = ["bash", "-euo", "pipefail", "-c", f'{body}{function} "$@"', function, *words]
    return subprocess.run(command, env={"PATH": path}, text=True, capture_output=True, check=True).stdout


def test_ci_tells_in_its_closing_lines_what_was_not_tried_for_want_of_what(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(
        "..s.\n= short test summary info =\n"
        "SKIPPED [1] tests/test_page_browser.py:70: no Chromium here: the page was not looked at in a browser\n"
        "SKIPPED [2] tests/test_page_browser.py:75: no Chromium here: the page was not looked at in a browser\n"
        "SKIPPED [11] tests/test_clickhouse.py:15: .ci/engines brings chdb\n"
        "3 passed, 14 skipped in 1.00s\n"
    )
    assert of_ci_run("skipped", str(said)).splitlines() == [
        "   11  .ci/engines brings chdb",
        "    3  no Chromium here: the page was not looked at in a browser",
    ]
    said.write_text("....\n")
    assert of_ci_run("skipped", str(said)) == ""
    closing = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-2:]
    assert closing[0] == 'not_run=$(skipped "$work/tests")' and "${not_run:-" in closing[1]


def test_pytest_tells_why_it_skips_whoever_calls_it(pytestconfig: pytest.Config) -> None:
    assert set("fEs") <= set(pytestconfig.getoption("reportchars"))


def test_ci_asks_for_what_its_machine_lacks(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "bash").symlink_to(bash)
    assert of_ci_run("lacking", path=str(tmp_path)).split()[:2] == ["chromium", "pgbouncer"]
    for name in ("google-chrome", "pgbouncer"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    assert of_ci_run("lacking", path=str(tmp_path)).split() in ([], ["libfaketime"])


def test_the_workflows_follow_githubs_schema() -> None:
    command = shutil.which("check-jsonschema", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if command is None:
        pytest.skip("check-jsonschema comes with the development extras; .ci/run checks this too")
    files = [str(file) for file in sorted(WORKFLOWS.glob("*.yml"))]
    done = subprocess.run(
        [command, "--builtin-schema", "vendor.github-workflows", *files], capture_output=True
    )
    assert done.returncode == 0, done.stdout


# --- the job's own shell -----------------------------------------------------------------------------------


class Runner:
    """A stand-in for a GitHub runner: a checkout, and the Load step with its expressions replaced."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.checkout = folder / "checkout"
        self.temp = folder / "temp"
        self.temp.mkdir(parents=True)
        for name in ("breezeway_source", "pipelines", "sql_post"):
            shutil.copytree(ROOT / name, self.checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.checkout / ".dlt").mkdir()
        shutil.copy(ROOT / ".dlt" / "config.toml", self.checkout / ".dlt")
        self.sandbox = sandbox
        self.bin = self.checkout / ".venv" / "bin"  # the environment that the Install step makes
        self.bin.mkdir(parents=True)
        (self.bin / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (self.bin / "python").chmod(0o755)

    def load(
        self, region: str = "smoky", schedule: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the Load step. `more`: inputs as `inputs_since`, environment variables by their name."""
        values = {
            f"secrets.BREEZEWAY_{name.upper()}_CLIENT_{part}": self.sandbox.credentials.get(name, ("", ""))[
                place
            ]
            for name in regions()
            for place, part in enumerate(("ID", "SECRET"))
        }
        values |= {
            "matrix.region": region,
            "github.event.schedule": schedule,
            "inputs.entities": more.pop("inputs_entities", ""),
            "inputs.since": more.pop("inputs_since", ""),
            "inputs.full": more.pop("inputs_full", ""),
            "runner.temp": str(self.temp),
            "secrets.DESTINATION__POSTGRES__CREDENTIALS": more.pop("postgres", ""),
            "secrets.RUNTIME__SLACK_INCOMING_HOOK": "",
            "secrets.BREEZEWAY_PERSONAL_DATA_KEY": "",
        }
        load = step("Load")
        env = {
            key: EXPRESSION.sub(lambda found: values[found[1]], str(text))
            for key, text in load["env"].items()
        }
        script = self.temp / "load.sh"
        script.write_text(load["run"], "utf-8")
        assert load["shell"] == "bash"
        # As GitHub runs a step with `shell: bash`.
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.checkout,
            text=True,
            capture_output=True,
            timeout=120,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.temp),
                **env,
                "SOURCES__BREEZEWAY__BASE_URL": self.sandbox.base_url,
                "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "60000",
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
                "GITHUB_SHA": "0123456789abcdef",
                **more,
            },
        )

    @property
    def report(self) -> dict[str, Any]:
        (region,) = json.loads((self.checkout / "artefacts" / "report.json").read_text("utf-8"))["regions"]
        assert isinstance(region, dict)
        return region


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    now = pendulum.instance(datetime.now(timezone.utc))
    world = small_world(now=now, properties=2, tasks=2, stays_days=20)
    with Sandbox.multi({"smoky": world}, token_limit=False) as sandbox:
        yield Runner(tmp_path, sandbox)


@pytest.mark.parametrize(
    ("schedule", "group"), [(DAILY, "daily"), (WEEKLY, "weekly")], ids=["daily", "weekly"]
)
def test_each_schedule_loads_its_entities(runner: Runner, schedule: str, group: str) -> None:
    """The hourly one: with all regions, below."""
    done = runner.load(schedule=schedule, DESTINATION="duckdb")
    assert done.returncode == 0, done.stderr
    assert set(runner.report["rows"]) == {*GROUPS[group].entities, *GROUPS["hourly"].entities}
    assert runner.report["status"] == "ok"
    kept = sorted(
        str(path.relative_to(runner.checkout / "artefacts"))
        for path in runner.checkout.rglob("artefacts/**/*")
    )
    assert (
        kept[0] == "logs"
        and re.fullmatch(r"logs/\d{4}-\d{2}-\d{2}T\d{6}_\d+\.log", kept[1])
        and kept[2:] == (["page.html"] if group == "daily" else []) + ["report.json"]
    )
    assert all(
        json.loads(line)["message"]
        for line in (runner.checkout / "artefacts" / kept[1]).read_text().splitlines()
    )
    assert (runner.temp / "summary.md").read_text("utf-8").startswith("## Breezeway load: ok")


def test_one_job_loads_every_region_and_those_refused_fail_it_and_leave_report_log_and_summary(
    tmp_path: Path,
) -> None:
    """All eight are asked for, each with its own key pair; all but the first and last are refused."""
    now = pendulum.instance(datetime.now(timezone.utc))
    worlds = {
        region: small_world(
            region=region, now=now, properties=1, tasks=number, stays_days=20, first_property_id=100 * number
        )
        for number, region in enumerate(regions(), 1)
    }
    first, *between, last = regions()
    with Sandbox.multi(worlds, token_limit=False) as sandbox:
        runner = Runner(tmp_path, sandbox)
        for region in between:
            sandbox.credentials[region] = (sandbox.credentials[region][0], "none")
        done = runner.load(
            region="all", schedule=SUNDAYS, DESTINATION="duckdb", SOURCES__BREEZEWAY__MARTS="false"
        )
    assert done.returncode == 3
    report = json.loads((runner.checkout / "artefacts" / "report.json").read_text("utf-8"))
    assert [region["region"] for region in report["regions"]] == regions()
    summary = (runner.temp / "summary.md").read_text("utf-8")
    (log,) = (runner.checkout / "artefacts" / "logs").iterdir()
    for number, region in enumerate(report["regions"], 1):
        if region["region"] in (first, last):
            assert (region["status"], set(region["rows"])) == ("ok", set(GROUPS["hourly"].entities))
            assert region["rows"]["tasks"] == number
            continue
        told = f"Token request for region '{region['region']}' answered 200 with an empty body"
        assert region["error"].startswith(told) and told in log.read_text("utf-8")
        escaped = told.replace("_", r"\_")
        assert f"**new** {region['region']}: failed: {escaped}" in summary


def test_by_hand_into_postgres_with_a_first_day(runner: Runner) -> None:
    with fresh_postgres() as url:
        done = runner.load(
            inputs_entities="tasks people",
            inputs_since="2026-01-01",
            inputs_full="false",
            postgres=url,
            SOURCES__BREEZEWAY__MARTS="false",
        )
        assert done.returncode == 0, done.stderr
        assert runner.report["destination"] == "postgres"
        assert set(runner.report["rows"]) == {"tasks", "people"}
        windows = {
            request.query.get("updated_at", "")[:10]
            for request in runner.sandbox.logged()
            if request.endpoint == "/task"
        }
        assert windows == {"2026-01-01"}


@pytest.mark.parametrize(
    ("entities", "since", "told"),
    [
        ("tasks; touch pwned", "", "Unknown entity 'tasks;'"),
        ("$(touch pwned)", "", "Unknown entity '$(touch'"),
        ("tasks --destination filesystem", "", "Names and a day, no options"),
        ("tasks", "2026-01-01 --region all", "Names and a day, no options"),
        ("tasks", "'; touch pwned; '", "is no day"),
        ("*", "", "Unknown entity '*'"),
    ],
)
def test_inputs_are_never_run_nor_taken_for_options(
    runner: Runner, entities: str, since: str, told: str
) -> None:
    done = runner.load(inputs_entities=entities, inputs_since=since, DESTINATION="duckdb")
    assert done.returncode == 2
    assert told in done.stderr
    assert not list(runner.checkout.rglob("pwned")) and runner.sandbox.requests == []


def test_a_missing_secret_is_told_by_the_key_that_lacks(runner: Runner) -> None:
    runner.sandbox.credentials["mammoth"] = ("", "")
    done = runner.load(region="mammoth", schedule=HOURLY, DESTINATION="duckdb")
    assert done.returncode == 2
    assert "SOURCES__BREEZEWAY__REGIONS__MAMMOTH__CLIENT_ID" in done.stderr
    assert "not started" in (runner.temp / "summary.md").read_text("utf-8")


def test_the_install_step_names_the_files_that_exist() -> None:
    install = step("Install")["run"]
    for named in re.findall(r"-[rc] (\S+)", install):
        assert (ROOT / named).is_file()
