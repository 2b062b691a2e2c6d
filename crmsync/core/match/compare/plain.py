"""How alike are two texts of which nothing else is known?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import numbered
from crmsync.core.match.compare.company_gauge import FEATURES, compare
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold
from crmsync.core.match.compare.names import Names

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

WORDS: Final = 20  # of a text that are looked at, the first ones
HEAD: Final = 12
"""Letters at the beginning of a text that are a key, in alphabetical order: a slip there seldom changes them."""


def text(given: str) -> str | None:
    """Folded; None where nothing is left."""
    return fold(given) or None


def exact(given: str) -> str | None:
    """As it is; None where it is empty."""
    return given or None


# Compared -------------------------------------------------------------------------------------------------


def gauge_text(values: Sequence[str], rarity: Rarity) -> Gauge:
    """Letters, and words, as names are compared (see `company_gauge`): likeness, shared, whole, extra."""
    names = Names.of(values, rarity, rarity, WORDS)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        told = dict(zip((each.name for each in FEATURES), compare(names, first, second), strict=True))
        return told["letters"], told["shared"], told["whole"], told["extra"]

    return measure


def gauge_exact(values: Sequence[str], rarity: Rarity) -> Gauge:
    number, nats = numbered(values), np.array([rarity(each) for each in values])

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        same = number[first] == number[second]
        return same.astype(np.float64), np.where(same, nats[first], np.nan)

    return measure


def reason(first: str, second: str, features: Sequence[float]) -> str:
    if first == second:
        return f"both {_shortened(first)}"
    told = f"{_shortened(first)} against {_shortened(second)}"
    return f"{told}, {features[0]:.0%} of the letters" if features and features[0] > 0 else told


def _shortened(given: str) -> str:
    return given if len(given) <= 40 else f"{given[:39]}…"


def keys_text(normal: str, rarity: Rarity) -> Iterable[str]:
    """The two rarest words, and the first letters."""
    rare = sorted(set(normal.split()), key=lambda word: (-rarity(word), word))[:2]
    head = "".join(sorted(normal.replace(" ", "")[:HEAD]))
    return ("+".join(sorted(rare)), f"^{head}")


def keys_exact(normal: str, _rarity: Rarity) -> Iterable[str]:
    return (normal,)


COMPARATORS: Final = (
    Comparator(
        "text", "Free text: its letters, in the order of the text and in the order of its words.", text,
        (Feature("likeness", (0.0, 0.5, 0.7, 0.85, 0.95, 1.0), (-1.6, -1.2, -0.5, 0.2, 0.7, 0.9)),
         Feature("shared", (0.0, 4.0, 8.0, 20.0), (-0.4, 0.2, 0.6, 2.0)),
         Feature("whole", (0.0, 0.5, 0.8, 1.0), (-0.6, -0.2, 0.2, 0.5)),
         Feature("extra", (-30.0, -10.0, -3.0, 0.0), (-1.0, -0.5, 0.0, 0.1))),
        gauge_text, reason, keys_text, str.split,
    ),
    Comparator(
        "exact", "Equal or not; numbers and dates too.", exact,
        (Feature("likeness", (0.0, 1.0), (-1.5, 0.0)), Feature("shared", (0.0, 3.0, 8.0), (0.0, 0.6, 2.0))),
        gauge_exact, reason, keys_exact, lambda value: (value,),
    ),
)  # fmt: skip
