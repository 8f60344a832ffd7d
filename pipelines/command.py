"""What a call of the command line does once it makes sense: check or load, write, print, give the exit code.

Apart from `run.py`, which answers `--help` and what is mistyped without waiting for dlt to be imported.
"""

from __future__ import annotations

import contextlib
import logging
from argparse import Namespace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from breezeway_source.errors import BreezewayError
from breezeway_source.plan import Plan
from pipelines.database.causes import one_line
from pipelines.load.calling import Prepared, prepared
from pipelines.load.regions import load_regions
from pipelines.watch.interrupt import exit_code_of, heeding_sigterm, words_of
from pipelines.watch.logs import log_to_folder
from pipelines.watch.notices import tell
from pipelines.watch.progress import Watch
from pipelines.watch.report import RunReport, print_report
from pipelines.watch.sample import print_samples
from pipelines.watch.secrets import SECRETS
from pipelines.watch.streams import Paper, console, tell_end, unheard
from pipelines.watch.summary import tell_refusal
from pipelines.watch.ways_out import with_next

log = logging.getLogger("breezeway")
refuse = partial(tell_end, "run.py")


def carry_out(args: Namespace, plan: Plan) -> int:
    """Do what the options ask for; gives the exit code, and tells in one line what cannot be done."""
    SECRETS.learn_configuration()
    try:
        with heeding_sigterm():
            return run(args, plan)
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


def run(args: Namespace, plan: Plan) -> int:
    """Check everything, then load. Raises BreezewayError for what cannot start."""
    with contextlib.ExitStack() as stack:
        options = {"sandbox": args.sandbox, "dry_run": args.dry_run}
        ready = stack.enter_context(prepared(args.region or (), args.destination, **options))
        if args.page is not None:
            from pipelines.page.making import refuse_page  # noqa: PLC0415 - what an hourly run does not need

            refuse_page(args.page, ready.target)
        if args.check:
            from pipelines.preflight.check import Preflight, print_check  # noqa: PLC0415 - the same

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
        return finish(report, ready, args)


def finish(report: RunReport, ready: Prepared, args: Namespace) -> int:
    """Write the result where asked, then print it; gives the exit code, which no printing changes."""
    exit_code, target = report.exit_code, ready.target
    if args.report is not None:
        try:
            report.write(args.report)
        except OSError as e:
            refuse(f"--report {str(args.report)!r} was not written: {e.strerror or type(e).__name__}.")
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
    from pipelines.page.making import page_of, write_page  # noqa: PLC0415 - what an hourly run does not need

    try:
        names = {region.code: region.name for region in ready.regions}
        now = datetime.now(timezone.utc)
        write_page(file, page_of(ready.target, names, now, with_names=ready.settings.page_names))
    except Exception as e:  # whatever the database says, the load's own result stands
        log.debug("the page", exc_info=True)
        refuse(f"--page {str(file)!r} was not written: {one_line(e)}.")
        return False
    return True
