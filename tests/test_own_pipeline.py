"""The source for others: what the README says of a pipeline of one's own, and the wheel with the source alone."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import NOW
from databases import Database
from dlt.common.runtime.run_context import RunContext, switched_run_context
from packaging.requirements import Requirement
from quick_loading import QuickLoader
from small_worlds import small_world

from breezeway_source.sandbox import Sandbox, World
from pipelines.database.destinations import pipelines_root

ROOT = Path(__file__).resolve().parent.parent
LONGEST_SECTION = 35
# Runs where neither the checkout nor its pipelines can be imported.
ELSEWHERE = """
import importlib.util, pathlib, sys
import pendulum
import breezeway_source
from breezeway_source import breezeway_source as source_of
from breezeway_source.sandbox import Sandbox, World

assert pathlib.Path(breezeway_source.__file__).is_relative_to(sys.argv[1]), breezeway_source.__file__
for name in ("pipelines", "pytest", "duckdb"):
    if importlib.util.find_spec(name) is not None:
        sys.exit(f"{name} came along")
world = World.seeded("smoky", now=pendulum.now("UTC"), properties=2, tasks_per_property=2)
with Sandbox(world, token_limit=False) as sandbox:
    client_id, client_secret = sandbox.credentials["smoky"]
    keys = {"client_id": client_id, "client_secret": client_secret, "base_url": sandbox.base_url}
    people = list(source_of("smoky", **keys).people)
assert len(people) == len(world.people) > 0
"""


@pytest.fixture
def world() -> World:
    return small_world(properties=2, tasks=3, stays_days=20)


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of somebody's own: this repository's DuckDB file by its committed configuration, the sandbox as API."""
    client_id, client_secret = sandbox.credentials["smoky"]
    shutil.copytree(ROOT / ".dlt", tmp_path / ".dlt", ignore=shutil.ignore_patterns("secrets.toml"))
    monkeypatch.setenv("SOURCES__BREEZEWAY__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE", "60000")
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID", client_id)
    monkeypatch.setenv("SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET", client_secret)
    monkeypatch.chdir(tmp_path)
    with switched_run_context(RunContext(str(tmp_path))):
        yield tmp_path


def test_the_readmes_section_does_what_it_says(project: Path, sandbox: Sandbox) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (section,) = re.findall(r"^## In your own pipeline\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert len(section.splitlines()) <= LONGEST_SECTION
    file = Database("duckdb", str(project / "breezeway_local.duckdb"), project)
    with QuickLoader(sandbox, file, pipelines_root(), NOW) as loader:
        loader.load("--entities", "tasks")  # of run.py, which the notebook's cell looks into
    said: dict[str, Any] = {}
    with duckdb.connect(file.url):  # the file stays open: opening it for each statement costs more than that
        for block in re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            exec(block, said)
    world = sandbox.world
    assert len(said["people"]) == len(world.people) > 0
    assert {row[0] for row in said["tasks"]} == set(world.tasks)
    housekeeping = {i for i, t in world.tasks.items() if t.get("type_department") == "housekeeping"}
    read = said["pipeline"].last_trace.last_normalize_info.row_counts
    assert read.get("tasks", 0) <= len(housekeeping) < len(world.tasks)
    loaded = said["pipeline"].dataset().tasks.select("task_id").fetchall()
    assert {row[0] for row in loaded} == set(world.tasks)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a copy (building leaves folders behind), with the setuptools that is here."""
    pytest.importorskip("setuptools", minversion="77")
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("breezeway_source", "pipelines", "sql_post"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        made,
        copy,
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    (file,) = made.iterdir()
    return file


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of an environment that has nothing but the wheel."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    return site


def test_the_wheel_is_the_source_alone_and_typed(site: Path) -> None:
    assert {file.name for file in site.iterdir() if file.suffix != ".dist-info"} == {"breezeway_source"}
    assert (site / "breezeway_source" / "py.typed").exists()


def test_the_wheel_asks_for_what_it_imports(site: Path) -> None:
    required = {needed.name for needed in map(Requirement, asked(site)) if needed.marker is None}
    imported = {
        name.split(".")[0]
        for file in (ROOT / "breezeway_source").rglob("*.py")
        for node in at_run_time(ast.parse(file.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    # Names of time zones come from tzdata, which nobody imports by name.
    assert required == imported - sys.stdlib_module_names | {"tzdata"}


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that type checkers alone see."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from at_run_time(node)


def asked(site: Path) -> list[str]:
    (metadata,) = site.glob("*.dist-info")
    return Distribution.at(metadata).requires or []


def with_theirs(asked: Iterable[str], extras: Iterable[str] = ("",)) -> Iterator[Distribution]:
    """What is asked for, and what that asks for, as it is installed here; of the versions asked for."""
    for needed in map(Requirement, asked):
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            found = distribution(needed.name)
            assert needed.specifier.contains(found.version, prereleases=True), (str(needed), found.version)
            yield found
            yield from with_theirs(found.requires or (), needed.extras or ("",))


def test_the_wheel_is_used_in_an_environment_of_what_it_asks_for(site: Path, tmp_path: Path) -> None:
    """Neither this checkout is there nor what the tests have installed."""
    for needed in with_theirs(asked(site)):
        for name in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(str(needed.locate_file(name)))
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE, "utf-8")
    folder = site.parents[2]
    command = [folder / "bin" / "python", "-I", "elsewhere.py", str(folder)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
