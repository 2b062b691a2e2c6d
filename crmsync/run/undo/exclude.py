"""Which records does a person want to be left alone?

Both records of a pair are left alone, or none: nothing is written to them, made for them, or deleted because of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crmsync.connectors.base import fetch
from crmsync.core.model import Finding, Key, Mapping, Ref, Side, other
from crmsync.ledger.nouns import Exclusion, State, Why
from crmsync.run.refs import no_record, places_of
from crmsync.run.world import Stopped, World, utc_now


@dataclass(frozen=True, slots=True)
class Left:
    """One record of a mapping that is left alone, or was until now, and why. `records`: it, and what it is linked with;
    `whys`: the same of each of them."""

    mapping: Mapping
    records: tuple[tuple[Side, Key], ...]
    whys: tuple[Why | None, ...]

    @property
    def why(self) -> Why | None:
        return self.whys[0]

    @property
    def is_whole(self) -> bool:
        """Has a person said so before, of each of them?"""
        return all(why in ("excluded", "forgotten") for why in self.whys)


def exclude(world: World, refs: Sequence[Ref], chosen: Sequence[Mapping], who: str) -> tuple[Left, ...]:
    """Leave these records and their counterparts alone from now on, in these mappings; all of them, or none. Nothing
    becomes of those that are so already (`is_whole`). Raises `Stopped` (exit 2) where there is no such record."""
    found = {ref: tuple(_found(world, ref, chosen)) for ref in refs}
    unknown = [ref for ref, lefts in found.items() if not any(_is_known(world, each) for each in lefts)]
    if unknown:
        raise Stopped(2, *(no_record(ref) for ref in unknown))
    every = tuple(each for lefts in found.values() for each in lefts)
    if new := _those(every, None, "reverted"):
        with world.writing() as ledger:
            for mapping, side, key in new:
                ledger.exclude(mapping, side, [key], "excluded", who, utc_now())
    return every


def _those(lefts: Sequence[Left], *whys: Why | None) -> list[tuple[str, Side, Key]]:
    """By mapping, those of the records that are left alone for one of these reasons, each once."""
    found = (
        (left.mapping.name, side, key)
        for left in lefts
        for (side, key), why in zip(left.records, left.whys, strict=True)
        if why in whys
    )
    return list(dict.fromkeys(found))


def include(world: World, refs: Sequence[Ref], chosen: Sequence[Mapping], who: str) -> tuple[Left, ...]:
    """Take that back; of all of them, or of none. Raises `Stopped` (exit 2) where no mapping leaves one alone, or where
    one was forgotten."""
    found = {ref: left_alone_of(world, ref, chosen) for ref in refs}
    if wrong := [finding for ref, lefts in found.items() if (finding := _not_excluded(ref, lefts))]:
        raise Stopped(2, *wrong)
    every = tuple(each for lefts in found.values() for each in lefts)
    with world.writing() as ledger:
        for mapping, side, key in _those(every, "excluded", "reverted"):
            ledger.include(mapping, side, [key], who, utc_now())
    return every


def _not_excluded(ref: Ref, lefts: Sequence[Left]) -> Finding | None:
    if any(each.why == "forgotten" for each in lefts):
        return Finding("usage/forgotten", f"{ref} was forgotten, which is for good", "leave it")
    if not lefts:
        return Finding("usage/not-excluded", f"{ref} is not excluded", "see: crmsync link list --excluded")
    return None


def left_alone_of(world: World, ref: Ref, chosen: Sequence[Mapping]) -> tuple[Left, ...]:
    """In which mappings it is left alone."""
    return tuple(each for each in _found(world, ref, chosen) if each.why is not None)


def all_left_alone(world: World, chosen: Sequence[Mapping]) -> list[Exclusion]:
    return [each for mapping in chosen for each in world.ledger.exclusions(mapping.name)]


def _found(world: World, ref: Ref, chosen: Sequence[Mapping]) -> Iterator[Left]:
    for mapping, side in places_of(chosen, ref.system, ref.entity):
        state = _state(world, mapping, side, ref.key)
        records: list[tuple[Side, Key]] = [(side, ref.key)]
        if state and state.partner is not None:
            records.append((other(side), state.partner))
        states = [_state(world, mapping, *each) for each in records]
        yield Left(mapping, tuple(records), tuple(each and each.excluded for each in states))


def _state(world: World, mapping: Mapping, side: Side, key: Key) -> State | None:
    return world.ledger.states(mapping.name, side, [key]).get(key)


def _is_known(world: World, left: Left) -> bool:
    side, key = left.records[0]
    if _state(world, left.mapping, side, key) is not None:
        return True
    return any(raw.key == key for raw in fetch(world.door(left.mapping, side), [key]))
