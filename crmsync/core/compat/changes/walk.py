"""In which places do two schemas differ?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crmsync.core.compat.changes import objects
from crmsync.core.compat.changes.change import ENDS, TURNED, Change, Direction, direction, whole
from crmsync.core.compat.changes.keywords import of_keywords
from crmsync.core.compat.changes.spot import Spot, Word
from crmsync.core.contract.shape import is_alone
from crmsync.core.model import Json, to_json


class Walk:
    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def between(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        """Changes here and below. Recursion ends where a pair of places was seen before."""
        if (old.pointer, new.pointer) in self._seen:
            return
        self._seen.add((old.pointer, new.pointer))
        if to_json(old.schema) == to_json(new.schema) and is_alone(old.schema):
            return
        if isinstance(old.schema, bool) or isinstance(new.schema, bool):
            yield from _as_a_whole(old, new, path)
            return
        yield from of_keywords(old, new, whole(path))
        yield from objects.of_names(old, new, path)
        yield from self._objects(old, new, path)
        yield from self._lists(old, new, path)
        yield from self._alternatives(old, new, path)
        yield from self._conditions(old, new, path)
        yield from self._exclusions(old, new, path)

    def _both(self, old: Spot, new: Spot, left: Word | None, right: Word | None, path: str) -> Iterator[Change]:
        """Where nothing is said, anything goes."""
        if left is not None or right is not None:
            before, after = left or Word(True, old.pointer), right or Word(True, new.pointer)
            yield from self.between(old.at(before), new.at(after), path)

    def _objects(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        for keyword in ("properties", "patternProperties"):
            before, after = old.named(keyword), new.named(keyword)
            both = sorted(before.keys() & after.keys())
            for name in sorted(both, key=lambda each: len(to_json(before[each].value))):  # the shortest way to a place
                inner = objects.dotted(path, name) if keyword == "properties" else f"{path}/{name}/"
                yield from self.between(old.at(before[name]), new.at(after[name]), inner)
        for keyword in objects.OTHERS:
            left, right = old.word(keyword), new.word(keyword)
            if left and right and isinstance(left.value, dict) and isinstance(right.value, dict):
                yield from self.between(old.at(left), new.at(right), objects.dotted(path, "*"))

    def _lists(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        before, after = old.listed("prefixItems"), new.listed("prefixItems")
        for at in range(max(len(before), len(after))):
            left = before[at] if at < len(before) else old.word("items")
            right = after[at] if at < len(after) else new.word("items")
            yield from self._both(old, new, left, right, f"{path}[{at}]")
        yield from self._both(old, new, old.word("items"), new.word("items"), f"{path}[]")

    def _alternatives(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        for keyword in ("anyOf", "oneOf"):
            if not old.words(keyword) or not new.words(keyword):
                yield from _alternatives_as_such(old, new, path, keyword)
                continue
            before, after = _but_equal(old.listed(keyword), new.listed(keyword))
            pairs = list(zip(before, after, strict=False)) if len(before) == len(after) else []
            for left, right in pairs:
                yield from self.between(old.at(left), new.at(right), f"{path}({keyword})")
            if not pairs:
                yield from _come_and_gone(old, new, path, keyword, before, after)

    def _conditions(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        before, after = _conditional(old), _conditional(new)
        for text in sorted(before.keys() & after.keys()):
            for keyword in ("then", "else"):
                yield from self._both(
                    old, new, before[text].get(keyword), after[text].get(keyword), f"{path}({keyword})"
                )
        for text in sorted(before.keys() - after.keys()):
            said = f"{whole(path)}: a condition was removed"
            yield Change("contract/condition-removed", before[text]["if"].pointer, new.pointer, "widens", said)
        for text in sorted(after.keys() - before.keys()):
            said = f"{whole(path)}: a condition was added"
            yield Change("contract/condition-added", old.pointer, after[text]["if"].pointer, "narrows", said)

    def _exclusions(self, old: Spot, new: Spot, path: str) -> Iterator[Change]:
        before, after = _but_equal(old.words("not"), new.words("not"))
        pairs = list(zip(before, after, strict=False))
        for left, right in pairs:
            for change in self.between(old.at(left), new.at(right), f"{path}(not)"):
                yield replace(change, direction=TURNED[change.direction])
        for word in before[len(pairs) :]:
            said = f"{whole(path)}: an exclusion was removed"
            yield Change("contract/exclusion-removed", word.pointer, new.pointer, "widens", said)
        for word in after[len(pairs) :]:
            said = f"{whole(path)}: an exclusion was added"
            yield Change("contract/exclusion-added", old.pointer, word.pointer, "narrows", said)


def _as_a_whole(old: Spot, new: Spot, path: str) -> Iterator[Change]:
    """One of them takes anything, or nothing."""
    turn = direction(old.schema, old.root, new.schema, new.root)
    if turn != "none":
        said = f"{whole(path)}: {_kind(new.schema)}, before {_kind(old.schema)}"
        yield Change(f"contract/schema-{ENDS[turn]}", old.pointer, new.pointer, turn, said)


def _kind(schema: Json) -> str:
    return "anything" if schema in (True, {}) else "nothing" if schema is False else "what a schema says"


def _but_equal(before: list[Word], after: list[Word]) -> tuple[list[Word], list[Word]]:
    """Both without what stands in both."""
    left, right = ({to_json(word.value) for word in words} for words in (before, after))
    return (
        [word for word in before if to_json(word.value) not in right],
        [word for word in after if to_json(word.value) not in left],
    )


def _alternatives_as_such(old: Spot, new: Spot, path: str, keyword: str) -> Iterator[Change]:
    if not old.words(keyword) and not new.words(keyword):
        return
    fate = "removed" if old.words(keyword) else "added"
    turn = direction(old.schema, old.root, new.schema, new.root)
    said = f"{whole(path)}: {keyword} was {fate}"
    yield Change(f"contract/alternatives-{fate}", old.where(keyword), new.where(keyword), turn, said)


def _come_and_gone(
    old: Spot, new: Spot, path: str, keyword: str, before: list[Word], after: list[Word]
) -> Iterator[Change]:
    turn = _of_alternatives(old, new, keyword) if before or after else "none"
    for word in before:
        said = f"{whole(path)}: an alternative was removed"
        yield Change("contract/alternative-removed", word.pointer, new.where(keyword), turn, said)
    for word in after:
        said = f"{whole(path)}: an alternative was added"
        yield Change("contract/alternative-added", old.where(keyword), word.pointer, turn, said)


def _of_alternatives(old: Spot, new: Spot, keyword: str) -> Direction:
    return direction({keyword: old.value(keyword)}, old.root, {keyword: new.value(keyword)}, new.root)


def _conditional(place: Spot) -> dict[bytes, dict[str, Word]]:
    """The conditions here by their text, each with what follows."""
    found: dict[bytes, dict[str, Word]] = {}
    for word in place.words("if"):
        around = word.pointer.removesuffix("if")
        follow = {
            keyword: each
            for keyword in ("then", "else")
            for each in place.words(keyword)
            if each.pointer == around + keyword
        }
        found[to_json(word.value)] = {"if": word, **follow}
    return found
