"""Whole, or told: every deviation of the API on every list it can touch (issue 11).

A representative part runs with the suite, each deviation on many lists at once. All of it, list by list:
`python -m pytest tests/test_deviations_matrix.py --all-deviations`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from deviating import LISTS, Cell, Stage, play
from deviation_trials import SUITE, TRIALS, cells


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" not in metafunc.fixturenames:
        return
    if metafunc.config.getoption("--all-deviations"):
        chosen = cells(TRIALS, alone=True)
    else:
        chosen = [cell for cell in cells(TRIALS, alone=False) if cell.id in SUITE]
    metafunc.parametrize("cell", chosen, ids=[cell.id for cell in chosen])


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("stage")
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return Stage(folder / "loaded")


def test_the_rows_equal_the_source_or_the_run_says_which_list_is_not_whole(
    cell: Cell, stage: Stage, tmp_path: Path
) -> None:
    problems = play(cell, stage, tmp_path / "cell")
    assert not problems, "\n".join(problems)


def test_the_suite_names_known_cells_and_touches_every_list() -> None:
    known = {cell.id: cell for cell in cells(TRIALS, alone=False)}
    assert [name for name in SUITE if name not in known] == []
    assert {name for chosen in SUITE for name in known[chosen].lists} == set(LISTS)
