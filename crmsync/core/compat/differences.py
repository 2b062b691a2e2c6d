"""In which parts do two schemas differ, and which values would tell?

Walks both side by side and looks at one part at a time, so that it is quick where the whole would be slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from crmsync.core.compat import hints
from crmsync.core.compat.canonical import Canonical, Uncanonical
from crmsync.core.compat.choices import Choices, Seeded, Simplest
from crmsync.core.compat.draw import Undrawable, drawing
from crmsync.core.compat.facts import Facts, extent
from crmsync.core.contract.shape import is_alone, subschemas
from crmsync.core.contract.violation import Place
from crmsync.core.model import ABSENT, Json, to_json

Telling: TypeAlias = tuple[Place, Json]
"""A value for a place of a record; ABSENT to leave the place out."""

_DEEP: Final = 6
_SMALL: Final = 25  # schemas within a schema; a larger difference takes too long to work out


def telling(inner: Json, outer: Json) -> Iterator[Telling]:
    """Values that the one may take and the other may not, place by place, the likeliest of each place first."""
    yield from _Walk().between((), Facts((inner,), inner), Facts((outer,), outer))


class _Walk:
    def __init__(self) -> None:
        self._seen: set[tuple[bytes, bytes]] = set()

    def between(self, place: Place, inner: Facts, outer: Facts) -> Iterator[Telling]:
        pair = inner.key, outer.key
        if len(place) > _DEEP or pair in self._seen or (pair[0] == pair[1] and _is_self_contained(inner)):
            return
        self._seen.add(pair)
        if inner.may_be("object"):
            yield from self._objects(place, inner, outer)
        if inner.may_be("array"):
            yield from self._lists(place, inner, outer)
        yield from self._alternatives(place, inner, outer)
        yield from ((place, value) for value in _values(inner, outer))

    def _alternatives(self, place: Place, inner: Facts, outer: Facts) -> Iterator[Telling]:
        """Each alternative of the one against those of the other that it may be; what tells is put into a value."""
        for part, branch in _branches(inner):
            left = inner.instead(part, branch)
            for other, counterpart in _branches(outer):
                right = outer.instead(other, counterpart)
                if to_json(branch) == to_json(counterpart) or left.is_told_apart(right):
                    continue
                bases = list(_drawn(left.alone, 1))
                for inside, value in self.between((), left, right):
                    yield from ((place, planted(base, inside, value)) for base in bases)

    def _objects(self, place: Place, inner: Facts, outer: Facts) -> Iterator[Telling]:
        for name in sorted(outer.required - inner.required):
            yield (*place, name), ABSENT
        for name in _names(inner, outer):
            left, right = inner.property(name), outer.property(name)
            if right.is_nothing and not left.is_nothing:
                yield from (((*place, name), value) for value in _drawn(left.alone, 2))
            yield from self.between((*place, name), left, right)

    def _lists(self, place: Place, inner: Facts, outer: Facts) -> Iterator[Telling]:
        for at in range(min(max(inner.longest_prefix, outer.longest_prefix) + 1, 5)):
            yield from self.between((*place, at), inner.item(at), outer.item(at))


def _branches(facts: Facts) -> Iterator[tuple[dict[str, Json], Json]]:
    """Each alternative, with the part that it is an alternative of and what else that part says."""
    for part in facts.dicts:
        for keyword in ("anyOf", "oneOf"):
            rest = {each: value for each, value in part.items() if each != keyword}
            yield from ((part, {"allOf": [rest, branch]}) for branch in part.get(keyword, ()))


def _is_self_contained(given: Facts) -> bool:
    return all(map(is_alone, given.parts))


def _names(inner: Facts, outer: Facts) -> list[str]:
    """Names that either of them knows, and one that none does."""
    patterned = [part for facts in (inner, outer) for part in facts.dicts if "patternProperties" in part]
    drawn = hints.names(*({"patternProperties": part["patternProperties"]} for part in patterned)) if patterned else []
    return sorted({*inner.names, *outer.names, *inner.required, *drawn, "x"})


def _values(inner: Facts, outer: Facts) -> Iterator[Json]:
    left, right = inner.alone, outer.alone
    if max(size(left), size(right)) <= _SMALL:
        yield from _of_difference(left, right)
    if max(map(extent, (left, right))) <= _SMALL:
        yield from hints.values(left, right)
    yield from _drawn(left, 2)


def size(schema: Json) -> int:
    """How long a difference takes to work out: schemas within it, and listed values by the ten."""
    listed = (inner.get("enum", ()) for _, inner in subschemas(schema) if isinstance(inner, dict))
    return extent(schema) + sum(len(values) // 10 for values in listed)


def _of_difference(left: Json, right: Json) -> Iterator[Json]:
    try:
        difference = Canonical.of(left).minus(Canonical.of(right))
    except Uncanonical:
        return
    yield from drawn(difference, 4)


def _drawn(schema: Json, count: int) -> Iterator[Json]:
    try:
        yield from drawn(Canonical.of(schema), count)
    except Uncanonical:
        return


def drawn(schema: Canonical, count: int) -> Iterator[Json]:
    """The simplest value and some others."""
    try:
        make = drawing(schema)
    except (Undrawable, Uncanonical):
        return
    failures = 0
    sources: list[Choices] = [Simplest(), *map(Seeded, range(count))]
    for choices in sources:
        try:
            yield make(choices)
        except (Undrawable, Uncanonical):
            failures += 1
            if failures > 3:
                return


def planted(record: Json, place: Place, value: Json) -> Json:
    """The record with a value at a place, whatever must be there to hold it."""
    if not place:
        return value
    part = place[0]
    if isinstance(part, int):
        held = record if isinstance(record, list) else []
        inner = planted(held[part] if part < len(held) else ABSENT, place[1:], value)
        return [*held[:part], *([] if inner is ABSENT else [inner]), *held[part + 1 :]]
    fields = record if isinstance(record, dict) else {}
    inner = planted(fields.get(part, ABSENT), place[1:], value)
    rest = {name: each for name, each in fields.items() if name != part}
    return rest if inner is ABSENT else {**rest, part: inner}
