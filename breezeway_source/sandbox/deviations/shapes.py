"""Answers of another shape: empty in its many forms, wrapped, alone, of something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..answers import Answer, json_answer
from .deviation import Kind, Moment

EMPTY: dict[str, Callable[[Any], Answer]] = {
    "results_null": lambda page: json_answer({**_bare_page(page), "results": None}),
    "results_missing": lambda page: json_answer(_bare_page(page)),
    "204": lambda page: Answer(204),
    "object": lambda page: json_answer({}),
    "array": lambda page: json_answer([]),
    "empty_body": lambda page: Answer(200),
    "null": lambda page: json_answer(None),
}
"""How "nothing" may be said."""


def empty(*, form: str = "results_null") -> Kind:
    """A list without rows says so in this form (EMPTY); lists with rows stay."""

    def answer(told: Answer, moment: Moment) -> Answer:
        body = told.value
        rows = body if isinstance(body, list) else body.get("results") if isinstance(body, dict) else None
        return EMPTY[form](body) if told.status == 200 and rows == [] else told

    return Kind(answer=answer)


def emptied(*, form: str = "empty_body") -> Kind:
    """Every answer, whatever there is, in a form of "nothing" that gives no count: no proof of emptiness."""

    def answer(told: Answer, moment: Moment) -> Answer:
        return EMPTY[form]({}) if told.status == 200 else told

    return Kind(answer=answer)


def error_beside(*, error: Any = None, key: str = "error") -> Kind:
    """The right answer with an `error` key: null and "" are none, anything else is one."""
    return Kind(body=lambda body, moment: {**body, key: error} if isinstance(body, dict) else body)


def shaped(*, form: str = "named", key: str = "contacts") -> Kind:
    """The rows in another shape (SHAPES)."""

    def body(told: Any, moment: Moment) -> Any:
        rows = told if isinstance(told, list) else told.get("results")
        if rows is None:
            return told
        return SHAPES[form](told, rows, key)

    return Kind(body=body)


def in_pages(*, rows: int = 100, says: bool = True) -> Kind:
    """A bare list in pages of so many rows, which say where they are and how many there are, or (`says`) nothing."""

    def body(told: Any, moment: Moment) -> Any:
        if not isinstance(told, list):
            return told
        head = {"limit": rows, "page": moment.page, "total_pages": -(-len(told) // rows)}
        page = {"results": told[(moment.page - 1) * rows : moment.page * rows]}
        return {**head, "total_results": len(told), **page} if says else page

    return Kind(body=body)


SHAPES: dict[str, Callable[[Any, list[Any], str], Any]] = {
    "named": lambda told, rows, key: {key: rows},
    "data": lambda told, rows, key: _renamed(told, rows, "data"),
    "bare": lambda told, rows, key: rows,
    "paged": lambda told, rows, key: {
        "limit": max(len(rows), 100),
        "page": 1,
        "total_pages": 1,
        "total_results": len(rows),
        "results": rows,
    },
    "results": lambda told, rows, key: {"results": rows},
    "one": lambda told, rows, key: rows[0] if rows else {},
    "by_id": lambda told, rows, key: {str(row.get("id", n)): row for n, row in enumerate(rows)},
    "texts": lambda told, rows, key: [str(row.get("name") or row.get("id")) for row in rows] or ["nothing"],
    "nested": lambda told, rows, key: [rows],
    "mixed": lambda told, rows, key: _renamed(told, ["Ada Sample", *rows], "results"),
    "with_null": lambda told, rows, key: _renamed(told, [None, *rows], "results"),
    "text": lambda told, rows, key: "ok",
    "number": lambda told, rows, key: 7,
    "true": lambda told, rows, key: True,
}


def ids_as_text() -> Kind:
    """Every whole number called `id` or `..._id` is spelled as text, at every depth but in `groups`."""
    return Kind(body=lambda body, moment: _texts(body))


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str(item)
        if key.endswith("id") and type(item) is int
        else item
        if key == "groups"
        else _texts(item)
        for key, item in value.items()
    }


def _renamed(told: Any, rows: list[Any], key: str) -> Any:
    """The page with its rows under another key; an array becomes such an object, but for `results`."""
    if isinstance(told, dict):
        return {**{k: v for k, v in told.items() if k != "results"}, key: rows}
    return rows if key == "results" else {key: rows}


def _bare_page(page: Any) -> dict[str, Any]:
    """The page without its rows, and with a total of 0 whatever it had."""
    held = (
        {k: v for k, v in page.items() if k != "results"}
        if isinstance(page, dict)
        else {"limit": 100, "page": 1}
    )
    return {**held, "total_pages": 0, "total_results": 0}


def cut(*, to: int = 100) -> Kind:
    """An array of at most so many rows, whatever page is asked for."""

    def body(told: Any, moment: Moment) -> Any:
        rows = told if isinstance(told, list) else told.get("results")
        return rows[:to] if isinstance(rows, list) else told

    return Kind(body=body)


SHAPE_KINDS: dict[str, Callable[..., Kind]] = {
    make.__name__: make for make in (empty, emptied, error_beside, shaped, in_pages, ids_as_text, cut)
}
