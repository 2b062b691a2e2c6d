"""What does the text of a cell mean, and how is a value written into one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from crmsync.connectors.record import Unplain, number, plain
from crmsync.core.model import Json, from_json, to_json

Cell: TypeAlias = Any
"""What stands in a cell: text in a CSV file; text, a number, a date or a truth value in a sheet."""

WORDS: Final = {"1": True, "true": True, "t": True, "yes": True, "y": True} | {
    "0": False, "false": False, "f": False, "no": False, "n": False,
}  # fmt: skip


def read_text(cell: Cell, zone: str) -> str:
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float():
            return format(number(cell), "f")
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
        case _:
            return str(cell)


def read_integer(cell: Cell, zone: str) -> int:
    whole = int(cell)
    if isinstance(cell, bool) or (not isinstance(cell, str) and whole != cell):
        raise ValueError
    return whole


def read_decimal(cell: Cell, zone: str) -> Decimal:
    if isinstance(cell, bool):
        raise ValueError
    return number(cell if isinstance(cell, float) else Decimal(cell))


def read_boolean(cell: Cell, zone: str) -> bool:
    return WORDS[read_text(cell, zone).casefold()]


def read_date(cell: Cell, zone: str) -> str:
    text = cell.isoformat() if isinstance(cell, (date, datetime)) else cell
    return datetime.fromisoformat(text).date().isoformat()


def read_datetime(cell: Cell, zone: str) -> str:
    moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).isoformat()


def read_json(cell: Cell, zone: str) -> Json:
    return from_json(read_text(cell, zone))


READS: Final[Mapping[str, Callable[[Cell, str], Json]]] = {
    "text": read_text,
    "integer": read_integer,
    "decimal": read_decimal,
    "boolean": read_boolean,
    "date": read_date,
    "datetime": read_datetime,
    "json": read_json,
}


def read(kind: str, cell: Cell, column: str, zone: str) -> Json:
    """The value of a cell that is not empty. Raises `Unplain` naming the column."""
    try:
        return READS[kind](cell, zone)
    except (ValueError, TypeError, KeyError, InvalidOperation):
        raise Unplain(f"{column} cannot be read as {kind}") from None


FITS: Final[Mapping[str, Callable[[Json], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: not isinstance(value, bool) and isinstance(value, (int, Decimal)) and value == int(value),
    "decimal": lambda value: not isinstance(value, bool) and isinstance(value, (int, Decimal)),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, str) and date.fromisoformat(value) is not None,
    "datetime": lambda value: isinstance(value, str) and datetime.fromisoformat(value) is not None,
    "json": lambda value: True,
}


def fit(kind: str, value: Json, column: str) -> Json:
    """The value, when a column of this kind takes it. Raises `Unplain` naming the column, never the value."""
    value = plain(value, column)
    try:
        fits = value is None or FITS[kind](value)
    except ValueError:
        fits = False
    if not fits:
        raise Unplain(f"{column} takes {kind}")
    return int(value) if kind == "integer" and value is not None else value


def text_of(kind: str, value: Json) -> str:
    """The text of a cell; null is an empty one."""
    match value:
        case None:
            return ""
        case _ if kind == "json":
            return to_json(value).decode()
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)
