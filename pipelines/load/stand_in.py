"""`--sandbox`: the stand-in API on a free loopback port, and the configuration that leads to it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pendulum

from breezeway_source.settings import Region, Settings

# How many properties a region of the sandbox has: some few large ones, as companies have them. Others have FEW.
PROPERTIES = {"smoky": 24, "austin": 18, "mammoth": 6}
FEW = 10


@contextmanager
def stand_in(
    settings: Settings, regions: Sequence[Region], now: pendulum.DateTime
) -> Iterator[tuple[Settings, list[Region], Path]]:
    """Runs the stand-in while the context is open; gives settings, regions and a folder for its tokens."""
    from breezeway_source.sandbox import Sandbox, World  # noqa: PLC0415 - only who asks for it needs it

    sizes = {region.code: PROPERTIES.get(region.code, FEW) for region in regions}
    worlds = {code: World.seeded(code, now=now, properties=size) for code, size in sizes.items()}
    tokens = tempfile.TemporaryDirectory(prefix="breezeway-sandbox-", ignore_cleanup_errors=True)
    with Sandbox.multi(worlds) as sandbox, tokens as folder:
        keyed = []
        for region in regions:
            client_id, client_secret = sandbox.credentials[region.code]
            keyed.append(
                dataclasses.replace(region, client_id=client_id, client_secret=client_secret, company_id=None)
            )
        # Nobody's limit is at stake here, so nothing is paced.
        yield (
            dataclasses.replace(settings, base_url=sandbox.base_url, requests_per_minute=60_000.0),
            keyed,
            Path(folder),
        )
