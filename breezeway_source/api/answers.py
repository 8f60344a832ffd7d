"""The JSON of an answer: one absurd value costs itself, never the records beside it.

Numbers no column holds (an exponent of twenty digits, an integer of thousands) and values nested deeper than
anything the API documents arrive as the text they were written in, so that their column keeps them as a misfit.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST_INT = 40  # digits; 64 bits have 19, and Python refuses to read more than 4,300
LARGEST_EXPONENT = 400  # a double ends at 308
DEEPEST = 60  # levels; Python's reader ends near 1,000, other JSON libraries at 254

_BRACKETS = b"[]{}"
_ALL_ELSE = bytes(set(range(256)) - set(_BRACKETS))
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parsed(content: bytes) -> Any:
    """The value of a body; fractions are Decimal. Raises ValueError where it is no JSON."""
    if _may_be_deep(content):
        content = _shallow(content.decode(json.detect_encoding(content))).encode()
    try:
        return json.loads(
            content, parse_float=_fraction, parse_int=_whole, parse_constant=lambda spelled: spelled
        )
    except RecursionError:
        raise ValueError("nested without end") from None


def is_nothing(value: Any) -> bool:
    """Null, blank and empty are one, and the same as a key that is absent."""
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)


def _fraction(spelled: str) -> Decimal | str:
    try:
        value = Decimal(spelled)
    except InvalidOperation:
        return spelled
    return value if abs(value.adjusted()) <= LARGEST_EXPONENT else spelled


def _whole(spelled: str) -> int | str:
    return int(spelled) if len(spelled) <= LONGEST_INT else spelled


def _may_be_deep(content: bytes) -> bool:
    """False for nearly every body: its brackets cancel out pair by pair within DEEPEST rounds."""
    left = content.translate(None, _ALL_ELSE)
    for _ in range(DEEPEST):
        if not left:
            return False
        shorter = left.replace(b"{}", b"").replace(b"[]", b"")
        if len(shorter) == len(left):  # brackets within texts
            return True
        left = shorter
    return bool(left)


def _shallow(text: str) -> str:
    """The text with every value below DEEPEST levels as a JSON string of itself."""
    parts, done, depth, began = [], 0, 0, 0
    for token in _TOKENS.finditer(text):
        sign = token.group()
        if sign in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                began = token.start()
        elif sign in "]}":
            if depth == DEEPEST + 1:
                parts += [text[done:began], json.dumps(text[began : token.end()])]
                done = token.end()
            depth -= 1
    return "".join([*parts, text[done:]])
