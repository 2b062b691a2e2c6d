"""Which record does a person mean, who writes `crm.account/42`?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from crmsync.core.expression import plain_path
from crmsync.core.model import SIDES, Entity, Finding, Json, Key, Mapping, Ref, Side, split_ref
from crmsync.run.world import Stopped, World


def find_ref(world: World, text: str) -> Ref:
    """The address of a record that some mapping keeps in step. Raises `Stopped` (exit 2)."""
    try:
        system, entity, parts = split_ref(text)
    except ValueError as error:
        raise _unknown(str(error), "write SYSTEM.ENTITY/KEY; the parts of a key are joined by commas") from None
    places = places_of(world.project.mappings, system, entity)
    if not places:
        ends = sorted({f"{end.system}.{end.entity}" for each in world.project.mappings for end in each.ends})
        raise _unknown(f"no mapping has an entity {system}.{entity}", f"choose among: {', '.join(ends)}")
    mapping, side = places[0]
    declared = world.project.entity(mapping.ends[side])
    if len(parts) != len(declared.key):
        raise _unknown(
            f"a key of {system}.{entity} is {', '.join(declared.key)}: {len(declared.key)} of them, not {len(parts)}",
            "join its parts by commas, and write %2C for a comma inside of one",
        )
    return Ref(system, entity, _typed(world, places, declared, parts))


def places_of(mappings: Sequence[Mapping], system: str, entity: str) -> list[tuple[Mapping, Side]]:
    """The sides of mappings that this entity is on."""
    ends = ((mapping, side) for mapping in mappings for side in SIDES)
    return [(m, side) for m, side in ends if (m.ends[side].system, m.ends[side].entity) == (system, entity)]


def _typed(world: World, places: Sequence[tuple[Mapping, Side]], entity: Entity, parts: Sequence[str]) -> Key:
    """`42` may be a number or a text: the contract knows, or the ledger does; else it is a number where it reads
    like one."""
    mapping, side = places[0]
    schema = mapping.ends[side].contract.schema
    choices = [_readings(text, _types(schema, path)) for text, path in zip(parts, entity.key, strict=True)]
    keys: list[Key] = list(product(*choices))
    if len(keys) > 1:
        for each, at in places:
            known = world.ledger.states(each.name, at, keys)
            if known:
                return min(known, key=keys.index)
    return keys[0]


def _readings(text: str, types: frozenset[str]) -> list[str | int]:
    """What a part of a key may be, likeliest first."""
    number = int(text) if text.isascii() and text.removeprefix("-").isdigit() and str(int(text)) == text else None
    if number is None or types == {"string"}:
        return [text]
    return [number] if types == {"integer"} else [number, text]


def _types(schema: Json, path: str) -> frozenset[str]:
    """The types that a contract names for a plain path, as far as it says so plainly."""
    for name in plain_path(path) or ():
        properties = schema.get("properties") if isinstance(schema, dict) else None
        schema = properties.get(name) if isinstance(properties, dict) else None
    named = schema.get("type") if isinstance(schema, dict) else None
    found = frozenset([named] if isinstance(named, str) else named or ())
    return frozenset("integer" if each == "number" else each for each in found - {"null"})


def _unknown(message: str, mend: str) -> Stopped:
    return Stopped(2, Finding("usage/no-record", message, mend))
