"""Make the page of a loaded database: `python -m pipelines.page FILE --destination postgres`. Reads no API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if sys.path[0] != str(ROOT):
    sys.path.insert(0, str(ROOT))

import pendulum  # noqa: E402

from breezeway_source.errors import BreezewayError  # noqa: E402
from pipelines.database.causes import one_line  # noqa: E402
from pipelines.database.destinations import find_target  # noqa: E402
from pipelines.load.calling import configuration, project_configuration  # noqa: E402
from pipelines.page.making import page_of, refuse_page, write_page  # noqa: E402
from pipelines.watch.secrets import SECRETS  # noqa: E402
from pipelines.watch.streams import tell_end  # noqa: E402
from pipelines.watch.ways_out import with_next  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit code."""
    options = argparse.ArgumentParser(prog="page", description=__doc__)
    options.add_argument("file", type=Path, metavar="FILE", help="the HTML file to write")
    options.add_argument(
        "--destination", default="duckdb", metavar="NAME", help="duckdb (default) or postgres"
    )
    options.add_argument("--sandbox", action="store_true", help="of the sandbox's database")
    args = options.parse_args(argv)
    SECRETS.learn_configuration()
    try:
        with project_configuration():
            settings, regions = configuration()
            target = find_target(args.destination, dataset=settings.dataset_name, sandbox=args.sandbox)
            refuse_page(args.file, target)
            configured = {} if args.sandbox else {region.code: region.name for region in regions.values()}
            html = page_of(target, configured, pendulum.now("UTC"), with_names=settings.page_names)
        write_page(args.file, html)
        print(args.file)
    except BreezewayError as e:
        tell_end("page", str(e))
        return e.exit_code
    except Exception as e:  # noqa: BLE001 - whatever the database says, a person gets one line
        tell_end("page", with_next(one_line(e)))
        return BreezewayError.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
