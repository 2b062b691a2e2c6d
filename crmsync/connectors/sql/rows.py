"""How does a row of a table become a record?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import sqlalchemy as sa

from crmsync.connectors.base import Page, Refused
from crmsync.connectors.record import (
    Path,
    Shape,
    Unplain,
    fault_words,
    key_part,
    ordinal_key,
    split,
    too_large,
)
from crmsync.connectors.sql.columns import UNREADABLE, Column, Dialect, Read, Tree, Wire, in_order, tree_of
from crmsync.core.model import Entity, Json, Key, Raw, fingerprint, to_json


@dataclass(frozen=True)
class Layout:
    """One entity as its table holds it."""

    entity: Entity
    table: sa.TableClause
    columns: Sequence[Column]
    dialect: Dialect

    @cached_property
    def key(self) -> tuple[Column, ...]:
        """The columns of the key; of an `each` entity, those of the document's own part of it."""
        return tuple(self.at(path) for path in map(split, self.entity.key) if path[0] != self.element)

    @property
    def element(self) -> str | None:
        each = self.entity.each
        return None if each is None else self.entity.each_as or split(each)[-1]

    @cached_property
    def modified(self) -> Column | None:
        return self.at(split(self.entity.modified.field)) if self.entity.modified else None

    def at(self, path: Path) -> Column:
        """The column at exactly this path. Raises `Refused` where it lies inside a JSON column."""
        for column in self.columns:
            if column.path == path:
                return column
        raise Refused(f"{self.entity.full_name}: {'.'.join(path)} needs a column of its own")

    def read(self, wanted: frozenset[str] | None) -> list[Column]:
        """The columns of the top-level names that are wanted, and of those that every record has."""
        if wanted is None:
            return list(self.columns)
        each = split(self.entity.each)[:1] if self.entity.each else ()
        heads = wanted.union(each, (path[0] for path in map(split, self.entity.key)))
        return [column for column in self.columns if column.path[0] in heads]

    def selected(self, column: Column) -> sa.ColumnElement[Any]:
        return self.dialect.selected(column, self.table.c[column.name])


class Rows:
    """What is selected for one entity, and how such rows become `Raw`; compiled once.

    A row holds the columns of the body, then the modified value, then what the caller selected besides.
    """

    def __init__(self, layout: Layout, wanted: frozenset[str] | None) -> None:
        self._entity = layout.entity
        tree = tree_of(layout.read(wanted))
        body = in_order(tree)
        self.columns = [*body, *([layout.modified] if layout.modified else [])]
        self._refuse_binary()
        self.expressions = [layout.selected(column) for column in self.columns]
        self._keys = [body.index(column) for column in layout.key]
        self._readers = [layout.dialect.reader(column) for column in self.columns]
        self._said = compiled(tree, self.columns, self._readers, self._keys, layout.modified is not None)
        self._shape = Shape(layout.entity, wanted) if layout.entity.each else None

    def raws(self, rows: Iterable[Sequence[Wire]], ordinals: count[int]) -> Page:
        """One `Raw` a row, or with `each` one for each element in it."""
        if self._shape:
            return [raw for row in rows for raw in self._elements(self._shape, row, ordinals)]
        limit, said = self._entity.max_bytes, self._said
        page: Page = []
        for row in rows:
            try:
                key, record, moment = said(row)
                body = to_json(record)
            except (*UNREADABLE, RecursionError) as error:
                page.append(self._fault(row, next(ordinals), error))
                continue
            if len(body) > limit:
                page.append(too_large(key, body, moment, limit))
            elif all([type(part) is int or type(part) is str for part in key]):  # noqa: C419 a list is faster
                page.append(Raw(key, body, moment))
            else:
                page.append(self._odd_key(key, body, moment, next(ordinals)))
        return page

    def _elements(self, shape: Shape, row: Sequence[Wire], ordinals: count[int]) -> Page:
        try:
            _, document, moment = self._said(row)
        except UNREADABLE as error:
            return [self._fault(row, next(ordinals), error)]
        return [shape.raw(record, ordinal_key(next(ordinals)), moment) for record in shape.records(document)]

    def _odd_key(self, key: Sequence[Json], body: bytes, moment: Json, ordinal: int) -> Raw:
        """A key that is a whole decimal is one; null and 1.5 are none."""
        parts = [key_part(part) for part in key]
        if None in parts:
            return Raw(ordinal_key(ordinal), body, moment, f"has no key at {', '.join(self._entity.key)}")
        return Raw(tuple(part for part in parts if part is not None), body, moment)

    def _fault(self, row: Sequence[Wire], ordinal: int, error: Exception) -> Raw:
        """A row that cannot be said. Its body is a fingerprint, so that a change is still seen."""
        body = to_json(fingerprint(repr(tuple(row)).encode(errors="replace")))
        try:
            parts = [key_part(self._one(row, index)) for index in self._keys]
            to_json(parts)
        except ValueError:
            parts = [None]
        key = ordinal_key(ordinal) if None in parts else tuple(part for part in parts if part is not None)
        return Raw(key, body, None, self._words(row) or fault_words(error))

    def _words(self, row: Sequence[Wire]) -> str:
        """Which columns cannot be read; none when it is the record as a whole."""
        faults: list[str] = []
        for index in range(len(self.columns)):
            try:
                self._one(row, index)
            except Unplain as error:
                faults.append(str(error))
        return "; ".join(dict.fromkeys(faults))

    def _one(self, row: Sequence[Wire], index: int) -> Json:
        """One value of a row, not quickly but with words."""
        value, column, read = row[index], self.columns[index], self._readers[index]
        if value is None:
            return None
        try:
            said = value if read is None else read(value)
        except Unplain:
            raise Unplain(f"{column.at} is not a finite number") from None
        except UNREADABLE:
            raise Unplain(f"{column.at} cannot be read as {column.kind}") from None
        return said

    def _refuse_binary(self) -> None:
        binary = sorted({column.name for column in self.columns if column.kind == "binary"})
        if binary:
            raise Refused(
                f"{self._entity.full_name}: binary columns have no JSON form: {', '.join(binary)}; "
                "name the others in `columns`"
            )


def compiled(
    tree: Tree, columns: Sequence[Column], readers: Sequence[Read | None], keys: Sequence[int], modified: bool
) -> Callable[[Sequence[Wire]], tuple[Key, Json, Json]]:
    """One function from a row to its key, record and modified value: half the cost of loops over the columns. Its text
    holds nothing of the tables but the names of properties, escaped."""
    names = [f"c{index}" for index in range(len(columns))]
    values = [
        name if read is None else f"{_quickly(column, name)}None if {name} is None else r{index}({name})"
        for index, (name, read, column) in enumerate(zip(names, readers, columns, strict=True))
    ]
    lines = [f"{name} = {value}" for name, value in zip(names, values, strict=True) if name != value]
    key = "".join(f"c{index}, " for index in keys)
    result = f"({key}), {literal(tree, iter(names))}, {names[-1] if modified else None}"
    text = "\n    ".join([f"def said(row):\n    {', '.join(names)}, = row", *lines, f"return {result}"])
    scope: dict[str, Any] = {f"r{index}": read for index, read in enumerate(readers)}
    exec(text, scope)
    function: Callable[[Sequence[Wire]], tuple[Key, Json, Json]] = scope["said"]
    return function


def _quickly(column: Column, name: str) -> str:
    """What most values are needs no call."""
    usual = {"text": "str", "integer": "int"}.get(column.kind)
    return f"{name} if type({name}) is {usual} else " if usual else ""


def literal(tree: Tree, names: Iterator[str]) -> str:
    """The text of the record, whose values bear these names in the order of `in_order`."""
    own = {name: next(names) for name, node in tree.items() if isinstance(node, Column)}
    inner = {name: literal(node, names) for name, node in tree.items() if not isinstance(node, Column)}
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in sorted({**own, **inner}.items())) + "}"


def lenient(text: bytes) -> str:
    """Text of SQLite whatever its bytes are; what is no UTF-8 is found when the record is encoded."""
    return text.decode("utf-8", "surrogateescape")
