"""What changed in the properties that are declared, demanded or allowed?"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from crmsync.core.compat.changes.change import ENDS, TURNED, Change, Direction, direction, direction_of, whole
from crmsync.core.compat.changes.spot import Spot, Word
from crmsync.core.compat.facts import Facts
from crmsync.core.compat.proof import follows
from crmsync.core.contract.shape import ANNOTATIONS
from crmsync.core.model import Json, to_json

OTHERS: Final = ("additionalProperties", "unevaluatedProperties")


def dotted(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def of_names(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    """Properties that came and went; of those that stayed the walk speaks."""
    yield from _required(old, new, path)
    yield from _properties(old, new, path)
    yield from _patterns(old, new, path)
    yield from _others(old, new, path)


def _required(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    before, after = _demanded(old), _demanded(new)
    for name in sorted(before.keys() - after.keys()):
        said = f"{dotted(path, name)} is no longer required"
        yield Change("contract/required-removed", before[name], new.where("required"), "widens", said)
    for name in sorted(after.keys() - before.keys()):
        said = f"{dotted(path, name)} is required now"
        yield Change("contract/required-added", old.where("required"), after[name], "narrows", said)


def _demanded(place: Spot) -> dict[str, str]:
    """The names that are required, each with its pointer."""
    return {word.value: word.pointer for word in place.listed("required")}


def _properties(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    before, after = old.named("properties"), new.named("properties")
    gone = {name: before[name] for name in sorted(before.keys() - after.keys())}
    come = {name: after[name] for name in sorted(after.keys() - before.keys())}
    for name, word in gone.items():
        turn = TURNED[_of_presence(new, name, word.value, old.root)]
        said = f"{dotted(path, name)} was removed"
        yield Change("contract/property-removed", word.pointer, new.where("properties"), turn, said)
    for name, word in come.items():
        turn = _of_presence(old, name, word.value, new.root)
        said = f"{dotted(path, name)} was added, {'required' if name in _demanded(new) else 'optional'}"
        yield Change("contract/property-added", old.where("properties"), word.pointer, turn, said)
    for name, other in _renamed(gone, come):
        said = f"{dotted(path, name)} may have become {dotted(path, other)}: the mapping must follow"
        yield Change("contract/renamed-maybe", gone[name].pointer, come[other].pointer, "changes", said)


def _of_presence(other: Spot, name: str, schema: Json, root: Json) -> Direction:
    """What it does to records that this property is declared, where the other side does not declare it."""
    around = Facts((other.schema,), other.root)
    implied = around.property(name)
    if implied.is_nothing or not around.may_be("object"):
        return "widens"
    grows = follows(implied, schema, root)
    shrinks = all(follows(Facts((schema,), root), each, other.root) for each in implied.schemas)
    return direction_of(grows, shrinks)


def _renamed(gone: dict[str, Word], come: dict[str, Word]) -> list[tuple[str, str]]:
    """Removed and added properties of the same schema, each with the one whose name is nearest."""
    found: list[tuple[str, str]] = []
    for name, word in gone.items():
        taken = {other for _, other in found}
        same = [other for other in come if other not in taken and _bare(come[other].value) == _bare(word.value)]
        if same:
            found.append((name, max(same, key=lambda other: (_likeness(name, other), other))))
    return found


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()


def _bare(schema: Json) -> bytes:
    if not isinstance(schema, dict):
        return to_json(schema)
    return to_json({keyword: value for keyword, value in schema.items() if keyword not in ANNOTATIONS})


def _patterns(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    before, after = old.named("patternProperties"), new.named("patternProperties")
    if before.keys() == after.keys():
        return
    turn = direction(_names_only(old), old.root, _names_only(new), new.root)
    for pattern in sorted(before.keys() - after.keys()):
        said = f"{whole(path)}: properties like {pattern} are no longer declared"
        place = new.where("patternProperties")
        yield Change("contract/pattern-property-removed", before[pattern].pointer, place, turn, said)
    for pattern in sorted(after.keys() - before.keys()):
        said = f"{whole(path)}: properties like {pattern} are declared now"
        place = old.where("patternProperties")
        yield Change("contract/pattern-property-added", place, after[pattern].pointer, turn, said)


def _names_only(place: Spot) -> Json:
    keywords = ("properties", "patternProperties", "additionalProperties")
    return {keyword: place.value(keyword) for keyword in keywords if place.words(keyword)}


def _others(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    """What is not declared: closed, open, or of a schema."""
    for keyword in OTHERS:
        before = old.word(keyword) or Word(True, old.pointer)
        after = new.word(keyword) or Word(True, new.pointer)
        both_schemas = isinstance(before.value, dict) and isinstance(after.value, dict)
        if both_schemas or to_json(before.value) == to_json(after.value):
            continue
        turn = direction(before.value, old.root, after.value, new.root)
        fate, said = _FATES.get(after.value if isinstance(after.value, bool) else None, ("", ""))
        rule = fate or f"others-{ENDS[turn]}"
        message = f"{whole(path)}: {said or 'undeclared properties have another schema'}"
        yield Change(f"contract/{rule}", before.pointer, after.pointer, turn, message)


_FATES: Final[dict[bool | None, tuple[str, str]]] = {
    True: ("opened", "any undeclared property is allowed now"),
    False: ("closed", "undeclared properties are no longer allowed"),
}
