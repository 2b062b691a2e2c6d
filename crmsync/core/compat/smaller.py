"""How small can a record be made that still shows something?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, TypeAlias

from crmsync.core.compat.draw import texts
from crmsync.core.model import Json, to_json

Test: TypeAlias = Callable[[Json], bool]

_PASSES: Final = 4
_PLACES: Final = 20  # before the point; a larger number has no use for rounding


def weight(value: Json) -> tuple[int, int, bytes]:
    """The shorter text is the smaller value, then the plainer one."""
    text = to_json(value)
    return len(text), sum(byte not in _PLAIN for byte in text), text


_PLAIN: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def smallest(value: Json, holds: Test) -> Json:
    """As small as single steps make it while `holds` does."""
    for _ in range(_PASSES):
        before = value
        value = _smaller(value, holds)
        if weight(value) == weight(before):
            break
    return value


def _smaller(value: Json, holds: Test) -> Json:
    for simple in _simple(value):
        if weight(simple) < weight(value) and holds(simple):
            value = simple
    if isinstance(value, dict):
        return _smaller_object(value, holds)
    if isinstance(value, list):
        return _smaller_list(value, holds)
    return value


def _smaller_object(value: dict[str, Json], holds: Test) -> dict[str, Json]:
    for name in sorted(value):
        without = {each: part for each, part in value.items() if each != name}
        value = without if holds(without) else value
    for name in sorted(value):
        renamed = {("x" if each == name else each): part for each, part in value.items()}
        if len(name) > 1 and "x" not in value and holds(renamed):
            value, name = renamed, "x"
        value = value | {name: _smaller(value[name], _inside(value, name, holds))}
    return value


def _inside(value: dict[str, Json], name: str, holds: Test) -> Test:
    return lambda part: holds({**value, name: part})


def _smaller_list(value: list[Json], holds: Test) -> list[Json]:
    for half in (value[: len(value) // 2], value[len(value) // 2 :]):
        value = half if holds(half) else value
    for at in reversed(range(min(len(value), _SHORT))):
        without = [*value[:at], *value[at + 1 :]]
        value = without if holds(without) else value
    for at in range(min(len(value), _SHORT)):
        value = [*value[:at], _smaller(value[at], _item(value, at, holds)), *value[at + 1 :]]
    return value


def _item(value: list[Json], at: int, holds: Test) -> Test:
    return lambda part: holds([*value[:at], part, *value[at + 1 :]])


_SHORT: Final = 100


def _simple(value: Json) -> Iterator[Json]:
    """Simpler ones of any type, the nearest last."""
    yield from (0, None, "", [], {}, False)
    match value:
        case str():
            yield from (
                *texts.SIMPLEST,
                "a",
                "a" * len(value),
                "0" * len(value),
                value[1:],
                value[:-1],
                *_halves(value),
            )
        case Decimal():
            yield from (1, Decimal("0.5"), Decimal("0.1"), Decimal("0.01"), Decimal("0.001"), abs(value))
            if value.adjusted() < _PLACES:
                yield from (int(value), value - int(value), round(value, 3), round(value, 1), *_TENTHS)
        case int():
            yield from (*_UNITS, value // 10, abs(value))


_UNITS: Final = (*range(-9, 0), *range(1, 20))
_TENTHS: Final = tuple(Decimal(tenths) / 10 for tenths in range(-99, 100))


def _halves(text: str) -> Iterator[str]:
    while len(text) > 1:
        text = text[: len(text) // 2]
        yield text
