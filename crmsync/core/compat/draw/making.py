"""What is a maker of values, and how do makers combine?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import jsonschema_rs

from crmsync.core.compat.canonical import Canonical
from crmsync.core.compat.choices import Choices, happens, nudged, one_of
from crmsync.core.compat.draw import numbers, texts
from crmsync.core.model import Json

Maker: TypeAlias = Callable[[Choices, int], Json]
"""Makes a value from choices, so many levels down. Raises Undrawable."""

TRIES: Final = 20
DEEP: Final = 5  # from here on the simplest alternatives are taken
DEEPEST: Final = 40
MANY: Final = 3_000


class Undrawable(ValueError):
    """No value of this schema was found: it may have none, or is too involved."""


def judge(schema: Canonical) -> Callable[[Json], bool]:
    """What the validator says of values of a schema, compiled when it is first asked."""
    compiled: list[Callable[[Json], bool]] = []

    def valid(value: Json) -> bool:
        if not compiled:
            compiled.append(_validator(schema))
        return compiled[0](value)

    return valid


def _validator(schema: Canonical) -> Callable[[Json], bool]:
    try:
        made = jsonschema_rs.Draft202012Validator(schema.schema, validate_formats=True, offline=True)
    except ValueError as error:
        raise Undrawable(str(error).splitlines()[0]) from error
    return made.is_valid


def trying(maker: Maker, valid: Callable[[Json], bool]) -> Maker:
    def tried(choices: Choices, depth: int) -> Json:
        for attempt in range(TRIES):
            value = maker(nudged(choices, attempt), depth)
            if valid(value):
                return value
        raise Undrawable("nothing valid was found")

    return tried


def found(maker: Callable[[Choices], Json]) -> Maker:
    def made(choices: Choices, depth: int) -> Json:
        value = maker(choices)
        if value is None:
            raise Undrawable("nothing fits these bounds")
        return value

    return made


def alternatives(makers: list[Maker]) -> Maker:
    """One of them; where it comes to nothing, another one."""

    def made(choices: Choices, depth: int) -> Json:
        if depth > DEEPEST:
            raise Undrawable("too deep")
        first = choices.integer(0, len(makers) - 1) if depth <= DEEP and makers else 0
        for at in range(len(makers)):
            try:
                return makers[(first + at) % len(makers)](choices, depth)
            except Undrawable:
                continue
        raise Undrawable("no alternative has a value")

    return made


def anything(choices: Choices, depth: int) -> Json:
    kinds = _ANY if depth < DEEP else _ANY[:4]
    return one_of(choices, kinds)(choices, depth)


def _any_text(choices: Choices, depth: int) -> Json:
    if happens(choices, 4):
        return one_of(choices, texts.DRESSED)
    return texts.of_length(choices, 0, None)


def _any_list(choices: Choices, depth: int) -> Json:
    return [anything(choices, depth + 2) for _ in range(choices.integer(0, 2))]


def _any_object(choices: Choices, depth: int) -> Json:
    return {one_of(choices, NAMES): anything(choices, depth + 2) for _ in range(choices.integer(0, 2))}


NAMES: Final = ("a", "b", "x", "name", "", "é", "a b", "0", "__c", "S_1", "x-y", "$ref")
_WHOLE: Final = numbers.window(None, None, [], is_whole=True)
_CENTS: Final = numbers.window(None, None, [], is_whole=False, fine=2)
BARE: Final[dict[str, Maker]] = {
    "null": lambda choices, depth: None,
    "boolean": lambda choices, depth: bool(choices.integer(0, 1)),
    "integer": lambda choices, depth: _WHOLE.drawn(choices),
    "number": lambda choices, depth: one_of(choices, (_WHOLE, _CENTS)).drawn(choices),
    "string": _any_text,
    "array": _any_list,
    "object": _any_object,
}
_ANY: Final = tuple(BARE[each] for each in ("null", "boolean", "integer", "string", "number", "array", "object"))
