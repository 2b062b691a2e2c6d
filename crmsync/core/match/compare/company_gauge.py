"""How alike are two company names? By their letters, and by what their shared and their different words tell.

A normal company name is `core|form|rest`. Words are matched whole first; what is left of both names is compared letter
by letter, so that a slip of the pen is no difference, and one common word in place of another (East, West) is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio, token_sort_ratio
from rapidfuzz.process import cpdist

from crmsync.core.match.compare.column import numbered
from crmsync.core.match.compare.company_name import core_of, form_of
from crmsync.core.match.compare.comparator import Feature, Floats, Gauge, Ints, Rarity

Bools: TypeAlias = NDArray[np.bool_]

WORDS: Final = 8  # of a name that are looked at, the first ones
SLIP: Final = 4  # letters for which one slip of the pen is allowed
LEAST: Final = 0.05  # nats: the commonest word tells at least a little
INITIALS: Final = 0.9  # likeness of a name and of its initials
NEAR: Final = 0.65  # letters alike below this: what is left of two names is not misspelled
GENERIC_NATS: Final = 2.5  # what a word tells at most that half of all companies could bear
_GENERIC: Final = """
    company group holding holdings international global services service solutions systems trade trading invest
    investment investments management consulting partners corporation industries bank trust fund foundation association
    society university institute hospital museum school center centre office department national general united the of
    for and city state europe european american english
    stavby stavebna stavebni obchod obchodna obchodni vyroba servis sluzby reality doprava autodoprava technika energia
    energie poradenstvi poradenstvo projekt spolecnost spolocnost podnik firma centrum slovensko slovakia cesko czech
    ceska bohemia morava polska polskie przedsiebiorstwo uslugi handel firma budownictwo transport biuro zaklad
    handels verwaltung gesellschaft technik bau dienst immobilien beteiligungs hungary magyar austria deutschland
    obec mesto zemedelske zemedelska druzstvo polnohospodarske agro farma skola zakladni nemocnica nemocnice muzeum
"""
GENERIC: Final = frozenset(_GENERIC.split())
_SIBLINGS: Final = """
    holding holdings group gruppe grupa skupina invest investment investments finance financial capital trade trading
    servis service services sluzby real reality estate estates development logistik logistic logistics logistika energo
    energy export import plus east west north south vychod zapad sever juh jih slovakia slovensko cz czech cesko cechy
    bohemia morava moravia polska poland austria osterreich deutschland germany hungary hungaria magyarorszag europe
    international global consulting engineering production marketing media agro bau park tech digital leasing rent
"""
SIBLINGS: Final = frozenset(_SIBLINGS.split())
"""Words that tell one company of a family from another: left over in a name, they speak of two."""
_NUMBER: Final = re.compile(r"\d+|[ivx]{1,5}")

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
"""


def words(normal: str) -> Sequence[str]:
    """The words of a name, and the name as a whole: it tells less where many bear it."""
    core = core_of(normal)
    return [*core.split(), _whole(core)]


def _whole(core: str) -> str:
    return f"={core.replace(' ', '')}"


def told(word: str, rarity: Rarity) -> float:
    """What a shared word tells, in nats."""
    nats = rarity(word)
    return max(GENERIC_NATS if nats > GENERIC_NATS and word in GENERIC else nats, LEAST)


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names, each prepared once: its words as numbers ([names, words], -1 for none) and what they tell."""

    cores: NDArray[np.object_]
    joined: NDArray[np.object_]
    codes: Ints  # of the names without blanks
    initials: Ints  # of the first letters of their words, in the same numbers; -1 for a single word
    several: Bools  # of more words than one
    tokens: list[tuple[str, ...]]
    table: Ints
    weight: Floats
    total: Floats
    forms: Ints
    numbers: Ints
    siblings: Bools
    common: Floats  # how much less a name tells than one that nobody else bears, in nats; 0 or below
    told: Mapping[str, float]
    most: float  # what a word tells that no census lists

    @classmethod
    def of(cls, values: Sequence[str], rarity: Rarity, tells: Rarity, most: int) -> Names:
        """`tells`: what a single word tells; `most`: so many words of each are looked at, the first ones."""
        cores = [core_of(each) for each in values]
        tokens = [tuple(dict.fromkeys(each.split()))[:most] for each in cores]
        vocabulary: dict[str, int] = {}
        flat = [vocabulary.setdefault(word, len(vocabulary)) for each in tokens for word in each]
        by_word = {word: max(tells(word), LEAST) for word in vocabulary}
        table = _table([len(each) for each in tokens], flat)
        weight = np.where(table < 0, 0.0, np.array([*by_word.values(), 0.0])[table])
        sibling = np.array([*(word in SIBLINGS for word in vocabulary), False], dtype=bool)
        numeral = frozenset(word for word in vocabulary if _NUMBER.fullmatch(word))
        numbers = ["" if numeral.isdisjoint(each) else " ".join(sorted(numeral.intersection(each))) for each in tokens]
        joined = ["".join(each.split()) for each in cores]
        known: dict[str, int] = {}
        codes = [known.setdefault(each, len(known)) for each in joined]
        firsts = [known.get("".join(word[0] for word in each), -1) if len(each) > 1 else -1 for each in tokens]
        common = np.array([rarity(f"={each}") for each in joined]) - rarity("")
        return cls(
            np.array(cores, dtype=object), np.array(joined, dtype=object), np.array(codes, dtype=np.int64),
            np.array(firsts, dtype=np.int64), np.array([" " in each for each in cores], dtype=bool), tokens,
            table, weight, weight.sum(axis=1),
            numbered([form_of(each) for each in values]), numbered(numbers), sibling[table], common, by_word,
            max(rarity(""), 0.1),
        )  # fmt: skip


def _table(sizes: Sequence[int], flat: Sequence[int]) -> Ints:
    """[rows, most]: the numbers of each row one after the other, -1 behind them."""
    width = np.array(sizes, dtype=np.int64)
    found = np.full((len(sizes), int(width.max(initial=1)) or 1), -1, dtype=np.int64)
    row = np.repeat(np.arange(len(sizes)), width)
    found[row, np.arange(len(flat)) - np.repeat(np.cumsum(width) - width, width)] = flat
    return found


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
    sibling = _siblings(names, (first, second), matched) | ((numbers == 0) & (shared > 0))
    namesakes = np.where(same, np.minimum(names.common[first], names.common[second]), np.nan)
    return (
        letters, together, whole, -np.minimum(*left), -np.maximum(*left), apart, numbers, 1.0 - sibling, namesakes,
        form,
    )  # fmt: skip


def _matched(table: Ints, first: Ints, second: Ints) -> tuple[Bools, Bools]:
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
    for row in rows.tolist():
        one, two = sorted((names.joined[first[row]], names.joined[second[row]]))
        if len(names.tokens[first[row]]) != len(names.tokens[second[row]]):
            found[row] = kinship(one, two)
    return found


def _siblings(names: Names, pair: tuple[Ints, Ints], matched: tuple[Bools, Bools]) -> Bools:
    """Is a word left over that tells one company of a family from another?"""
    left = [(names.siblings[places] & ~hit).any(axis=1) for places, hit in zip(pair, matched, strict=True)]
    return np.asarray(matched[0].any(axis=1) & (left[0] | left[1]))


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


def _read(names: NDArray[np.object_], first: Ints, second: Ints, scorer: Callable[..., float]) -> Floats:
    return _cpdist(names[first].tolist(), names[second].tolist(), scorer)


def _softly(
    names: Names, pair: tuple[Ints, Ints], matched: tuple[Bools, Bools], rest: tuple[Floats, Floats], letters: Floats
) -> tuple[Floats, Floats]:
    """What words tell that are not equal and yet may be one word: misspelled, or cut short. In nats, and how many."""
    found = np.zeros((len(letters), 2))
    rows = np.flatnonzero((rest[0] > 0) & (rest[1] > 0) & (letters > NEAR))
    ones, twos = (_left(names, pair[side][rows].tolist(), (~matched[side][rows]).tolist()) for side in (0, 1))
    if len(rows):
        found[rows] = [_kindred(names, one, two) for one, two in zip(ones, twos, strict=True)]
    return found[:, 0], found[:, 1]


def _left(names: Names, places: list[int], unmatched: list[list[bool]]) -> Iterator[list[tuple[str, float]]]:
    """The words that are left, with what they tell."""
    for place, free in zip(places, unmatched, strict=True):
        yield [(word, names.told[word]) for word, is_free in zip(names.tokens[place], free, strict=False) if is_free]


def _kindred(names: Names, ones: list[tuple[str, float]], twos: list[tuple[str, float]]) -> tuple[float, int]:
    """Each word with the one that is nearest to it; of two words that many use neither is the other one misspelled."""
    total, count = 0.0, 0
    for word, weight in ones:
        best = 0.0
        for other, its in twos:
            kin = kinship(word, other) if word <= other else kinship(other, word)
            if kin:
                doubt = min(max((max(weight, its) / names.most - 0.3) / 0.5, 0.0), 1.0)
                best = max(best, kin * (0.3 + 0.7 * doubt) * min(weight, its))
        total += best
        count += best > 0
    return total, count


@lru_cache(maxsize=1 << 18)
def kinship(one: str, two: str) -> float:
    """How likely two different words are one: 1 for one slip of the pen in a long word, less for two slips, for a
    slip in a short one, and for a word that is cut short; 0 for two words."""
    short, long = sorted((one, two), key=len)
    if short.isdigit() or long.isdigit() or len(long) < SLIP:
        return 0.0
    if len(short) > 1 and long.startswith(short):
        return 0.6
    edits = OSA.distance(one, two, score_cutoff=2)
    if edits == 1:
        return 0.9 if len(long) > 6 else 0.7
    if edits == 2 and len(long) > 7:
        return 0.6
    return 0.0


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
    tokens = core_of(normal).split()
    joined = "".join(tokens)
    found = [joined, f"^{joined[:6]}", "~" + "".join(sorted(set(joined)))]
    if len(tokens) < 2:
        return found
    if len(tokens) > 2:
        tokens = sorted(tokens, key=lambda word: (-told(word, rarity), word))[:2]
    found += tokens
    found.append("+".join(sorted([word[:4] for word in tokens])))
    return found
