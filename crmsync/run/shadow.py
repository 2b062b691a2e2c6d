"""What would a mapping in the shadow have done, and what have people done since?

What was recorded last of a field, or of a record, is compared with what its system says now. Reads only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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
DONE: Final = ("unchanged", "applied", "out_of_scope")
Write: TypeAlias = Create | Update | Archive | Delete
Place: TypeAlias = tuple[Side, str, str]
"""What is compared once: side, key text and field; "" for a field where the record as a whole is."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that would have been done: to the record `key` of `side`, or of a create from the record `key` of the
    other side. `would`: the value that a field would have got, `now`: the one that it has. `over`: nobody has done it,
    and a later run would not do it any more."""

    side: Side
    kind: Kind
    key: Key
    field: str
    would: Json
    now: Json
    answer: Answer
    run: str
    over: bool = False


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
    counterparts = _Counterparts(world, _with_parents(world, mappings))
    return [_shadowed(_Comparing(world, world.compile(mapping), counterparts), run, most) for mapping in mappings]


def _shadowed(comparing: _Comparing, run: str | None, most: int) -> Shadowed:
    mapping, ledger = comparing.compiled.mapping, comparing.world.ledger
    runs = [each for each in ledger.shadow_runs(mapping.name) if run in (None, each)]
    told = Shadowed(mapping, tuple(runs))
    rest: list[Compared] = []
    for each in comparing.all(runs):
        if run is None and each.over:
            continue
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
    counterparts: _Counterparts
    seen: set[Place] = field(default_factory=set)  # later lines have spoken of these
    newest: dict[tuple[Side, Key], str] = field(default_factory=dict)  # the last run that had a line of a record

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
        sources = [write.source for _, write in writes if isinstance(write, Create)]
        partners = self.counterparts.of(self.name, other(side), sources)
        keys = {partners.get(w.source) if isinstance(w, Create) else w.key for _, w in writes} - {None}
        door = self.world.door(self.compiled.mapping, side)
        raws = fetch(door, sorted((key for key in keys if key), key=key_text))
        records = {raw.key: door.decode(raw.body) for raw in raws if not raw.fault}
        settled = self._settled(other(side), sources) | self._settled(side, [key for key in keys if key])
        for run, write in writes:
            key = partners.get(write.source) if isinstance(write, Create) else write.key
            place = (other(side), write.source) if isinstance(write, Create) else (side, write.key)
            later = self.newest.setdefault(place, run) != run or place in settled
            for each in self._compared(run, write, records.get(key) if key else None):
                yield replace(each, over=later and each.answer == "not yet")

    def _settled(self, side: Side, keys: Sequence[Key]) -> set[tuple[Side, Key]]:
        """The records that nothing is left to do for: every run looks again at the others."""
        states = self.world.ledger.states(self.name, side, keys)
        return {(side, key) for key in keys if key not in states or states[key].bucket in DONE}

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
        key = self.counterparts.of(value.mapping, value.side, [value.source]).get(value.source)
        return scalar(key) if key else value

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


@dataclass
class _Counterparts:
    """Whom records have got on the other side of one of these mappings, or whom the next run would link them with.
    `mappings`: those that are compared and those of their parents, parents first."""

    world: World
    mappings: Sequence[Declared]

    def of(self, name: str, side: Side, keys: Sequence[Key]) -> dict[Key, Key]:
        """By the records of `side`."""
        links = self.world.ledger.links(name, side, keys)
        found = {key: link.keys[other(side)] for key, link in links.items() if link.state != "gone"}
        rest = [key for key in keys if key not in found]
        places = {key: (name, side, key) for key in rest}
        return found | {key: self._planned[place] for key, place in places.items() if place in self._planned}

    @cached_property
    def _planned(self) -> Mapping[tuple[str, Side, Key], Key]:
        if not any(mapping.match for mapping in self.mappings):
            return {}
        ledger = self.world.ledger
        era = {each.name: number_of(self.world, each, ledger.era(each.name)) for each in self.mappings}
        prepared = prepare(self.world, self.mappings, Order(first_load=True), era, "shadow", utc_now())
        try:
            adopts = (decode(line.text) for line in prepared.spool.lines() if line.kind == "adopt")
            pairs = [(line.mapping, line.keys) for line in adopts if isinstance(line, Adopt) and line.judged]
        finally:
            prepared.spool.close()
        return {(name, side, keys[side]): keys[other(side)] for name, keys in pairs for side in SIDES}


def _with_parents(world: World, mappings: Sequence[Declared]) -> tuple[Declared, ...]:
    """These mappings and those that their fields lead to, in the order of the project."""
    wanted = {mapping.name for mapping in mappings}
    for mapping in reversed(world.project.mappings):
        if mapping.name in wanted:
            wanted |= {each.link for each in mapping.fields if each.link}
    return tuple(each for each in world.project.mappings if each.enabled and each.name in wanted)


def _write(line: JournalLine) -> Write:
    write = decode(line.line)
    assert isinstance(write, Create | Update | Archive | Delete)  # nothing else is recorded in the shadow
    return write
