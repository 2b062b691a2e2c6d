"""Which records may be the same thing, and how sure are we?

The answer never depends on the order of reading: candidates come from blocks, every candidate pair is scored, and a
link needs to be the best of both its records. Equal valid identifiers decide alone where they are unique.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

from crmsync.core.match.compare import comparators
from crmsync.core.model import Both, Json, Judgement, Key, Match, Verdict, key_text, to_json

MARGIN: Final = 0.02  # a link must beat the runner-up of either record by this much
DISAGREES: Final = 0.5  # a compared field below this score speaks against an equal identifier
LONE: Final = 0.8  # with one field to go by, a question is asked from here on the way from review_at to link_at
QUESTIONS: Final = 5  # about one record at a time; the best ones
BIGGEST_BLOCK: Final = 1_000_000  # pairs; a block with more tells nothing apart

Pair: TypeAlias = Both[Key]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that is not linked yet: its key, and its normalised values by field (nothing where there is none)."""

    key: Key
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _Scored:
    keys: Pair
    score: float
    reason: str
    asked: bool  # good enough for a question
    sure: bool = False  # an identifier decides
    doubt: bool = False  # an identifier is equal, and something speaks against it


def blocks(rule: Match, values: Mapping[str, Json]) -> tuple[str, ...]:
    """Cheap keys: two records that share none are never compared. They come from the record alone, so that what is
    compared does not depend on who else is there."""
    parent = values.get(rule.within) if rule.within else None
    if rule.within and parent is None:
        return ()
    found = {f"{number}={_id(values, names)}" for number, names in enumerate(rule.decide) if _id(values, names)}
    for compare in rule.compare:
        value = values.get(compare.field)
        found.update(f"{compare.field}:{key}" for key in (_keys(compare.kind, value) if value is not None else ()))
    bounds = to_json(parent).decode() if rule.within else ""
    return tuple(sorted(f"{bounds}{block}" for block in found))


def _id(values: Mapping[str, Json], names: tuple[str, ...]) -> str | None:
    parts = [values.get(name) for name in names]
    return None if any(part is None for part in parts) else to_json(parts).decode()


def _keys(kind: str, value: Json) -> Iterable[str]:
    """The value itself, or for words: the beginnings of any two long ones, and the set of letters (typos swap them)."""
    if not isinstance(value, str) or not comparators()[kind].words:
        return (str(value),)
    words = sorted(set(value.split()), key=lambda word: (-len(word), word))[:4]
    heads = sorted({word[:4] for word in words})
    pairs = {f"{first}+{second}" for first, second in combinations(heads, 2)}
    return {*(pairs or heads), "~" + "".join(sorted(set(value.replace(" ", ""))))}


def propose(
    rule: Match, left: Sequence[Candidate], right: Sequence[Candidate], different: Collection[Pair] = ()
) -> list[Judgement]:
    """Judge the candidates of both sides: SAME (one to one) or UNSURE; what is not named is different."""
    sides = ({each.key: each for each in left}, {each.key: each for each in right})
    unique = (_id_counts(rule, left), _id_counts(rule, right))
    pairs = (keys for keys in _candidates(rule, left, right) if keys not in different)
    scored = [each for keys in pairs if (each := _score(rule, sides, keys, unique))]
    return sorted(_judge(rule, scored), key=lambda each: tuple(map(key_text, each.keys)))


def _id_counts(rule: Match, side: Sequence[Candidate]) -> Counter[tuple[int, str]]:
    return Counter(
        (n, text) for each in side for n, names in enumerate(rule.decide) if (text := _id(each.values, names))
    )


def _candidates(rule: Match, left: Sequence[Candidate], right: Sequence[Candidate]) -> set[Pair]:
    by_block: defaultdict[str, list[Key]] = defaultdict(list)
    for each in right:
        for block in blocks(rule, each.values):
            by_block[block].append(each.key)
    mine: defaultdict[str, list[Key]] = defaultdict(list)
    for each in left:
        for block in blocks(rule, each.values):
            if block in by_block:
                mine[block].append(each.key)
    return {
        (first, second)
        for block, keys in mine.items()
        if len(keys) * len(by_block[block]) <= BIGGEST_BLOCK
        for first in keys
        for second in by_block[block]
    }


def _score(
    rule: Match, sides: Both[dict[Key, Candidate]], keys: Pair, unique: Both[Counter[tuple[int, str]]]
) -> _Scored | None:
    values = (sides[0][keys[0]].values, sides[1][keys[1]].values)
    if rule.within and values[0].get(rule.within) != values[1].get(rule.within):
        return None
    equal, against = _identifiers(rule, values)
    if against and not equal:
        return None
    compared = list(_compared(rule, values))
    score, words = _mean(rule, compared), _words(compared)
    if not equal:
        return _Scored(keys, score, words, asked=score >= _asked_from(rule, compared))
    alone = all(counts[number, text] == 1 for number, text in equal.items() for counts in unique)
    contradicted = bool(compared) and all(score < DISAGREES for _, score, _ in compared)
    names = " and ".join("+".join(rule.decide[number]) for number in equal)
    if alone and not contradicted and not against:
        return _Scored(keys, 1.0, f"{names} equal", asked=True, sure=True)
    why = "not unique" if not alone else "another identifier differs" if against else "everything else differs"
    return _Scored(keys, score, f"{names} equal, but {why}; {words}", asked=True, doubt=True)


def _asked_from(rule: Match, compared: Sequence[tuple[str, float, float]]) -> float:
    """One field alone says less than two."""
    return rule.review_at if len(compared) > 1 else rule.review_at + LONE * (rule.link_at - rule.review_at)


def _identifiers(rule: Match, values: Both[Mapping[str, Json]]) -> tuple[dict[int, str], bool]:
    """The identifiers that are equal, and whether one is there on both sides and differs."""
    equal, against = {}, False
    for number, names in enumerate(rule.decide):
        first, second = _id(values[0], names), _id(values[1], names)
        if first is not None and second is not None:
            against = against or first != second
            if first == second:
                equal[number] = first
    return equal, against


def _compared(rule: Match, values: Both[Mapping[str, Json]]) -> Iterator[tuple[str, float, float]]:
    """Field, score 0..1 and weight, for every compared field that both sides have."""
    for compare in rule.compare:
        first, second = values[0].get(compare.field), values[1].get(compare.field)
        if first is not None and second is not None:
            yield compare.field, comparators()[compare.kind].score(first, second), compare.weight


def _mean(rule: Match, compared: Sequence[tuple[str, float, float]]) -> float:
    """The weighted mean over the fields that both sides have; with fewer than two it cannot reach `link_at`."""
    total = sum(weight for _, _, weight in compared)
    score = sum(score * weight for _, score, weight in compared) / total if total else 0.0
    return round(score if len(compared) > 1 else min(score, rule.link_at - 0.001), 4)


def _words(compared: Sequence[tuple[str, float, float]]) -> str:
    return ", ".join(f"{name} {score:.2f}" for name, score, _ in compared) or "nothing to compare"


def _judge(rule: Match, scored: Sequence[_Scored]) -> Iterator[Judgement]:
    """Identifiers first; then, among what they left, a pair that is the clear best of both its records."""
    sure = [each for each in scored if each.sure]
    yield from (Judgement(each.keys, Verdict.SAME, each.score, each.reason) for each in sure)
    taken = _taken(sure)
    rest = [each for each in scored if each.asked and not _touches(taken, each)]
    best = _clear_best(rest)
    linked = [each for each in rest if each.keys in best and each.score >= rule.link_at and not each.doubt]
    yield from (Judgement(each.keys, Verdict.SAME, each.score, each.reason) for each in linked)
    taken = _taken(linked)
    for each in _questions([each for each in rest if not _touches(taken, each)]):
        yield Judgement(each.keys, Verdict.UNSURE, each.score, each.reason)


def _questions(open_pairs: Sequence[_Scored]) -> Iterator[_Scored]:
    """The best few about each record: nobody answers four hundred. One of the two records asking is enough."""
    asked: Counter[tuple[int, Key]] = Counter()
    for each in sorted(open_pairs, key=lambda each: (-each.score, *map(key_text, each.keys))):
        places = [(side, each.keys[side]) for side in (0, 1)]
        if any(asked[place] < QUESTIONS for place in places):
            asked.update(places)
            yield each


def _taken(linked: Sequence[_Scored]) -> Both[set[Key]]:
    return {each.keys[0] for each in linked}, {each.keys[1] for each in linked}


def _touches(taken: Both[set[Key]], each: _Scored) -> bool:
    return each.keys[0] in taken[0] or each.keys[1] in taken[1]


def _clear_best(scored: Sequence[_Scored]) -> set[Pair]:
    """The pairs that beat every other pair of either of their records by the margin."""
    scores: defaultdict[tuple[int, Key], list[float]] = defaultdict(list)
    for each in scored:
        for side in (0, 1):
            scores[side, each.keys[side]].append(each.score)
    return {each.keys for each in scored if all(_leads(each.score, scores[side, each.keys[side]]) for side in (0, 1))}


def _leads(score: float, rivals: Sequence[float]) -> bool:
    ranked = sorted(rivals, reverse=True)
    return score == ranked[0] and (len(ranked) == 1 or ranked[0] - ranked[1] >= MARGIN)
