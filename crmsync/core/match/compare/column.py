"""How are the texts of a column compared in bulk?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio, token_sort_ratio
from rapidfuzz.process import cpdist

if TYPE_CHECKING:
    import numpy.typing as npt

    from crmsync.core.match.compare.comparator import Floats, Ints


def numbered(column: Sequence[str]) -> Ints:
    """A number for each text, the same for equal ones; 0 for ""."""
    known = {"": 0}
    return np.array([known.setdefault(text, len(known)) for text in column], dtype=np.int64)


def slots(rows: Sequence[Sequence[str]], most: int) -> Ints:
    """Numbers of the first `most` texts of each row: [rows, most], 0 where a row has fewer."""
    flat = [row[at] if at < len(row) else "" for row in rows for at in range(most)]
    return numbered(flat).reshape(len(rows), most)


def shared(first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
    """Whether a row of the one shares a text with the same row of the other; both as `slots` gives them."""
    held = (first[:, :, None] == second[:, None, :]) & (first[:, :, None] > 0)
    found: npt.NDArray[np.bool_] = held.any(axis=(1, 2))
    return found


def letters(column: Sequence[str], first: Ints, second: Ints) -> Floats:
    """The share of letters that two texts have in common, in order: 0 to 1 (1 - normalised indel distance)."""
    if not len(first):
        return np.zeros(0)
    found = cpdist([column[n] for n in first], [column[n] for n in second], scorer=ratio, dtype=np.float64)
    return np.asarray(found, dtype=np.float64) / 100


def sorted_letters(column: Sequence[str], first: Ints, second: Ints) -> Floats:
    """The same, with the words of each text in order."""
    if not len(first):
        return np.zeros(0)
    found = cpdist([column[n] for n in first], [column[n] for n in second], scorer=token_sort_ratio, dtype=np.float64)
    return np.asarray(found, dtype=np.float64) / 100


def slips(column: Sequence[str], first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
    """Whether two texts are one slip of the pen apart or equal: a letter more, less, another one, or two swapped."""
    if not len(first):
        return np.zeros(0, dtype=np.bool_)
    pair = [column[n] for n in first], [column[n] for n in second]
    found: npt.NDArray[np.bool_] = cpdist(*pair, scorer=OSA.distance, score_cutoff=1, dtype=np.int32) <= 1
    return found
