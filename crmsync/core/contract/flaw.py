"""What is said of a contract that is not as it should be?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from crmsync.core.contract.violation import Place
from crmsync.core.model import Severity

Kind: TypeAlias = Literal[
    "not-a-schema", "reference", "keyword", "format", "pattern", "explodes", "unportable", "unanchored", "impossible",
    "example", "dead-value", "default", "envelope", "envelope-word",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong at one place of a contract. `on_key`: with the key that leads there, not with the value.
    `offset`: where in the text at that place, in characters."""

    path: Place
    kind: Kind
    message: str
    mend: str
    severity: Severity = "error"
    on_key: bool = False
    offset: int | None = None


def in_place(flaws: set[Flaw]) -> list[Flaw]:
    return sorted(flaws, key=_order)


def _order(each: Flaw) -> tuple[list[tuple[bool, str | int]], int, str, str]:
    return [(isinstance(part, str), part) for part in each.path], each.offset or 0, each.kind, each.message
