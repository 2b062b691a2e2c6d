"""Under which rules are changes told?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crmsync.core.compat.changes.keywords import ASSERTED, BOUNDS, NOTED

_TURNS: Final = ("narrowed", "widened")
_FATES: Final = ("added", "removed")
_NAMED: Final = ("closed", "opened", "deprecated", "undeprecated", "renamed-maybe")
_COME_AND_GO: Final = (
    "alternative", "alternatives", "condition", "enum", "enum-value", "exclusion", "nullable", "pattern-property",
    "property", "required",
)  # fmt: skip
_TURN: Final = ("others", "schema", "type")


def _names() -> Iterator[str]:
    yield from (*_NAMED, *NOTED.values())
    yield from (f"{family}-{end}" for family, _ in BOUNDS.values() for end in _TURNS)
    yield from (f"{family}-{end}" for family in ASSERTED.values() for end in (*_FATES, *_TURNS, "changed"))
    yield from (f"{family}-{end}" for family in _COME_AND_GO for end in _FATES)
    yield from (f"{family}-{end}" for family in _TURN for end in (*_TURNS, "changed"))


RULES: Final = frozenset(f"contract/{name}" for name in _names())
WHOLE: Final = {"breaking": "contract/breaking", "unproven": "contract/unproven"}
"""By verdict: what all changes together do, where none of them alone is to blame."""
