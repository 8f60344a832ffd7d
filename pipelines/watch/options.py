"""The command lines of the programs: what is mistyped is answered in one line, without importing dlt."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from breezeway_source.errors import BreezewayError, ConfigError
from pipelines.watch.secrets import SECRETS
from pipelines.watch.streams import tell_end
from pipelines.watch.ways_out import with_next


class Parser(argparse.ArgumentParser):
    """Errors are one line: what is wrong and the nearest right thing."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            near = difflib.get_close_matches(unknown[1], [*self._option_string_actions], n=1)
            message = f"Unknown option {unknown[1]!r}." + (f" Did you mean {near[0]!r}?" if near else "")
        end = "" if message.endswith((".", "?")) else "."
        tell_end(self.prog, f"{message}{end} See --help.")
        raise SystemExit(ConfigError.exit_code)


def carried_out(program: str, refuse: Callable[[], None], work: Callable[[], str]) -> int:
    """Do the work of a small program, once nothing is mistyped, and print what it says; gives the exit code."""
    try:
        refuse()
        SECRETS.learn_configuration()
        sys.stdout.write(f"{work()}\n")
    except BreezewayError as e:
        tell_end(program, str(e))
        return e.exit_code
    except Exception as e:  # noqa: BLE001 - whatever the database says, a person gets one line
        from pipelines.database.causes import one_line  # noqa: PLC0415 - imports dlt

        tell_end(program, with_next(one_line(e)))
        return BreezewayError.exit_code
    return 0
