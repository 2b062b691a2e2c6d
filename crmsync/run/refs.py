"""Which record does a person mean, who writes `crm.account/42`?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from crmsync.core.expression import plain_path
from crmsync.core.handle import LENGTH, TILDE, is_handle
from crmsync.core.mapping import names_to_read
from crmsync.core.model import SIDES, Entity, Finding, Json, Key, Mapping, Ref, Side, Telling, split_ref
from crmsync.run.world import Stopped, World

HANDLE: Final = (
    f"a handle stands for a key that is about a person, where this ledger tells of it: a tilde and {LENGTH} letters or "
    "digits; of what was forgotten nobody knows it any more; the key itself does as well"
)


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
    if text.partition("/")[2].startswith(TILDE):
        return world.names.ref(mapping.ends[side], _called(world, places, text))
    if len(parts) != len(declared.key):
        raise _unknown(
            f"a key of {system}.{entity} is {', '.join(declared.key)}: {len(declared.key)} of them, not {len(parts)}",
            "join its parts by commas, and write %2C for a comma inside of one",
        )
    return world.names.ref(mapping.ends[side], _typed(world, places, declared, parts))


def places_of(mappings: Sequence[Mapping], system: str, entity: str) -> list[tuple[Mapping, Side]]:
    """The sides of mappings that this entity is on."""
    ends = ((mapping, side) for mapping in mappings for side in SIDES)
    return [(m, side) for m, side in ends if (m.ends[side].system, m.ends[side].entity) == (system, entity)]


def no_record(ref: Ref) -> Finding:
    return Finding("usage/no-record", f"there is no {ref}, and there never was", "look at the key")


def _called(world: World, places: Sequence[tuple[Mapping, Side]], text: str) -> Key:
    """The key of the record that has a handle: among all that the ledger has heard of, else among what the system
    holds. Raises `Stopped` (exit 2)."""
    name, _, handle = text.partition("/")
    mapping, side = places[0]
    telling = world.names.telling(mapping.ends[side].system, mapping.ends[side].entity)
    if telling is None:
        message = f"{text} is a handle, and the records of {name} are called by their keys"
        raise _unknown(message, f"a key that begins with a tilde is written %7E: {name}/%7E...")
    if not is_handle(handle) or world.names.handles is None:
        raise _unknown(f"that is not the handle of a record of {name}", HANDLE)
    heard = (key for each, at in places for key in world.ledger.known_keys(each.name, at))
    found = _having(telling, handle, heard) or _having(telling, handle, _there(world, mapping, side))
    if not found:
        raise _unknown(f"no record has the handle {text}: none that a run has seen, and none that is there", HANDLE)
    if len(found) > 1:
        raise _unknown(f"{len(found)} records have the handle {text}", "name the one by its key")
    return found.pop()


def _having(telling: Telling, handle: str, keys: Iterable[Key]) -> set[Key]:
    return {key for key in keys if telling(key) == handle}


def _there(world: World, mapping: Mapping, side: Side) -> Iterator[Key]:
    """Of every record that the system holds now."""
    entity = world.project.entity(mapping.ends[side])
    door = world.open_door(entity, names_to_read(mapping, entity, side))
    return (raw.key for page in door.list() for raw in page)


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
