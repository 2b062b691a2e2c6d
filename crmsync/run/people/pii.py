"""Which fields of which systems hold what about people, on which legal basis, and where does it flow? Offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from crmsync.core.contract import Checker
from crmsync.core.contract.personal import ANY, Personal, personal_places
from crmsync.core.expression import Path, plain_path, reaches
from crmsync.core.mapping import expressions
from crmsync.core.model import SIDES, Contract, End, Entity, Field, Finding, Mapping, Project, Side, other
from crmsync.core.values.lookup import loads
from crmsync.project.people import Checkers, Flow, flows, personal_reads

Load: TypeAlias = tuple[str, str, str]  # of an entity: what is looked up by, and what is taken


@dataclass(frozen=True, slots=True)
class Goes:
    """One flow of a place: by which field of which mapping, through which transforms, to where."""

    mapping: str
    field: str
    to: str
    through: tuple[str, ...]
    marked: bool
    only_at_creation: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A place of an entity that is about people. `used`: what reads it besides what takes it along: match, scope ..."""

    entity: str  # crm.person
    contract: Contract
    place: Personal
    goes: tuple[Goes, ...] = ()
    used: tuple[str, ...] = ()


def pii_report(project: Project) -> tuple[Kept, ...]:
    """Of every entity that a mapping speaks of, sorted by entity and path."""
    checkers: dict[str, Checker] = {}

    def checker(contract: Contract) -> Checker:
        return checkers.setdefault(str(contract), Checker(contract))

    ends = {(f"{e.system}.{e.entity}", str(e.contract)): e for m in project.mappings for e in m.ends}
    streams = [flow for mapping in project.mappings for flow in flows(mapping, checker)]
    return tuple(
        Kept(
            name,
            end.contract,
            place,
            (*_goes(end, place, streams), *_taken(project, end, place, checker)),
            tuple(dict.fromkeys(_used(project, end, place))),
        )
        for (name, _), end in sorted(ends.items())
        for place in personal_places(end.contract.schema)
    )


def findings(report: Sequence[Kept]) -> list[Finding]:
    """What nobody has a legal basis for, and what flows where it is not marked, as warnings."""
    found = [
        Finding(
            "pii/no-basis",
            f"{each.place.text} of {each.contract} is about people, and nothing says on which legal basis it is kept",
            'write "x-legal-basis": consent, contract, legal obligation, legitimate interest ... beside its x-pii',
            "warning",
        )
        for each in report
        if not each.place.basis
    ]
    found += [
        Finding(
            "pii/unmarked",
            f"{each.place.text} of {each.entity} flows to {goes.to}, which is not marked (mapping {goes.mapping})",
            'mark it there: "x-pii": true',
            "warning",
        )
        for each in report
        for goes in each.goes
        if not goes.marked
    ]
    return list(dict.fromkeys(found))


def _goes(end: End, place: Personal, streams: Sequence[Flow]) -> tuple[Goes, ...]:
    found = [
        Goes(
            flow.mapping.name, flow.field.name, _address(flow), flow.chain, flow.marked, flow.only_at_creation,
        )
        for flow in streams
        if _is_of(flow.mapping.ends[flow.source], end) and _touches(flow.path, place)
    ]  # fmt: skip
    return tuple(dict.fromkeys(found))


def _taken(project: Project, end: End, place: Personal, checker: Checkers) -> Iterator[Goes]:
    """What a lookup in this entity takes from it goes to whoever looks up."""
    for mapping, field, to, (name, by, take) in _lookups(project):
        if name == f"{end.system}.{end.entity}" and _touches(plain_path(take) or (take,), place):
            there, targets = mapping.ends[to], [path for text in expressions(field, to) if (path := plain_path(text))]
            known = checker(there.contract)
            yield Goes(
                mapping.name, field.name, f"{there.system}.{there.entity} {', '.join(map('.'.join, targets))}",
                (f"lookup by {by}",), all(map(known.touches_pii, targets)),
            )  # fmt: skip


def _lookups(project: Project) -> Iterator[tuple[Mapping, Field, Side, Load]]:
    """Every `{lookup: {entity: ...}}` on the way to a side."""
    for mapping in project.mappings:
        for field in mapping.fields:
            yield from ((mapping, field, to, load) for to in SIDES for load in sorted(loads(field.to[to])))


def _address(flow: Flow) -> str:
    there = flow.mapping.ends[other(flow.source)]
    return f"{there.system}.{there.entity} {flow.target}".rstrip()


def _used(project: Project, end: End, place: Personal) -> Iterator[str]:
    for mapping in project.mappings:
        for side in SIDES:
            if _is_of(mapping.ends[side], end):
                yield from (words for words, text in _reading(mapping, side) if _reads(text, place))
                yield from _matched(mapping, side, place)
    for mapping, field, _, (name, by, _) in _lookups(project):
        if name == f"{end.system}.{end.entity}" and _reads(by, place):
            yield f"lookup of {mapping.name} by {field.name}"
    yield from _of_entity(project.entity(end), place)


def _of_entity(entity: Entity, place: Personal) -> Iterator[str]:
    """What the project file says that it is needed for."""
    if any(_reads(text, place) for text in entity.key):
        yield "key"
    if any(_reads(text, place) for text in entity.natural_key):
        yield "natural key"
    if entity.deleted and _reads(entity.deleted, place):
        yield "deleted"
    for embed in entity.embed:
        if place.path[0] == embed.name:
            yield f"embedded from {entity.system}.{embed.entity} by {embed.by}"
        if _reads(embed.by, place):
            yield f"embed of {entity.system}.{embed.entity}"


def _reading(mapping: Mapping, side: Side) -> Iterator[tuple[str, str]]:
    """The expressions over records of a side that decide what becomes of them, and what each is, in words."""
    create, rollout = mapping.create[other(side)], mapping.rollout
    found = [("scope", mapping.scope[side]), ("create", create if isinstance(create, str) else None)]
    found += [("rollout", rollout.select[side] if rollout else None)]
    yield from ((f"{what} of {mapping.name}", text) for what, text in found if text)
    for field in mapping.fields:
        if text := field.when[side]:
            yield f"when of {mapping.name} by {field.name}", text
    for check in mapping.checks:
        if check.side == side:
            yield from ((f"checks of {mapping.name}", text) for text in (check.expr, check.equals))


def _reads(text: str, place: Personal) -> bool:
    return any(_touches(path, place) for path in reaches(text))


def _matched(mapping: Mapping, side: Side, place: Personal) -> Iterator[str]:
    by_name = {field.name: field for field in mapping.fields}
    match = mapping.match
    for name in () if match is None else dict.fromkeys(
        [*(each for group in match.decide for each in group), *(each.field for each in match.compare)]
    ):  # fmt: skip
        if name in by_name and any(_touches(path, place) for path in personal_reads(by_name[name], side)):
            yield f"match of {mapping.name} by {name}"


def _is_of(one: End, two: End) -> bool:
    return (one.system, one.entity) == (two.system, two.entity)


def _touches(path: Path, place: Personal) -> bool:
    """Does whoever reads the path get something of the place?"""
    return all(theirs in (ours, ANY) for ours, theirs in zip(path, place.path, strict=False))
