"""What do PostgreSQL, SQLite and MariaDB do differently when a value passes?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from crmsync.connectors.sql import columns as c
from crmsync.connectors.sql.columns import Column, Dialect, Kind, Read, Wire
from crmsync.core.model import Json

AS_IT_IS: Final = sa.types.NullType()


def as_it_is(column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What the driver gives, without SQLAlchemy's own conversions: they are slow, and fail a whole page at once."""
    return sa.type_coerce(expression, AS_IT_IS)


def _postgresql(column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    match column.native:
        case "text" | "integer" | "decimal" | "boolean" if column.kind == column.native:
            return as_it_is(column, expression)
        case "array":
            return sa.cast(sa.func.to_json(expression), sa.Text())
        case _:  # times, JSON and all else as text: psycopg's own objects cost five times as much
            return sa.cast(expression, sa.Text())


def _mysql(column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if column.native in ("date", "datetime", "moment", "other"):
        return sa.cast(expression, sa.CHAR())
    return as_it_is(column, expression)


_WRITES: Final[Mapping[Kind, Callable[[Json, Column], Wire]]] = {
    "text": c.write_text,
    "integer": c.write_integer,
    "decimal": c.write_decimal,
    "boolean": c.write_boolean,
    "date": c.write_date,
    "datetime": c.write_datetime,
    "moment": c.write_moment,
    "json": c.write_json,
    "array": c.write_list,
    "other": c.write_other,
}

_READS: Final[Mapping[Kind, Callable[[Column], Read]]] = {
    "text": c.reads_text,
    "integer": c.reads_integer,
    "decimal": c.reads_decimal,
    "boolean": c.reads_boolean,
    "date": c.reads_date,
    "datetime": c.reads_datetime,
    "moment": c.reads_datetime,
    "json": c.reads_json,
    "array": c.reads_json,
    "other": c.reads_text,
}


def _json_value(value: Any, column: Column) -> Any:
    return value if column.native == "json" else c.write_json(value, column)


def _decimal(value: Any, column: Column) -> Any:
    return c.write_decimal_text(value, column) if column.native == "text" else c.write_decimal(value, column)


POSTGRESQL: Final = Dialect(
    "postgresql",
    frozenset({"text", "integer", "boolean"}),
    _postgresql,
    {**_READS, "moment": c.reads_moment},
    {**_WRITES, "json": _json_value, "decimal": _decimal},
)
SQLITE: Final = Dialect(
    "sqlite",
    frozenset(),  # any column may hold anything
    as_it_is,
    _READS,
    {**_WRITES, "decimal": c.write_decimal_text, "boolean": lambda value, column: int(c.write_boolean(value, column))},
)
MYSQL: Final = Dialect(
    "mysql",
    frozenset({"text", "integer"}),
    _mysql,
    _READS,
    {**_WRITES, "decimal": _decimal, "moment": c.write_datetime},
)

DIALECTS: Final = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "mysql": MYSQL, "mariadb": MYSQL}
