"""What may a rule ask of the search that called it, and of the library?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from crmsync.core.compat.canonical import Answer, Canonical, Uncanonical
from crmsync.core.compat.facts import Facts, extent
from crmsync.core.contract.shape import is_alone
from crmsync.core.model import Json

_SMALL: Final = 60  # schemas within a schema; a larger difference takes too long to work out


class Prover(Protocol):
    root: Json

    def shows(self, given: Facts, outer: Json) -> bool:
        """Whether all values of which `given` holds are valid under `outer`."""
        ...

    def shows_inside(self, given: Facts, outer: Json) -> bool:
        """As `shows`, of a part of the value: a question that is open further out may be taken as answered."""
        ...

    def shows_cases(self, given: Facts, outer: Json) -> bool:
        """As `shows`, each alternative of the given for itself."""
        ...


Rule: TypeAlias = Callable[[Prover, Facts, dict[str, Json]], bool]
"""Whether one keyword of the outer schema follows."""


def is_canonical(given: Facts, outer: Json) -> bool:
    """Whether the library can tell."""
    if not is_alone(outer):
        return False
    try:
        left, right = Canonical.of(given.alone), Canonical.of(outer)
        if right.covers(left) is Answer.YES:
            return True
        return max(map(extent, (given.alone, outer))) <= _SMALL and left.minus(right).satisfiability() is Answer.NO
    except Uncanonical:
        return False
