"""How are the texts of a column compared in bulk?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from math import exp
from typing import TYPE_CHECKING, Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio
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
    return numbered_texts(column)[0]


def numbered_texts(column: Sequence[str]) -> tuple[Ints, Mapping[str, int]]:
    """The same, and the number of each text, in order from 0 for ""."""
    known = defaultdict(count(1).__next__, {"": 0})
    found = np.fromiter(map(known.__getitem__, column), dtype=np.int64, count=len(column))
    return found, known


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


@dataclass(frozen=True, slots=True)
class Slips:
    """Texts that are asked by the million whether they are one slip of the pen apart."""

    column: Sequence[str]
    sizes: Ints
    ends: npt.NDArray[np.uint64]  # the last eight letters, a byte each; ASCII

    @classmethod
    def of(cls, column: Sequence[str]) -> Slips:
        ends = "".join([text[-END:].rjust(END) for text in column]).encode("ascii", "replace")
        sizes = np.fromiter(map(len, column), dtype=np.int64, count=len(column))
        return cls(column, sizes, np.frombuffer(ends, dtype=np.uint64) if ends else np.zeros(0, np.uint64))

    def apart(self, first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
        """Whether two texts are one slip apart or equal: a letter more, less, another one, or two swapped."""
        rows = np.flatnonzero(self._may_be(first, second))
        found = np.zeros(len(first), dtype=np.bool_)
        if len(rows):
            pair = _texts(self.column, first[rows]), _texts(self.column, second[rows])
            found[rows] = cpdist(*pair, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
        return found

    def _may_be(self, first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
        """Of two texts of one length no more than two letters differ after a slip; of others the lengths, by one."""
        other = self.ends[first] ^ self.ends[second]
        low = np.uint64(0x7F7F7F7F7F7F7F7F)
        differ = np.bitwise_count((other & low) + low & ~low)  # a high bit for each byte that is not 0
        more = np.abs(self.sizes[first] - self.sizes[second])
        return np.asarray((more == 1) | ((more == 0) & (differ <= SWAPPED)))


END: Final = 8
"""Letters at the end of a text that are looked at before the text is."""
SWAPPED: Final = 2
"""Letters that two swapped ones change."""
