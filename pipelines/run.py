"""Load Breezeway: `python pipelines/run.py --region smoky`. Parses, calls, prints, returns an exit code."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # run as a script: imports start at the project, not at pipelines/
    if not Path(".dlt").is_dir():
        os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))  # started elsewhere: the project's configuration
    from pipelines.watch.streams import open_streams

    open_streams()  # before anything else is opened

from breezeway_source.entities.endpoints import ENDPOINTS, GROUPS  # noqa: E402
from breezeway_source.errors import BreezewayError, ConfigError  # noqa: E402
from breezeway_source.plan import Plan, plan_of  # noqa: E402
from pipelines.database.causes import one_line  # noqa: E402
from pipelines.load.calling import Prepared, prepared  # noqa: E402
from pipelines.load.regions import load_regions  # noqa: E402
from pipelines.page.making import page_of, refuse_page, write_page  # noqa: E402
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
from pipelines.watch.progress import Watch  # noqa: E402
from pipelines.watch.report import RunReport, print_report  # noqa: E402
from pipelines.watch.sample import print_samples  # noqa: E402
from pipelines.watch.secrets import SECRETS  # noqa: E402
from pipelines.watch.streams import Paper, console, show_any_character, tell_end, unheard  # noqa: E402
from pipelines.watch.ways_out import with_next  # noqa: E402

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
    p.add_argument("--page", type=Path, metavar="FILE", help="write the page to look at, as one HTML file")
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
    tell_end("run.py", text)


def run(args: argparse.Namespace) -> int:
    """Check everything, then load. Raises BreezewayError for what cannot start."""
    report_file = checked_report_file(args.report)
    plan = make_plan(args)
    with contextlib.ExitStack() as stack:
        options = {"sandbox": args.sandbox, "dry_run": args.dry_run}
        ready = stack.enter_context(prepared(args.region or (), args.destination, **options))
        if args.page is not None:
            refuse_page(args.page, ready.target)
        if args.check:
            checked = Preflight(ready.settings, plan, ready.target, ready.access, ready.started_at)
            return print_check(checked.check(ready.regions), console())
        if ready.settings.log_folder:
            log_to_folder(
                Path(ready.settings.log_folder), ready.started_at, as_json=args.log_format == "json"
            )
        err = Paper(stderr=True)
        watch = stack.enter_context(Watch(err, bars=args.progress or (err.is_terminal and not args.quiet)))
        report = load_regions(ready.runs(plan, watch))
        watch.close()
        return finish(report, ready, args, report_file)


def finish(report: RunReport, ready: Prepared, args: argparse.Namespace, report_file: Path | None) -> int:
    """Write the result where asked, then print it; gives the exit code, which no printing changes."""
    exit_code, target = report.exit_code, ready.target
    if report_file is not None:
        try:
            report.write(report_file)
        except OSError as e:
            refuse(f"--report {str(report_file)!r} was not written: {e.strerror or type(e).__name__}.")
            exit_code = exit_code or BreezewayError.exit_code
    if args.page is not None and report.interrupted is None and not show_page(args.page, ready):
        exit_code = exit_code or BreezewayError.exit_code
    tell(report, send=not (args.dry_run or args.sandbox or report.interrupted))
    with unheard():
        out = console()
        print_report(report, out)
        if args.dry_run and report.interrupted is None:
            print_samples(out, target, [region.region for region in report.regions], args.sample or 0)
    return exit_code


def show_page(file: Path, ready: Prepared) -> bool:
    """Write the page of what is loaded now; false, with the reason told, where that fails."""
    try:
        names = {region.code: region.name for region in ready.regions}
        now = datetime.now(timezone.utc)
        write_page(file, page_of(ready.target, names, now, with_names=ready.settings.page_names))
    except Exception as e:  # whatever the database says, the load's own result stands
        log.debug("the page", exc_info=True)
        refuse(f"--page {str(file)!r} was not written: {one_line(e)}.")
        return False
    return True


def make_plan(args: argparse.Namespace) -> Plan:
    """What the options ask for. Raises ConfigError for names, days and ids that make no sense."""
    plan = plan_of(
        args.entities or (),
        since=args.since,
        until=args.until,
        full=args.full,
        properties=args.property or (),
        reconcile=args.reconcile,
    )
    if args.check and (args.dry_run or args.report or args.page):
        raise ConfigError("--check loads nothing: leave out --dry-run, --report and --page.")
    if args.sample is not None and not args.dry_run:
        raise ConfigError("--sample goes with --dry-run.")
    if args.sample is not None and args.sample < 0:
        raise ConfigError(f"--sample {args.sample} is below 0: it is the number of rows shown of each table.")
    return plan


def checked_report_file(path: Path | None) -> Path | None:
    """Refuse a place that cannot be written before the run, not after it."""
    if path is not None and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK)):
        raise ConfigError(f"--report {str(path)!r} cannot be written: is the folder there and yours?")
    return path


if __name__ == "__main__":
    try:
        code: Any = main()
    except SystemExit as end:  # argparse's, after help or a refusal
        code = end.code
    if code in STOPPED:
        leave(code)
    with unheard():
        pass  # what is still in the buffers; Python would end with 120 when it cannot be written
    raise SystemExit(code)
