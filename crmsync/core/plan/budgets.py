"""Has so much failed while it was written that nothing more is to be begun?"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from crmsync.core.model import Limits
from crmsync.core.plan.limits import FLOOR

CONFLICTS: Final = frozenset({"conflict", "foreign-edit", "first-link", "delete"})
"""The kinds of holds that ask which of two sides is right."""


def spent(limits: Limits, tried: int, failed: int) -> str:
    """Why a mapping halts that has failed with so many of the writes that it tried; "" where it goes on. One that fails
    alone is a dead letter: it passes no percentage but 0 %."""
    limit = limits.errors
    if limit is None:
        return ""
    if limit.count is not None:
        most, said = limit.count, str(limit.count)
    else:
        percent = limit.percent or Decimal(0)
        most, said = (max(1, int(percent * max(tried, FLOOR) / 100)) if percent else 0), f"{percent}%"
    return f"{failed} of {tried} writes failed, more than {said}" if failed > most else ""
