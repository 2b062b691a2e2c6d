"""What does a side hold that could be matched? Every record as its system lists it now, linked or not; nothing is
staged, and nothing is remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import Final

from crmsync.connectors.base import Transient
from crmsync.core.mapping import Compiled, Seen, examine, unread
from crmsync.core.match import Candidate
from crmsync.core.model import Json, Key, Raw, Side, key_text
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import traits
from crmsync.ledger.spool import Spool
from crmsync.run.parents import Parents
from crmsync.run.world import LEFT_ALONE, World, left_alone

PAGE: Final = 500
TWICE: Final = "its key appears twice in the listing"
UNUSABLE: Final = "it cannot be read, or breaks its contract"
OUTSIDE: Final = "out of scope"
GONE: Final = "deleted"
MERGED: Final = "merged into another record"


@dataclass(frozen=True, slots=True)
class Found:
    """One record: what matching compares, and what it says natively, in the order of the mapping's fields."""

    candidate: Candidate
    natives: tuple[Json, ...]
    modified: Json

    @property
    def key(self) -> Key:
        return self.candidate.key


@dataclass(frozen=True)
class Gathered:
    """The records of one side, sorted by key text. `left_out`: how many others there are, and why."""

    mapping: Declared
    side: Side
    records: tuple[Found, ...]
    left_out: Mapping[str, int]

    @cached_property
    def by_key(self) -> Mapping[Key, Found]:
        return {each.key: each for each in self.records}

    @cached_property
    def candidates(self) -> list[Candidate]:
        return [each.candidate for each in self.records]

    @property
    def read(self) -> int:
        return len(self.records) + sum(self.left_out.values())

    def said(self, found: Found) -> dict[str, Json]:
        """What a record says natively, by field."""
        return {field.name: value for field, value in zip(self.mapping.fields, found.natives, strict=True)}


def gather(world: World, mapping: Declared, side: Side) -> Gathered:
    """Lists the side completely; a listing that breaks off is begun anew. Raises `Transient` or `Refused`."""
    for attempt in count(1):
        try:
            return _gathered(world, mapping, side)
        except Transient as error:  # its door has tried again already
            world.patience(mapping.ends[side].system).pause(error, attempt)
    raise AssertionError("patience ends by raising")


def _gathered(world: World, mapping: Declared, side: Side) -> Gathered:
    compiled, decode = world.compile(mapping), world.door(mapping, side).decode
    found: dict[Key, Found] = {}
    out: dict[Key, str] = {}
    twice: Counter[Key] = Counter()
    with closing(Spool()) as nothing:  # parents are looked up in a plan first: there is none
        parents = Parents(world, nothing, mapping)
        for page in _pages(world, mapping, side):
            twice += _again(Counter(raw.key for raw in page), lambda key: key in found or key in out)
            states = world.ledger.states(mapping.name, side, [raw.key for raw in page])
            aside = {key: left_alone(world, mapping, side, state) for key, state in states.items()}
            seen = [
                unread(compiled, side, raw, aside[raw.key])
                if aside.get(raw.key)
                else examine(compiled, side, raw, decode)
                for raw in page
            ]
            out.update((each.record.ref.key, why) for each in seen if (why := _why_not(each)))
            found.update((each.key, each) for each in _fit(compiled, side, seen, parents))
    records = sorted((each for key, each in found.items() if key not in twice), key=lambda each: key_text(each.key))
    left_out = Counter(why for key, why in out.items() if key not in twice)
    left_out[TWICE] = sum(number + 1 for number in twice.values())
    return Gathered(mapping, side, tuple(records), {why: n for why, n in sorted(left_out.items()) if n})


def _again(page: Mapping[Key, int], known: Callable[[Key], bool]) -> Counter[Key]:
    """The keys of a page that were there before, and how often."""
    return Counter({key: number if known(key) else number - 1 for key, number in page.items()})


def _pages(world: World, mapping: Declared, side: Side) -> Iterator[list[Raw]]:
    raws = (raw for page in world.door(mapping, side).list() for raw in page)
    while page := list(islice(raws, PAGE)):
        yield page


def _fit(compiled: Compiled, side: Side, seen: Sequence[Seen], parents: Parents) -> Iterator[Found]:
    fit = [each for each in seen if not _why_not(each)]
    resolve = parents.resolver({side: fit})
    for each in fit:
        assert each.lifted is not None  # else it were unusable
        candidate = Candidate(each.record.ref.key, traits(compiled, side, each, resolve))
        yield Found(candidate, each.lifted.natives, each.record.modified)


def _why_not(seen: Seen) -> str:
    if seen.outside:
        return seen.outside if seen.outside in LEFT_ALONE.values() else MERGED
    if seen.rejected or seen.lifted is None:
        return UNUSABLE
    if seen.lifted.gone:
        return GONE
    return "" if seen.lifted.in_scope else OUTSIDE
