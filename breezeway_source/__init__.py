"""dlt source for Breezeway: properties, stays, tasks and all that belongs to them, one region at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .source import breezeway_source

__all__ = ["breezeway_source"]


def __getattr__(name: str) -> Any:
    """The source, when it is asked for: names of entities and errors are known without importing dlt."""
    if name != "breezeway_source":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .source import breezeway_source  # noqa: PLC0415

    return breezeway_source
