"""The summary of a GitHub job, where this is one."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pipelines.watch.secrets import clean

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

log = logging.getLogger("breezeway")


def tell_refusal(error: str) -> None:
    """The run did not start; stderr has it already."""
    write_summary(f"## Breezeway load: not started\n\n{markdown(clean(error))}\n")


def write_summary(text: str) -> None:
    """Add Markdown to the summary. Raises nothing."""
    place = os.environ.get(SUMMARY_VARIABLE)
    if not place:
        return
    try:
        with Path(place).open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{text}\n")
    except OSError as e:
        log.warning("the job summary was not written: %s", e.strerror or type(e).__name__)


def markdown(text: str) -> str:
    """The text as it is, in one line of Markdown."""
    for character in "\\`*_|[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.replace("<", "&lt;").split())
