"""How common is what records share? Counted once over all records, and remembered: a judgement must not change because
other records were linked meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import log
from typing import Final

from crmsync.core.match.compare.comparator import Rarity
from crmsync.core.model import Json, Seal

UNHEARD: Final = 2  # so many records are taken to have a word that the census does not list
SMALLEST: Final = 20_000  # records; a smaller census says little of what is common, and is stretched to this size
WHOLE: Final = "="  # begins a word that stands for a whole value: how many bear it is not stretched


@dataclass(frozen=True, slots=True)
class Census:
    """`words`: by compare entry, in how many of `records` a word is; only those that are in some (`COMMON`). `crowded`:
    block keys that more records share than tell anything apart. `seal`: what stands for a word in `words`, where they
    are as remembered."""

    records: int = 0
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    crowded: frozenset[str] = frozenset()
    seal: Seal | None = None

    def rarity(self, *entries: str) -> Rarity:
        """How much a shared word of these entries tells, in nats, never below 0: where it is common in one of them (an
        address as website, too), as much as there."""
        size = max(self.records, SMALLEST)
        stretch = size / self.records if self.records else 1.0
        unheard = log(size / UNHEARD)
        nats: dict[str, float] = {}
        for word, count in chain.from_iterable(self.words.get(entry, {}).items() for entry in entries):
            likely = count if word.startswith(WHOLE) else UNHEARD + (count - UNHEARD) * stretch
            nats[word] = max(0.0, min(nats.get(word, unheard), log(size / likely)))
        if self.seal:
            seal = self.seal
            return lambda word: nats.get(_sealed(word, seal), unheard)
        return lambda word: nats.get(word, unheard)

    def to_json(self, seal: Seal) -> Json:
        """To be remembered: of a word and of a key its seal alone, since many a one is somebody's telephone."""
        words = {
            entry: dict(sorted((_sealed(word, seal), count) for word, count in counts.items()))
            for entry, counts in sorted(self.words.items())
        }
        return {"records": self.records, "words": words, "crowded": sorted(map(seal, self.crowded))}

    @classmethod
    def from_json(cls, told: Json, seal: Seal) -> Census:
        return cls(told["records"], told["words"], Sealed(told["crowded"], seal), seal)


class Sealed(frozenset[str]):
    """Texts that are known by their seals: asked by the text, listed as seals."""

    seal: Seal

    def __new__(cls, seals: Iterable[str], seal: Seal) -> Sealed:
        made = super().__new__(cls, seals)
        made.seal = seal
        return made

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and super().__contains__(self.seal(text))


def _sealed(word: str, seal: Seal) -> str:
    return f"{WHOLE}{seal(word)}" if word.startswith(WHOLE) else seal(word)


COMMON: Final = 3  # records; rarer words are not listed


def count_words(
    entries: Mapping[str, Callable[[str], Iterable[str]]], values: Iterable[Mapping[str, Json]], share: float
) -> Census:
    """A census of the words of these records, which are a sample of so much of all; nothing is crowded yet."""
    counters: dict[str, Counter[str]] = {entry: Counter() for entry in entries}
    records = 0
    for each in values:
        records += 1
        for entry, words in entries.items():
            value = each.get(entry)
            if isinstance(value, str) and (said := words(value)):
                counters[entry].update(set(said))
    listed = {
        entry: {word: round(n / share) for word, n in counter.items() if n >= COMMON}
        for entry, counter in counters.items()
    }
    return Census(round(records / share), listed)


def widest(sides: Sequence[Census]) -> Census:
    """Of every word the count of the side that has more of it."""
    entries = {entry for side in sides for entry in side.words}
    words: dict[str, dict[str, int]] = {entry: {} for entry in sorted(entries)}
    for side in sides:
        for entry, counts in side.words.items():
            mine = words[entry]
            for word, count in counts.items():
                mine[word] = max(count, mine.get(word, 0))
    return Census(max((side.records for side in sides), default=0), words)
