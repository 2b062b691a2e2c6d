"""What do labels teach about matching? How good it is, which points it should give, from which scores on it should
link and ask, and which pairs a person should judge next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Final

import numpy as np

from crmsync.core.match import judge
from crmsync.core.match.fit import between, choose, expectation_maximisation, logistic
from crmsync.core.match.inside import doubles
from crmsync.core.match.measure import Figures, Said, Step, curve, evaluate, wilson
from crmsync.core.match.rule import kinds_of, scorecard_of
from crmsync.core.match.score import Scored
from crmsync.core.match.scorecard import points
from crmsync.core.match.tune import Tuned, thresholds
from crmsync.core.model import ABSENT, Both, Finding, Json, Key, Match, Scorecard, Side, Verdict
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import crossed
from crmsync.run.match.gather import Gathered
from crmsync.run.match.labelled import Floats, Ints, Labels, Stock, labels_of, stock
from crmsync.run.match.sheets import Pairs
from crmsync.run.world import Stopped, World

LOWEST: Final = 0.01  # pairs below this score are not listed in an evaluation: nobody would link or ask about them
EVEN: Final = 0.5  # nothing is ever linked below this score
LEAST: Final = 0.95  # a precision: labels that prove less propose nothing, however few records there are
ABOUT: Final = (0.5, 2.0)
"""So many times as many pairs as by the shipped points may be the same by what the pairs alone teach: else they have
been parted by something else (a town). Of fourteen public and generated sets F1 was 0.17 worse beyond (renamed firms,
by name and town), and from 0.011 worse to 0.025 better within."""
MOST: Final = 30_000  # pairs that expectation-maximisation looks at; of more, every n-th

# How good is it? -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`curve`: precision and recall over the threshold. `truth`: the file, with the keys that no record has."""

    stock: Stock
    figures: Figures
    curve: tuple[Step, ...]
    truth: Pairs


def evaluated(world: World, mapping: Declared, truth: Path, side: Side | None) -> Evaluated:
    """Judge all records, linked or not, and hold that against a file of all pairs that are the same."""
    material = stock(world, mapping, side)
    pairs = material.true_pairs(truth)
    true = [keys for keys, same in pairs.judged.items() if same]
    rows = material.rows_of(true)
    said = _said(material, set(rows.values()))
    one_side = side is not None
    figures = evaluate(said, true, len(material.scored), len(rows), one_side)
    return Evaluated(material, figures, tuple(curve(said, true, one_side)), pairs)


def _said(material: Stock, true: set[int]) -> list[Said]:
    scored = material.scored
    verdicts = _verdicts(material, material.rule)
    rows = {*np.flatnonzero(scored.score >= LOWEST).tolist(), *true}
    listed = [(scored.keys(row), float(scored.score[row])) for row in sorted(rows)]
    return [Said(keys, score, verdicts.get(keys)) for keys, score in listed]


def _verdicts(material: Stock, rule: Match) -> dict[Both[Key], Verdict]:
    if material.side is not None:
        return doubles(rule, material.scored)
    return {each.keys: each.verdict for each in judge(rule, material.scored)}


# Which points? ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trained:
    """`before`: the scorecard that the mapping has now. `right`: of the labelled pairs that are the same, and of the
    others, how many lay on the right side of one half before, and lie there now."""

    stock: Stock
    labels: Labels
    before: Scorecard
    card: Scorecard
    right: Both[Both[int]]


def trained(world: World, mapping: Declared, file: Path | None, side: Side | None) -> Trained:
    """Fit the points: to the pairs alone, and then, where there are any of both kinds, to the labels. From the shipped
    points, whatever was learned before: the same labels give the same model. Raises `Stopped` (exit 2) where a file
    teaches nothing: it judges no pair that is compared, or, with what people judged, gives no pair of one kind."""
    material = stock(world, mapping, side, _by_points(mapping))
    pairs = material.judged_pairs(file) if file else None
    material = material.with_labelled(pairs)
    labels = _believed(material, labels_of(material, pairs))
    if pairs is not None:
        _refuse_one_sided(labels, pairs)
    scored, prior = material.scored, scorecard_of(material.rule)
    card = learned(prior, scored, labels)
    if card is prior:
        raise Stopped(2, _untaught(mapping, prior, scored))
    before = scorecard_of(mapping.match) if mapping.match and not mapping.match.weighted else prior
    right = (_right(before, scored, labels), _right(card, scored, labels))
    return Trained(material, labels, before, card, ((right[0][0], right[1][0]), (right[0][1], right[1][1])))


def _untaught(mapping: Declared, prior: Scorecard, scored: Scored) -> Finding:
    told = f"by the shipped points {said_same(prior, scored):.0f} of {len(scored)} pairs are the same"
    other = f"less than {ABOUT[0]:g} or more than {ABOUT[1]:g} times as many"
    message = f"{mapping.name}: the pairs alone teach nothing to be trusted: {told}, by what they teach {other}"
    mend = f"stay with the shipped points, or label pairs: crmsync match sample -s {mapping.name} -o pairs.csv"
    return Finding("usage/untaught", message, mend, at=mapping.at)


def learned(prior: Scorecard, scored: Scored, labels: Labels) -> Scorecard:
    """The points of the pairs alone, and then of the labels where there are any of both kinds. Where the pairs alone
    teach something else than what is the same, from the prior on; without labels, then, the prior itself."""
    rows, anchors = _anchored(scored, labels)
    card = expectation_maximisation(scored.features[rows], prior, scored.names, anchors)
    found, foretold = said_same(card, scored), said_same(prior, scored)
    card = card if ABOUT[0] * foretold <= found <= ABOUT[1] * foretold else prior
    if not 0 < labels.same < len(labels.values):
        return card
    start = between(prior, card, len(labels.values) - labels.derived)
    told = scored.features[labels.rows]
    return logistic(told, labels.values, start, scored.names, weights=labels.weights, among=scored.features[rows])


def _believed(material: Stock, labels: Labels) -> Labels:
    """Without the pairs that another one rules out and that look the same nevertheless: more often than not the record
    is there twice, and both are."""
    if not labels.derived:
        return labels
    kept = (labels.values >= EVEN) | (material.scored.score[labels.rows] < EVEN)
    rows, values, weights = labels.rows[kept], labels.values[kept], labels.weights[kept]
    return replace(labels, rows=rows, values=values, weights=weights, derived=int((values < EVEN).sum()))


def _refuse_one_sided(labels: Labels, pairs: Pairs) -> None:
    others = len(labels.values) - labels.same
    if labels.same and others:
        return
    missing = " and ".join(word for word, count in (("the same", labels.same), ("different", others)) if not count)
    message = f"of the labelled pairs that are compared, {labels.same} are the same and {others} different"
    mend = f"label pairs that are {missing}, 20 or more (crmsync match sample); without --labels the pairs teach"
    raise Stopped(2, pairs.sheet.wrong("sheet/one-sided", message, mend))


def _by_points(mapping: Declared) -> Match | None:
    """The rule without weights by hand and without what was learned."""
    rule = mapping.match
    if rule is None:
        return None
    compare = tuple(replace(each, weight=None) for each in rule.compare)
    return replace(rule, compare=compare, scorecard=None)


def _anchored(scored: Scored, labels: Labels) -> tuple[Ints, Floats]:
    """The rows to learn from without labels of both kinds: what is labelled, and what identifiers decide, stands."""
    known = np.full(len(scored), np.nan)
    known[scored.equal & scored.alone & ~scored.forbidden] = 1.0
    known[labels.rows] = labels.values
    step = max(-(-len(scored) // MOST), 1)
    rows = np.arange(0, len(scored), step, dtype=np.int64)
    return rows, known[rows]


def said_same(card: Scorecard, scored: Scored) -> float:
    """How many of these pairs are the same, by their points."""
    return float((1 / (1 + np.exp(-_log_odds(card, scored, np.arange(len(scored)))))).sum())


def _log_odds(card: Scorecard, scored: Scored, rows: Ints) -> Floats:
    total = np.full(len(rows), card.base)
    for place, name in enumerate(scored.names):
        if name in card.curves:
            total += points(card.curves[name], scored.features[rows, place])
    return total


def _right(card: Scorecard, scored: Scored, labels: Labels) -> Both[int]:
    total = _log_odds(card, scored, labels.rows)
    same = labels.values >= 0.5
    return int((total[same] > 0).sum()), int((total[~same] <= 0).sum())


# Which thresholds? -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """Thresholds, with what they would do to all records: links and questions, now and then. `tuned` is None where no
    labelled pair is the same: nothing can be told. `linkable`: so many pairs a threshold decides about; `provable` is
    the precision that they prove were all of them labelled, without a mistake. `then` is None where nothing is
    proposed: the wanted precision is not proved, and more labels could, or what is proved is below LEAST, or it is a
    lower `link_at` than now that is proved best: few labels without a mistake prove the same of any score."""

    stock: Stock
    labels: Labels
    tuned: Tuned | None
    now: Both[int]
    then: Both[int] | None
    linkable: int

    @property
    def provable(self) -> float:
        return wilson(self.linkable, self.linkable)[0]


def tuned(world: World, mapping: Declared, file: Path | None, precision: float, side: Side | None = None) -> Proposal:
    """Of the pairs that a threshold alone keeps from being linked (between two systems the clear best of both their
    records), the labelled ones prove `link_at`; those of all candidates `review_at`."""
    material = stock(world, mapping, side)
    labels = labels_of(material, material.judged_pairs(file) if file else None)
    scored, now = material.scored, _would_do(material, material.rule)
    known = np.full(len(scored), np.nan)
    known[labels.rows] = labels.values
    best = _clear_best(material)
    if not (known[best] >= 0.5).any():
        return Proposal(material, labels, None, now, None, len(best))
    links = thresholds(scored.score[best], known[best], precision)
    weak = links.proved < LEAST or len(best) >= links.needed or links.link_at < material.rule.link_at
    if weak and not links.enough:
        return Proposal(material, labels, links, now, None, len(best))
    asked = thresholds(scored.score, known, precision)
    review_at = min(asked.review_at, links.link_at)
    missed = float((scored.score[known >= 0.5] < review_at).mean())
    then = _would_do(material, replace(material.rule, link_at=links.link_at, review_at=review_at))
    found = replace(links, review_at=review_at, missed=missed, questions=then[1], share_true=asked.share_true)
    return Proposal(material, labels, found, now, then, len(best))


def _clear_best(material: Stock) -> Ints:
    """The rows that would be linked by score, were every score high enough that says more yes than no."""
    rows = _same_from(material, EVEN)
    if material.side is None:
        return rows[~material.scored.equal[rows]]
    return np.setdiff1d(rows, _same_from(material, inf))  # inside a system the score may weigh an equal identifier


def _same_from(material: Stock, link_at: float) -> Ints:
    """The rows that this threshold would link; rising."""
    rule = replace(material.rule, link_at=link_at, review_at=EVEN)
    linked = [keys for keys, verdict in _verdicts(material, rule).items() if verdict is Verdict.SAME]
    return np.array(sorted(material.rows_of(linked).values()), dtype=np.int64)


def _would_do(material: Stock, rule: Match) -> Both[int]:
    verdicts = list(_verdicts(material, rule).values())
    return verdicts.count(Verdict.SAME), verdicts.count(Verdict.UNSURE)


# Which pairs next? ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sampled:
    """One pair of a sample. `same` None: to be judged by a person."""

    keys: Both[Key]
    same: bool | None
    score: float
    values: Both[dict[str, Json]]


def sampled(world: World, mapping: Declared, file: Path | None, n: int, side: Side | None = None) -> list[Sampled]:
    """`n` pairs: all that are judged, but at most half of them as many, and those whose labels would teach most."""
    material = stock(world, mapping, side)
    pairs = material.read(file) if file else None
    material = material.with_labelled(pairs)
    labels = labels_of(material, pairs)
    scored = material.scored
    told = labels.rows if not labels.derived else labels.rows[labels.values >= 0.5]
    known = dict(zip(labels.rows.tolist(), labels.values.tolist(), strict=True))
    decided = _spread(told.tolist(), (n + 1) // 2)
    rest = np.setdiff1d(np.flatnonzero(scored.score >= LOWEST), told)
    near = [min(max(each, LOWEST), 1 - LOWEST) for each in (material.rule.review_at, material.rule.link_at)]
    size = min(n - len(decided), len(rest))
    fresh = rest[choose(scored.features[rest], scored.score[rest], size, near)] if size else rest[:0]
    rows = sorted([*decided, *fresh.tolist()])
    return [_sampled(material, row, known[row] if row in decided else None) for row in rows]


def _spread(rows: Sequence[int], most: int) -> list[int]:
    """Every n-th, so that at most so many are left."""
    return list(rows[:: max(-(-len(rows) // most), 1)])


def _sampled(material: Stock, row: int, label: float | None) -> Sampled:
    keys = material.scored.keys(row)
    values = (_plain(material, material.gathered[0], keys[0]), _plain(material, material.gathered[-1], keys[1]))
    return Sampled(keys, None if label is None else label >= 0.5, float(material.scored.score[row]), values)


def _plain(material: Stock, gathered: Gathered, key: Key) -> dict[str, Json]:
    """What is compared of a record, before it is brought into its normal form; of a link its parent."""
    compiled, found = material.world.compile(material.mapping), gathered.by_key[key]
    plain = {}
    for name in kinds_of(material.rule):
        place = compiled.index[name]
        if compiled.mapping.fields[place].link:
            plain[name] = found.candidate.values.get(name)
        else:
            plain[name] = crossed(compiled, place, gathered.side, found.natives[place], lambda *_: ABSENT)
    return {name: value for name, value in plain.items() if value is not None and value is not ABSENT}
