"""The page in a real browser: telephone and desk, light and dark, without a request, an error or an obstacle.

Needs Chromium or Chrome. `.ci/run` installs it where it can; on GitHub a missing one fails, elsewhere it is told.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.run import main

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-quic"
).split()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two sandbox regions, made by the command line."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        patch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(folder / "loaded.duckdb"))
        options = ["--region", "smoky", "--region", "austin", "--entities", "all", "--sandbox", "--quiet"]
        assert main([*options, "--page", str(folder / "page.html")]) == 0
    return folder / "page.html"


def test_a_browser_is_there_where_it_must_be() -> None:
    if BROWSER is None:
        assert not os.environ.get("GITHUB_ACTIONS"), (
            "GitHub's machines have a browser: the page was not tried"
        )
        pytest.skip("no Chromium here: the page was not looked at in a browser")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page was not looked at in a browser")
def test_it_is_read_on_a_telephone_and_a_desk_in_light_and_dark(page_file: Path, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    said: list[str] = []
    pictures: set[bytes] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        for scheme in ("light", "dark"):
            for width in (390, 1280):
                view: Any = {"width": width, "height": 900}
                context = browser.new_context(viewport=view, color_scheme=scheme)
                page = context.new_page()
                page.on("request", lambda request: asked.append(request.url))
                page.on("console", lambda message: said.append(message.text))
                page.on("pageerror", lambda error: said.append(str(error)))
                page.goto(page_file.as_uri())
                # Nothing runs out of the side of a telephone, and pictures are as wide as their place at most.
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                drawn = page.evaluate(
                    "[...document.querySelectorAll('.drawn svg')].map(e => e.getBoundingClientRect().width)"
                )
                assert len(drawn) >= 4 and 100 < max(drawn) <= width
                columns = page.evaluate(
                    "getComputedStyle(document.querySelector('.grid')).gridTemplateColumns"
                )
                assert len(columns.split()) == (1 if width == 390 else 2)
                if width == 1280:  # what is closed is not looked at, so all is opened
                    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
                    found = Axe().run(page).response["violations"]
                    assert [(each["impact"], each["id"]) for each in found] == []
                pictures.add(page.screenshot())
                context.close()
        browser.close()
    assert asked == [page_file.as_uri()] * 4 and said == []
    assert len(pictures) == 4, "light and dark look different"
