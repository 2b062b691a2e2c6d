"""What may a list look like?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs
from jsonschema_rs import canonical as forms

from crmsync.core.compat.canonical import Canonical
from crmsync.core.compat.choices import Choices, happens, nudged, one_of
from crmsync.core.compat.draw.making import DEEP, DEEPEST, MANY, TRIES, Maker, Undrawable, anything
from crmsync.core.model import Json

if TYPE_CHECKING:
    from crmsync.core.compat.draw.makers import Makers


class Lists:
    """Makes lists: as long as must be, with what they must contain."""

    def __init__(self, makers: Makers, view: forms.ArrayView) -> None:
        self._prefix = [makers.of(Canonical(each)) for each in view.prefix_items]
        rest = view.items
        self._rest: Maker = anything if rest is None else makers.of(Canonical(rest))
        self._wanted = [
            (makers.meeting(_wanted(each, rest)), each.min_contains or 1, each.min_contains) for each in view.contains
        ]
        self._least = view.min_items or 0
        self._most = view.max_items
        self._distinctness = view.distinctness

    def __call__(self, choices: Choices, depth: int) -> Json:
        if self._least > MANY or depth > DEEPEST:
            raise Undrawable("too long or too deep")
        made = [self._item(at, choices, depth + 1) for at in range(self._length(choices, depth))]
        for maker, count, declared in self._wanted:
            if declared != 0:
                self._put(made, [maker(choices, depth + 1) for _ in range(min(count, MANY))], choices)
        if self._distinctness == forms.Distinctness.SOME_REPEATED and made:
            self._put(made, [one_of(choices, made)], choices)
        return self._varied(made, choices, depth) if self._distinctness == forms.Distinctness.ALL_DISTINCT else made

    def _length(self, choices: Choices, depth: int) -> int:
        most = self._least + (3 if depth < DEEP else 0) + len(self._prefix)
        if self._most is not None:
            if not self._wanted and depth < 2 and self._most <= 50 and happens(choices, 8):
                return self._most
            most = min(most, self._most)
        return choices.integer(self._least, max(self._least, most))

    def _item(self, at: int, choices: Choices, depth: int) -> Json:
        return (self._prefix[at] if at < len(self._prefix) else self._rest)(choices, depth)

    def _put(self, made: list[Json], values: list[Json], choices: Choices) -> None:
        """At the end, or in place of others where the list is full."""
        for value in values:
            if not made or self._most is None or len(made) < self._most:
                made.append(value)
            else:
                made[choices.integer(0, len(made) - 1)] = value

    def _varied(self, made: list[Json], choices: Choices, depth: int) -> list[Json]:
        found: list[Json] = []
        for at, value in enumerate(made):
            for attempt in range(1, TRIES):
                if not any(_equal(value, each) for each in found):
                    found.append(value)
                    break
                value = self._item(at, nudged(choices, attempt), depth + 1)
        return found


def _equal(one: Json, other: Json) -> bool:
    return type(one) is type(other) and bool(one == other)


def _wanted(wanted: forms.ContainsView, items: jsonschema_rs.CanonicalSchema | None) -> list[Canonical]:
    """What is contained, of those that are items at all."""
    return [Canonical(wanted.schema), *([] if items is None else [Canonical(items)])]
