"""Do the expressions of a mapping parse, and do its paths lead somewhere?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from crmsync.core.expression import plain_path, problems, put_path, reads
from crmsync.core.model import ABSENT, SIDES, Entity, Finding, Json, Severity, Side
from crmsync.core.near import choose
from crmsync.project.check.flow import is_sound
from crmsync.project.check.world import World, checks, places, written_sides
from crmsync.project.mappings import Draft
from crmsync.project.shapes import dotted
from crmsync.project.yaml import Where

Path: TypeAlias = tuple[str, ...]


def expressions_parse(draft: Draft, world: World) -> Iterator[Finding]:
    for text, _, where in world.expressions(draft):
        for offset, message in () if is_sound(text) else problems(text):
            at = draft.document.inside(where, offset)
            yield Finding("mapping/expression", f"{dotted(where)}: {message}", "see https://jmespath.org", at=at)


def paths_are_known(draft: Draft, world: World) -> Iterator[Finding]:
    """Every plain path that is read or written is one that the contract declares."""
    for text, side, where in world.expressions(draft):
        path = plain_path(text)
        if path is not None:  # of other expressions their types tell
            yield from _unknown_path(draft, world, side, path, text, where)


def _unknown_path(draft: Draft, world: World, side: Side, path: Path, text: str, where: Where) -> Iterator[Finding]:
    for lost in _undeclared(draft, world, side, path):
        found = re.search(rf"\b{re.escape(lost.name)}\b", text)
        at = draft.document.inside(where, found.start() if found else 0)
        yield Finding("mapping/unknown-path", lost.message, lost.mend, lost.severity, at)


class _Undeclared(NamedTuple):
    name: str
    message: str
    mend: str
    severity: Severity


def _undeclared(draft: Draft, world: World, side: Side, path: Path) -> Iterator[_Undeclared]:
    """The first name of a path that the contract does not declare, if any; a warning where it would not mind."""
    contract = draft.mapping.ends[side].contract
    checker = world.checker(contract)
    lost = next((size for size in range(1, len(path) + 1) if not _declares(draft, world, side, path[:size])), None)
    if lost is None:
        return
    name, above = path[lost - 1], path[: lost - 1]
    is_open, names = checker.knows(path), world.declared(contract, above)
    if names or not is_open:  # else it is an object of which the contract says nothing at all
        message = f"{contract} does not declare {'.'.join(path[:lost])!r}"
        mend = choose(name, names, f"{'.'.join(above) or 'it'} has")
        yield _Undeclared(name, message, mend, "warning" if is_open else "error")


def _declares(draft: Draft, world: World, side: Side, path: Path) -> bool:
    end = draft.mapping.ends[side]
    checker = world.checker(end.contract)
    entity = world.entity(end)
    brought = _embedded(entity) | ({entity.each_as} if entity and entity.each else set())
    is_ours = path[0] in brought and path[0] not in world.declared(end.contract)
    return is_ours or end.contract.schema is True or checker.at_path(path) is not None


def _embedded(entity: Entity | None) -> frozenset[str]:
    return frozenset(embed.name for embed in entity.embed) if entity else frozenset()


def entity_paths_are_known(draft: Draft, world: World) -> Iterator[Finding]:
    """What crmsync.yaml says of an entity is about records that keep the contract."""
    for side in SIDES:
        entity = world.entity(draft.mapping.ends[side])
        for key, path in _entity_paths(entity) if entity else ():
            for lost in _undeclared(draft, world, side, path):
                message = (
                    f"{key} of {draft.mapping.ends[side].system}.{draft.mapping.ends[side].entity}: {lost.message}"
                )
                yield Finding("project/unknown-path", message, lost.mend, lost.severity, entity.at if entity else None)


def _entity_paths(entity: Entity) -> Iterator[tuple[str, Path]]:
    written = {
        "key": entity.key,
        "natural_key": entity.natural_key,
        "origin": (entity.origin,) if entity.origin else (),
        "trace": (entity.trace,) if entity.trace else (),
        "archive": tuple(entity.archive or ()),
        "embed": tuple(embed.by for embed in entity.embed),
    }
    for key, texts in written.items():
        yield from ((key, path) for path in map(plain_path, texts) if path)
    if entity.deleted and not problems(entity.deleted):
        yield from (("deleted", path) for path in sorted(reads(entity.deleted)))


# What is written -------------------------------------------------------------------------------------------------


def written_paths_are_plain(draft: Draft, world: World) -> Iterator[Finding]:
    """Nobody can write to the result of an expression."""
    for each in draft.mapping.fields:
        for side in SIDES:
            for text, where in places(draft, each, side):
                must = side in written_sides(each) or isinstance(each.paths[side], tuple)
                if must and plain_path(text) is None and not _is_broken(text):
                    message = f"{draft.sides[side]} of field {each.name} is written, so it must be a plain path"
                    mend = "write names joined by dots: address.city; or let another side own the field"
                    yield draft.wrong("not-a-plain-path", message, mend, *where)
    for index, check in checks(draft):
        if plain_path(check.equals) is None and not _is_broken(check.equals):
            message = f"equals of check {index + 1} must be a plain path"
            yield draft.wrong("not-a-plain-path", message, "write names joined by dots", "checks", index, "equals")


def _is_broken(text: str) -> bool:
    return bool(problems(text))


def traces_are_left_alone(draft: Draft, world: World) -> Iterator[Finding]:
    """The field that keeps the trace of a run is nobody else's."""
    for each in draft.mapping.fields:
        for side in written_sides(each):
            entity = world.entity(draft.mapping.ends[side])
            if entity is None or entity.trace is None:
                continue
            for text, where in places(draft, each, side):
                path = plain_path(text)
                if path and path == (plain_path(entity.trace) or ())[: len(path)]:
                    message = f"{text} keeps the trace of the run that wrote a {entity.full_name}: crmsync writes it"
                    yield draft.wrong("trace-is-written", message, "map another path, or take trace: away", *where)


def read_only_paths_are_left_alone(draft: Draft, world: World) -> Iterator[Finding]:
    for each in draft.mapping.fields:
        for side in written_sides(each):
            checker = world.checker(draft.mapping.ends[side].contract)
            for text, where in places(draft, each, side):
                path = plain_path(text)
                if path and path[0] in _embedded(world.entity(draft.mapping.ends[side])):
                    message = f"{path[0]} is put into the record by crmsync, to be read only"
                    yield draft.wrong("embed-is-read-only", message, "let this side own the field", *where)
                elif path and checker.read_only(path):
                    message = f"{draft.mapping.ends[side].contract} says that {text} is read only"
                    mend = "let this side own the field, or map another path"
                    yield draft.wrong("read-only-path", message, mend, *where)


_TYPES: Final[dict[str | None, tuple[str, ...]]] = {
    "set": ("array",),
    "append": ("array", "string"),
    "counter": ("integer", "number"),
}


def merged_values_have_the_right_type(draft: Draft, world: World) -> Iterator[Finding]:
    for each in draft.mapping.fields:
        for side in SIDES if each.merge else ():
            for text, where in places(draft, each, side):
                types = types_at(world, side, draft, plain_path(text))
                wanted = _TYPES[each.merge]
                if types and not types & set(wanted):
                    message = (
                        f"merge: {each.merge} wants {' or '.join(wanted)}, but {text} is {'/'.join(sorted(types))}"
                    )
                    yield draft.wrong("merge-type", message, "take another merge, or map another path", *where)


def types_at(world: World, side: Side, draft: Draft, path: Path | None) -> set[str]:
    """The JSON Schema types that a contract allows at a path, without null; empty where it does not say."""
    schema = world.checker(draft.mapping.ends[side].contract).at_path(path) if path else None
    written = schema.get("type") if isinstance(schema, dict) else None
    types = {written} if isinstance(written, str) else set(written or ())
    return types - {"null"}


def constants_keep_the_contract(draft: Draft, world: World) -> Iterator[Finding]:
    """A constant or a default that breaks the target's contract would break it in every record."""
    for each in draft.mapping.fields:
        for side in SIDES:
            for key, value in (("value", each.value), ("default", each.default[side])):
                if value is ABSENT or each.paths[side] is None:
                    continue
                where: Where = ("fields", each.name, key)
                where = where if key == "value" else (*where, draft.sides[side])
                for message in _breaks(world, draft, side, each.paths[side], value):
                    yield draft.wrong("constant", f"{dotted(where)}: {message}", "write a value that it allows", *where)


def _breaks(world: World, draft: Draft, side: Side, text: Json, value: Json) -> Iterator[str]:
    path = plain_path(text) if isinstance(text, str) else None
    if path is None:
        return
    checker = world.checker(draft.mapping.ends[side].contract)
    for violation in checker.violations(put_path({}, path, value)):
        if violation.path[: len(path)] == path:
            yield violation.message
