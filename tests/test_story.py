"""The story in short; the long one is `python -m tests.story --seeds 100`."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database
from story.play import play


@pytest.mark.parametrize(("seed", "kind"), [(1, "duckdb"), (3, "postgres")])
def test_after_weeks_of_trouble_the_tables_equal_the_source(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int, kind: str
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    ending = play(seed, database, tmp_path, steps=4)
    assert not ending.problems, "\n".join([*ending.log, *ending.problems, f"again: {ending.again}"])
