"""Views under the names of an older schema: `python -m pipelines.compat --destination postgres`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from pipelines.database.engines import engine_of
from pipelines.watch.options import Parser, carried_out


def main(argv: Sequence[str] | None = None) -> int:
    """Make the views; returns the exit code."""
    options = Parser(prog="compat", description=__doc__, allow_abbrev=False)
    options.add_argument(
        "--destination", default="duckdb", metavar="NAME", help="duckdb (default) or postgres"
    )
    args = options.parse_args(argv)
    return carried_out("compat", lambda: _refuse(args), lambda: _make(args))


def _refuse(args: Namespace) -> None:
    engine_of(args.destination)


def _make(args: Namespace) -> str:
    from pipelines.compat.views import views_in  # noqa: PLC0415 - imports dlt

    return views_in(args.destination)


if __name__ == "__main__":
    raise SystemExit(main())
