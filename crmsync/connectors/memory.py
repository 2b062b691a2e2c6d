"""A whole system in dictionaries: for tests, examples and demonstrations. It keeps every promise of a door.

Options of the system: `records` ({entity: [record, ...]}), `instance`.
Options of an entity: `table` (whose records it reads; default its own), `assigns` (`integer` or `text`: what the system
assigns), `unique` (plain paths that no two records may share), `tombstone` (values that a delete sets instead of
forgetting the record), `lacks` (capabilities to do without, to play a poorer system).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from threading import RLock
from typing import Final

from crmsync.connectors.base import Capabilities, Cursor, Findings, Insert, Page, Patch, Refused, Remove, Write
from crmsync.connectors.record import (
    Path,
    Shape,
    Unplain,
    moved_since,
    newest_of,
    ordinal_key,
    plain,
    same,
    set_paths,
    split,
)
from crmsync.core.expression import EvaluationError, get_path, put_path
from crmsync.core.model import ABSENT, Entity, Json, Key, Modified, Outcome, Raw, System, from_json

PAGE: Final = 1000


def connect(system: System) -> Memory:
    return Memory(system)


class Table:
    """The records of one entity by key, when each was last touched, and which token made which."""

    def __init__(self) -> None:
        self.records: dict[Key, Json] = {}
        self.touched: dict[Key, Json] = {}
        self.tokens: dict[str, Key] = {}
        self.newest: Json = None
        self.assigned = 0

    def assign(self) -> int:
        """A number greater than every key that is or was here."""
        parts = (part for key in self.records for part in key)
        if not self.assigned:
            self.assigned = max((int(part) for part in parts if str(part).isdecimal()), default=0)
        self.assigned += 1
        return self.assigned


class Memory:
    """One system. `tables[entity].records[key]` is a record; tests may edit there behind every door's back, or
    with `put` and `remove`, which move the modified value as a system would.

    `clock` gives the modified value of each write; without it the greatest one so far grows by one (a second).
    """

    def __init__(self, system: System, clock: Callable[[], Json] | None = None) -> None:
        self.system = system
        self.lock = RLock()
        self.tables: dict[str, Table] = {name: Table() for name in map(table_of, system.entities.values())}
        self._clock = clock
        for name, records in system.options.get("records", {}).items():
            for record in records:
                self.put(name, record)

    def put(self, entity: str, record: Json) -> Key:
        """Add or replace a record as its own users would. A modified value that it brings is kept."""
        with self.lock:
            declared = self._entity(entity)
            table = self.table(declared)
            key = document_key(declared, record) or ordinal_key(len(table.records) + 1)
            own = Shape(declared).modified(record)
            table.records[key] = self.touch(declared, key, record) if own is None else record
            if declared.modified and own is not None:
                newest = newest_of(declared.modified, iter([(table.newest, ()), (own, key)]))
                table.newest = newest.modified if newest else table.newest
            return key

    def remove(self, entity: str, key: Key) -> None:
        with self.lock:
            table = self.table(self._entity(entity))
            del table.records[key]
            table.touched.pop(key, None)

    def table(self, entity: Entity) -> Table:
        return self.tables.setdefault(table_of(entity), Table())

    def touch(self, entity: Entity, key: Key, record: Json) -> Json:
        """The record as changed now: with the next modified value."""
        table = self.table(entity)
        table.newest = self._clock() if self._clock else _next(self._newest(entity, table))
        table.touched[key] = table.newest
        if entity.modified and isinstance(record, dict):
            return put_path(record, split(entity.modified.field), table.newest)
        return record

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> MemoryDoor:
        return MemoryDoor(self, entity, wanted)

    def instance(self) -> str | None:
        instance = self.system.options.get("instance")
        return None if instance is None else str(instance)

    def close(self) -> None:
        """Nothing to let go of."""

    def _entity(self, name: str) -> Entity:
        return self.system.entities.get(name) or Entity(self.system.name, name, key=("id",))

    def _newest(self, entity: Entity, table: Table) -> Json:
        if entity.modified is None or table.newest is not None:
            return table.newest
        path = split(entity.modified.field)
        found = newest_of(entity.modified, ((value_at(record, path), key) for key, record in table.records.items()))
        return None if found is None else found.modified


class MemoryDoor:
    def __init__(self, memory: Memory, entity: Entity, wanted: frozenset[str] | None) -> None:
        self._memory = memory
        self._entity = entity
        self._table = memory.table(entity)
        self._shape = Shape(entity, wanted)
        self._modified = entity.modified or Modified("")
        self._origin = split(entity.origin) if entity.origin and entity.recover_by == "origin field" else None
        self.can = capabilities(entity)
        if self._origin:
            with memory.lock:
                tokens = ((value_at(record, self._origin), key) for key, record in self._table.records.items())
                self._table.tokens |= {token: key for token, key in tokens if isinstance(token, str)}

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        moved = moved_since(self._modified, since)
        with self._memory.lock:
            snapshot = list(self._table.records.items())
        return pages(raw for raw in self._raws(snapshot) if moved(raw.modified))

    def newest(self) -> Cursor | None:
        if not self.can.delta:
            return None
        with self._memory.lock:
            snapshot = list(self._table.records.items())
        return newest_of(self._modified, ((raw.modified, raw.key) for raw in self._raws(snapshot)))

    def get(self, keys: Sequence[Key]) -> Page:
        self._must("get")
        with self._memory.lock:
            if not self._entity.each:
                snapshot = [(key, self._table.records[key]) for key in keys if key in self._table.records]
                return list(self._raws(snapshot))
            return [raw for raw in self._raws(list(self._table.records.items())) if raw.key in set(keys)]

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        self._must("find")
        with self._memory.lock:
            snapshot = list(self._table.records.items())
        names = split(path)

        def holds(record: Json) -> bool:
            return any(same(value_at(record, names), value) for value in values)

        return pages(self._raws(snapshot, holds))

    def decode(self, body: bytes) -> Json:
        return from_json(body)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        if not self.can.write:
            return [Outcome("refused", message=f"{self._entity.full_name} is read-only")] * len(writes)
        return [self._write(write) for write in writes]

    def probe(self) -> Findings:
        return []

    def _raws(self, rows: Sequence[tuple[Key, Json]], holds: Callable[[Json], bool] | None = None) -> Iterator[Raw]:
        ordinals = count(1)
        for key, document in rows:
            for record in self._shape.records(document):
                if holds is None or holds(record):
                    otherwise = ordinal_key(next(ordinals)) if self._entity.each else key
                    yield self._shape.raw(record, otherwise, self._table.touched.get(key, 0))

    def _must(self, name: str) -> None:
        if not getattr(self.can, name):
            raise Refused(f"{self._entity.full_name}: this system lacks {name}")

    def _write(self, write: Write) -> Outcome:
        with self._memory.lock:
            try:
                match write:
                    case Insert():
                        return self._insert(write)
                    case Patch():
                        return self._stale(write) or self._patch(write)
                    case Remove():
                        return self._stale(write) or self._remove(write)
            except (Unplain, KeyTaken, EvaluationError) as error:
                return Outcome("refused", message=str(error))

    def _stale(self, write: Patch | Remove) -> Outcome | None:
        present = self._read(write.key)
        if present is None:
            return Outcome("stale")
        moved = self.can.conditional and present.version != write.expect
        return Outcome("stale", present) if moved else None

    def _insert(self, write: Insert) -> Outcome:
        known = self._table.tokens.get(write.token)
        if self.can.recognise and known in self._table.records:
            return Outcome("done", self._read(known), recognised=True)
        record = self._with_key(plain(write.data))
        if self._origin:
            record = put_path(record, self._origin, write.token)
        key = self._shape.key(record)
        if key is None:
            raise Unplain(f"the record has no key at {', '.join(self._entity.key)}")
        if key in self._table.records:
            raise KeyTaken("a record with this key is already there")
        self._table.tokens[write.token] = key
        return self._store(key, record)

    def _patch(self, write: Patch) -> Outcome:
        values = tuple((path, plain(value, path)) for path, value in write.values)
        record = set_paths(self._table.records[write.key], values)
        if self._shape.key(record) != write.key:
            raise KeyTaken("the key of a record cannot be changed")
        return self._store(write.key, record)

    def _remove(self, write: Remove) -> Outcome:
        tombstone = self._entity.options.get("tombstone")
        if tombstone:
            return self._store(write.key, set_paths(self._table.records[write.key], tuple(tombstone.items())))
        self._memory.remove(self._entity.name, write.key)
        return Outcome("done")

    def _store(self, key: Key, record: Json) -> Outcome:
        for path in map(split, self._entity.options.get("unique", ())):
            self._alone(key, path, value_at(record, path))
        self._table.records[key] = self._memory.touch(self._entity, key, record)
        return Outcome("done", self._read(key))

    def _alone(self, key: Key, path: Path, value: Json) -> None:
        others = (record for other, record in self._table.records.items() if other != key)
        if value is not None and any(same(value_at(record, path), value) for record in others):
            raise KeyTaken(f"another record has the same {'.'.join(path)}")

    def _read(self, key: Key) -> Raw | None:
        record = self._table.records.get(key, ABSENT)
        return None if record is ABSENT else next(self._raws([(key, record)]))

    def _with_key(self, record: Json) -> Json:
        if self._entity.assigned_by == "caller":
            return record
        for path in map(split, self._entity.key):
            if get_path(record, path) is ABSENT:
                number, as_text = self._table.assign(), self._entity.options.get("assigns") == "text"
                record = put_path(record, path, str(number) if as_text else number)
        return record


class KeyTaken(ValueError):
    """This write would break the table. The text never holds a value."""


def table_of(entity: Entity) -> str:
    return str(entity.options.get("table", entity.name))


def capabilities(entity: Entity) -> Capabilities:
    recognise = entity.recover_by in ("origin field", "idempotency header")
    everything = Capabilities(True, True, True, True, True, recognise)
    if entity.each:
        everything = replace(everything, write=False, conditional=False, recognise=False)
    return replace(everything, **dict.fromkeys(entity.options.get("lacks", ()), False))


def document_key(entity: Entity, document: Json) -> Key | None:
    """The key under which a document is kept: of an `each` entity, the parts that are the document's own."""
    if entity.each is None:
        return Shape(entity).key(document)
    element = entity.each_as or split(entity.each)[-1]
    own = tuple(path for path in entity.key if split(path)[0] != element)
    return Shape(replace(entity, key=own, each=None)).key(document)


def value_at(record: Json, path: Path) -> Json:
    value = get_path(record, path) if isinstance(record, dict) else ABSENT
    return None if value is ABSENT else value


def pages(raws: Iterator[Raw]) -> Iterator[Page]:
    page: Page = []
    for raw in raws:
        page.append(raw)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _next(value: Json) -> Json:
    if isinstance(value, str):
        return (datetime.fromisoformat(value) + timedelta(seconds=1)).isoformat()
    return 1 if value is None else value + 1
