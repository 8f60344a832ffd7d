"""One question to the API over all its attempts: what may pass, what comes back the same, when it is given up."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import requests

from .answers import is_nothing, parsed
from .auth import is_html
from .pages import page_fault

Fault = Callable[[Any], str | None]

EMPTY_BODY = "200 with an empty body"
TOLD_LENGTH = 120


class Passing(Exception):
    """An attempt failed in a way that may pass; `everyone` when all workers wait for it.

    `sign` marks an odd answer: one that comes back with the same sign is an answer, not an outage.
    """

    def __init__(
        self,
        what: str,
        status: int | None = None,
        *,
        retry_after: float | None = None,
        everyone: bool = False,
        sign: Hashable = None,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.retry_after = retry_after
        self.everyone = everyone
        self.sign = sign


class Call:
    """One question. `failing_s` is the time spent on answers that failed, waits for pace and refusals aside."""

    __slots__ = ("attempts", "failing_s", "fault", "label", "params", "path", "sent", "sign", "took_s", "url")

    def __init__(
        self, url: str, path: str, params: Mapping[str, Any], label: str, fault: Fault | None
    ) -> None:
        self.url = url
        self.path = path
        self.params = params
        self.label = label
        self.fault = fault
        self.attempts = 0
        self.sent = 0
        self.took_s = 0.0
        self.failing_s = 0.0
        self.sign: Hashable = None

    def comes_back(self, failure: Passing) -> bool:
        """Whether this odd answer is the one of the attempt before."""
        same = failure.sign is not None and failure.sign == self.sign
        self.sign = failure.sign
        return same

    def believed(self, response: requests.Response) -> Any:
        """The body of a good answer, which is neither empty nor null. Raises Passing."""
        if response.status_code == 204 and self.fault is page_fault:
            return []  # nothing there, in so many words
        if response.status_code != 200:
            raise Passing(f"{response.status_code}", response.status_code)
        if not response.content.strip():
            raise Passing(EMPTY_BODY, 200, sign=EMPTY_BODY)
        try:
            body = parsed(response.content)
        except ValueError:
            sign = None if is_html(response) else response.content  # a page of some proxy is an outage
            raise Passing("200 without JSON", 200, sign=sign) from None
        if body is None:
            raise Passing(EMPTY_BODY, 200, sign=EMPTY_BODY)
        for key in ("error", "errors") if isinstance(body, dict) else ():
            if not is_nothing(body.get(key)):  # the rows beside it may be a part of them
                raise Passing("200 with an error", 200, sign=("error", str(body[key])))
        wrong = self.fault(body) if self.fault else None
        if wrong:
            keys = tuple(body) if isinstance(body, dict) else type(body)
            raise Passing(f"200 {wrong}", 200, sign=(wrong, keys))
        return body


def told_by(response: requests.Response) -> str:
    """What the API says about a 403 or 422, which is about features and parameters; other texts stay out.

    Nothing that looks like an address, since messages are logged.
    """
    if response.status_code not in (403, 422):
        return ""
    try:
        body = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    for key in ("description", "error"):
        text = body.get(key)
        if isinstance(text, str) and text.strip() and "@" not in text:
            return f": {' '.join(text.split())[:TOLD_LENGTH]}"
    return ""
