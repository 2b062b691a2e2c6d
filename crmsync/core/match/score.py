"""How sure are we that two records are the same? Features of all candidate pairs in bulk, weighed to one score each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crmsync.core.match.block import Blocking, candidates_of, hashed, id_text, pairs_between, pairs_within
from crmsync.core.match.census import Census
from crmsync.core.match.columns import Column
from crmsync.core.match.compare.comparator import Floats, Ints
from crmsync.core.match.rule import Candidate, Group, feature_names, groups_of, scorecard_of
from crmsync.core.match.scorecard import points
from crmsync.core.model import Both, Key, Match, Scorecard, key_text

DISAGREES: Final = 0.5  # a likeness below this speaks against an equal identifier
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidate pairs, a row each, sorted by the keys of both; what is known of them as columns.

    `first` and `second` are the records, sorted by key (the same ones inside one system), `i` and `j` places in them.
    `features`: [pairs, len(names)], NaN says nothing. `equal`: an identifier that decides is equal. `alone`: nobody
    else on either side has it. `barred`: something forbids to link them without a person; `forbidden`: an identifier
    that decides does. `contradicted`: all other fields speak against it. `present`, `support`: how many groups of
    fields both have, and how many speak for it. `strength` orders pairs more finely than `score`: log-odds, or the
    score itself with weights by hand. `candidates`: so many pairs were compared at all.
    """

    first: Sequence[Candidate]
    second: Sequence[Candidate]
    names: tuple[str, ...]
    candidates: int
    i: Ints
    j: Ints
    score: Floats
    strength: Floats
    features: Floats
    equal: Bools
    alone: Bools
    barred: Bools
    forbidden: Bools
    contradicted: Bools
    present: Ints
    support: Ints

    @property
    def decided(self) -> Bools:
        """An identifier that decides is equal, no other one differs, and not all else speaks against it."""
        found: Bools = self.equal & ~self.forbidden & ~self.contradicted
        return found

    def __len__(self) -> int:
        return len(self.i)

    def keys(self, row: int) -> Both[Key]:
        return self.first[self.i[row]].key, self.second[self.j[row]].key


def score_pairs(
    rule: Match,
    census: Census,
    first: Sequence[Candidate],
    second: Sequence[Candidate] | None = None,
    keep_from: float = 0.0,
    beside: Collection[Both[Key]] = (),
) -> Scored:
    """Score every pair that shares a block, between two systems or inside one, and the pairs `beside`, which may share
    none. Pairs below `keep_from` are left out, unless an identifier that decides is equal."""
    ours = _sorted(first)
    theirs = ours if second is None else _sorted(second)
    blocking = Blocking.of(rule, census)
    mine = hashed(blocking, ours)
    width = len(theirs) or 1
    found = pairs_within(mine, width) if second is None else pairs_between(mine, hashed(blocking, theirs), width)
    pairs = candidates_of([*found, _codes(ours, theirs, beside)])
    return weigh(rule, census, ours, theirs, (pairs // width, pairs % width), keep_from)


def _codes(ours: Sequence[Candidate], theirs: Sequence[Candidate], pairs: Collection[Both[Key]]) -> Ints:
    """Where these pairs stand, as blocking says it; inside one system the first place is the lower one."""
    if not pairs:
        return np.zeros(0, dtype=np.int64)
    first, second = ({each.key: place for place, each in enumerate(side)} for side in (ours, theirs))
    places = [(first[one], second[two]) for one, two in pairs if one in first and two in second]
    if ours is theirs:
        places = [(min(each), max(each)) for each in places if each[0] != each[1]]
    return np.array([i * (len(theirs) or 1) + j for i, j in places], dtype=np.int64)


def _sorted(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    return sorted(candidates, key=lambda each: key_text(each.key))


def weigh(
    rule: Match,
    census: Census,
    first: Sequence[Candidate],
    second: Sequence[Candidate],
    pairs: tuple[Ints, Ints],
    keep_from: float = 0.0,
) -> Scored:
    """Score the pairs at these places, sorted. What costs most is measured last, and only for pairs that may still
    reach `keep_from`."""
    if rule.within:
        pairs = _of_one_parent(rule.within, first, second, pairs)
    compared = groups_of(rule)
    weights = Weights.of(rule, compared)
    i, j = pairs
    equal, alone, forbidden = _identified([_Identifier.of(names, first, second) for names in rule.decide], i, j)
    measured: dict[str, Floats] = {}
    rows = np.arange(len(i), dtype=np.int64)  # those that are still in question
    most = np.full(len(i), weights.most())  # what they may reach
    for group in sorted(compared, key=lambda each: (len(each.by.features), len(each.fields))):
        ones, twos = i[rows], j[rows]
        measured[group.name] = Column.of(group, census, first, second, (ones, twos)).measure(ones, twos)
        most += weights.shortfall(group, measured[group.name])
        left = weights.reaches(keep_from, most) | equal[rows]
        if not left.all():
            rows, most = rows[left], most[left]
            measured = {name: features[left] for name, features in measured.items()}
    features = [measured[group.name] for group in compared]
    nothing = np.zeros((len(rows), 0))
    likeness = np.column_stack([each[:, 0] for each in features]) if features else nothing
    parts, present = weights.parts(features, len(rows)), (~np.isnan(likeness)).sum(axis=1)
    score, strength = weights.score(parts, present)
    support, contradicted = weights.votes(parts, likeness)
    kept = (score >= keep_from) | equal[rows]
    last, vetoed = rows[kept], _vetoed(compared, features, len(rows)) | weights.strangers(parts)
    return Scored(
        first, second, feature_names(compared), len(i), i[last], j[last], score[kept], strength[kept],
        (np.column_stack(features) if features else nothing)[kept], equal[last], alone[last],
        forbidden[last] | vetoed[kept], forbidden[last], contradicted[kept], present[kept], support[kept],
    )  # fmt: skip


def _vetoed(compared: Sequence[Group], features: Sequence[Floats], size: int) -> Bools:
    found = np.zeros(size, dtype=bool)
    for group, measured in zip(compared, features, strict=True):
        for n, feature in enumerate(group.by.features):
            if feature.name in group.by.vetoes:
                found |= measured[:, n] < 1.0
    return found


def _of_one_parent(
    name: str, first: Sequence[Candidate], second: Sequence[Candidate], pairs: tuple[Ints, Ints]
) -> tuple[Ints, Ints]:
    same = [
        first[i].values.get(name) == second[j].values.get(name)
        for i, j in zip(*(each.tolist() for each in pairs), strict=True)
    ]
    kept = np.array(same, dtype=bool)
    return pairs[0][kept], pairs[1][kept]


@dataclass(frozen=True, slots=True)
class _Identifier:
    """One identifier that decides: a number for each distinct text (-1 for none), and whether a side has it once."""

    first: Ints
    second: Ints
    alone: Bools  # by number

    @classmethod
    def of(cls, names: tuple[str, ...], first: Sequence[Candidate], second: Sequence[Candidate]) -> _Identifier:
        numbers: dict[str, int] = {}
        sides = []
        for side in (first, second):
            texts = [id_text(each.values, names) for each in side]
            sides.append(
                np.array(
                    [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64
                )
            )
        alone = np.ones(len(numbers) + 1, dtype=bool)
        limit = 2 if first is second else 1  # inside one system the two of a pair have it both
        for numbered in sides:
            counts = np.bincount(numbered[numbered >= 0], minlength=len(alone))
            alone &= counts <= limit
        return cls(sides[0], sides[1], alone)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the features of all groups are worth: a scorecard, or weights by hand."""

    rule: Match
    compared: tuple[Group, ...]
    card: Scorecard

    @classmethod
    def of(cls, rule: Match, compared: tuple[Group, ...]) -> Weights:
        return cls(rule, compared, scorecard_of(rule))

    def parts(self, measured: Sequence[Floats], size: int) -> Floats:
        """[pairs, groups]: the points of each group; with weights by hand its share of the score."""
        if self.rule.weighted and measured:
            return self._shares(measured)
        found = [self.points(group, features) for group, features in zip(self.compared, measured, strict=True)]
        return np.column_stack(found) if found else np.zeros((size, 0))

    def points(self, group: Group, features: Floats) -> Floats:
        curves = (self.card.curves[f"{group.name}.{each.name}"] for each in group.by.features)
        return np.asarray(sum(points(curve, features[:, n]) for n, curve in enumerate(curves)))

    def most(self) -> float:
        """The points of a pair for which everything speaks as much as it can; NaN with weights by hand."""
        return np.nan if self.rule.weighted else self.card.base + sum(map(self._most, self.compared))

    def shortfall(self, group: Group, features: Floats) -> Floats:
        """How far the points of a group stay below those, 0 or less."""
        return np.zeros(len(features)) if self.rule.weighted else self.points(group, features) - self._most(group)

    def reaches(self, score: float, most: Floats) -> Bools:
        """Which pairs reach a score if they get the points that they may."""
        if self.rule.weighted or score <= 0.0:
            return np.ones(len(most), dtype=bool)
        return np.asarray(most >= np.log(score / (1.0 - score)) - 0.001)

    def _most(self, group: Group) -> float:
        curves = (self.card.curves[f"{group.name}.{each.name}"] for each in group.by.features)
        return sum(max(0.0, *curve.points) for curve in curves)

    def _shares(self, measured: Sequence[Floats]) -> Floats:
        likeness = np.column_stack([each[:, 0] for each in measured])
        weight = np.where(np.isnan(likeness), 0.0, np.array([group.weight or 0.0 for group in self.compared]))
        total = weight.sum(axis=1, keepdims=True)
        return np.nan_to_num(likeness) * weight / np.where(total > 0, total, 1.0)

    def score(self, parts: Floats, present: Ints) -> tuple[Floats, Floats]:
        """Score, 0 to 1 in ten thousandths, and strength. With fewer than two fields present the score cannot reach
        `link_at`."""
        total = parts.sum(axis=1)
        if self.rule.weighted or not self.compared:
            score = total
        else:
            total = self.card.base + total
            score = 1.0 / (1.0 + np.exp(-np.clip(total, -40.0, 40.0)))
        score = np.round(np.where(present > 1, score, np.minimum(score, self.rule.link_at - 0.001)), 4)
        return score, np.round(total, 4)

    def strangers(self, parts: Floats) -> Bools:
        """The pairs that what they are called speaks clearly against: colleagues, or neighbours at one desk."""
        found = np.zeros(len(parts), dtype=bool)
        for n, group in enumerate(self.compared):
            if group.by.stranger is not None and not self.rule.weighted:
                found |= parts[:, n] < group.by.stranger
        return found

    def votes(self, parts: Floats, likeness: Floats) -> tuple[Ints, Bools]:
        """How many groups speak for a pair, and whether all speak against it, but for the identifiers that decide."""
        if self.rule.weighted:
            support, against = likeness >= DISAGREES, likeness < DISAGREES
        else:
            support, against = parts > 0.0, parts < 0.0
        decide = {name for names in self.rule.decide for name in names}
        other = np.array([decide.isdisjoint(group.fields) for group in self.compared], dtype=bool)
        there = ~np.isnan(likeness[:, other])
        contradicted = there.any(axis=1) & (against[:, other] | ~there).all(axis=1)
        return support.sum(axis=1), np.asarray(contradicted)


def _identified(ids: Sequence[_Identifier], i: Ints, j: Ints) -> tuple[Bools, Bools, Bools]:
    """Which pairs have an equal identifier; have only such as nobody else has; have one on both sides that differs."""
    equal, alone, barred = np.zeros(len(i), dtype=bool), np.ones(len(i), dtype=bool), np.zeros(len(i), dtype=bool)
    for each in ids:
        mine, theirs = each.first[i], each.second[j]
        both = (mine >= 0) & (theirs >= 0)
        same = both & (mine == theirs)
        equal |= same
        alone &= ~same | each.alone[np.where(same, mine, 0)]
        barred |= both & ~same
    return equal, alone & equal, barred
