"""`python -m tests.story`: many seeds, on one database or both; the seeds that fail are printed."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

from databases import Database, fresh_postgres  # noqa: E402

from story.play import Ending, play  # noqa: E402


def main() -> int:
    """1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.story", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--first", type=int, default=0, help="the first one (default 0)")
    parser.add_argument(
        "--steps", type=int, default=12, help="runs of a story before its clean end (default 12)"
    )
    parser.add_argument("--database", choices=("duckdb", "postgres", "both"), default="both")
    parser.add_argument("--verbose", action="store_true", help="tell every story, not only those that fail")
    args = parser.parse_args()
    os.chdir(ROOT)
    logging.getLogger("breezeway").setLevel(logging.CRITICAL)
    kinds = ("duckdb", "postgres") if args.database == "both" else (args.database,)
    failed = []
    for seed in range(args.first, args.first + args.seeds):
        for kind in kinds:
            start = time.monotonic()
            ending = one(seed, kind, args.steps)
            word = "DIFFERS" if ending.problems else "ok"
            seconds = time.monotonic() - start
            print(
                f"seed {seed} {kind}: {word}, {ending.runs} runs, {ending.killed} killed, {seconds:.0f} s",
                flush=True,
            )
            if args.verbose or ending.problems:
                tell(ending)
            if ending.problems:
                failed.append(f"{seed} on {kind}")
    print(
        f"{args.seeds * len(kinds)} stories, {len(failed)} differ"
        + (f": {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def one(seed: int, kind: str, steps: int) -> Ending:
    """One story in a folder and a database of its own."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="story-", ignore_cleanup_errors=True))
        )
        os.environ |= {
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "DLT_DATA_DIR": str(folder / "dlt"),
        }
        url = (
            stack.enter_context(fresh_postgres())
            if kind == "postgres"
            else str(folder / "story_local.duckdb")
        )
        return play(seed, Database(kind, url, folder), folder, steps=steps)


def tell(ending: Ending) -> None:
    """The story, what differs, and how to play it again."""
    for line in [
        *ending.log,
        *(f"! {problem}" for problem in ending.problems[:40]),
        f"again: {ending.again}",
    ]:
        print(f"    {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
