"""A mistyped region, told without importing dlt, which takes several times as long as the answer.

Only what is certain is told here, in the words of `prepared`, which asks dlt for the configuration. Left to it is
whatever may come from elsewhere than the project's own files and the environment, and what cannot be read.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from breezeway_source.errors import ConfigError
from breezeway_source.region_codes import REGIONS, refuse_unknown, with_environment

FILES = ("config.toml", "secrets.toml")
# Beginnings of variables and keys with which dlt is told to ask others: Airflow, Google, AWS (dlt 1.31).
ASKS_OTHERS = ("providers", "enable_", "airflow")


def refuse_names(names: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigError for no region at all, and for an unknown one."""
    if not names:
        raise ConfigError(f"Which region? Give --region with one of {', '.join(known)}, or all.")
    refuse_unknown(names, known)


def refuse_mistyped(names: Collection[str]) -> None:
    """The same, as long as it is certain which regions there are and dlt is not imported yet."""
    if "dlt" in sys.modules:
        return
    folder = Path(os.environ.get("DLT_PROJECT_DIR", "."), os.environ.get("DLT_CONFIG_FOLDER", ".dlt"))
    try:
        texts = [file.read_text("utf-8") for name in FILES if (file := folder / name).is_file()]
        if names and all(any(_names(text, name) for text in texts) for name in names):
            return  # as nearly always, and nothing to be told
        if (folder / ".workspace").exists() or any(place.is_file() for place in _elsewhere()):
            return
        known = _regions(texts)
    except Exception:  # noqa: BLE001 - told where dlt reads the configuration
        return
    if known:
        refuse_names(names, with_environment(known))


def _names(text: str, name: str) -> bool:
    return name == "all" or re.search(rf"\b{re.escape(name)}\b", text) is not None


def _elsewhere() -> Iterator[Path]:
    """Files that dlt would read besides, if they are there, wherever its own folder is."""
    own = os.environ.get("DLT_CONFIG_FOLDER", ".dlt")
    data = os.environ.get("XDG_DATA_HOME", os.curdir)
    for folder in (
        Path("/var/dlt"),
        Path.home() / own,
        Path(data, "dlt"),
        Path(tempfile.gettempdir(), "dlt"),
    ):
        yield from (folder / name for name in FILES)


def _regions(texts: list[str]) -> dict[str, Any]:
    """The tables of regions of all files; none where others are asked, or one is no table. Raises what
    tomlkit and odd tables raise."""
    import tomlkit  # noqa: PLC0415 - dlt's own parser, for those who have mistyped a region

    found: dict[str, Any] = {}
    for text in texts:
        table: Mapping[str, Any] = tomlkit.parse(text).unwrap()
        if any(key.lower().startswith(ASKS_OTHERS) for key in (*table, *os.environ)):
            return {}
        for key in REGIONS.split("."):
            table = table.get(key, {})
        found |= table
    return found if all(isinstance(region, Mapping) for region in found.values()) else {}
