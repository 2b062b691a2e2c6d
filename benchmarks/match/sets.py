"""Which labelled sets are there to match, and which half of each is held out?

The layout: a folder per set, `records.csv` (duplicates inside one table) or `left.csv` and `right.csv`, and `pairs.csv`
with the true pairs, two columns of keys; `pairs_labelled.csv` where only the pairs themselves are classified.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Key: TypeAlias = str
Pair: TypeAlias = tuple[Key, Key]
Record: TypeAlias = Mapping[str, str]
Records: TypeAlias = Mapping[Key, Record]
Half: TypeAlias = Literal[0, 1]
"""One a matcher may learn from and choose its threshold on, the other is held out, and then the other way round."""

NONE: Final[Records] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """`compare` names each column's comparator. `right` is empty where duplicates are looked for inside `left`; the
    pairs then are (smaller key, greater key) by text. `asked`: the pairs to classify, where nothing else is asked."""

    name: str
    kind: Literal["dedupe", "link", "pairs"]
    left: Records
    right: Records
    compare: Mapping[str, str]
    truth: frozenset[Pair]
    asked: tuple[Pair, ...] = ()

    def second(self) -> Records:
        """The records that a pair's second key is looked up in."""
        return self.left if self.kind == "dedupe" else self.right


COMPANY: Final = {
    "name": "company",
    "ico": "company_id",
    "vat": "company_id",
    "domain": "domain",
    "email": "email",
    "phone": "phone",
    "street": "address",
    "city": "text",
    "zip": "exact",
}
COMPARE: Final[Mapping[str, Mapping[str, str]]] = {
    "companies": COMPANY,
    "synth_20k": COMPANY,
    "synth_20k_norm": COMPANY,
    "chicago_sites": {
        "name": "company",
        "address": "address",
        "zip": "exact",
        "phone": "phone",
        "website": "domain",
    },
    "autofj_hospital": {"name": "company"},
    "autofj_museum": {"name": "company"},
    "nomenklatura_org_pairs": {"name": "company"},
    "fodors_zagats": {"name": "company", "addr": "address", "phone": "phone", "city": "text"},  # no cuisine
    "dblp_acm": {"title": "text", "authors": "text", "venue": "text", "year": "exact"},
    "cz_szif": {"name": "company", "city": "text", "district": "text"},
}


def load(folder: Path) -> LabelledSet:
    """The set in a folder of the layout. KeyError for a name that `COMPARE` does not know."""
    if (folder / "pairs_labelled.csv").exists():
        return _classified(folder)
    compare = COMPARE[folder.name]
    pairs = [(first, second) for first, second in (row.values() for row in _rows(folder / "pairs.csv"))]
    if (folder / "records.csv").exists():
        truth = frozenset(ordered(pair) for pair in pairs)
        records = _records(folder / "records.csv", compare)
        return LabelledSet(folder.name, "dedupe", records, NONE, compare, truth)
    left, right = (_records(folder / side, compare) for side in ("left.csv", "right.csv"))
    return LabelledSet(folder.name, "link", left, right, compare, frozenset(pairs))


def _classified(folder: Path) -> LabelledSet:
    """A name is its own key here: the same name asked about twice is one record."""
    rows = _rows(folder / "pairs_labelled.csv")
    asked = {(row["name1"], row["name2"]): row["is_match"] == "true" for row in rows}
    left, right = ({pair[side]: {"name": pair[side]} for pair in sorted(asked)} for side in (0, 1))
    truth = frozenset(pair for pair, same in asked.items() if same)
    return LabelledSet(folder.name, "pairs", left, right, COMPARE[folder.name], truth, tuple(sorted(asked)))


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _records(file: Path, columns: Iterable[str]) -> Records:
    return {row["id"]: {column: row[column] or "" for column in columns} for row in _rows(file)}


def ordered(pair: Pair) -> Pair:
    return (min(pair), max(pair))


def halved(known: LabelledSet) -> Callable[[Pair], Half | None]:
    """Which half a pair is in, None where it lies across: those pairs are neither learned from nor counted.

    Entities (connected components of the truth, of all labelled pairs where pairs are classified) go to a half by a
    hash of their smallest key, so that a record never is on both sides.
    """
    halves = _halves(known)
    second = 0 if known.kind == "dedupe" else 1
    return partial(_half, halves, second)


def _half(halves: Mapping[tuple[int, Key], Half], second: int, pair: Pair) -> Half | None:
    half = halves[0, pair[0]]
    return half if halves[second, pair[1]] == half else None


def _halves(known: LabelledSet) -> dict[tuple[int, Key], Half]:
    second = 0 if known.kind == "dedupe" else 1
    entity = {(0, key): (0, key) for key in known.left} | {(1, key): (1, key) for key in known.right}
    for first, other in known.asked or known.truth:
        one, two = _root(entity, (0, first)), _root(entity, (second, other))
        entity[max(one, two)] = min(one, two)
    return {node: _coin("/".join(map(str, _root(entity, node)))) for node in entity}


def _root(entity: dict[tuple[int, Key], tuple[int, Key]], node: tuple[int, Key]) -> tuple[int, Key]:
    """`core.match.parts` does the same; the neighbours' environment has nothing of what `core.match` imports."""
    while entity[node] != node:
        entity[node] = node = entity[entity[node]]
    return node


def _coin(text: str) -> Half:
    return 1 if sha256(text.encode()).digest()[0] & 1 else 0
