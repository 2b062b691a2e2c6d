"""What does another value of one keyword change?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from crmsync.core.compat.changes.change import ENDS, Change, Direction, direction
from crmsync.core.compat.changes.spot import Spot, Word
from crmsync.core.compat.changes.values import of_types, of_values
from crmsync.core.model import Json, to_json


def of_keywords(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    yield from of_types(old, new, path)
    yield from of_values(old, new, path)
    for keyword, (family, sign) in BOUNDS.items():
        yield from _bound(old, new, path, keyword, family, sign)
    for keyword, family in ASSERTED.items():
        yield from _asserted(old, new, path, keyword, family)
    yield from _notes(old, new, path)


# Bounds ------------------------------------------------------------------------------------------------

BOUNDS: Final[dict[str, tuple[str, int]]] = {
    "minLength": ("length", -1), "maxLength": ("length", 1), "minimum": ("range", -1), "maximum": ("range", 1),
    "exclusiveMinimum": ("range", -1), "exclusiveMaximum": ("range", 1), "minItems": ("count", -1),
    "maxItems": ("count", 1), "minProperties": ("count", -1), "maxProperties": ("count", 1),
    "minContains": ("count", -1), "maxContains": ("count", 1),
}  # fmt: skip
_TIGHTEST: Final[dict[int, Callable[..., Word]]] = {-1: max, 1: min}


def _bound(old: Spot, new: Spot, path: str, keyword: str, family: str, sign: int) -> Iterator[Change]:
    before, after = _tightest(old, keyword, sign), _tightest(new, keyword, sign)
    if before is None and after is None:
        return
    if before is not None and after is not None:
        if before.value == after.value:
            return
        turn: Direction = "widens" if (after.value > before.value) == (sign > 0) else "narrows"
    else:
        turn = "widens" if after is None else "narrows"
    places = (before.pointer if before else old.pointer), (after.pointer if after else new.pointer)
    said = "no limit" if after is None else after.value, "no limit" if before is None else before.value
    yield Change(f"contract/{family}-{ENDS[turn]}", *places, turn, f"{path}: {keyword} {said[0]}, before {said[1]}")


def _tightest(spot: Spot, keyword: str, sign: int) -> Word | None:
    return _TIGHTEST[sign](spot.words(keyword), key=lambda word: word.value, default=None)


# Other assertions ----------------------------------------------------------------------------------------

ASSERTED: Final = {
    "pattern": "pattern", "format": "format", "multipleOf": "multiple", "uniqueItems": "unique", "contains": "contains",
    "propertyNames": "names", "unevaluatedItems": "unevaluated", "dependentSchemas": "dependency",
    "dependentRequired": "dependency", "$dynamicRef": "reference",
}  # fmt: skip


def _asserted(old: Spot, new: Spot, path: str, keyword: str, family: str) -> Iterator[Change]:
    before, after = _said(old, keyword), _said(new, keyword)
    if before == after:
        return
    places = old.where(keyword), new.where(keyword)
    if not after:
        said = f"{path}: {keyword} {_shown(old, keyword)} removed"
        yield Change(f"contract/{family}-removed", *places, "widens", said)
    elif not before:
        said = f"{path}: {keyword} {_shown(new, keyword)} added"
        yield Change(f"contract/{family}-added", *places, "narrows", said)
    else:
        turn = direction(_alone(old, keyword), old.root, _alone(new, keyword), new.root)
        said = f"{path}: {keyword} {_shown(new, keyword)}, before {_shown(old, keyword)}"
        yield Change(f"contract/{family}-{ENDS[turn]}", *places, turn, said)


def _said(spot: Spot, keyword: str) -> list[bytes]:
    """What is said; `uniqueItems: false` says nothing."""
    return sorted(to_json(word.value) for word in spot.words(keyword) if word.value is not False)


def _alone(spot: Spot, keyword: str) -> Json:
    return {"allOf": [{keyword: word.value} for word in spot.words(keyword)]}


def _shown(spot: Spot, keyword: str) -> str:
    value = spot.value(keyword)
    text = value if isinstance(value, str) else to_json(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


# Notes: nothing that a record could break -----------------------------------------------------------------

NOTED: Final = {
    "default": "default-changed", "x-pii": "pii-changed", "readOnly": "access-changed", "writeOnly": "access-changed",
    "title": "annotation-changed", "description": "annotation-changed", "examples": "annotation-changed",
    "x-deprecated": "deprecation-changed", "x-replaced-by": "deprecation-changed",
}  # fmt: skip


def _notes(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    own = {keyword for spot in (old, new) for keyword in spot.said if keyword.startswith("x-")}
    for keyword in sorted(own | NOTED.keys()):
        if _noted(old, keyword) != _noted(new, keyword):
            rule = NOTED.get(keyword, "annotation-changed")
            said = f"{path}: {keyword} {_fate(old, new, keyword)}"
            yield Change(f"contract/{rule}", old.where(keyword), new.where(keyword), "none", said)
    before, after = bool(old.value("deprecated")), bool(new.value("deprecated"))
    if before != after:
        rule = "deprecated" if after else "undeprecated"
        said = f"{path}: {'is now' if after else 'is no longer'} deprecated"
        yield Change(f"contract/{rule}", old.where("deprecated"), new.where("deprecated"), "none", said)


def _noted(spot: Spot, keyword: str) -> bytes | None:
    word = spot.word(keyword)
    return None if word is None or (keyword in _FLAGS and word.value is False) else to_json(word.value)


_FLAGS: Final = ("readOnly", "writeOnly", "x-pii")


def _fate(old: Spot, new: Spot, keyword: str) -> str:
    if _noted(old, keyword) is None or _noted(new, keyword) is None:
        return "removed" if _noted(new, keyword) is None else "added"
    return "changed"
