"""Who chooses, where a drawn value could be one or the other?

`hypothesis` in tests (`lambda low, high: data.draw(st.integers(low, high))` behind this protocol), or a stream of our
own where nothing may depend on chance. Low is simple: a source that always answers `low` draws the simplest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
_WORD = (1 << 64) - 1


class Choices(Protocol):
    def integer(self, low: int, high: int) -> int:
        """Any whole number from `low` to `high`, both included."""
        ...


class Seeded:
    """The same choices for the same seed, on every machine: SplitMix64 (Steele, Lea, Flood 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _WORD

    def integer(self, low: int, high: int) -> int:
        return low + self._next() % (high - low + 1)

    def _next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _WORD
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
        return mixed ^ (mixed >> 31)


class Simplest:
    """Always the simplest: the first alternative, the smallest number, nothing that may be left out."""

    def integer(self, low: int, high: int) -> int:
        return low


class Nudged:
    """The choices of another source, moved by some noise, so that a second try does not end where the first one did."""

    def __init__(self, source: Choices, attempt: int) -> None:
        self._source = source
        self._noise = Seeded(attempt)

    def integer(self, low: int, high: int) -> int:
        width = high - low + 1
        return low + (self._source.integer(low, high) - low + self._noise.integer(0, width - 1)) % width


def nudged(choices: Choices, attempt: int) -> Choices:
    return Nudged(choices, attempt) if attempt else choices


def one_of(choices: Choices, options: Sequence[T]) -> T:
    return options[choices.integer(0, len(options) - 1)]


def happens(choices: Choices, in_all: int, *, of: int = 1) -> bool:
    """`of` times in `in_all`; the simple answer is no."""
    return choices.integer(0, in_all - 1) >= in_all - of
