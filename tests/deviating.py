"""A loaded world, a deviation of the API in the next run, and the two ways in which that may end (issue 11).

Either the rows equal the source and the run ends 0, or the run says which list is not whole and nothing is marked
deleted; and a run in which the API behaves again heals everything, which a cursor that had moved would prevent.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from databases import Database
from loading import Loader
from small_worlds import NOW, HidingWorld, small_world
from story.play import small_pages
from story.truth import HOURLY, Tables, compared, differences

from breezeway_source.sandbox import Sandbox
from breezeway_source.sandbox.stamps import naive
from breezeway_source.sandbox.stores import created
from pipelines.watch.report import RegionReport

PAGE_ROWS = 3
"""Every list of the world has several pages; those of properties, supplies and one task list end with a full one."""

FILE = "breezeway_local.duckdb"

Options = Mapping[str, Any]


@dataclass(frozen=True)
class List:
    """One list of the API: where it is asked for, and the entity (with its failures and tables) it fills."""

    path: str
    entity: str
    table: str = ""
    where: Options = field(default_factory=dict)

    @property
    def root(self) -> str:
        return self.table or self.entity


LISTS: dict[str, List] = {
    "properties": List("/property", "properties"),
    "stays": List("/reservation", "reservations"),
    "tasks": List("/task", "tasks"),
    "supplies": List("/supplies", "supplies"),
    "people": List("/people", "people"),
    "templates": List("/companies/templates", "templates"),
    "subdepartments": List("/companies/subdepartments", "subdepartments"),
    "task tags": List("/task/tags", "tags"),
    "property tags": List("/property/tags", "tags"),
    "reservation tags": List("/reservation/tags", "tags"),
    "contacts": List("/property/{id}/contacts", "property_details"),
    "tags of a property": List("/property/{id}/tags", "property_details"),
    "comments": List("/task/{id}/comments", "task_details"),
    "requirements": List("/task/{id}/requirements", "task_details"),
}
PAGED = ("stays", "tasks", "supplies")
CATALOGUES = ("people", "templates", "subdepartments", "task tags", "property tags", "reservation tags")
DETAILS = ("contacts", "tags of a property", "comments", "requirements")

EVERYTHING = ("--entities", "all")
MANNERS: Options = {"token_limit": False, "page_totals": "both", "no_match": "empty"}
RUNS: dict[str, tuple[str, ...]] = {
    "hourly": (),
    "whole": ("--entities", "all", "--reconcile"),
    "details": ("--entities", "property_details", "--full"),
    "first": EVERYTHING,
}
"""How the deviating run reads; `first`: into an empty database."""
HEALS = {**RUNS, "whole": EVERYTHING}
"""How the run after it reads."""
READS: dict[str, tuple[str, ...]] = {
    "hourly": ("properties", "stays", "tasks"),
    "whole": ("properties", *PAGED, *CATALOGUES, "comments", "requirements"),
    "details": ("contacts", "tags of a property"),
    "first": tuple(LISTS),
}
"""The lists such a run asks for."""


@dataclass(frozen=True)
class Trial:
    """A deviation, the lists it can touch, and what must come of it.

    `must`: `equal` (not told, exit 0, the truth), `calm` (the same, but rows that went may still be there), `told`
    (each list is named as not whole), `here` (not told: every live row is there, its values may differ), `either`.
    `came`: every live row is there also when told. `rest`: what the deviation does not touch is right all the same.
    `marks`: the list counts as whole but for single records, so that rows which went may be marked deleted.
    `asks`: how often one question may be asked. `heal`: how the next run must read to set things right.
    """

    kind: str
    options: Options = field(default_factory=dict)
    lists: tuple[str, ...] = PAGED
    must: str = "either"
    runs: tuple[str, ...] = ("whole",)
    beside: tuple[tuple[str, Options], ...] = ()
    came: bool = False
    rest: bool = False
    marks: bool = False
    asks: int = 12
    heal: tuple[str, ...] = ()
    after: int = 0
    times: int | None = None
    where: Options = field(default_factory=dict)

    @property
    def name(self) -> str:
        said = " ".join(f"{name}={value}" for name, value in self.options.items() if not callable(value))
        beside = " ".join(f"with {name}" for name, _ in self.beside)
        return " ".join(filter(None, (self.kind, said, beside)))


@dataclass(frozen=True)
class Cell:
    """One trial on some lists in one way of reading."""

    trial: Trial
    run: str
    lists: tuple[str, ...]

    @property
    def id(self) -> str:
        alone = f", {self.lists[0]}" if len(self.lists) == 1 else ""
        return f"{self.trial.name}, {self.run}{alone}"

    @property
    def is_as_ever(self) -> bool:
        """A bare list said in the form of a bare list."""
        forms = ("shaped", "bare"), ("empty", "array")
        return (self.trial.kind, self.trial.options.get("form")) in forms and set(self.lists) <= {
            *CATALOGUES,
            *DETAILS,
        }


def deviating_world() -> HidingWorld:
    """Lists of several pages, as the first load finds them."""
    world = small_world(kind=HidingWorld, properties=3, tasks=5, stays_days=30)
    assert isinstance(world, HidingWorld)
    for number in range(13):  # a catalogue of 20 rows is not believed to be empty at once
        world.add("supplies", name=f"Supply {number}", unit_cost=2)
        world.add("people", first_name="Ada", last_name=f"Number {number}", active=True, _status="active")
    for home in list(world.properties):
        while len(world.listed_tasks(home)) % PAGE_ROWS:
            world.add_task(home_id=home, name="Fills its page")
        world.add_property(name="Nothing happens here")
    return world


def live(world: HidingWorld) -> None:
    """A day later: an edit of every kind of row, one more of it, and a few that are gone."""
    world.now = NOW + timedelta(days=1)
    for home in list(world.properties)[:3]:
        world.edit_property(home, name=f"House {home}, painted")
        first, *_ = world.listed_tasks(home)
        world.edit_task(first["id"], name="Edited", description="Look here.")
        world.set_comments(first["id"], [{"id": home, "comment": "Seen", "created_at": naive(world.now)}])
        world.set_requirements(
            first["id"], [{"section_name": "Deck", "action": "Sweep", "response": "check"}]
        )
        for number in range(3):
            world.add_task(home_id=home, name=f"New {number}")
        world.set_contacts(
            home, [{"id": home, "type": "owner", "name": "New Owner", "email": "", "phone": None}]
        )
        world.set_property_tags(home, list(world.property_tags.values())[:2])
        stays = [stay for stay in world.stays_by_checkout(world.today) if stay["property_id"] == home]
        world.edit_reservation(stays[0]["id"], note="Comes late")
        world.add_reservation(property_id=home)
    for kind in (
        "people",
        "supplies",
        "templates",
        "subdepartments",
        "task_tags",
        "property_tags",
        "reservation_tags",
    ):
        store = getattr(world, kind)
        ids = sorted(store)
        name = {"people": "type_role", "templates": "template_name"}.get(kind, "name")
        world.edit(kind, ids[0], **{name: "Edited"})
        more = {key: value for key, value in store[ids[0]].items() if key not in ("id", "_created_at")}
        world.add(kind, **more)
        if kind in ("people", "supplies", "templates"):
            world.delete(kind, ids[-1])
            world.add(kind, **more)


class Stage:
    """The world as it was loaded by such runs, in a database and a working folder to copy."""

    def __init__(self, folder: Path, loader_type: type[Loader] = Loader) -> None:
        self.folder = folder
        self.loader_type = loader_type
        folder.mkdir(parents=True, exist_ok=True)
        self.world = deviating_world()
        database = Database("duckdb", str(folder / FILE), folder)
        with (
            small_pages(PAGE_ROWS),
            Sandbox(self.world, **MANNERS) as sandbox,
            loader_type(sandbox, database, folder / "work", NOW) as loader,
        ):
            configure(loader)
            loader.load(*EVERYTHING)
            found = differences(loader, self.world, read_by("first"), proven=True)
            assert found == [], found[:5]

    def copy(self, folder: Path) -> tuple[HidingWorld, Database]:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return deviating_world(), Database("duckdb", str(folder / FILE), folder)


def configure(loader: Loader) -> None:
    loader.configure(start_date=NOW.date().subtract(days=300), details_days=3650)


def play(pack: Sequence[Cell], stage: Stage, folder: Path) -> list[str]:
    """What is wrong with how it ended, one line each.

    The cells of a pack deviate in one run, each on lists of its own; they read and heal in the same way.
    """
    ((run, heal),) = {(cell.run, cell.trial.heal) for cell in pack}
    names = [name for cell in pack for name in cell.lists]
    assert len(names) == len(set(names)), f"two deviations of one list: {names}"
    folder.mkdir(parents=True, exist_ok=True)
    if run == "first":
        world = deviating_world()
        database = Database("duckdb", str(folder / FILE), folder)
    else:
        world, database = stage.copy(folder)
    with (
        small_pages(PAGE_ROWS),
        Sandbox(world, **MANNERS) as sandbox,
        stage.loader_type(sandbox, database, folder / "work", NOW) as loader,
    ):
        configure(loader)
        live(world)
        loader.pass_time(days=10)
        deviating = [(cell, _deviate(sandbox, world, cell)) for cell in pack]
        (report,) = loader.run(*RUNS[run]).regions
        tables = Tables(loader)
        was_made = run != "first" or not report.error
        problems = tables.read(dict.fromkeys((*HOURLY, *read_by(run)))) if was_made else []
        for cell, on in deviating:
            touched = on.touched or "happens" in cell.trial.options or cell.is_as_ever
            found = [] if touched else ["touched no answer"]
            for name in cell.lists:
                found += Verdict(tables, world, report, pack, cell, name).problems()
            paths = [LISTS[name].path for name in cell.lists]
            urls = Counter(
                (r.path, *sorted(r.query.items())) for r in sandbox.logged() if r.endpoint in paths
            )
            found += [f"asked {n} times: {url}" for url, n in urls.most_common(1) if n > cell.trial.asks]
            problems += [f"{cell.id}: {problem}" for problem in found]
        if not report.error and any(cell.trial.rest for cell in pack):  # without properties nothing is read
            touched = {LISTS[name].root for name in names}
            if "tasks" in names and report.failures:
                touched.add("task_details")  # of tasks that could not be read nothing more is asked
            rest = [name for name in read_by(run) if name not in touched]
            problems += [
                f"the rest: {problem}" for problem in compared(tables, world, rest, proven=False)[:5]
            ]
        sandbox.behave()
        return problems + healed(loader, world, run, heal)


def _deviate(sandbox: Sandbox, world: HidingWorld, cell: Cell) -> Any:
    trial = cell.trial
    paths = [LISTS[name].path for name in cell.lists]
    options = dict(trial.options)
    if "happens" in options:
        options["happens"] = lambda: HAPPENINGS[str(trial.options["happens"])](world)
    turns: dict[str, Any] = {"after": trial.after, "times": trial.times, "where": trial.where}
    on = sandbox.deviate(trial.kind, *paths, **turns, **options)
    for name, more in trial.beside:
        sandbox.deviate(name, *paths, **more)
    return on


def move_person(world: HidingWorld) -> None:
    """From the inactive to the active, or back."""
    for row in list(world.people.values()):
        if row["_status"] == "inactive":
            world.edit("people", row["id"], _status="active", active=True)
            return


def take_first(world: HidingWorld) -> None:
    """The first row of each paged list goes: what follows moves up."""
    world.delete("supplies", min(world.supplies))
    for home in list(world.properties)[:3]:
        world.delete_task(world.listed_tasks(home)[0]["id"])
    oldest = min(world.stays_by_checkout("2025-09-01"), key=created)
    world.delete_reservation(oldest["id"])


def come_first(world: HidingWorld) -> None:
    """A row comes in at the head of each paged list: what follows moves down."""
    world.add("supplies", name="Late", created_at="2020-01-01T00:00:00", unit_cost=1)
    for home in list(world.properties)[:3]:
        world.add_task(home_id=home, name="Late", created_at="2020-01-01T00:00:00")
        world.add_reservation(property_id=home, created_at="2020-01-01T00:00:00")


HAPPENINGS = {"a person moves": move_person, "rows go": take_first, "rows come": come_first}


class Verdict:
    """How one list fared in the deviating run."""

    def __init__(
        self,
        tables: Tables,
        world: HidingWorld,
        report: RegionReport,
        pack: Sequence[Cell],
        cell: Cell,
        name: str,
    ) -> None:
        self.tables, self.world, self.report, self.pack, self.cell = tables, world, report, pack, cell
        self.list = LISTS[name]
        self.told = self.list.path in str(report.error) or any(
            failure["entity"] == self.list.entity or self.list.path in failure["message"]
            for failure in report.failures
        )
        # Optional lists may be none of the account's: told by a warning, and the run ends well.
        self.warned = not self.told and name in DETAILS
        self.warned = self.warned and any(f"{self.list.path} " in warning for warning in report.warnings)
        self.told = self.told or self.warned

    def problems(self) -> list[str]:
        trial, report = self.cell.trial, self.report
        found: list[str] = []
        are_tasks_touched = any("tasks" in cell.lists for cell in self.pack)
        if self.list.root == "task_details" and are_tasks_touched and report.failures:
            return found  # of tasks that could not be read nothing more is asked
        if trial.must == "told" and not self.told:
            found.append(
                f"not told: exit {report.exit_code}, {report.error}, {report.failures}, {report.warnings}"
            )
        if trial.must in ("equal", "calm") and (self.told or report.exit_code):
            found.append(f"not calm: exit {report.exit_code}, {report.error}, {report.failures}")
        if self.told and not self.warned and not report.exit_code:
            found.append("told, and exit 0")
        if report.exit_code not in (0, 1) and self.list.path != "/property":
            found.append(f"exit {report.exit_code}: {report.error}")
        if report.error and self.cell.run == "first":
            return found  # nothing was loaded
        found += self._deleted()
        if not self.told and trial.must != "here":
            differing = compared(self.tables, self.world, [self.list.root], proven=False)
            if self.list.root == "reservations" and are_tasks_touched and report.failures:
                # Stays that ended before the windows come by tasks, which need not all be there.
                beyond = {(stay,) for stay in self.world.reservations} - self._living()
                differing = [
                    line for line in differing if line not in {f"reservations {k}: lost" for k in beyond}
                ]
            found += [line for line in differing if trial.must != "calm" or "not at the source" not in line][
                :5
            ]
        elif trial.came or (trial.must == "here" and not self.told):
            found += [
                f"{key} is not there, exit {report.exit_code} {report.failures}"
                for key in self._living()
                if key not in self.tables.roots[self.list.root]
            ]
        return found

    def _deleted(self) -> list[str]:
        """Marked deleted: never a row that lives, nothing at all where the list is not whole."""
        living = self._living()
        rows = self.tables.roots[self.list.root].items()
        marked = [key for key, row in rows if row.get("deleted_at") is not None]
        return [
            f"{key} is marked deleted"
            for key in marked
            if key in living or (self.told and not self.cell.trial.marks)
        ]

    def _living(self) -> set[tuple[Any, ...]]:
        world, root = self.world, self.list.root
        if root == "tags":
            kinds = ("task", "property", "reservation")
            return {(kind, row_id) for kind in kinds for row_id in getattr(world, f"{kind}_tags")}
        if root == "reservations":
            oldest = self.tables.oldest_checkout
            return {(i,) for i, row in world.reservations.items() if row["checkout_date"] >= oldest}
        store = {"property_details": "properties", "task_details": "tasks"}.get(root, root)
        return {(row_id,) for row_id in getattr(world, store)}


def healed(loader: Loader, world: HidingWorld, run: str, heal: tuple[str, ...]) -> list[str]:
    """What is wrong once the API behaves again."""
    loader.pass_time(hours=1)
    (report,) = loader.run(*(heal or HEALS[run])).regions
    found = differences(loader, world, read_by(run), proven=False)[:5]
    if report.exit_code:
        found.insert(0, f"exit {report.exit_code}, {report.error or report.failures or report.checks}")
    return [f"the healing run: {problem}" for problem in found]


def read_by(run: str) -> tuple[str, ...]:
    """The tables a run reads."""
    return tuple(dict.fromkeys(LISTS[name].root for name in READS[run]))
