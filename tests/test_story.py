"""The story in short; the long one is `python -m tests.story --seeds 100`."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database
from story.play import play


@pytest.mark.parametrize("seed", [1, 2])
def test_after_weeks_of_trouble_the_tables_equal_the_source(
    database: Database, tmp_path: Path, seed: int
) -> None:
    ending = play(seed, database, tmp_path, steps=6)
    assert not ending.problems, "\n".join([*ending.log, *ending.problems, f"again: {ending.again}"])
