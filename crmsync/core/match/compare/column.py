"""How are the texts of a column compared in bulk?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, count
from math import exp
from typing import TYPE_CHECKING, Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio, token_sort_ratio
from rapidfuzz.process import cpdist

from crmsync.core.match.compare.comparator import Feature

if TYPE_CHECKING:
    import numpy.typing as npt

    from crmsync.core.match.compare.comparator import Floats, Ints, Rarity

BEARERS: Final = Feature("bearers", (-4.0, -2.0, -1.0, 0.0), (-2.0, -0.6, 0.0, 0.0))
"""What `common` gives for an equal value; NaN for another one."""
COPIES: Final = -1.0  # nats: a value that no more than some five records have may be one thing's, written down often


def numbered(column: Sequence[str]) -> Ints:
    """A number for each text, the same for equal ones; 0 for ""."""
    known = defaultdict(count(1).__next__, {"": 0})
    return np.fromiter(map(known.__getitem__, column), dtype=np.int64, count=len(column))


def slots(rows: Sequence[Sequence[str]], most: int) -> Ints:
    """Numbers of the first `most` texts of each row: [rows, most], 0 where a row has fewer."""
    sizes = np.minimum(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)), most)
    found = np.zeros((len(rows), most), dtype=np.int64)
    row = np.repeat(np.arange(len(rows)), sizes)
    at = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found[row, at] = numbered(list(chain.from_iterable(each[:most] for each in rows)))
    return found


def shared(first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
    """Whether a row of the one shares a text with the same row of the other; both as `slots` gives them."""
    found = np.zeros(len(first), dtype=np.bool_)
    for mine in first.T:
        for theirs in second.T:
            found |= (mine == theirs) & (mine > 0)
    return found


def common(column: Sequence[str], rarity: Rarity) -> Floats:
    """How much less an equal value tells because many records bear it (a reception's phone, an office house's address),
    in nats: 0 for one that two bear, below for more. The census counts it as the word `=value`."""
    return np.array([rarity(f"={text}") for text in column], dtype=np.float64) - rarity("")


def borne(nats: float) -> str:
    """The same in words, where it is many; NaN is not."""
    return f", which some {2 * exp(-nats):.0f} records have" if nats < COPIES else ""


def _texts(column: Sequence[str], places: Ints) -> list[str]:
    return [column[n] for n in places.tolist()]


def letters(column: Sequence[str], first: Ints, second: Ints) -> Floats:
    """The share of letters that two texts have in common, in order: 0 to 1 (1 - normalised indel distance)."""
    if not len(first):
        return np.zeros(0)
    found = cpdist(_texts(column, first), _texts(column, second), scorer=ratio, dtype=np.float64)
    return np.asarray(found, dtype=np.float64) / 100


def sorted_letters(column: Sequence[str], first: Ints, second: Ints) -> Floats:
    """The same, with the words of each text in order."""
    if not len(first):
        return np.zeros(0)
    found = cpdist(_texts(column, first), _texts(column, second), scorer=token_sort_ratio, dtype=np.float64)
    return np.asarray(found, dtype=np.float64) / 100


def slips(column: Sequence[str], first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
    """Whether two texts are one slip of the pen apart or equal: a letter more, less, another one, or two swapped."""
    if not len(first):
        return np.zeros(0, dtype=np.bool_)
    pair = _texts(column, first), _texts(column, second)
    found: npt.NDArray[np.bool_] = cpdist(*pair, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
    return found
