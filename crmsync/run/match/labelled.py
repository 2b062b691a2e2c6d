"""What is known to be the same, and what to be different? All records of a mapping, their candidate pairs with scores,
and the labels on them: from a file, and from what people have judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crmsync.core.match import Candidate, Census, Scored, census_of, score_pairs
from crmsync.core.match.measure import Pair
from crmsync.core.match.parts import Parts, unordered
from crmsync.core.model import Both, End, Finding, Key, Match, Side
from crmsync.core.model import Mapping as Declared
from crmsync.run.match.gather import Gathered, gather
from crmsync.run.match.sheets import Pairs, read_pairs
from crmsync.run.world import Stopped, World

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

DERIVED: Final = 20_000  # negatives that follow from positives; of more, every n-th is taken


@dataclass(frozen=True)
class Stock:
    """All records of both sides, or of one alone (`side`), linked or not, under a rule. `beside`: pairs that are scored
    although they may share no block."""

    world: World
    mapping: Declared
    rule: Match
    side: Side | None
    gathered: tuple[Gathered, ...]
    beside: frozenset[Pair] = frozenset()

    @property
    def first(self) -> list[Candidate]:
        return self.gathered[0].candidates

    @property
    def second(self) -> list[Candidate] | None:
        return self.gathered[1].candidates if self.side is None else None

    @property
    def ends(self) -> Both[End]:
        """Of the two keys of a pair."""
        ends = self.mapping.ends
        return ends if self.side is None else (ends[self.side], ends[self.side])

    @cached_property
    def census(self) -> Census:
        return census_of(self.rule, *(side.candidates for side in self.gathered))

    @cached_property
    def scored(self) -> Scored:
        """Every candidate pair, and those beside them."""
        return score_pairs(self.rule, self.census, self.first, self.second, beside=self.beside)

    def read(self, file: Path) -> Pairs:
        """The pairs that a file names. Raises `Stopped` (exit 2) as `read_pairs` does, and where it names no record."""
        known = (self.gathered[0].by_key, self.gathered[-1].by_key)
        first, second = (self.world.names.hides(end) for end in self.ends)
        pairs = read_pairs(file, self.ends, known, (first, second))
        if not pairs.told and pairs.sheet.rows:
            names = " and ".join(dict.fromkeys(f"{end.system}.{end.entity}" for end in self.ends))
            message = f"not one of its {len(pairs.sheet.rows)} lines names two records of {names}"
            mend = f"the columns are: {', '.join(pairs.sheet.head)}"
            raise Stopped(2, pairs.sheet.wrong("sheet/unknown-keys", message, mend))
        return pairs

    def true_pairs(self, file: Path) -> Pairs:
        """As `read`, of a file to measure by. Raises `Stopped` (exit 2), too, where it calls no pair the same."""
        pairs = self.read(file)
        if not any(pairs.judged.values()):
            message = f"not one of its {len(pairs.sheet.rows)} lines names two records that are the same"
            mend = "without a true pair nothing can be measured: a line for each, the two keys in it"
            raise Stopped(2, pairs.sheet.wrong("sheet/no-pairs", message, mend))
        return pairs

    def judged_pairs(self, file: Path) -> Pairs:
        """As `read`, of a file to learn from. Raises `Stopped` (exit 2), too, where it gives no pair a verdict."""
        pairs = self.read(file)
        if not pairs.judged:
            message = f"not one of its {len(pairs.sheet.rows)} lines has two records and a verdict"
            mend = "fill in the column verdict, same or different; without --labels what people judged is taken"
            raise Stopped(2, pairs.sheet.wrong("sheet/no-pairs", message, mend))
        return pairs

    @cached_property
    def judged(self) -> dict[Pair, bool]:
        """What people have judged of two records that are there."""
        ledger, name = self.world.ledger, self.mapping.name
        if self.side is not None:
            found = dict.fromkeys(ledger.distinct(name, self.side), False)
        else:
            found = {label.keys: label.same for label in ledger.labels(name)}
        here = (self.gathered[0].by_key, self.gathered[-1].by_key)
        return {keys: same for keys, same in found.items() if keys[0] in here[0] and keys[1] in here[1]}

    def with_labelled(self, pairs: Pairs | None) -> Stock:
        """To learn from: all that these pairs and people have judged is scored, too."""
        return replace(self, beside=frozenset({*self.judged, *(pairs.judged if pairs else ())}))

    def rows_of(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """The row of each pair that is scored."""
        scored = self.scored
        places = [{each.key: place for place, each in enumerate(side)} for side in (scored.first, scored.second)]
        width = len(scored.second) or 1
        codes: Ints = scored.i * width + scored.j
        order = np.argsort(codes, kind="stable")
        found = {}
        for keys in pairs:
            code = _code(places, keys if self.side is None else unordered(keys), width)
            at = int(np.searchsorted(codes, code, sorter=order)) if code is not None else len(codes)
            if at < len(codes) and codes[order[at]] == code:
                found[keys] = int(order[at])
        return found


def _code(places: list[dict[Key, int]], keys: Pair, width: int) -> int | None:
    first, second = places[0].get(keys[0]), places[1].get(keys[1])
    return None if first is None or second is None else first * width + second


def stock(world: World, mapping: Declared, side: Side | None = None, rule: Match | None = None) -> Stock:
    """Reads the systems. Raises `Stopped` (exit 2) where the mapping does not match, `Transient` or `Refused`."""
    rule = rule or mapping.match
    if rule is None:
        raise Stopped(2, Finding("usage/no-match", f"{mapping.name} has no match:", "write one", at=mapping.at))
    sides: tuple[Side, ...] = (0, 1) if side is None else (side,)
    return Stock(world, mapping, rule, side, tuple(gather(world, mapping, each) for each in sides))


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels on scored pairs, by row: 1 same, 0 different. `weights`: of how many pairs each is a sample. `apart`:
    labelled pairs that are not scored. `derived`: how many are different only
    because another pair is the same."""

    rows: Ints
    values: Floats
    weights: Floats
    apart: int
    derived: int

    @classmethod
    def of(cls, same: Mapping[int, bool], scores: Floats, apart: int = 0) -> Labels:
        """What is said of some rows, of the candidates with these scores."""
        rows = np.array(sorted(same), dtype=np.int64)
        values = np.array([float(same[row]) for row in rows.tolist()])
        return cls(rows, values, _of_how_many(scores, rows), apart, 0)

    @property
    def same(self) -> int:
        return int(self.values.sum())

    @property
    def different(self) -> int:
        return len(self.values) - self.same - self.derived


def labels_of(stock: Stock, pairs: Pairs | None) -> Labels:
    """Of a file and of the ledger. Where nothing is called different, candidates that a positive pair rules out are:
    of one record there is one counterpart. Raises `Stopped` (exit 2) where file and ledger contradict."""
    told = dict(pairs.judged) if pairs else {}
    _refuse_contradictions(stock, pairs, told)
    known = {**stock.judged, **told}
    rows = stock.rows_of(known)
    apart = len(known) - len(rows)
    if known and all(known.values()):
        return _with_derived(stock, known, rows, apart)
    return Labels.of({row: known[keys] for keys, row in rows.items()}, stock.scored.score, apart)


def _refuse_contradictions(stock: Stock, pairs: Pairs | None, told: Mapping[Pair, bool]) -> None:
    wrong = [keys for keys, same in told.items() if stock.judged.get(keys, same) != same]
    if pairs is None or not wrong:
        return
    lines = sorted(each.line for each in pairs.told if each.keys in wrong and each.same is not None)
    message = "a person has judged the opposite about these two records"
    mend = "mend the line, or let it stand instead of that judgement: crmsync link import --supersede"
    raise Stopped(2, *(pairs.sheet.wrong("sheet/judged", message, mend, line) for line in lines))


def _with_derived(stock: Stock, known: Mapping[Pair, bool], rows: Mapping[Pair, int], apart: int) -> Labels:
    own = set(rows.values())
    ruled_out = np.array([row for row in _ruled_out(stock, known) if row not in own], dtype=np.int64)
    step = max(-(-len(ruled_out) // DERIVED), 1)
    taken = ruled_out[::step]
    places = np.concatenate([np.array(sorted(own), dtype=np.int64), taken])
    order = np.argsort(places, kind="stable")
    values = np.concatenate([np.ones(len(own)), np.zeros(len(taken))])
    weights = np.concatenate([np.ones(len(own)), np.full(len(taken), float(step))])
    return Labels(places[order], values[order], weights[order], apart, len(taken))


def _ruled_out(stock: Stock, known: Mapping[Pair, bool]) -> Iterator[int]:
    """Rows, rising: between two systems those that share a record with a positive pair; inside one those of two records
    that positive pairs put into different groups."""
    scored = stock.scored
    if stock.side is None:
        taken = [{keys[n] for keys in known} for n in (0, 1)]
        mine = np.array([each.key in taken[0] for each in scored.first], dtype=bool)
        theirs = np.array([each.key in taken[1] for each in scored.second], dtype=bool)
        chosen = mine[scored.i] | theirs[scored.j]
    else:
        group = _groups(known, scored.first)
        one, two = group[scored.i], group[scored.j]
        chosen = (one >= 0) & (two >= 0) & (one != two)
    yield from np.flatnonzero(chosen).tolist()


def _groups(known: Iterable[Pair], records: Sequence[Candidate]) -> Ints:
    """For each record the number of the group that pairs put it into, -1 where no pair names it."""
    parts: Parts[Key] = Parts()
    for first, second in known:
        parts.join(first, second)
    named = set(parts.parent)
    numbers: dict[Key, int] = {}
    return np.array(
        [numbers.setdefault(parts.root(each.key), len(numbers)) if each.key in named else -1 for each in records],
        dtype=np.int64,
    )


def _of_how_many(scores: Floats, rows: Ints) -> Floats:
    """Of how many candidates each label is a sample: those of about its log-odds."""
    edges = np.array([0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999])
    strata = np.digitize(scores, edges)
    all_of, mine = np.bincount(strata, minlength=10), np.bincount(strata[rows], minlength=10)
    return all_of[strata[rows]] / np.maximum(mine[strata[rows]], 1)
