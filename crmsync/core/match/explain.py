"""Why is a score what it is? One piece of evidence after the other, in points and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from crmsync.core.match.census import Census
from crmsync.core.match.rule import Candidate, Group, groups_of, scorecard_of
from crmsync.core.match.score import Scored, Weights, weigh
from crmsync.core.model import Both, Json, Match


@dataclass(frozen=True, slots=True)
class Point:
    """One piece of evidence. `points`: log-odds, or with weights by hand the share of the score. The first one of a
    scorecard is its base: entry ""."""

    entry: str
    points: float
    reason: str


@dataclass(frozen=True, slots=True)
class Explained:
    """`score` is what the points come to; `against`: what keeps the two from being linked without a person."""

    score: float
    points: tuple[Point, ...]
    against: tuple[str, ...]


def explain(rule: Match, census: Census, first: Mapping[str, Json], second: Mapping[str, Json]) -> Explained:
    """How two records with these normal texts are judged."""
    here = np.zeros(1, dtype=np.int64)
    scored = weigh(rule, census, [Candidate((0,), first)], [Candidate((1,), second)], (here, here))
    if not len(scored):
        return Explained(0.0, (), ("they have different parents",))
    base = () if rule.weighted else (Point("", scorecard_of(rule).base, "before anything is compared"),)
    told = tuple(_points(rule, scored, 0, (first, second)))
    return Explained(float(scored.score[0]), base + told, tuple(_against(rule, scored)))


def _points(rule: Match, scored: Scored, row: int, values: Both[Mapping[str, Json]]) -> Iterator[Point]:
    for group, features, points in _groups(rule, scored, [row])[0]:
        texts = [[value[name] for name in group.fields if name in value] for value in values]
        if not all(texts):
            missing = "neither side has it" if not any(texts) else "one side lacks it"
            yield Point(group.name, 0.0, missing)
        elif isnan(features[0]):
            yield Point(group.name, 0.0, "nothing to compare")
        else:
            one, two = _closest(group, texts)
            yield Point(group.name, round(points, 2), group.by.reason(one, two, features))


def _closest(group: Group, texts: Sequence[Sequence[str]]) -> tuple[str, str]:
    """Of the values of two records those that are most alike."""
    pairs = [(one, two) for one in texts[0] for two in texts[1]]
    if len(pairs) == 1:
        return pairs[0]
    column = sorted({text for pair in pairs for text in pair})
    places = [np.array([column.index(pair[n]) for pair in pairs], dtype=np.int64) for n in (0, 1)]
    likeness = np.nan_to_num(group.by.gauge(column, lambda _word: 1.0)(places[0], places[1])[0], nan=-1.0)
    return pairs[int(np.argmax(likeness))]


def _groups(rule: Match, scored: Scored, rows: Sequence[int]) -> list[list[tuple[Group, list[float], float]]]:
    """For each of these rows every group with its features and its points."""
    compared = groups_of(rule)
    ends = np.cumsum([len(group.by.features) for group in compared], dtype=np.int64)
    measured = np.split(scored.features[rows], ends, axis=1)[:-1]
    parts = Weights.of(rule, compared).parts(measured, len(rows)).tolist()
    told = [each.tolist() for each in measured]
    return [[(group, told[n][row], parts[row][n]) for n, group in enumerate(compared)] for row in range(len(rows))]


def _against(rule: Match, scored: Scored) -> Iterator[str]:
    for names in rule.decide:
        values = [[side[0].values.get(name) for name in names] for side in (scored.first, scored.second)]
        if None not in values[0] and None not in values[1] and values[0] != values[1]:
            yield f"{'+'.join(names)} differs"
    yield from vetoes(rule, scored, 0)
    if scored.present[0] < 2:
        yield "fewer than two fields can be compared"
    elif scored.support[0] < 2 and not scored.equal[0]:
        yield "only one kind of evidence speaks for it"


def vetoes(rule: Match, scored: Scored, row: int) -> list[str]:
    """What keeps a pair from being linked without a person, beside identifiers that decide."""
    return [veto for each in _groups(rule, scored, [row])[0] for veto in _vetoes(rule, *each)]


def _vetoes(rule: Match, group: Group, features: Sequence[float], points: float) -> Iterator[str]:
    for feature, value in zip(group.by.features, features, strict=True):
        if feature.name in group.by.vetoes and value < 1.0:
            yield group.by.vetoes[feature.name]
    if group.by.stranger is not None and points < group.by.stranger and not rule.weighted:
        yield f"their names ({group.name}) speak against it"


def words(rule: Match, scored: Scored, rows: Sequence[int]) -> dict[int, str]:
    """What speaks for each of these pairs, field by field, in short; by row."""
    return {
        row: ", ".join(
            f"{group.name} {features[0]:.2f}" if rule.weighted else f"{group.name} {points:+.1f}"
            for group, features, points in told
            if not isnan(features[0])
        )
        or "nothing to compare"
        for row, told in zip(rows, _groups(rule, scored, rows), strict=True)
    }
