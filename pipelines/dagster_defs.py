"""Dagster: an asset per region and cadence, which loads that region and hands on its report.

    dagster dev -m pipelines.dagster_defs

Every asset calls what `run.py` calls. Assets of one key pair share a pool, so that a cadence waits for the other and
regions behind one key pair never pass its pace: set `concurrency.pools.default_limit: 1` in `dagster.yaml`. Needs the
extra `dagster`. BREEZEWAY_DESTINATION (default postgres) and BREEZEWAY_SANDBOX=1 choose where from and to.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from breezeway_source.errors import BreezewayError, ConfigError
from breezeway_source.settings import Region
from pipelines.load.calling import configuration, load, project_configuration
from pipelines.watch.checks import checks
from pipelines.watch.history import CHECKS as HISTORY_CHECKS
from pipelines.watch.problems import problems_of
from pipelines.watch.report import RegionReport

ATTEMPTS_AFTER_THE_FIRST = 3
FIRST_PAUSE_S = 60.0
# What running again in a moment may mend: something missing, an outage, a region that is being loaded elsewhere.
_PASSING = (1, 3)
_ERRORS = frozenset(check.name for check in checks() if check.severity == "error")


@dataclass(frozen=True)
class Cadence:
    """How often which entities are loaded; `cron` is UTC."""

    name: str
    entities: tuple[str, ...]
    cron: str
    reconcile: bool = False


CADENCES = (
    Cadence("hourly", ("hourly",), "7 * * * *"),
    Cadence("daily", ("daily",), "37 9 * * *", reconcile=True),
    Cadence("weekly", ("weekly",), "37 11 * * 0"),
)
# Those of sql_post/checks, those of the run itself, those against its past.
CHECK_NAMES = tuple(
    dict.fromkeys(
        (
            *(check.name for check in checks()),
            "documented_fields_are_filled",
            "clock_is_right",
            *HISTORY_CHECKS,
        )
    )
)


def pools(regions: list[Region]) -> dict[str, str]:
    """The pool of each region: named after the first region with the same key pair."""
    first: dict[str, str] = {}
    return {
        region.code: f"breezeway_{first.setdefault(region.client_id or region.code, region.code)}"
        for region in regions
    }


def region_asset(region: Region, cadence: Cadence, pool: str) -> dg.AssetsDefinition:
    """One region at one cadence; its checks are those of the run."""
    key = dg.AssetKey(["breezeway", region.code, cadence.name])

    @dg.asset(
        key=key,
        group_name="breezeway",
        description=f"{region.name}: {', '.join(cadence.entities)}",
        pool=pool,
        retry_policy=dg.RetryPolicy(
            max_retries=ATTEMPTS_AFTER_THE_FIRST,
            delay=FIRST_PAUSE_S,
            backoff=dg.Backoff.EXPONENTIAL,
            jitter=dg.Jitter.PLUS_MINUS,
        ),
        check_specs=[dg.AssetCheckSpec(name, asset=key) for name in CHECK_NAMES],
        tags={"region": region.code, "cadence": cadence.name},
    )
    def loaded(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        try:
            run = load(
                region.code,
                cadence.entities,
                os.environ.get("BREEZEWAY_DESTINATION", "postgres"),
                reconcile=cadence.reconcile,
                sandbox=os.environ.get("BREEZEWAY_SANDBOX") == "1",
            )
        except ConfigError as e:
            raise dg.Failure(str(e), allow_retries=False) from e
        (report,) = run.regions
        for problem in problems_of(report):
            context.log.warning(problem.text)
        if report.status == "failed" or report.exit_code in _PASSING:
            raise dg.Failure(
                report.error or "; ".join(failure["message"] for failure in report.failures[:3]),
                metadata=metadata_of(report),
                # A region that is being loaded elsewhere is one too, but a wrong name is not.
                allow_retries=report.exit_code in _PASSING or "is being loaded" in (report.error or ""),
            )
        yield dg.MaterializeResult(asset_key=key, metadata=metadata_of(report))
        yield from check_results(key, report)

    return loaded


def metadata_of(report: RegionReport) -> dict[str, dg.MetadataValue]:
    """The report as Dagster shows it: rows, requests, linkage as figures to follow over time, the rest as JSON."""
    linkage = report.linkage or {}
    figures: dict[str, dg.MetadataValue] = {
        f"rows/{entity}": dg.MetadataValue.int(count) for entity, count in report.rows.items()
    }
    figures["requests"] = dg.MetadataValue.int(report.requests["total"])
    for name in ("linked_pct", "resolution_pct"):
        if linkage.get(name) is not None:
            figures[name] = dg.MetadataValue.float(float(linkage[name]))
    return figures | {"report": dg.MetadataValue.json(report.as_dict())}


def check_results(key: dg.AssetKey, report: RegionReport) -> Iterator[dg.AssetCheckResult]:
    """One result per check; one that this run had no reason to make says so."""
    made = {check["name"]: check for check in report.checks}
    for name in CHECK_NAMES:
        check = made.get(name)
        notes = " ".join(report.check_notes.get(name, {}).values())
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=check is None or not check["rows"],
            severity=dg.AssetCheckSeverity.ERROR if name in _ERRORS else dg.AssetCheckSeverity.WARN,
            metadata={"rows": check["rows"] if check else 0},
            description=notes or (None if check else "not made in this run"),
        )


def definitions() -> dg.Definitions:
    """All assets and schedules of the configured regions. Raises ConfigError for a configuration that is wrong."""
    with project_configuration():
        regions = list(configuration()[1].values())
    shared = pools(regions)
    assets = [
        region_asset(region, cadence, shared[region.code]) for cadence in CADENCES for region in regions
    ]
    jobs = {
        cadence.name: dg.define_asset_job(
            f"breezeway_{cadence.name}",
            selection=dg.AssetSelection.assets(
                *(dg.AssetKey(["breezeway", region.code, cadence.name]) for region in regions)
            ),
        )
        for cadence in CADENCES
    }
    schedules = [
        dg.ScheduleDefinition(job=jobs[cadence.name], cron_schedule=cadence.cron, execution_timezone="UTC")
        for cadence in CADENCES
    ]
    return dg.Definitions(assets=assets, jobs=list(jobs.values()), schedules=schedules)


try:
    defs = definitions()
except BreezewayError as e:
    raise SystemExit(f"dagster_defs: {e}") from e
