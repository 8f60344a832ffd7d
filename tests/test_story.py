"""The story in short, of a seed with two deaths and one whose run ends in trouble; most of its cost is the clean end.

The long one is `python -m tests.story --seeds 100`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database
from story.play import play


@pytest.mark.parametrize(("seed", "kind"), [(98, "duckdb"), (99, "postgres")])
def test_after_weeks_of_trouble_the_tables_equal_the_source(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int, kind: str
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    ending = play(seed, database, tmp_path, steps=2)
    assert not ending.problems, "\n".join([*ending.log, *ending.problems, f"again: {ending.again}"])
