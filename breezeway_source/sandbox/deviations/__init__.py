"""Ways in which the API may differ from what its pages say, each to be switched on and off while it serves."""

from __future__ import annotations

from .answers import ANSWER_KINDS
from .deviation import Deviation, Deviations, Kind, Moment
from .paging import PAGING_KINDS
from .rows import ROW_KINDS
from .shapes import SHAPE_KINDS

KINDS = {**PAGING_KINDS, **SHAPE_KINDS, **ROW_KINDS, **ANSWER_KINDS}
"""Name to maker: `KINDS["limit_clamped"](to=2)`. The makers' keyword arguments are the options of `deviate`."""

__all__ = ["KINDS", "Deviation", "Deviations", "Kind", "Moment"]
