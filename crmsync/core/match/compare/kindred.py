"""What do words tell that are not equal and yet may be one word, misspelled or cut short?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from crmsync.core.match.compare.comparator import Floats, Ints
from crmsync.core.match.compare.names import Codes, Names

SLIP: Final = 4  # letters for which one slip of the pen is allowed


def kindred(names: Names, first: Codes, second: Codes) -> tuple[Floats, Floats]:
    """Each word that is left of the first names ([rows, words], -1 for none) with the one of the second that is nearest
    to it: what they tell in nats, and how many they are. Of two words that many use neither is the other misspelled."""
    rows, ones, twos = _crossed(first, second)
    words = first[rows, ones], second[rows, twos]
    kin = _kinships(names, *words)
    near = np.flatnonzero(kin)
    rows, ones = rows[near], ones[near]
    weights = names.told[words[0][near]], names.told[words[1][near]]
    doubt = np.clip((np.maximum(*weights) / names.most - 0.3) / 0.5, 0.0, 1.0)
    best = np.zeros(first.shape)
    np.maximum.at(best, (rows, ones), kin[near] * (0.3 + 0.7 * doubt) * np.minimum(*weights))
    total = np.zeros(len(first))
    for column in best.T:  # one word after the other: a sum must not depend on how wide the table is
        total += column
    return total, (best > 0).sum(axis=1).astype(np.float64)


def _crossed(first: Codes, second: Codes) -> tuple[Ints, Ints, Ints]:
    """Every word of the one with every word of the other: row, place in the first, place in the second."""
    found = [
        (rows, np.full(len(rows), a), np.full(len(rows), b))
        for a in range(first.shape[1])
        for b in range(second.shape[1])
        if len(rows := np.flatnonzero((first[:, a] >= 0) & (second[:, b] >= 0)))
    ]
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing
    rows, ones, twos = (np.concatenate(each) for each in zip(*found, strict=True))
    return rows, ones, twos


def _kinships(names: Names, ones: Codes, twos: Codes) -> Floats:
    """`kinship` of words by number: each two words once."""
    codes = np.minimum(ones, twos).astype(np.int64) * len(names.vocabulary) + np.maximum(ones, twos)
    pairs, where = np.unique(codes, return_inverse=True)
    lower, upper = np.divmod(pairs, len(names.vocabulary))
    return kinship(names.vocabulary[lower].tolist(), names.vocabulary[upper].tolist())[where]


def kinship(ones: Sequence[str], twos: Sequence[str]) -> Floats:
    """How likely two different words are one: most for one slip of the pen in a long word, less for two slips, for a
    slip in a short one, and for a word that is cut short; 0 for two words."""
    if not len(ones):
        return np.zeros(0)
    sizes = np.array([[len(word) for word in words] for words in (ones, twos)])
    short, long = sizes.min(axis=0), sizes.max(axis=0)
    worded = np.array([not (one.isdigit() or two.isdigit()) for one, two in zip(ones, twos, strict=True)], dtype=bool)
    cut = np.array(
        [one.startswith(two) or two.startswith(one) for one, two in zip(ones, twos, strict=True)], dtype=bool
    )
    edits = cpdist(ones, twos, scorer=OSA.distance, score_cutoff=2, dtype=np.int64, workers=1)
    cases = [(edits == 1) & (long > 6), edits == 1, cut & (short > 1), (edits == 2) & (long > 7)]
    return np.where(worded & (long >= SLIP), np.select(cases, [0.9, 0.7, 0.6, 0.6], 0.0), 0.0)
