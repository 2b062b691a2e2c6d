"""Which statements ask for rows, and how do their rows arrive?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from crmsync.connectors.sql.columns import Column, Wire
from crmsync.connectors.sql.rows import Layout, lenient
from crmsync.core.model import to_json

PAGE: Final = 1000
CHUNK: Final = 400  # keys a query: below every limit of parameters, even of old SQLite with two of them a key


def pages(connection: sa.Connection, statement: sa.Select[Any], streamed: bool = True) -> Iterator[Sequence[Any]]:
    """The rows of a statement, streamed. Text in SQLite that is no UTF-8 does not break the listing off: it begins
    again in the same snapshot, and goes on where it was."""
    given = 0
    try:
        for page in _fetched(connection, statement, streamed):
            yield page
            given += len(page)
    except OperationalError as error:
        if "decode to UTF-8" not in str(error.orig):
            raise
    else:
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.text_factory = lenient
    try:
        rest = islice(connection.execute(statement), given, None)
        while page := list(islice(rest, PAGE)):
            yield page
    finally:
        driver.text_factory = str


def _fetched(connection: sa.Connection, statement: sa.Select[Any], streamed: bool) -> Iterator[Sequence[Any]]:
    options = {"stream_results": True, "yield_per": PAGE} if streamed else {}
    result = connection.execute(statement, execution_options=options)
    cursor = result.cursor
    try:
        yield from result.partitions(PAGE)
    finally:
        if cursor is not None:  # where the connection was lost, nobody else closes it
            cursor.close()


def matching(
    statement: sa.Select[Any], layout: Layout, columns: Sequence[Column], rows: Sequence[tuple[Wire, ...]]
) -> sa.Select[Any]:
    """The statement for the rows of the table that hold one of these tuples."""
    at = [layout.table.c[column.name] for column in columns]
    if layout.dialect.name == "postgresql":
        given = given_rows(layout, [column.name for column in columns], rows)
        return statement.where(*(own == given.c[own.name] for own in at))
    if len(at) == 1:
        return statement.where(at[0].in_([row[0] for row in rows]))
    return statement.where(sa.tuple_(*at).in_(rows))


def given_rows(
    layout: Layout, names: Sequence[str], rows: Sequence[Sequence[Wire]], numbered: bool = False
) -> sa.TableValuedAlias:
    """PostgreSQL: these rows as a table whose columns have the types of ours, in one parameter however many there
    are; `numbered` by `ordinality`."""
    text = to_json([dict(zip(names, row, strict=True)) for row in rows]).decode()
    kind: sa.ColumnElement[Any] = sa.literal_column(f"CAST(NULL AS {_quoted(layout.table)})")
    json = sa.cast(sa.bindparam(None, text, type_=sa.Text()), sa.JSON())
    function = sa.func.json_populate_recordset(kind, json)
    if numbered:
        return function.table_valued(*names, name="given", with_ordinality="ordinality")
    return function.table_valued(*names, name="given")


def _quoted(table: sa.TableClause) -> str:
    names = (name.replace('"', '""') for name in (table.schema, table.name) if name)
    return ".".join(f'"{name}"' for name in names)
