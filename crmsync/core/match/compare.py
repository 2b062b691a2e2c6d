"""How alike are two values? A comparator brings a value into its normal form, and scores two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from rapidfuzz.fuzz import ratio, token_sort_ratio

from crmsync.core.match.normal import company, domain, fold
from crmsync.core.model import Json

GROUP: Final = "crmsync.comparators"


@dataclass(frozen=True, slots=True)
class Comparator:
    """What `as:` in a mapping's `compare:` names. Own ones come by entry point.

    `normal` takes a text and gives the value that is compared, None where it is evidence of nothing; what is no text
    is compared as it is. `score` is symmetric, 1.0 for equal values, 0.0 for values that have nothing in common.
    `words`: its values are made of words, so that records which share a rare one are worth comparing; else only equal
    values bring two records together.
    """

    name: str
    normal: Callable[[str], str | None]
    score: Callable[[Json, Json], float]
    words: bool = False


def equal(first: Json, second: Json) -> float:
    return float(bool(first == second))


def alike(first: Json, second: Json) -> float:
    """The better one of two readings: letter by letter, and with the words in order."""
    if not (isinstance(first, str) and isinstance(second, str)):
        return equal(first, second)
    return max(ratio(first, second), token_sort_ratio(first, second)) / 100


BUILT_IN: Final = (
    Comparator("company", company, alike, words=True),
    Comparator("domain", domain, equal),
    Comparator("text", lambda text: fold(text) or None, alike, words=True),
    Comparator("exact", lambda text: text or None, equal),
)


@cache
def comparators() -> Mapping[str, Comparator]:
    """All comparators by name: ours, and those that installed packages name in the group `crmsync.comparators`.
    Raises ValueError when a package offers something else, or takes a name that is taken."""
    from importlib.metadata import entry_points  # imports half of the e-mail package

    found = {each.name: each for each in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        offered = point.load()
        if not isinstance(offered, Comparator) or offered.name in found:
            raise ValueError(
                f"entry point {point.name} of {GROUP}: {point.value} is no Comparator with a name of its own"
            )
        found[offered.name] = offered
    return MappingProxyType(dict(sorted(found.items())))


def normalise(kind: str, value: Json) -> Json:
    """The value as comparator `kind` compares it; None where it is evidence of nothing."""
    return comparators()[kind].normal(value) if isinstance(value, str) else value
