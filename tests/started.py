"""`pipelines/run.py` as processes that need not import anything: forked, one a call, from one that has done only that.

Importing dlt, DuckDB and the rest is two thirds of a process's CPU. Folder, environment, words and streams are those
of the call, the interpreter ends as it always does, and nothing of one call is known to the next. Not for what is
settled before run.py's first line (closed streams, the alphabet of the machine), for signals, and for when something
is imported: these start the interpreter itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = str(ROOT / "pipelines" / "run.py")
TIMEOUT_S = 120
# What a run imports, some of it late; the list may lack some, which is then imported by each.
IMPORTED = (
    "pipelines.command",
    "pipelines.preflight.check",
    "breezeway_source.entities.lines",
    "breezeway_source.entities.reservations",
    "dlt.common.configuration.plugins",
    "dlt.common.libs.pyarrow",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.destinations.impl.postgres.postgres",
    "dlt.sources.helpers.requests",
    "pyarrow.compute",
    "pyarrow.parquet",
)


def run_py(
    words: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """One call of run.py in this folder and environment."""
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said) / "out", Path(said) / "err"
        asked = {
            "words": list(words),
            "folder": str(folder),
            "environ": dict(environ),
            "streams": [str(out), str(err)],
        }
        server = _server()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        texts = [file.read_text("utf-8", errors="replace") for file in (out, err)]
    return subprocess.CompletedProcess([PROGRAM, *words], code, *texts)


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)  # it ends when nobody can ask any longer
    return server


def _serve() -> None:
    """Import, then fork a process for each line asked, and answer with its exit code."""
    sys.path[0] = str(ROOT)
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    while line := sys.stdin.readline():
        if not (process := os.fork()):
            _become(json.loads(line))
            return
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(asked: dict[str, Any]) -> None:
    """The process that was asked for, to its end."""
    signal.alarm(TIMEOUT_S)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    time.tzset()
    flags = os.O_WRONLY | os.O_CREAT
    opened = (os.open(os.devnull, os.O_RDONLY), *(os.open(stream, flags) for stream in asked["streams"]))
    for stream, descriptor in enumerate(opened):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.argv = [PROGRAM, *asked["words"]]
    sys.path[0] = str(Path(PROGRAM).parent)
    runpy.run_path(PROGRAM, run_name="__main__")


if __name__ == "__main__":
    _serve()
