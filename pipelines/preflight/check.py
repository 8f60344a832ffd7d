"""`--check`: credentials, scope, database rights, versions, and what the asked run would cost. Writes nothing.

Reads a handful of pages. What it leaves is the token in the user's cache, since the API gives one a minute.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from math import ceil
from statistics import median
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
from breezeway_source.api.listing import Page, page_fault
from breezeway_source.entities.reservations import WINDOW_MONTHS
from breezeway_source.errors import ApiError, AuthError, ConfigError
from breezeway_source.plan import Plan
from breezeway_source.rows.fields import record_id
from breezeway_source.settings import Region, Settings
from pipelines.database.destinations import Target
from pipelines.database.fitness import postgres_faults
from pipelines.preflight.estimate import Known, estimate
from pipelines.watch.report import worst
from pipelines.watch.secrets import clean
from pipelines.watch.streams import unheard
from pipelines.watch.sync_runs import code_version

SAMPLED_PROPERTIES = 5
SCHEMA_RIGHTS = ("CREATE", "USAGE")
READ_ONLY = "default_transaction_read_only"
COUNTED = ("tasks", "reservations", "property_details")


@dataclass(frozen=True)
class Answer:
    """One line of the check; `exit_code` 0 when it is well."""

    region: str
    topic: str
    text: str
    exit_code: int = 0


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
        with ThreadPoolExecutor(max_workers=len(regions), thread_name_prefix="check") as pool:
            checked = list(pool.map(self._region, regions))
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
        try:
            answers += self._database(region.code)
            with _peek(self.target) as peek:
                if peek is not None:
                    loaded, past = (
                        _loaded(peek, region.code, self.started_at),
                        _past_requests(peek, region.code),
                    )
        except (ConfigError, duckdb.Error, psycopg2.Error, OSError) as e:
            answers.append(Answer(region.code, "database", _one_line(e), ConfigError.exit_code))
        try:
            client = self.access.client(region, Counters())
            scope = _scope(client, region)
            answers += scope
            if any(answer.exit_code for answer in scope):
                return answers, 0  # of a wrong company the API answers nothing, again and again
            known = self._known(client, loaded, past)
        except (ConfigError, ApiError) as e:
            topic = "credentials" if isinstance(e, (ConfigError, AuthError)) else "scope"
            return [*answers, Answer(region.code, topic, str(e), e.exit_code)], 0
        answers.append(Answer(region.code, "scope", f"{known.properties} properties"))
        by_entity = estimate(self.plan, self.settings, known, self.started_at.date())
        total = sum(by_entity.values())
        detail = ", ".join(f"{name} {count}" for name, count in by_entity.items())
        answers.append(Answer(region.code, "estimate", f"{self._cost(total, total)}: {detail}"))
        return answers, total

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

    def _known(self, client: Client, loaded: dict[str, int], past: dict[tuple[str, str], int]) -> Known:
        """The number of properties, and what a few of them hold."""
        page = _page(
            client, "/property", {"limit": 100, "page": 1, "sort_by": "created_at", "sort_order": "asc"}
        )
        properties = page.total if page.total is not None else len(page.rows)
        if page.total is None and len(page.rows) == 100:
            properties = len(client.listing("/property", {}, label="/property").rows)
        ids = [p for raw in page.rows if (p := record_id(raw)) is not None]
        sampled = ids[:: max(1, len(ids) // SAMPLED_PROPERTIES)][:SAMPLED_PROPERTIES]
        tasks_each = recent_each = stays_each = 0.0
        if sampled and {"tasks", "task_details"} & set(self.plan.entities):
            tasks_each = _tasks_each(client, sampled)
        if sampled and "task_details" in self.plan.entities:
            today = self.started_at.date()
            first = today.subtract(days=self.settings.details_days)
            days = f"{first.isoformat()},{today.add(days=1).isoformat()}"
            recent_each = _tasks_each(client, sampled, updated_at=days)
        if sampled and "reservations" in self.plan.entities:
            stays_each = self._stays_each(client, sampled)
        return Known(properties, tasks_each, recent_each, stays_each, loaded, past)

    def _stays_each(self, client: Client, sampled: Sequence[int]) -> float:
        today = self.started_at.date()
        first, last = today.subtract(months=WINDOW_MONTHS).isoformat(), today.isoformat()
        window = {"checkout_date_ge": first, "checkout_date_le": last, "limit": 100, "page": 1}
        counted = 0
        for property_id in sampled:
            rows = _page(client, "/reservation", {**window, "property_id": property_id}).rows
            # A filter that matches nothing may answer with the upcoming stays (breezeway-api.md, Q2).
            counted += sum(first <= str(row.get("checkout_date") or "")[:10] <= last for row in rows)
        return counted / len(sampled)

    def _database(self, region_code: str) -> list[Answer]:
        if self.target.file is not None:
            return [_duckdb_rights(self.target, region_code)]
        if self.target.postgres is not None:
            faults = postgres_faults(self.target, region_code)
            if faults:
                return [Answer(region_code, "database", text, ConfigError.exit_code) for text in faults]
            with _peek(self.target) as peek:
                assert peek is not None
                return _postgres_rights(peek, region_code)
        return [Answer(region_code, "database", f"{self.target.name}: rights are not checked there")]


def print_check(answers: Sequence[Answer], console: Console) -> int:
    """The answers as a table; gives the exit code, whether it could be printed or not."""
    table = Table(title="Breezeway check: nothing was written", title_justify="left")
    for heading in ("region", "about", "", "answer"):
        table.add_column(heading, overflow="fold")
    for answer in answers:
        state = "no" if answer.exit_code else "ok"
        table.add_row(*(Text(clean(text)) for text in (answer.region, answer.topic, state, answer.text)))
    with unheard():
        console.print(table)
    return worst(answer.exit_code for answer in answers)


def _scope(client: Client, region: Region) -> list[Answer]:
    """Whose key pair it is. A key pair that may not ask is no failure: its own company is all it sees."""
    try:
        companies = client.bare("/companies", label="/companies")
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


def _tasks_each(client: Client, property_ids: Sequence[int], **params: str) -> float:
    """Tasks a property: what the lists say of their length, or one page of each."""
    counts = []
    for property_id in property_ids:
        page = _page(client, "/task/", {"home_id": property_id, "limit": 1, "page": 1, **params})
        counts.append(page.total if page.total is not None else len(page.rows))
    return sum(counts) / len(counts)


def _page(client: Client, path: str, params: dict[str, Any]) -> Page:
    return Page.of(client.get(path, params, label=path.rstrip("/"), fault=page_fault))


class _Peek:
    """A connection that only asks: DuckDB's is read-only, PostgreSQL's transactions are."""

    def __init__(self, connection: Any, mark: str, dataset: str) -> None:
        self.dataset = dataset
        self._connection = connection
        self._mark = mark

    def rows(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(query.replace("%s", self._mark), args)
        return list(cursor.fetchall())

    def value(self, query: str, *args: Any) -> Any:
        return self.rows(query, *args)[0][0]

    def columns(self, table: str) -> set[str]:
        query = (
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
        )
        return {name for (name,) in self.rows(query, self.dataset, table)}


@contextlib.contextmanager
def _peek(target: Target) -> Iterator[_Peek | None]:
    """None where there is nothing to look into yet."""
    connection: Any
    if target.postgres is not None:
        connection = psycopg2.connect(
            target.postgres.to_native_representation(), application_name="breezeway check"
        )
        connection.set_session(readonly=True)
        mark = "%s"
    elif target.file is not None and target.file.exists():
        connection, mark = duckdb.connect(str(target.file), read_only=True), "?"
    else:
        yield None
        return
    try:
        yield _Peek(connection, mark, target.dataset)
    finally:
        connection.close()


def _duckdb_rights(target: Target, region_code: str) -> Answer:
    assert target.file is not None
    file, folder = target.file, target.file.parent
    refused = [str(path) for path in (folder, file) if path.exists() and not os.access(path, os.W_OK)]
    if refused:
        text = f"{' and '.join(refused)} cannot be written: give the loading user the right, or choose another file"
        return Answer(region_code, "database", text, ConfigError.exit_code)
    state = f"{file.stat().st_size >> 20} MB" if file.exists() else "will be made"
    return Answer(region_code, "database", f"DuckDB file {file.name} ({state}) and its folder can be written")


def _postgres_rights(peek: _Peek, region_code: str) -> list[Answer]:
    user, server = peek.rows("select current_user, current_setting('server_version')")[0]
    answers = []
    missing = []
    if peek.value("select pg_is_in_recovery()"):
        missing.append("the server is a standby: give the address of the primary")
    if peek.value("select reset_val from pg_settings where name = %s", READ_ONLY) == "on":
        missing.append(f"{READ_ONLY} is on: alter role {user} set default_transaction_read_only = off")
    may_create = peek.value("select has_database_privilege(current_database(), 'CREATE')")
    for schema in (peek.dataset, f"{peek.dataset}_staging_{region_code}"):
        if not peek.value("select count(*) from pg_namespace where nspname = %s", schema):
            if not may_create:
                missing.append(f"schema {schema} is not there: grant create on database to {user}")
        elif not all(
            peek.value("select has_schema_privilege(%s, %s)", schema, right) for right in SCHEMA_RIGHTS
        ):
            missing.append(f"grant create, usage on schema {schema} to {user}")
        foreign = peek.value(
            "select count(*) from pg_tables where schemaname = %s and not pg_has_role(tableowner, 'USAGE')",
            schema,
        )
        if foreign:
            missing.append(
                f"{foreign} tables of {schema} belong to somebody else: alter their owner to {user}"
            )
    code = ConfigError.exit_code
    answers += [Answer(region_code, "database", text, code) for text in missing]
    return answers or [
        Answer(region_code, "database", f"PostgreSQL {server}: {user} has all rights it needs")
    ]


def _loaded(peek: _Peek, region_code: str, now: pendulum.DateTime) -> dict[str, int]:
    """Live rows of the region by table; nothing before the first load."""
    return {
        table: peek.value(
            f"select count(*) from {peek.dataset}.{table} where region_code = %s and deleted_at is null",
            region_code,
        )
        for table in COUNTED
        if peek.columns(table)
    }


def _past_requests(peek: _Peek, region_code: str) -> dict[tuple[str, str], int]:
    """Median requests of the newest good runs by entity and extent; none from before a complete first run."""
    if "reading" not in peek.columns("sync_runs"):
        return {}
    found: dict[tuple[str, str], list[int]] = {}
    for entity, reading, requests in peek.rows(
        f"select entity, reading, requests from {peek.dataset}.sync_runs where region_code = %s and status = 'ok' "
        "and reading in ('whole', 'changes') order by started_at desc limit 1000",
        region_code,
    ):
        found.setdefault((entity, reading), []).append(requests)
    return {key: round(median(requests[:5])) for key, requests in found.items()}


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ConfigError) else f"cannot be opened: {text[:200]}"
