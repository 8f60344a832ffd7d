"""Makes the page: asks, draws, fills the template, writes one file."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from breezeway_source.errors import ConfigError
from pipelines.database.ddl import SqlClient
from pipelines.database.destinations import Target
from pipelines.database.locks import database_use
from pipelines.database.places import refuse_place
from pipelines.page import changes, health, money, work
from pipelines.page.asking import Questions
from pipelines.page.axes import FAR
from pipelines.page.showing import table
from pipelines.watch.sync_runs import plain

EXTRAS = {"jinja2": "jinja2", "vl_convert": "vl-convert-python"}
LINKAGE_HEADS = "region | week from | #tasks | #linked | #resolved | #resolved, of all"


def make_page(
    client: SqlClient, configured: Mapping[str, str], now: datetime, *, with_names: bool = False
) -> str:
    """The page as HTML, of what the client's dataset holds at `now` (UTC).

    `configured`: code to name of the regions that should be there; `with_names` shows names of staff.
    """
    import jinja2  # noqa: PLC0415 - an extra

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    now = plain(now)  # differences of pendulum's cannot be divided
    questions = Questions(client, now)
    found = health.health(questions, configured, now)
    names = {line.code: line.name for line in found.regions}
    return environment.get_template("page.html.j2").render(
        made_at=f"{now:%Y-%m-%d %H:%M} UTC",
        dataset=client.dataset_name,
        health=found,
        signs=health.SIGNS,
        far=FAR,
        linkage=table(
            "Linkage of eight weeks",
            LINKAGE_HEADS,
            [row for line in found.regions for row in line.trend_rows],
        ),
        due=work.due(questions, names),
        due_of_all=work.due_of_all(questions),
        punctuality=work.punctuality(questions, names),
        turnover_cost=money.turnover_cost(questions, names),
        billing=money.billing(questions, names),
        supplies=money.supplies(questions, names),
        doubtful=money.doubtful(questions, names),
        people=money.people(questions, names) if with_names else None,
        changes=changes.changes(questions, names, {line.code: line.zone_name for line in found.regions}),
    )


def page_of(target: Target, configured: Mapping[str, str], now: datetime, *, with_names: bool = False) -> str:
    """The page of what a destination holds; see `make_page`. Raises ConfigError where it cannot be opened."""
    with (
        tempfile.TemporaryDirectory(prefix="breezeway-page-") as folder,
        database_use(target),
        target.pipeline("page", folder).sql_client() as client,
    ):
        return make_page(client, configured, now, with_names=with_names)


def refuse_page(file: Path, target: Target) -> None:
    """Raises ConfigError, before anything is read, where the page could not be made in the end."""
    missing = [package for module, package in EXTRAS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigError(f"The page needs {' and '.join(missing)}: pip install {' '.join(missing)}.")
    if not target.has_sql:
        raise ConfigError(f"The page is made from duckdb and postgres only, not from {target.name}.")
    refuse_place("--page", file)


def write_page(file: Path, html: str) -> None:
    """All of it or nothing: a reader never finds half a page. Raises OSError."""
    half = file.with_name(f".{file.name}.half")
    try:
        half.write_text(html, "utf-8")
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)
