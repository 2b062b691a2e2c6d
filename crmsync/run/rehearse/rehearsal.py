"""What would a run do with these records? The real engine, on systems in memory and with a ledger of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from crmsync.connectors.memory import Memory, document_key
from crmsync.core.change import Definition
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled
from crmsync.core.merge import Failed
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Agreed,
    Base,
    Both,
    Entity,
    Finding,
    Hold,
    Json,
    Key,
    Mark,
    Project,
    Side,
    System,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode
from crmsync.core.plan.lines import Line
from crmsync.ledger.nouns import NewLink, Review, Take
from crmsync.ledger.store import Ledger
from crmsync.project.cases import Case, GivenDecision, GivenLink
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, Prepared
from crmsync.run.world import Stopped, World

NOWHERE: Final = "sqlite:///:memory:"
RUN: Final = "test"
WHO: Final = "a golden case"


@dataclass(frozen=True, slots=True)
class Played:
    """What the plan of a case says. `refused`: record, rule and path; `waiting`: side, key and why; `stopped`: why
    there is no plan at all; `wrong`: the given decisions that answer nothing."""

    lines: tuple[Line, ...] = ()
    refused: tuple[tuple[Side, Key, str, str], ...] = ()
    waiting: tuple[tuple[Side, Key, str], ...] = ()
    stopped: tuple[Finding, ...] = ()
    wrong: tuple[Finding, ...] = ()


def play(project: Project, definitions: Mapping[str, Definition], case: Case) -> Played:
    """Plan what is given; with decisions, a first time for the questions that they answer. No system is asked, and
    nothing is left behind."""
    case = replace(case, mapping=_for_all(case.mapping))
    with _stage(project, definitions, case) as world:
        _link(world, case)
        played = _plan(world, case)
        if not case.decisions:
            return played
        wrong = _answer(world, case, [line for line in played.lines if isinstance(line, Hold)])
        return Played(wrong=wrong) if wrong else _plan(world, case)


def _plan(world: World, case: Case) -> Played:
    mapping = case.mapping
    try:
        prepared = prepare(world, (mapping,), Order(first_load=True), {mapping.name: 1}, RUN, case.now)
    except Stopped as stop:
        return Played(stopped=stop.findings)
    try:
        return _played(prepared, mapping)
    finally:
        prepared.spool.close()


def _played(prepared: Prepared, mapping: Declared) -> Played:
    lines = tuple(decode(line.text) for line in prepared.spool.lines())
    letters = sorted({(each.side, each.key, each.rule, each.path) for each in prepared.letters(mapping.name)}, key=str)
    waiting = [
        (side, row.key, row.reason)
        for side in SIDES
        for rows in prepared.spool.verdicts(mapping.name, side)
        for row in rows
        if row.bucket == "waiting"
    ]
    return Played(lines, tuple(letters), tuple(waiting))


# The stage --------------------------------------------------------------------------------------------------------


@contextmanager
def _stage(project: Project, definitions: Mapping[str, Definition], case: Case) -> Iterator[World]:
    systems = {name: _in_memory(system) for name, system in project.systems.items()}
    mappings = tuple(map(_for_all, project.mappings))
    rehearsed = replace(project, systems=systems, mappings=mappings, ledger=NOWHERE)
    with World(rehearsed, definitions, Ledger.open(NOWHERE)) as world:
        for name, system in systems.items():
            world.connections[name] = _filled(Memory(system), system, case)
        yield world


def _for_all(mapping: Declared) -> Declared:
    """A case says what a mapping does, whomever it is tried on first, and be it in the shadow."""
    return replace(mapping, rollout=None, shadow=False)


def _in_memory(system: System) -> System:
    entities = {name: _plain(entity) for name, entity in system.entities.items()}
    return System(system.name, "memory", entities, timezone=system.timezone)


def _plain(entity: Entity) -> Entity:
    """As the mapping sees its records: what is embedded, and the element that a record is, stand in them already."""
    return replace(entity, embed=(), each=None, each_as="", options={})


def _filled(memory: Memory, system: System, case: Case) -> Memory:
    given = dict(case.entities)
    for side in SIDES:
        end = case.mapping.ends[side]
        full = f"{end.system}.{end.entity}"
        given[full] = (*given.get(full, ()), *case.records[side])
    for name, entity in system.entities.items():
        table = memory.table(entity)
        for number, record in enumerate(given.get(f"{system.name}.{name}", ())):
            table.records[document_key(entity, record) or (f"#{number + 1}",)] = record
    return memory


# What was answered ------------------------------------------------------------------------------------------------


def _answer(world: World, case: Case, holds: Sequence[Hold]) -> tuple[Finding, ...]:
    """Ask what the plan asks, and answer it as given; what is wrong with the answers."""
    name = case.mapping.name
    with world.writing() as ledger:
        ledger.ask(name, holds, RUN, case.now)
    asked = {(each.keys, each.field): each for each in world.ledger.reviews(name)}
    wrong: list[Finding] = []
    for each in case.decisions:
        review, take = asked.pop((each.keys, each.field), None), _take(case.mapping, each.take)
        if review is None:
            wrong.append(_unasked(each, holds))
        elif take not in review.takes:
            wrong.append(_unfit(case.mapping, each, review))
        else:
            with world.writing() as ledger:
                ledger.resolve_review(review.n, take, each.value, WHO, case.now)
    return tuple(wrong)


def _take(mapping: Declared, said: str) -> Take:
    sides: dict[str, Take] = {mapping.ends[side].name: side for side in SIDES}
    words: dict[str, Take] = {"value": "value", "same": "same", "different": "different"}
    return (sides | words)[said]


def _unasked(given: GivenDecision, holds: Sequence[Hold]) -> Finding:
    about = f"{given.field} of these records" if given.field else "these records as a whole"
    fields = sorted({hold.field or "the records as a whole" for hold in holds if hold.keys == given.keys})
    mend = f"asked is about: {', '.join(fields)}" if fields else "look at the plan without this decision"
    return Finding(
        "test/no-question", f"nothing is asked about {about}, so there is nothing to answer", mend, at=given.at
    )


def _unfit(mapping: Declared, given: GivenDecision, asked: Review) -> Finding:
    words = [mapping.ends[take].name if take in SIDES else str(take) for take in asked.takes]
    mend = f"answer with one of: {', '.join(words)}" if words else "only other records answer it"
    message = f"{given.take} does not answer a question of the kind {asked.kind}"
    return Finding("test/wrong-answer", message, mend, at=given.at)


# What is linked ---------------------------------------------------------------------------------------------------


def _link(world: World, case: Case) -> None:
    name = case.mapping.name
    links = [_new(name, each.keys, _base(world, case, each), case.now) for each in case.links]
    for parent, pairs in case.parents.items():
        links += [_new(parent, keys, {}, case.now) for keys in pairs]
    with world.writing() as ledger:
        ledger.save_links(links)
        ledger.save_marks(_mark(name, each.keys, each.missing) for each in case.links if each.missing is not None)


def _new(mapping: str, keys: Both[Key], base: Base, now: str) -> NewLink:
    return NewLink(mapping, keys, base, 1.0, "given", RUN, None, now)


def _mark(mapping: str, keys: Both[Key], side: int) -> Mark:
    return Mark(mapping, keys, "missing", (1, 0) if side == 0 else (0, 1))


def _base(world: World, case: Case, link: GivenLink) -> Base:
    """What both sides last agreed on, as given; of the rest, what both say now. Each value is taken to have been sent
    by its owner, as the mapping would send it today: a field that is not named is at rest."""
    if link.base is None:
        return {}
    compiled = world.compile(case.mapping)
    now = tuple(_natives(compiled, case, side, link.keys[side]) for side in SIDES)
    base = {}
    for index, field in enumerate(compiled.mapping.fields):
        given, filled = link.base.get(field.name, ((ABSENT, ABSENT), False))
        first, second = (now[side][index] if given[side] is ABSENT else given[side] for side in SIDES)
        base[field.name] = _agreed(compiled, index, (first, second), filled=filled)
    return base


def _agreed(compiled: Compiled, index: int, values: Both[Json], *, filled: bool) -> Agreed:
    field = compiled.mapping.fields[index]
    if filled and (to := next((side for side in SIDES if field.default[side] is not ABSENT), None)) is not None:
        return Agreed(values, to, values[to], filled=True)
    if field.merge or field.owner is None:
        return Agreed(values)
    source: Side = 0 if field.owner == "shared" else field.owner
    to = other(source)
    if field.link:
        return Agreed(values, to, values[to])
    sent = None if values[source] is ABSENT else compiled.cross[to][index](values[source])
    return Agreed(values, to, None if isinstance(sent, Failed) else sent)


def _natives(compiled: Compiled, case: Case, side: Side, key: Key) -> Sequence[Json]:
    entity = compiled.entities[side]
    nothing = (ABSENT,) * len(case.mapping.fields)
    record = next((each for each in case.records[side] if document_key(entity, each) == key), None)
    if record is None:
        return nothing
    try:
        return compiled.lift[side](record).natives
    except EvaluationError:
        return nothing
