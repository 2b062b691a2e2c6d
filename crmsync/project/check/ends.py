"""Does a mapping speak of systems, entities and contracts that exist, and of what they can do?"""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.core.expression import plain_path
from crmsync.core.model import SIDES, End, Entity, Field, Finding, Side, other
from crmsync.core.near import choose
from crmsync.project.check.world import World, places, written_sides
from crmsync.project.contracts import missing_contract, pick_contract
from crmsync.project.mappings import Draft


def ends_exist(draft: Draft, world: World) -> Iterator[Finding]:
    for end in draft.mapping.ends:
        yield from _system_and_entity(draft, world, end)
        wanted = draft.document.data["between"][end.name]["contract"]
        if wanted.partition("@")[0] not in world.lost_contracts and pick_contract(wanted, world.contracts) is None:
            rule, message, mend = missing_contract(wanted, world.contracts)
            yield draft.wrong(rule, message, mend, "between", end.name, "contract")


def _system_and_entity(draft: Draft, world: World, end: End) -> Iterator[Finding]:
    where = ("between", end.name)
    system = world.systems.get(end.system)
    if end.system in world.lost_systems:
        return
    if system is None:
        named = "system" in draft.document.data["between"][end.name]
        mend = choose(end.system, world.systems) + ("" if named else f"; or name it: {end.name}: {{system: ...}}")
        message = f"there is no system {end.system!r}"
        yield (draft.wrong if named else draft.wrong_key)("unknown-system", message, mend, *where, *["system"][:named])
    elif end.entity not in system.entities:
        message = f"system {end.system} has no entity {end.entity!r}"
        yield draft.wrong("unknown-entity", message, choose(end.entity, system.entities), *where, "entity")


def two_entities(draft: Draft, world: World) -> Iterator[Finding]:
    first, second = draft.mapping.ends
    if (first.system, first.entity) == (second.system, second.entity):
        message = f"both sides are {first.system}.{first.entity}"
        yield draft.wrong("same-entity", message, "name another entity", "between", second.name, "entity")


def create_reads_the_other_side(draft: Draft, world: World) -> Iterator[Finding]:
    for side in SIDES:
        where = ("create", draft.sides[side], "when", draft.sides[side])
        if draft.document.look(where) is not None:
            mine, its = draft.sides[side], draft.sides[other(side)]
            message = f"what {mine} lacks is made from the record of {its}: create.{mine}.when cannot read {mine}"
            yield draft.wrong_key("create-side", message, f"write when: {{{its}: ...}}", *where)


def archive_is_possible(draft: Draft, world: World) -> Iterator[Finding]:
    mapping, sides = draft.mapping, draft.sides
    for side in SIDES:
        if mapping.delete[side] == "archive":
            yield from _needs_archive(draft, world, side, "delete", sides[side])
        if mapping.on_leave_scope == "archive" and mapping.scope[other(side)] is not None:
            yield from _needs_archive(draft, world, side, "on_leave_scope")


def _needs_archive(draft: Draft, world: World, side: Side, *where: str) -> Iterator[Finding]:
    entity = world.entity(draft.mapping.ends[side])
    if entity is not None and not entity.archive:
        message = f"{entity.full_name} does not say how a record is archived"
        mend = f"write under {entity.full_name} in crmsync.yaml: archive: {{set: {{active: false}}}}"
        yield draft.wrong("no-archive", message, mend, *where)


def elements_are_read_only(draft: Draft, world: World) -> Iterator[Finding]:
    """With `each`, a record is an element of an array inside a document that is not ours to take apart."""
    for side in SIDES:
        entity = world.entity(draft.mapping.ends[side])
        if entity is None or entity.each is None:
            continue
        for key, value, harmless in (
            ("create", draft.mapping.create, False),
            ("delete", draft.mapping.delete, "ignore"),
        ):
            if value[side] != harmless:
                yield _read_only(draft, entity, key, draft.sides[side])
        for each in draft.mapping.fields:
            if side in written_sides(each):
                yield _read_only(draft, entity, "fields", each.name, draft.sides[side])


def _read_only(draft: Draft, entity: Entity, *where: str) -> Finding:
    message = f"{entity.full_name} are elements of the array {entity.each}, which are only read"
    mend = "let the other side be the one that is written"
    return draft.wrong("each-is-read-only", message, mend, *where)


def keys_are_written_by_their_assigner(draft: Draft, world: World) -> Iterator[Finding]:
    for side in SIDES:
        entity = world.entity(draft.mapping.ends[side])
        if entity is None or entity.each is not None:
            continue
        keys = {plain_path(path) for path in entity.key}
        written = {plain_path(text): (each, where) for each, text, where in _written(draft, side)}
        if entity.assigned_by == "system":
            for path in sorted((keys & written.keys()) - {None}, key=str):
                message = f"the key of {entity.full_name} is assigned by the system"
                mend = "map another path, or write assigned_by: caller under the entity"
                yield draft.wrong("writes-key", message, mend, *written[path][1])
        elif draft.mapping.create[side] is not False and not keys <= written.keys() and not draft.damaged:
            message = f"{entity.full_name} gets its keys from us, but no field writes {', '.join(entity.key)}"
            mend = "map the key, or write assigned_by: system under the entity"
            yield draft.wrong("key-not-written", message, mend, "create", draft.sides[side])


def _written(draft: Draft, side: Side) -> Iterator[tuple[Field, str, tuple[str | int, ...]]]:
    for each in draft.mapping.fields:
        if side in written_sides(each):
            yield from ((each, text, where) for text, where in places(draft, each, side))
