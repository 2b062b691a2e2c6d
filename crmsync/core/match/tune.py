"""From which score on may pairs be linked unasked, and from which on is a question worth a person's time?

Labels prove a threshold: the precision that counts is the lower Wilson bound, so that few labels prove little.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crmsync.core.match.measure import CONFIDENCE, wilson

Floats: TypeAlias = NDArray[np.float64]

MISSED: Final = 0.02  # of the labelled pairs that are the same, at most this share may lie below `review_at`
PRECISION: Final = 0.995


@dataclass(frozen=True, slots=True)
class Tuned:
    """`labels` labelled pairs lie at or above `link_at`, `wrong` of them different: that proves the precision `proved`.
    Where that is less than the `wanted` one, `link_at` is the score whose links are proved best, and `needed` says
    how many labels without a mistake, at least, would prove it. Below `review_at` lie the share `missed` of the
    labelled pairs that are the same. `questions`: how many of all pairs lie between the two; of those that are
    labelled, the share `share_true` is the same (None: none is labelled)."""

    link_at: float
    review_at: float
    wanted: float
    proved: float
    labels: int
    wrong: int
    needed: int
    missed: float
    questions: int
    share_true: float | None

    @property
    def enough(self) -> bool:
        return self.proved >= self.wanted


def thresholds(
    scores: Floats, labels: Floats, precision: float = PRECISION, missed: float = MISSED, confidence: float = CONFIDENCE
) -> Tuned:
    """The lowest `link_at` that the labels prove to be as precise as wanted, and the highest `review_at`, not above it,
    that loses at most the share `missed` of the pairs that are the same.

    `scores`: of all pairs, 0 to 1. `labels`: 1 same, 0 different, NaN for a pair that has none. Labels are taken as a
    fair sample of the pairs above any threshold; a sample that leans to doubtful pairs proves less than is true.
    Raises ValueError where no pair is labelled, or none of them the same.
    """
    known = ~np.isnan(labels)
    said = labels[known] >= 0.5
    if len(scores) != len(labels) or not said.any():
        raise ValueError(
            f"{len(scores)} scores, {int(known.sum())} labels, {int(said.sum())} of them the same: need one"
        )
    link_from, proved, wrong, count = _link_from(scores[known], said, precision, confidence)
    review_from = min(_review_from(scores[known][said], missed), link_from)
    link_at, review_at = _shortest(scores, link_from), _shortest(scores, review_from)
    between = (scores >= review_at) & (scores < link_at)
    asked = labels[between & known]
    return Tuned(
        link_at=link_at,
        review_at=review_at,
        wanted=precision,
        proved=proved,
        labels=count,
        wrong=wrong,
        needed=flawless(precision, confidence),
        missed=float((scores[known][said] < review_at).mean()),
        questions=int(between.sum()),
        share_true=float((asked >= 0.5).mean()) if len(asked) else None,
    )


def flawless(precision: float, confidence: float = CONFIDENCE) -> int:
    """How many labels without a mistake prove a precision: n / (n + z²) reaches it."""
    doubt = 1 / wilson(1, 1, confidence)[0] - 1  # z²
    return ceil(round(precision * doubt / (1 - precision), 9))


def _link_from(
    scores: Floats, said: NDArray[np.bool_], precision: float, confidence: float
) -> tuple[float, float, int, int]:
    """The lowest score from which the wanted precision is proved, else the one from which the most is: with what is
    proved, how many are different, of how many."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))  # equal scores stand or fall together
    right, found = np.cumsum(said[order])[last], last + 1
    bounds = [wilson(r, n, confidence)[0] for r, n in zip(right.tolist(), found.tolist(), strict=True)]
    proved = [place for place, bound in enumerate(bounds) if bound >= precision]
    place = proved[-1] if proved else max(range(len(bounds)), key=lambda place: (bounds[place], place))
    return float(falling[last[place]]), bounds[place], int(found[place] - right[place]), int(found[place])


def _review_from(true: Floats, missed: float) -> float:
    return float(np.sort(true)[floor(missed * len(true) + 1e-9)])


def _shortest(scores: Floats, at: float) -> float:
    """The number of fewest decimals that draws the same line: not above `at`, and above the next lower score."""
    below = float(scores[scores < at].max(initial=-1.0))
    for places in range(2, 16):
        short = floor(at * 10.0**places) / 10.0**places
        if below < short <= at:
            return short
    return at
