"""Which values of the source might a target refuse, where the simple ones of `proof` all pass?

Those that grow on their way (a separator in every place, ß in capitals), that lie as near to a bound as can be, that
the target speaks of, or that are drawn. Usual ones come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import chain, islice
from typing import Final

import jsonschema_rs

from crmsync.core.compat.canonical import Uncanonical
from crmsync.core.compat.choices import Seeded
from crmsync.core.compat.draw import Undrawable, drawing_of
from crmsync.core.contract.shape import subschemas
from crmsync.core.model import Chain, Json
from crmsync.core.types.bounds import high, low
from crmsync.core.types.proof import LONGEST
from crmsync.core.types.root import Root
from crmsync.core.types.views import Type, View
from crmsync.core.types.written import Writer

GROWING: Final = frozenset("ßŉﬃİΐ")
"""Letters that become several ones in capitals, in small ones, or without their accents."""

_DRAWN: Final = 24
_WORDS: Final = 40
_SPELLED: Final = ("9E10", "9e99", "-1", "-0.5", "0.00001", "1e-9", "999999999999")
_PLACES: Final = tuple(map(Decimal, ("1", "0.1", "0.01", "0.0001")))


def edges(schema: Json, steps: Chain, target: Json, lengths: Sequence[int] = ()) -> Iterator[Json]:
    """Values of `schema`; `steps` lead to `target`, and `lengths` are of interest there."""
    is_one = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid
    root = Root(schema)
    writer, words, pieces = Writer(root), tuple(_words(target)), tuple(_pieces(steps))
    views = [view for view in root.record.alternatives if view.values is None]
    found = (_of(view, writer, words, pieces, lengths) for view in views)
    rare = (_grown(view, sorted(GROWING), lengths) for view in views if view.kind == "text")
    yield from filter(is_one, chain.from_iterable((*found, *rare)))


def _of(
    view: View, writer: Writer, words: Sequence[Json], pieces: Sequence[str], lengths: Sequence[int]
) -> Iterator[Json]:
    match view.kind:
        case "text":
            yield from _spoken(words)
            yield from _SPELLED
            yield from _grown(view, pieces, lengths)
        case "number":
            yield from _near(view)
            yield from (word for word in words if isinstance(word, int | Decimal) and not isinstance(word, bool))
        case "list":
            yield from _lists(view, writer, words, pieces, lengths)
    if view.kind in ("text", "list", "object"):
        yield from _drawn(writer.written(Type((view,))))


def _words(target: Json) -> Iterator[Json]:
    """The scalars that a schema speaks of, be it to leave them out."""
    for _, each in subschemas(target):
        if isinstance(each, dict):
            found = [*each.get("enum", ()), *([each["const"]] if "const" in each else [])]
            yield from (value for value in found[:_WORDS] if not isinstance(value, list | dict))


def _spoken(words: Iterable[Json]) -> Iterator[str]:
    """As somebody might write them."""
    for word in words:
        if isinstance(word, str):
            yield from (word, word.lower(), word.upper(), word.capitalize(), f" {word} ")


def _pieces(steps: Chain) -> Iterator[str]:
    """The texts that a chain looks for: each may stand in every place."""
    for call in steps:
        args = call.args.values() if isinstance(call.args, dict) else (call.args,)
        yield from (each for each in args if isinstance(each, str) and 0 < len(each) <= 3)


def _grown(view: View, pieces: Iterable[str], lengths: Sequence[int]) -> Iterator[str]:
    wanted = {view.least, *lengths, *range(1, 5), *([view.most] if view.most is not None else [])}
    sizes = [size for size in sorted(wanted) if view.least <= size <= min(LONGEST, view.most or LONGEST)]
    for piece in pieces:
        for size in sizes:
            yield (piece * size)[:size]
            yield (f"x{piece}" * size)[:size]


def _near(view: View) -> Iterator[Json]:
    """As near to the bounds as there are numbers."""
    units = [*map(Decimal, view.limits("multipleOf")), *_PLACES]
    for bound, way in ((high(view), -1), (low(view), 1)):
        if bound is not None:
            yield from (Decimal(bound.value) + way * step * unit for unit in units for step in (1, 2, 3))


def _lists(
    view: View, writer: Writer, words: Sequence[Json], pieces: Sequence[str], lengths: Sequence[int]
) -> Iterator[Json]:
    for element in view.elements.alternatives:
        if element.kind in ("text", "number") and element.values is None:
            for value in islice(_of(element, writer, words, pieces, lengths), 3 * _WORDS):
                yield [value] * max(view.least, 1)


def _drawn(schema: Json) -> Iterator[Json]:
    try:
        draw = drawing_of(schema)
    except Uncanonical:
        return
    for seed in range(_DRAWN):
        with suppress(Undrawable):
            yield draw(Seeded(seed))
