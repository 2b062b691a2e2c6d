"""What changed in the types and values that are allowed?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crmsync.core.compat.changes.change import ENDS, Change, Direction
from crmsync.core.compat.changes.spot import Spot, Word
from crmsync.core.compat.facts import TYPES, Facts, types_of
from crmsync.core.model import to_json


def _named(spot: Spot) -> frozenset[str]:
    """The types that a value may have here, by what is said of types, values and alternatives."""
    found = frozenset(TYPES)
    for keyword in ("type", "enum", "const"):
        for word in spot.words(keyword):
            found &= types_of({keyword: word.value})
    for keyword in ("anyOf", "oneOf"):
        for word in spot.words(keyword):
            found &= frozenset().union(*(Facts((each,), spot.root).types for each in word.value))
    return found


def of_types(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    before, after = _named(old), _named(new)
    places = old.where("type"), new.where("type")
    if ("null" in before) != ("null" in after):
        is_new = "null" in after
        yield Change(
            f"contract/nullable-{'added' if is_new else 'removed'}", *places, "widens" if is_new else "narrows",
            f"{path}: may {'now' if is_new else 'no longer'} be null",
        )  # fmt: skip
    before, after = before - {"null"}, after - {"null"}
    if before != after:
        turn: Direction = "widens" if before < after else "narrows" if after < before else "changes"
        yield Change(
            f"contract/type-{ENDS[turn]}", *places, turn, f"{path}: {_types_said(after)}, before {_types_said(before)}"
        )


def _types_said(types: frozenset[str]) -> str:
    if types == frozenset(TYPES) - {"null"}:
        return "any type"
    return (
        " or ".join(each for each in TYPES if each in types and not (each == "integer" and "number" in types))
        or "nothing"
    )


def of_values(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    places = _values_at(old), _values_at(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        turn: Direction = "widens" if after is None else "narrows"
        shown = _listed(before or after or {})
        said = f"{path}: {'no longer' if after is None else 'now'} one of {shown}"
        yield Change(f"contract/enum-{'removed' if after is None else 'added'}", *places, turn, said)
        return
    for text in sorted(before.keys() - after.keys() - _NULL):
        said = f"{path}: no longer {text}"
        yield Change("contract/enum-value-removed", before[text].pointer, places[1], "narrows", said)
    for text in sorted(after.keys() - before.keys() - _NULL):
        said = f"{path}: now also {text}"
        yield Change("contract/enum-value-added", places[0], after[text].pointer, "widens", said)


_NULL: Final = frozenset({"null"})  # told as nullable


def _allowed(spot: Spot) -> dict[str, Word] | None:
    """The values that every `enum` and `const` here allows, by their text."""
    lists = [_by_text(spot.at_each(word)) for word in spot.words("enum")]
    lists += [_by_text([word]) for word in spot.words("const")]
    if not lists:
        return None
    return {text: word for text, word in lists[0].items() if all(text in each for each in lists)}


def _by_text(words: list[Word]) -> dict[str, Word]:
    return {to_json(word.value).decode(): word for word in words}


def _values_at(spot: Spot) -> str:
    return spot.where("enum" if spot.words("enum") else "const")


def _listed(values: dict[str, Word]) -> str:
    texts = list(values)
    return ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")
