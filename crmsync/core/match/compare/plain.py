"""How alike are two texts of which nothing else is known?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import slots
from crmsync.core.match.compare.company_gauge import FEATURES, compare
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold
from crmsync.core.match.compare.names import Names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

NUMBERS: Final = 6  # of a text that are looked at, the first ones
OTHER: Final = 0.4
"""What the letters of two texts reach at most whose numbers speak of two: Sál 3 and Sál 4."""
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
    numbers = slots([ordinals(value) for value in values], NUMBERS)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        told = dict(zip((each.name for each in FEATURES), compare(names, first, second), strict=True))
        same = _same_numbers(numbers[first], numbers[second])
        letters = np.where(same == 0.0, np.minimum(told["letters"], OTHER), told["letters"])
        return letters, told["shared"], told["whole"], told["extra"], same

    return measure


def ordinals(normal: str) -> list[str]:
    """What tells one of many: numbers, Roman ones as such, and letters alone, where they are no little word."""
    words = normal.split()
    found = [word for word in words[:-1] if _ORDINAL.fullmatch(word) and word not in _LITTLE]
    found += [word for word in words[1:][-1:] if _ORDINAL.fullmatch(word)]
    return sorted({_ROMAN.get(word, word.lstrip("0") or "0") for word in found})


_ORDINAL: Final = re.compile(r"[a-z]|[a-z]*\d+[a-z]*|[ivx]{2,5}")
_LITTLE: Final = frozenset("aikosuvwyz")
"""Letters that are words: in, with, from, and."""
_NUMERALS: Final = """
i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv
"""
_ROMAN: Final = {word: str(number) for number, word in enumerate(_NUMERALS.split(), 1)}


def _same_numbers(first: Ints, second: Ints) -> Floats:
    """1 the same, 0.5 one has more than the other, 0 each has another one, NaN neither has any."""
    more = _is_more(first, second).astype(np.float64) + _is_more(second, first)
    return np.where((first > 0).any(axis=1) | (second > 0).any(axis=1), 1.0 - more / 2, np.nan)


def _is_more(ones: Ints, twos: Ints) -> NDArray[np.bool_]:
    """Whether a row has a number that the same row of the other has not."""
    found = np.zeros(len(ones), dtype=np.bool_)
    for number in ones.T:
        found |= (number > 0) & (number[:, None] != twos).all(axis=1)
    return found


def gauge_exact(values: Sequence[str], rarity: Rarity) -> Gauge:
    nats = np.array([rarity(each) for each in values])

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        same = first == second
        return same.astype(np.float64), np.where(same, nats[first], np.nan)

    return measure


def reason(first: str, second: str, features: Sequence[float]) -> str:
    if first == second:
        return f"both {_shortened(first)}"
    told = f"{_shortened(first)} against {_shortened(second)}"
    if features[4:] and features[4] == 0.0:
        return f"{told}, other numbers"
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
        "text", "Free text: its letters and words, and the numbers in it.", text,
        (Feature("likeness", (0.0, 0.5, 0.7, 0.85, 0.95, 1.0), (-1.6, -1.2, -0.5, 0.2, 0.7, 0.9)),
         Feature("shared", (0.0, 4.0, 8.0, 20.0), (-0.4, 0.2, 0.6, 2.0)),
         Feature("whole", (0.0, 0.5, 0.8, 1.0), (-0.6, -0.2, 0.2, 0.5)),
         Feature("extra", (-30.0, -10.0, -3.0, 0.0), (-1.0, -0.5, 0.0, 0.1)),
         Feature("numbers", (0.0, 0.5, 1.0), (-4.0, -0.5, 0.0))),
        gauge_text, reason, keys_text, str.split,
    ),
    Comparator(
        "exact", "Equal or not; numbers and dates too.", exact,
        (Feature("likeness", (0.0, 1.0), (-1.5, 0.0)), Feature("shared", (0.0, 3.0, 8.0), (0.0, 0.6, 2.0))),
        gauge_exact, reason, keys_exact, lambda value: (value,),
    ),
)  # fmt: skip
