"""Files that are named to be written: told in one line, before a run, where that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from breezeway_source.errors import ConfigError

LONGEST_SHOWN = 120


def refuse_place(option: str, file: Path) -> None:
    """Raises ConfigError for a file that cannot be written, or made."""
    try:
        is_fine = not file.is_dir() and os.access(file.absolute().parent, os.W_OK)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{option} {shown(file)} cannot be written: {why(e)}. Next: name another.") from e
    if not is_fine:
        raise ConfigError(f"{option} {shown(file)} cannot be written: is the folder there and yours?")


def shown(file: Path) -> str:
    """A path as messages show it: one of thousands of characters is no help."""
    text = str(file)
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def why(error: Exception) -> str:
    """What the operating system says, without the path again."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
