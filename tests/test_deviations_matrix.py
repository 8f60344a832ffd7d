"""Whole, or told: every deviation of the API on every list it can touch (issue 11).

A representative part runs with the suite, by the shortest way into the tables (quick_loading.py), several lists
deviating in one run, each in its own way. All of it, by whole runs:
`python -m pytest tests/test_deviations_matrix.py --all-deviations`, and list by list, which takes more than twice as
long, `--all-deviations=alone`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from deviating import LISTS, Cell, Stage, play
from deviation_trials import TRIALS, cells, packs, together
from loading import Loader
from quick_loading import QuickLoader


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pack" not in metafunc.fixturenames:
        return
    chosen = dict(packs())
    asked = metafunc.config.getoption("--all-deviations")
    if asked:
        every = cells(TRIALS, alone=True)
        packed = together(every) if asked == "together" else [(cell,) for cell in every]
        chosen = {"; ".join(cell.id for cell in pack): pack for pack in packed}
    metafunc.parametrize("pack", chosen.values(), ids=[*chosen])


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    whole = request.config.getoption("--all-deviations")
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("stage")
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return Stage(folder / "loaded", Loader if whole else QuickLoader)


def test_the_rows_equal_the_source_or_the_run_says_which_list_is_not_whole(
    pack: tuple[Cell, ...], stage: Stage, tmp_path: Path
) -> None:
    problems = play(pack, stage, tmp_path / "pack")
    assert not problems, "\n".join(problems)


def test_the_suite_has_every_kind_of_deviation_and_touches_every_list() -> None:
    chosen = [cell for _, pack in packs() for cell in pack]
    assert {name for cell in chosen for name in cell.lists} == set(LISTS)
    left = {trial.kind for trial in TRIALS} - {cell.trial.kind for cell in chosen}
    # Told of elsewhere, the last three in test_deviations_by_id.py.
    assert left == {"upcoming_instead", "money_unsaid", "amounts", "external_links", "taken_as"}
