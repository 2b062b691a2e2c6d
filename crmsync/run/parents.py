"""Where does a link field lead? To the key of a linked parent, a symbol for one that is planned, or nowhere yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from crmsync.core.mapping import Seen
from crmsync.core.merge import Failed
from crmsync.core.model import SIDES, End, Json, Key, Side, Symbol, as_key, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import NOWHERE, Resolve
from crmsync.ledger.spool import PlannedLink, Spool
from crmsync.run.world import World

Told: TypeAlias = Callable[[], str]
Resolved: TypeAlias = dict[tuple[str, Side, Key], "Json | Symbol | Failed"]

UNDECIDED: Final = "?"  # waits for a record of the same mapping whose turn comes later


@dataclass(frozen=True, slots=True)
class Parents:
    """Answers for the link fields of one mapping, in bulk, from the plan so far and the ledger."""

    world: World
    spool: Spool
    mapping: Declared

    def resolver(self, seen: Mapping[Side, Sequence[Seen]]) -> Resolve:
        """Answers for these records."""
        wanted: dict[tuple[str, Side], set[Key]] = {}
        for side, records in seen.items():
            for index, each in enumerate(self.mapping.fields):
                if each.link and each.paths[side] is not None:
                    keys = wanted.setdefault((each.link, side), set())
                    keys.update(as_key(one.lifted.natives[index]) for one in records if one.lifted)
        known: Resolved = {}
        for (link, side), keys in wanted.items():
            known.update(self._parents(link, side, sorted((key for key in keys if key), key=key_text)))
        return lambda link, side, key: known.get((link, side, key), NOWHERE)

    def _parents(self, link: str, side: Side, keys: Sequence[Key]) -> Resolved:
        """A parent that was merged into another one stands for that one."""
        theirs = self._their_side(link, side)
        merged = self.world.ledger.survivors(link, theirs, keys)
        found = self._themselves(link, side, theirs, sorted({merged.get(key, key) for key in keys}, key=key_text))
        return {(link, side, key): found[link, side, merged.get(key, key)] for key in keys}

    def _themselves(self, link: str, side: Side, theirs: Side, keys: Sequence[Key]) -> Resolved:
        planned = self.spool.planned(link, theirs, keys)
        rest = [key for key in keys if key not in planned]
        states = self.world.ledger.states(link, theirs, rest)
        undecided: set[Key] = set()
        if link == self.mapping.name:  # what is made in this very step has its children a step later
            undecided = {key for key, each in planned.items() if each.state == "making"}
            undecided |= self.spool.staged_keys(link, theirs, rest)
        found: Resolved = {}
        end, text_of = self.world.project.mapping(link).ends[theirs], texts_of_parents(self.world, link, theirs)
        for key in keys:
            text, told = text_of(key), partial(self.world.names.key, end, key)
            if key in undecided:
                found[link, side, key] = Failed("waiting", "link/undecided", "", side, UNDECIDED)
            elif key in planned:
                found[link, side, key] = _planned(planned[key], Symbol(link, theirs, key), told, side, text)
            else:
                state = states.get(key)
                bucket, partner = (state.bucket, state.partner) if state else (None, None)
                if state and state.excluded in ("excluded", "forgotten"):
                    bucket = "out_of_scope"
                found[link, side, key] = _known(bucket, partner, told, side, text)
        return found

    def name(self, link: str, side: Side, key: Key) -> str:
        """`account-customer 7`: a parent of a record of this side, in words."""
        end = self.world.project.mapping(link).ends[self._their_side(link, side)]
        return f"{link} {self.world.names.key(end, key)}"

    def _their_side(self, link: str, side: Side) -> Side:
        return their_side(self.world.project.mapping(link), self.mapping.ends[side])


def their_side(parent: Declared, mine: End) -> Side:
    """The same system may be the first side here and the second there."""
    there = [each for each in SIDES if parent.ends[each].system == mine.system]
    return there[0] if len(there) == 1 else next(each for each in there if parent.ends[each].name == mine.name)


def _planned(planned: PlannedLink, symbol: Symbol, told: Told, side: Side, text: str) -> Json | Symbol | Failed:
    match planned.state:
        case "linked":
            return scalar(planned.keys[other(symbol.side)])
        case "create" | "making":
            return symbol
        case "out_of_scope":
            return _outside(told, side, text)
    return _waits(told, side, text)


def _known(bucket: str | None, partner: Key | None, told: Told, side: Side, text: str) -> Json | Failed:
    if bucket == "out_of_scope":
        return _outside(told, side, text)
    return _waits(told, side, text) if partner is None else scalar(partner)


def _outside(told: Told, side: Side, text: str) -> Failed:
    return Failed("out_of_scope", "link/out-of-scope", f"its parent {told()} is out of scope", side, text)


def _waits(told: Told, side: Side, text: str) -> Failed:
    return Failed("waiting", "link/waiting", f"its parent {told()} has no counterpart yet", side, text)


def texts_of_parents(world: World, mapping: str, side: Side) -> Callable[[Key], str]:
    """How parents are remembered by the records that wait for them: by handles where their keys are about people."""
    end = world.project.mapping(mapping).ends[side]
    told = world.names.telling(end.system, end.entity) or key_text
    return lambda key: f"{mapping} {side} {told(key)}"


def scalar(key: Key | None) -> Json:
    """A key as the value of a field: itself where it has one part, else a list."""
    return None if key is None else key[0] if len(key) == 1 else list(key)
