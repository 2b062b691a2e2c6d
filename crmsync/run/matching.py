"""How do unlinked records find each other? Those of this run and those that the ledger remembers, judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crmsync.core.mapping import Compiled, Seen
from crmsync.core.match import Candidate, blocks, propose
from crmsync.core.model import SIDES, Both, Judgement, Key, Match, Side, Verdict, other
from crmsync.core.plan import traits
from crmsync.ledger.spool import Spool
from crmsync.run.parents import Parents
from crmsync.run.world import World, examined


@dataclass(frozen=True, slots=True)
class Matches:
    """The judgements on unlinked records, by side and key; `remembered` are the keys that this run has not read."""

    same: Both[dict[Key, Judgement]] = field(default_factory=lambda: ({}, {}))
    unsure: Both[dict[Key, list[Judgement]]] = field(default_factory=lambda: ({}, {}))
    remembered: Both[frozenset[Key]] = (frozenset(), frozenset())

    def partner(self, side: Side, key: Key) -> Key | None:
        judgement = self.same[side].get(key)
        return judgement.keys[other(side)] if judgement else None

    def unread(self, side: Side) -> list[Key]:
        """The records that a judgement names and this run has not read."""
        return [key for key in (*self.same[side], *self.unsure[side]) if key in self.remembered[side]]


def match(world: World, spool: Spool, compiled: Compiled, rule: Match, ghosts: Both[list[Key]]) -> Matches:
    """Judge all unlinked records of both sides but the ghosts. Nothing is compared while one side has none."""
    mine = (_singles(world, spool, compiled, 0), _singles(world, spool, compiled, 1))
    known = (
        _living(_remembered(world, spool, compiled, rule, 0, mine[1]), ghosts[0]),
        _living(_remembered(world, spool, compiled, rule, 1, mine[0]), ghosts[1]),
    )
    sides = ([*mine[0], *known[0]], [*mine[1], *known[1]])
    if not (sides[0] and sides[1]):
        return Matches()
    different = world.ledger.different(compiled.mapping.name, 0, [each.key for each in sides[0]])
    found = Matches(remembered=(_keys(known[0]), _keys(known[1])))
    for judgement in propose(rule, *sides, different):
        _note(found, judgement)
    return found


def _living(candidates: Sequence[Candidate], ghosts: Sequence[Key]) -> list[Candidate]:
    dead = frozenset(ghosts)
    return [each for each in candidates if each.key not in dead]


def _keys(candidates: Sequence[Candidate]) -> frozenset[Key]:
    return frozenset(each.key for each in candidates)


def _note(found: Matches, judgement: Judgement) -> None:
    for side in SIDES:
        if judgement.verdict is Verdict.SAME:
            found.same[side][judgement.keys[side]] = judgement
        else:
            found.unsure[side].setdefault(judgement.keys[side], []).append(judgement)


def _singles(world: World, spool: Spool, compiled: Compiled, side: Side) -> list[Candidate]:
    """The staged records of a side that nothing is linked to, by what they are compared by."""
    name = compiled.mapping.name
    if not spool.count(name, other(side)) and not world.ledger.has_candidates(name, other(side)):
        return []  # nobody there to be the same as
    parents = Parents(world, spool, compiled.mapping)
    found = []
    for rows in spool.pages(name, side, alone=True):
        seen = [examined(world, compiled, side, row) for row in rows if row.partner is None]
        fit = [
            each for each in seen if each.lifted and not each.rejected and each.lifted.in_scope and not each.lifted.gone
        ]
        resolve = parents.resolver({side: fit})
        found += [Candidate(each.record.ref.key, traits(compiled, side, each, resolve)) for each in fit]
    return found


def is_fit(seen: Seen) -> bool:
    return bool(seen.lifted and not seen.rejected and seen.lifted.in_scope and not seen.lifted.gone)


def _remembered(
    world: World, spool: Spool, compiled: Compiled, rule: Match, side: Side, probes: list[Candidate]
) -> list[Candidate]:
    """What the ledger remembers of unlinked records on `side` that may be one of the probes of the other side."""
    name = compiled.mapping.name
    asked = sorted({block for each in probes for block in blocks(rule, each.values)})
    known = world.ledger.candidates(name, side, asked) if asked else {}
    fresh = spool.staged_keys(name, side, list(known))
    return [Candidate(key, values) for key, values in known.items() if key not in fresh]
