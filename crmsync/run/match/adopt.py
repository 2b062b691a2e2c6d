"""What do the two records of a new link already agree on, and what not? The one becomes its base, the other is told."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from crmsync.connectors.base import fetch
from crmsync.core.mapping import Seen, examine
from crmsync.core.model import SIDES, Adopt, Both, Hold, Json, Key, Link, Side, Update, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import Decided, Pair, decide, encode
from crmsync.ledger.nouns import NewAudit
from crmsync.ledger.spool import Spool
from crmsync.run.match.propose import begin
from crmsync.run.parents import Parents
from crmsync.run.selected import selected
from crmsync.run.world import World, utc_now

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Differs:
    """One field of one pair on which its records do not agree, and what the next run would do about it. `field` is ""
    where the whole pair cannot be used."""

    keys: Both[Key]
    field: str
    values: Both[Json]
    next: str


@dataclass
class Adopted:
    """What became of the fresh links of one mapping. `agreed`: by field, on how many pairs both sides agree. `absent`:
    links of which a record is not there now."""

    mapping: Declared
    links: int = 0
    absent: int = 0
    agreed: Counter[str] = field(default_factory=Counter)
    differs: list[Differs] = field(default_factory=list)

    def by_field(self) -> list[tuple[str, str, list[Differs]]]:
        """Field, next, and the pairs that are so; in the order of the mapping, then of what happens to most."""
        groups: dict[tuple[str, str], list[Differs]] = {}
        for each in self.differs:
            groups.setdefault((each.field, each.next), []).append(each)
        places = {"": -1} | {field.name: place for place, field in enumerate(self.mapping.fields)}
        order = sorted(groups, key=lambda group: (places[group[0]], -len(groups[group]), group[1]))
        return [(name, what, groups[name, what]) for name, what in order]


def adopt(world: World, select: Sequence[str], limit: int | None, run_id: str) -> tuple[Adopted, ...]:
    """Give every link that has no base the one that its records agree on, at most `limit` of a mapping. The caller
    holds the lock. Raises `Stopped`, `Transient`, `Refused`, `LedgerError`."""
    mappings = selected(world, select)
    with world.writing() as ledger:
        begin(world, ledger, mappings, run_id, "adopt")
    found = []
    seq = 0
    for mapping in mappings:
        adopting = _Adopting(world, mapping, run_id, Adopted(mapping), seq)
        adopting.adopt(limit)
        found.append(adopting.found)
        seq = adopting.seq
    with world.writing() as ledger:
        told = {each.mapping.name: {"links": each.links, "agreed": dict(each.agreed)} for each in found}
        ledger.end_run(run_id, utc_now(), 0, {"mappings": told})
    return tuple(found)


@dataclass
class _Adopting:
    """Adopts in one mapping, page after page; what is done stays done."""

    world: World
    mapping: Declared
    run: str
    found: Adopted
    seq: int
    who: str = field(default_factory=getpass.getuser)

    def adopt(self, limit: int | None) -> None:
        with closing(Spool()) as nothing:  # parents are looked up in a plan first: there is none
            parents = Parents(self.world, nothing, self.mapping)
            for links in self._fresh(limit):
                self._page(parents, links)

    def _fresh(self, limit: int | None) -> Iterator[list[Link]]:
        """Pages of the live links without a base, in the order of their first keys."""
        gets = all(self.world.door(self.mapping, side).can.get for side in SIDES)
        fresh = islice(self._without_base(), limit)
        while page := list(islice(fresh, PAGE if gets else None)):
            yield page

    def _without_base(self) -> Iterator[Link]:
        ledger, name = self.world.ledger, self.mapping.name
        for page in ledger.link_keys(name, 0):
            links = ledger.links(name, 0, [each.left for each in page])
            yield from (
                link for _, link in sorted(links.items(), key=lambda item: key_text(item[0]))
                if not link.base and link.state == "live"
            )  # fmt: skip

    def _page(self, parents: Parents, links: Sequence[Link]) -> None:
        seen = (self._seen(0, links), self._seen(1, links))
        resolve = parents.resolver({side: list(seen[side].values()) for side in SIDES})
        decisions = self.world.ledger.decisions(self.mapping.name, [link.keys for link in links])
        adopted: list[Adopt] = []
        for link in links:
            both = (seen[0].get(link.keys[0]), seen[1].get(link.keys[1]))
            self.found.links += 1
            if not all(both):
                self.found.absent += 1
                continue
            pair = Pair(both, link, decisions=tuple(decisions.get(link.keys, ())))
            decided = decide(self.world.compile(self.mapping), pair, resolve)
            adopted += [each for each in decided.entries if isinstance(each, Adopt)]
            self.found.differs += self._differences(link, both, decided)
        self.found.agreed.update(chain.from_iterable(each.base for each in adopted))
        self._remember(adopted)

    def _seen(self, side: Side, links: Sequence[Link]) -> dict[Key, Seen]:
        door, compiled = self.world.door(self.mapping, side), self.world.compile(self.mapping)
        raws = fetch(door, [link.keys[side] for link in links])
        return {raw.key: examine(compiled, side, raw, door.decode) for raw in raws}

    def _remember(self, adopted: Sequence[Adopt]) -> None:
        now, name = utc_now(), self.mapping.name
        lines = list(enumerate(adopted, self.seq))
        self.seq += len(lines)
        with self.world.writing() as ledger:
            ledger.save_journal(
                self.run, ((seq, name, 0, key_text(each.keys[0]), "adopt", encode(each)) for seq, each in lines)
            )
            ledger.save_bases(name, [(each.keys, each.base) for each in adopted])
            ledger.audit(self._told(each, now) for each in adopted)
            ledger.settle_journal(self.run, ((seq, "done", "", now) for seq, _ in lines))

    def _told(self, line: Adopt, now: str) -> NewAudit:
        records = ((SIDES[0], line.keys[0]), (SIDES[1], line.keys[1]))
        return NewAudit("adopt", line.mapping, None, records, {"agreed": sorted(line.base)}, self.who, self.run, now)

    def _differences(self, link: Link, seen: Both[Seen | None], decided: Decided) -> Iterator[Differs]:
        for line in decided.actions:
            if isinstance(line, Update):
                source, target = self.mapping.ends[other(line.side)].name, self.mapping.ends[line.side].name
                for change in line.changes:
                    what = f"{source} -> {target} ({change.reason})"
                    yield Differs(link.keys, change.field, self._values(seen, change.field), what)
            elif isinstance(line, Hold):
                yield Differs(link.keys, line.field, self._values(seen, line.field), f"held ({line.kind})")
        for _, finding in decided.rejected:
            yield Differs(link.keys, "", (None, None), f"rejected ({finding.rule} {finding.path})")
        if decided.bucket in ("waiting", "out_of_scope"):
            yield Differs(link.keys, "", (None, None), decided.bucket.replace("_", " "))

    def _values(self, seen: Both[Seen | None], name: str) -> Both[Json]:
        place = self.world.compile(self.mapping).index.get(name)
        first, second = (
            each.lifted.natives[place] if each and each.lifted and place is not None else None for each in seen
        )
        return first, second
