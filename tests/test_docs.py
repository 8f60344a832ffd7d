"""The README says what the code does: names, options, messages and commands are compared with it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pendulum
import pytest
import tomlkit

from breezeway_source.columns import TABLES, Table
from breezeway_source.entities.endpoints import ENDPOINTS, GROUPS
from breezeway_source.settings import PERSONAL_DATA_MODES, SECTION, TASK_DETAIL_MODES, Region, Settings
from pipelines import reference
from pipelines.database.post_sql import views
from pipelines.run import make_plan, parser
from pipelines.watch import history
from pipelines.watch.checks import checks
from pipelines.watch.report import WORST_FIRST, RegionReport

ROOT = Path(__file__).resolve().parent.parent
PLACES = (
    "README.md",
    "sql_post/README.md",
    "pipelines/README.md",
    "breezeway_source/README.md",
    "tests/benchmarks/README.md",
)
TEXTS = {place: (ROOT / place).read_text("utf-8") for place in PLACES}
README = TEXTS["README.md"]
CONFIG = tomlkit.parse((ROOT / ".dlt/config.toml").read_text("utf-8")).unwrap()["sources"]["breezeway"]

# The documented endpoints that only read: breezeway-api.md, section 2.
DOCUMENTED_PATHS = """
/property /property/{id} /property/external-id /property/external-id/{id}/contacts /property/{id}/contacts
/property/tags /property/{id}/tags
/reservation /reservation/{id} /reservation/external-id /reservation/{id}/tasks /reservation/tags
/reservation/{id}/tags
/task /task/{id} /task/{id}/comments /task/{id}/requirements /task/tags /task/{id}/tags
/people /people/{id} /companies /companies/subdepartments /companies/templates /supplies
""".split()

MADE_LATER = (".dlt/secrets.toml", "breezeway_local.duckdb", "breezeway_sandbox.duckdb", "breezeway.duckdb")
RAISES_OR_TELLS = (
    "ConfigError",
    "ApiError",
    "AuthError",
    "CheckFailed",
    "UnfitDatabase",
    "TableBusy",
    "RefusedPackage",
    "fail",
    "warn",
    "_refused",
    "_error",
)


def section(heading: str) -> str:
    """The text below a heading of any README, up to the next one of its level or above; a heading stands once."""
    pattern = rf"^(#+) {re.escape(heading)}\n(.*)"
    ((level, text),) = (
        found for t in TEXTS.values() for found in re.findall(pattern, t, re.MULTILINE | re.DOTALL)
    )
    return re.split(rf"^#{{1,{len(level)}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """What stands in the first column of the tables of a text, in backticks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])]


def all_tables() -> Iterator[Table]:
    for table in TABLES.values():
        yield table
        yield from table.children


def commands() -> list[str]:
    """Every call of run.py in the README, without what stands before the program and after the call."""
    is_code = False
    lines = []
    for line in "\n".join(TEXTS.values()).splitlines():
        if line.strip().startswith("```"):
            is_code = not is_code
        elif is_code:
            lines += line.split(" && ")
        else:
            lines += re.findall(r"`(run\.py [^`]+)`", line)
    return sorted({line.partition("run.py")[2].strip() for line in lines if "run.py" in line})


# --- generated parts -----------------------------------------------------------------------------------


def test_the_generated_parts_are_fresh() -> None:
    for place in reference.PARTS:
        assert reference.renewed(TEXTS[place], place) == TEXTS[place], "run python -m pipelines.reference"


def test_a_stale_readme_is_told_and_left_alone_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in reference.PARTS:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(TEXTS[place], "utf-8")
    stale = tmp_path / "sql_post/README.md"
    stale.write_text(TEXTS["sql_post/README.md"].replace("| `properties` |", "| `houses` |"), "utf-8")
    assert reference.main(["--check"], tmp_path) == 1
    assert "sql_post/README.md is stale" in capsys.readouterr().err
    assert "`houses`" in stale.read_text("utf-8")
    assert reference.main([], tmp_path) == 0
    assert stale.read_text("utf-8") == TEXTS["sql_post/README.md"]
    assert reference.main(["--check"], tmp_path) == 0


def test_a_missing_marker_is_an_error() -> None:
    text = TEXTS["sql_post/README.md"].replace("<!-- generated: tables -->", "")
    with pytest.raises(ValueError, match="generated: tables"):
        reference.renewed(text, "sql_post/README.md")


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 450


# --- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_entity_has_its_line(name: str) -> None:
    assert re.search(
        rf"^\| `{name}` \| .+ \| `/.+\| `{ENDPOINTS[name].group}` \|$", section("Tables"), re.MULTILINE
    )


def test_every_group_has_its_line() -> None:
    assert set(GROUPS) <= set(first_cells(section("Command line")))


@pytest.mark.parametrize("table", list(all_tables()), ids=lambda table: table.name)
def test_every_table_has_its_columns_each_with_a_description(table: Table) -> None:
    reference_text = TEXTS["sql_post/README.md"]
    assert f"<code>{table.name}</code>" in reference_text
    for column in table.columns:
        assert len(column.about) >= 10, column
        assert f"| `{column.name}` | {column.kind} | {column.about.replace('<', '&lt;')}" in reference_text, (
            column
        )


def test_every_view_has_its_line() -> None:
    assert {view.name for view in views()} <= set(first_cells(section("Views")))


def test_every_check_has_its_line() -> None:
    names = {*(check.name for check in checks()), *history.CHECKS}
    assert names <= set(first_cells(section("Checks")))


def test_every_script_after_the_load_has_its_line() -> None:
    assert {path.name for path in (ROOT / "sql_post").glob("*.sql")} <= set(first_cells(section("Links")))


def test_every_link_status_is_explained() -> None:
    sql = (ROOT / "sql_post/views/task_links.sql").read_text("utf-8")
    statuses = set(re.findall(r"(?:then|else) '(\w+)'", sql))
    assert len(statuses) == 5
    assert statuses <= set(first_cells(section("Links")))


def test_every_option_has_its_line() -> None:
    options = {action.option_strings[-1] for action in parser()._actions}
    assert options == {
        cell.split()[0] for cell in first_cells(section("Command line")) if cell.startswith("--")
    }


def test_every_exit_code_has_its_line() -> None:
    assert first_cells(section("Exit codes")) == [str(code) for code in sorted(WORST_FIRST)]
    assert "in the order 3, 2, 1, 4" in section("Exit codes")


def test_every_field_of_the_report_is_named() -> None:
    report = RegionReport("smoky", "duckdb", pendulum.now("UTC"))
    names = set(re.findall(r"\w+", " ".join(first_cells(section("Run report")))))
    assert set(report.as_dict()) - {"region"} <= names
    for name in report.requests:
        assert f"`{name}`" in section("Run report"), name


def spelled(value: Any) -> str:
    """A setting as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- configuration -------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_key_has_its_line_and_default(field: Any) -> None:
    default = f"`{spelled(field.default)}`" if field.default is not None else "none"
    assert f"| `{field.name}` | {default} |" in section("Configuration")


def test_the_committed_configuration_holds_known_keys_with_their_defaults() -> None:
    for name, value in CONFIG.items():
        if name != "regions":
            default = getattr(Settings, name)
            assert spelled(value) == spelled(default), name


def test_every_key_of_a_region_has_its_line() -> None:
    assert {field.name for field in fields(Region)} - {"code"} <= set(first_cells(section("Configuration")))


def test_every_configured_region_has_its_line() -> None:
    for code, region in CONFIG["regions"].items():
        assert f"| `{code}` | {region['name']} |" in section("Regions")


def test_every_mode_is_explained() -> None:
    assert set(PERSONAL_DATA_MODES) <= set(first_cells(section("Personal data")))
    for mode in TASK_DETAIL_MODES:
        assert f"`{mode}`:" in section("Configuration")


def test_the_example_secrets_hold_known_keys_and_no_secret() -> None:
    example = (ROOT / ".dlt/example.secrets.toml").read_text("utf-8")
    secrets = tomlkit.parse(example).unwrap()["sources"]["breezeway"]
    for region in secrets["regions"].values():
        assert set(region) <= {field.name for field in fields(Region)}
        assert not any(region.values())


# --- the API -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTED_PATHS)
def test_every_documented_endpoint_is_read_or_left_out_with_a_reason(path: str) -> None:
    is_read = any(path in endpoint.paths for endpoint in ENDPOINTS.values())
    is_left_out = (
        re.search(rf"^\| `{re.escape(path)}` \| .+ \|$", section("What is left out"), re.MULTILINE)
        is not None
    )
    assert is_read != is_left_out


def test_nothing_else_is_read() -> None:
    assert {path for endpoint in ENDPOINTS.values() for path in endpoint.paths} <= set(DOCUMENTED_PATHS)


# --- messages ------------------------------------------------------------------------------------------


def messages() -> Iterator[tuple[str, str]]:
    """Where an error or warning is made, and the longest fixed piece of its text."""
    files = [*(ROOT / "breezeway_source").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]
    for path in files:
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name == "unknown_name":
                kind = fixed_pieces(node.args[0])[0].strip()
                yield f"{path.name}:{node.lineno}", f"Unknown {kind}"
            elif name in RAISES_OR_TELLS:
                pieces = [piece.strip(" '\".,:;()[]`") for arg in node.args for piece in fixed_pieces(arg)]
                longest = max(pieces, key=len, default="")
                if len(longest) >= 8 and longest.upper() != longest:
                    yield f"{path.name}:{node.lineno}", longest


def fixed_pieces(node: ast.expr) -> list[str]:
    """The parts of a text, or of one with placeholders, that are always the same."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if not isinstance(node, ast.JoinedStr):
        return []
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            assert isinstance(part, ast.FormattedValue)
            text += SECTION if ast.unparse(part.value) == "SECTION" else "\0"
    return text.split("\0")


@pytest.mark.parametrize(("place", "text"), [pytest.param(p, t, id=p) for p, t in messages()])
def test_every_message_is_listed(place: str, text: str) -> None:
    """Its first words are enough; names and values are … there."""
    beginning = text[:25].rstrip()
    assert beginning in section("Messages"), f"{place}: describe {text!r} in pipelines/README.md"


# --- commands, files, links ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_is_one_the_program_takes(command: str) -> None:
    args = parser().parse_args(shlex.split(command))
    make_plan(args)
    assert args.region
    assert set(args.region) <= {*CONFIG["regions"], "all"}


def test_there_are_commands_for_every_cadence() -> None:
    scheduled = [command for command in commands() if "--destination postgres" in command]
    assert any("--entities daily --reconcile" in command for command in scheduled)
    assert any("--entities weekly" in command for command in scheduled)


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    names = re.findall(r"readme_command (\w+)", script)
    assert names == ["load", "test"]
    for name in names:
        found = re.findall(rf"^<!-- command: {name} -->\n```\n(.+)\n```$", README, re.MULTILINE)
        assert len(found) == 1
        assert found[0].count(" && ") == 2, "make a venv && install && do it"


@pytest.mark.parametrize("place", PLACES)
def test_every_file_named_in_a_readme_exists(place: str) -> None:
    named = re.findall(r"`([.\w/-]+(?:/|\.(?:py|sql|toml|txt|md|yml)))`", TEXTS[place])
    for name in named:
        if name.startswith("/") or name in MADE_LATER or name == "breezeway/":
            continue
        places = [ROOT / name, ROOT / "pipelines" / name, ROOT / "sql_post" / name]
        assert any(found.exists() for found in places), name


@pytest.mark.parametrize("place", PLACES)
def test_every_link_leads_to_a_heading_or_file(place: str) -> None:
    links = re.findall(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)", TEXTS[place])
    assert links
    for path, anchor in links:
        if path.startswith("https:"):
            continue
        file = (ROOT / place).parent / path if path else ROOT / place
        assert file.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}, anchor


def test_the_license_is_mit_and_named() -> None:
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License")
    assert "MIT, see `LICENSE`" in README
