"""Pictures of the page: Vega-Lite descriptions drawn as plain SVG, without a browser.

vl-convert alone does it: Altair only writes such descriptions, and theirs here are short. Colours are the page's CSS
variables, so that a picture follows the reader's light or dark setting like the text around it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.page.axes import Reach

Values = Sequence[Mapping[str, Any]]

HUES = [f"var(--hue{number})" for number in range(1, 7)]
FEW = 8  # labels that stand side by side
# What stands beside a mark is its value: rounded to whole ones, marks at 0.5 and 1 read the same.
AMOUNT, SHARE = ",.2~f", ".1~%"
BEYOND = "\N{BLACK UP-POINTING TRIANGLE}"
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


def stacked(
    values: Values,
    x: str,
    y: str,
    series: str,
    order: Sequence[str],
    title: str,
    places: Sequence[str] = (),
    reach: Reach | None = None,
) -> str:
    """Stacked bars: `series` in `order`, one bar per `x` of `places`, as far as `reach` goes."""
    bar = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": _along(x, places, angle=-45),
            "y": _up(reach, AMOUNT, 5, field=y, title=title),
            "color": _colours(series, order),
            "order": {"field": "rank"},
        },
    }
    return _layers(values, 440, 190, [bar], x, places, reach)


def lines(
    values: Values,
    x: str,
    y: str,
    series: str,
    order: Sequence[str],
    title: str,
    form: str,
    places: Sequence[str] = (),
) -> str:
    """A line per series over `x` of `places`, with a gap where a value is null; a single one needs no legend."""
    line = {
        "mark": {"type": "line", "point": {"size": 16}, "invalid": "break-paths-show-domains"},
        "encoding": {
            "x": _along(x, places, angle=-45),
            "y": _up(None, form, 5, field=y, title=title),
            "color": _colours(series, order) | ({"legend": None} if len(order) == 1 else {}),
        },
    }
    return _layers(values, 440, 190, [line], x, places, None)


def bars(values: Values, x: str, y: str, order: Sequence[str], title: str, reach: Reach | None = None) -> str:
    """One bar per `x`, in `order`; marks of small counts stand at whole numbers."""
    # Vega heeds no tickMinStep up to a highest value of 2 (vl-convert 1.9).
    highest = max([1, *(math.ceil(value[y]) for value in values)])
    bar = {
        "mark": {"type": "bar", "color": HUES[0]},
        "encoding": {
            "x": _along(x, order, angle=0),
            "y": _up(reach, AMOUNT, min(5, highest), field=y, title=title),
        },
    }
    return _layers(values, 440, 170, [bar], x, order, reach)


def spread(values: Values, x: str, places: Sequence[str] = (), reach: Reach | None = None) -> str:
    """Per `x` the range (thin), the middle half (thick) and the middle value (a mark)."""
    along = _along(x, places, angle=-45)
    layers = [
        {
            "mark": {"type": "rule", "color": "var(--soft)", "strokeWidth": 1.5},
            "encoding": {
                "x": along,
                "y": _up(reach, AMOUNT, 4, field="lowest"),
                "y2": {"field": "highest"},
            },
        },
        {
            "mark": {"type": "bar", "color": HUES[0], "opacity": 0.55, "width": {"band": 0.6}},
            "encoding": {
                "x": along,
                "y": _up(reach, AMOUNT, 4, field="lower_quarter"),
                "y2": {"field": "upper_quarter"},
            },
        },
        {
            "mark": {
                "type": "tick",
                "color": _INK,
                "thickness": 2,
                "width": {"band": 0.8},
            },
            "encoding": {"x": along, "y": _up(reach, AMOUNT, 4, field="middle")},
        },
    ]
    return _layers(values, 300, 130, layers, x, places, reach)


def _along(x: str, places: Sequence[str], angle: int) -> dict[str, Any]:
    """The axis below: every place, also one without a value."""
    axis = {"labelAngle": angle, "labelOverlap": angle != 0 or len(places) > FEW, "labelLimit": 0}
    return {"field": x, "type": "ordinal", "title": None, "axis": axis} | (
        {"sort": list(places), "scale": {"domain": list(places)}} if places else {}
    )


def _up(reach: Reach | None, form: str, ticks: int, field: str, title: str | None = None) -> dict[str, Any]:
    """The axis beside."""
    axis = {"format": form, "tickCount": ticks}
    return {"field": field, "type": "quantitative", "title": title, "axis": axis} | (
        {"scale": {"domain": [float(reach.low), float(reach.high)], "nice": False}}
        if reach and reach.beyond
        else {}
    )


def _colours(series: str, order: Sequence[str]) -> dict[str, Any]:
    hues = [HUES[n % len(HUES)] for n in range(len(order))]
    return {"field": series, "type": "nominal", "scale": {"domain": list(order), "range": hues}}


def _layers(
    values: Values,
    width: int,
    height: int,
    layers: list[dict[str, Any]],
    x: str,
    places: Sequence[str],
    reach: Reach | None,
) -> str:
    """The layers over one another, and a sign at what is cut off: without one it would read as its value."""
    if reach and reach.beyond:
        cut = {
            "data": {"values": [{x: place} for place in reach.places]},
            "mark": {"type": "text", "text": BEYOND, "color": "var(--late)", "baseline": "bottom"},
            "encoding": {"x": layers[0]["encoding"]["x"], "y": {"value": 0}},
        }
        layers = [*layers, cut]
    return _svg({"width": width, "height": height, "data": {"values": list(values)}, "layer": layers})


def _svg(description: dict[str, Any]) -> str:
    import vl_convert  # noqa: PLC0415 - an extra, needed only where a page is made

    drawn: str = vl_convert.vegalite_to_svg({"config": _CONFIG, **description})
    drawn = _DECIMALS.sub(r"\1", _EMPTY.sub("", _ASIDE.sub("", drawn)))
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
