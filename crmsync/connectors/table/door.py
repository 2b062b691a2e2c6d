"""How are the rows of one file listed, found and changed?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from crmsync.connectors.base import (
    Capabilities,
    Cursor,
    Findings,
    Insert,
    Page,
    Patch,
    Refused,
    Write,
)
from crmsync.connectors.record import (
    Shape,
    Unplain,
    moved_since,
    newest_of,
    ordinal_key,
    same,
    split,
)
from crmsync.connectors.table.cells import READS
from crmsync.connectors.table.files import locked, replace_file, stamp
from crmsync.connectors.table.formats import FORMATS, SUFFIXES, Changes, Format, Row, Spec
from crmsync.core.expression import EvaluationError, get_path, put_path
from crmsync.core.model import ABSENT, Entity, Json, Key, Outcome, Raw, System, fingerprint, from_json, to_json
from crmsync.core.near import nearest

PAGE: Final = 1000
Outcomes: TypeAlias = list[Outcome]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: in this row, which may hold several. `key`: its number where it carries none."""

    key: Key
    record: Json
    row: Row


class TableConnection:
    """A folder of files."""

    def __init__(self, system: System) -> None:
        self._system = system

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> TableDoor:
        spec, kind = spec_of(entity, self._system)
        return TableDoor(entity, FORMATS[kind](spec), spec, wanted)

    def instance(self) -> str | None:
        return None

    def close(self) -> None:
        """Files are open only while they are read."""


class TableDoor:
    def __init__(self, entity: Entity, format_: Format, spec: Spec, wanted: frozenset[str] | None) -> None:
        self._entity = entity
        self._format = format_
        self._spec = spec
        self._wanted = wanted
        self._shape = Shape(entity, wanted)
        writes = entity.each is None
        recognise = writes and entity.recover_by == "origin field" and entity.origin is not None
        self.can = Capabilities(entity.modified is not None, True, True, writes, writes, recognise)
        self._check()

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        modified = self._entity.modified
        if modified is None or since is None:
            return self._pages(lambda raw: True)
        moved = moved_since(modified, since)
        return self._pages(lambda raw: moved(raw.modified))

    def newest(self) -> Cursor | None:
        modified = self._entity.modified
        if modified is None:
            return None
        return newest_of(modified, ((raw.modified, raw.key) for raw in self._raws()))

    def get(self, keys: Sequence[Key]) -> Page:
        asked = set(keys)
        return [self._raw(place) for place in self._places() if place.key in asked] if asked else []

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        names = split(path)

        def holds(record: Json) -> bool:
            value = get_path(record, names)
            return any(same(None if value is ABSENT else value, other) for other in values)

        return paged(self._raw(place) for place in self._places() if holds(place.record))

    def decode(self, body: bytes) -> Json:
        return from_json(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        if not self.can.write:
            message = f"{self._entity.full_name} is read-only: its records are elements of {self._entity.each}"
            return [Outcome("refused", message=message)] * len(writes)
        if not writes:
            return []
        with locked(self._spec.path):
            seen = stamp(self._spec.path)
            batch = Batch(self._entity, self._format, self._places(), self._raw)
            outcomes = [batch.write(write) for write in writes]
            if batch.touched:
                replace_file(self._spec.path, self._format.rewritten(batch.changes), seen)
            return self._read_back(outcomes)

    def probe(self) -> Findings:
        return []

    def _pages(self, chosen: Callable[[Raw], bool]) -> Iterator[Page]:
        return paged(raw for raw in self._raws() if chosen(raw))

    def _raws(self) -> Iterator[Raw]:
        return map(self._raw, self._places())

    def _places(self) -> Iterator[Place]:
        ordinal = 0
        for row in self._format.rows():
            for record in self._shape.records(row.record):
                ordinal += 1
                yield Place(self._shape.key(record) or ordinal_key(ordinal), record, row)

    def _raw(self, place: Place) -> Raw:
        row = place.row
        if row.fault is None:
            return self._shape.raw(place.record, place.key)
        return Raw(place.key, to_json(fingerprint(repr(row.record).encode(errors="replace"))), None, row.fault)

    def _read_back(self, outcomes: Sequence[tuple[Outcome, Key | None]]) -> Outcomes:
        keys = {key for _, key in outcomes if key is not None}
        found = {raw.key: raw for raw in self.get([*keys])}
        return [outcome if key is None else replace(outcome, record=found.get(key)) for outcome, key in outcomes]

    def _check(self) -> None:
        """Raises `Refused` where the file has not what the entity says."""
        columns = self._format.columns()
        if columns is None:
            return
        element = self._entity.each_as or (split(self._entity.each)[-1] if self._entity.each else None)
        named = [split(path)[0] for path in (*self._entity.key, *self._spec.types)]
        named += [split(self._entity.modified.field)[0]] if self._entity.modified else []
        missing = [name for name in dict.fromkeys(named) if name not in columns and name != element]
        if missing:
            said = "; ".join(f"no column {name}{nearest(name, columns)}" for name in missing)
            raise Refused(f"{self._entity.full_name}: {self._spec.path} has {said}")


class Batch:
    """The file's rows while a batch goes over them: read once, whatever the number of writes."""

    def __init__(
        self, entity: Entity, format_: Format, places: Iterable[Place], raw_of: Callable[[Place], Raw]
    ) -> None:
        self._entity = entity
        self._format = format_
        self._raw_of = raw_of
        self._shape = Shape(entity)
        self._columns = format_.columns() or ()
        self._origin = split(entity.origin) if entity.origin and entity.recover_by == "origin field" else None
        self._places: dict[Key, Place] = {}
        self._tokens: dict[str, Key] = {}
        self._numbers = [Numbers() for _ in entity.key]
        self._written: set[Key] = set()
        self.changes = Changes()
        for place in places:
            self._take(place)

    def _take(self, place: Place) -> None:
        self._places[place.key] = place
        token = get_path(place.record, self._origin) if self._origin else None
        if isinstance(token, str):
            self._tokens[token] = place.key
        self._number(place.key)

    def _number(self, key: Key) -> None:
        for numbers, part in zip(self._numbers, key, strict=False):  # that of a record without a key has one part
            numbers.note(part)

    @property
    def touched(self) -> bool:
        return bool(self.changes.rows or self.changes.gone or self.changes.new)

    def write(self, write: Write) -> tuple[Outcome, Key | None]:
        """What becomes of one write; the key where the record is to be read back."""
        try:
            if isinstance(write, Insert):
                return Outcome("done", recognised=write.token in self._tokens), self._insert(write)
            stale = self._stale(write.key, write.expect)
            if stale:
                return stale
            if isinstance(write, Patch):
                return Outcome("done"), self._patch(write)
            self.changes.gone.add(self._places.pop(write.key).row.number)
            return Outcome("done"), None
        except (Unplain, EvaluationError) as error:
            return Outcome("refused", message=str(error)), None

    def _stale(self, key: Key, expect: str) -> tuple[Outcome, Key | None] | None:
        if key in self._written:  # by a write before this one in the batch: nobody has seen what it left
            return Outcome("stale"), key
        raw = self._raw_of(self._places[key]) if key in self._places else None
        if raw is None or raw.fault is not None:
            return Outcome("stale"), None
        return None if raw.version == expect else (Outcome("stale", raw), None)

    def _patch(self, write: Patch) -> Key:
        record = self._places[write.key].record
        for path, value in write.values:
            record = self._format.changed(record, path, value)
        if self._shape.key(record) != write.key:
            raise Unplain("the key of a record cannot be changed")
        self.changes.rows[self._places[write.key].row.number] = record
        self._written.add(write.key)
        return write.key

    def _insert(self, write: Insert) -> Key:
        if write.token in self._tokens:
            return self._tokens[write.token]
        record: Json = dict.fromkeys(self._columns)
        for name, value in write.data.items():
            record = self._format.changed(record, quoted(name), value)
        if self._origin and self._entity.origin:
            record = self._format.changed(record, self._entity.origin, write.token)
            self._tokens[write.token] = ()
        record = self._with_key(record)
        key = self._shape.key(record)
        if key is None:
            raise Unplain(f"the record has no key at {', '.join(self._entity.key)}")
        if key in self._places or key in self._written:
            raise Unplain("a record with this key is already there")
        self._tokens[write.token] = key
        self._written.add(key)
        self._number(key)
        self.changes.new.append(record)
        return key

    def _with_key(self, record: Json) -> Json:
        """The next number in each part of the key that has no value yet, where the system assigns them."""
        if self._entity.assigned_by == "caller":
            return record
        for numbers, path in zip(self._numbers, map(split, self._entity.key), strict=True):
            if get_path(record, path) in (None, ABSENT):
                record = put_path(record, path, numbers.next)
        return record


@dataclass(slots=True)
class Numbers:
    """The numbers that one part of a key has had; text if any of them is written as text."""

    greatest: int = 0
    as_text: bool = False

    def note(self, part: str | int) -> None:
        if str(part).isdecimal():
            self.greatest = max(self.greatest, int(part))
            self.as_text |= isinstance(part, str)

    @property
    def next(self) -> str | int:
        number = self.greatest + 1
        return str(number) if self.as_text else number


def spec_of(entity: Entity, system: System) -> tuple[Spec, str]:
    """Raises `Refused` naming the option that does not do."""
    options = entity.options
    name = options.get("file") or options.get("path")
    if not isinstance(name, str):
        raise Refused(f"{entity.full_name}: a table needs a `file`, such as {entity.name}.csv")
    path = Path(str(system.options.get("folder", ".")), name)
    kind = str(options.get("format") or SUFFIXES.get(path.suffix.lower()))
    if kind not in FORMATS:
        raise Refused(f"{entity.full_name}: the format of {path} is not known; `format` is one of {', '.join(FORMATS)}")
    if not path.is_file():
        raise Refused(f"{entity.full_name}: there is no file {path}{nearest(path.name, beside(path))}")
    types = options.get("types", {})
    wrong = sorted(f"{column}: {said}" for column, said in types.items() if said not in READS)
    if wrong or options.get("empty", "null") not in ("null", "text", None):
        said = f"types {', '.join(wrong)}" if wrong else f"empty: {options['empty']}"
        raise Refused(f"{entity.full_name}: {said} is not known; types are {', '.join(READS)}; empty is null or text")
    zone = entity.modified.timezone if entity.modified and entity.modified.timezone != "UTC" else system.timezone
    separator = options.get("separator") or ("\t" if path.suffix.lower() == ".tsv" else ",")
    encoding = options.get("encoding", "utf-8")
    empty = options.get("empty") != "text"
    return Spec(entity.full_name, path, types, empty, zone, encoding, separator, options.get("sheet", 0)), kind


def paged(raws: Iterable[Raw]) -> Iterator[Page]:
    rest = iter(raws)
    while page := list(islice(rest, PAGE)):
        yield page


def quoted(name: str) -> str:
    """A name as a plain path."""
    return to_json(name).decode()


def beside(path: Path) -> list[str]:
    return [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
