"""Do two names name the same person?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from crmsync.core.match.compare.column import letters, numbered, shared, slots
from crmsync.core.match.compare.comparator import Comparator, Feature, Rarity
from crmsync.core.match.compare.fold import fold

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats, Gauge, Ints

INITIAL: Final = 0.85
"""Likeness of J. Novák and Ján Novák."""
MOST: Final = 6
"""Words of a name that are looked at, the first ones."""

_TITLED: Final = """
ing arch mgr bc bca mga judr mudr mvdr mddr phdr rndr paeddr pharmdr thdr thlic rsdr doc prof dr drsc csc dsc phd artd
mba llm llb msc bsc dis dipl mag dkfm inz lic hab med vet jur rer nat oec phil habil univ priv doz ddr bakk mr mrs ms
miss sir pan pani p slecna herr frau hr fr jun sen jr sr ml mladsi starsi esq bba md jd cpa eng
"""
_TITLES: Final = frozenset(_TITLED.split())
_LETTERED: Final = (("ph", "d"), ("m", "b", "a"), ("c", "sc"), ("d", "sc"), ("m", "sc"), ("b", "sc"), ("ll", "m"),
                    ("art", "d"), ("di", "s"), ("th", "d"), ("d", "r"))  # fmt: skip
"""Titles whose dots part them."""
_LETTERED_HEADS: Final = frozenset(title[0] for title in _LETTERED)
_NOBODY: Final = frozenset(
    ["test", "nemame", "nema", "neuvedene", "neuvedeno", "brak", "unknown", "none", "na", "neznamy"]
)  # fmt: skip


def person(text: str) -> str | None:
    """Folded words in the order of the text, without titles: `jan novak`. None where no name is left: nothing, one
    letter, digits, a stopgap. A normal text is itself."""
    words = _without_titles(fold(text).split())
    named = [word for word in words if word not in _TITLES and not word.isdigit()] or words
    if not any(len(word) > 1 and not word.isdigit() for word in named) or (
        len(named) == 1 and named[0] in _NOBODY | _TITLES
    ):
        return None
    return " ".join(named)


def _without_titles(words: list[str]) -> list[str]:
    if _LETTERED_HEADS.isdisjoint(words):
        return words
    for title in _LETTERED:
        size = len(title)
        for at in range(len(words) - size, -1, -1):
            if tuple(words[at : at + size]) == title:
                words = words[:at] + words[at + size :]
    return words


# Compared -------------------------------------------------------------------------------------------------


def _sorted(normal: str) -> str:
    return " ".join(sorted(normal.split()))


def _forms(normal: str) -> list[str]:
    """What else the name may be written as, itself first: jan novak is j novak or jan n; jan p novak is jan novak."""
    words = normal.split()
    if _has_initial(normal):
        full = [word for word in words if len(word) > 1]
        return [_sorted(normal), *([" ".join(sorted(full))] if len(full) > 1 else [])]
    short = {" ".join(sorted([word[0], *words[:at], *words[at + 1 :]])) for at, word in enumerate(words) if words[1:]}
    return [_sorted(normal), *sorted(short)]


def _has_initial(normal: str) -> bool:
    return any(len(word) == 1 for word in normal.split())


def gauge(values: Sequence[str], _rarity: Rarity) -> Gauge:
    whole = [_sorted(value) for value in values]
    text, initial = numbered(whole), np.array([_has_initial(value) for value in values], dtype=np.bool_)
    forms = slots([_forms(value) for value in values], MOST + 1)

    def measure(first: Ints, second: Ints) -> tuple[Floats, ...]:
        likeness = np.where(text[first] == text[second], 1.0, letters(whole, first, second))
        rows = np.flatnonzero((initial[first] | initial[second]) & (likeness < INITIAL))
        fits = shared(forms[first[rows]], forms[second[rows]])
        likeness[rows[fits]] = INITIAL
        return (likeness,)

    return measure


def reason(first: str, second: str, features: Sequence[float]) -> str:
    if _sorted(first) == _sorted(second):
        return f"both {first}"
    fits = (_has_initial(first) or _has_initial(second)) and not set(_forms(first)).isdisjoint(_forms(second))
    return f"{first} fits {second}" if fits else f"{first} against {second}"


def keys(normal: str, _rarity: Rarity) -> Iterable[str]:
    """All that it may be written as, and the beginnings of its words."""
    return (*_forms(normal), "^" + _sorted(" ".join(word[:4] for word in normal.split())))


COMPARATORS: Final = (
    Comparator(
        "person", "A person's name without titles, in any order of given and family name; initials fit names.", person,
        (Feature("likeness", (0.0, 0.6, 0.75, INITIAL, 0.93, 1.0), (-3.0, -2.2, -0.8, 0.8, 2.0, 3.5)),),
        gauge, reason, keys, str.split, stranger=0.0,
    ),
)  # fmt: skip
