"""Does a comparator keep the laws that matching relies on?

For the tests of own comparators as of ours: `check = laws(comparator)`, then `check(texts)` for every list of texts a
strategy draws, odd ones too. It raises AssertionError with the law, never with a verdict of its own about how alike
two texts should be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from crmsync.core.match.compare.comparator import Comparator

if TYPE_CHECKING:
    from crmsync.core.match.compare.comparator import Floats


@dataclass(frozen=True, slots=True)
class Trial:
    """Some texts before one comparator. `values`: their normal texts, sorted. `columns`: one array a feature, of every
    value with every value, row by row."""

    comparator: Comparator
    texts: Sequence[str]
    values: Sequence[str]
    columns: Sequence[Floats]

    def agrees(self, fact: bool, law: str) -> None:
        if not fact:
            raise AssertionError(f"{self.comparator.name}: {law}; texts {self.texts!r}")

    def pairs(self) -> Iterator[tuple[str, str, list[float]]]:
        size = len(self.values)
        for at in range(size * size):
            yield self.values[at // size], self.values[at % size], [float(column[at]) for column in self.columns]


def laws(comparator: Comparator) -> Callable[[Sequence[str]], None]:
    """The check of one comparator. Its curves are tried at once."""
    has_a_likeness(comparator)
    curves_never_fall(comparator)

    def check(texts: Sequence[str]) -> None:
        trial = begin(comparator, texts)
        for law in LAWS:
            law(trial)

    return check


def begin(comparator: Comparator, texts: Sequence[str]) -> Trial:
    values = sorted({value for value in map(comparator.normal, texts) if value is not None})
    places = np.arange(len(values), dtype=np.int64)
    measure = comparator.gauge(values, rarity)
    columns = measure(np.repeat(places, len(values)), np.tile(places, len(values)))
    return Trial(comparator, texts, values, columns)


def rarity(word: str) -> float:
    """Some rarity: the longer, the rarer."""
    return float(len(word))


# Of the comparator ----------------------------------------------------------------------------------------


def has_a_likeness(comparator: Comparator) -> None:
    names = [feature.name for feature in comparator.features]
    if not names or len(set(names)) < len(names):
        raise AssertionError(f"{comparator.name}: must have features, each with a name of its own")


def curves_never_fall(comparator: Comparator) -> None:
    for feature in comparator.features:
        rises = all(one < other for one, other in pairwise(feature.at)) and len(feature.at) == len(feature.points) > 0
        if not rises or any(one > other for one, other in pairwise(feature.points)):
            raise AssertionError(f"{comparator.name}.{feature.name}: `at` must rise, and `points` never fall")


# Of the texts ---------------------------------------------------------------------------------------------


def normal_is_a_text_that_stays(trial: Trial) -> None:
    trial.agrees("" not in trial.values, "normal must give None, not an empty text")
    for value in trial.values:
        trial.agrees(trial.comparator.normal(value) == value, f"normal of the normal text {value!r} must be itself")


def one_column_a_feature(trial: Trial) -> None:
    whole = len(trial.values) ** 2
    fits = [column.shape == (whole,) for column in trial.columns]
    trial.agrees(fits == [True] * len(trial.comparator.features), "a gauge must give one number a feature and pair")


def features_are_numbers(trial: Trial) -> None:
    trial.agrees(not any(np.isinf(column).any() for column in trial.columns), "a feature must be finite, or NaN")


def order_does_not_matter(trial: Trial) -> None:
    size = len(trial.values)
    squares = [column.reshape(size, size) for column in trial.columns]
    same = all(np.array_equal(square, square.T, equal_nan=True) for square in squares)
    trial.agrees(same, "a gauge must be symmetric")


def equal_texts_are_alike(trial: Trial) -> None:
    likeness = trial.columns[0]
    told = likeness[~np.isnan(likeness)]
    trial.agrees(bool(((told >= 0) & (told <= 1)).all()), "likeness must be within 0 and 1")
    own = likeness[:: len(trial.values) + 1]
    trial.agrees(bool((own == 1.0).all()), "likeness of equal texts must be 1.0")


def company_does_not_matter(trial: Trial) -> None:
    """What two texts are to each other does not depend on who else is in the column."""
    size = len(trial.values)
    for at in range(1, size):
        alone = trial.comparator.gauge([trial.values[0], trial.values[at]], rarity)
        features = alone(np.array([0]), np.array([1]))
        same = all(
            np.array_equal(mine, column[at : at + 1], equal_nan=True)
            for mine, column in zip(features, trial.columns, strict=True)
        )
        trial.agrees(same, f"{trial.values[0]!r} and {trial.values[at]!r} must be as alike alone as in a column")


def reasons_are_words(trial: Trial) -> None:
    for first, second, features in trial.pairs():
        said = trial.comparator.reason(first, second, features)
        trial.agrees(said.strip() != "", f"reason of {first!r} and {second!r} must be words")


def keys_tell_something(trial: Trial) -> None:
    for value in trial.values:
        keys = list(trial.comparator.keys(value, rarity))
        trial.agrees("" not in keys, f"a key of {value!r} must not be empty: it would be everybody's")
        trial.agrees(keys == list(trial.comparator.keys(value, rarity)), f"keys of {value!r} must not change")
        trial.agrees("" not in trial.comparator.words(value), f"a word of {value!r} must not be empty")


LAWS = (
    normal_is_a_text_that_stays,
    one_column_a_feature,
    features_are_numbers,
    order_does_not_matter,
    equal_texts_are_alike,
    company_does_not_matter,
    reasons_are_words,
    keys_tell_something,
)
