"""Load Breezeway: `python pipelines/run.py --region smoky`. Parses, calls, prints, returns an exit code."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # run as a script: imports start at the project, not at pipelines/
    if not Path(".dlt").is_dir():
        os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))  # started elsewhere: the project's configuration
    from pipelines.watch.streams import open_streams

    open_streams()  # before anything else is opened

import pendulum  # noqa: E402

from breezeway_source.api.access import Access  # noqa: E402
from breezeway_source.entities.endpoints import ENDPOINTS, GROUPS, select_entities  # noqa: E402
from breezeway_source.errors import BreezewayError, ConfigError  # noqa: E402
from breezeway_source.plan import Plan  # noqa: E402
from breezeway_source.settings import (  # noqa: E402
    Region,
    Settings,
    read_regions,
    read_settings,
    select_regions,
)
from pipelines.database.destinations import Target, duckdb_target, find_target  # noqa: E402
from pipelines.load.region_run import RegionRun, one_line  # noqa: E402
from pipelines.load.regions import load_regions  # noqa: E402
from pipelines.load.stand_in import stand_in  # noqa: E402
from pipelines.preflight.check import Preflight, print_check  # noqa: E402
from pipelines.watch.interrupt import (  # noqa: E402
    STOPPED,
    exit_code_of,
    heeding_sigterm,
    leave,
    words_of,
)
from pipelines.watch.logs import log_to_folder, set_up_logging  # noqa: E402
from pipelines.watch.notices import tell, tell_refusal  # noqa: E402
from pipelines.watch.problems import with_next  # noqa: E402
from pipelines.watch.progress import Watch  # noqa: E402
from pipelines.watch.report import RunReport, print_report  # noqa: E402
from pipelines.watch.sample import print_samples  # noqa: E402
from pipelines.watch.secrets import SECRETS, clean  # noqa: E402
from pipelines.watch.streams import Paper, console, show_any_character, unheard  # noqa: E402

log = logging.getLogger("breezeway")


class Parser(argparse.ArgumentParser):
    """Errors are one line: what is wrong and the nearest right thing."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            near = difflib.get_close_matches(unknown[1], [*self._option_string_actions], n=1)
            message = f"Unknown option {unknown[1]!r}." + (f" Did you mean {near[0]!r}?" if near else "")
        end = "" if message.endswith((".", "?")) else "."
        SECRETS.learn_configuration()
        refuse(f"{message}{end} See --help.")
        raise SystemExit(ConfigError.exit_code)


def parser() -> Parser:
    """All options of the command line."""
    p = Parser(prog="run.py", description="Load Breezeway into DuckDB or PostgreSQL.", allow_abbrev=False)
    p.add_argument(
        "--region", action="append", metavar="NAME", help="a configured region, or all; repeatable"
    )
    p.add_argument(
        "--entities",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"entities ({', '.join(ENDPOINTS)}) or a group ({', '.join(GROUPS)}; default hourly)",
    )
    p.add_argument(
        "--destination", default="duckdb", metavar="NAME", help="duckdb (default), postgres, or any other"
    )
    p.add_argument("--since", metavar="DAY", help="read from this day on again, beside the stored cursor")
    p.add_argument("--until", metavar="DAY", help="with --since: up to this day, included")
    p.add_argument("--full", action="store_true", help="read everything again, deletes nothing")
    p.add_argument(
        "--property",
        nargs="+",
        action="extend",
        metavar="ID",
        help="only these properties' tasks and details",
    )
    p.add_argument(
        "--reconcile", action="store_true", help="look for tasks and stays that vanished at the source"
    )
    p.add_argument(
        "--dry-run", action="store_true", help="into a throw-away DuckDB; the warehouse is not opened"
    )
    p.add_argument("--sample", type=int, metavar="N", help="with --dry-run: show N masked rows a table")
    p.add_argument(
        "--check", action="store_true", help="credentials, scope, rights, estimated minutes; writes nothing"
    )
    p.add_argument("--sandbox", action="store_true", help="read from the stand-in API; needs no account")
    p.add_argument("--report", type=Path, metavar="FILE", help="write the run report as JSON")
    p.add_argument("--progress", action="store_true", help="progress bars also where stderr is no terminal")
    p.add_argument("--verbose", action="store_true", help="log more, tracebacks too")
    p.add_argument("--quiet", action="store_true", help="log problems only")
    p.add_argument("--log-format", choices=("text", "json"), default="text", help="log lines as text or JSON")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    show_any_character()
    args = parser().parse_args(argv)
    set_up_logging(verbose=args.verbose, quiet=args.quiet, as_json=args.log_format == "json")
    SECRETS.learn_configuration()
    try:
        with heeding_sigterm():
            return run(args)
    except BreezewayError as e:
        refuse(str(e))
        tell_refusal(str(e))
        return e.exit_code
    except KeyboardInterrupt as stop:
        refuse(words_of(stop))
        return exit_code_of(stop)
    except Exception as e:
        log.debug("the run ended", exc_info=True)
        refuse(with_next(one_line(e)))
        return BreezewayError.exit_code


def refuse(text: str) -> None:
    """One line on stderr: why the run cannot start, or what ended it."""
    with unheard():
        print(f"run.py: {clean(text)}", file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    """Check everything, then load. Raises BreezewayError for what cannot start."""
    report_file = checked_report_file(args.report)
    plan = make_plan(args)
    settings, known = configuration()
    regions = select_regions(args.region or missing_region(known), known)
    started_at = pendulum.now("UTC")
    if settings.log_folder and not args.check:
        log_to_folder(Path(settings.log_folder), started_at, as_json=args.log_format == "json")
    with contextlib.ExitStack() as stack:
        target, pipelines_dir = stack.enter_context(chosen_target(args))
        if args.sandbox:
            settings, regions, cache_dir = stack.enter_context(stand_in(settings, regions, started_at))
        else:
            cache_dir = None
            refuse_when_none_has_credentials(regions)
        access = Access(settings, cache_dir=cache_dir)
        if args.check:
            answers = Preflight(settings, plan, target, access, started_at).check(regions)
            return print_check(answers, console())
        err = Paper(stderr=True)
        watch = stack.enter_context(Watch(err, bars=args.progress or (err.is_terminal and not args.quiet)))
        runs = [
            RegionRun(region, settings, plan, target, access, started_at, pipelines_dir, watch)
            for region in regions
        ]
        report = load_regions(runs)
        watch.close()
        return finish(report, target, args, report_file)


def finish(report: RunReport, target: Target, args: argparse.Namespace, report_file: Path | None) -> int:
    """Write the result where asked, then print it; gives the exit code, which no printing changes."""
    exit_code = report.exit_code
    if report_file is not None:
        try:
            report.write(report_file)
        except OSError as e:
            refuse(f"--report {str(report_file)!r} was not written: {e.strerror or type(e).__name__}.")
            exit_code = exit_code or BreezewayError.exit_code
    tell(report, send=not (args.dry_run or args.sandbox or report.interrupted))
    with unheard():
        out = console()
        print_report(report, out)
        if args.dry_run and report.interrupted is None:
            print_samples(out, target, [region.region for region in report.regions], args.sample or 0)
    return exit_code


def make_plan(args: argparse.Namespace) -> Plan:
    """What the options ask for. Raises ConfigError for names, days and ids that make no sense."""
    group = select_entities(args.entities or ["hourly"])
    entities = group.entities
    if args.reconcile:
        if args.since:
            raise ConfigError("--reconcile compares whole lists: leave out --since.")
        named_only_entities = all(name in ENDPOINTS for name in args.entities or ["hourly"])
        checked = {"tasks", "reservations"}
        if not named_only_entities:
            entities = tuple(name for name in ENDPOINTS if name in entities or name in checked)
        elif not checked & set(entities):
            raise ConfigError(
                "--reconcile looks for vanished tasks and stays: name tasks or reservations in --entities."
            )
    since, until = day("--since", args.since), day("--until", args.until)
    if until is not None and since is None:
        raise ConfigError("--until needs --since.")
    if since is not None and until is not None and until < since:
        raise ConfigError(f"--until {until} is before --since {since}.")
    if since is not None and args.full:
        raise ConfigError("--full reads everything: leave out --since, or --full.")
    if args.check and (args.dry_run or args.report):
        raise ConfigError("--check loads nothing: leave out --dry-run and --report.")
    if args.sample is not None and not args.dry_run:
        raise ConfigError("--sample goes with --dry-run.")
    if args.sample is not None and args.sample < 0:
        raise ConfigError(f"--sample {args.sample} is below 0: it is the number of rows shown of each table.")
    return Plan(
        entities=entities,
        whole_tasks=group.whole_tasks,
        whole_stays=group.whole_stays or args.reconcile,
        full=args.full,
        reconcile=args.reconcile,
        since=since,
        until=until,
        properties=frozenset(property_id(text) for text in args.property or ()),
    )


def day(option: str, text: str | None) -> pendulum.Date | None:
    """A day of the command line, such as 2026-03-01."""
    if text is None:
        return None
    try:
        return pendulum.from_format(text, "YYYY-MM-DD").date()
    except ValueError as e:
        raise ConfigError(
            f"{option} {text!r} is no day: write it like {pendulum.now().to_date_string()}."
        ) from e


def property_id(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"--property {text!r} is no id: Breezeway's property ids are whole numbers.")
    return int(text)


def configuration() -> tuple[Settings, dict[str, Region]]:
    """Settings and regions. Raises ConfigError also for a file that is no TOML."""
    try:
        return read_settings(), read_regions()
    except BreezewayError:
        raise
    except Exception as e:
        text = " ".join(str(e).split()) or type(e).__name__
        raise ConfigError(f"The configuration cannot be read: {text}") from e


def missing_region(known: dict[str, Region]) -> NoReturn:
    raise ConfigError(f"Which region? Give --region with one of {', '.join(known)}, or all.")


def refuse_when_none_has_credentials(regions: Sequence[Region]) -> None:
    """With one region lacking credentials the others load; with all lacking them nothing can start."""
    if not any(region.client_id and region.client_secret for region in regions):
        regions[0].key_pair()


def checked_report_file(path: Path | None) -> Path | None:
    """Refuse a place that cannot be written before the run, not after it."""
    if path is not None and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK)):
        raise ConfigError(f"--report {str(path)!r} cannot be written: is the folder there and yours?")
    return path


@contextlib.contextmanager
def chosen_target(args: argparse.Namespace) -> Iterator[tuple[Target, str | None]]:
    """Where the rows go; a dry run gets a folder of its own that goes away with it."""
    if not args.dry_run:
        yield find_target(args.destination, sandbox=args.sandbox), None
        return
    with tempfile.TemporaryDirectory(prefix="breezeway-dry-run-", ignore_cleanup_errors=True) as folder:
        target = duckdb_target(Path(folder) / "dry_run.duckdb", sandbox=args.sandbox)
        yield target, os.path.join(folder, "pipelines")


if __name__ == "__main__":
    code = main()
    if code in STOPPED:
        leave(code)
    with unheard():
        pass  # what is still in the buffers; Python would end with 120 when it cannot be written
    raise SystemExit(code)
