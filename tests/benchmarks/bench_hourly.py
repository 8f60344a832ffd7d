"""CPU of a whole hourly run with nothing changed, against importing dlt, duckdb and pyarrow alone. By hand:

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/bench_hourly.py [duckdb] [postgres] [sandbox]

24 properties; every figure is a new process, the smallest of ROUNDS, both sides by turns. The stand-in API runs in a
process of its own; `sandbox` is `run.py --sandbox`, which holds it itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from databases import fresh_postgres
from serving import Served

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = [sys.executable, "-c", "import dlt, duckdb, pyarrow.parquet"]
RUN = [sys.executable, "pipelines/run.py", "--region", "smoky", "--quiet"]
ROUNDS = 5
TARGET = 2.0


def cpu_of(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of CPU, user and system, of a process that must end well."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended {process.returncode}")
    return used.ru_utime + used.ru_stime


@contextmanager
def _place(kind: str, folder: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Command and environment of a run there."""
    environment = {**os.environ, "HOME": folder, "DLT_DATA_DIR": f"{folder}/dlt"}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # modules are compiled once, as on a machine that runs hourly
    environment["DESTINATION__DUCKDB__CREDENTIALS"] = f"{folder}/bench.duckdb"
    if kind == "sandbox":
        yield [*RUN, "--sandbox"], environment
        return
    with Served(properties=24, tasks_per_property=12) as served:
        environment |= {**served.environment(), "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "1000000"}
        if kind == "duckdb":
            yield RUN, environment
            return
        with fresh_postgres() as url:
            environment["DESTINATION__POSTGRES__CREDENTIALS"] = url
            yield [*RUN, "--destination", "postgres"], environment


def measure(kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder, _place(kind, folder) as (command, environment):
        first = cpu_of(command, environment)
        cpu_of(command, environment)
        imports, runs = [], []
        for _ in range(ROUNDS):
            imports.append(cpu_of(IMPORTS, environment))
            runs.append(cpu_of(command, environment))
    ratio = min(runs) / min(imports)
    print(
        f"{kind:10} first load {first:.2f} s, hourly {min(runs):.2f} s over imports {min(imports):.2f} s "
        f"= {ratio:.2f}   target <= {TARGET}",
        flush=True,
    )


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ("duckdb", "postgres"):
        measure(wanted)
