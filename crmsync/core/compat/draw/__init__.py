"""What may a record of this schema look like?

A value is built from the canonical views of a schema and a stream of choices: the same choices give the same value, the
lowest ones the simplest. What is built is checked before it is given, so it is always valid; where nothing valid was
found in some tries, the schema is `Undrawable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from crmsync.core.compat.canonical import Canonical, Uncanonical
from crmsync.core.compat.choices import Choices, Seeded, Simplest
from crmsync.core.compat.draw.makers import Makers
from crmsync.core.compat.draw.making import Undrawable
from crmsync.core.model import Json

__all__ = ["Undrawable", "draw", "drawing", "drawing_of", "some"]


def draw(schema: Canonical, choices: Choices) -> Json:
    """A valid value of the schema. Raises Undrawable."""
    return drawing(schema)(choices)


def drawing(schema: Canonical) -> Callable[[Choices], Json]:
    """As `draw`, for many values of one schema."""
    maker = Makers().checked(schema)
    return lambda choices: maker(choices, 0)


def drawing_of(schema: Json) -> Callable[[Choices], Json]:
    """As `drawing`. Raises Uncanonical."""
    return drawing(Canonical.of(schema))


def some(schema: Json, seeds: int) -> Iterator[Json]:
    """The simplest value, and one for each seed, as far as there are any: nothing of a schema that cannot be read."""
    try:
        draw = drawing_of(schema)
    except Uncanonical:
        return
    sources: list[Choices] = [Simplest(), *map(Seeded, range(seeds))]
    for choices in sources:
        with suppress(Undrawable):
            yield draw(choices)
