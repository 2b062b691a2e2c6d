"""What does a door make of one record that its system gave?

Every door that reads whole documents uses this room, so that all of them name keys, faults and times alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from crmsync.connectors.base import Cursor
from crmsync.core.expression import get_path, plain_path, put_path
from crmsync.core.model import ABSENT, Entity, Json, Key, Modified, Raw, fingerprint, to_json

Path: TypeAlias = tuple[str, ...]

LONGEST_KEY = 40  # digits of a number that is a key
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_AS_IT_IS = frozenset({type(None), bool, str, int})


class Unplain(ValueError):
    """A value that plain JSON cannot say. The text names the path and the rule, never the value."""


@cache
def split(path: str) -> Path:
    """The names of a plain path as people write it; what is no plain path is one name."""
    return plain_path(path) or (path,)


def plain(value: Json, path: str = "") -> Json:
    """The same value without floats. Raises `Unplain` where it is no JSON: NaN, a date object, bytes."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is float or kind is Decimal:
        return number(value, path)
    if kind is dict:
        return {_name(name, path): plain(item, f"{path}.{name}" if path else name) for name, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise Unplain(f"{path or 'the record'} holds a {kind.__name__}, which is no JSON")


def number(value: float | Decimal, path: str = "") -> Decimal:
    """A decimal without the noise of a float: 0.1 is 0.1."""
    decimal = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not decimal.is_finite():
        raise Unplain(f"{path or 'the record'} is not a finite number")
    return decimal


def _name(name: Json, path: str) -> str:
    if type(name) is not str:
        raise Unplain(f"{path or 'the record'} has a property whose name is no text")
    return name


def key_part(value: Json) -> str | int | None:
    """One scalar of a key, or None where this value cannot be one: null, absent, true, 1.5, an object."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):  # 1E+9999999 is a whole number, but no key
        whole = value.is_finite() and value.adjusted() < LONGEST_KEY and value == value.to_integral_value()
        return int(value) if whole else None
    return value if isinstance(value, (str, int)) else None


def same(left: Json, right: Json) -> bool:
    """Equal as JSON: 5 is 5.00, but 1 is not true."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


class Shape:
    """How documents of one entity become `Raw`: what is read of them, their key, their faults.

    With `entity.each` one document gives a record for each element of that array; the array itself is left out.
    """

    def __init__(self, entity: Entity, wanted: frozenset[str] | None = None) -> None:
        self._entity = entity
        self._keys = tuple(split(path) for path in entity.key)
        self._modified = split(entity.modified.field) if entity.modified else None
        self._names = None if wanted is None else wanted | {path[0] for path in self._keys}
        self._each = split(entity.each) if entity.each else None
        self._element = entity.each_as or (self._each[-1] if self._each else "")

    def records(self, document: Json) -> Iterator[Json]:
        """The document itself, or one record for each element of its array."""
        if self._each is None or not isinstance(document, dict):
            yield document
            return
        elements = get_path(document, self._each)
        rest = _without(document, self._each)
        if isinstance(elements, list):
            yield from ({**rest, self._element: element} for element in elements)
        elif elements is not ABSENT and elements is not None:  # no array: a fault, since no key can be found in it
            yield {**rest, self._element: None}

    def key(self, record: Json) -> Key | None:
        """None where a part is missing, null or no scalar."""
        if not isinstance(record, dict):
            return None
        parts = [key_part(get_path(record, path)) for path in self._keys]
        return None if None in parts else tuple(part for part in parts if part is not None)

    def modified(self, record: Json) -> Json:
        if self._modified is None or not isinstance(record, dict):
            return None
        value = get_path(record, self._modified)
        return None if value is ABSENT else value

    def raw(self, record: Json, otherwise: Key, modified: Json = None) -> Raw:
        """One record; `otherwise` is its key where it carries none, `modified` where the entity has no such field."""
        if self._modified is not None:
            modified = self.modified(record)
        try:
            modified = plain(modified, "its modified value")
            body = to_json(plain(self._narrow(record)))
        except (Unplain, UnicodeEncodeError, RecursionError) as error:
            return Raw(self.key(record) or otherwise, to_json(str(type(record).__name__)), None, fault_words(error))
        return self.judged(record, body, otherwise, modified)

    def judged(self, record: Json, body: bytes, otherwise: Key, modified: Json) -> Raw:
        """The record with its fault, if it has one."""
        key = self.key(record)
        if not isinstance(record, dict):
            return Raw(key or otherwise, body, modified, "is not an object")
        if key is None:
            return Raw(otherwise, body, modified, f"has no key at {', '.join(self._entity.key)}")
        if len(body) > self._entity.max_bytes:
            return too_large(key, body, modified, self._entity.max_bytes)
        return Raw(key, body, modified)

    def _narrow(self, record: Json) -> Json:
        if self._names is None or not isinstance(record, dict):
            return record
        names = self._names | {self._element} if self._each else self._names
        return {name: value for name, value in record.items() if name in names}


def too_large(key: Key, body: bytes, modified: Json, limit: int) -> Raw:
    """The body is left out: only its fingerprint stays, so that a change is still seen."""
    return Raw(key, to_json(fingerprint(body)), modified, f"is {len(body)} bytes long, more than max_bytes: {limit}")


def fault_words(error: Exception) -> str:
    match error:
        case Unplain():
            return str(error)
        case UnicodeEncodeError():
            return "holds text that is not valid Unicode"
        case _:
            return "is nested too deeply"


def ordinal_key(ordinal: int) -> Key:
    """What stands in for the key of a record that has none."""
    return (f"#{ordinal}",)


def _without(document: Json, path: Path) -> Json:
    """The document less what is at `path`."""
    if path[0] not in document:
        return document
    rest = {name: value for name, value in document.items() if name != path[0]}
    inner = document[path[0]]
    if len(path) > 1 and isinstance(inner, dict):
        rest[path[0]] = _without(inner, path[1:])
    return rest


def set_paths(record: Json, values: tuple[tuple[str, Json], ...]) -> Json:
    """The record with these plain paths set."""
    for path, value in values:
        record = put_path(record, split(path), value)
    return record


# Times -------------------------------------------------------------------------------------------------


def instant(value: Json, timezone: str = "UTC") -> Decimal | None:
    """A modified value as a number that can be compared: seconds since 1970, or the counter that it is. None where
    it says no time. A time without an offset is in `timezone`."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    moment = moment_of(value, timezone)
    return None if moment is None else Decimal((moment - _EPOCH) // _MICROSECOND) / 1_000_000


def moment_of(value: Json, timezone: str = "UTC") -> datetime | None:
    """An ISO 8601 date or time as an instant; None where the value is none."""
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


def slack(modified: Modified, since: Json) -> Decimal:
    """How many seconds before its cursor a delta must begin. A clock without an offset that was put back lately
    may have said an earlier time later: its jump is added."""
    seconds = Decimal(repr(modified.overlap)) + Decimal(repr(modified.granularity))
    moment = moment_of(since, modified.timezone)
    if moment is None:
        return seconds
    zone, day = ZoneInfo(modified.timezone), timedelta(days=1)
    before, after = ((moment.astimezone(UTC) + shift).astimezone(zone).utcoffset() for shift in (-day, day))
    return seconds + Decimal(abs(((before or timedelta()) - (after or timedelta())).total_seconds()))


def moved_since(modified: Modified, since: Cursor | None) -> Callable[[Json], bool]:
    """Must a record with this modified value be listed? Yes where either of the two says no time: better twice
    than never."""
    start = None if since is None else instant(since.modified, modified.timezone)
    if since is None or start is None:
        return lambda value: True
    floor = start - slack(modified, since.modified)

    def moved(value: Json) -> bool:
        at = instant(value, modified.timezone)
        return at is None or at >= floor

    return moved


def newest_of(modified: Modified, values: Iterator[tuple[Json, Key]]) -> Cursor | None:
    """The cursor at the greatest of these modified values; None where none of them says a time."""
    best: tuple[Decimal, Json, Key] | None = None
    for value, key in values:
        at = instant(value, modified.timezone)
        if at is not None and (best is None or at > best[0]):
            best = (at, value, key)
    return None if best is None else Cursor(best[1], best[2])
