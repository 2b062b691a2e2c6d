"""What have the records in one group of fields, and how alike is it?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from operator import methodcaller
from typing import Final

import numpy as np

from crmsync.core.match.census import Census
from crmsync.core.match.compare.comparator import Floats, Gauge, Ints
from crmsync.core.match.rule import Candidate, Group
from crmsync.core.model import Json

AT_ONCE: Final = 100_000  # pairs that are measured together


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one group of fields: each distinct text once, and which of them the records of both sides have, by
    field (-1 for none)."""

    group: Group
    gauge: Gauge
    first: tuple[Ints, ...]
    second: tuple[Ints, ...]

    @classmethod
    def of(
        cls,
        group: Group,
        census: Census,
        first: Sequence[Candidate],
        second: Sequence[Candidate],
        pairs: tuple[Ints, Ints],
    ) -> Column:
        """Of the records in `pairs`; what the others have is not looked at."""
        texts: dict[Json, int] = defaultdict(count().__next__, {None: -1})
        used = [pairs] if first is second else [pairs[:1], pairs[1:]]
        tables = [_places(group, texts, side, each) for side, each in zip((first, second), used, strict=False)]
        gauge = group.by.gauge(list(texts)[1:], census.rarity(*group.fields))
        return cls(group, gauge, tables[0], tables[-1])

    def measure(self, i: Ints, j: Ints) -> Floats:
        """[pairs, features]: of the values of two records those that are most alike."""
        parts = [self._part(i[at : at + AT_ONCE], j[at : at + AT_ONCE]) for at in range(0, len(i), AT_ONCE)]
        return np.concatenate(parts) if parts else self._part(i, j)

    def _part(self, i: Ints, j: Ints) -> Floats:
        found = np.full((len(i), len(self.group.by.features)), np.nan)
        best = np.full(len(i), -1.0)
        there = [each[j] for each in self.second]
        for ones in (each[i] for each in self.first):
            for twos in there:
                rows = np.flatnonzero((ones >= 0) & (twos >= 0))
                if len(rows):
                    measured = np.column_stack(self.gauge(ones[rows], twos[rows]))
                    likeness = np.nan_to_num(measured[:, 0], nan=-0.5)
                    better = likeness > best[rows]
                    found[rows[better]] = measured[better]
                    best[rows[better]] = likeness[better]
        return found


def _places(
    group: Group, texts: Mapping[Json, int], records: Sequence[Candidate], pairs: Sequence[Ints]
) -> tuple[Ints, ...]:
    """By field: the places of the records' texts among all `texts`, to which those are added that are new."""
    paired = np.zeros(len(records), dtype=bool)
    for places in pairs:
        paired[places] = True
    used = np.flatnonzero(paired)
    values = [records[place].values for place in used.tolist()]
    tables = tuple(np.full(len(records), -1, dtype=np.int64) for _ in group.fields)
    for table, field in zip(tables, group.fields, strict=True):
        told = map(methodcaller("get", field), values)
        table[used] = np.fromiter(map(texts.__getitem__, told), dtype=np.int64, count=len(values))
    return tables
