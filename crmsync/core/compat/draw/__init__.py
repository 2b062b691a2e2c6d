"""What may a record of this schema look like?

A value is built from the canonical views of a schema and a stream of choices: the same choices give the same value, the
lowest ones the simplest. What is built is checked before it is given, so it is always valid; where nothing valid was
found in some tries, the schema is `Undrawable`.
"""

from __future__ import annotations

from collections.abc import Callable

from crmsync.core.compat.canonical import Canonical
from crmsync.core.compat.choices import Choices
from crmsync.core.compat.draw.makers import Makers
from crmsync.core.compat.draw.making import Undrawable
from crmsync.core.model import Json

__all__ = ["Undrawable", "draw", "drawing", "drawing_of"]


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
