"""What breezeway_source/README.md says a new entity costs, carried out on a copy of the project."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import NOW

from breezeway_source.sandbox import Sandbox, World

ROOT = Path(__file__).resolve().parent.parent
PLACES = re.compile(
    r"`(?P<table>[A-Z]+)`\s+\(`(?P<file>[\w/.]+\.py)`\):\n\n```python\n(?P<code>.*?)```", re.DOTALL
)
# How the tuple of each table begins.
BEGINS = {"ENDPOINTS": "    for endpoint in (\n", "CATALOGUES": "CATALOGUES = (\n"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project without its tests, with the README's example in it."""
    project = tmp_path / "project"
    for name in ("breezeway_source", "pipelines", "sql_post"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", ".dlt/config.toml"):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    readme = (ROOT / "breezeway_source" / "README.md").read_text("utf-8")
    example = list(PLACES.finditer(readme.partition("## A new entity")[2]))
    assert [place["table"] for place in example] == [*BEGINS]  # one entry and one table
    for place in example:
        file = project / place["file"]
        text, begin = file.read_text("utf-8"), BEGINS[place["table"]]
        assert text.count(begin) == 1
        file.write_text(text.replace(begin, f"{begin}{place['code'].rstrip()},\n"), "utf-8")
    return project


# One process, since importing takes as long as a load: two loads and what makes the README's tables.
PROGRAM = """
from pipelines import reference, run
for name in ("first.json", "second.json"):
    assert run.main(["--region", "smoky", "--entities", "companies", "--report", name]) == 0
assert reference.main([]) == 0
"""


def test_a_new_entity_costs_one_entry_and_one_table(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second company goes before the second load."""
    pair = "id-of-ours", "secret-of-ours"
    worlds = [World.seeded(code, now=NOW, properties=1, tasks_per_property=1) for code in ("smoky", "austin")]
    companies = {world.company_id: world.company_name for world in worlds}
    first, _ = companies
    with Sandbox({pair: worlds}, token_limit=False) as sandbox:
        place = "SOURCES__BREEZEWAY__"
        monkeypatch.setenv(f"{place}BASE_URL", sandbox.base_url)
        for key, value in zip(("CLIENT_ID", "CLIENT_SECRET"), pair, strict=True):
            monkeypatch.setenv(f"{place}REGIONS__SMOKY__{key}", value)
        sandbox.deviate("cut", "/companies", after=1, to=1)
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert sandbox.count("GET /companies", 200) == sandbox.data_requests == 2
    for name, count in (("first.json", 2), ("second.json", 1)):
        (report,) = json.loads((copy / name).read_text("utf-8"))["regions"]
        assert (report["status"], report["rows"]) == ("ok", {"companies": count})
    with duckdb.connect(str(copy / "breezeway_local.duckdb"), read_only=True) as database:
        rows = database.execute(
            "select company_id, name, region_code, deleted_at is null from breezeway.companies"
        ).fetchall()
    assert {*rows} == {(one, companies[one], "smoky", one == first) for one in companies}
    tables = (copy / "sql_post" / "README.md").read_text("utf-8")
    assert re.search(r"^\| `companies` \| One company that the key pair sees \| .*`/companies`", tables, re.M)
