"""What do the values of a Parquet file say in JSON, and back?"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from crmsync.connectors.record import Unplain, plain
from crmsync.core.model import Json


def said(value: Any, path: str, zone: str) -> Json:
    """A value as pyarrow gives it, as plain JSON."""
    match value:
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).isoformat()
        case date():
            return value.isoformat()
        case dict():
            return {name: said(item, f"{path}.{name}", zone) for name, item in value.items()}
        case list():
            return [said(item, f"{path}[{index}]", zone) for index, item in enumerate(value)]
        case _:
            return plain(value, path)


def native(type_: pa.DataType, value: Json, path: str, zone: str) -> Any:
    """Plain JSON as this type takes it. Raises `Unplain` where it does not."""
    try:
        ready = _ready(type_, value, path, zone)
        pa.scalar(ready, type_)
    except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
        raise Unplain(f"{path} takes {type_}") from None
    return ready


def _ready(type_: pa.DataType, value: Json, path: str, zone: str) -> Any:
    if value is None:
        return None
    if pa.types.is_struct(type_):
        return {field.name: native(field.type, value.get(field.name), f"{path}.{field.name}", zone) for field in type_}
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return [native(type_.value_type, item, path, zone) for item in value]
    if pa.types.is_timestamp(type_):
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
        return aware if type_.tz else aware.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if pa.types.is_date(type_):
        return date.fromisoformat(value)
    return _number(type_, value)


def _number(type_: pa.DataType, value: Json) -> Any:
    if isinstance(value, bool) and not pa.types.is_boolean(type_):
        raise ValueError
    if pa.types.is_integer(type_):
        if value != int(value):
            raise ValueError
        return int(value)
    if pa.types.is_floating(type_):
        return float(value)
    return Decimal(value) if pa.types.is_decimal(type_) else value
