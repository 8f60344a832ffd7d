"""Pictures of the page: Vega-Lite descriptions drawn as plain SVG, without a browser.

vl-convert alone does it: Altair only writes such descriptions, and theirs here are short. Colours are the page's CSS
variables, so that a picture follows the reader's light or dark setting like the text around it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Values = Sequence[Mapping[str, Any]]

HUES = [f"var(--hue{number})" for number in range(1, 7)]
FEW = 8  # labels that stand side by side
# What stands beside a mark is its value: rounded to whole ones, marks at 0.5 and 1 read the same.
AMOUNT, SHARE = ",.2~f", ".1~%"
_INK, _LINE = "var(--ink)", "var(--line)"
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "gridColor": _LINE,
        "domainColor": _LINE,
        "tickColor": _LINE,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
    "legend": {
        "labelColor": _INK,
        "title": None,
        "orient": "bottom",
        "labelFontSize": 11,
        "symbolType": "square",
    },
}
# What Vega says to screen readers: the table below each picture says it better.
_ASIDE = re.compile(r' (?:aria-[\w-]+|role|pointer-events|stroke-miterlimit|xmlns:xlink|class)="[^"]*"')
_EMPTY = re.compile(r'<path d="M0,0h[\d.]+v[\d.]+h-[\d.]+Z"/>|<path d="" display="none"/>')
_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")


def line(values: Values, x: str, y: str) -> str:
    """A small line without axes, for a cell; gaps where there is no value."""
    return _svg(
        {
            "width": 96,
            "height": 22,
            "padding": 2,
            "data": {"values": list(values)},
            "mark": {
                "type": "line",
                "color": HUES[0],
                "strokeWidth": 1.5,
                "point": {"size": 9, "color": HUES[0]},
            },
            "encoding": {
                "x": {"field": x, "type": "ordinal", "axis": None},
                "y": {
                    "field": y,
                    "type": "quantitative",
                    "axis": None,
                    "scale": {"zero": False, "nice": False},
                },
            },
        }
    )


def stacked(values: Values, x: str, y: str, series: str, order: Sequence[str], title: str) -> str:
    """Stacked bars: `series` in `order`, one bar per `x`."""
    return _svg(
        {
            "width": 440,
            "height": 190,
            "data": {"values": list(values)},
            "mark": {"type": "bar"},
            "encoding": {
                "x": {"field": x, "type": "ordinal", "title": None, "axis": {"labelAngle": -45}},
                "y": {
                    "field": y,
                    "type": "quantitative",
                    "title": title,
                    "axis": {"format": AMOUNT, "tickCount": 5},
                },
                "color": {
                    "field": series,
                    "type": "nominal",
                    "scale": {
                        "domain": list(order),
                        "range": [HUES[n % len(HUES)] for n in range(len(order))],
                    },
                },
                "order": {"field": "rank"},
            },
        }
    )


def lines(values: Values, x: str, y: str, series: str, order: Sequence[str], title: str, form: str) -> str:
    """A line per series over `x`."""
    return _svg(
        {
            "width": 440,
            "height": 190,
            "data": {"values": list(values)},
            "mark": {"type": "line", "point": {"size": 16}},
            "encoding": {
                "x": {"field": x, "type": "ordinal", "title": None, "axis": {"labelAngle": -45}},
                "y": {
                    "field": y,
                    "type": "quantitative",
                    "title": title,
                    "axis": {"format": form, "tickCount": 5},
                },
                "color": {
                    "field": series,
                    "type": "nominal",
                    "scale": {
                        "domain": list(order),
                        "range": [HUES[n % len(HUES)] for n in range(len(order))],
                    },
                },
            },
        }
    )


def bars(values: Values, x: str, y: str, order: Sequence[str], title: str) -> str:
    """One bar per `x`, in `order`; marks of small counts stand at whole numbers."""
    # Vega heeds no tickMinStep up to a highest value of 2 (vl-convert 1.9).
    highest = max([1, *(math.ceil(value[y]) for value in values)])
    return _svg(
        {
            "width": 440,
            "height": 170,
            "data": {"values": list(values)},
            "mark": {"type": "bar", "color": HUES[0]},
            "encoding": {
                "x": {
                    "field": x,
                    "type": "ordinal",
                    "title": None,
                    "sort": list(order),
                    "axis": {"labelAngle": 0, "labelOverlap": len(order) > FEW, "labelLimit": 0},
                },
                "y": {
                    "field": y,
                    "type": "quantitative",
                    "title": title,
                    "axis": {"format": AMOUNT, "tickCount": min(5, highest)},
                },
            },
        }
    )


def spread(values: Values, x: str) -> str:
    """Per `x` the range (thin), the middle half (thick) and the middle value (a mark)."""
    axis_x = {"field": x, "type": "ordinal", "title": None, "axis": {"labelAngle": -45}}
    axis_y = {"type": "quantitative", "title": None, "axis": {"format": AMOUNT, "tickCount": 4}}
    return _svg(
        {
            "width": 300,
            "height": 130,
            "data": {"values": list(values)},
            "layer": [
                {
                    "mark": {"type": "rule", "color": _LINE, "strokeWidth": 2},
                    "encoding": {"x": axis_x, "y": {"field": "lowest", **axis_y}, "y2": {"field": "highest"}},
                },
                {
                    "mark": {"type": "bar", "color": HUES[0], "opacity": 0.55, "width": {"band": 0.6}},
                    "encoding": {
                        "x": axis_x,
                        "y": {"field": "lower_quarter", **axis_y},
                        "y2": {"field": "upper_quarter"},
                    },
                },
                {
                    "mark": {"type": "tick", "color": _INK, "thickness": 2, "width": {"band": 0.8}},
                    "encoding": {"x": axis_x, "y": {"field": "middle", **axis_y}},
                },
            ],
        }
    )


def _svg(description: dict[str, Any]) -> str:
    import vl_convert  # noqa: PLC0415 - an extra, needed only where a page is made

    drawn: str = vl_convert.vegalite_to_svg({"config": _CONFIG, **description})
    drawn = _DECIMALS.sub(r"\1", _EMPTY.sub("", _ASIDE.sub("", drawn)))
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
