"""How do PostgreSQL, SQLite and MariaDB change many rows at once?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from crmsync.connectors.sql.columns import Wire
from crmsync.connectors.sql.query import CHUNK, given_rows
from crmsync.connectors.sql.rows import Layout

RowsOf = Sequence[Sequence[Wire]]


def update_rows(connection: sa.Connection, layout: Layout, names: Sequence[str], rows: RowsOf) -> None:
    """Set the columns `names`; a row holds the key, then their values."""
    table, keys = layout.table, [column.name for column in layout.key]
    if layout.dialect.name == "postgresql":
        given = given_rows(layout, [*keys, *names], rows)
        found = [table.c[key] == given.c[key] for key in keys]
        connection.execute(sa.update(table).values({name: given.c[name] for name in names}).where(*found))
    elif layout.dialect.name == "sqlite":
        found = [table.c[key] == sa.bindparam(f"k{index}") for index, key in enumerate(keys)]
        update = sa.update(table).where(*found)
        update = update.values({name: sa.bindparam(f"v{index}") for index, name in enumerate(names)})
        marks = [*(f"k{index}" for index in range(len(keys))), *(f"v{index}" for index in range(len(names)))]
        connection.execute(update, [dict(zip(marks, row, strict=True)) for row in rows])
    else:
        for start in range(0, len(rows), CHUNK):
            connection.execute(_update_by_case(layout, names, rows[start : start + CHUNK]))


def _update_by_case(layout: Layout, names: Sequence[str], rows: RowsOf) -> sa.Update:
    """MariaDB has no UPDATE from a list of rows: each column takes its value by the key."""
    table, own = layout.table, len(layout.key)
    at = [table.c[column.name] for column in layout.key]

    def chosen(index: int) -> sa.Case[Any]:
        whens = [
            (sa.and_(*(c == part for c, part in zip(at, row[:own], strict=True))), row[own + index]) for row in rows
        ]
        return sa.case(*((when, sa.literal(value, sa.types.NullType())) for when, value in whens))

    found = sa.tuple_(*at).in_([tuple(row[:own]) for row in rows]) if own > 1 else at[0].in_([row[0] for row in rows])
    return sa.update(table).where(found).values({name: chosen(index) for index, name in enumerate(names)})


def delete_rows(connection: sa.Connection, layout: Layout, keys: RowsOf) -> None:
    table = layout.table
    at = [table.c[column.name] for column in layout.key]
    for start in range(0, len(keys), CHUNK):
        part = [tuple(key) for key in keys[start : start + CHUNK]]
        if layout.dialect.name == "postgresql":
            given = given_rows(layout, [column.name for column in at], part)
            found = sa.and_(*(column == given.c[column.name] for column in at))
        else:
            found = sa.tuple_(*at).in_(part) if len(at) > 1 else at[0].in_([key[0] for key in part])
        connection.execute(sa.delete(table).where(found))


def insert_rows(connection: sa.Connection, layout: Layout, names: Sequence[str], rows: RowsOf) -> RowsOf:
    """Insert, and say the keys in the order of the rows, as `layout.selected` reads them."""
    keys = [column.name for column in layout.key]
    if set(keys) <= set(names):  # the caller assigned them
        _insert(connection, layout, names, rows, returning=False)
        return [[row[names.index(key)] for key in keys] for row in rows]
    if layout.dialect.name == "sqlite":
        return _insert_one_by_one(connection, layout, names, rows)
    growing = len(keys) == 1 and layout.key[0].native == "integer"
    if growing and connection.dialect.insert_returning:  # numbers are given out in the order of the rows
        return sorted(_insert(connection, layout, names, rows, returning=True))
    return [key for row in rows for key in _insert(connection, layout, names, [row], returning=True)]


def _insert_one_by_one(connection: sa.Connection, layout: Layout, names: Sequence[str], rows: RowsOf) -> RowsOf:
    """SQLite does not promise the order of RETURNING; one text for all rows is nearly as fast as one statement."""
    insert = sa.insert(layout.table).values({name: sa.bindparam(name) for name in names})
    compiled = insert.returning(*map(layout.selected, layout.key)).compile(dialect=connection.dialect)
    places = [names.index(name) for name in compiled.positiontup or ()]
    text = str(compiled)
    return [tuple(connection.exec_driver_sql(text, tuple(row[i] for i in places)).one()) for row in rows]


def _insert(
    connection: sa.Connection, layout: Layout, names: Sequence[str], rows: RowsOf, returning: bool
) -> list[tuple[Wire, ...]]:
    table = layout.table
    insert = sa.insert(table)
    if layout.dialect.name == "postgresql":
        given = given_rows(layout, names, rows, numbered=True)
        insert = insert.from_select(
            list(names), sa.select(*(given.c[name] for name in names)).order_by(given.c.ordinality)
        )
    elif not returning and layout.dialect.name == "sqlite":
        connection.execute(insert, [dict(zip(names, row, strict=True)) for row in rows])
        return []
    else:
        insert = insert.values([dict(zip(names, row, strict=True)) for row in rows])
    if not returning:
        connection.execute(insert)
        return []
    if not connection.dialect.insert_returning:  # MySQL
        return [(connection.execute(insert).lastrowid,)]
    result = connection.execute(insert.returning(*map(layout.selected, layout.key)))
    return [tuple(row) for row in result]
