"""What would a mapping in the shadow have done, and what have people done since?

What was recorded last of a field, or of a record, is compared with what its system says now. Reads only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal, TypeAlias

from crmsync.connectors.base import fetch
from crmsync.core.expression import EvaluationError, get_path, plain_path
from crmsync.core.mapping import Compiled, native
from crmsync.core.merge import agree, same
from crmsync.core.model import (
    ABSENT,
    KINDS,
    SIDES,
    Adopt,
    Archive,
    Change,
    Create,
    Delete,
    Field,
    Json,
    Key,
    Kind,
    Side,
    Symbol,
    Update,
    key_text,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode
from crmsync.ledger.nouns import JournalLine
from crmsync.run.eras import number_of
from crmsync.run.parents import scalar
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, kind_of
from crmsync.run.world import World, utc_now

Answer: TypeAlias = Literal["same", "otherwise", "not yet"]
ANSWERS: Final[tuple[Answer, ...]] = ("same", "otherwise", "not yet")
Write: TypeAlias = Create | Update | Archive | Delete
Place: TypeAlias = tuple[Side, str, str]
"""What is compared once: side, key text and field; "" for a field where the record as a whole is."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that would have been done: to the record `key` of `side`, or of a create from the record `key` of the
    other side. `would`: the value that a field would have got, `now`: the one that it has."""

    side: Side
    kind: Kind
    key: Key
    field: str
    would: Json
    now: Json
    answer: Answer
    run: str


@dataclass
class Shadowed:
    """One mapping. `runs`: those whose lines are compared, newest first. `counts`: by side, kind and answer; of updates
    fields are counted, else records. `shown`: the first that people did otherwise, or have not done yet."""

    mapping: Declared
    runs: tuple[str, ...] = ()
    counts: Counter[tuple[Side, Kind, Answer]] = field(default_factory=Counter)
    shown: list[Compared] = field(default_factory=list)


def shadowed(world: World, mappings: Sequence[Declared], run: str | None, most: int) -> list[Shadowed]:
    """`run`: only what this one recorded. At most `most` of each mapping are shown. Raises `Transient`, `Refused`."""
    return [_shadowed(world, mapping, run, most) for mapping in mappings]


def _shadowed(world: World, mapping: Declared, run: str | None, most: int) -> Shadowed:
    runs = [each for each in world.ledger.shadow_runs(mapping.name) if run in (None, each)]
    told, comparing = Shadowed(mapping, tuple(runs)), _Comparing(world, world.compile(mapping))
    rest: list[Compared] = []
    for each in comparing.all(runs):
        told.counts[each.side, each.kind, each.answer] += 1
        if each.answer == "otherwise" and len(told.shown) < most:
            told.shown.append(each)
        elif each.answer == "not yet" and len(rest) < most:
            rest.append(each)
    told.shown += rest[: most - len(told.shown)]
    return told


@dataclass
class _Comparing:
    """Compares the recorded lines of one mapping."""

    world: World
    compiled: Compiled
    seen: set[Place] = field(default_factory=set)  # later lines have spoken of these
    planned: Mapping[tuple[Side, Key], Key] | None = None  # counterparts that a run would find now

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def all(self, runs: Sequence[str]) -> Iterator[Compared]:
        for run in runs:
            for page in self.world.ledger.journal(run, ["shadow"]):
                lines = [line for line in page if line.mapping == self.name and line.kind in KINDS]
                for side, group in groupby(lines, key=lambda line: line.side):
                    yield from self._page(side, list(group))

    def _page(self, side: Side, lines: Sequence[JournalLine]) -> Iterator[Compared]:
        writes: list[tuple[str, Write]] = [(line.run, _write(line)) for line in lines]
        partners = self._partners(side, [write.source for _, write in writes if isinstance(write, Create)])
        keys = {partners.get(w.source) if isinstance(w, Create) else w.key for _, w in writes} - {None}
        door = self.world.door(self.compiled.mapping, side)
        raws = fetch(door, sorted((key for key in keys if key), key=key_text))
        records = {raw.key: door.decode(raw.body) for raw in raws if not raw.fault}
        for run, write in writes:
            key = partners.get(write.source) if isinstance(write, Create) else write.key
            yield from self._compared(run, write, records.get(key) if key else None)

    def _compared(self, run: str, write: Write, record: Json) -> Iterator[Compared]:
        match write:
            case Update():
                for change in write.changes:
                    if self._is_new(write.side, write.key, change.field):
                        now = self._now(write.side, change, record)
                        would, answer = self._answer(change, now)
                        yield Compared(write.side, kind_of(write), write.key, change.field, would, now, answer, run)
            case Create() if self._is_new(other(write.side), write.source, ""):
                yield self._created(run, write, record)
            case Archive() | Delete() if self._is_new(write.side, write.key, ""):
                ended: Answer = "same" if self._is_gone(write, record) else "not yet"
                yield Compared(write.side, kind_of(write), write.key, "", None, None, ended, run)

    def _is_new(self, side: Side, key: Key, name: str) -> bool:
        place = side, key_text(key), name
        known = place in self.seen
        self.seen.add(place)
        return not known

    def _created(self, run: str, write: Create, record: Json) -> Compared:
        """The first field in which the counterpart says something else, where there is one."""
        if record is None:
            return Compared(write.side, "create", write.source, "", None, None, "not yet", run)
        for change in write.changes:
            now = self._now(write.side, change, record)
            would, answer = self._answer(change, now)
            if answer != "same":
                return Compared(write.side, "create", write.source, change.field, would, now, "otherwise", run)
        return Compared(write.side, "create", write.source, "", None, None, "same", run)

    def _answer(self, change: Change, now: Json) -> tuple[Json, Answer]:
        """What would be there, and whether it is."""
        would = self._resolved(change.after)
        if agree(self._field(change.field), would, now):
            return would, "same"
        return would, "not yet" if same(now, change.before) else "otherwise"

    def _field(self, name: str) -> Field:
        index = self.compiled.index.get(name)
        return Field(name, (None, None)) if index is None else self.compiled.mapping.fields[index]

    def _now(self, side: Side, change: Change, record: Json) -> Json:
        target = self.compiled.targets[side].get(change.field)
        if record is None or target is None:
            return ABSENT
        return native(target, record) if target.paths else ABSENT

    def _resolved(self, value: Json) -> Json:
        """The key that a parent has by now."""
        if not isinstance(value, Symbol):
            return value
        source = other(value.side)
        link = self.world.ledger.links(value.mapping, source, [value.source]).get(value.source)
        return scalar(link.keys[value.side]) if link else value

    def _is_gone(self, write: Archive | Delete, record: Json) -> bool:
        """Not there any more, a tombstone, or, where it would have been archived, archived."""
        if record is None:
            return True
        try:
            gone = self.compiled.lift[write.side](record).gone
        except EvaluationError:
            gone = False
        values = self.compiled.entities[write.side].archive or {}
        archived = all(same(get_path(record, plain_path(path) or (path,)), value) for path, value in values.items())
        return gone or (isinstance(write, Archive) and bool(values) and archived)

    # Whom the records have got as counterparts

    def _partners(self, side: Side, sources: Sequence[Key]) -> dict[Key, Key]:
        """By the record that a counterpart on `side` would have been made from: the one that it has, or that a run
        would link it with."""
        source = other(side)
        links = self.world.ledger.links(self.name, source, sources)
        found = {key: link.keys[side] for key, link in links.items() if link.state != "gone"}
        if len(found) < len(sources) and self.compiled.mapping.match:
            planned = self._planned()
            found |= {key: planned[source, key] for key in sources if key not in found and (source, key) in planned}
        return found

    def _planned(self) -> Mapping[tuple[Side, Key], Key]:
        if self.planned is None:
            mapping = self.compiled.mapping
            era = {self.name: number_of(self.world, mapping, self.world.ledger.era(self.name))}
            prepared = prepare(self.world, (mapping,), Order(first_load=True), era, "shadow", utc_now())
            try:
                adopts = (decode(line.text) for line in prepared.spool.lines() if line.kind == "adopt")
                pairs = [line.keys for line in adopts if isinstance(line, Adopt) and line.judged]
            finally:
                prepared.spool.close()
            self.planned = {(side, keys[side]): keys[other(side)] for keys in pairs for side in SIDES}
        return self.planned


def _write(line: JournalLine) -> Write:
    write = decode(line.line)
    assert isinstance(write, Create | Update | Archive | Delete)  # nothing else is recorded in the shadow
    return write
