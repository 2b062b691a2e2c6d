"""How alike are two company names? By their letters, and by what their shared and their different words tell.

A normal company name is `core|form|rest`. Words are matched whole first; what is left of both names is compared letter
by letter, so that a slip of the pen is no difference, and one common word in place of another (East, West) is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio, token_sort_ratio
from rapidfuzz.process import cpdist

from crmsync.core.match.compare.company_name import core_of, form_of
from crmsync.core.match.compare.comparator import Feature, Floats, Gauge, Ints, Rarity
from crmsync.core.match.compare.kindred import kindred, kinship
from crmsync.core.match.compare.names import Bools, Codes, Names, Texts, told

WORDS: Final = 8  # of a name that are looked at, the first ones
INITIALS: Final = 0.9  # likeness of a name and of its initials
MANY: Final = 5  # edits: two names are not one misspelled
NEAR: Final = 0.65  # letters alike below this: what is left of two names is not misspelled

FEATURES: Final = (
    Feature("letters", (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0), (-2.5, -1.2, -0.8, -0.3, 0.2, 0.5, 0.6)),
    Feature("shared", (0.0, 3.0, 6.0, 9.0, 14.0), (-0.8, -0.2, 0.8, 2.2, 2.9)),
    Feature("whole", (0.0, 0.3, 0.5, 0.7, 0.85, 1.0), (-1.0, -0.6, -0.3, 0.0, 0.3, 0.6)),
    Feature("lost", (-8.0, -4.0, -2.0, 0.0), (-1.0, -0.5, 0.0, 0.2)),
    Feature("extra", (-12.0, -8.0, -5.0, -2.5, 0.0), (-0.8, -0.6, -0.4, 0.0, 0.2)),
    Feature("apart", (-3.0, -2.0, -1.0, 0.0), (-2.0, -1.7, -1.2, 0.0)),
    Feature("numbers", (0.0, 1.0), (-1.5, 0.0)),
    Feature("sibling", (0.0, 1.0), (-1.8, 0.2)),
    Feature("namesakes", (-3.0, -1.6, -0.9, 0.0), (-2.5, -1.5, -0.7, 0.1)),
    Feature("form", (0.0, 1.0), (-2.0, 0.2)),
    Feature("edits", (-5.0, -3.0, -2.0, -1.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0)),
)
"""What each of them is, in the order of `gauge`:

letters     how alike the letters are, in the best of three readings
shared      what the shared words tell, in nats
whole       the share of what all words tell that is shared
lost        what the words tell that only the one with fewer of them has, in nats below 0
extra       the same for the one with more of them
apart       how many words of both names are no word of the other, below 0
numbers     1 the same numbers (II, 2, No. 7), 0 others
sibling     0 when a word is left over that tells one company of a family from another
namesakes   how much less an equal name tells because many bear it, in nats below 0
form        1 the same legal form, 0 another one
edits       how many letters must be changed, MANY at most, below 0; labels tell what a slip of the pen is worth
"""


def words(normal: str) -> Sequence[str]:
    """The words of a name, and the name as a whole: it tells less where many bear it."""
    core = core_of(normal)
    return [*core.split(), _whole(core)]


def _whole(core: str) -> str:
    return f"={core.replace(' ', '')}"


def gauge(values: Sequence[str], rarity: Rarity) -> Gauge:
    names = Names.of(values, rarity, lambda word: told(word, rarity), WORDS)
    return lambda first, second: compare(names, first, second)


def compare(names: Names, first: Ints, second: Ints) -> tuple[Floats, ...]:
    matched = _matched(names.table, first, second)
    shared = np.where(matched[0], names.weight[first], 0.0).sum(axis=1)
    rest = (
        names.total[first] - shared,
        names.total[second] - np.where(matched[1], names.weight[second], 0.0).sum(axis=1),
    )
    letters = _letters(names, first, second)
    soft, kin = _softly(names, (first, second), matched, rest, letters)
    soft = np.minimum(soft, np.minimum(*rest))
    free = [
        ((names.table[places] >= 0) & ~hit).sum(axis=1) for places, hit in zip((first, second), matched, strict=True)
    ]
    left = np.maximum(rest[0] - soft, 0.0), np.maximum(rest[1] - soft, 0.0)
    same = names.codes[first] == names.codes[second]
    joined = same.astype(np.float64)
    initials = _initials(names, first, second) * (shared == 0)
    letters = np.maximum(letters, INITIALS * initials)
    joined = np.maximum.reduce([joined, _one_word(names, first, second, letters, left), INITIALS * initials])
    whole_weight = np.maximum(names.total[first], names.total[second])
    together = np.maximum(joined * whole_weight, shared + soft)
    left = left[0] * (1 - joined), left[1] * (1 - joined)
    union = together + left[0] + left[1]
    whole = together / np.where(union > 0, union, 1.0)
    forms = names.forms[first], names.forms[second]
    form = np.where((forms[0] == 0) | (forms[1] == 0), np.nan, (forms[0] == forms[1]).astype(float))
    numbers = (names.numbers[first] == names.numbers[second]).astype(float)
    apart = -np.maximum(np.minimum(*free) - kin, 0.0) * (1 - joined)
    misspelled = (free[0] == free[1]) & (kin >= free[0])  # whatever is left over of the one is left over of the other
    sibling = _siblings(names, (first, second), matched) & ~misspelled
    sibling |= ((numbers == 0) & (shared > 0)) | (_of_two_trades(names, (first, second), matched) & (apart < 0))
    namesakes = np.where(same, np.minimum(names.common[first], names.common[second]), np.nan)
    return (
        letters, together, whole, -np.minimum(*left), -np.maximum(*left), apart, numbers, 1.0 - sibling, namesakes,
        form, _edits(names, first, second, letters),
    )  # fmt: skip


def _matched(table: Codes, first: Ints, second: Ints) -> tuple[Bools, Bools]:
    """Which words of the first name are words of the second, and the other way round."""
    mine, theirs = np.ascontiguousarray(table[first].T), np.ascontiguousarray(table[second].T)
    ours, its = np.zeros(mine.shape, dtype=bool), np.zeros(mine.shape, dtype=bool)
    for a, word in enumerate(mine):
        named = word >= 0
        for b, other in enumerate(theirs):
            equal = (word == other) & named
            ours[a] |= equal
            its[b] |= equal
    return ours.T, its.T


def _one_word(names: Names, first: Ints, second: Ints, letters: Floats, left: tuple[Floats, Floats]) -> Floats:
    """How likely two names are one once their blanks are taken away: written together, and misspelled."""
    found = np.zeros(len(letters))
    rows = np.flatnonzero((letters > 0.85) & (left[0] > 0) & (left[1] > 0))
    rows = rows[names.sizes[first[rows]] != names.sizes[second[rows]]]
    found[rows] = kinship(names.joined[first[rows]].tolist(), names.joined[second[rows]].tolist())
    return found


def _siblings(names: Names, pair: tuple[Ints, Ints], matched: tuple[Bools, Bools]) -> Bools:
    """Is a word left over that tells one company of a family from another?"""
    left = [(names.siblings[places] & ~hit).any(axis=1) for places, hit in zip(pair, matched, strict=True)]
    return np.asarray(matched[0].any(axis=1) & (left[0] | left[1]))


def _of_two_trades(names: Names, pair: tuple[Ints, Ints], matched: tuple[Bools, Bools]) -> Bools:
    """Of one family, and each has a word left over that says what it does?"""
    left = [(names.trades[places] & ~hit).any(axis=1) for places, hit in zip(pair, matched, strict=True)]
    return np.asarray(matched[0].any(axis=1) & left[0] & left[1])


def _initials(names: Names, first: Ints, second: Ints) -> Floats:
    """Is the one name made of the first letters of the other's words?"""
    one, two = names.initials[first] == names.codes[second], names.initials[second] == names.codes[first]
    return np.asarray(one | two, dtype=np.float64)


def _letters(names: Names, first: Ints, second: Ints) -> Floats:
    """The best of three readings: as written, with the words in order, without blanks."""
    best = np.full(len(first), 100.0)
    rows = np.flatnonzero(names.codes[first] != names.codes[second])
    best[rows] = _read(names.cores, first[rows], second[rows], ratio)
    rows = rows[names.several[first[rows]] | names.several[second[rows]]]
    pair = first[rows], second[rows]
    other = np.maximum(_read(names.cores, *pair, token_sort_ratio), _read(names.joined, *pair, ratio))
    best[rows] = np.maximum(best[rows], other)
    return best / 100


def _read(names: Texts, first: Ints, second: Ints, scorer: Callable[..., float]) -> Floats:
    return _cpdist(names[first].tolist(), names[second].tolist(), scorer)


def _edits(names: Names, first: Ints, second: Ints, letters: Floats) -> Floats:
    """The fewer of two readings: without blanks, and so with the words in order."""
    found = np.where(names.codes[first] == names.codes[second], 0, MANY)
    rows = np.flatnonzero((letters > NEAR) & (found > 0))
    found[rows] = _slips(names.joined[first[rows]].tolist(), names.joined[second[rows]].tolist())
    rows = rows[(found[rows] > 0) & (names.several[first[rows]] | names.several[second[rows]])]
    ones, twos = ([_ordered(core) for core in names.cores[places[rows]].tolist()] for places in (first, second))
    found[rows] = np.minimum(found[rows], _slips(ones, twos))
    return -found.astype(np.float64)


def _ordered(core: str) -> str:
    return "".join(sorted(core.split()))


def _slips(ones: Sequence[str], twos: Sequence[str]) -> Ints:
    found = cpdist(ones, twos, scorer=OSA.distance, score_cutoff=MANY - 1, dtype=np.int64, workers=1) if ones else ()
    return np.asarray(found, dtype=np.int64)


def _softly(
    names: Names, pair: tuple[Ints, Ints], matched: tuple[Bools, Bools], rest: tuple[Floats, Floats], letters: Floats
) -> tuple[Floats, Floats]:
    """What words tell that are not equal and yet may be one word: misspelled, or cut short. In nats, and how many."""
    soft, kin = np.zeros(len(letters)), np.zeros(len(letters))
    rows = np.flatnonzero((rest[0] > 0) & (rest[1] > 0) & (letters > NEAR))
    left = [np.where(matched[side][rows], -1, names.table[pair[side][rows]]) for side in (0, 1)]
    soft[rows], kin[rows] = kindred(names, left[0], left[1])
    return soft, kin


def _cpdist(ones: Sequence[str], twos: Sequence[str], scorer: Callable[..., float]) -> Floats:
    return cpdist(ones, twos, scorer=scorer, dtype=np.float64, workers=1) if len(ones) else np.zeros(0)


def reason(first: str, second: str, features: Sequence[float]) -> str:
    ones, twos = core_of(first).split(), core_of(second).split()
    another = (
        "" if not form_of(first) or not form_of(second) or form_of(first) == form_of(second) else ", another legal form"
    )
    if core_of(first) == core_of(second):
        return f"both {core_of(first)}{another}"
    mine, theirs = (
        " ".join(word for word in each if word not in other) for each, other in ((ones, twos), (twos, ones))
    )
    if not (mine or theirs):
        return f"both {core_of(first)}, in another order{another}"
    same = ", else the same" if set(ones) & set(twos) else ""
    if not (mine and theirs):
        return f"only one has {mine or theirs}{same}{another}"
    return f"{mine} against {theirs}{same}{another}"


def keys(normal: str, rarity: Rarity) -> Iterable[str]:
    """The name without blanks, its two rarest words, their heads, its own head, its letters."""
    core = core_of(normal)
    tokens, joined = core.split(), core.replace(" ", "")
    found = [joined, f"^{joined[:6]}", "~" + "".join(sorted(set(joined)))]
    if len(tokens) < 2:
        return found
    if len(tokens) > 2:
        tokens = [word for _, word in sorted([(-told(word, rarity), word) for word in tokens])[:2]]
    found += tokens
    found.append("+".join(sorted([word[:4] for word in tokens])))
    return found
