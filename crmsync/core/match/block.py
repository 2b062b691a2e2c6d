"""Which records are worth comparing? Those that share a cheap key; in bulk, so that a million are no matter.

Keys come from the record alone and from the census, never from who else is there.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crmsync.core.match.census import Census, count_words, widest
from crmsync.core.match.compare.comparator import Comparator, Ints, Rarity
from crmsync.core.match.rule import Candidate, groups_of
from crmsync.core.model import Json, Match, to_json

CROWD: Final = 20  # records that share a key: more of them, and it tells nothing apart
CROWDS: Final = 4_000_000  # of few records more may share one: so many pairs are no matter
BIGGEST_CROWD: Final = 100
BIGGEST: Final = 1_000_000  # pairs that share a key, whatever the census says
PAIRS_AT_ONCE: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Blocking:
    """Makes the keys of records: two that share none are never compared."""

    rule: Match
    crowded: frozenset[str]
    asked: tuple[tuple[str, str, Comparator, Rarity], ...]  # prefix, field, comparator, rarity

    @classmethod
    def of(cls, rule: Match, census: Census) -> Blocking:
        asked = tuple(
            (f"{group.name}:", field, group.by, census.rarity(field))
            for group in groups_of(rule)
            for field in group.fields
        )
        return cls(rule, census.crowded, asked)

    def keys(self, values: Mapping[str, Json]) -> list[str]:
        """Unsorted, perhaps with repeats; none where the parent that bounds the candidates is not known."""
        rule = self.rule
        found = [
            f"{number}={text}"
            for number, names in enumerate(rule.decide)
            if (text := id_text(values, names)) is not None
        ]
        for prefix, field, by, rarity in self.asked:
            value = values.get(field)
            if value is not None:
                found += map(prefix.__add__, by.keys(value, rarity))
        if rule.within:
            parent = values.get(rule.within)
            bounds = to_json(parent).decode()
            found = [bounds + each for each in found] if parent is not None else []
        return list(filterfalse(self.crowded.__contains__, found))


WORDY: Final = frozenset({"company", "person", "text"})  # their first key is the whole value, the others are its parts


def strong(blocking: Blocking) -> Blocking:
    """With those keys only that stand for a whole value: so few that they can be kept of every linked record."""
    asked = (
        (prefix, field, replace(by, keys=_first(by.keys)) if by.name in WORDY else by, rarity)
        for prefix, field, by, rarity in blocking.asked
    )
    return replace(blocking, asked=tuple(asked))


def _first(keys: Callable[[str, Rarity], Iterable[str]]) -> Callable[[str, Rarity], Iterable[str]]:
    return lambda value, rarity: islice(keys(value, rarity), 1)


def blocks(rule: Match, census: Census, values: Mapping[str, Json]) -> tuple[str, ...]:
    """The keys of one record, sorted, as the ledger remembers them."""
    return tuple(sorted(set(Blocking.of(rule, census).keys(values))))


def id_text(values: Mapping[str, Json], names: tuple[str, ...]) -> str | None:
    """An identifier that decides, of one field or of several; None where one of them is missing."""
    parts = [values.get(name) for name in names]
    return None if any(part is None for part in parts) else to_json(parts).decode()


def census_of(rule: Match, *sides: Sequence[Candidate], share: float = 1.0) -> Census:
    """The census of these records: their words, and the keys that too many of them share. Of two sides that one counts
    which has more of a word or key, so that copies made on the other side change nothing. `share`: they are a sample
    of so much of all."""
    words = {field: group.by.words for group in groups_of(rule) for field in group.fields}
    counted = widest([count_words(words, (each.values for each in side), share) for side in sides])
    blocking = Blocking.of(rule, counted)
    crowd = min(max(CROWD, CROWDS // max(counted.records, 1)), BIGGEST_CROWD)
    crowded = [_crowded(blocking, side, max(crowd * share, 2)) for side in sides]
    return replace(counted, crowded=frozenset().union(*crowded))


def _crowded(blocking: Blocking, candidates: Sequence[Candidate], most: float) -> Iterator[str]:
    """The keys that more than so many records share."""
    found, owners = hashed(blocking, candidates)
    keys, starts, counts = _blocks(found)
    crowded, bearers = set(keys[counts > most].tolist()), np.unique(owners[starts[counts > most]])
    texts = (key for place in bearers.tolist() for key in blocking.keys(candidates[place].values))
    return (text for text in texts if hash(text) in crowded)


def hashed(blocking: Blocking, candidates: Sequence[Candidate]) -> tuple[Ints, Ints]:
    """The keys of all records as numbers, with the place of the record that each belongs to: sorted by both, each
    once."""
    keys, counts = array("q"), array("q")
    for each in candidates:
        mine = set(map(hash, blocking.keys(each.values)))
        keys.extend(mine)
        counts.append(len(mine))
    found = np.frombuffer(keys, dtype=np.int64) if keys else np.zeros(0, dtype=np.int64)
    owners = np.repeat(np.arange(len(candidates), dtype=np.int64), counts)
    order = np.argsort(found, kind="stable")  # the owners are in order already
    return found[order], owners[order]


def pairs_between(left: tuple[Ints, Ints], right: tuple[Ints, Ints], width: int) -> Iterator[Ints]:
    """Pairs of places that share a key, as `left * width + right`, in portions; a pair may come in several of them."""
    names, starts, counts = _blocks(left[0])
    others, other_starts, other_counts = _blocks(right[0])
    _, mine, theirs = np.intersect1d(names, others, assume_unique=True, return_indices=True)
    for portion in _portions(counts[mine] * other_counts[theirs]):
        these, those = mine[portion], theirs[portion]
        rows, columns, which = _crossed(counts[these], other_counts[those])
        first = left[1][starts[these][which] + rows]
        second = right[1][other_starts[those][which] + columns]
        yield _once(first * width + second)


def pairs_within(one: tuple[Ints, Ints], width: int) -> Iterator[Ints]:
    """The same inside one system: the first place is the lower one."""
    _, starts, counts = _blocks(one[0])
    twins = starts[counts == 2]  # most blocks are of two
    yield _once(one[1][twins] * width + one[1][twins + 1])
    starts, counts = starts[counts > 2], counts[counts > 2]
    for portion in _portions(counts * counts):
        rows, columns, which = _crossed(counts[portion], counts[portion])
        lower = rows < columns  # the owners of a block are in order
        begin = starts[portion][which[lower]]
        yield _once(one[1][begin + rows[lower]] * width + one[1][begin + columns[lower]])


def _blocks(keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Each of the sorted keys once, where it begins, and how often it comes."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    return keys[starts], starts, np.diff(np.append(starts, len(keys)))


def _once(codes: Ints) -> Ints:
    """Sorted, each one once. (np.unique hashes, which takes ten times as long for millions.)"""
    found = np.sort(codes)
    return found[np.concatenate([[True], found[1:] != found[:-1]])] if len(found) else found


def _portions(sizes: Ints) -> Iterator[Ints]:
    """The places of blocks that are not too big, so many at a time as make a portion."""
    fit = np.flatnonzero(sizes <= BIGGEST)
    bounds = np.cumsum(sizes[fit]) // PAIRS_AT_ONCE
    yield from np.split(fit, np.flatnonzero(np.diff(bounds)) + 1) if len(fit) else ()


def _crossed(mine: Ints, theirs: Ints) -> tuple[Ints, Ints, Ints]:
    """Every place of the one block with every place of the other, block after block: row, column, block."""
    sizes = mine * theirs
    which = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    place = np.arange(int(sizes.sum()), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    wide = theirs[which]
    return place // wide, place % wide, which


def candidates_of(portions: Iterable[NDArray[np.int64]]) -> Ints:
    """All pairs once, sorted."""
    found = [each for each in portions if len(each)]
    return _once(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
