"""Which records of one system are one? Pairs judged inside it; those that say the same to the letter taken together.

Records with equal texts are compared once, as one: else a crowd of them would share too many keys to be compared at
all, and five hundred copies would be 124,750 pairs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from crmsync.core.match.block import census_of
from crmsync.core.match.census import Census
from crmsync.core.match.cluster import Cluster, clusters
from crmsync.core.match.compare.company_id import DIFFERS
from crmsync.core.match.compare.comparator import Floats, Ints
from crmsync.core.match.explain import Explained, explain, vetoes
from crmsync.core.match.parts import unordered
from crmsync.core.match.rule import Candidate
from crmsync.core.match.score import Scored, score_pairs, weigh
from crmsync.core.model import Both, Key, Match, key_text, to_json

SMALL: Final = 200  # members of a cluster whose pairs are all looked at for contradictions
JUDGED: Final = "a person said that they are two things"

Pair = Both[Key]


@dataclass(frozen=True, slots=True)
class Alikes:
    """What was found. `scores` are those of pairs of records that stand for all that say the same as they do (`stands`:
    for whom, `own`: the score of two such copies); `against` is why two records cannot be one."""

    rule: Match
    census: Census
    records: Mapping[Key, Candidate]
    clusters: tuple[Cluster, ...]
    scores: Mapping[Pair, float]
    stands: Mapping[Key, Key]
    own: Mapping[Key, float]
    against: Mapping[Pair, str]
    compared: int

    def score(self, first: Key, second: Key) -> float:
        one, two = self.stands[first], self.stands[second]
        if one == two:
            return self.own[one]
        known = self.scores.get(unordered((one, two)))
        return self.explain(first, second).score if known is None else known

    def explain(self, first: Key, second: Key) -> Explained:
        return explain(self.rule, self.census, self.records[first].values, self.records[second].values)

    def why_not(self, pair: Pair) -> str:
        return self.against[unordered(pair)]


def duplicates(
    rule: Match, census: Census, candidates: Sequence[Candidate], distinct: Collection[Pair], link_at: float
) -> Alikes:
    """Clusters whose links score `link_at` or more, the most cohesive first. `distinct`: pairs that a person judged to
    be two things. An empty census is counted from the candidates."""
    records = {each.key: each for each in sorted(candidates, key=lambda each: key_text(each.key))}
    stands = _stands(rule, list(records.values()), frozenset(key for pair in distinct for key in pair))
    some = [each for key, each in records.items() if stands[key] == key]
    counted = census if census.records else census_of(rule, list(records.values()))
    known = replace(counted, crowded=census_of(rule, some).crowded)  # a crowd of copies is none
    scored = score_pairs(rule, known, some, keep_from=min(rule.review_at, link_at))
    likeness = _likeness(scored)
    scores = {unordered(scored.keys(row)): float(likeness[row]) for row in range(len(scored))}
    barred = [row for row in np.flatnonzero(scored.barred).tolist() if _differ(rule, scored, row)]
    against = dict.fromkeys((unordered(scored.keys(row)) for row in barred), DIFFERS)
    against |= {unordered(pair): JUDGED for pair in distinct}
    found, hidden = _clusters(rule, known, records, scores, against, link_at)
    own = _own(rule, known, records, stands)
    whole = _whole(found, scores, stands, own, link_at)
    ordered = sorted(whole, key=lambda each: (-each.cohesion, *map(key_text, each.members)))
    return Alikes(
        rule, known, records, tuple(ordered), scores, stands, own, {**hidden, **against}, scored.candidates
    )  # fmt: skip


def _differ(rule: Match, scored: Scored, row: int) -> bool:
    """Two things for certain: by an identifier. Other doubts are for a person, who is asked about all of them."""
    return bool(scored.forbidden[row]) or DIFFERS in vetoes(rule, scored, row)


def _stands(rule: Match, records: Sequence[Candidate], alone: Collection[Key]) -> dict[Key, Key]:
    """For each record the first one that says the same. A record that was judged stands for itself."""
    first: dict[bytes, Key] = {}
    found = {}
    for each in records:
        compares = each.values and each.key not in alone and not (rule.within and rule.within not in each.values)
        found[each.key] = first.setdefault(to_json(dict(each.values)), each.key) if compares else each.key
    return found


def _likeness(scored: Scored) -> Floats:
    """The scores; an equal identifier that nothing speaks against is as good as certain."""
    return np.where(scored.decided & ~scored.barred, 1.0, scored.score)


def _clusters(
    rule: Match,
    census: Census,
    records: Mapping[Key, Candidate],
    scores: Mapping[Pair, float],
    against: Mapping[Pair, str],
    link_at: float,
) -> tuple[list[Cluster], dict[Pair, str]]:
    """With what contradicts them: pairs that score too little to be candidates may be known to be two things, too."""
    pairs = [(*pair, score) for pair, score in scores.items()]
    found = clusters(pairs, against, link_at)
    hidden = dict.fromkeys((pair for each in found for pair in _hidden(rule, census, records, each, scores)), DIFFERS)
    return (clusters(pairs, {*against, *hidden}, link_at) if hidden else found), hidden


def _hidden(
    rule: Match, census: Census, records: Mapping[Key, Candidate], cluster: Cluster, scores: Mapping[Pair, float]
) -> Iterator[Pair]:
    members = cluster.members
    if len(members) > SMALL:
        return
    places = [
        pair for pair in combinations(range(len(members)), 2) if (members[pair[0]], members[pair[1]]) not in scores
    ]
    chosen = [records[key] for key in members]
    weighed = weigh(rule, census, chosen, chosen, (_column(places, 0), _column(places, 1)))
    rows = (row for row in np.flatnonzero(weighed.barred).tolist() if _differ(rule, weighed, row))
    yield from (unordered(weighed.keys(row)) for row in rows)


def _column(pairs: Sequence[tuple[int, int]], end: int) -> Ints:
    return np.array([pair[end] for pair in pairs], dtype=np.int64)


# Records that say the same ---------------------------------------------------------------------------------


def _own(rule: Match, census: Census, records: Mapping[Key, Candidate], stands: Mapping[Key, Key]) -> dict[Key, float]:
    """How sure it is that two copies are one, by the record that stands for them."""
    several = sorted({stand for key, stand in stands.items() if key != stand}, key=key_text)
    chosen = [records[key] for key in several]
    places = np.arange(len(chosen), dtype=np.int64)
    weighed = weigh(rule, census, chosen, chosen, (places, places))
    return dict(zip(several, _likeness(weighed).tolist(), strict=True))


def _whole(
    found: Sequence[Cluster],
    scores: Mapping[Pair, float],
    stands: Mapping[Key, Key],
    own: Mapping[Key, float],
    link_at: float,
) -> Iterator[Cluster]:
    """The clusters with all copies of their members, and those that are nothing but copies."""
    copies: dict[Key, list[Key]] = {}
    for key, stand in stands.items():
        copies.setdefault(stand, []).append(key)
    sure = {stand for stand, score in own.items() if score >= link_at}
    inside = {key for cluster in found for key in cluster.members}
    for cluster in found:
        yield _expanded(cluster, scores, copies, own) if sure & {*cluster.members} else cluster
    for stand in sorted(sure - inside, key=key_text):
        first, second, *_ = copies[stand]
        yield Cluster(tuple(copies[stand]), own[stand], (first, second))


def _expanded(
    cluster: Cluster, scores: Mapping[Pair, float], copies: Mapping[Key, Sequence[Key]], own: Mapping[Key, float]
) -> Cluster:
    """Its cohesion is that of all pairs, copies included."""
    sizes = {key: len(copies[key]) for key in cluster.members}
    across = sum(
        scores.get(unordered(pair), 0.0) * sizes[pair[0]] * sizes[pair[1]] for pair in combinations(cluster.members, 2)
    )
    within = sum(own.get(key, 0.0) * size * (size - 1) / 2 for key, size in sizes.items())
    total = sum(sizes.values())
    members = tuple(sorted((key for stand in cluster.members for key in copies[stand]), key=key_text))
    return replace(cluster, members=members, cohesion=round((across + within) / (total * (total - 1) / 2), 4))
