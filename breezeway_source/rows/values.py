"""One API value to one typed value: pure functions, one per column kind.

Each takes whatever JSON held and returns the typed value, None for "empty" (null, a blank string, `{}`, `[]`:
`breezeway-api.md`, section 1.7), or MISFIT when the value does not fit the kind. None of them raises. MISFIT is
a value and not an exception because rows.py meets it once per odd cell in a loop over millions.
"""

from __future__ import annotations

import json as jsonlib
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timezone
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

import pendulum

from .amounts import money


class _Misfit:
    def __repr__(self) -> str:
        return "MISFIT"


MISFIT: Final[Any] = _Misfit()
"""What a parser returns for a value that does not fit; compare with `is`."""

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
DECIMAL_PRECISION: Final = 24
DECIMAL_SCALE: Final = 4
UTC: Final = timezone.utc

_QUANTUM = Decimal(1).scaleb(-DECIMAL_SCALE)
# quantize() refuses a result of more than `prec` digits: that is the column's own limit of 10^20. The rounding
# is half-even, and InvalidOperation the only trap, so that rounding away a fifth decimal stays silent.
_DECIMAL_24_4 = Context(prec=DECIMAL_PRECISION, rounding="ROUND_HALF_EVEN", traps=[InvalidOperation])

_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_DLT_MARKS = ("\uf026", "\uf02f")  # the private characters dlt 1.31 puts before typed values in its files

_WHOLE_NUMBER = re.compile(r"([+-]?\d{1,19})(?:\.0*)?", re.ASCII)
_STARTS_WITH_DAY = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]|$)", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?\s*([AaPp][Mm])?", re.ASCII)

_TRUE_WORDS = frozenset({"true", "yes", "1", "y", "t", "on"})
_FALSE_WORDS = frozenset({"false", "no", "0", "n", "f", "off"})

_DEEPEST_JSON = 60  # deeper levels are kept as JSON text: the writers refuse about 250, Python about 1,000


def clean_text(value: str) -> str:
    """The text as both databases take it: no NUL (PostgreSQL refuses it), no lone surrogate (not UTF-8)."""
    if value.isprintable():  # excludes control, surrogate and private characters in one pass
        return value
    if _UNSAFE.search(value):
        value = _UNSAFE.sub(lambda found: "" if found.group() == "\x00" else "\ufffd", value)
    # dlt reads a leading private character as a type mark and would turn the rest into a number or date.
    while _DLT_MARKS[0] <= value[:1] <= _DLT_MARKS[1]:
        value = value[1:]
    return value


def text(value: Any) -> str | None:
    """Any scalar as text, objects and lists as JSON text; never MISFIT."""
    if isinstance(value, str):
        value = clean_text(value)
        return value if value and not value.isspace() else None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        kept = json(value)
        return None if kept is None else jsonlib.dumps(kept, ensure_ascii=False)
    try:
        return str(value)
    except ValueError:  # an integer of more than 4,300 digits: Python declines to print it
        return hex(value)


def bigint(value: Any) -> Any:
    """A whole number of 64 bits: 42, "42", 2.0. Not 2.5, not true."""
    if type(value) is int:
        whole = value
    elif isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        match = _WHOLE_NUMBER.fullmatch(value)
        if match is None:
            return MISFIT
        whole = int(match.group(1))
    elif isinstance(value, (float, Decimal)):
        if not math.isfinite(value) or not INT64_MIN <= value <= INT64_MAX or value != int(value):
            return MISFIT
        whole = int(value)
    else:
        return _empty_or_misfit(value)
    return whole if INT64_MIN <= whole <= INT64_MAX else MISFIT


def decimal(value: Any) -> Any:
    """Money or a quantity, rounded half-even to four decimals; below 10^20. "1,200.50 USD" gives 1200.5000."""
    if type(value) is Decimal:
        pass
    elif isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        found = money(value)
        if found is None:
            return MISFIT
        value = found[0]
    elif isinstance(value, float):
        value = Decimal(repr(value))  # the shortest decimal that reads back as this float
    elif not isinstance(value, (int, Decimal)) or isinstance(value, bool):
        return _empty_or_misfit(value)
    try:
        result = _DECIMAL_24_4.quantize(value, _QUANTUM)
    except InvalidOperation:
        return MISFIT
    return result if result.is_finite() else MISFIT


def double(value: Any) -> Any:
    """A finite floating-point number, from a number or a plain or grouped one in text."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        found = money(value)
        if found is None or found[1] is not None:
            return MISFIT
        value = found[0]
    elif not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
        return _empty_or_misfit(value)
    try:
        result = float(value)
    except OverflowError:
        return MISFIT
    return result if math.isfinite(result) else MISFIT


def boolean(value: Any) -> Any:
    """true and false, 1 and 0, and the usual words for them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if not word:
            return None
        return True if word in _TRUE_WORDS else False if word in _FALSE_WORDS else MISFIT
    if isinstance(value, (int, float, Decimal)):
        return bool(value) if value in (0, 1) else MISFIT
    return _empty_or_misfit(value)


def day(value: Any) -> Any:
    """A calendar day; of a timestamp the day as written, since days here are local to the property."""
    if not isinstance(value, str):
        return _empty_or_misfit(value)
    if len(value) == 10 and value[4] == "-":
        try:
            return date.fromisoformat(value)
        except ValueError:
            return MISFIT
    value = value.strip()
    if not value:
        return None
    if len(value) > 10 and timestamp(value) is MISFIT:
        return MISFIT
    match = _STARTS_WITH_DAY.match(value)  # the year first: no doubt which is the month
    if match is None:
        return MISFIT
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return MISFIT


def clock_time(value: Any) -> Any:
    """A time of day without a zone: "16:00:00", "16:00", "4:00 PM"."""
    if not isinstance(value, str):
        return _empty_or_misfit(value)
    value = value.strip()
    if not value:
        return None
    match = _TIME.fullmatch(value)
    if match is None:
        return MISFIT
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= 12:
            return MISFIT
        hour = hour % 12 + (12 if match[5].lower() == "pm" else 0)
    try:
        return time(hour, minute, second, int((match[4] or "0").ljust(6, "0")))
    except ValueError:
        return MISFIT


def timestamp(value: Any) -> Any:
    """An instant as an aware `datetime` in UTC; naive text is UTC, a day is its midnight, a number is epoch
    seconds (milliseconds from 10^11 on). The times programs write for "none" (epoch 0, the years 1 and 9999) are empty.

    The standard library's class, not pendulum's: dlt writes and reads it without conversion.
    """
    found = _timestamp(value)
    is_none = isinstance(found, datetime) and not 1970 < found.year < 9999 and _stands_for_none(found)
    return None if is_none else found


def _stands_for_none(moment: datetime) -> bool:
    return moment.year in (1, 9999) or moment == datetime(1970, 1, 1, tzinfo=UTC)


def _timestamp(value: Any) -> Any:
    if type(value) is str:
        try:
            if len(value) == 19 and value[4] == "-":
                return datetime.fromisoformat(value + "+00:00")
            if len(value) > 19 and value[4] == "-":
                found = datetime.fromisoformat(value)
                if found.tzinfo is UTC:
                    return found
                return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # Python 3.10 knows neither "Z" nor every fraction: pendulum does
        return _timestamp_from_odd_text(value.strip())
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _from_epoch(value)
    return _empty_or_misfit(value)


def _timestamp_from_odd_text(value: str) -> Any:
    if not value or value.startswith("0000-00-00"):
        return None
    if value.isdecimal() and value.isascii() and len(value) in (10, 13):
        return _from_epoch(int(value))
    if not _STARTS_WITH_DAY.match(value):  # pendulum would read "16:00" as today and "2031" as a day
        return MISFIT
    try:
        found = pendulum.parse(value, exact=True)
        if isinstance(found, pendulum.DateTime):
            found = found.in_timezone("UTC")
            return datetime(
                *(
                    found.year,
                    found.month,
                    found.day,
                    found.hour,
                    found.minute,
                    found.second,
                    found.microsecond,
                ),
                tzinfo=UTC,
            )
        if isinstance(found, pendulum.Date):
            return datetime(found.year, found.month, found.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return MISFIT


def _from_epoch(value: float | Decimal) -> Any:
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return MISFIT


def json(value: Any) -> Any:
    """An object or list for a JSON column; a scalar becomes a list of one, since odd shapes share the column."""
    if isinstance(value, (dict, list)):
        return jsonable(value) if value else None
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return None
    return [jsonable(value)]


def jsonable(value: Any, _depth: int = 0) -> Any:
    """A copy every JSON writer and both databases accept.

    Decimals become numbers where that loses nothing, else text; so do integers beyond 64 bits and NaN.
    """
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if INT64_MIN <= value <= INT64_MAX else text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (dict, list)):
        if _depth >= _DEEPEST_JSON:
            return _deep_text(value)
        if isinstance(value, list):
            return [jsonable(item, _depth + 1) for item in value]
        return {clean_text(str(key)): jsonable(item, _depth + 1) for key, item in value.items()}
    if isinstance(value, Decimal):
        if not value.is_finite():
            return str(value)
        whole = bigint(value)
        if whole is not MISFIT:
            return whole
        number = float(value)
        return number if math.isfinite(number) and Decimal(repr(number)) == value else str(value)
    return clean_text(str(value))


def _deep_text(value: Any) -> str | None:
    try:
        return clean_text(jsonlib.dumps(value, ensure_ascii=True, default=str))
    except (RecursionError, ValueError):
        return None


def is_empty(value: Any) -> bool:
    """Whether the API means "nothing" by it."""
    return value is None or value in ("", {}, []) or (isinstance(value, str) and value.isspace())


def _empty_or_misfit(value: Any) -> Any:
    return None if is_empty(value) else MISFIT


PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "bigint": bigint,
    "text": text,
    "decimal": decimal,
    "double": double,
    "bool": boolean,
    "date": day,
    "time": clock_time,
    "timestamp": timestamp,
    "json": json,
}
