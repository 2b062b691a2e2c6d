"""What is a comparator? One way of comparing: the normal form of a value, and how alike two of them are, as features.

A feature is a number that never speaks the less for two records being the same the higher it is. Features are measured
in bulk, a column at a time, and weighed by a scorecard: `points` are what the package ships, a person's labels refine
them. One pair is a column of one: there is no second implementation that could disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Gauge: TypeAlias = Callable[[Ints, Ints], tuple[Floats, ...]]
"""Takes the places of the first and of the second values in a column, gives one array a feature, in the order of
`Comparator.features`. NaN where a feature says nothing about a pair. Symmetric."""

Rarity: TypeAlias = Callable[[str], float]
"""How much a shared word tells, in nats: about log(records / records that have it). 0 for a word that all have."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about two values. `points` are natural log-odds at the knots `at`, straight lines between them, level
    beyond; never falling. `at` rises strictly."""

    name: str
    at: tuple[float, ...]
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparator:
    """What `as:` in a mapping's `compare:` names. Own ones come by entry point (`crmsync.comparators`).

    `normal` takes a text and gives the text that is compared, None where it is evidence of nothing; normal of a normal
    text is itself. `gauge` takes a column of distinct normal texts. The first feature is the likeness: 0 to 1, 1.0 for
    equal texts; a mapping that gives weights by hand uses it alone.
    `reason` says in a few words why two texts are as alike as the features say.
    `keys` are what two records must share, one of them at least, to be compared at all; from the value alone.
    `words` are what is counted to tell what is rare: `=value` for a whole value; () where nothing is to be counted.
    `pool`: comparators of one pool are compared with each other (a website with an e-mail's domain), by the gauge of
    the one that the pool is named after; "" stands alone. `vetoes`: features which, below 1, keep two records from
    being linked without a person, and what is to be said then. `stranger`: of what a record is called, the points below
    which that is so of this one.
    """

    name: str
    about: str
    normal: Callable[[str], str | None]
    features: tuple[Feature, ...]
    gauge: Callable[[Sequence[str], Rarity], Gauge]
    reason: Callable[[str, str, Sequence[float]], str]
    keys: Callable[[str, Rarity], Iterable[str]]
    words: Callable[[str], Sequence[str]] = lambda _text: ()
    pool: str = ""
    vetoes: Mapping[str, str] = field(default_factory=dict)
    stranger: float | None = None


GROUP: Final = "crmsync.comparators"
