"""Reads a page back: its tables by caption, as a person would copy them."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """`tables`: caption (without one, what labels the section) to rows of cells, the heads first.

    `tags`: every element with its attributes.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._caption: str | None = None
        self._section: str | None = None
        self._rows: list[list[str]] = []
        self._inside: str = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = dict(attrs).get("aria-labelledby")
        if tag == "table":
            self._caption, self._rows = None, []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag in ("td", "th", "caption", "style"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        name = self._caption or self._section
        if tag == "table" and name is not None:
            self.tables[name] = self._rows

    def handle_data(self, data: str) -> None:
        if self._inside == "caption":
            self._caption = (self._caption or "") + data
        elif self._inside in ("td", "th"):
            self._rows[-1][-1] += data
        if self._inside != "style":
            self.text += data

    def rows(self, caption: str) -> list[list[str]]:
        """The rows of a table without its heads; none where it says that there is nothing yet."""
        return [row for row in self.tables[caption][1:] if row != ["nothing yet"]]
