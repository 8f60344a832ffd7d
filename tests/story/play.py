"""One seed of the story: weeks of life, trouble and runs, then a clean stretch and the comparison."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import marts_truth
from databases import Database
from killing import STEPS, Death, die
from loading import Loader
from small_worlds import NOW, HidingWorld, small_world

from breezeway_source.api import pace
from breezeway_source.api.client import Client
from breezeway_source.sandbox import Faults, LoggedRequest, Sandbox
from breezeway_source.sandbox.faults import TRANSIENT_KINDS
from story import history
from story.life import Life
from story.strangeness import become_strange
from story.truth import DAILY, HOURLY, WEEKLY, differences

QUICK_KINDS = tuple(kind for kind in TRANSIENT_KINDS if kind not in ("stall", "429_retry_after_1"))
RECONCILE = ("--entities", "daily", "--reconcile")
RUNS: tuple[tuple[tuple[str, ...], int], ...] = (
    ((), 12),
    (RECONCILE, 5),
    (("--reconcile",), 2),
    (("--entities", "weekly"), 2),
    (("--entities", "all"), 1),
    (("--full", "--entities", "reservations"), 1),
    (("--full", "--entities", "tasks"), 1),
    (("--since", "2026-03-01", "--until", "2026-03-20"), 1),
)
REFUSALS: tuple[tuple[str, int], ...] = (
    ("/property", 500),
    ("/reservation", 422),
    ("/reservation", 500),
    ("/reservation", 403),
    ("/task/{id}", 500),
    ("/task/{id}", 403),
    ("/people", 500),
    ("/supplies", 403),
    ("/task/{id}/comments", 500),
    ("/task/{id}/requirements", 403),
    ("/property/{id}/contacts", 403),
    ("/property/{id}/tags", 500),
    ("/companies/templates", 403),
)
LISTS_OF_TASKS = ("/task/{id}/comments", "/task/{id}/requirements")
# One of these happens while a run reads. Stays only come: a list without totals cannot show that one went.
MEANWHILE = (
    Life.edit_task,
    Life.edit_lines,
    Life.add_task,
    Life.link_task,
    Life.move_task,
    Life.delete_task,
    Life.edit_stay,
    Life.add_stay,
    Life.hide_property,
    Life.unhide_property,
    Life.add_property,
)


@dataclass
class Ending:
    """How a seed ended: what differs, if anything, and how it came to that."""

    seed: int
    database: str
    steps: int
    problems: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    runs: int = 0
    killed: int = 0

    @property
    def again(self) -> str:
        """The command that plays it once more."""
        seed = f"--first {self.seed} --seeds 1 --steps {self.steps} --database {self.database}"
        return f"python -m tests.story {seed} --verbose"


def play(seed: int, database: Database, folder: Path, *, steps: int = 12) -> Ending:
    """Live one seed through. Everything random comes from it; only the order of parallel requests does not."""
    dice = random.Random(f"story {seed}")
    world = small_world(
        kind=HidingWorld, properties=dice.randint(3, 5), tasks=dice.randint(3, 7), seed=seed, stays_days=40
    )
    assert isinstance(world, HidingWorld)
    world.task_list_omits_money = dice.random() < 0.3
    manners: dict[str, Any] = {
        "page_totals": dice.choice(("documented", "both")),
        "past_end": dice.choice(("empty", "upcoming")),
        "no_match": dice.choice(("empty", "upcoming")),
        "updated_keeps_default_window": dice.random() < 0.5,
    }
    with (
        small_pages(dice.choice((3, 10, 100))),
        Sandbox(world, token_limit=False, seed=seed, **manners) as sandbox,
        Loader(sandbox, database, folder / "work", NOW) as loader,
    ):
        os.environ["EXTRACT__WORKERS"] = dice.choice(("1", "4"))
        loader.configure(
            start_date=NOW.date().subtract(days=300),
            details_days=3650,
            max_link_lookups=dice.choice((2, 200)),
            piece_properties=dice.choice((2, 250)),
        )
        return Story(seed, steps, dice, loader, world, manners["page_totals"] == "both").tell()


@contextmanager
def small_pages(rows: int) -> Iterator[None]:
    """Pages so small that short lists have several, and waits so short that faults cost no time."""
    with (
        patch.dict(Client.__init__.__kwdefaults__, page_size=rows),
        patch.object(pace, "FIRST_DELAY_S", 0.001),
        patch.object(pace, "LONGEST_DELAY_S", 0.05),
    ):
        yield


class Story:
    """The telling of one seed."""

    def __init__(
        self, seed: int, steps: int, dice: random.Random, loader: Loader, world: HidingWorld, has_totals: bool
    ) -> None:
        self.dice = dice
        self.loader = loader
        self.world = world
        self.faults: Faults = loader.sandbox.faults
        self.has_totals = has_totals
        self.strange = False
        oldest = loader.settings.start_date.isoformat()
        self.life = Life(world, random.Random(f"life {seed}"), oldest)
        self.ending = Ending(seed, loader.database.kind, steps)

    def tell(self) -> Ending:
        """All of it; stops at the first run that ends as it must not."""
        steps = self.ending.steps
        settles_at, retires_at = self.dice.randint(1, 3), self.dice.randint(4, steps * 2)
        try:
            for step in range(steps):
                self._pass_time()
                for _ in range(self.dice.randrange(7)):
                    self._note(f"  {self.life.happen()}")
                self._make_trouble()
                self._run()
                if step == settles_at:
                    self._settle()
                if step == retires_at:
                    self._retire()
            self._end()
        except Unexpected as e:
            self.ending.problems.append(str(e))
        return self.ending

    def _note(self, line: str) -> None:
        self.ending.log.append(line)

    def _pass_time(self) -> None:
        duration = self.dice.choice(
            ({"hours": 1}, {"hours": 1}, {"hours": 7}, {"days": 1}, {"days": 2}, {"days": 9})
        )
        self.loader.pass_time(minutes=self.dice.randrange(50), **duration)
        self._note(f"{self.loader.now:%Y-%m-%d %H:%M}")

    # --- trouble ---

    def _make_trouble(self) -> None:
        if self.dice.random() < 0.5:
            self.faults.clear()
        self.faults.kinds = QUICK_KINDS
        self.faults.random_rate = self.dice.choice((0.0, 0.0, 0.03, 0.2))
        if self.dice.random() < 0.3:
            property_id, status = (
                self.dice.choice(sorted(self.world.properties)),
                self.dice.choice((403, 404, 422, 500)),
            )
            self.faults.refuse_property(property_id, status)
        if self.dice.random() < 0.35:
            endpoint, status = self.dice.choice(REFUSALS)
            # An account that never gave comments does not have them: what comes later is left to --full.
            known = self.life.settled_tasks or endpoint not in LISTS_OF_TASKS
            self.faults.refuse_endpoint(endpoint, status if known else 500)
        self.loader.sandbox.behave()
        self.strange = self.dice.random() < 0.4
        if self.strange:
            self._note(f"  the API: {become_strange(self.loader.sandbox, self.dice)}")
        if self.dice.random() < 0.1:
            self.faults.expire_tokens()
        if self.dice.random() < 0.2:
            self._note("  the working folder is lost")
            self.loader.wipe()
        if self.dice.random() < 0.2:
            self._swap_folder()
        self._meanwhile()
        self._note(f"  faults {self.faults.random_rate}, refused {sorted(map(str, self.faults.permanent))}")

    def _swap_folder(self) -> None:
        """Keep a copy of the working folder; where one is kept, it comes back as from a machine's old cache."""
        folder, kept = self.loader.folder, self.loader.folder.with_name("kept")
        if not kept.exists() and folder.exists():
            self._note("  a copy of the working folder is kept")
            shutil.copytree(folder, kept)
        elif kept.exists():
            self._note("  the working folder is one of old")
            self.loader.wipe()
            kept.rename(folder)

    def _meanwhile(self) -> None:
        """At one request of the coming run something changes."""
        lock = threading.Lock()
        events: list[Callable[[Life], object]] = list(MEANWHILE)
        if self.has_totals:
            events += [Life.delete_stay, Life.move_stay]
        event = self.dice.choice(events)

        slips = self.dice.random() < 0.3  # a list loses its first row after its first page was read
        left = self.dice.randrange(1, 6 if slips else 40)

        def change(request: LoggedRequest) -> None:
            nonlocal left
            with lock:
                if slips and not (request.endpoint == "/task" and request.query.get("page") == "1"):
                    return
                left -= 1
                if left != 0 or not request.is_data:
                    return
                self.world.advance(seconds=20)
                if slips:
                    self.life.delete_oldest(int(request.query["home_id"]))
                else:
                    event(self.life)
                self._note(f"  meanwhile, at {request.path}: {'a list slips' if slips else event.__name__}")

        self.faults.before_response = change

    # --- runs ---

    def _run(self) -> None:
        options = self.dice.choices([run for run, _ in RUNS], [weight for _, weight in RUNS])[0]
        self.ending.runs += 1
        if self.dice.random() < 0.45:
            death = self._death()
            self._note(f"run {options} dies at {death}")
            self.ending.killed += die(self.loader, death, *options)
            return
        (report,) = self.loader.run(*options).regions
        self._note(f"run {options}: {report.exit_code} {report.error or ''} {len(report.failures)} failures")
        if self.strange:  # it may end as it has to: what counts is what is there in the end
            return
        troubled = bool(self.faults.random_rate or self.faults.permanent)
        drifted = any("did not come whole" in failure["message"] for failure in report.failures)
        refused = self.faults.refusal("/property", None) or any(
            f"{s}" in str(report.error) for s in (403, 422, 500)
        )
        if report.status == "failed" and not (troubled and refused):
            raise Unexpected(f"run {options} failed: {report.error}")
        if report.exit_code and not (troubled or drifted):
            raise Unexpected(f"run {options} ended {report.exit_code}: {report.as_dict()}")

    def _death(self) -> Death:
        point = self.dice.choice(("request", "file", "file", "statement", "statement", "step"))
        if point == "step":
            return Death(self.dice.choice(STEPS))
        return Death(point, self.dice.randint(1, {"request": 20, "file": 160, "statement": 110}[point]))

    def _clean_run(self, *options: str, **duration: int) -> Any:
        """A run without any trouble, which must end well."""
        self.loader.pass_time(**duration)
        self.faults.clear()
        self.loader.sandbox.behave()
        self.ending.runs += 1
        (report,) = self.loader.run(*options).regions
        self._note(f"{self.loader.now:%Y-%m-%d %H:%M} clean run {options}: {report.exit_code} {report.rows}")
        if report.failures and all("it may be cut" in failure["message"] for failure in report.failures):
            return self._clean_run(
                *options, hours=1
            )  # just a page of them, and one is gone: the next one believes it
        if report.exit_code:
            raise Unexpected(f"clean run {options} ended {report.exit_code}: {report.as_dict()}")
        return report

    def _settle(self) -> None:
        """All that is listed now is loaded: from here on rows may hide from the lists."""
        task = next(iter(self.world.listed_tasks()))
        self.world.set_comments(task["id"], [{"id": 1, "comment": "First", "created_at": task["created_at"]}])
        self.world.set_requirements(task["id"], [{"section_name": "Kitchen", "action": "Wipe"}])
        self._clean_run("--entities", "all", hours=1)
        listed = set(self.world.properties) - self.world.hidden_properties
        self.life.settled_tasks = frozenset(
            task["id"] for task in self.world.listed_tasks() if task["home_id"] in listed
        )
        self.life.settled_stays = frozenset(
            stay["id"]
            for stay in self.world.stays_by_checkout(self.life.oldest_checkout)
            if stay["status"] != "deleted"
        )

    def _retire(self) -> None:
        """A property leaves for good, after everything below it was read and proven."""
        home = self.dice.choice(sorted(self.world.properties))
        for property_id in sorted(self.world.hidden_properties):
            self.world.unhide_property(property_id)
        for _ in range(2):
            self._clean_run("--reconcile", days=1)
        self.world.delete_property(home)
        self.life.retired.add(home)
        self._note(f"  property {home} left for good")

    # --- the end ---

    def _end(self) -> None:
        for property_id in sorted(self.world.hidden_properties & set(self.world.properties)):
            self.world.unhide_property(property_id)
        self.loader.configure(max_link_lookups=200)
        self._clean_run(hours=1)
        self._compare("the hourly run", HOURLY, proven=False)
        for _ in range(2):
            self._clean_run(*RECONCILE, days=1)
        self._clean_run("--entities", "property_details", "--full", hours=1)  # else it takes a week of days
        self._compare("the daily runs", (*HOURLY, *DAILY), proven=True)
        self._clean_run("--entities", "weekly", hours=1)
        self._compare("the weekly run", (*HOURLY, *DAILY, *WEEKLY), proven=True)
        report = self._clean_run(hours=1)
        if report.rows["tasks"]:
            self.ending.problems.append(f"a run without changes wrote {report.rows['tasks']} tasks")

    def _compare(self, when: str, names: tuple[str, ...], *, proven: bool) -> None:
        found = differences(self.loader, self.world, names, proven=proven)
        if proven and not found:
            found = marts_truth.compare(self.loader, self.world) + history.problems(self.loader)
        self.ending.problems += [f"after {when}: {problem}" for problem in found]


class Unexpected(Exception):
    """A run ended as it must not."""
