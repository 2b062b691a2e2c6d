"""Which numbers are worth trying inside these bounds?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, gcd, lcm
from typing import Final

from crmsync.core.compat.choices import Choices, happens, one_of
from crmsync.core.model import Json

_EXACT: Final = Context(prec=400)
_WIDE: Final = 1_000_000
_NOTED: Final = (0, 1, -1, 2, 9, 10, 100, 2**31 - 1, 2**31, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, 2**63)


@dataclass(frozen=True, slots=True)
class Window:
    """Numbers from `low` to `high` (None: no bound) that are multiples of `step`."""

    low: Fraction | None
    high: Fraction | None
    step: Fraction

    def drawn(self, choices: Choices) -> Json:
        """int where it is whole, else Decimal; None where there is none."""
        first = None if self.low is None else ceil(self.low / self.step)
        last = None if self.high is None else floor(self.high / self.step)
        if first is not None and last is not None and first > last:
            return None
        near = _near(first, last, self.step)
        if not happens(choices, 2):
            return plain(one_of(choices, near) * self.step)
        low = first if first is not None else min(-_WIDE, last or 0) - _WIDE
        high = last if last is not None else max(_WIDE, low) + _WIDE
        return plain(choices.integer(low, high) * self.step)


@lru_cache(maxsize=1024)
def _near(first: int | None, last: int | None, step: Fraction) -> list[int]:
    """Counts of steps at the bounds and at numbers where programs break, the simplest first."""
    bounds = [edge + offset for edge in (first, last) if edge is not None for offset in (0, 1, -1)]
    noted = [round(number / step) for number in _NOTED]
    inside = [each for each in (0, *bounds, *noted) if _within(each, first, last)]
    return sorted(dict.fromkeys(inside), key=lambda each: (abs(each), each < 0))


def _within(count: int, first: int | None, last: int | None) -> bool:
    return (first is None or count >= first) and (last is None or count <= last)


def window(low: Json, high: Json, multiples: list[Json], *, is_whole: bool, fine: int = 0) -> Window:
    """`fine`: how many decimals to try where nothing says in which steps to go."""
    steps = [_fraction(each) for each in multiples] + [Fraction(1)] * is_whole
    step = _common(steps) if steps else Fraction(1, 10**fine)
    return Window(None if low is None else _fraction(low), None if high is None else _fraction(high), step)


def _fraction(number: Json) -> Fraction:
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _common(steps: list[Fraction]) -> Fraction:
    """The least number that is a multiple of all."""
    over = lcm(*(abs(step.numerator) for step in steps))
    return Fraction(over, gcd(*(step.denominator for step in steps)))


def plain(number: Fraction) -> Json:
    if number.denominator == 1:
        return number.numerator
    return _EXACT.divide(Decimal(number.numerator), Decimal(number.denominator))
