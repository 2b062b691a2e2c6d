"""Is it the same identifier? To the letter, but what people write where they know none is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from crmsync.core.match.compare.comparator import Comparator, Feature, Floats, Gauge, Ints, Rarity

_NONE: Final = frozenset(
    [
        "nema", "nemá", "neni", "není", "neznáme", "neznámé", "neuvedené", "neuvedeno", "brak", "none", "null", "nil",
        "nan", "n/a", "na", "unknown", "test",
    ]
)  # fmt: skip
_PLACEHOLDER: Final = re.compile(r"(\d)\1{5,}|0?1234567(8|89|890)?|9?876543210?|[-–—?.*x/\s]+")


def is_placeholder(text: str) -> bool:
    """Is it what people and forms put where no identifier is known: 00000000, 12345678, nemá, -?"""
    plain = text.strip().casefold()
    return not plain or plain in _NONE or _PLACEHOLDER.fullmatch(plain) is not None


def normal(text: str) -> str | None:
    """As it is; of a number that people group (257 696 42) the digits. None for a placeholder."""
    if is_placeholder(text):
        return None
    digits = "".join(text.split())
    return digits if digits.isdigit() else text.strip()


def gauge(_values: Sequence[str], _rarity: Rarity) -> Gauge:
    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        return ((first == second).astype(np.float64),)

    return measure


COMPARATORS: Final = (
    Comparator(
        "identifier",
        "an identifier, to the letter; placeholders (00000000, 12345678, nemá) are none",
        normal,
        (Feature("likeness", (0.0, 1.0), (-3.0, 7.0)),),
        gauge,
        lambda one, two, _features: f"both {one}" if one == two else f"{one} against {two}",
        lambda text, _rarity: (text,),
    ),
)
