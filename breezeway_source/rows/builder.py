"""One raw object of the API to one row of the contract, with its child rows. API rows are interpreted here only.

A value that does not fit its column is kept in the row's `unparsed`; a key the dictionary does not know becomes a
text column, and where its name is taken goes to `unparsed` too. Nothing is dropped but what `personal_data` says
and what SHAPES ignores on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..columns import Column, Table
from ..errors import ApiError
from .amounts import currency, names_no_amount
from .fields import deletion, lines_of, record_id
from .level import EXACT, ODD_CURRENCY, ODD_KEY, ODD_VALUE, ODD_WEAK, Entry, Level, Odd, Row, fill, skip
from .met_keys import MetKeys
from .new_columns import NewColumns
from .personal import PersonalData
from .shapes import Ignored, Nested, Spec, Split, shape_of
from .values import MISFIT, PARSERS, is_empty, jsonable, text

_OURS_IN_ALL = frozenset({"region_code", "synced_at", "unparsed"})


class _Rows:
    """What the rows of one table, root or child, have in common."""

    def __init__(self, table: Table, parent_id: str, personal: PersonalData) -> None:
        self.table = table
        self.personal = personal
        self.shape = shape_of(table)
        child_fields = {child.field for child in table.children}
        self.taken = frozenset(table.by_name) | child_fields
        self.personal_names = frozenset(column.name for column in table.columns if column.personal) | {
            child.field for child in table.children if _holds_personal(child)
        }
        self.level = Level(self, self._specs(parent_id), "", table.personal_unknown)
        self.level.fields.update(dict.fromkeys(child_fields, (None, None, skip)))
        if not parent_id:  # a row that says when it was deleted: whoever reads it judges that
            self.level.fields.setdefault("deleted_at", (None, None, skip))
        self.met = MetKeys(
            [key for key in self.level.fields if not isinstance(self.shape.fields.get(key), Ignored)]
        )
        self.new_columns = NewColumns()
        self.unread = Counter[str]()  # by column: amounts that could not be read
        self.currencies: dict[str, set[str | None]] = {}  # by column: those that texts of amounts name
        self.twice = 0  # records with a line that comes twice, its id too
        self.misfits = Counter[str]()  # by column or key: other values that could not be read
        self.no_lists = Counter[str]()  # by field: lines that came in a form that is no list of them
        self.underived = Counter[str]()  # by column: texts that are kept, whose derived columns stay null
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

    def cell(self, name: str) -> Entry:
        """The column's entry, with the masking of personal values built in."""
        column = self.table.by_name[name]
        parse = PARSERS[column.kind]
        if column.personal and not self.personal.keeps:
            return name, None, self._masking(column, parse)
        return name, EXACT.get(column.kind), parse

    def _masking(self, column: Column, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        mask = self.personal.mask
        if self.personal.drops:
            return lambda value: None

        def masked(value: Any) -> Any:
            result = parse(value)
            return result if result is MISFIT else mask(result)

        return masked

    def oddities(self, most: int) -> Iterator[str]:
        """What to tell of all rows made so far: amounts that sums lack, and what found no column."""
        table, new = self.table.name, self.new_columns
        for column, lines in self.unread.items():
            yield (
                f"amounts of {table}.{column} could not be read in {lines} lines: they are null, sums are low "
                "without them, and the originals are in `unparsed`. Next: look there."
            )
        for name, rows in self.misfits.items():
            yield (
                f"values of {table}.{name} could not be read in {rows} rows: null, or of several the first, stands "
                "there, and the originals are in `unparsed`. Next: look there."
            )
        for field, rows in self.no_lists.items():
            yield (
                f"{field} of {table} came as no list in {rows} rows: there are no lines of it, the originals are in "
                "`unparsed`. Next: look there."
            )
        for column, rows in self.underived.items():
            derived = next(
                s.derived for s in self.shape.fields.values() if isinstance(s, Split) and s.column == column
            )
            yield (
                f"{table}.{column} came in {rows} rows in a spelling that does not say {derived[0]}, which is null "
                "there: the text is kept. Next: look there."
            )
        for column, named in self.currencies.items():
            if len(named) > 1:
                yield (
                    f"amounts of {table}.{column} came in several currencies ({', '.join(sorted(map(str, named)))}): "
                    "sums add their numbers, and the originals are in `unparsed`. Next: look there."
                )
        if self.twice:
            yield (
                f"lines of {table} came twice, their ids too, in {self.twice} records: all are loaded, and count in "
                "sums. Next: compare one with Breezeway."
            )
        if new.beyond:
            yield (
                f"unknown fields of {table} beyond max_new_columns = {most} are kept in `unparsed`: "
                f"{len(new.beyond)} of them."
            )
        if new.met:
            some = ", ".join(sorted(new.met)[:5])
            yield (
                f"unknown fields of {table} share a column's name: the first has it, the others are in "
                f"`unparsed`: {some}."
            )

    def settle(self, row: Row, odd: list[Odd]) -> None:
        """Gives what `fill` noted its place: a free column, or `unparsed`."""
        misfits: Row = {}
        if len(odd) > 1:  # of keys that meet in one column, the one spelled like it has it
            odd.sort(key=lambda one: one[0] == ODD_KEY and one[2] != one[1].unknown(one[2])[0])
        for tag, level, name, value in odd:  # first: they only fill columns that are still empty
            if tag == ODD_WEAK:
                self._settle_weak(row, level, name, value, misfits)
        for tag, level, name, value in odd:
            if tag == ODD_KEY:
                self._settle_unknown(row, level, name, value, misfits)
            elif tag != ODD_WEAK:
                self._keep(misfits, name, value, level.personal_unknown or name in self.personal_names)
                column = self.table.by_name.get(name)
                if tag == ODD_CURRENCY:
                    self.currencies.setdefault(name, set()).add(currency(value))
                elif not names_no_amount(value) and name not in self.no_lists:
                    is_amount = column is not None and column.kind == "decimal"
                    (self.unread if is_amount else self.misfits)[name] += 1
        if misfits:
            row["unparsed"] = misfits

    def _settle_weak(self, row: Row, level: Level, key: str, value: Any, misfits: Row) -> None:
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

    def _settle_unknown(self, row: Row, level: Level, key: str, value: Any, misfits: Row) -> None:
        if is_empty(value) or (key == self._parent_id and value == row.get(key)):
            return
        name, personal = level.unknown(key)
        if name is None or not self.new_columns.takes(name, level.label(key)) or name in row:
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

    def __init__(
        self, table: Table, parent_id: str, region_code: str, now: datetime, personal: PersonalData
    ) -> None:
        super().__init__(table, parent_id, personal)
        if "deleted_at" in table.by_name:
            self.level.fields["deleted_at"] = ("deleted_at", None, lambda value: deletion(value, now))
        self._region_code = region_code
        self.holds_personal = _holds_personal(table)
        self._own_id = self.shape.fields.get("id")

    def build(self, values: list[Any], parent: int) -> list[Row]:
        """One row per entry; empty entries are passed over, positions count them."""
        rows = []
        level, parent_id, region_code = self.level, self._parent_id, self._region_code
        has_position, prepare = self.has_position, self.shape.prepare
        odd: list[Odd] = []
        for position, value in enumerate(values):
            is_object = type(value) is dict
            if (not value) if is_object else is_empty(value):
                continue
            row: Row = {"region_code": region_code, parent_id: parent}
            if has_position:
                row["position"] = position
            if is_object:
                self.met.see(value.keys())
                fill(level, row, value if prepare is None else prepare(value), odd)
            else:
                self._fill_bare(row, value, odd)
            if odd:
                self.settle(row, odd)
                odd = []
            rows.append(row)
        if len(rows) > 1 and self._own_id:
            ids = [row[self._own_id] for row in rows if self._own_id in row]
            if len(set(ids)) < len(ids):
                self.twice += any(row in rows[:number] for number, row in enumerate(rows))
        return rows

    def _fill_bare(self, row: Row, value: Any, odd: list[Odd]) -> None:
        """An entry that is no object: a tag's name, a photo's address."""
        if self.shape.bare and isinstance(value, str):
            fill(self.level, row, {self.shape.bare: value}, odd)
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
        self.with_lines = Counter[str]()  # by field: records that have some
        self._children = [
            (child.field, _ChildRows(child, self._id, region_code, synced_at, personal))
            for child in table.children
        ]

    def build(self, raw: Mapping[str, Any], **extra: Any) -> Row:
        """The contract row: the columns that have a value, and one list of rows per child table.

        `extra` are columns the caller knows and the object does not, such as a tag's `tag_kind`. Raises ApiError
        for a row without a usable id.
        """
        if not isinstance(raw, Mapping):
            raise self._unusable("is no object")
        try:
            return self._build(raw, extra)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as e:
            raise self._unusable(f"cannot be read ({type(e).__name__}), id {record_id(raw)}") from None

    def tables(self) -> Iterator[_Rows]:
        """This table and its child tables."""
        yield self
        for _, child in self._children:
            yield child

    def _build(self, raw: Mapping[str, Any], extra: Mapping[str, Any]) -> Row:
        row: Row = {"region_code": self._region_code, "synced_at": self._synced_at}
        if extra:
            row.update(extra)
        odd: list[Odd] = []
        prepare = self.shape.prepare
        self.met.see(raw.keys())
        fill(self.level, row, raw if prepare is None else prepare(raw), odd)
        own_id = row.get(self._id)
        if own_id is None:
            raise self._unusable(f"has no usable {self._id}")
        for field, child in self._children:
            lines = lines_of(raw.get(field))
            row[field] = child.build(lines, own_id) if lines else []
            self.with_lines[field] += bool(row[field])
            if lines is None:
                self.no_lists[field] += 1
                odd.append((ODD_VALUE, self.level, field, raw[field]))
        if odd:
            self.settle(row, odd)
        return row

    def _unusable(self, what: str) -> ApiError:
        """The error names no value: it could be a person's."""
        return ApiError(f"A row of {self.table.name} {what} (region {self._region_code!r}).")
