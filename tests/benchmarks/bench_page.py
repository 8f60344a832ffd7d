"""CPU of the README's page command, eight regions into DuckDB and the page, in checkouts by turns. By hand:

    python tests/benchmarks/bench_page.py [CHECKOUT...]

Each figure is a new process with an empty home. This checkout alone where none is named.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = "--region all --sandbox --quiet --page".split()
ROUNDS = 3


def cpu_of(checkout: str) -> float:
    """Seconds of CPU, user and system, of one run that must end well."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "HOME": home,
            "DLT_DATA_DIR": f"{home}/dlt",
            "XDG_CACHE_HOME": f"{home}/cache",
        }
        environment["DESTINATION__DUCKDB__CREDENTIALS"] = f"{home}/bench.duckdb"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "pipelines/run.py", *OPTIONS, f"{home}/page.html"]
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(checkouts: list[str]) -> None:
    found: dict[str, list[float]] = {checkout: [] for checkout in checkouts}
    for _ in range(ROUNDS):
        for checkout, seconds in found.items():
            seconds.append(cpu_of(checkout))
    for checkout, seconds in found.items():
        told = ", ".join(f"{one:.1f}" for one in sorted(seconds))
        print(f"{checkout}: {told} s; median {statistics.median(seconds):.1f} s of CPU", flush=True)


if __name__ == "__main__":
    measure(sys.argv[1:] or [str(ROOT)])
