"""How do unlinked records find each other? Those of this run and those that the ledger remembers, judged together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from crmsync.connectors.base import fetch
from crmsync.core.mapping import Compiled, Seen
from crmsync.core.match import Blocking, Candidate, Census, census_of, propose
from crmsync.core.model import SIDES, Both, Judgement, Key, Match, Side, Verdict, fingerprint, key_text, other
from crmsync.core.plan import traits
from crmsync.ledger.nouns import State
from crmsync.ledger.spool import Spool, Staged
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


SAMPLE: Final = 100_000  # records of a side that a census is counted from at most
ALONE: Final = 10_000  # and where the other side has none to compare with yet


def known_census(world: World, mapping: str) -> Census:
    """As it was counted when all records were looked at; an empty one knows nothing of what is common."""
    told = world.ledger.census(mapping)
    return Census.from_json(told, world.ledger.seal) if told else Census()


def census_at_hand(world: World, spool: Spool, mapping: str) -> Census:
    """As this run has counted it, or as it is known."""
    counted = next(spool.notes(mapping, "census"), None)
    return Census.from_json(counted, world.ledger.seal) if counted else known_census(world, mapping)


def count_census(world: World, spool: Spool, compiled: Compiled, rule: Match) -> Census | None:
    """A census of all staged records of both sides; None where there is none, or nothing is compared by likeness."""
    name = compiled.mapping.name
    most = max(spool.count(name, side) for side in SIDES)
    if not (most and rule.compare):
        return None
    size = SAMPLE if all(_has_singles(spool, name, side) for side in SIDES) else ALONE
    step = -(-most // size)  # every n-th record, by key: the same ones whatever the order of reading
    return census_of(rule, *(list(_all(world, spool, compiled, side, step)) for side in SIDES), share=1 / step)


def _has_singles(spool: Spool, name: str, side: Side) -> bool:
    return any(row.partner is None for rows in spool.pages(name, side, alone=True) for row in rows)


def _all(world: World, spool: Spool, compiled: Compiled, side: Side, step: int) -> Iterator[Candidate]:
    parents = Parents(world, spool, compiled.mapping)
    for rows in spool.pages(compiled.mapping.name, side):
        chosen = [row for row in rows if step == 1 or int(fingerprint(key_text(row.key).encode()), 16) % step == 0]
        yield from fit_candidates(world, compiled, parents, side, chosen)


def match(
    world: World,
    spool: Spool,
    compiled: Compiled,
    rule: Match,
    census: Census,
    ghosts: Both[list[Key]],
    *,
    few: bool = False,
) -> Matches:
    """Judge all unlinked records of both sides but the ghosts. Nothing is compared while one side has none. `few`: this
    run has not looked at all that are to be looked at again."""
    mine = (_singles(world, spool, compiled, 0), _singles(world, spool, compiled, 1))
    freed = (_freed(world, spool, compiled, 0), _freed(world, spool, compiled, 1)) if few else ([], [])
    probes = ([*mine[0], *freed[0]], [*mine[1], *freed[1]])
    known = _known(Memory(world, spool, compiled, Blocking.of(rule, census), ghosts, freed), probes)
    sides = ([*probes[0], *known[0]], [*probes[1], *known[1]])
    if not (sides[0] and sides[1]):
        return Matches()
    different = world.ledger.different(compiled.mapping.name, 0, [each.key for each in sides[0]])
    found = Matches(remembered=(_keys([*freed[0], *known[0]]), _keys([*freed[1], *known[1]])))
    for judgement in propose(rule, *sides, different, census):
        _note(found, judgement)
    return found


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger remembers of unlinked records."""

    world: World
    spool: Spool
    compiled: Compiled
    blocking: Blocking
    ghosts: Both[list[Key]]
    freed: Both[list[Candidate]]

    def alike(self, side: Side, probes: Sequence[Candidate]) -> list[Candidate]:
        """Those on `side` that may be one of the probes of the other side, but for those that this run has read."""
        name, ledger = self.compiled.mapping.name, self.world.ledger
        if not (probes and ledger.has_candidates(name, side)):
            return []
        known = ledger.candidates(name, side, sorted({block for each in probes for block in self._keys(each)}))
        gone = self.spool.staged_keys(name, side, list(known)) | {*self.ghosts[side], *_keys(self.freed[side])}
        return [Candidate(key, values) for key, values in known.items() if key not in gone]

    def _keys(self, candidate: Candidate) -> list[str]:
        return self.blocking.keys(candidate.values)


def _known(memory: Memory, mine: Both[list[Candidate]]) -> Both[list[Candidate]]:
    """What may be the counterpart of a record of this run, and what rivals it for that counterpart: whether an
    identifier is unique, and a pair the clear best, must not depend on who was read."""
    theirs = memory.alike(1, mine[0])
    ours = memory.alike(0, [*mine[1], *theirs])
    return ours, memory.alike(1, [*mine[0], *ours])


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
    found: list[Candidate] = []
    for rows in spool.pages(name, side, alone=True):
        found += fit_candidates(world, compiled, parents, side, [row for row in rows if row.partner is None])
    return found


def _freed(world: World, spool: Spool, compiled: Compiled, side: Side) -> list[Candidate]:
    """Records that this run has not read, and that are unlinked by a person's word since the last one: they are not
    remembered as candidates yet."""
    name, ledger = compiled.mapping.name, world.ledger
    parents = Parents(world, spool, compiled.mapping)
    found: list[Candidate] = []
    for keys in ledger.unsettled(name, side):
        states, staged = ledger.states(name, side, keys), spool.staged_keys(name, side, keys)
        alone = [key for key in keys if key not in staged and _is_freed(states[key])]
        raws = fetch(world.door(compiled.mapping, side), alone)
        rows = [Staged(raw.key, raw.body, raw.modified, raw.fault) for raw in raws]
        found += fit_candidates(world, compiled, parents, side, rows)
    return found


def _is_freed(state: State) -> bool:
    return state.era == 0 and state.partner is None and state.survivor is None and state.excluded is None


def fit_candidates(
    world: World, compiled: Compiled, parents: Parents, side: Side, rows: Sequence[Staged]
) -> Iterator[Candidate]:
    fit = [each for each in (examined(world, compiled, side, row) for row in rows) if is_fit(each)]
    resolve = parents.resolver({side: fit})
    return (Candidate(each.record.ref.key, traits(compiled, side, each, resolve)) for each in fit)


def is_fit(seen: Seen) -> bool:
    return bool(seen.lifted and not seen.rejected and seen.lifted.in_scope and not seen.lifted.gone)
