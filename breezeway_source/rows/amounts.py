"""Amounts of money and of time that the API writes as text."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

_USUAL_MONEY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?: ([A-Z]{3}))?", re.ASCII)
_MONEY = re.compile(
    r"(?P<sign>[+-]?)\s*(?:(?P<before>[A-Za-z]{3})\s*|(?:[A-Z]{2})?[$€£¥]\s*)?(?P<inner_sign>[+-]?)"
    r"(?P<number>\d[\d.,' \u00a0\u202f]*|\.\d+)(?:(?P<after>[A-Za-z]{3})|[$€£¥])?",
    re.ASCII,
)
_GROUPED = {  # thousands sign -> digits grouped with it
    ",": re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+", re.ASCII),
    " ": re.compile(r"\d{1,3}(?: \d{3})+", re.ASCII),
}
_SIGN = re.compile(r"(?:[A-Z]{2})?[$€£¥]", re.ASCII)
_CODES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"}
_NOTHING = frozenset({"n/a", "na", "none", "null", "nil", "-", "--"})
_DURATION = re.compile(r"(?:(-?\d{1,6}) days?, )?(\d{1,7}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII)


def money(value: Any) -> tuple[Decimal, str | None] | None:
    """The amount and the three-letter currency code of "120.00 USD", "USD 120", "1.200,50 EUR", "CA$ 5", "(5.00)".

    None when it is no amount. Of two different signs the last is the decimal one. A single comma before exactly
    three digits groups thousands, and a single point is always a decimal point: the API writes "120.00 USD".
    Source: `breezeway-api.md`, section 11, Q11.
    """
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        if isinstance(value, int):
            return Decimal(value), None
        return (Decimal(str(value)), None) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    value = value.strip()
    if value.startswith("(") and value.endswith(")"):  # a bookkeeper's minus
        found = money(value[1:-1])
        return (-found[0], found[1]) if found is not None and found[0] >= 0 else None
    match = _USUAL_MONEY.fullmatch(value)
    if match is not None:
        return Decimal(match[1]), match[2]
    match = _MONEY.fullmatch(value)
    if match is None or (match["before"] and match["after"]) or (match["sign"] and match["inner_sign"]):
        return None
    number = _plain_number(match["number"].strip())
    if number is None:
        return None
    code = match["before"] or match["after"]
    amount = Decimal((match["sign"] or match["inner_sign"]) + number)
    return amount, code.upper() if code else None


def currency(value: Any) -> str | None:
    """The currency that an amount written as text names, by its code or as it is signed: "USD", "CA$"."""
    found = money(value) if isinstance(value, str) else None
    if found is None:
        return None
    sign = _SIGN.search(value)
    return found[1] or (_CODES.get(sign[0], sign[0]) if sign else None)


def _plain_number(value: str) -> str | None:
    """The digits with a point at most, or None when the signs in between leave a doubt."""
    for space in "'\u00a0\u202f":
        value = value.replace(space, " ")
    last = max(value.rfind("."), value.rfind(","))
    repeats = last >= 0 and value.count(value[last]) > 1  # "1.200.500": a sign that repeats groups
    if last < 0 or repeats or ("." not in value and _GROUPED[","].fullmatch(value)):
        whole, fraction = value, ""
    else:
        whole, fraction = value[:last], value[last + 1 :]
    if fraction and not fraction.isdecimal():
        return None
    if whole and not whole.isdecimal():
        grouping = next((sign for sign, pattern in _GROUPED.items() if pattern.fullmatch(whole)), None)
        if grouping is None or (last >= 0 and fraction and grouping == value[last]):
            return None
        whole = whole.replace(grouping, "")
    return f"{whole or '0'}.{fraction or '0'}"


def names_no_amount(value: Any) -> bool:
    """Whether a text says that there is no amount, such as "n/a": a sum lacks nothing without it."""
    return isinstance(value, str) and value.strip().lower() in _NOTHING


def duration_seconds(value: Any) -> int | None:
    """Seconds of "H:MM:SS", "H:MM" or "1 day, 2:03:04"; hours may exceed 24; None for anything else.

    Source: `breezeway-api.md`, section 11, Q12.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if minutes > 59 or seconds > 59:
        return None
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
