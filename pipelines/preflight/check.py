"""`--check`: credentials, scope, database rights, versions, and what the asked run would cost. Writes nothing.

Reads a handful of pages, at most 20 requests a region. What it leaves is the token in the user's cache, since the API
gives one a minute.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from math import ceil
from typing import Any

import duckdb
import pendulum
import psycopg2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from breezeway_source.api.access import Access
from breezeway_source.api.client import Client
from breezeway_source.api.counters import Counters
from breezeway_source.entities.windows import WINDOW_MONTHS
from breezeway_source.errors import ApiError, AuthError, ConfigError
from breezeway_source.plan import Plan
from breezeway_source.rows.fields import record_id
from breezeway_source.settings import Region, Settings
from pipelines.database.destinations import Target
from pipelines.database.fitness import faults_of
from pipelines.preflight import doubts
from pipelines.preflight.asking import Asking
from pipelines.preflight.estimate import LISTS_EACH, Known, estimate
from pipelines.preflight.peek import (
    Answer,
    details_left,
    duckdb_rights,
    loaded_rows,
    open_peek,
    past_requests,
    postgres_rights,
)
from pipelines.watch.interrupt import SideBySide
from pipelines.watch.report import worst
from pipelines.watch.secrets import clean
from pipelines.watch.streams import unheard
from pipelines.watch.sync_runs import code_version

SAMPLED_PROPERTIES = 3


@dataclass(frozen=True)
class Preflight:
    """Looks whether a run could start, and what it would take."""

    settings: Settings
    plan: Plan
    target: Target
    access: Access
    started_at: pendulum.DateTime

    def check(self, regions: Sequence[Region]) -> list[Answer]:
        """All answers, region by region, then the sum."""
        work = SideBySide([(f"check {region.code}", partial(self._region, region)) for region in regions])
        stop = work.run(self.access.abort)
        if stop is not None:
            raise stop
        checked = [result for result in work.results if result is not None]
        answers = [self._versions(), *(answer for own, _ in checked for answer in own)]
        by_pair: dict[Any, int] = {}
        for region, (_, requests) in zip(regions, checked, strict=True):
            by_pair[region.client_id] = by_pair.get(region.client_id, 0) + requests
        if len(regions) > 1 and any(by_pair.values()):
            answers.append(
                Answer("all", "estimate", self._cost(sum(by_pair.values()), max(by_pair.values())))
            )
        return answers

    def _region(self, region: Region) -> tuple[list[Answer], int]:
        answers: list[Answer] = []
        loaded: dict[str, int] = {}
        past: dict[tuple[str, str], int] = {}
        left: int | None = None
        counters = Counters()
        try:
            answers += self._database(region.code)
            with open_peek(self.target) as peek:
                if peek is not None:
                    loaded, past = loaded_rows(peek, region.code), past_requests(peek, region.code)
                    left = details_left(peek, region.code)
        except (ConfigError, duckdb.Error, psycopg2.Error, OSError) as e:
            answers.append(Answer(region.code, "database", _one_line(e), ConfigError.exit_code))
        try:
            client = self.access.client(region, counters)
            scope = _scope(client, region)
            answers += scope
            if any(answer.exit_code for answer in scope):
                return answers, 0  # of a wrong company the API answers nothing, again and again
            asking = Asking(client, counters)
            known = self._known(asking, loaded, past)
        except (ConfigError, ApiError) as e:
            topic = "credentials" if isinstance(e, (ConfigError, AuthError)) else "scope"
            return [*answers, Answer(region.code, topic, str(e), e.exit_code)], 0
        answers.append(Answer(region.code, "scope", f"{known.properties} properties"))
        by_entity = estimate(self.plan, self.settings, known, self.started_at.date())
        total = sum(by_entity.values())
        detail = ", ".join(f"{name} {count}" for name, count in by_entity.items())
        answers.append(Answer(region.code, "estimate", f"{self._cost(total, total)}: {detail}"))
        answers.append(Answer(region.code, "details", self._details(known, left)))
        for doubt in doubts.look(asking, self.started_at.to_date_string()):
            answers.append(Answer(region.code, "doubt", doubt.text, state=doubt.state))
        return answers, total

    def _details(self, known: Known, left: int | None) -> str:
        """How much of the comments and requirements is still to be read, and how long that takes."""
        bound = self.settings.details_per_run
        if left is None:
            left = round(known.properties * known.tasks_each)
        if not left:
            return "comments and requirements of all tasks are loaded"
        if not bound:
            return f"comments and requirements of {left} tasks are not read: details_per_run is 0"
        runs, minutes = (
            ceil(left / bound),
            ceil(LISTS_EACH * min(left, bound) / self.settings.requests_per_minute),
        )
        return (
            f"comments and requirements of {left} tasks are still to be read: {runs} run{'s' * (runs > 1)} of at most "
            f"{bound} (details_per_run), each at most {minutes} minute{'s' * (minutes > 1)} longer"
        )

    def _cost(self, requests: int, longest: int) -> str:
        minutes = max(1, ceil(longest / self.settings.requests_per_minute))
        pace = f"{self.settings.requests_per_minute:g}"
        return f"about {requests} requests, {minutes} minute{'s' * (minutes > 1)} at {pace} a minute"

    def _versions(self) -> Answer:
        driver = {
            "duckdb": f"duckdb {version('duckdb')}",
            "postgres": f"libpq {psycopg2.__libpq_version__ // 10000}",
        }
        parts = [
            f"breezeway {code_version()}",
            f"Python {platform.python_version()}",
            f"dlt {version('dlt')}",
            driver.get(self.target.name, self.target.name),
        ]
        return Answer("", "versions", ", ".join(parts))

    def _known(self, asking: Asking, loaded: dict[str, int], past: dict[tuple[str, str], int]) -> Known:
        """The number of properties, and what a few of them hold."""
        page = asking.page("/property", limit=100, page=1, **doubts.OLDEST_FIRST).page
        properties = (
            page.total if page.total is not None else max(len(page.rows), loaded.get("properties", 0))
        )
        ids = [p for raw in page.rows if (p := record_id(raw)) is not None]
        sampled = ids[:: max(1, len(ids) // SAMPLED_PROPERTIES)][:SAMPLED_PROPERTIES]
        recent_each = stays_each = 0.0
        tasks_each = _tasks_each(asking, sampled) if sampled else 0.0
        if sampled and "task_details" in self.plan.entities:
            today = self.started_at.date()
            first = today.subtract(days=self.settings.details_days)
            days = f"{first.isoformat()},{today.add(days=1).isoformat()}"
            recent_each = _tasks_each(asking, sampled[:1], updated_at=days)
        if sampled and "reservations" in self.plan.entities:
            stays_each = self._stays_each(asking, sampled)
        return Known(properties, tasks_each, recent_each, stays_each, loaded, past)

    def _stays_each(self, asking: Asking, sampled: Sequence[int]) -> float:
        today = self.started_at.date()
        first, last = today.subtract(months=WINDOW_MONTHS).isoformat(), today.isoformat()
        counted = 0
        for property_id in sampled:
            window = {"checkout_date_ge": first, "checkout_date_le": last, "property_id": property_id}
            rows = asking.page("/reservation", limit=100, page=1, **window).page.rows
            # A filter that matches nothing may answer with the upcoming stays (breezeway-api.md, Q2).
            counted += sum(first <= str(row.get("checkout_date") or "")[:10] <= last for row in rows)
        return counted / len(sampled)

    def _database(self, region_code: str) -> list[Answer]:
        if self.target.file is not None:
            return [duckdb_rights(self.target, region_code)]
        faults = faults_of(self.target, region_code)
        if faults:
            return [Answer(region_code, "database", text, ConfigError.exit_code) for text in faults]
        if self.target.postgres is not None:
            with open_peek(self.target) as peek:
                assert peek is not None
                return postgres_rights(peek, region_code)
        return [Answer(region_code, "database", f"{self.target.name}: rights are not checked there")]


def print_check(answers: Sequence[Answer], console: Console) -> int:
    """The answers as a table; gives the exit code, whether it could be printed or not."""
    table = Table(title="Breezeway check: nothing was written", title_justify="left")
    for heading in ("region", "about", "", "answer"):
        table.add_column(heading, overflow="fold")
    for answer in answers:
        state = answer.state or ("no" if answer.exit_code else "ok")
        table.add_row(*(Text(clean(text)) for text in (answer.region, answer.topic, state, answer.text)))
    with unheard():
        console.print(table)
    return worst(answer.exit_code for answer in answers)


def _scope(client: Client, region: Region) -> list[Answer]:
    """Whose key pair it is. A key pair that may not ask is no failure: its own company is all it sees."""
    try:
        companies = client.bare("/companies", label="/companies").rows
    except AuthError:
        raise
    except ApiError as e:
        if not e.permanent:
            raise
        return [
            Answer(region.code, "credentials", "token obtained"),
            Answer(region.code, "scope", f"companies are not told ({e.status})"),
        ]
    named = ", ".join(f"{company.get('name') or '?'} ({company.get('id')})" for company in companies)
    answers = [
        Answer(region.code, "credentials", "token obtained"),
        Answer(region.code, "scope", f"companies: {named or 'none'}"),
    ]
    ids = [record_id(company) for company in companies]
    key = f"sources.breezeway.regions.{region.code}.company_id"
    if region.company_id is not None and region.company_id not in ids:
        answers.append(
            Answer(region.code, "scope", f"{key} is {region.company_id}, which it does not see", 3)
        )
    elif region.company_id is None and len(ids) > 1:
        text = f"it sees {len(ids)} companies: set {key}, or their rows get mixed"
        answers.append(Answer(region.code, "scope", text, ConfigError.exit_code))
    return answers


def _tasks_each(asking: Asking, property_ids: Sequence[int], **params: str) -> float:
    """Tasks a property: what the lists say of their length, or one page of each."""
    counts = []
    for property_id in property_ids:
        page = asking.page("/task/", home_id=property_id, limit=100, page=1, **params).page
        counts.append(page.total if page.total is not None else len(page.rows))
    return sum(counts) / len(counts)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ConfigError) else f"cannot be opened: {text[:200]}"
