"""What does a schema say at one place, and where in the document does each word of it stand?

References and `allOf` are followed, so that the same rule is found wherever it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from crmsync.core.contract.pointer import pointer_to
from crmsync.core.contract.shape import target
from crmsync.core.model import Json

_FOLLOWED: Final = frozenset({"$ref", "allOf", "$defs", "definitions", "$id", "$anchor", "$schema"})


class Word(NamedTuple):
    """One keyword's value, and the JSON pointer of the keyword."""

    value: Json
    pointer: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a schema. `said`: for each keyword, all that is said with it; more than once only through `allOf`."""

    schema: Json
    pointer: str
    root: Json
    said: dict[str, list[Word]] = field(default_factory=dict)

    def words(self, keyword: str) -> list[Word]:
        return self.said.get(keyword, [])

    def word(self, keyword: str) -> Word | None:
        found = self.words(keyword)
        return found[0] if found else None

    def value(self, keyword: str) -> Json:
        found = self.word(keyword)
        return None if found is None else found.value

    def where(self, keyword: str) -> str:
        """The pointer of a keyword, of the place itself where it is not there."""
        found = self.word(keyword)
        return self.pointer if found is None else found.pointer

    def named(self, keyword: str) -> dict[str, Word]:
        """What stands under a keyword by name: schemas of properties, of patterns."""
        return {
            name: Word(inner, below(word.pointer, name))
            for word in reversed(self.words(keyword))
            for name, inner in word.value.items()
        }

    def listed(self, keyword: str) -> list[Word]:
        """What stands under a keyword in a list, each with its pointer."""
        return [inner for word in self.words(keyword) for inner in self.at_each(word)]

    @staticmethod
    def at_each(word: Word) -> list[Word]:
        return [Word(inner, below(word.pointer, at)) for at, inner in enumerate(word.value)]

    def at(self, word: Word) -> Spot:
        return spot(word.value, word.pointer, self.root)


def spot(schema: Json, pointer: str, root: Json) -> Spot:
    found: dict[str, list[Word]] = {}
    for part, place in _parts(schema, pointer, root):
        for keyword, value in part.items():
            if keyword not in _FOLLOWED:
                found.setdefault(keyword, []).append(Word(value, below(place, keyword)))
    return Spot(schema, pointer, root, found)


def _parts(schema: Json, pointer: str, root: Json) -> Iterator[tuple[dict[str, Json], str]]:
    """The schema and all that must hold beside it, each with its pointer."""
    seen: set[str] = set()
    todo = [(schema, pointer)]
    while todo:
        part, place = todo.pop(0)
        if not isinstance(part, dict) or place in seen:
            continue
        seen.add(place)
        yield part, place
        if str(part.get("$ref", "")).startswith("#"):
            todo.append((target(part["$ref"], root), _pointer(part["$ref"], place)))
        todo += [(inner, below(below(place, "allOf"), at)) for at, inner in enumerate(part.get("allOf", ()))]


def _pointer(reference: str, place: str) -> str:
    """Where it leads; an anchor is told by the place that names it."""
    fragment = reference[1:]
    return fragment if fragment.startswith("/") or not fragment else below(place, "$ref")


def below(pointer: str, part: str | int) -> str:
    return pointer + pointer_to((part,))
