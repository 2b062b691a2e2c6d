"""Which value of the source shows that the target refuses what a chain makes of it?

The types suspect; a value that passes the chain and breaks the target proves. The simplest one is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Final, TypeAlias

import jsonschema_rs

from crmsync.core.compat.draw import some
from crmsync.core.compat.regular import Language, Unregular
from crmsync.core.model import ABSENT, Json, to_json
from crmsync.core.types.bounds import high, low
from crmsync.core.types.fit import Misfit, Target
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View
from crmsync.core.types.written import Writer
from crmsync.core.values import Unfit

Cross: TypeAlias = Callable[[Json], Json]
"""A compiled chain: raises `Unfit`, or LookupError where an entity would have to be loaded."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`value` of the source becomes `result`, which the target refuses."""

    misfit: Misfit
    value: Json
    result: Json


def proofs(
    misfits: Sequence[Misfit], values: Iterable[Json], cross: Cross, target: Target
) -> tuple[dict[str, Proof], tuple[Misfit, ...]]:
    """What is proven, by the misfit's words, with the simplest of `values`; and what is only suspected."""
    open_ones = {each.what: each for each in misfits}
    found: dict[str, Proof] = {}
    for value in values:
        if not open_ones:
            break
        result = crossed(value, cross)
        if result is ABSENT or target.takes(result):
            continue
        for what, misfit in list(open_ones.items()):
            if misfit.breaks(result):
                found[what] = Proof(misfit, value, result)
                del open_ones[what]
    return found, tuple(open_ones.values())


def crossed(value: Json, cross: Cross) -> Json:
    """The value on the other side; ABSENT where it is refused on the way."""
    try:
        return cross(value)
    except (Unfit, LookupError):
        return ABSENT


# Values to try ---------------------------------------------------------------------------------------------

_SEEDS: Final = 5
_LISTED: Final = 60
_DEEPEST: Final = 2
LONGEST: Final = 100_000
_SPECIMENS: Final = (
    "a", "1", "ab", "2024-02-29", "2024-05-31T10:00:00+02:00", "2024-05-31T10:00:00.123456Z", "jana@firma.sk",
    "+421905123456", "31333532", "SK2020332217", "www.firma.sk", "Žltý kôň, s.r.o.", "áno", "12.345", "a b c", "a/b.c",
)  # fmt: skip
_NUMBERS: Final = (
    0, 1, -1, 2, 7, 100, 255, 10**6, -(10**6), Decimal("0.5"), Decimal("1.25"), Decimal("0.125"), Decimal("0.0001"),
    Decimal("1234.5678"),
)  # fmt: skip


def values_of(schema: Json, lengths: Sequence[int] = (), depth: int = 0) -> list[Json]:
    """Values of a schema at the edges of what it allows, texts and lists of these lengths too; the simple ones first,
    blank text last."""
    if schema is False:
        return []
    is_one = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid
    root = Root(schema)
    writer = Writer(root)
    found: dict[bytes, Json] = {}
    for value in chain.from_iterable(_of(view, writer, lengths, depth) for view in root.record.alternatives):
        if is_one(value):
            found.setdefault(to_json(value), value)
    return sorted(found.values(), key=lambda value: (is_blank(value), len(to_json(value)), to_json(value)))


def drawn_from(schema: Json) -> Iterator[Json]:
    """Values of a schema whose edges say little of them: of patterns, formats and objects."""
    root = Root(schema)
    writer = Writer(root)
    for view in root.record.alternatives:
        if view.values is None and (view.kind == "object" or view.limits("pattern") or view.limits("format")):
            yield from some(writer.written(Type((view,))), _SEEDS)


def is_blank(value: Json) -> bool:
    """Whether nothing but white space stands in a text."""
    return isinstance(value, str) and value != "" and not value.strip()


def _of(view: View, writer: Writer, lengths: Sequence[int], depth: int) -> Iterator[Json]:
    if view.values is not None:
        yield from view.values[:_LISTED]
        return
    match view.kind:
        case "boolean":
            yield from (True, False)
        case "null":
            yield None
        case "text":
            yield from _texts(view, lengths)
        case "number":
            yield from _numbers(view)
        case "list" if depth < _DEEPEST:
            yield from _lists(view, writer, lengths, depth + 1)
        case "object":
            yield from some(writer.written(Type((view,))), 1)


def _texts(view: View, lengths: Sequence[int]) -> Iterator[Json]:
    wanted = sorted({view.least, *lengths, *([view.most] if view.most is not None else [])})
    wanted = [length for length in wanted if view.least <= length <= min(LONGEST, view.most or LONGEST)]
    if view.limits("pattern"):
        yield from filter(None, (_of_pattern(view, length) for length in wanted))
    yield from ("x" * length for length in wanted)
    yield from _SPECIMENS
    yield from ("", " ", " " * view.least)


def _of_pattern(view: View, least: int) -> str | None:
    """A text that matches, and is at least so long."""
    with suppress(Unregular):
        return Language(tuple(view.limits("pattern")), (), least, view.most).shortest()
    return None


def _numbers(view: View) -> Iterator[Json]:
    yield from _NUMBERS
    for bound in filter(None, (low(view), high(view))):
        yield from (bound.value, bound.value + 1, bound.value - 1)
    for unit in map(Decimal, view.limits("multipleOf")):
        yield from (unit, -unit, 3 * unit)


def _lists(view: View, writer: Writer, lengths: Sequence[int], depth: int) -> Iterator[Json]:
    inner = values_of(writer.written(view.elements), lengths, depth)
    yield []
    yield from ([each] for each in inner[:_LISTED])
    if inner:
        filled = [each for each in inner if each is not None] or inner
        counts = sorted({view.least, *lengths, *([view.most] if view.most is not None else [])})
        yield from ([filled[at % len(filled)] for at in range(count)] for count in counts if count <= LONGEST)
        yield from ([each] * max(view.least, 2) for each in filled[:2])
        longest = max(filled, key=lambda value: (not is_blank(value), len(to_json(value))))
        yield [longest] * min(view.most or 10, 50)
    fixed = [values_of(writer.written(view.element(at)), lengths, depth) for at in range(min(view.fixed, 8))]
    if fixed and all(fixed):
        most = max(map(len, fixed))
        yield from ([each[min(at, len(each) - 1)] for each in fixed] for at in range(most))
