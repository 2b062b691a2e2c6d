"""How many points is a piece of evidence worth? Additive log-odds, by curves that never fall."""

from __future__ import annotations

import numpy as np

from crmsync.core.match.compare.comparator import Floats
from crmsync.core.model import Curve, Scorecard

__all__ = ["Curve", "Scorecard", "points"]


def points(curve: Curve, values: Floats) -> Floats:
    """The points of each value; NaN, which says nothing, has none."""
    found = np.interp(values, curve.at, curve.points)
    return np.where(np.isnan(values), 0.0, found)
