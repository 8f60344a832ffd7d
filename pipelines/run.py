"""Load Breezeway: `python pipelines/run.py --region smoky`. Parses, calls, prints, returns an exit code."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    gc.disable()  # until there are rows: modules leave nothing to collect, and are looked through 240 times
    sys.path[0] = str(ROOT)  # run as a script: imports start at the project, not at pipelines/
    if not Path(".dlt").is_dir():
        os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))  # started elsewhere: the project's configuration
    from pipelines.watch.streams import open_streams

    open_streams()  # before anything else is opened

from breezeway_source.entities.endpoints import ENDPOINTS, GROUPS  # noqa: E402
from breezeway_source.errors import ConfigError  # noqa: E402
from breezeway_source.plan import Plan, plan_of  # noqa: E402
from pipelines.database.engines import engine_of  # noqa: E402
from pipelines.database.places import refuse_place  # noqa: E402
from pipelines.load.mistyped import refuse_mistyped  # noqa: E402
from pipelines.watch.logs import set_up_logging  # noqa: E402
from pipelines.watch.options import Parser  # noqa: E402
from pipelines.watch.secrets import SECRETS  # noqa: E402
from pipelines.watch.streams import show_any_character, tell_end, unheard  # noqa: E402
from pipelines.watch.summary import tell_refusal  # noqa: E402

refuse = partial(tell_end, "run.py")
STOPPED = (130, 143)  # by Ctrl-C or SIGTERM, as shells count


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
    SECRETS.learn_environment()
    args = parser().parse_args(argv)
    set_up_logging(verbose=args.verbose, quiet=args.quiet, as_json=args.log_format == "json")
    try:
        plan = make_plan(args)
        refuse_mistyped(args.region or ())
        engine_of(args.destination)
        for option, file in (("--report", args.report), ("--page", args.page)):
            if file is not None:  # refused before the run, not after it
                refuse_place(option, file)
        from pipelines.command import carry_out  # noqa: PLC0415 - imports dlt: when something is going to be read

    except ConfigError as e:
        refuse(str(e))
        tell_refusal(str(e))
        return e.exit_code
    except KeyboardInterrupt:
        refuse("interrupted by Ctrl-C before anything was read.")
        return STOPPED[0]
    return carry_out(args, plan)


def make_plan(args: argparse.Namespace) -> Plan:
    """What the options ask for. Raises ConfigError for names, days and ids that make no sense."""
    plan = plan_of(
        args.entities or "hourly",
        since=args.since,
        until=args.until,
        full=args.full,
        properties=args.property or (),
        reconcile=args.reconcile,
        dash="--",
    )
    if args.check and (args.dry_run or args.report or args.page):
        raise ConfigError("--check loads nothing: leave out --dry-run, --report and --page.")
    if args.sample is not None and not args.dry_run:
        raise ConfigError("--sample goes with --dry-run.")
    if args.sample is not None and args.sample < 0:
        raise ConfigError(f"--sample {args.sample} is below 0: it is the number of rows shown of each table.")
    return plan


if __name__ == "__main__":
    try:
        code: Any = main()
    except SystemExit as end:  # argparse's, after help or a refusal
        code = end.code
    if code in STOPPED:
        from pipelines.watch.interrupt import leave

        leave(code)
    with unheard():
        pass  # what is still in the buffers; Python would end with 120 when it cannot be written
    gc.freeze()  # Python looks through all that is left when it ends: a fifth of a quiet hour's CPU
    raise SystemExit(code)
