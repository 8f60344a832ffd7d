"""Eight processes at once on an empty database, again and again: does anything ever get lost?

    python tests/many_processes.py 100        rounds; by hand, since a round starts eight interpreters

Each process is `pipelines/run.py` with one region, a working folder of its own and the same PostgreSQL database,
as ten CI runners would be. A round passes when all end 0 and every region's rows equal the sandbox's truth.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script

import pendulum
import psycopg2
from databases import fresh_postgres
from small_worlds import small_world

from breezeway_source.sandbox import Sandbox, World
from breezeway_source.sandbox.answers import LoggedRequest

ROOT = Path(__file__).resolve().parent.parent
REGIONS = (
    "nashville",
    "austin",
    "smoky",
    "hilton_head",
    "breckenridge",
    "sea_ranch",
    "mammoth",
    "hill_country",
)
TIMEOUT_S = 300
MEETING_S = 30


@dataclass(frozen=True)
class Ended:
    """One process that has ended."""

    region: str
    exit_code: int
    stdout: str
    stderr: str


def small_worlds(regions: Iterable[str] = REGIONS, **sizes: int) -> dict[str, World]:
    """Few rows of today, since processes read the real clock; ids repeat from region to region on purpose."""
    now = pendulum.now("UTC")
    sizes = {"properties": 2, "tasks": 3, "stays_days": 20, **sizes}
    return {region: small_world(region=region, now=now, **sizes) for region in regions}


def environment(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """The environment of one process: the sandbox's address and key pairs, and a home of its own."""
    found = {name: value for name, value in os.environ.items() if "__" not in name}
    found |= {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "SOURCES__BREEZEWAY__BASE_URL": sandbox.base_url,
        "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "60000",
    }
    for region, (client_id, client_secret) in sandbox.credentials.items():
        found[f"SOURCES__BREEZEWAY__REGIONS__{region.upper()}__CLIENT_ID"] = client_id
        found[f"SOURCES__BREEZEWAY__REGIONS__{region.upper()}__CLIENT_SECRET"] = client_secret
    return found | more


def start(options: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """`pipelines/run.py` with these options; the folder is its current one."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(ROOT / "pipelines" / "run.py"), *options],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_at_once(sandbox: Sandbox, url: str, folder: Path, *options: str) -> list[Ended]:
    """One process per region of the sandbox, all started before the first ends."""
    processes = {
        region: start(
            ["--region", region, "--destination", "postgres", "--quiet", *options],
            folder / region,
            environment(sandbox, folder / region, DESTINATION__POSTGRES__CREDENTIALS=url),
        )
        for region in sandbox.worlds
    }
    ended = []
    for region, process in processes.items():
        try:
            stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
        ended.append(Ended(region, process.returncode, stdout, stderr))
    return ended


Rows = dict[str, Counter[tuple[Any, ...]]]  # each row and how often it is there


def truth(world: World) -> Rows:
    """What must be loaded of a world after an hourly run, in the columns of `loaded`."""
    tasks = list(world.tasks.values())
    first_day = "2024-01-01"  # start_date in .dlt/config.toml
    linked = {task["linked_reservation"]["id"] for task in tasks if task.get("linked_reservation")}
    return {
        "properties": Counter((row["id"], row["name"]) for row in world.properties.values()),
        "reservations": Counter(
            (row["id"], row["property_id"], row["checkout_date"], len(row.get("guests") or ()))
            for row in world.reservations.values()
            if row["checkout_date"] >= first_day or row["id"] in linked
        ),
        "tasks": Counter(
            (
                task["id"],
                task["name"],
                (task.get("linked_reservation") or {}).get("id"),
                len(task.get("assignments") or ()),
                len(task.get("task_tags") or ()),
            )
            for task in tasks
        ),
        "task_supplies": Counter(
            (task["id"], line["id"], line["supply_id"], line["name"])
            for task in tasks
            for line in task.get("supplies") or ()
        ),
        "task_costs": Counter(
            (task["id"], line["id"], line["bill_to"])
            for task in tasks
            for line in task.get("costs") or ()
            if not line.get("deleted_at")
        ),
        "resolved": Counter((task["id"],) for task in tasks if _link(task) in world.reservations),
    }


def _link(task: Mapping[str, Any]) -> int:
    return (task.get("linked_reservation") or {}).get("id", 0)


QUERIES = {
    "properties": "select property_id, name from breezeway.properties where region_code = %s",
    "reservations": """
        select reservation_id, property_id, checkout_date::text, (
            select count(*) from breezeway.reservation_guests as guests
            where guests.region_code = r.region_code and guests.reservation_id = r.reservation_id)
        from breezeway.reservations as r where region_code = %s""",
    "tasks": """
        select task_id, name, linked_reservation_id, (
            select count(*) from breezeway.task_assignments as a
            where a.region_code = t.region_code and a.task_id = t.task_id), (
            select count(*) from breezeway.task_tags as g
            where g.region_code = t.region_code and g.task_id = t.task_id)
        from breezeway.tasks as t where region_code = %s and deleted_at is null""",
    "task_supplies": """
        select task_id, supply_usage_id, supply_id, name
        from breezeway.task_supplies where region_code = %s""",
    "task_costs": "select task_id, cost_id, bill_to from breezeway.task_costs where region_code = %s",
    "resolved": "select task_id from breezeway.tasks where region_code = %s and reservation_pk is not null",
}


Ask = Callable[[str, str], Iterable[tuple[Any, ...]]]  # a query and its parameter, the region → rows


def differences(sandbox: Sandbox, ask: Ask) -> list[str]:
    """One line for each region and table whose rows are not the sandbox's; none when all is well."""
    found = []
    for region, world in sandbox.worlds.items():
        here: Rows = {name: Counter(ask(query, region)) for name, query in QUERIES.items()}
        there = truth(world)
        found += [
            f"{region}.{name}: {here[name].total()} rows instead of {there[name].total()}, "
            f"missing {list(there[name] - here[name])[:3]}, too many {list(here[name] - there[name])[:3]}"
            for name in QUERIES
            if here[name] != there[name]
        ]
    return found


@contextmanager
def asking(url: str) -> Iterator[Ask]:
    """Questions to a PostgreSQL database."""
    connection = psycopg2.connect(url)

    def ask(query: str, region: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, (region,))
            return list(cursor.fetchall())

    try:
        yield ask
    finally:
        connection.close()


def one_round(sandbox: Sandbox, folder: Path) -> list[str]:
    """Everything that went wrong in one round on a new, empty database."""
    meet_at_the_start(sandbox)
    with fresh_postgres() as url:
        ended = run_at_once(sandbox, url, folder)
        wrong = [f"{e.region} ended {e.exit_code}: {e.stdout}{e.stderr}" for e in ended if e.exit_code != 0]
        if wrong:
            return wrong
        with asking(url) as ask:
            return differences(sandbox, ask)


def meet_at_the_start(sandbox: Sandbox) -> None:
    """Answer the first request of each region only when all have asked: interpreters start at their own pace,
    and what is to be tested is the race for an empty database.
    """
    meeting = threading.Barrier(len(sandbox.worlds))
    seen: set[str] = set()

    def wait(request: LoggedRequest) -> None:
        if request.endpoint == "/property" and request.client_id not in seen:
            seen.add(request.client_id)
            with suppress(threading.BrokenBarrierError):  # one never came: its own exit code tells
                meeting.wait(MEETING_S)

    sandbox.faults.before_response = wait


def main(rounds: int) -> int:
    """Run so many rounds; returns how many failed."""
    failed = 0
    with Sandbox.multi(small_worlds(), token_limit=False) as sandbox:
        for number in range(1, rounds + 1):
            begun = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="breezeway-many-") as folder:
                wrong = one_round(sandbox, Path(folder))
            failed += bool(wrong)
            print(
                f"round {number}: {'FAILED' if wrong else 'ok'}, {time.monotonic() - begun:.1f} s", flush=True
            )
            for line in wrong:
                print(line)
    print(f"{rounds - failed} of {rounds} rounds ended with every region's rows equal to the sandbox's")
    return failed


if __name__ == "__main__":
    raise SystemExit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 3) else 0)
