"""What do the bases of a mapping become when it has changed in a breaking way, and what would the next batch run do?

The plan is the one that a batch run would make of the bases as they will be. Once a person has confirmed it, the bases
and the new definition go into the ledger, all or nothing. No system is written to.
"""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from crmsync.core.change import Carried, Change, carried, moves_links
from crmsync.core.model import Adopt, Agreed, Base, Both, Finding, Hold, Json, Key, Link, Side, Update, key_text, other
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode, encode
from crmsync.core.plan.lines import Line
from crmsync.ledger.database import chunks
from crmsync.ledger.nouns import NewAudit
from crmsync.ledger.store import Ledger
from crmsync.ledger.writer import News, Writer
from crmsync.run.counted import open_reviews, planned_counts, report_of
from crmsync.run.eras import begin_era, changed, unconfirmed
from crmsync.run.match.propose import begin
from crmsync.run.prepare import prepare
from crmsync.run.prepared import Order, Prepared
from crmsync.run.recover import left_behind
from crmsync.run.report import Report
from crmsync.run.selected import selected
from crmsync.run.world import Stopped, World, utc_now

PAGE: Final = 500


@dataclass
class FieldFate:
    """What becomes of the bases of one field: on how many links one is kept, on how many both sides agree anew, on how
    many there is none then. `next`: what the next batch run does about those, in words."""

    kept: int = 0
    new: int = 0
    none: int = 0
    next: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> Json:
        return {"kept": self.kept, "new": self.new, "none": self.none, "next": dict(sorted(self.next.items()))}


@dataclass(frozen=True, slots=True)
class Rebase:
    """The plan for one mapping. `definition` and `era` pin what it was made for."""

    mapping: Declared
    definition: str
    era: int
    changes: tuple[Change, ...]
    links: int
    fields: Mapping[str, FieldFate]

    def to_json(self) -> Json:
        return {"links": self.links, "fields": {name: each.to_json() for name, each in self.fields.items()}}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a rebase would do, and the batch run after it. `tripped`: why that would stop."""

    rebases: tuple[Rebase, ...]
    report: Report
    tripped: tuple[Finding, ...]


def to_confirm(world: World, select: Sequence[str]) -> tuple[Declared, ...]:
    """The selected mappings that have changed in a breaking way. Raises `Stopped` (exit 2)."""
    return tuple(mapping for mapping in selected(world, select) if unconfirmed(world, mapping))


def show(world: World, mappings: Sequence[Declared]) -> Shown:
    """Changes nothing anywhere. Raises `Stopped`, `Transient`, `Refused`."""
    found = _changes(world, mappings)
    with _planned(world, mappings, found, "") as prepared:
        rebases = tuple(_counted(world, prepared, mapping, found[mapping.name]) for mapping in mappings)
        report = report_of(world, mappings, prepared, "", planned_counts(prepared), open_reviews(world))
        return Shown(rebases, report, prepared.tripped)


def rebase(world: World, shown: Shown, run_id: str) -> tuple[Rebase, ...]:
    """Do as was shown. The caller holds the lock. Raises `Stopped` (exit 2) where a mapping, or what the ledger knows
    of it, has changed in between; else as `show`."""
    mappings = tuple(_as_shown(world, each) for each in shown.rebases)
    found = _changes(world, mappings)
    with _planned(world, mappings, found, run_id) as prepared:
        done = tuple(_counted(world, prepared, mapping, found[mapping.name]) for mapping in mappings)
        with world.writing() as ledger:  # all of it or nothing
            begin(world, ledger, mappings, run_id, "rebase")
            seq = 0
            for mapping in mappings:
                over = carried(found[mapping.name])
                seq = _Carrying(world, ledger, prepared, mapping, over, run_id).carry(seq)
                begin_era(world, ledger, mapping)
                ledger.audit([_confirmed(mapping, found[mapping.name], run_id)])
            told = {each.mapping.name: each.to_json() for each in done}
            ledger.end_run(run_id, utc_now(), 0, {"mappings": told})
    return done


def _confirmed(mapping: Declared, found: Sequence[Change], run_id: str) -> NewAudit:
    told = {"changes": [{"rule": each.rule, "message": each.message} for each in found]}
    return NewAudit("rebase", mapping.name, None, (), told, getpass.getuser(), run_id, utc_now())


def _as_shown(world: World, shown: Rebase) -> Declared:
    name, era = shown.mapping.name, world.ledger.era(shown.mapping.name)
    now = next((each for each in world.project.mappings if each.name == name), None)
    if now is None or not now.enabled or world.hashes[name] != shown.definition:
        raise _moved(f"{name} has changed since this was shown")
    if era is None or era.number != shown.era:
        raise _moved(f"another run has taken up {name} since this was shown")
    return now


def _moved(message: str) -> Stopped:
    return Stopped(2, Finding("rebase/moved", message, "look at it again: crmsync rebase"))


# The plan --------------------------------------------------------------------------------------------------------


class _Rebased(Ledger):
    """The ledger as it would be: what was agreed has gone over to the new mapping."""

    def __init__(self, ledger: Ledger, over: Mapping[str, Carried]) -> None:
        super().__init__(ledger.database)
        self._over = over

    def links(self, mapping: str, side: Side, keys: Sequence[Key]) -> dict[Key, Link]:
        found = super().links(mapping, side, keys)
        over = self._over.get(mapping, Carried())
        return {key: replace(link, base=over.over(link.base)) for key, link in found.items()}


def _changes(world: World, mappings: Sequence[Declared]) -> dict[str, tuple[Change, ...]]:
    """By mapping. Raises `Stopped` (exit 2) where bases cannot go over."""
    if left_behind(world, mappings).writes:
        mend = "crmsync run looks them up, and stops then: rebase after that"
        raise Stopped(
            2, Finding("rebase/unfinished", "a run has died, and its last writes are not looked up yet", mend)
        )
    found = {mapping.name: changed(world, mapping) for mapping in mappings}
    wrong = [each for mapping in mappings for each in _other_records(world, mapping, found[mapping.name])]
    if wrong:
        raise Stopped(2, *wrong)
    return found


@contextmanager
def _planned(
    world: World, mappings: Sequence[Declared], found: Mapping[str, Sequence[Change]], run_id: str
) -> Iterator[Prepared]:
    """What a batch run would do then."""
    over = {name: carried(each) for name, each in found.items()}
    then = replace(world, ledger=_Rebased(world.ledger, over))
    eras = {mapping.name: _era(world, mapping) + 1 for mapping in mappings}
    prepared = prepare(then, mappings, Order(), eras, run_id, utc_now())
    try:
        yield prepared
    finally:
        prepared.spool.close()


def _era(world: World, mapping: Declared) -> int:
    era = world.ledger.era(mapping.name)
    return era.number if era else 0


def _other_records(world: World, mapping: Declared, found: Sequence[Change]) -> Iterator[Finding]:
    """A link is a pair of keys: what they mean under other keys, nobody here can know."""
    links = world.ledger.live_links(mapping.name)
    for each in moves_links(found) if links else ():
        message = f"{mapping.name}: {each.message}; its {links} links are pairs of the old keys"
        mend = (
            "put it back; or give the mapping another name, and bring its links over: crmsync link export, translate "
            "the keys and the name in that file, crmsync link import"
        )
        yield Finding("rebase/other-records", message, mend, at=each.at)


def _counted(world: World, prepared: Prepared, mapping: Declared, found: tuple[Change, ...]) -> Rebase:
    over = carried(found)
    fates = {each.name: FieldFate() for each in mapping.fields if each.owner is not None}
    links = 0
    for page in _links(world.ledger, mapping.name):
        links += len(page)
        for link in page:
            for name in over.over(link.base).keys() & fates.keys():
                fates[name].kept += 1
    for lines in chunks(_lines(prepared, mapping), PAGE):
        bases = _bases_of(world.ledger, mapping.name, lines, over)
        for line in lines:
            _count(fates, mapping, line, bases.get(_left(line), {}))
    for fate in fates.values():
        fate.none = links - fate.kept - fate.new
        if rest := fate.none - fate.next.total():
            fate.next[LEFT] += rest
    return Rebase(mapping, world.hashes[mapping.name], _era(world, mapping), found, links, fates)


LEFT: Final = "left as it is"


def _links(ledger: Ledger, name: str) -> Iterator[list[Link]]:
    """Pages of the links that are not gone, with their bases."""
    for page in ledger.link_keys(name, 0):
        for few in chunks(page, PAGE):
            yield list(ledger.links(name, 0, [each.left for each in few]).values())


def _lines(prepared: Prepared, mapping: Declared) -> Iterator[Adopt | Update | Hold]:
    """What the plan says of linked pairs."""
    number = prepared.mappings[mapping.name].number
    for plan in prepared.spool.lines():
        if plan.mapping_no == number and plan.kind in ("adopt", "update", "hold"):
            line: Line = decode(plan.text)
            if isinstance(line, Update | Hold) or (isinstance(line, Adopt) and not line.judged):
                yield line


def _left(line: Adopt | Update | Hold) -> Key | None:
    if isinstance(line, Update):
        return line.key if line.side == 0 else line.source
    return line.keys[0]


def _bases_of(
    ledger: Ledger, name: str, lines: Sequence[Adopt | Update | Hold], over: Carried
) -> dict[Key | None, Base]:
    keys = list({key for line in lines if (key := _left(line)) is not None})
    return {key: over.over(link.base) for key, link in ledger.links(name, 0, keys).items()}


def _count(fates: Mapping[str, FieldFate], mapping: Declared, line: Adopt | Update | Hold, base: Base) -> None:
    """What a line says of fields that have no base."""
    match line:
        case Adopt():
            for name in (line.base.keys() - base.keys()) & fates.keys():
                fates[name].new += 1
        case Update():
            source, target = mapping.ends[other(line.side)].name, mapping.ends[line.side].name
            for change in line.changes:
                if change.field in fates and change.field not in base:
                    fates[change.field].next[f"{source} -> {target} ({change.reason})"] += 1
        case Hold():
            if line.field in fates and line.field not in base:
                fates[line.field].next[f"held ({line.kind})"] += 1


# Doing it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Carrying:
    """Writes the bases of one mapping, page after page."""

    world: World
    ledger: Writer
    prepared: Prepared
    mapping: Declared
    over: Carried
    run: str

    def carry(self, seq: int) -> int:
        """`seq` is the first free number of the journal; gives the next one."""
        for page in self._all_links():
            moved = {link.keys: news for link in page if (news := _news(link.base, self.over.over(link.base)))}
            self.ledger.save_bases(self.mapping.name, moved.items())
            seq = self._journal(seq, [(keys, _kept(news)) for keys, news in moved.items()])
        for lines in chunks((each for each in _lines(self.prepared, self.mapping) if isinstance(each, Adopt)), PAGE):
            self.ledger.save_bases(self.mapping.name, ((line.keys, line.base) for line in lines))
            seq = self._journal(seq, [(line.keys, line.base) for line in lines])
        return seq

    def _all_links(self) -> Iterator[list[Link]]:
        """Those that are gone, too: their records may come back."""
        for page in self.world.ledger.link_rows(self.mapping.name):
            for few in chunks(page, PAGE):
                yield list(self.world.ledger.links(self.mapping.name, 0, [each.keys[0] for each in few]).values())

    def _journal(self, seq: int, bases: Sequence[tuple[Both[Key], Base]]) -> int:
        name, now = self.mapping.name, utc_now()
        lines = [Adopt(name, keys, base) for keys, base in bases if base]
        numbered = list(enumerate(lines, seq))
        self.ledger.save_journal(
            self.run, ((n, name, 0, key_text(each.keys[0]), "adopt", encode(each)) for n, each in numbered)
        )
        self.ledger.settle_journal(self.run, ((n, "done", "", now) for n, _ in numbered))
        return seq + len(lines)


def _news(old: Base, new: Base) -> News:
    """What must be written to make the new base of the old one."""
    gone: dict[str, Agreed | None] = dict.fromkeys(old.keys() - new.keys())
    come = {name: agreed for name, agreed in new.items() if old.get(name) is not agreed}
    return {**gone, **come}


def _kept(news: News) -> Base:
    return {name: agreed for name, agreed in news.items() if agreed is not None}
