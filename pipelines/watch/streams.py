"""Standard output and error, whatever they are: closed, full, a pipe whose reader has left, of a small alphabet.

What was loaded, the report and the exit code never depend on whether somebody could read along.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from pipelines.watch.secrets import clean

TABLE_WIDTH = 120


class Paper(Console):
    """A console that is written to in vain, rather than end the run, when nobody reads any longer."""

    def on_broken_pipe(self) -> None:
        self.quiet = True  # rich would end the process with 1 (15.0)
        mute(self.file)


def console() -> Console:
    """Where results go; a file or pipe has no width of its own."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return Paper() if is_terminal else Paper(width=TABLE_WIDTH)


def open_streams() -> None:
    """Open what was closed before the start (`>&-`): the next file opened would become standard output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free one, which is this
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def show_any_character() -> None:
    """A character that cannot be shown there is replaced; it would end the printing otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """For everything printed at the end: that it cannot be printed changes nothing."""
    try:
        yield
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # ValueError: a closed file
        for stream in (sys.stdout, sys.stderr):
            mute(stream)


def mute(stream: Any) -> None:
    """What is written there from now on, buffers at the exit included, goes nowhere, unless it still can be written."""
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def tell_end(program: str, text: str) -> None:
    """One line on stderr: why a program cannot start, or what ended it."""
    with unheard():
        sys.stderr.write(f"{program}: {clean(text)}\n")
