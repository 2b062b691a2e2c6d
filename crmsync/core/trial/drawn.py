"""Does a mapping keep its word for records that nobody has thought of?

For every mapping, in both directions: a record that its own contract allows becomes one that the other contract allows,
or a declared rule refuses it; what was mapped stays as it is when it is mapped again; what flows both ways comes back;
and both validators say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.compat.draw import Undrawable
from crmsync.core.expression import get_path
from crmsync.core.mapping import Compiled, Entities, compile_mapping
from crmsync.core.model import (
    ABSENT,
    SIDES,
    At,
    Field,
    Finding,
    Json,
    Project,
    Side,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.trial.one import shrunk, try_one
from crmsync.core.trial.records import Everybody, Records, Stream, settled
from crmsync.core.trial.way import Failure, Fault, Refusal, Rule, Way
from crmsync.core.values.lookup import loads

EXAMPLES: Final = 100  # records a mapping and direction
REDRAWN: Final = 5  # so many times as many are drawn where checks stop most of them
PARTNERS: Final = 8  # records of the other side that take turns


@dataclass(frozen=True, slots=True)
class Direction:
    """What was drawn for one direction of a mapping. `refused`: how many records each declared rule would refuse;
    `idle`: why nothing, or not all, could be tried."""

    mapping: Declared
    source: Side
    drawn: int = 0
    rejected: int = 0
    refused: Mapping[Refusal, int] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    idle: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        ends = self.mapping.ends
        return f"{self.mapping.name}, {ends[self.source].name} to {ends[other(self.source)].name}"

    def findings(self) -> Iterator[Finding]:
        """Failures are errors; what could not be tried is a warning; what would be refused is good to know."""
        for each in self.failures:
            yield Finding(each.rule, f"{self.name}: {each.message}", each.mend, at=self._at(each.index), path=each.path)
        for why, mend in self.idle:
            yield Finding("test/not-drawn", f"{self.name}: {why}", mend, "warning", at=self.mapping.at)
        for refusal, times in self.refused.items():
            message = f"{self.name}: {times} of {self.drawn} drawn records would be rejected: {refusal.words}"
            mend = "if that is not meant so: let the mapping take them, or let the contract be as narrow"
            yield Finding("test/would-reject", message, mend, "info", at=refusal.at or self.mapping.at)

    def _at(self, index: int | None) -> At | None:
        return self.mapping.at if index is None else self.mapping.fields[index].at


@dataclass(frozen=True, slots=True)
class Asked:
    """How many records are drawn for each direction, from which seed, and for how long. `declared`: refusals by a
    contract of the other side that somebody has written down."""

    seed: int = 0
    examples: int = EXAMPLES
    declared: frozenset[Rule] = frozenset()
    in_time: Callable[[], bool] = lambda: True


def try_drawn(project: Project, mapping: Declared, asked: Asked) -> tuple[Direction, ...]:
    """Try both directions. The same seed gives the same answer, as long as there is time."""
    return tuple(_direction(project, mapping, side, asked) for side in SIDES)


def _direction(project: Project, mapping: Declared, source: Side, asked: Asked) -> Direction:
    stream = Stream(source, asked.seed)
    try:
        way = _way(project, mapping, source, stream, asked.declared)
    except (Uncanonical, Undrawable) as error:
        why = f"nothing could be drawn from its contracts: {error}"
        return Direction(mapping, source, idle=((why, "golden cases can still be written: tests/"),))
    return _tried(way, stream, asked.examples, asked.in_time)


def _tried(way: Way, stream: Stream, examples: int, in_time: Callable[[], bool]) -> Direction:
    found: dict[Fault, Failure] = {}
    refused: Counter[Refusal] = Counter()
    drawn = rejected = through = 0
    for number in range(REDRAWN * examples):
        if through == examples or not in_time():
            break
        record = way.records.in_scope(stream.of(number))
        if record is ABSENT:
            continue
        beside = way.partner(number)
        tried = try_one(way, record, beside)
        drawn, rejected, through = drawn + 1, rejected + bool(tried.refused), through + (not tried.stopped)
        refused.update(tried.refused)
        for each in tried.failures:
            if each.fault not in found:
                found[each.fault] = shrunk(way, each, record, beside)
    idle = tuple(_idle(way, examples, drawn, in_time()))
    failures = tuple(sorted(found.values(), key=lambda each: str(each.fault)))
    return Direction(way.compiled.mapping, way.source, drawn, rejected, dict(refused.most_common()), failures, idle)


def _idle(way: Way, examples: int, drawn: int, in_time: bool) -> Iterator[tuple[str, str]]:
    write = "give the contract examples that are in scope; golden cases can be written in any case: tests/"
    if not in_time:
        yield f"there was time for {drawn} records only", f"draw fewer than {examples}: --examples N"
    elif not drawn:
        yield "not one drawn record is in scope", write
    elif not way.partners and not way.creates:
        yield "nothing is created there, and not one record of the other side is in scope: no update was tried", write


# What is drawn beside ---------------------------------------------------------------------------------------------


def _way(project: Project, mapping: Declared, source: Side, stream: Stream, declared: frozenset[Rule]) -> Way:
    bare = compile_mapping(project, mapping, {})
    samples = {side: _samples(Records(bare, side, project.tables), stream) for side in SIDES}
    compiled = compile_mapping(project, mapping, _looked_up(mapping, bare, samples))
    records = [Records(compiled, side, project.tables) for side in SIDES]
    target = other(source)
    partners = tuple(_partners(records[target], stream))
    linked = _linked(mapping, bare, samples)
    return Way(compiled, source, records[source], records[target], partners, linked, declared)


def _samples(records: Records, stream: Stream) -> list[Json]:
    return [*records.examples, *(records.draw(stream.of(-1 - number)) for number in range(PARTNERS))]


def _partners(records: Records, stream: Stream) -> Iterator[Json]:
    for number in range(PARTNERS):
        record = records.in_scope(stream.of(-100 - number))
        if record is not ABSENT and settled(records.seen(record)):
            yield record


def _looked_up(mapping: Declared, bare: Compiled, samples: Mapping[Side, Sequence[Json]]) -> Entities:
    """For each lookup in a system: somebody that the other side's contract would take."""
    found = {}
    for each in mapping.fields:
        for side in SIDES:
            for asked in loads(each.to[side]):
                found[asked] = Everybody(_plausible(bare, each, side, samples[side], "x"))
    for check in mapping.checks:
        for asked in loads(check.apply):
            found.setdefault(asked, Everybody("x"))
    return found


def _linked(mapping: Declared, bare: Compiled, samples: Mapping[Side, Sequence[Json]]) -> dict[tuple[str, Side], Json]:
    """For each link and side that its key comes from: the key of some record there."""
    return {
        (each.link, side): _plausible(bare, each, other(side), samples[other(side)], 1)
        for each in mapping.fields
        if each.link
        for side in SIDES
    }


def _plausible(bare: Compiled, field: Field, side: Side, samples: Sequence[Json], otherwise: Json) -> Json:
    """What records of a side say in a field, where one of them says anything."""
    for record in samples:
        parts = [get_path(record, path) for path in bare.targets[side][field.name].paths]
        if parts and all(part is not None and part is not ABSENT for part in parts):
            return parts[0] if len(parts) == 1 else parts
    return otherwise
