"""Which column holds which path of a record, and how does its value pass to JSON and back?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from math import isclose
from typing import Any, Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from crmsync.connectors.record import Path, Unplain, number, plain
from crmsync.core.model import Json, from_json, to_json

As: TypeAlias = Literal["text", "integer", "decimal", "boolean", "date", "datetime", "json"]
Kind: TypeAlias = As | Literal["moment", "array", "other", "binary"]
"""What a column holds. `datetime` has no offset of its own, `moment` has one; `other` is read as its text."""

AS = get_args(As)
Wire: TypeAlias = Any
"""A value as the driver takes or gives it."""

Read: TypeAlias = Callable[[Wire], Json]
LARGEST: Final = 2**63 - 1
UNREADABLE: Final = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What a `Read` raises for a value that its column should not hold."""

KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (  # the first that fits
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Numeric, "decimal"),
    (sa.Float, "decimal"),
    (sa.Date, "date"),
    (sa.JSON, "json"),
    (sa.ARRAY, "array"),
    (sa.Enum, "other"),
    (sa.String, "text"),
    (sa.types._Binary, "binary"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `native` is what the database keeps in it, `kind` what it is for us."""

    path: Path
    name: str
    kind: Kind
    native: Kind
    zone: tzinfo
    places: int | None = None

    @property
    def at(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the kinds of database do differently: how a value is selected, read and written."""

    name: str
    exact: frozenset[Kind]  # what the driver gives as plain JSON
    selected: Callable[[Column, sa.ColumnElement[Any]], sa.ColumnElement[Any]]
    reads: Mapping[Kind, Callable[[Column], Read]]
    writes: Mapping[Kind, Callable[[Json, Column], Wire]]

    def reader(self, column: Column) -> Read | None:
        """From the driver's value (not None) to JSON, or None where they are the same. Raises `UNREADABLE`."""
        if column.kind == column.native and column.kind in self.exact:
            return None
        return self.reads[column.kind](column)

    def write(self, column: Column, value: Json) -> Wire:
        """Raises `Unplain` where the column does not take such a value."""
        return None if value is None else self.writes[column.kind](value, column)


def kind_of(type_: TypeEngine[Any]) -> Kind:
    if isinstance(type_, sa.DateTime):
        return "moment" if type_.timezone or (type_.__visit_name__ == "TIMESTAMP" and _is_mysql(type_)) else "datetime"
    if getattr(type_, "display_width", None) == 1:  # MariaDB's boolean is a tinyint(1)
        return "boolean"
    return next((kind for generic, kind in KINDS if isinstance(type_, generic)), "other")


def _is_mysql(type_: TypeEngine[Any]) -> bool:
    return "mysql" in type(type_).__module__


def zone(name: str) -> tzinfo:
    return ZoneInfo(name)


# From the driver: one function a column, made once ---------------------------------------------------------


def reads_text(column: Column) -> Read:
    def read(value: Wire) -> str:
        if isinstance(value, bytes):
            raise ValueError
        return str(value)

    return read


def reads_integer(column: Column) -> Read:
    def read(value: Wire) -> int:
        whole = int(value)
        if whole != Decimal(str(value)):
            raise ValueError
        return whole

    return read


def reads_decimal(column: Column) -> Read:
    """With the places that the column declares; a float's noise beyond them is dropped, digits are not."""
    places = column.places or 0
    unit = Decimal(1).scaleb(-places)

    def read(value: Wire) -> Decimal:
        if isinstance(value, Decimal):
            return number(value)
        if column.places is None:
            return number(value if isinstance(value, float) else Decimal(value))
        if isinstance(value, float):
            rounded = f"{value:.{places}f}"
            close = float(rounded) == value or isclose(float(rounded), value, rel_tol=1e-14)
            return Decimal(rounded) if close else number(value)
        exact = number(Decimal(value))
        return exact.quantize(unit) if -exact.as_tuple().exponent <= places else exact  # type: ignore[operator]  # finite

    return read


WORDS: Final[Mapping[Wire, bool]] = {0: False, 1: True} | {
    "1": True, "true": True, "t": True, "yes": True, "y": True, b"\x01": True,  # MariaDB's bit(1)
    "0": False, "false": False, "f": False, "no": False, "n": False, b"\x00": False,
}  # fmt: skip


def reads_boolean(column: Column) -> Read:
    def read(value: Wire) -> bool:
        return WORDS[value] if value in WORDS else WORDS[value.casefold()]

    return read


def reads_date(column: Column) -> Read:
    """Of a time only the day: a date of SQLite may carry midnight."""

    def read(value: Wire) -> str:
        return (date if len(value) == 10 else datetime).fromisoformat(value).isoformat()[:10]

    return read


def reads_datetime(column: Column) -> Read:
    zone, in_utc = column.zone, str(column.zone) == "UTC"

    def read(value: Wire) -> str:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            return moment.isoformat()
        return f"{moment.isoformat()}+00:00" if in_utc else moment.replace(tzinfo=zone).isoformat()

    return read


def reads_moment(column: Column) -> Read:
    """PostgreSQL's own text, asked for in UTC: `2024-05-01 10:00:00.5+00`."""
    otherwise = reads_datetime(column)

    def read(value: Wire) -> str:
        if value[-3:] == "+00" and value[10] == " " and len(value) in (22, 29):
            return f"{value[:10]}T{value[11:]}:00"
        return str(otherwise(value))

    return read


def reads_json(column: Column) -> Read:
    return from_json


# To the driver -----------------------------------------------------------------------------------------


def write_text(value: Json, column: Column) -> str:
    if type(value) is not str:
        raise Unplain(f"{column.at} takes text")
    return value


def write_integer(value: Json, column: Column) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value != int(value):
        raise Unplain(f"{column.at} takes a whole number")
    whole = int(value)
    if column.native == "integer" and not -LARGEST <= whole <= LARGEST:
        raise Unplain(f"{column.at} takes no number that large")
    return whole


def write_decimal(value: Json, column: Column) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Unplain(f"{column.at} takes a number")
    return Decimal(value)


def write_decimal_text(value: Json, column: Column) -> str:
    return format(write_decimal(value, column), "f")


def write_boolean(value: Json, column: Column) -> bool | int:
    if not isinstance(value, bool):
        raise Unplain(f"{column.at} takes true or false")
    if column.native == "text":
        raise Unplain(f"{column.at} is read from text as a boolean; which words to write is not known: map the text")
    return value if column.native == "boolean" else int(value)


def write_date(value: Json, column: Column) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        raise Unplain(f"{column.at} takes a date like 2024-02-29") from None


def write_datetime(value: Json, column: Column) -> str:
    """Without an offset, in the column's own time zone; in a text column with it, so that it speaks for itself."""
    if column.native == "text":
        return _aware(value, column).isoformat()
    return _aware(value, column).astimezone(column.zone).replace(tzinfo=None).isoformat(" ")


def write_moment(value: Json, column: Column) -> str:
    return _aware(value, column).isoformat(" ")


def _aware(value: Json, column: Column) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise Unplain(f"{column.at} takes a time like 2024-02-29T10:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=column.zone)


def write_json(value: Json, column: Column) -> str:
    return to_json(value).decode()


def write_list(value: Json, column: Column) -> Json:
    if not isinstance(value, list):
        raise Unplain(f"{column.at} takes a list")
    return value


def write_other(value: Json, column: Column) -> Wire:
    if isinstance(value, (list, dict)):
        raise Unplain(f"{column.at} takes a single value")
    return value


# The tree of paths ---------------------------------------------------------------------------------------

Tree: TypeAlias = dict[str, "Tree | Column"]


def tree_of(columns: Sequence[Column]) -> Tree:
    """Columns by the names of their paths. Raises `ValueError` naming a path that is both a value and an object."""
    root: Tree = {}
    for column in columns:
        node: Tree = root
        for name in column.path[:-1]:
            inner = node.setdefault(name, {})
            if isinstance(inner, Column):
                raise ValueError(inner.at)
            node = inner
        if column.path[-1] in node:
            raise ValueError(column.at)
        node[column.path[-1]] = column
    return root


def in_order(tree: Tree) -> list[Column]:
    """The columns as a record is written: of each object first its own, then those of the objects in it."""
    own = [node for node in tree.values() if isinstance(node, Column)]
    return own + [column for node in tree.values() if isinstance(node, dict) for column in in_order(node)]


def spread(tree: Tree, path: Path, value: Json) -> list[tuple[Column, Path, Json]]:
    """Where a value at `path` goes: the columns, the path inside a JSON column, and what each takes.

    Raises `Unplain` where a part of it has no column.
    """
    node: Tree | Column = tree
    for depth, name in enumerate(path):
        if isinstance(node, Column):
            return [(_json(node, path), path[depth:], plain(value, ".".join(path)))]
        if name not in node:
            raise Unplain(f"no column holds {'.'.join(path)}")
        node = node[name]
    if isinstance(node, Column):
        return [(node, (), plain(value, node.at))]
    if value is None:
        return [(column, (), None) for column in in_order(node)]
    if not isinstance(value, dict):
        raise Unplain(f"{'.'.join(path) or 'the record'} takes an object")
    return [place for name, part in value.items() for place in spread(tree, (*path, name), part)]


def _json(column: Column, path: Path) -> Column:
    if column.kind != "json":
        raise Unplain(f"no column holds {'.'.join(path)}: {column.name} holds {column.at} as {column.kind}")
    return column
