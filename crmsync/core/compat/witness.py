"""Which is the smallest record that one schema takes and the other does not?

It is looked for among drawn values of the difference, records of the one schema with a changed part, and drawn records;
what is found is made smaller as long as it stays one. Both validators must agree on it. The same schemas give the same
record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Final

from crmsync.core.compat import hints
from crmsync.core.compat.canonical import Canonical, Uncanonical
from crmsync.core.compat.differences import drawn, planted, size, telling
from crmsync.core.compat.judge import Judge
from crmsync.core.compat.relaxed import relaxed
from crmsync.core.compat.smaller import smallest, weight
from crmsync.core.contract.violation import Place
from crmsync.core.model import ABSENT, Json

_ENOUGH: Final = 600
_SOME: Final = 1_000


def quick_witness(inner: Judge, outer: Judge) -> Json:
    """As `witness`, looking in the likeliest places only."""
    return _least(inner, outer, _likely(inner.schema, outer.schema), 4)


def witness(inner: Judge, outer: Judge) -> Json:
    """A value that `inner` accepts and `outer` refuses, both validators say so; ABSENT where none was found."""
    return _least(inner, outer, _candidates(inner.schema, outer.schema), 3)


def _least(inner: Judge, outer: Judge, candidates: Iterable[Json], count: int) -> Json:
    """The smallest that the first few of those found can be made."""

    def seems_one(value: Json) -> bool:
        return inner.seems_valid(value) and not outer.seems_valid(value)

    def is_one(value: Json) -> bool:
        return inner.accepts(value) and outer.refuses(value)

    found = list(islice(filter(is_one, filter(seems_one, candidates)), count))
    smaller = [smallest(each, seems_one) for each in found]
    return min(filter(is_one, (*smaller, *found)), key=weight, default=ABSENT)


def _likely(inner: Json, outer: Json) -> Iterator[Json]:
    canonical = _canonical(inner)
    if canonical is None:
        yield from _without_alternatives(inner, outer)
        return
    simplest, *others = list(drawn(canonical, 2)) or [{}]
    yield from (planted(simplest, place, value) for place, value in telling(inner, outer))
    for place, value in islice(telling(inner, outer), _SOME):
        yield from (planted(record, place, value) for record in others)
    yield from drawn(canonical, 40)


def _without_alternatives(inner: Json, outer: Json) -> Iterator[Json]:
    schemas = filter(None, map(_canonical, relaxed(inner, outer)))
    records = [record for schema in schemas for record in drawn(schema, 0)] or [{}]
    yield from records
    tells = list(islice(telling(inner, outer), _SOME))
    for record in records[:_FEW]:
        yield from (planted(record, place, value) for place, value in tells)


_FEW: Final = 10


def _candidates(inner: Json, outer: Json) -> Iterator[Json]:
    left, right = _canonical(inner), _canonical(outer)
    records = [] if left is None else list(drawn(left, 6))
    values, names = hints.values(inner, outer), hints.names(inner, outer)
    yield from values
    for record in records:
        yield from islice(_changed(record, values, names), 4 * _ENOUGH)
    yield from () if left is None else drawn(left, _ENOUGH // 2)
    if left is not None and right is not None and max(map(size, (inner, outer))) <= _LARGE:
        yield from _of_difference(left, right)


def _canonical(schema: Json) -> Canonical | None:
    try:
        return Canonical.of(schema)
    except Uncanonical:
        return None


_LARGE: Final = 150  # schemas within a schema; beyond, a difference takes seconds


def _of_difference(left: Canonical, right: Canonical) -> Iterator[Json]:
    try:
        yield from drawn(left.minus(right), 40)
    except Uncanonical:
        return


# A record with one part changed --------------------------------------------------------------------


def _changed(record: Json, values: list[Json], names: list[str]) -> Iterator[Json]:
    """Each with one part left out, replaced by one of these values, or added."""
    for place, part in _places(record):
        yield from (planted(record, place, value) for value in _beside(part, values, names))
        if place and isinstance(place[-1], str):
            yield planted(record, place, ABSENT)


def _places(value: Json, place: Place = ()) -> Iterator[tuple[Place, Json]]:
    yield place, value
    parts: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = islice(enumerate(value), 3)
    for name, part in parts:
        yield from _places(part, (*place, name))


def _beside(part: Json, values: list[Json], names: list[str]) -> Iterator[Json]:
    if isinstance(part, dict):
        yield from ({**part, name: value} for name in names if name not in part for value in _TRIED)
        yield from ({**part, name: value} for name in names if name not in part for value in values)
        yield from ({name: part[name] for name in part if name != left_out} for left_out in part)
    if isinstance(part, list):
        yield from ([*part, value] for value in values)
        yield part * 2
    yield from values


_TRIED: Final[tuple[Json, ...]] = (None, "a", 1, [], {}, True, Decimal("0.5"))
