"""The first road, measured: pace, extraction, normalise and load, memory, requests. By hand:

    PYTHONPATH=.:tests:tests/benchmarks python tests/benchmarks/bench_road.py [pace|extract|load|requests ...]

200 properties with 6,000 tasks; each comparison runs both sides in the same minute. Targets stand beside the
figures. The stand-in API runs in a process of its own, on the same machine.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import requests
from serving import Served

ROOT = Path(__file__).resolve().parents[2]
PROPERTIES = 200
TASKS_PER_PROPERTY = 30
WORKERS = 16


def told(what: str, figure: str, target: str) -> None:
    print(f"{what:58} {figure:>26}   target {target}", flush=True)


class Workplace:
    """A folder with a DuckDB file and dlt's working folder; `run` is the command line in a new process."""

    def __init__(self, folder: str, served: Served) -> None:
        self.folder = Path(folder)
        self.file = self.folder / "bench.duckdb"
        self.environment = {
            **os.environ,
            **served.environment(),
            "HOME": folder,
            "DLT_DATA_DIR": str(self.folder / "dlt"),
            "DESTINATION__DUCKDB__CREDENTIALS": str(self.file),
            "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "1000000",
        }

    def run(self, *options: str, **environment: str) -> tuple[float, dict[str, Any]]:
        """Wall seconds of the process, and the region's report."""
        report = self.folder / "report.json"
        command = [
            sys.executable,
            "pipelines/run.py",
            "--region",
            "smoky",
            "--quiet",
            "--report",
            str(report),
            *options,
        ]
        start = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment | environment, capture_output=True, text=True
        )
        seconds = time.monotonic() - start
        if done.returncode:
            raise SystemExit(f"run ended {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return seconds, json.loads(report.read_text())["regions"][0]


def pace() -> None:
    """A server that allows 600 a minute, and a run paced to it."""
    with (
        Served(
            properties=PROPERTIES, tasks_per_property=TASKS_PER_PROPERTY, requests_per_minute=600
        ) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        seconds, report = Workplace(folder, served).run(SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE="600")
        log = served.log()
        ideal = log.total / 600 * 60
        told(
            "pace: run over (requests / pace)",
            f"{seconds:.1f} / {ideal:.1f} s = {seconds / ideal:.3f}",
            "<= 1.05",
        )
        told("pace: refused", f"{log.refused_share:.2%} of {log.total}", "< 1 %")
        print(f"      steps {report['seconds']}, rows {report['rows']}")


def extract() -> None:
    """Extraction against plain threads that read the same pages, 50 ms latency, and the peak memory."""
    with (
        Served(properties=PROPERTIES, tasks_per_property=TASKS_PER_PROPERTY, latency_s=0.05) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        ours, plain, calls = [], [], []
        for number in range(3):
            served.ask("reset")
            place = Workplace(str(Path(folder) / str(number)), served)
            place.folder.mkdir()
            _, report = place.run()
            ours.append(report["seconds"]["extract"])
            calls = served.log().calls
            plain.append(_plain_threads(served, calls))
        told(
            f"extract: {len(calls)} requests, 50 ms, over {WORKERS} plain threads",
            f"{min(ours):.2f} / {min(plain):.2f} s = {min(ours) / min(plain):.2f}",
            "<= 1.6",
        )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        told("memory: peak of a run's process", f"{peak:.0f} MB", "< 400 MB")
        with duckdb.connect(str(Path(folder) / "0" / "bench.duckdb")) as database:
            variants = database.execute(
                "select count(*) from information_schema.columns where column_name like '%\\_\\_v\\_%' escape '\\'"
            ).fetchone()
        told("types: variant columns", str(variants and variants[0]), "0")


def _plain_threads(served: Served, calls: list[tuple[str, dict[str, str]]]) -> float:
    """Seconds in which 16 threads with the requests library alone read the same pages."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=WORKERS))
    pair = dict(zip(("client_id", "client_secret"), served.key_pair, strict=True))
    token = session.post(f"{served.base_url}/public/auth/v1/", json=pair, timeout=60).json()["access_token"]
    headers = {"Authorization": f"JWT {token}"}

    def read(call: tuple[str, dict[str, str]]) -> int:
        path, query = call
        return len(session.get(served.base_url + path, params=query, headers=headers, timeout=60).json())

    start = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(read, calls))
    return time.monotonic() - start


def load() -> None:
    """Normalise and load against a plain `rest_api` source with dlt's defaults, the same rows, into DuckDB."""
    with (
        Served(properties=PROPERTIES, tasks_per_property=TASKS_PER_PROPERTY) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        _, report = Workplace(folder, served).run()
        ours = report["seconds"]["normalize"] + report["seconds"]["load"]
        script = ROOT / "tests" / "benchmarks" / "plain_rest_api.py"
        environment = {**os.environ, **served.environment(), "DLT_DATA_DIR": folder, "HOME": folder}
        done = subprocess.run(
            [sys.executable, str(script)], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        plain = json.loads(done.stdout.splitlines()[-1])
        theirs = plain["normalize"] + plain["load"]
        told("load: plain rest_api over ours", f"{theirs:.1f} / {ours:.1f} s = {theirs / ours:.1f}", ">= 5")
        print(f"      ours {report['rows']}, theirs {plain['rows']}")


def counts() -> None:
    """Requests of an hourly run with 524 properties: nothing changed, wiped folder, seven changed tasks."""
    with Served(properties=524, tasks_per_property=4) as served, tempfile.TemporaryDirectory() as folder:
        place = Workplace(folder, served)
        place.run()
        limit = int(524 * 1.01 + 12)
        _, report = place.run()
        told("requests: hourly, nothing changed", str(report["requests"]["total"]), f"<= {limit}")
        print(f"      {report['requests']['by_endpoint']}, rows {report['rows']}")
        subprocess.run(["rm", "-rf", str(place.folder / "dlt")], check=True)
        _, report = place.run()
        told("requests: hourly, wiped working folder", str(report["requests"]["total"]), f"<= {limit}")
        served.ask("edit_tasks", 7)
        _, report = place.run()
        told("rows: hourly, seven changed tasks", str(report["rows"]["tasks"]), "about 7")
        for group in ("daily", "weekly", "all"):
            _, report = place.run("--entities", group)
            print(
                f"      {group}: {report['requests']['total']} requests {report['requests']['by_endpoint']}"
            )


BENCHMARKS: dict[str, Callable[[], None]] = {
    "pace": pace,
    "extract": extract,
    "load": load,
    "requests": counts,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
