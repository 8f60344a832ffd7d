"""Reads a picture back as a person would: the height of each bar, point and line by the marks beside its axis."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from xml.etree import ElementTree

from reading_pages import Page

from pipelines.page.charts import BEYOND

NUMBER = r"-?[\d.]+"
SVG = "{http://www.w3.org/2000/svg}"


class Drawing:
    """One picture.

    `bars`: place and colour to (bottom, top). `points`: place to value. `ranges`: place to the (lowest, highest)
    of thin lines. `cut`: places with the sign of what lies beyond the axis. Places are counted from the left, of
    `places` in all.
    """

    def __init__(self, svg: str, places: int) -> None:
        root = ElementTree.fromstring(svg)
        marks = [
            (float(at[1]), _value(text.text or ""))
            for text in root.iter(f"{SVG}text")
            if text.get("text-anchor") == "end"
            and (at := re.fullmatch(rf"translate\(-7,({NUMBER})\)", text.get("transform", "")))
        ]
        (y0, v0), *_, (y1, v1) = marks
        # A mark's text hangs three points below its line.
        self._per_point, self._zero = (v1 - v0) / (y1 - y0), v0 - (v1 - v0) / (y1 - y0) * (y0 - 3)
        below = next(
            abs(float(line.get("x2", "0")))
            for line in root.iter(f"{SVG}line")
            if abs(float(line.get("x2", "0"))) > 100
        )
        self._step = below / places
        self.bars: dict[tuple[int, str], tuple[float, float]] = {}
        self.points: dict[int, float] = {}
        self.ranges: dict[int, tuple[float, float]] = {}
        self.cut = {
            int(self._at(text)[0] // self._step) for text in root.iter(f"{SVG}text") if text.text == BEYOND
        }
        for path in root.iter(f"{SVG}path"):
            self._path(path)
        for line in root.iter(f"{SVG}line"):
            if line.get("stroke") == "var(--soft)":
                x, y = self._at(line)
                self.ranges[int(x // self._step)] = _pair(
                    self._height(y), self._height(y + float(line.get("y2", "0")))
                )

    def _path(self, path: ElementTree.Element) -> None:
        fill, drawn = path.get("fill", ""), path.get("d", "")
        if bar := re.match(rf"M({NUMBER}),({NUMBER})h({NUMBER})v({NUMBER})", drawn):
            x, y, width, height = map(float, bar.groups())
            dx, dy = self._at(path)
            if fill.startswith("var(--hue") and not path.get("transform"):  # else it is a legend's
                self.bars[int((x + width / 2) // self._step), fill] = _pair(
                    self._height(y), self._height(y + height)
                )
            elif fill == "var(--ink)" and height:  # the mark of the middle value
                self.points[int((x + dx + width / 2) // self._step)] = self._height(y + dy + height / 2)
        elif fill.startswith("var(--hue") and "A" in drawn:  # a point of a line
            x, y = self._at(path)
            self.points[int(x // self._step)] = self._height(y)

    def _at(self, element: ElementTree.Element) -> tuple[float, float]:
        moved = re.match(rf"translate\(({NUMBER}),({NUMBER})\)", element.get("transform", ""))
        return (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)

    def _height(self, y: float) -> float:
        return self._zero + self._per_point * y

    @property
    def tall(self) -> dict[int, float]:
        """Place to the height of its bars together."""
        sums: dict[int, float] = defaultdict(float)
        for (place, _), (low, high) in self.bars.items():
            sums[place] += high - low
        return dict(sums)


def figures(html: str) -> dict[str, tuple[str, Page]]:
    """Title to a figure's picture (empty where none is drawn) and the tables below it."""
    found = {}
    for figure in re.findall(r"<figure>.*?</figure>", html, re.DOTALL):
        title = re.search(r"<h\d>(.*?)</h\d>", figure)
        drawn = re.search(r"<svg.*?</svg>", figure, re.DOTALL)
        assert title
        found[title[1]] = (drawn[0] if drawn else "", Page(figure))
    return found


def _value(text: str) -> float:
    number = float(Decimal(text.strip("%").replace(",", "").replace("\N{MINUS SIGN}", "-")))
    return number / 100 if text.endswith("%") else number


def _pair(one: float, other: float) -> tuple[float, float]:
    return min(one, other), max(one, other)
