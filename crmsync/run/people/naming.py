"""Who still names a record that was forgotten? Others hold its key, where no contract marks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crmsync.core.model import SIDES, Field, Key, Mapping, Side
from crmsync.run.parents import texts_of_parents, their_side
from crmsync.run.world import World


@dataclass(frozen=True, slots=True)
class Naming:
    """So many records of a mapping, each side for itself, that name it in a field as their parent."""

    mapping: str
    field: str
    records: int


def naming(world: World, places: Sequence[tuple[str, Side, Key]]) -> tuple[Naming, ...]:
    """As far as the ledger knows. By mapping and field."""
    found: dict[tuple[str, str], set[tuple[Side, Key]]] = {}
    for name, theirs, key in places:
        for child, field in _children(world, name):
            mine = found.setdefault((child.name, field.name), set())
            mine |= {(side, each) for side in SIDES for each in _named(world, child, field, side, (name, theirs, key))}
    return tuple(Naming(*where, len(records)) for where, records in sorted(found.items()) if records)


def _children(world: World, parent: str) -> Iterator[tuple[Mapping, Field]]:
    for mapping in world.project.mappings:
        yield from ((mapping, field) for field in mapping.fields if field.link == parent)


def _named(world: World, child: Mapping, field: Field, side: Side, parent: tuple[str, Side, Key]) -> Iterator[Key]:
    name, theirs, key = parent
    mapping = world.project.mapping(name)
    if field.paths[side] is not None and their_side(mapping, child.ends[side]) == theirs:
        yield from world.ledger.naming(child.name, field.name, side, key)
        if not world.names.hides(mapping.ends[theirs]):  # else they wait for its handle
            yield from world.ledger.waiting_for(child.name, side, [texts_of_parents(world, name, theirs)(key)])
