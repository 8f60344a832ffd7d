"""Make the page of a loaded database: `python -m pipelines.page FILE --destination postgres`. Reads no API."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pendulum

from pipelines.database.engines import engine_of
from pipelines.database.places import refuse_place
from pipelines.watch.options import Parser, carried_out


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit code."""
    options = Parser(prog="page", description=__doc__, allow_abbrev=False)
    options.add_argument("file", type=Path, metavar="FILE", help="the HTML file to write")
    options.add_argument(
        "--destination", default="duckdb", metavar="NAME", help="duckdb (default) or postgres"
    )
    options.add_argument("--sandbox", action="store_true", help="of the sandbox's database")
    args = options.parse_args(argv)
    return carried_out("page", lambda: _refuse(args), lambda: _write(args))


def _refuse(args: Namespace) -> None:
    engine_of(args.destination)
    refuse_place("--page", args.file)


def _write(args: Namespace) -> str:
    # All of these import dlt.
    from pipelines.database.destinations import find_target  # noqa: PLC0415
    from pipelines.load.calling import configuration, project_configuration  # noqa: PLC0415
    from pipelines.page.making import page_of, refuse_page, write_page  # noqa: PLC0415

    with project_configuration():
        settings, regions = configuration()
        target = find_target(args.destination, dataset=settings.dataset_name, sandbox=args.sandbox)
        refuse_page(args.file, target)
        configured = {} if args.sandbox else {region.code: region.name for region in regions.values()}
        html = page_of(target, configured, pendulum.now("UTC"), with_names=settings.page_names)
    write_page(args.file, html)
    return str(args.file)


if __name__ == "__main__":
    raise SystemExit(main())
