"""What is a change, and which way does it go?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from crmsync.core.compat.facts import Facts
from crmsync.core.compat.proof import follows
from crmsync.core.model import Json

Direction: TypeAlias = Literal["widens", "narrows", "changes", "none"]
"""widens: more records are valid; narrows: fewer; changes: others; none: the same."""

TURNED: Final[dict[Direction, Direction]] = {
    "widens": "narrows", "narrows": "widens", "changes": "changes", "none": "none",
}  # fmt: skip
ENDS: Final[dict[Direction, str]] = {
    "widens": "widened", "narrows": "narrowed", "changes": "changed", "none": "changed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions. Where the thing itself is missing on a side, the pointer leads to the
    nearest place that is there."""

    rule: str
    old_pointer: str
    new_pointer: str
    direction: Direction
    message: str


def direction(old: Json, old_root: Json, new: Json, new_root: Json) -> Direction:
    """As far as it can be proven; "changes" otherwise."""
    grows = follows(Facts((old,), old_root), new, new_root)
    return direction_of(grows, shrinks=follows(Facts((new,), new_root), old, old_root))


def direction_of(grows: bool, shrinks: bool) -> Direction:
    """By what is proven: that all of the old is in the new, and the other way round."""
    if grows:
        return "none" if shrinks else "widens"
    return "narrows" if shrinks else "changes"


def whole(path: str) -> str:
    """How a place is called in a message."""
    return path or "the record"
