"""Refusals, redirects and answers that take their time (`breezeway-api.md`, sections 1.4, 1.5, 14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from ..answers import HTML, Answer, json_answer
from ..faults import HTML_PAGE
from .deviation import Kind, Moment
from .rows import of_rows

DATA_PATH, MOVED_PATH = "/public/inventory/v1", "/public/inventory/v2"


def refused(*, status: int = 403, form: str = "json") -> Kind:
    """Refused for good: as `json`, `html` (a proxy's page), `fields` (with `fields`, `status_code`) or `empty`."""
    body = {"error": f"Error {status}", "description": "Refused by the sandbox."}
    answers = {
        "json": json_answer(body, status),
        "html": Answer(status, HTML_PAGE, HTML),
        "fields": json_answer(
            {**body, "status_code": status, "fields": {"updated_at": ["Length must be 2."]}}, status
        ),
        "empty": Answer(status),
    }
    return Kind(answer=lambda told, moment: answers[form])


def busy(*, retry_after: object = 1, form: str = "details") -> Kind:
    """429 whose body says how long to wait: in `details`, at the top, or in a header."""
    body: dict[str, object] = {"error": "Too Many Requests", "description": "Slow down."}
    if form == "header":
        return Kind(answer=lambda told, moment: json_answer(body, 429, Retry_After=str(retry_after)))
    said = {"retry_after": retry_after}
    body |= {"details": {"message": "Slow down.", **said}} if form == "details" else said
    return Kind(answer=lambda told, moment: json_answer(body, 429))


def gone(*, form: str = "404") -> Kind:
    """A record by id: 404, 410, or 200 with the status `deleted`."""
    if form in ("404", "410"):
        return refused(status=int(form))

    def deleted(row: dict[str, object], moment: Moment) -> dict[str, object]:
        key = "type_task_status" if moment.endpoint.startswith("/task") else "status"
        status = {"code": "deleted", "name": "Deleted", "stage": "finished"}
        return {**row, key: status if key == "type_task_status" else "deleted"}

    return of_rows(deleted)


def redirected(*, form: str = "same", host: str = "http://localhost:1", status: int = 302) -> Kind:
    """Sent elsewhere: on this host with the same query (`same`), without it (`bare`), to another host, in a circle."""

    def answer(told: Answer, moment: Moment) -> Answer:
        asked = f"?{urlencode(dict(moment.query))}" if moment.query else ""
        where = {
            "same": f"{MOVED_PATH}{moment.path}{asked}",
            "bare": f"{MOVED_PATH}{moment.path}",
            "other_host": f"{host}{DATA_PATH}{moment.path}{asked}",
            "circle": f"{DATA_PATH}{moment.path}{asked}",
        }[form]
        if moment.moved and form in ("same", "bare"):
            return told  # it was sent here
        return Answer(status, b"", headers={"Location": where})

    return Kind(answer=answer)


def drip(*, pause_s: float = 0.05) -> Kind:
    """The right answer, byte by byte."""
    return Kind(pause_s=pause_s)


def undated() -> Kind:
    """No `Date` in the head."""
    return Kind(answer=lambda told, moment: replace(told, headers={**told.headers, "Date": ""}))


def typed(*, content_type: str = "text/plain", mark: bytes = b"") -> Kind:
    """The right body under another content type; `mark` before it, such as a byte order mark."""
    return Kind(answer=lambda told, moment: replace(told, content_type=content_type, body=mark + told.body))


ANSWER_KINDS: dict[str, Callable[..., Kind]] = {
    make.__name__: make for make in (refused, busy, gone, redirected, drip, undated, typed)
}
