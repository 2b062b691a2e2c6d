"""How is an entity read from its table?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import DataError

from crmsync.connectors.base import Capabilities, Cursor, Findings, Page, Write
from crmsync.connectors.record import Unplain, instant, moved_since, same, slack, split
from crmsync.connectors.sql.columns import Column, Wire
from crmsync.connectors.sql.query import CHUNK, matching, pages
from crmsync.connectors.sql.rows import Layout, Rows
from crmsync.connectors.sql.write import write_batch
from crmsync.core.expression import get_path
from crmsync.core.model import ABSENT, Finding, Json, Key, Modified, Outcome, Raw, from_json

if TYPE_CHECKING:
    from crmsync.connectors.sql.connection import SqlConnection

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FOUND_BY_QUERY: Final = frozenset({"text", "integer"})  # kinds that have one spelling


class SqlDoor:
    def __init__(self, connection: SqlConnection, layout: Layout, wanted: frozenset[str] | None) -> None:
        self._connection = connection
        self._layout = layout
        self._wanted = wanted
        self._entity = layout.entity
        self._rows = Rows(layout, wanted)
        self._place = layout.entity.full_name
        writes = not layout.entity.each
        origin = writes and layout.entity.recover_by == "origin field" and layout.entity.origin is not None
        self.can = Capabilities(layout.modified is not None, True, True, writes, writes, origin)

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        """One statement, so one snapshot; streamed."""
        statement = sa.select(*self._rows.expressions)
        if since is None or self._layout.modified is None:
            yield from self._raws(statement)
            return
        column, clock = self._layout.modified, self._clock
        order = [self._layout.table.c[each.name] for each in (column, *self._layout.key)]
        moved = moved_since(clock, since)
        for page in self._raws(statement.where(_moved(self._layout, clock, since)).order_by(*order)):
            yield page if not _is_text(self._layout) else [raw for raw in page if moved(raw.modified)]

    def newest(self) -> Cursor | None:
        column = self._layout.modified
        if column is None:
            return None
        at = self._layout.table.c[column.name]
        keys = [self._layout.table.c[key.name] for key in self._layout.key]
        statement = sa.select(*self._rows.expressions).where(at.is_not(None))
        statement = statement.order_by(at.desc(), *(key.desc() for key in keys)).limit(1)
        newest = next((raw for page in self._raws(statement) for raw in page), None)
        return None if newest is None or newest.modified is None else Cursor(newest.modified, newest.key)

    def get(self, keys: Sequence[Key]) -> Page:
        with self._connection.opened(self._place) as connection:
            return self.fetch(connection, keys)

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        """By a query where a value has one spelling in the column, else by looking through all records."""
        names = split(path)
        column = next((column for column in self._layout.columns if column.path == names), None)
        if column is None or column.kind != column.native or column.kind not in FOUND_BY_QUERY or self._entity.each:
            return self._look_through(names, values)
        return self._query(column, values)

    def decode(self, body: bytes) -> Json:
        return from_json(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        if not self.can.write:
            message = f"{self._place} is read-only: its records are elements of {self._entity.each}"
            return [Outcome("refused", message=message)] * len(writes)
        return write_batch(self._connection, self._layout, self.fetch, writes)

    def probe(self) -> Findings:
        """That its key is unique, as far as the database knows."""
        names = {column.name for column in self._layout.key}
        if any(unique <= names for unique in self._connection.indexes(self._layout.table)):
            return []
        listed = ", ".join(sorted(names))
        message = f"{self._place}: nothing in table {self._layout.table.name} keeps {listed} unique"
        return [Finding("sql/key-not-unique", message, "add a unique index", "warning", self._entity.at)]

    def fetch(self, connection: sa.Connection, keys: Sequence[Key], lock: bool = False) -> Page:
        """The records under these keys, locked until the transaction ends where the database can."""
        own = len(self._layout.key)
        rows = [row for key in dict.fromkeys(key[:own] for key in keys) if (row := self._wire(key)) is not None]
        asked, ordinals = set(keys), count(1)
        found: Page = []
        for start in range(0, len(rows), CHUNK):
            for raws in self._matching(connection, rows[start : start + CHUNK], ordinals, lock):
                found += (raw for raw in raws if raw.key in asked)
        return found

    # How ----------------------------------------------------------------------------------------------

    @property
    def _clock(self) -> Modified:
        """The entity's clock in the time zone of its column."""
        column = self._layout.modified
        assert self._entity.modified is not None
        assert column is not None
        timezone = column.zone.key if isinstance(column.zone, ZoneInfo) else "UTC"
        return replace(self._entity.modified, timezone=timezone)

    def _raws(self, statement: sa.Select[Any]) -> Iterator[Page]:
        ordinals = count(1)
        with self._connection.opened(self._place) as connection:
            for rows in pages(connection, statement):
                yield self._rows.raws(rows, ordinals)

    def _matching(
        self, connection: sa.Connection, rows: Sequence[tuple[Wire, ...]], ordinals: count[int], lock: bool
    ) -> Iterator[Page]:
        """A key that the type of its column cannot hold is nobody's: the others are still looked for."""
        statement = matching(sa.select(*self._rows.expressions), self._layout, self._layout.key, rows)
        if lock:
            statement = statement.with_for_update(of=self._layout.table)
        try:
            with connection.begin_nested() if connection.in_transaction() else connection.begin():
                found = [self._rows.raws(page, ordinals) for page in pages(connection, statement, streamed=False)]
        except DataError:
            half = len(rows) // 2
            found = [
                page
                for part in (rows[:half], rows[half:])
                if part and half
                for page in self._matching(connection, part, ordinals, lock)
            ]
        yield from found

    def _wire(self, key: Key) -> tuple[Wire, ...] | None:
        """The key as the driver takes it; None where no record can have such a key."""
        columns = self._layout.key
        try:
            parts = zip(columns, key, strict=True)
            return tuple(self._layout.dialect.write(column, part) for column, part in parts)
        except ValueError:
            return None

    def _query(self, column: Column, values: Sequence[Json]) -> Iterator[Page]:
        for start in range(0, len(values), CHUNK):
            wire, null = [], False
            for value in values[start : start + CHUNK]:
                null = null or value is None
                try:
                    wire += [] if value is None else [(self._layout.dialect.write(column, value),)]
                except Unplain:  # nobody holds such a value
                    continue
            yield from self._holding(column, list(dict.fromkeys(wire)), null)

    def _holding(self, column: Column, rows: Sequence[tuple[Wire, ...]], null: bool) -> Iterator[Page]:
        """The records whose column holds one of these exactly: collations may find `A` for `a`."""
        base = sa.select(*self._rows.expressions, self._layout.selected(column))
        at = self._layout.table.c[column.name]
        statements = [matching(base, self._layout, (column,), rows)] if rows else []
        statements += [base.where(at.is_(None))] if null else []
        exact = {row[0] for row in rows} | {None}
        with self._connection.opened(self._place) as connection:
            for statement in statements:
                for page in pages(connection, statement):
                    yield self._rows.raws([row[:-1] for row in page if row[-1] in exact], count(1))

    def _look_through(self, path: tuple[str, ...], values: Sequence[Json]) -> Iterator[Page]:
        wanted = None if self._wanted is None else self._wanted | {path[0]}
        wide = SqlDoor(self._connection, self._layout, wanted)

        def holds(raw: Raw) -> bool:
            value = get_path(wide.decode(raw.body), path)
            return any(same(None if value is ABSENT else value, other) for other in values)

        for page in wide.list():
            keys = [raw.key for raw in page if raw.fault is None and holds(raw)]
            if keys:
                yield self.get(keys)


def _is_text(layout: Layout) -> bool:
    """Does the database compare the modified value as text?"""
    column = layout.modified
    numbers = ("integer", "decimal")
    return column is not None and (
        column.native == "text" or (layout.dialect.name == "sqlite" and column.native not in numbers)
    )


def _moved(layout: Layout, clock: Modified, since: Cursor) -> sa.ColumnElement[bool]:
    """Modified since the cursor, or never said to be."""
    assert layout.modified is not None
    at = layout.table.c[layout.modified.name]
    start = instant(since.modified, clock.timezone)
    if start is None:
        return sa.true()
    floor = start - slack(clock, since.modified)
    if _is_text(layout):
        return _moved_text(at, floor)
    return sa.or_(at.is_(None), at >= BOUNDS[layout.modified.native](floor, layout.modified))


def _moved_text(at: sa.ColumnElement[Any], floor: Decimal) -> sa.ColumnElement[bool]:
    """ISO texts begin with their day, whatever offset follows: one day more, to be filtered by the instant later.
    What does not look like a time is always among them."""
    day = (_instant(floor) - timedelta(days=1)).date().isoformat()
    return sa.or_(at.is_(None), at >= day, at < "1")


def _instant(seconds: Decimal) -> datetime:
    return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _local(seconds: Decimal, column: Column) -> datetime:
    return _instant(seconds).astimezone(column.zone).replace(tzinfo=None)


def _day(seconds: Decimal, column: Column) -> date:
    return _local(seconds, column).date()


BOUNDS: Final[dict[str, Callable[[Decimal, Column], Any]]] = {
    "integer": lambda seconds, column: math.ceil(seconds),
    "decimal": lambda seconds, column: float(seconds),
    "datetime": _local,
    "moment": lambda seconds, column: _instant(seconds),
    "date": _day,
}
"""The lower bound of a delta in the type of the modified column."""
