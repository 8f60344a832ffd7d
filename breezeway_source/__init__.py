"""dlt source for Breezeway: properties, stays, tasks and all that belongs to them, one region at a time."""

from __future__ import annotations

from .source import breezeway_source

__all__ = ["breezeway_source"]
