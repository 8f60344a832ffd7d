"""Codes of regions: where they are named, and the answer to one that is none. Known without importing dlt."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .errors import unknown_name

REGIONS = "sources.breezeway.regions"


def env_name(field: str) -> str:
    """A key of the configuration as the environment spells it."""
    return field.upper().replace(".", "__")


def with_environment(configured: Iterable[str]) -> list[str]:
    """These, and behind them the regions of which the environment alone has a key pair."""
    prefix, end = env_name(f"{REGIONS}."), "__CLIENT_ID"
    others = sorted(name for name in os.environ if name.startswith(prefix) and name.endswith(end))
    return list(dict.fromkeys((*configured, *(name[len(prefix) : -len(end)].lower() for name in others))))


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises ConfigError for the first name that is neither a region's nor `all`."""
    codes = list(known)
    for name in sorted({*names} - {*codes, "all"}):
        raise unknown_name("region", name, codes)
