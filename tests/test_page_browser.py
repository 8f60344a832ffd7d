"""The page in a real browser: telephone and desk, light and dark, without a request, an error or an obstacle.

Needs Chromium or Chrome. `.ci/run` installs it where it can; on GitHub a missing one fails, elsewhere it is told.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.page import __main__ as page_command
from pipelines.run import main

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-quic"
).split()
PROBLEM = {"text": "no answer of <b>Breezeway</b>. Next: wait.", "since": "2026-03-10T01:02:03+00:00"}
# A region whose run failed, one that has not run for a month, and no turn at all.
TROUBLE = f"""
update breezeway.sync_runs set status = 'failed', problems = '{json.dumps({"error": PROBLEM})}'
where region_code = 'austin';
update breezeway.sync_runs set started_at = started_at - interval 30 day, problems = null where region_code = 'smoky';
delete from breezeway.mart_stay_turnovers;
"""
# What is on each, in how many pictures at least, and where axe looks for obstacles: that is the slow part, so each
# scheme, width and state has its turn.
PAGES: dict[str, tuple[list[str], int, set[tuple[str, int]]]] = {
    "loaded": (["✓ well", "Check-outs that need attention"], 4, {("light", 390), ("dark", 1280)}),
    "troubled": (
        [
            "✕ Needs attention: Austin failed; Smoky Mountains not as usual; 1 open problem.",
            "no answer of <b>Breezeway</b>.",
            "✕ tasks: never",
            "◷ tasks: just now",
            "Nothing to show yet.",
        ],
        2,
        {("light", 1280), ("dark", 390)},
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sandbox regions' pages, made by the command lines: as loaded, and with troubles put into a copy."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "loaded.duckdb"))
    options = ["--region", "smoky", "--region", "austin", "--sandbox", "--quiet"]
    assert main([*options, "--page", str(tmp_path / "loaded.html")]) == 0
    shutil.copy(tmp_path / "loaded.duckdb", tmp_path / "troubled.duckdb")
    with duckdb.connect(str(tmp_path / "troubled.duckdb")) as copy:
        copy.execute(TROUBLE)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / "troubled.duckdb"))
    assert page_command.main([str(tmp_path / "troubled.html"), "--sandbox"]) == 0
    return tmp_path


def test_a_browser_is_there_where_it_must_be() -> None:
    if BROWSER is None:
        assert not os.environ.get("GITHUB_ACTIONS"), (
            "GitHub's machines have a browser: the page was not tried"
        )
        pytest.skip("no Chromium here: the page was not looked at in a browser")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page was not looked at in a browser")
def test_it_is_read_on_a_telephone_and_a_desk_in_light_and_dark(folder: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    said: list[str] = []
    looks: set[bytes] = set()
    views = list(itertools.product(PAGES, ("light", "dark"), (390, 1280)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        for made, scheme, width in views:
            told, pictures, examined = PAGES[made]
            view: Any = {"width": width, "height": 900}
            setting: Any = scheme
            context = browser.new_context(viewport=view, color_scheme=setting)
            page = context.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto((folder / f"{made}.html").as_uri())
            text = page.locator("body").inner_text()
            assert [words for words in told if words not in text] == []
            # Nothing runs out of the side of a telephone, and pictures are as wide as their place at most.
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # What is looked at first is read without moving it sideways.
            assert page.evaluate(
                "[...document.querySelectorAll('.cards')].map(e => e.scrollWidth - e.parentElement.clientWidth)"
            ) in ([0], [0, 0])
            drawn = page.evaluate(
                "[...document.querySelectorAll('.drawn svg')].map(e => e.getBoundingClientRect().width)"
            )
            assert len(drawn) >= pictures and 100 < max(drawn) <= width
            columns = page.evaluate("getComputedStyle(document.querySelector('.grid')).gridTemplateColumns")
            assert len(columns.split()) == (1 if width == 390 else 2)
            looks.add(page.screenshot())
            # What is closed is not looked at, so all is opened; of rows alike 20 are enough to scroll.
            page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
            page.evaluate("document.querySelectorAll('tbody tr:nth-child(n+21)').forEach(e => e.remove())")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if (scheme, width) in examined:
                found = Axe().run(page).response["violations"]
                assert [(made, scheme, width, each["impact"], each["id"]) for each in found] == []
            context.close()
        browser.close()
    assert asked == [(folder / f"{made}.html").as_uri() for made, *_ in views] and said == []
    assert len(looks) == len(views), "light and dark look different"
