"""The known keys of one object, compiled once, and the loop that places their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from dlt.common.normalizers.naming.snake_case import NamingConvention

from .amounts import currency, names_no_amount
from .shapes import Ignored, Nested, Spec, Split, Weak
from .values import INT64_MAX, INT64_MIN, MISFIT, clean_text, jsonable

if TYPE_CHECKING:
    from .builder import _Rows

Row = dict[str, Any]

# dlt's own names, so that a clash is seen here and not by dlt. 63 bytes is PostgreSQL's limit; cutting here gives
# DuckDB the same names.
_NAMING = NamingConvention(max_length=63)

# Unknown keys that speak of what section 11 of breezeway-api.md lists, under another name than the one known.
_LIKELY_PERSONAL = re.compile(r"e_?mail|phone|passw|wi_?fi|(access|door|gate|lock|entry|alarm)_?code")

_CHUNK: Final = 10_000  # cached names of unknown keys: a bound for an API that puts ids into keys

# What `fill` could not place at once, by tag: (tag, level, name, value).
ODD_VALUE, ODD_WEAK, ODD_KEY, ODD_CURRENCY = range(4)
Odd = tuple[int, "Level", str, Any]

EXACT: Final[dict[str, type]] = {"text": str, "bigint": int, "bool": bool}

# A known key: (column, type that needs no parser, parser), or (None, None, what to do with the row, value, odd).
Entry = tuple[Any, Any, Callable[..., Any]]


def skip(row: Row, value: Any, odd: list[Odd]) -> None:
    """For keys that `fill` leaves alone."""


class Level:
    """The known keys of one object: a root row, a child row, or an object flattened into one of them."""

    def __init__(
        self, builder: _Rows, specs: Mapping[str, Spec], prefix: str, personal_unknown: bool
    ) -> None:
        self.prefix = prefix
        self.rows = builder
        self.personal_unknown = personal_unknown
        self.weak: dict[str, str] = {}
        self.fields: dict[str, Entry] = {key: self._entry(key, spec) for key, spec in specs.items()}
        self._names: dict[str, tuple[str | None, bool]] = {}

    def _entry(self, key: str, spec: Spec) -> Entry:
        if isinstance(spec, str):
            is_amount = self.rows.table.by_name[spec].kind == "decimal"
            return self._amount(spec) if is_amount else self.rows.cell(spec)
        if isinstance(spec, tuple):
            return None, None, self._copies(spec)
        if isinstance(spec, Ignored):
            return None, None, skip
        if isinstance(spec, Weak):
            return None, None, self._weak(key, spec.column)
        if isinstance(spec, Split):
            return None, None, self._split(spec)
        return None, None, self._nested(key, spec)

    def _weak(self, key: str, column: str) -> Callable[[Row, Any, list[Odd]], None]:
        self.weak[key] = column
        return lambda row, value, odd: odd.append((ODD_WEAK, self, key, value))

    def _amount(self, name: str) -> Entry:
        _, _, parse = self.rows.cell(name)

        def place(row: Row, value: Any, odd: list[Odd]) -> None:
            result = parse(value)
            if result is MISFIT:
                odd.append((ODD_VALUE, self, name, value))
            elif result is not None:
                row[name] = result
                if type(value) is str and currency(value):  # which the column does not hold
                    odd.append((ODD_CURRENCY, self, name, value))

        return None, None, place

    def _copies(self, columns: tuple[str, ...]) -> Callable[[Row, Any, list[Odd]], None]:
        first, _, parse = self.rows.cell(columns[0])

        def place(row: Row, value: Any, odd: list[Odd]) -> None:
            result = parse(value)
            if result is MISFIT:
                odd.append((ODD_VALUE, self, first, value))
            elif result is not None:
                for column in columns:
                    row[column] = result

        return place

    def _split(self, spec: Split) -> Callable[[Row, Any, list[Odd]], None]:
        column, values = spec.column, spec.values
        _, _, parse = self.rows.cell(column)
        derived = [(name, self.rows.cell(name)[2]) for name in spec.derived]

        def place(row: Row, value: Any, odd: list[Odd]) -> None:
            kept = parse(value)  # a text: never MISFIT
            if kept is None:
                return
            row[column] = kept
            is_read = False
            for (name, parse_derived), part in zip(derived, values(value)):
                result = parse_derived(part)
                if result is not MISFIT and result is not None:
                    row[name], is_read = result, True
            if not is_read and not names_no_amount(value):
                self.rows.underived[column] += 1

        return place

    def _nested(self, key: str, spec: Nested) -> Callable[[Row, Any, list[Odd]], None]:
        level = Level(self.rows, spec.fields, spec.prefix, spec.personal_unknown or self.personal_unknown)
        reshape, whole = spec.reshape, spec.whole

        def place(row: Row, value: Any, odd: list[Odd]) -> None:
            if type(value) is list:
                if whole:
                    row[whole] = jsonable(value)
                elif len(value) > 1:
                    odd.append((ODD_VALUE, level, key, value))
                value = value[0] if value else None
            if isinstance(value, dict):
                fill(level, row, value if reshape is None else reshape(value), odd)
            elif isinstance(value, list):
                odd.append((ODD_VALUE, level, key, value))
            elif spec.bare_number and isinstance(value, int) and not isinstance(value, bool):
                fill(level, row, {spec.bare_number: value}, odd)
            else:
                fill(level, row, {spec.bare: value}, odd)

        return place

    def label(self, key: str) -> str:
        """The key's name in `unparsed`, of a flattened object with the object's name before it."""
        return clean_text(f"{self.prefix}.{key}" if self.prefix else key)

    def unknown(self, key: str) -> tuple[str | None, bool]:
        """The column an unknown key goes to, or None where the name is taken, and whether it is personal."""
        found = self._names.get(key)
        if found is None:
            if len(self._names) >= _CHUNK:
                self._names.clear()
            found = self._names[key] = self._name(key)
        return found

    def _name(self, key: str) -> tuple[str | None, bool]:
        try:
            name = _NAMING.normalize_identifier(f"{self.prefix}_{key}" if self.prefix else key)
        except ValueError:  # nothing is left of it
            return None, self.personal_unknown
        personal = (
            self.personal_unknown or name in self.rows.personal_names or bool(_LIKELY_PERSONAL.search(name))
        )
        return (None if name.startswith("_dlt") or name in self.rows.taken else name), personal


def fill(level: Level, row: Row, raw: Mapping[str, Any], odd: list[Odd]) -> None:
    """Puts the object's known values into the row; everything else is noted in `odd`.

    This loop sees every cell of every load: values that already have their column's type are placed without a
    call. A printable text from "!" on is neither blank nor unsafe (`values.clean_text`).
    """
    find = level.fields.get
    for key, value in raw.items():
        if not value and (value is None or value == "" or value == [] or value == {}):
            continue
        entry = find(key)
        if entry is None:
            odd.append((ODD_KEY, level, key, value))
            continue
        column, exact, parse = entry
        if column is None:
            parse(row, value, odd)
            continue
        if type(value) is exact:
            if exact is str:
                if value >= "!" and value.isprintable():
                    row[column] = value
                    continue
            elif exact is bool or INT64_MIN <= value <= INT64_MAX:
                row[column] = value
                continue
        result = parse(value)
        if result is MISFIT:
            odd.append((ODD_VALUE, level, column, value))
        elif result is not None:
            row[column] = result
