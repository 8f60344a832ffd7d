"""Telling people: a line per problem on stderr, dlt's Slack hook where configured, the summary of a GitHub job.

News go out once, when they come up and when they are over. That a notice cannot be sent is a warning, never an error.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.common.runtime.slack import send_slack_message

from breezeway_source.address import is_private
from breezeway_source.errors import ConfigError
from pipelines.watch.report import HEADINGS, RegionReport, RunReport, cells
from pipelines.watch.summary import markdown, write_summary

HOOK_KEY = "runtime.slack_incoming_hook"
SEND_TIMEOUT_S = 20.0  # dlt sends without one (1.31)
MAX_LINES = 30  # of one message; the report has all

log = logging.getLogger("breezeway")


def tell(report: RunReport, *, send: bool = True) -> None:
    """Tell what this run found; `send` False keeps it to stderr and the job summary. Raises nothing."""
    for region in report.regions:
        _log_news(region)
    write_summary(summary(report))
    if send and not all(region.news.is_quiet for region in report.regions):
        _send(message(report))


def _log_news(region: RegionReport) -> None:
    news = region.news
    rows = ", ".join(f"{name} {count}" for name, count in region.rows.items())
    log.info("%s: %s: %s requests; %s", region.region, region.status, region.requests["total"], rows)
    for problem in news.new:
        level = logging.ERROR if problem.severity == "error" else logging.WARNING
        log.log(level, "%s: %s", region.region, problem.text)
    for problem, since in news.still:
        log.info("%s: still (since %s): %s", region.region, since[:16], problem.text)
    for text in news.over:
        log.warning("%s: over: %s", region.region, text)


# --- Slack -------------------------------------------------------------------------------------------------


def message(report: RunReport) -> str:
    """The news of a run as Slack's mrkdwn."""
    lines = []
    for region in report.regions:
        news = region.news
        lines += [f"{region.region}: {problem.text}" for problem in news.new]
        lines += [f"{region.region}: over: {text}" for text in news.over]
        if news.columns:
            lines.append(f"{region.region}: new columns: {', '.join(news.columns)}")
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], f"and {len(lines) - MAX_LINES + 1} more: see the run's report"]
    return "\n".join([f"*Breezeway load: {report.status}*", *(f"• {_slack(line)}" for line in lines)])


def slack_hook() -> str | None:
    """The configured hook. Raises ConfigError for one that cannot be used; its address is a secret."""
    try:
        hook = resolve_configuration(RuntimeConfiguration()).slack_incoming_hook
    except (ConfigurationException, ValueError) as e:
        raise ConfigError(f"{HOOK_KEY} cannot be read: {type(e).__name__}.") from None
    if not hook:
        return None
    if not is_private(hook):
        raise ConfigError(f"{HOOK_KEY} is no https address: http is allowed to this machine only.")
    return str(hook)


def _send(text: str) -> None:
    """Raises nothing; of a failure only its kind is told, since its text holds the hook's address."""
    try:
        hook = slack_hook()
    except ConfigError as e:
        log.warning("no notice was sent: %s", e)
        return
    if hook is None:
        return
    fault = _within(SEND_TIMEOUT_S, lambda: send_slack_message(hook, text))
    if fault is not None:
        log.warning(
            "no notice was sent: %s answered with %s; the run's report has everything.", HOOK_KEY, fault
        )


def _within(seconds: float, call: Callable[[], None]) -> str | None:
    """Run a call that may hang for ever; the kind of its failure, None when it went well."""
    faults: list[str] = ["no answer in time"]

    def run() -> None:
        try:
            call()
            faults.clear()
        except Exception as e:  # noqa: BLE001 - whatever it is, it must not end a run that loaded
            status = getattr(getattr(e, "response", None), "status_code", None)
            faults[:] = [f"{status}" if status else type(e).__name__]

    thread = threading.Thread(target=run, name="notice", daemon=True)
    thread.start()
    thread.join(seconds)
    return faults[0] if faults else None


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- GitHub ------------------------------------------------------------------------------------------------


def summary(report: RunReport) -> str:
    """The run as Markdown: a table of regions, then what needs attention."""
    lines = [
        f"## Breezeway load: {report.status}",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{' --- |' * len(HEADINGS)}",
    ]
    points = []
    for region in report.regions:
        lines.append(f"| {' | '.join(map(markdown, cells(region)))} |")
        news = region.news
        points += [f"**new** {region.region}: {markdown(problem.text)}" for problem in news.new]
        points += [
            f"{region.region} (since {since[:16]}): {markdown(problem.text)}" for problem, since in news.still
        ]
        points += [f"**over** {region.region}: {markdown(text)}" for text in news.over]
        if news.columns:
            points.append(f"{region.region}: new columns: {markdown(', '.join(news.columns))}")
    return "\n".join([*lines, "", *(f"- {point}" for point in points), ""])
