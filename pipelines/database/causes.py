"""Errors wrapped in errors: dlt wraps what a resource, a job or the database raises, several levels deep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from dlt.load.exceptions import LoadClientJobException
from dlt.pipeline.exceptions import PipelineStepFailed

E = TypeVar("E", bound=BaseException)


def find_cause(error: BaseException | None, kind: type[E]) -> E | None:
    """The first error of that kind down the chain."""
    for link in chain(error):
        if isinstance(link, kind):
            return link
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it wraps, what that wraps."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = error.exception if isinstance(error, PipelineStepFailed) else None
        if isinstance(error, LoadClientJobException):
            inner = error.client_exception
        error = inner or error.__cause__ or error.__context__


def one_line(error: BaseException) -> str:
    """The innermost error in one line: a failed job's message holds a whole traceback."""
    last = list(chain(error))[-1]
    lines = [line.strip() for line in str(last).splitlines() if line.strip()]
    text = (lines[-1] if "Traceback" in str(last) else lines[0]) if lines else ""
    step = next((e.step for e in chain(error) if isinstance(e, PipelineStepFailed)), None)
    return f"{f'{step}: ' if step else ''}{type(last).__name__}: {text[:300]}"
