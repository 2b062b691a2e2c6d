"""Which fields of which systems hold what about people, on which legal basis, and where does it flow? Offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crmsync.core.contract import Checker
from crmsync.core.contract.personal import EACH, Personal, personal_places
from crmsync.core.expression import Path, reads
from crmsync.core.model import SIDES, Contract, End, Finding, Mapping, Project, Side, other
from crmsync.project.people import Flow, flows, personal_reads


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
    """A place of an entity that is about people. `used`: what reads it besides the fields: match, scope ..."""

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
        Kept(name, end.contract, place, _goes(end, place, streams), tuple(_used(project, end, place)))
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


def _address(flow: Flow) -> str:
    there = flow.mapping.ends[other(flow.source)]
    return f"{there.system}.{there.entity} {flow.target}".rstrip()


def _used(project: Project, end: End, place: Personal) -> Iterator[str]:
    for mapping in project.mappings:
        for side in SIDES:
            if _is_of(mapping.ends[side], end):
                yield from _uses(mapping, side, place)
    for embed in project.entity(end).embed:
        if place.path[0] == embed.name:
            yield f"embedded from {end.system}.{embed.entity} by {embed.by}"


def _uses(mapping: Mapping, side: Side, place: Personal) -> Iterator[str]:
    scope = mapping.scope[side]
    if scope and any(_touches(path, place) for path in reads(scope)):
        yield f"scope of {mapping.name}"
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
    plain = tuple(part for part in place.path if part != EACH)
    short = min(len(path), len(plain))
    return path[:short] == plain[:short]
