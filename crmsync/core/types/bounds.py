"""Between which bounds does a number lie?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from crmsync.core.types.kinds import WHOLE
from crmsync.core.types.views import View


@dataclass(frozen=True, slots=True)
class Bound:
    value: int | Decimal
    is_strict: bool = False  # the value itself is left out


def low(view: View) -> Bound | None:
    """What a number is at least."""
    if view.values is not None:
        return Bound(min(view.values))
    bounds = [Bound(each) for each in view.limits("minimum")]
    bounds += [Bound(each, True) for each in view.limits("exclusiveMinimum")]
    return max(bounds, key=lambda each: (each.value, each.is_strict), default=None)


def high(view: View) -> Bound | None:
    if view.values is not None:
        return Bound(max(view.values))
    bounds = [Bound(each) for each in view.limits("maximum")]
    bounds += [Bound(each, True) for each in view.limits("exclusiveMaximum")]
    return min(bounds, key=lambda each: (each.value, not each.is_strict), default=None)


def is_whole(view: View) -> bool:
    if view.values is not None:
        return all(map(_is_integral, view.values))
    return WHOLE["type"] in view.limits("type") or any(map(_is_integral, view.limits("multipleOf")))


def _is_integral(number: int | Decimal) -> bool:
    return isinstance(number, int) or number == number.to_integral_value()


def is_below(left: View, right: View, or_equal: bool) -> bool:
    """Whether every number of the one is below every number of the other."""
    top, bottom = high(left), low(right)
    if top is None or bottom is None:
        return False
    return top.value < bottom.value or (top.value == bottom.value and (or_equal or top.is_strict or bottom.is_strict))
