"""What does a rule for matching compare with what, and by which points?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from crmsync.core.match.compare import Comparator, comparators, text_of
from crmsync.core.model import Compare, Curve, Json, Key, Match, Scorecard

Kinds: TypeAlias = Mapping[str, str]
"""Comparator by field."""
Reader: TypeAlias = Callable[[Mapping[str, Json]], dict[str, Json]]
"""Brings plain values to normal texts, by field."""

BASE: Final = -3.0  # shipped log-odds of two candidates before anything is compared
IDENTIFIER: Final = "identifier"  # how a field that decides is compared where `compare` does not say


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that is not linked yet: its key, and its normal texts by compared field (nothing where there is none).
    The field that bounds the candidates (`within`) holds the key of the parent, as JSON text."""

    key: Key
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that are compared together, each with each: one field, or those of one pool."""

    name: str
    fields: tuple[str, ...]
    by: Comparator
    weight: float | None = None

    def curves(self) -> dict[str, Curve]:
        return {f"{self.name}.{each.name}": Curve(each.at, each.points) for each in self.by.features}


@lru_cache(maxsize=64)
def groups(compare: tuple[tuple[str, str, float | None], ...]) -> tuple[Group, ...]:
    """What is compared, from (field, comparator, weight) in the order of the mapping. Weights by hand are those of
    single fields: nothing is pooled then."""
    pools: dict[str, list[str]] = {}
    weights = {}
    for field, kind, weight in compare:
        by = comparators()[kind]
        pools.setdefault(field if weight is not None or not by.pool else f"\0{by.pool}", []).append(field)
        weights[field] = weight
    kinds = {field: kind for field, kind, _ in compare}
    return tuple(
        Group(
            "+".join(fields),
            tuple(fields),
            comparators()[name[1:] if name.startswith("\0") else kinds[fields[0]]],
            weights[fields[0]],
        )
        for name, fields in pools.items()
    )


def groups_of(rule: Match) -> tuple[Group, ...]:
    return groups(tuple((each.field, each.kind, each.weight) for each in rule.compare))


def kinds_of(rule: Match) -> Kinds:
    """The comparator of every field that is compared, decides, or bounds the candidates."""
    return _kinds_of(rule.decide, rule.compare, rule.within)


def scorecard_of(rule: Match) -> Scorecard:
    """As learned; what a learned one does not know is weighed as shipped."""
    shipped = {name: curve for group in groups_of(rule) for name, curve in group.curves().items()}
    if rule.scorecard is None:
        return Scorecard(BASE, shipped)
    known = {name: curve for name, curve in rule.scorecard.curves.items() if name in shipped}
    learned = rule.scorecard
    return Scorecard(learned.base, shipped | known, learned.method, learned.labels, learned.same)


def traits_of(rule: Match, values: Mapping[str, Json]) -> dict[str, Json]:
    """The normal texts of plain values, by field."""
    return reader(rule)(values)


def reader(rule: Match) -> Reader:
    """`traits_of` for many records: what the rule asks is looked up once."""
    return _reader(rule.decide, rule.compare, rule.within)


@lru_cache(maxsize=64)
def _reader(decide: tuple[tuple[str, ...], ...], compare: tuple[Compare, ...], within: str | None) -> Reader:
    asked = [(name, comparators()[kind].normal) for name, kind in _kinds_of(decide, compare, within).items()]

    def read(values: Mapping[str, Json]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name, normal in asked:
            text = text_of(values.get(name))
            if text and (told := normal(text)):
                found[name] = told
        return found

    return read


@lru_cache(maxsize=64)
def _kinds_of(decide: tuple[tuple[str, ...], ...], compare: tuple[Compare, ...], within: str | None) -> Kinds:
    """The comparator of every field that is compared, decides, or bounds the candidates."""
    kinds = {name: IDENTIFIER for names in decide for name in names}
    if within:
        kinds[within] = "exact"
    return MappingProxyType(kinds | {each.field: each.kind for each in compare})


def feature_names(compared: Sequence[Group]) -> tuple[str, ...]:
    return tuple(f"{group.name}.{feature.name}" for group in compared for feature in group.by.features)
