"""One raw object of the API to one row of the contract, with its child rows. API rows are interpreted here only.

A value that does not fit its column is kept in the row's `unparsed`; a key the dictionary does not know becomes a
text column, and where its name is taken goes to `unparsed` too. Nothing is dropped but what `personal_data` says
and what SHAPES ignores on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from dlt.common.normalizers.naming.snake_case import NamingConvention

from ..columns import Column, Table
from ..errors import ApiError
from .personal import PersonalData
from .shapes import SHAPES, Ignored, Nested, Shape, Spec, Split, Weak
from .values import INT64_MAX, INT64_MIN, MISFIT, PARSERS, clean_text, is_empty, jsonable, text

Row = dict[str, Any]

# dlt's own names, so that a clash is seen here and not by dlt. 63 bytes is PostgreSQL's limit; cutting here gives
# DuckDB the same names.
_NAMING = NamingConvention(max_length=63)

# Unknown keys that speak of what section 11 of breezeway-api.md lists, under another name than the one known.
_LIKELY_PERSONAL = re.compile(r"e_?mail|phone|passw|wi_?fi|(access|door|gate|lock|entry|alarm)_?code")

_OURS_IN_ALL = frozenset({"region_code", "synced_at", "unparsed"})
_CHUNK: Final = 10_000  # cached names of unknown keys: a bound for an API that puts ids into keys

# What `_fill` could not place at once, by tag: (tag, level, name, value).
_MISFIT, _WEAK, _UNKNOWN = range(3)
_Odd = tuple[int, "_Level", str, Any]

_EXACT: Final[dict[str, type]] = {"text": str, "bigint": int, "bool": bool}

# A known key: (column, type that needs no parser, parser), or (None, None, what to do with the row, value, odd).
_Entry = tuple[Any, Any, Callable[..., Any]]


def _skip(row: Row, value: Any, odd: list[_Odd]) -> None:
    """For keys that `_fill` leaves alone."""


class _Level:
    """The known keys of one object: a root row, a child row, or an object flattened into one of them."""

    def __init__(
        self, builder: _Rows, specs: Mapping[str, Spec], prefix: str, personal_unknown: bool
    ) -> None:
        self.prefix = prefix
        self.rows = builder
        self.personal_unknown = personal_unknown
        self.weak: dict[str, str] = {}
        self.fields: dict[str, _Entry] = {key: self._entry(key, spec) for key, spec in specs.items()}
        self._names: dict[str, tuple[str | None, bool]] = {}

    def _entry(self, key: str, spec: Spec) -> _Entry:
        if isinstance(spec, str):
            return self.rows.cell(spec)
        if isinstance(spec, tuple):
            return None, None, self._copies(spec)
        if isinstance(spec, Ignored):
            return None, None, _skip
        if isinstance(spec, Weak):
            return None, None, self._weak(key, spec.column)
        if isinstance(spec, Split):
            return None, None, self._split(spec)
        return None, None, self._nested(key, spec)

    def _weak(self, key: str, column: str) -> Callable[[Row, Any, list[_Odd]], None]:
        self.weak[key] = column
        return lambda row, value, odd: odd.append((_WEAK, self, key, value))

    def _copies(self, columns: tuple[str, ...]) -> Callable[[Row, Any, list[_Odd]], None]:
        first, _, parse = self.rows.cell(columns[0])

        def place(row: Row, value: Any, odd: list[_Odd]) -> None:
            result = parse(value)
            if result is MISFIT:
                odd.append((_MISFIT, self, first, value))
            elif result is not None:
                for column in columns:
                    row[column] = result

        return place

    def _split(self, spec: Split) -> Callable[[Row, Any, list[_Odd]], None]:
        column, values = spec.column, spec.values
        _, _, parse = self.rows.cell(column)
        derived = [(name, self.rows.cell(name)[2]) for name in spec.derived]

        def place(row: Row, value: Any, odd: list[_Odd]) -> None:
            kept = parse(value)  # a text: never MISFIT
            if kept is None:
                return
            row[column] = kept
            for (name, parse_derived), part in zip(derived, values(value)):
                result = parse_derived(part)
                if result is not MISFIT and result is not None:
                    row[name] = result

        return place

    def _nested(self, key: str, spec: Nested) -> Callable[[Row, Any, list[_Odd]], None]:
        level = _Level(self.rows, spec.fields, spec.prefix, spec.personal_unknown or self.personal_unknown)
        reshape, whole = spec.reshape, spec.whole

        def place(row: Row, value: Any, odd: list[_Odd]) -> None:
            if type(value) is list:
                if whole:
                    row[whole] = jsonable(value)
                elif len(value) > 1:
                    odd.append((_MISFIT, level, key, value))
                value = value[0] if value else None
            if isinstance(value, dict):
                _fill(level, row, value if reshape is None else reshape(value), odd)
            elif isinstance(value, list):
                odd.append((_MISFIT, level, key, value))
            elif spec.bare_number and isinstance(value, int) and not isinstance(value, bool):
                _fill(level, row, {spec.bare_number: value}, odd)
            else:
                _fill(level, row, {spec.bare: value}, odd)

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


def _fill(level: _Level, row: Row, raw: Mapping[str, Any], odd: list[_Odd]) -> None:
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
            odd.append((_UNKNOWN, level, key, value))
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
            odd.append((_MISFIT, level, column, value))
        elif result is not None:
            row[column] = result


class _Rows:
    """What the rows of one table, root or child, have in common."""

    def __init__(self, table: Table, parent_id: str, personal: PersonalData) -> None:
        self.table = table
        self.personal = personal
        self.shape = SHAPES.get(table.name, Shape())
        child_fields = {child.field for child in table.children}
        self.taken = frozenset(table.by_name) | child_fields
        self.personal_names = frozenset(column.name for column in table.columns if column.personal) | {
            child.field for child in table.children if _holds_personal(child)
        }
        self.level = _Level(self, self._specs(parent_id), "", table.personal_unknown)
        self.level.fields.update(dict.fromkeys(child_fields, (None, None, _skip)))
        if not parent_id:  # a row that says when it was deleted: whoever reads it judges that
            self.level.fields.setdefault("deleted_at", (None, None, _skip))
        self.has_position = bool(parent_id) and "position" in table.by_name
        self._parent_id = parent_id

    def _specs(self, parent_id: str) -> dict[str, Spec]:
        """Every column under its own name, but for ours and those SHAPES reads from another key."""
        filled: set[str] = set(_OURS_IN_ALL | self.shape.ours)
        filled.update({parent_id, "position"} if parent_id else {"deleted_at"})
        for spec in self.shape.fields.values():
            filled.update(_targets(spec))
        specs: dict[str, Spec] = {name: name for name in self.table.by_name if name not in filled}
        specs.update(self.shape.fields)
        return specs

    def cell(self, name: str) -> _Entry:
        """The column's entry, with the masking of personal values built in."""
        column = self.table.by_name[name]
        parse = PARSERS[column.kind]
        if column.personal and not self.personal.keeps:
            return name, None, self._masking(column, parse)
        return name, _EXACT.get(column.kind), parse

    def _masking(self, column: Column, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        mask = self.personal.mask
        if self.personal.drops:
            return lambda value: None

        def masked(value: Any) -> Any:
            result = parse(value)
            return result if result is MISFIT else mask(result)

        return masked

    def settle(self, row: Row, odd: list[_Odd]) -> None:
        """Gives what `_fill` noted its place: a free column, or `unparsed`."""
        misfits: Row = {}
        for tag, level, name, value in odd:  # first: they only fill columns that are still empty
            if tag == _WEAK:
                self._settle_weak(row, level, name, value, misfits)
        for tag, level, name, value in odd:
            if tag == _UNKNOWN:
                self._settle_unknown(row, level, name, value, misfits)
            elif tag != _WEAK:
                self._keep(misfits, name, value, level.personal_unknown or name in self.personal_names)
        if misfits:
            row["unparsed"] = misfits

    def _settle_weak(self, row: Row, level: _Level, key: str, value: Any, misfits: Row) -> None:
        column = level.weak[key]
        _, _, parse = self.cell(column)
        result = parse(value)
        if result is None or row.get(column) == result:
            return
        personal = level.personal_unknown or column in self.personal_names
        if result is MISFIT or column in row:
            self._keep(misfits, level.label(key), value, personal)
        else:
            row[column] = result

    def _settle_unknown(self, row: Row, level: _Level, key: str, value: Any, misfits: Row) -> None:
        if is_empty(value) or (key == self._parent_id and value == row.get(key)):
            return
        name, personal = level.unknown(key)
        if name is None or name in row:
            self._keep(misfits, level.label(key), value, personal)
            return
        if personal and not self.personal.keeps:
            value = self.personal.mask(jsonable(value))
        cell = text(value)
        if cell is not None:
            row[name] = cell

    def _keep(self, misfits: Row, name: str, value: Any, personal: bool) -> None:
        kept = jsonable(value)
        if personal:
            kept = self.personal.mask(kept)
        if kept is None:
            return
        while name in misfits:
            name += "_"
        misfits[name] = kept


def _targets(spec: Spec) -> set[str]:
    """The columns a key is the first source of."""
    if isinstance(spec, str):
        return {spec}
    if isinstance(spec, tuple):
        return set(spec)
    if isinstance(spec, Split):
        return {spec.column, *spec.derived}
    if isinstance(spec, Nested):
        return set().union({spec.whole} - {""}, *(_targets(inner) for inner in spec.fields.values()))
    return set()  # a second source leaves the column its first


def _holds_personal(table: Table) -> bool:
    return table.personal_unknown or any(column.personal for column in table.columns)


class _ChildRows(_Rows):
    """Makes the rows of one child table from the parent's list."""

    def __init__(self, table: Table, parent_id: str, region_code: str, personal: PersonalData) -> None:
        super().__init__(table, parent_id, personal)
        self._region_code = region_code
        self.holds_personal = _holds_personal(table)

    def build(self, values: list[Any], parent: int) -> list[Row]:
        """One row per entry; empty entries are passed over, positions count them."""
        rows = []
        level, parent_id, region_code = self.level, self._parent_id, self._region_code
        has_position, prepare = self.has_position, self.shape.prepare
        odd: list[_Odd] = []
        for position, value in enumerate(values):
            is_object = type(value) is dict
            if (not value) if is_object else is_empty(value):
                continue
            row: Row = {"region_code": region_code, parent_id: parent}
            if has_position:
                row["position"] = position
            if is_object:
                _fill(level, row, value if prepare is None else prepare(value), odd)
            else:
                self._fill_bare(row, value, odd)
            if odd:
                self.settle(row, odd)
                odd = []
            rows.append(row)
        return rows

    def _fill_bare(self, row: Row, value: Any, odd: list[_Odd]) -> None:
        """An entry that is no object: a tag's name, a photo's address."""
        if self.shape.bare and isinstance(value, str):
            _fill(self.level, row, {self.shape.bare: value}, odd)
        else:
            kept: Row = {}
            self._keep(kept, self.table.field, value, self.holds_personal)
            if kept:
                row["unparsed"] = kept


class RowBuilder(_Rows):
    """Makes the rows of one root table for one region and run; compiled once, then one `build` per object."""

    def __init__(self, table: Table, region_code: str, synced_at: datetime, personal: PersonalData) -> None:
        super().__init__(table, "", personal)
        self._region_code = region_code
        self._synced_at = synced_at
        self._id = table.key[-1]
        self._children = [
            (child.field, _ChildRows(child, self._id, region_code, personal)) for child in table.children
        ]

    def build(self, raw: Mapping[str, Any], **extra: Any) -> Row:
        """The contract row: the columns that have a value, and one list of rows per child table.

        `extra` are columns the caller knows and the object does not, such as a tag's `tag_kind`. Raises ApiError
        for a row without a usable id.
        """
        if not isinstance(raw, Mapping):
            raise self._unusable("is no object")
        row: Row = {"region_code": self._region_code, "synced_at": self._synced_at}
        if extra:
            row.update(extra)
        odd: list[_Odd] = []
        prepare = self.shape.prepare
        _fill(self.level, row, raw if prepare is None else prepare(raw), odd)
        own_id = row.get(self._id)
        if own_id is None:
            raise self._unusable(f"has no usable {self._id}")
        for field, child in self._children:
            values = raw.get(field)
            if type(values) is dict:
                values = [values]
            if type(values) is list:
                row[field] = child.build(values, own_id) if values else []
                continue
            row[field] = []
            if not is_empty(values):
                odd.append((_MISFIT, self.level, field, values))
        if odd:
            self.settle(row, odd)
        return row

    def _unusable(self, what: str) -> ApiError:
        """The error names no value: it could be a person's."""
        return ApiError(f"A row of {self.table.name} {what} (region {self._region_code!r}).")
