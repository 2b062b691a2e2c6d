"""What do labels, or the pairs alone, teach a scorecard?

A value lies between two knots of its curve and is spread over both (a hat basis), so a scorecard is linear in its
points. `logistic` learns them from labelled pairs, `expectation_maximisation` from pairs of which few or none are
labelled. Both start from a prior scorecard and return to it where nothing is known; curves never fall. No answer
depends on the order of the pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crmsync.core.model import Curve, Scorecard

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

STRENGTH: Final = 0.7  # of the pull: a step that departs from the prior by 1 costs half of this, in log-loss
UNTAUGHT: Final = 0.5  # the same where no label speaks
LEVEL: Final = 0.25  # the pull on a point itself, beside the pull on its step from the point before: 1
BASE: Final = 0.25  # the pull on the base: it is what differs most between two sets of records
FORETOLD: Final = 20.0  # labels: what the prior says of how many candidates are the same weighs as much
DOUBTED: Final = 50  # labels that make what the pairs alone teach as believable as the shipped points
TRUST: Final = 0.9  # the share of the data in what unlabelled pairs teach: entries are never quite independent
SAMPLE: Final = 100_000  # unlabelled pairs; more teach no more, and cost time
CLOSE: Final = 1e-10  # a gradient this small, per pair, is the minimum
SETTLED: Final = 1e-2  # log-odds: a round that moves no step by more was the last
FARTHEST: Final = 10.0  # log-odds: beyond, one sure pair teaches as little as another


@dataclass(frozen=True, slots=True)
class _Block:
    """Some curves as one linear model of the pairs `rows`, which say something about one of them at least. Its unknowns
    are, for every curve, the first point and by how much each is higher than the one before; `start` is the prior's,
    `pull` [steps, steps] draws them back to it; where `rising` they must not be below 0."""

    curves: Mapping[str, Curve]
    rows: Ints
    design: Floats
    start: Floats
    pull: Floats
    rising: Flags

    def points(self, steps: Floats) -> dict[str, Floats]:
        ends = np.cumsum([0, *(len(curve.at) for curve in self.curves.values())]).tolist()
        return {name: np.cumsum(steps[ends[n] : ends[n + 1]]) for n, name in enumerate(self.curves)}


def _block(curves: Mapping[str, Curve], features: Floats) -> _Block:
    rows = np.flatnonzero(~np.isnan(features).all(axis=1))
    sizes = [len(curve.at) for curve in curves.values()]
    return _Block(
        curves,
        rows,
        np.hstack([np.zeros((len(rows), 0)), *(_steps(c, features[rows, n]) for n, c in enumerate(curves.values()))]),
        np.concatenate([np.zeros(0), *(np.diff(curve.points, prepend=0.0) for curve in curves.values())]),
        _pull(sizes),
        np.concatenate([np.zeros(0, dtype=bool), *(np.arange(size) > 0 for size in sizes)]),
    )


def _steps(curve: Curve, values: Floats) -> Floats:
    """[pairs, knots]: what the points of a pair gain by every step of the curve; nothing where a value is NaN."""
    knots = np.asarray(curve.at, dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(values))
    inside = np.clip(values[rows], knots[0], knots[-1])
    low = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, max(len(knots) - 2, 0))
    high = np.minimum(low + 1, len(knots) - 1)
    share = (inside - knots[low]) / np.where(high > low, knots[high] - knots[low], 1.0)
    hats = np.zeros((len(values), len(knots)))
    np.add.at(hats, (rows, low), 1 - share)
    np.add.at(hats, (rows, high), share)
    return np.cumsum(hats[:, ::-1], axis=1)[:, ::-1]


def _pull(sizes: Sequence[int]) -> Floats:
    """On every step but the first 1; on every point, which is the sum of the steps up to it, LEVEL."""
    found = np.zeros((sum(sizes), sum(sizes)))
    place = 0
    for size in sizes:
        sums = np.tril(np.ones((size, size)))
        found[place : place + size, place : place + size] = np.diag(np.arange(size) > 0) + LEVEL * sums.T @ sums
        place += size
    return found


def _canonical(*columns: Floats) -> Ints:
    """An order of the rows by what they say alone, so that no sum depends on the order of reading."""
    return np.lexsort(np.column_stack(columns).T)


def _check(features: Floats, prior: Scorecard, names: Sequence[str], labels: Floats, weights: Floats) -> None:
    wrong = [f"no curve for {name}" for name in names if name not in prior.curves]
    if features.shape[1:] != (len(names),):
        wrong.append(f"{len(names)} names for features of shape {features.shape}")
    if not len(features) == len(labels) == len(weights):
        wrong.append(f"{len(labels)} labels and {len(weights)} weights for {len(features)} pairs")
    if ((labels < 0) | (labels > 1)).any():
        wrong.append("a label must lie from 0 to 1")
    if not (weights > 0).all():
        wrong.append("a weight must be above 0")
    if wrong:
        raise ValueError("; ".join(wrong))


def _learned(prior: Scorecard, base: float, points: Mapping[str, Floats], labels: Floats, method: _Method) -> Scorecard:
    """Two decimals are enough for a person and for a score."""
    curves = dict(prior.curves) | {
        name: Curve(prior.curves[name].at, tuple(round(float(each), 2) + 0.0 for each in found))
        for name, found in points.items()
    }
    return Scorecard(round(float(base), 2) + 0.0, curves, method, len(labels), int((labels >= 0.5).sum()))


_Method: TypeAlias = Literal["logistic", "expectation-maximisation"]


def _probability(log_odds: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(log_odds / 2)))


# From labels ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """Find the steps from `start` that make `labels` likely; `pull` [steps, steps] draws them back to it. Where
    `rising`, a step must not be below 0. `offset`: log-odds that each pair has beside them."""

    design: Floats
    labels: Floats
    weights: Floats
    offset: Floats
    start: Floats
    pull: Floats
    rising: Flags

    def loss(self, steps: Floats) -> float:
        log_odds, away = self.offset + self.design @ steps, steps - self.start
        missed = np.logaddexp(0.0, log_odds) - self.labels * log_odds
        return float(self.weights @ missed + 0.5 * away @ self.pull @ away)

    def slope(self, steps: Floats) -> tuple[Floats, Floats]:
        """Gradient and Hessian of the loss."""
        found = _probability(self.offset + self.design @ steps)
        gradient = self.design.T @ (self.weights * (found - self.labels)) + self.pull @ (steps - self.start)
        spread = self.weights * found * (1 - found)
        return gradient, self.design.T @ (self.design * spread[:, None]) + self.pull

    def allowed(self, steps: Floats) -> Floats:
        return np.where(self.rising, np.maximum(steps, 0.0), steps)


def logistic(
    features: Floats,
    labels: Floats,
    prior: Scorecard,
    names: Sequence[str],
    strength: float = STRENGTH,
    weights: Floats | None = None,
    among: Floats | None = None,
) -> Scorecard:
    """Logistic regression on the points, pulled towards the prior's: the labels' log-loss + `strength` / 2 times the
    squared departure of every step between knots (and, weakly, of every point and the base) from the prior. So 20
    labels move little and 500 much, and a curve that no label touches stays as it is.

    `features`: [pairs, names], NaN = says nothing. `labels`: 1 same, 0 different, or how surely the same.
    `weights`: of how many pairs each label is a sample. They move the base alone: drawing more of one class, or of some
    scores, does not bend the curves (Prentice and Pyke, 1979), and points from a few heavy pairs would be noise. They
    count for as many labels as an even sample would need to tell as much (Kish, 1965).
    `among`: [candidates, names], what the labels are a sample of. With it the base keeps as many candidates the same as
    the prior has, as if FORETOLD labels had said so: the share of the same among a few labels is that of nothing.
    Raises ValueError where shapes, names, labels or weights do not fit, or `strength` is not above 0.
    """
    heavy = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    _check(features, prior, names, labels, heavy)
    if not strength > 0:
        raise ValueError(f"strength {strength} is not above 0")
    order = _canonical(features, labels, heavy)
    block = _block({name: prior.curves[name] for name in names}, features[order])
    task = _task(block, labels[order], prior.base, strength)
    found = _minimum(task)
    if among is None:
        base = found[0] if weights is None else _base(task, found, _as_even(heavy[order]))
    else:
        base = _base(_with_foretold(task, block, prior, among), found, _and_foretold(heavy[order], len(among)))
    return _learned(prior, float(base), block.points(found[1:]), labels, "logistic")


def _task(block: _Block, labels: Floats, base: float, strength: float) -> _Task:
    """The block and the base, which every pair has, whether it says anything or not."""
    design = np.zeros((len(labels), 1 + len(block.start)))
    design[:, 0] = 1.0
    design[block.rows, 1:] = block.design
    pull = np.zeros((1 + len(block.start), 1 + len(block.start)))
    pull[0, 0], pull[1:, 1:] = BASE, block.pull
    return _Task(
        design=design,
        labels=labels,
        weights=np.ones(len(labels)),
        offset=np.zeros(len(labels)),
        start=np.concatenate([[base], block.start]),
        pull=strength * pull,
        rising=np.concatenate([[False], block.rising]),
    )


def _minimum(task: _Task) -> Floats:
    """Projected Newton (Bertsekas, 1982): steps held at 0 move by their gradient alone. The loss is strictly convex, so
    there is one minimum."""
    steps = task.allowed(task.start)
    for _ in range(200):
        gradient, hessian = task.slope(steps)
        held = task.rising & (steps <= CLOSE) & (gradient > 0)
        if float(np.abs(np.where(held, 0.0, gradient)).max()) <= CLOSE * (1 + len(task.labels)):
            break
        better = _along(task, steps, gradient, _direction(gradient, hessian, held))
        if better is None:  # as low as floating point can tell
            break
        steps = better
    return steps


def _direction(gradient: Floats, hessian: Floats, held: Flags) -> Floats:
    free = np.flatnonzero(~held)
    found = -gradient / np.diag(hessian)
    found[free] = -np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
    return found


def _along(task: _Task, steps: Floats, gradient: Floats, direction: Floats) -> Floats | None:
    loss, length = task.loss(steps), 1.0
    while length > 1e-10:
        there = task.allowed(steps + length * direction)
        if task.loss(there) < loss + 1e-4 * min(float(gradient @ (there - steps)), 0.0):
            return there
        length /= 2
    return None


def _base(task: _Task, found: Floats, weights: Floats) -> float:
    """The base that makes the points found right on average in what the labels are a sample of."""
    rest = np.concatenate([[0.0], found[1:]])
    alone = _Task(
        design=task.design[:, :1],
        labels=task.labels,
        weights=weights,
        offset=task.design @ rest,
        start=task.start[:1],
        pull=task.pull[:1, :1],
        rising=task.rising[:1],
    )
    return float(_minimum(alone)[0])


def _as_even(weights: Floats) -> Floats:
    """The weights, together as heavy as the even sample is large that tells as much."""
    return weights * weights.sum() / (weights**2).sum() if len(weights) else weights


def _and_foretold(weights: Floats, candidates: int) -> Floats:
    return np.concatenate([_as_even(weights), np.full(candidates, FORETOLD / max(candidates, 1))])


def _with_foretold(task: _Task, block: _Block, prior: Scorecard, among: Floats) -> _Task:
    """The task, and after its labels the candidates, each as surely the same as the prior says."""
    order = _canonical(among)
    all_of = _task(_block(block.curves, among[order]), np.zeros(len(among)), prior.base, 1.0)
    return replace(
        task,
        design=np.vstack([task.design, all_of.design]),
        labels=np.concatenate([task.labels, _probability(all_of.design @ all_of.start)]),
    )


def between(shipped: Scorecard, estimated: Scorecard, labels: int) -> Scorecard:
    """From where to learn with so many labels: from the shipped points with few, from those that the pairs alone teach
    with many. An estimate may be far off where pairs resemble each other for another reason than being the same
    (colleagues), and labels alone can tell. Both have the same curves."""
    share = labels**2 / (labels**2 + DOUBTED**2)
    curves = {
        name: Curve(curve.at, tuple(_part(curve.points, estimated.curves[name].points, share)))
        for name, curve in shipped.curves.items()
    }
    return replace(estimated, base=(1 - share) * shipped.base + share * estimated.base, curves=curves)


def _part(one: Sequence[float], other: Sequence[float], share: float) -> list[float]:
    return [(1 - share) * a + share * b for a, b in zip(one, other, strict=True)]


# From the pairs alone ------------------------------------------------------------------------------


def expectation_maximisation(
    features: Floats, prior: Scorecard, names: Sequence[str], anchors: Floats, rounds: int = 30
) -> Scorecard:
    """The mixture of Fellegi and Sunter (1969): by turns, how surely every pair is the same, from the prior's points at
    first, and what the points are if that is so, with the share of same pairs.

    `features`: [pairs, names], NaN = says nothing. `anchors`: labels of 0 to 1 that stay as they are, NaN for a pair
    that has none. Entries are taken as independent of each other, the features of one entry are not: their log ratios
    come from one logistic regression of how surely the same, so that what several features tell counts once. Curves
    never fall; they are drawn to the prior by 1 - TRUST, and wholly where no pair lies. A scorecard of a single entry
    has nothing else to learn from and stays much as it is. Of more than SAMPLE pairs an even sample is taken.
    Raises ValueError as `logistic` does. Labels teach more after it: its answer is the better prior for `logistic`.
    """
    _check(features, prior, names, anchors, np.ones(len(features)))
    order = _canonical(features, anchors)[:: max(-(-len(features) // SAMPLE), 1)]
    blocks = [
        _block({names[n]: prior.curves[names[n]] for n in places}, features[order][:, places])
        for places in _by_entry(names)
    ]
    base, steps = prior.base, [block.start for block in blocks]
    for _ in range(rounds):
        same = _expected(blocks, base, steps, anchors[order])
        before, now = (base, steps), (_log_rate(same, prior.base), [_likeliest(block, same) for block in blocks])
        base, steps = now
        if _moved(before, now) < SETTLED:
            break
    points = {
        name: found for block, each in zip(blocks, steps, strict=True) for name, found in block.points(each).items()
    }
    return _learned(prior, base, points, anchors[~np.isnan(anchors)], "expectation-maximisation")


def _by_entry(names: Sequence[str]) -> list[list[int]]:
    """The places of every entry's features, in the order of the entries' names."""
    found: dict[str, list[int]] = {}
    for place, name in sorted(enumerate(names), key=lambda each: each[1]):
        found.setdefault(name.rpartition(".")[0], []).append(place)
    return list(found.values())


def _expected(blocks: Sequence[_Block], base: float, steps: Sequence[Floats], anchors: Floats) -> Floats:
    log_odds = np.full(len(anchors), base, dtype=np.float64)
    for block, each in zip(blocks, steps, strict=True):
        log_odds[block.rows] += block.design @ each
    return np.where(np.isnan(anchors), _probability(log_odds), anchors)


def _likeliest(block: _Block, same: Floats) -> Floats:
    """The steps whose points are the log ratio of how a block's values lie among the same pairs and among the others:
    the log-odds given the values, less those of all the pairs that have them."""
    mine = same[block.rows]
    found = _minimum(
        _Task(
            design=block.design,
            labels=mine,
            weights=np.ones(len(mine)),
            offset=np.full(len(mine), _log_rate(mine, 0.0)),
            start=block.start,
            pull=UNTAUGHT * block.pull,
            rising=block.rising,
        )
    )
    return TRUST * found + (1 - TRUST) * block.start


def _log_rate(same: Floats, base: float) -> float:
    """The log-odds of a pair of which nothing is known; one more pair, at `base`, keeps them finite."""
    rate = (same.sum() + _probability(np.clip([base], -FARTHEST, FARTHEST))[0]) / (len(same) + 1)
    return float(np.log(rate) - np.log1p(-rate))


def _moved(before: tuple[float, list[Floats]], now: tuple[float, list[Floats]]) -> float:
    gaps = [float(np.abs(first - second).max()) for first, second in zip(before[1], now[1], strict=True)]
    return max([abs(before[0] - now[0]), *gaps])


# What to ask next ----------------------------------------------------------------------------------


def choose(features: Floats, scores: Floats, n: int, near: Sequence[float]) -> Ints:
    """The rows of the `n` pairs whose labels teach most, rising: half of them nearest to one of the scores `near` (the
    thresholds) by log-odds, half spread evenly over all log-odds. Pairs that say the same to a tenth are asked once, as
    long as others are left. Ties go to the upper row: give rows sorted by key."""
    clipped = np.clip(scores, *_probability(np.array([-FARTHEST, FARTHEST])))
    log_odds = np.log(clipped) - np.log1p(-clipped)
    bounds = np.log(near) - np.log1p(-np.asarray(near))
    order = np.argsort(np.abs(log_odds[:, None] - bounds).min(axis=1), kind="stable")
    fresh = _first_of_each(np.where(np.isnan(features), -np.inf, features.round(1)), order)
    nearest, others = np.split(fresh, [min((n + 1) // 2, len(fresh))])
    picked = np.concatenate([nearest, _spread(log_odds, others, n - len(nearest))])
    again = order[~np.isin(order, picked)]
    return np.sort(np.concatenate([picked, again[: n - len(picked)]]))


def _first_of_each(said: Floats, order: Ints) -> Ints:
    """Of rows that say the same, the first in the order."""
    _, first = np.unique(said[order], axis=0, return_index=True)
    return order[np.sort(first)]


def _spread(log_odds: Floats, rows: Ints, n: int) -> Ints:
    """Up to `n` of the rows, each the nearest that is left to its step on an even ladder over their log-odds."""
    if len(rows) <= n:
        return rows
    left = np.sort(rows)
    places = log_odds[left]
    found = np.zeros(n, dtype=np.int64)
    for number, step in enumerate(np.linspace(places.min(), places.max(), n)):
        nearest = int(np.abs(places - step).argmin())
        found[number], places[nearest] = left[nearest], np.inf
    return found
