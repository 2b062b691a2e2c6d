"""How does an erasure reach the other systems? As a plan like any other, which a person looks at and applies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from crmsync.connectors.base import fetch
from crmsync.core.model import FORGOTTEN, Archive, Delete, Finding, Ref, Side, other
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.spool import Spool
from crmsync.run.counted import open_reviews, planned_counts, report_of
from crmsync.run.eras import number_of, refuse_unconfirmed
from crmsync.run.extract import Extraction
from crmsync.run.people.forget import FORGET, held, refuse_in_shadow
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.refs import places_of
from crmsync.run.report import Report
from crmsync.run.session import Asked
from crmsync.run.world import Stopped, World, utc_now
from crmsync.run.written import write_plan

Way: TypeAlias = Literal["archive", "delete"]


def write_carrying(world: World, ref: Ref, way: Way, file: Path, run_id: str) -> Report:
    """Write the plan that takes the counterparts of a record away. Changes nothing anywhere; once it has been applied,
    all of them are forgotten. Raises `Stopped` (exit 2) where there is no counterpart, none that can be archived, or
    none that may be written to."""
    lines = list(_lines(world, ref, way))
    if not lines:
        message = f"{ref} has no counterpart that is there"
        raise Stopped(2, Finding("forget/nothing-to-carry", message, f"forget it here: crmsync forget {ref}"))
    mappings = tuple(each for each in world.project.mappings if each.name in {line.mapping for line in lines})
    refuse_in_shadow(mappings)
    refuse_unconfirmed(world, mappings)
    prepared = _empty(world, mappings)
    try:
        for line in lines:
            plan = prepared.mappings[line.mapping]
            plan.count(line)
            prepared.spool.add([plan.placed(line, 0)])
        asked = Asked(tuple(each.name for each in mappings), Order(FORGET))
        report = report_of(world, mappings, prepared, run_id, planned_counts(prepared), open_reviews(world))
        write_plan(file, world, prepared, report, asked, redact=False)
        return report
    finally:
        prepared.spool.close()


def _empty(world: World, mappings: tuple[Declared, ...]) -> Prepared:
    prepared = Prepared(Spool(), started=utc_now())
    for number, mapping in enumerate(mappings):
        era = number_of(world, mapping, world.ledger.era(mapping.name))
        prepared.mappings[mapping.name] = MappingPlan(number, Extraction(mapping, era), cut=True)
    return prepared


def _lines(world: World, ref: Ref, way: Way) -> Iterator[Archive | Delete]:
    """One for each record that is linked with it, or with what it is linked with, and that is there."""
    taken = {ref}
    for at in held(world, ref).refs:
        for mapping, source in places_of(world.project.mappings, at.system, at.entity):
            for link in world.ledger.links(mapping.name, source, [at.key]).values():
                side = other(source)
                target = world.names.ref(mapping.ends[side], link.keys[side])
                if mapping.enabled and link.state != "gone" and target not in taken:
                    taken.add(target)
                    yield from _line(world, mapping, side, (target, at), way)


def _line(world: World, mapping: Declared, side: Side, pair: tuple[Ref, Ref], way: Way) -> Iterator[Archive | Delete]:
    (target, source), entity = pair, world.project.entity(mapping.ends[side])
    if way == "archive" and entity.archive is None:
        message = f"nothing says how a record of {entity.full_name} is archived"
        raise Stopped(2, Finding("forget/no-archive", message, "write archive: at the entity, or say --carry delete"))
    for raw in fetch(world.door(mapping, side), [target.key]):
        kind = Archive if way == "archive" else Delete
        yield kind(mapping.name, side, target.key, source.key, raw.version, FORGOTTEN)
