"""The house as a newcomer reads it: imports flow one way, and no file is too long."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(
    file.relative_to(ROOT)
    for place in ("breezeway_source", "pipelines")
    for file in (ROOT / place).rglob("*.py")
)
# What each part may import, besides itself: the parts below it.
BELOW = {
    "breezeway_source": "",
    "pipelines.database": "breezeway_source",
    "pipelines.watch": "breezeway_source pipelines.database",
    "pipelines.load": "breezeway_source pipelines.database pipelines.watch",
    "pipelines.preflight": "breezeway_source pipelines.database pipelines.watch",
    "pipelines.page": "breezeway_source pipelines.database pipelines.watch pipelines.load",
    "pipelines.compat": "breezeway_source pipelines.database pipelines.watch pipelines.load",
    "pipelines.dagster_defs": "breezeway_source pipelines.database pipelines.watch pipelines.load",
    "pipelines.command": "breezeway_source pipelines.database pipelines.watch pipelines.load pipelines.preflight "
    "pipelines.page",
    "pipelines.run": "breezeway_source pipelines.database pipelines.watch pipelines.load pipelines.preflight "
    "pipelines.page pipelines.command",
    "pipelines.reference": "breezeway_source pipelines.database pipelines.watch pipelines.load pipelines.preflight "
    "pipelines.page pipelines.command pipelines.run",
}
LONGEST = 350


def part(module: str) -> str:
    names = module.split(".")
    return names[0] if names[0] == "breezeway_source" else ".".join(names[:2])


def imported(file: Path) -> Iterator[str]:
    """Full names of the project's modules (or of names in them) that a file imports, at any depth."""
    package = file.parts[:-1]
    for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) + 1 - node.level]] if node.level else []
            base += [node.module] if node.module else []
            found = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        yield from (name for name in found if name.split(".")[0] in ("breezeway_source", "pipelines"))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_flow_one_way(file: Path) -> None:
    if file == Path("pipelines/__init__.py"):
        assert list(imported(file)) == []
        return
    here = part(".".join(file.with_suffix("").parts))
    allowed = {here, *BELOW[here].split()}
    assert {name for name in imported(file) if part(name) not in allowed} == set()


def test_every_part_has_its_place_and_none_leads_back() -> None:
    parts = {part(".".join(file.with_suffix("").parts)) for file in FILES} - {"pipelines.__init__"}
    assert parts == BELOW.keys()
    placed: set[str] = set()
    for name, below in BELOW.items():  # written from the ground up
        assert set(below.split()) <= placed, name
        placed.add(name)


@pytest.mark.parametrize("file", [file for file in FILES if file.parts[0] == "breezeway_source"], ids=str)
def test_the_source_knows_neither_its_own_full_name_nor_a_command_line(file: Path) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    absolute = [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    ]
    assert not {name.split(".")[0] for name in absolute} & {"breezeway_source", "pipelines", "argparse"}
    assert not any(isinstance(n, ast.Attribute) and ast.unparse(n) == "sys.argv" for n in ast.walk(tree))


def test_no_file_is_too_long() -> None:
    lines = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in FILES}
    assert {str(file): n for file, n in lines.items() if n > LONGEST} == {}


def test_an_hourly_run_imports_nothing_that_only_others_need() -> None:
    """Half of a quiet hour's CPU is imports: each of these takes a hundredth or more of it."""
    listed = subprocess.run(
        [sys.executable, "-c", "import sys, pipelines.run, pipelines.command; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    ours, others = (
        "breezeway_source.sandbox pipelines.preflight pipelines.page",
        "rich.progress sqlalchemy pandas jinja2",
    )
    assert not {*ours.split(), *others.split()} & {*listed}
