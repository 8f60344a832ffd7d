"""Whether a pipeline's working folder can be used as a run left it.

A power failure or a full disk leaves files that are empty or cut off; a kill, storage without its folders. dlt (1.31)
then ends every later run at the same file, and takes an empty file of rows for none. What the folder holds is in the
database or at the source, so one that is not whole is emptied like a lost one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dlt.common.storages.load_storage import LoadStorage
from dlt.common.storages.normalize_storage import NormalizeStorage
from dlt.pipeline import Pipeline

# How a file of rows ends that was written to its end, by its format.
_ENDS = {".typed-jsonl": b"]\n", ".parquet": b"PAR1", ".csv": b"\n", ".insert_values": b";"}
_PENDING = (f"normalize/{NormalizeStorage.EXTRACTED_FOLDER}", f"load/{LoadStorage.NORMALIZED_FOLDER}")


def is_whole(folder: Path) -> bool:
    """Whether dlt can read its notes there, and all rows of pending packages; true where there is no folder."""
    versions = [path.read_text("utf-8", "replace") for path in folder.glob("*/.version")]
    load = folder / "load"
    return (
        all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
        and (not load.exists() or (load / LoadStorage.NORMALIZED_FOLDER).is_dir())
        and all(map(_is_json, _notes(folder)))
        and all(_is_ended(path) for pending in _PENDING for path in (folder / pending).glob("*/*_jobs/*"))
    )


def _notes(folder: Path) -> Iterator[Path]:
    """What dlt reads before it does anything: state and schemas, the pending packages' own too."""
    state = folder / Pipeline.STATE_FILE
    if state.exists():
        yield state
    for pattern in ("schemas/*.json", *(f"{pending}/*/*.json" for pending in _PENDING)):
        yield from folder.glob(pattern)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _is_ended(path: Path) -> bool:
    with path.open("rb") as rows:
        length = rows.seek(0, os.SEEK_END)
        end = _ENDS.get(path.suffix, b"")
        rows.seek(max(0, length - len(end)))
        return length > 0 and rows.read(len(end)) == end
