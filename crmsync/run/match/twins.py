"""Would a new counterpart be a second one? A record that is, most likely, another one of its own system gets none while
that one has a counterpart, and a person is asked.

Who may be a twin is looked up by strong block keys: in the ledger those of records that were linked before, in the
spool those of records that this run has read and that are linked, or get a counterpart in it. They are compared as they
are now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeAlias

from crmsync.connectors.base import fetch
from crmsync.core.mapping import Compiled
from crmsync.core.match import Blocking, Candidate, Census
from crmsync.core.match.block import BIGGEST_CROWD, strong
from crmsync.core.match.inside import Twin, twins
from crmsync.core.model import SIDES, Both, Create, Finding, Hold, Key, Match, Raw, Side, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan.lines import Line
from crmsync.ledger.nouns import NewDuplicate
from crmsync.ledger.spool import Spool, Staged
from crmsync.run.match.matching import fit_candidates, known_census
from crmsync.run.moved import MEND
from crmsync.run.parents import Parents
from crmsync.run.world import World

Bearers: TypeAlias = Mapping[str, Sequence[Key]]
"""Who bears a block key."""


@dataclass(frozen=True)
class Twins:
    """Knows the twins of one mapping's records, on the sides whose records may get a new counterpart."""

    world: World
    spool: Spool
    compiled: Compiled
    rule: Match
    census: Census

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    @property
    def sides(self) -> list[Side]:
        return [side for side in SIDES if self.compiled.mapping.create[other(side)]]

    @cached_property
    def _strong(self) -> Blocking:
        return strong(Blocking.of(self.rule, self.census))

    @cached_property
    def _distinct(self) -> Mapping[Side, frozenset[frozenset[Key]]]:
        ledger = self.world.ledger
        return {side: frozenset(map(frozenset, ledger.distinct(self.name, side))) for side in self.sides}

    def note_linked(self, partner: Callable[[Side, Staged], Key | None]) -> None:
        """Who of the staged records is linked, before or by this run, may be somebody's twin from now on."""
        parents = Parents(self.world, self.spool, self.compiled.mapping)
        for side in self.sides:
            for rows in self.spool.pages(self.name, side):
                linked = [row for row in rows if partner(side, row) is not None]
                self._note(side, self._keys(fit_candidates(self.world, self.compiled, parents, side, linked)))

    def note_written(self, side: Side, raws: Iterable[Raw]) -> None:
        """What this run has made or changed may be somebody's twin as it was read back."""
        if side in self.sides:
            parents = Parents(self.world, self.spool, self.compiled.mapping)
            rows = [Staged(raw.key, raw.body, raw.modified, raw.fault) for raw in raws]
            self._note(side, self._keys(fit_candidates(self.world, self.compiled, parents, side, rows)))

    def _keys(self, candidates: Iterable[Candidate]) -> dict[Key, list[str]]:
        return {each.key: sorted(set(self._strong.keys(each.values))) for each in candidates}

    def _note(self, side: Side, borne: Mapping[Key, list[str]]) -> None:
        """For the records after these, and for later runs."""
        self.spool.bear(self.name, side, borne.items())
        self.spool.note(self.name, "single", ([side, key, None, blocks] for key, blocks in borne.items()))

    def of(self, side: Side, newcomers: Sequence[Candidate]) -> dict[Key, Twin]:
        """Those of these records that have a twin with a counterpart, in the order in which they are planned: who has
        none gets a counterpart now, and is the twin of those after it."""
        keys = self._keys(newcomers)
        borne = self._borne(side, keys.values())
        known = self._read(side, {key for bearers in borne.values() for key in bearers} - keys.keys())
        alike = self._alike(side, keys, borne, {**known, **{each.key: each for each in newcomers}})
        having: defaultdict[str, set[Key]] = defaultdict(set, {block: set(each) for block, each in borne.items()})
        found: dict[Key, Twin] = {}
        for key, blocks in keys.items():
            there = {each for block in blocks for each in _few(having[block])} if key in alike else ()
            if told := self._doubtful(side, key, [twin for twin in alike.get(key, ()) if twin.key in there]):
                found[key] = min(told, key=_by_score)
            else:
                for block in blocks:
                    having[block].add(key)
        self._note(side, {key: blocks for key, blocks in keys.items() if key not in found})
        return found

    def since(self, side: Side, sources: Collection[Key], own: Collection[str], created: str) -> dict[Key, Twin]:
        """Those of these unlinked records that have a twin with a counterpart by a link that was made after `created`,
        by another run than the `own` ones."""
        if not (sources and side in self.sides):
            return {}
        newcomers = self._read(side, sources)
        keys = self._keys(newcomers.values())
        borne = self._borne(side, keys.values())
        named = {key for bearers in borne.values() for key in bearers} - keys.keys()
        fresh = {key for key in named if self._linked_since(side, key, own, created)}
        if not fresh:
            return {}
        few = {block: [key for key in bearers if key in fresh] for block, bearers in borne.items()}
        alike = self._alike(side, keys, few, {**self._read(side, fresh), **newcomers})
        told = {
            key: self._doubtful(side, key, [twin for twin in found if twin.key in fresh])
            for key, found in alike.items()
        }
        return {key: min(found, key=_by_score) for key, found in told.items() if found}

    def _linked_since(self, side: Side, key: Key, own: Collection[str], created: str) -> bool:
        links = self.world.ledger.links_of(self.name, side, key)
        return any(link.ended is None and link.made > created and link.run not in own for link in links)

    def crowded(self, newcomers: Iterable[Candidate]) -> int:
        """How many of these have nothing to be found by but what a crowd shares: nobody knows whether they are new."""
        if not self.census.crowded:
            return 0
        blocking = Blocking.of(self.rule, self.census)
        every = replace(blocking, crowded=frozenset())
        return sum(not blocking.keys(each.values) and bool(every.keys(each.values)) for each in newcomers)

    def _borne(self, side: Side, keys: Iterable[Sequence[str]]) -> Bearers:
        """Those whose strong keys are known."""
        blocks = sorted({block for each in keys for block in each})
        found: defaultdict[str, set[Key]] = defaultdict(set)
        for block, key in self.world.ledger.bearers(self.name, side, blocks):
            found[block].add(key)
        for block, key in self.spool.bearers(self.name, side, blocks):
            found[block].add(key)
        return {block: sorted(bearers, key=key_text) for block, bearers in sorted(found.items())}

    def _read(self, side: Side, keys: Iterable[Key]) -> dict[Key, Candidate]:
        """These records as they are now: as this run has read them, else as their system says."""
        wanted = sorted(keys, key=key_text)
        staged = self.spool.staged(self.name, side, wanted)
        raws = fetch(self.world.door(self.compiled.mapping, side), [key for key in wanted if key not in staged])
        rows = [*staged.values(), *(Staged(raw.key, raw.body, raw.modified, raw.fault) for raw in raws)]
        parents = Parents(self.world, self.spool, self.compiled.mapping)
        return {each.key: each for each in fit_candidates(self.world, self.compiled, parents, side, rows)}

    def _alike(
        self, side: Side, keys: Mapping[Key, Sequence[str]], borne: Bearers, records: Mapping[Key, Candidate]
    ) -> dict[Key, list[Twin]]:
        """By newcomer all its twins among those that bear a key of it, the newcomers before it included."""
        bearers = defaultdict(list, {block: [*each] for block, each in borne.items()})
        pairs: set[Both[Key]] = set()
        for key, blocks in keys.items():
            for block in blocks:
                pairs.update((key, each) for each in _few(bearers[block]) if each in records and each != key)
                bearers[block].append(key)
        found: dict[Key, list[Twin]] = {}
        for (key, _), twin in twins(self.rule, self.census, list(records.values()), pairs).items():
            found.setdefault(key, []).append(twin)
        return found

    def _doubtful(self, side: Side, key: Key, found: Sequence[Twin]) -> list[Twin]:
        """Those of a record's twins that nobody has called another one. An identifier that it shares with one that was
        is a family's, and alone makes nobody its twin."""
        others = [twin for twin in found if frozenset((key, twin.key)) in self._distinct[side]]
        shared = {twin.ids for twin in others}
        return [twin for twin in found if twin not in others and not (twin.only and twin.ids in shared)]


def came_since(
    world: World, spool: Spool, mapping: Declared, lines: Sequence[Line], plan: str, created: str
) -> dict[int, Finding]:
    """By place in `lines`, the creates of an older plan whose record now has a twin that got its counterpart since the
    plan was made: `created`, with the digest `plan`, whose own links are none of these."""
    rule = mapping.match
    if rule is None or not any(isinstance(line, Create) for line in lines):
        return {}
    own = {run.id for run in world.ledger.runs(RUNS) if run.plan == plan}
    knows = Twins(world, spool, world.compile(mapping), rule, known_census(world, mapping.name))
    found: dict[int, Finding] = {}
    for side in SIDES:
        places = {
            line.source: n for n, line in enumerate(lines) if isinstance(line, Create) and other(line.side) == side
        }
        for key, twin in knows.since(side, places, own, created).items():
            ref = knows.compiled.ref(side, key)
            message = f"is most likely {knows.compiled.ref(side, twin.key)}, which got a counterpart since the plan"
            found[places[key]] = Finding("plan/drift", f"{message} was made", MEND, ref=ref)
    return found


RUNS: Final = 20  # the last ones: a plan that was begun is applied again soon


def lost_records(
    world: World, spool: Spool, mapping: Declared, records: Iterable[tuple[Side, Key]]
) -> frozenset[tuple[Side, Key]]:
    """Those of these linked records that are not there now, although their links do not know yet that they are gone."""
    asked = set(records)
    found: set[tuple[Side, Key]] = set()
    for side in SIDES:
        keys = sorted((key for there, key in asked if there == side), key=key_text)
        links = world.ledger.links(mapping.name, side, keys)
        read = spool.staged_keys(mapping.name, side, keys)
        unread = [key for key, link in links.items() if link.state != "gone" and key not in read]
        there = {raw.key for raw in fetch(world.door(mapping, side), unread)}
        found.update((side, key) for key in unread if key not in there)
    return frozenset(found)


def _by_score(twin: Twin) -> tuple[float, str]:
    return -twin.score, key_text(twin.key)


def _few(bearers: Collection[Key]) -> Collection[Key]:
    """What a crowd shares tells nothing apart."""
    return bearers if len(bearers) <= BIGGEST_CROWD else ()


def doubt(compiled: Compiled, side: Side, twin: Twin) -> str:
    """What is asked about a record that has this twin, and what the answers do."""
    there = compiled.mapping.ends[other(side)]
    return (
        f"may be {compiled.ref(side, twin.key)}, which has a counterpart ({twin.score:.2f}): {twin.reason}; "
        f"same merges the two, different gives it a {there.system}.{there.entity} of its own"
    )


def question(hold: Hold, run: str, now: str) -> NewDuplicate:
    """What a hold of kind `duplicate` asks: the one with the counterpart would stay."""
    side: Side = 0 if hold.keys[0] is not None else 1
    key, twin = hold.keys[side], hold.values[side]
    assert key is not None  # it is held
    return NewDuplicate(hold.mapping, side, (tuple(twin), key), hold.score or 0.0, hold.message, run, now)
