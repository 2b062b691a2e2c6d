"""What may a matcher be told, and what is its answer worth?

One rule for all of them, ours too:

- A set's entities are split in two halves (`sets.halved`). A matcher sees all records, but labels of one half alone:
  the same pairs for every matcher, at most 250 true and 250 false ones; of the false ones one half are alike by name,
  the other any that share a word (`labels`).
- It answers with a score for each pair that it thinks worth one. A pair that its blocking misses is missed.
- What is done with scores is chosen on the half it was taught by, with all its truth: the threshold, and one of the
  `DECISIONS` that suit the kind of set. Then the other half is judged so.
- Each half is held out once. Pairwise precision, recall and F1 are of both verdicts together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Final, TypeAlias

from rapidfuzz.fuzz import token_sort_ratio

from benchmarks.match.sets import Half, Key, LabelledSet, Pair, Record, halved, ordered

Scores: TypeAlias = Mapping[Pair, float]
Labels: TypeAlias = Mapping[Pair, bool]
Matcher: TypeAlias = Callable[[LabelledSet, Labels], Scores]
Ranked: TypeAlias = Sequence[tuple[float, Pair]]
"""Best score first."""

MOST_LABELS: Final = 250  # of each kind
ALL_PAIRS: Final = 2_000_000  # a set with no more pairs than this needs no blocking
CROWDED: Final = 150  # a word that more records have says too little to compare them for
APART: Final = re.compile(r"[^\w]+")
VERBATIM: Final = frozenset({"domain", "email"})  # their dots and signs are read by the neighbours' own comparisons


@dataclass(frozen=True, slots=True)
class Figures:
    """Pairwise, on pairs held out. `decisions` and `thresholds`: what half 0 chose, what half 1 chose."""

    precision: float
    recall: float
    f1: float
    decisions: tuple[str, str]
    thresholds: tuple[float, float]


class CannotTell(Exception):
    """The tool has no way of doing this kind of set; the message says why."""


def plain(record: Record, compare: Mapping[str, str]) -> dict[str, str]:
    """The record as anybody would hand it to a matcher: small letters without diacritics, words apart by one space."""
    return {column: _plain(record[column], kind in VERBATIM) for column, kind in compare.items()}


def _plain(text: str, verbatim: bool) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return bare.strip() if verbatim else APART.sub(" ", bare.replace("ł", "l").replace("ß", "ss")).strip()


def words(known: LabelledSet) -> tuple[dict[Key, list[str]], dict[Key, list[str]]]:
    """By key of the left and of the right records: the words and whole values that not too many records share, and all
    neighbours may block with. One word "" for everybody in a set so small that every pair can be compared."""
    sides = (known.left, known.right)
    pairs = len(known.left) ** 2 // 2 if known.kind == "dedupe" else len(known.left) * len(known.right)
    if pairs <= ALL_PAIRS:
        return {key: [""] for key in sides[0]}, {key: [""] for key in sides[1]}
    said = [{key: _said(plain(record, known.compare)) for key, record in side.items()} for side in sides]
    count = Counter(word for side in said for found in side.values() for word in found)
    rare = [{key: sorted(w for w in found if count[w] <= CROWDED) for key, found in side.items()} for side in said]
    return rare[0], rare[1]


def _said(record: Record) -> set[str]:
    return {said for value in record.values() if value for said in {value, *(w for w in value.split() if len(w) > 1)}}


def blocked(known: LabelledSet) -> list[Pair]:
    """The pairs that share one of the `words`, sorted; those asked about where pairs are classified."""
    if known.asked:
        return list(known.asked)
    left, right = words(known)
    by_word: dict[str, tuple[list[Key], list[Key]]] = defaultdict(lambda: ([], []))
    for side, said in enumerate((left, right)):
        for key, found in said.items():
            for word in found:
                by_word[word][side].append(key)
    return sorted({pair for block in by_word.values() for pair in _pairs(known, *block)})


def _pairs(known: LabelledSet, left: list[Key], right: list[Key]) -> Iterator[Pair]:
    if known.kind != "dedupe":
        return ((first, second) for first in left for second in right)
    return (ordered((first, second)) for place, first in enumerate(left) for second in left[:place])


def labels(known: LabelledSet, candidates: Sequence[Pair], taught_by: Half) -> Labels:
    """The pairs of a half that a matcher may learn from, the same ones in any order of the input."""
    half = halved(known)
    true = sorted((pair for pair in known.truth if half(pair) == taught_by), key=_lot)[:MOST_LABELS]
    false = sorted((pair for pair in candidates if pair not in known.truth and half(pair) == taught_by), key=_lot)
    name = next(iter(known.compare))
    second = known.second()
    alike = sorted(
        false[: 80 * MOST_LABELS],
        key=lambda pair: -token_sort_ratio(known.left[pair[0]][name].lower(), second[pair[1]][name].lower()),
    )[: MOST_LABELS // 2]
    other = [pair for pair in false if pair not in set(alike)][: MOST_LABELS - len(alike)]
    return dict.fromkeys(true, True) | dict.fromkeys(alike + other, False)


def _lot(pair: Pair) -> bytes:
    return sha256("|".join(pair).encode()).digest()


def measured(known: LabelledSet, answers: tuple[Scores, Scores]) -> Figures:
    """What the answers of a matcher taught by half 0 and by half 1 are worth on the half that each has not seen."""
    half = halved(known)
    truths = tuple({pair for pair in known.truth if half(pair) == side} for side in (0, 1))
    said: set[Pair] = set()
    chosen = []
    for taught_by, scores in enumerate(answers):
        learned, held_out = (_ranked(half, scores, side) for side in (taught_by, 1 - taught_by))
        decisions = DECISIONS[known.kind]
        tried = [(*_best(decide(learned), truths[taught_by]), name) for name, decide in decisions.items()]
        _, threshold, name = max(tried, key=lambda row: row[0])
        said |= {pair for score, pair in decisions[name](held_out) if score >= threshold}
        chosen.append((name, threshold))
    names, thresholds = zip(*chosen, strict=True)
    return Figures(*rates(said, truths[0] | truths[1]), names, thresholds)


def _ranked(half: Callable[[Pair], Half | None], scores: Scores, side: int) -> Ranked:
    rows = [(score, pair) for pair, score in scores.items() if half(pair) == side]
    return sorted(rows, key=lambda row: (-row[0], row[1]))


def rates(said: Set[Pair], truth: Set[Pair]) -> tuple[float, float, float]:
    """Pairwise precision, recall and F1."""
    right = len(said & truth)
    return right / max(len(said), 1), right / max(len(truth), 1), 2 * right / max(len(said) + len(truth), 1)


def _best(ranked: Ranked, truth: set[Pair]) -> tuple[float, float]:
    """The best F1 and the threshold of it: half-way down to the next score; above all of them if no pair is right."""
    best, threshold, said, right = 0.0, ranked[0][0] + 1 if ranked else 0.0, 0, 0
    steps = [(score, [pair for _, pair in rows]) for score, rows in groupby(ranked, key=lambda row: row[0])]
    for place, (score, pairs) in enumerate(steps):
        said, right = said + len(pairs), right + sum(pair in truth for pair in pairs)
        if (f1 := 2 * right / (said + len(truth))) > best:
            below = steps[place + 1][0] if place + 1 < len(steps) else score
            best, threshold = f1, (score + below) / 2
    return best, threshold


def as_scored(ranked: Ranked) -> Ranked:
    return ranked


def one_to_one(ranked: Ranked) -> Ranked:
    """Best score first, each record at most once."""
    return _once(ranked, lambda pair: ((0, pair[0]), (1, pair[1])))


def in_pairs(ranked: Ranked) -> Ranked:
    """The same inside one table that was made of two without doubles."""
    return _once(ranked, lambda pair: ((0, pair[0]), (0, pair[1])))


def best_of_right(ranked: Ranked) -> Ranked:
    """Each record of the right has one counterpart at most, a record of the left as many as want it."""
    return _once(ranked, lambda pair: ((1, pair[1]),))


def _once(ranked: Ranked, names: Callable[[Pair], tuple[tuple[int, Key], ...]]) -> Ranked:
    taken: set[tuple[int, Key]] = set()
    kept = []
    for score, pair in ranked:
        if taken.isdisjoint(names(pair)):
            taken.update(names(pair))
            kept.append((score, pair))
    return kept


def closure(ranked: Ranked) -> Ranked:
    """What follows from the pairs: whoever is the same as the same is the same, at the score of the weakest step."""
    cluster: dict[Key, list[Key]] = {}
    implied = []
    for score, (first, second) in ranked:
        one, two = cluster.setdefault(first, [first]), cluster.setdefault(second, [second])
        if one is not two:
            if len(one) * len(two) > BLOB:  # far below any sensible threshold: the rest would be one heap
                break
            implied += [(score, ordered((a, b))) for a in one for b in two]
            one += two
            cluster.update(dict.fromkeys(two, one))
    return implied


BLOB: Final = 10_000
DECISIONS: Final[Mapping[str, Mapping[str, Callable[[Ranked], Ranked]]]] = {
    "dedupe": {"as scored": as_scored, "closure": closure, "in pairs": in_pairs},
    "link": {"as scored": as_scored, "one to one": one_to_one, "best of right": best_of_right},
    "pairs": {"as scored": as_scored},
}


def blocking_recall(known: LabelledSet, candidates: Iterable[Pair]) -> float:
    """Share of all true pairs that are among the candidates."""
    return len(known.truth.intersection(candidates)) / max(len(known.truth), 1)
