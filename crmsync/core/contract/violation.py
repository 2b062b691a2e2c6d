"""What is said of a value that breaks its contract?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""A JSON path: names of properties and indexes of items."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that is broken at one place. `rule` is the keyword of JSON Schema; a missing property has the path that
    it should have. The message never holds a value that the contract marks `x-pii`."""

    path: Place
    rule: str
    message: str


def in_order(violations: set[Violation]) -> list[Violation]:
    return sorted(violations, key=_order)


def _order(each: Violation) -> tuple[list[tuple[bool, str | int]], str, str]:
    return [(isinstance(part, str), part) for part in each.path], each.rule, each.message
