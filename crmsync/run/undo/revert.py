"""How is a run undone? From its journal and what its targets say now a new plan is made, and done as any other.

What has been changed since, by people or by a later run, stays as it is and is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from crmsync.connectors.base import fetch
from crmsync.core.mapping import Compiled, examine
from crmsync.core.model import (
    Adopt,
    Archive,
    Create,
    Finding,
    Hold,
    Key,
    Mark,
    Raw,
    Record,
    Ref,
    Side,
    from_json,
    key_text,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan import decode
from crmsync.core.plan.limits import Allow
from crmsync.core.plan.reverted import Kept, Reverting, Target, Wrote
from crmsync.ledger.nouns import JournalLine, Run
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.spool import Spool
from crmsync.run.breakers import keep, trips
from crmsync.run.counted import open_reviews, planned_counts, report_of
from crmsync.run.eras import number_of, refuse_unconfirmed
from crmsync.run.extract import Extraction
from crmsync.run.people.mask import Mask
from crmsync.run.people.prune import refuse_without_journal
from crmsync.run.prepared import MappingPlan, Order, Prepared
from crmsync.run.recover import recover, telling
from crmsync.run.report import Report, Stay
from crmsync.run.runs import find_run
from crmsync.run.selected import chosen
from crmsync.run.sentinel import see_sentinels
from crmsync.run.session import Asked, carry_out
from crmsync.run.world import Stopped, World, left_alone, utc_now

REVERT: Final = "revert"  # the mode of a run that undoes another one


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be undone: all that a run wrote, or only what it wrote in some mappings (globs), or to one record and
    its counterpart. `deletes`: see `Reverting`. `show_pii`: values about people are told, too."""

    run: str
    select: tuple[str, ...] = ()
    only: Ref | None = None
    deletes: bool = False
    allow: Allow = field(default_factory=dict)
    show_pii: bool = False


@dataclass(frozen=True, slots=True)
class Undoing:
    """A plan that undoes a run, and what it says of itself."""

    run: str  # the one that is undone
    show_pii: bool
    asked: Asked
    mappings: tuple[Declared, ...]
    prepared: Prepared
    report: Report


def run_to_undo(world: World, run_id: str) -> Run:
    """`last`: the newest one. Raises `Stopped` (exit 2) where there is none, or where it has not ended."""
    run = find_run(world, run_id)
    if run.ended is None:
        undone = _undone(world, run) if run.mode == REVERT else ""
        what = f", which undoes run {undone}," if undone else ""
        message = f"run {run.id}{what} has not ended: it is at work, or it was killed"
        again = f"revert --run {undone}" if undone else "run"
        raise Stopped(2, Finding("usage/not-ended", message, f"wait for it, or take it up: crmsync {again}"))
    refuse_without_journal(world, run)
    return run


def _undone(world: World, revert: Run) -> str:
    """The run that a revert undoes, as the audit tells it; "" where that was erased."""
    told = (from_json(row.told) for page in world.ledger.audit(0, revert.id) for row in page if row.told)
    return next((each["undoes"] for each in told if "undoes" in each), "")


@contextmanager
def undoing(world: World, wanted: Wanted, run_id: str) -> Iterator[Undoing]:
    """The plan, still in its spool. Changes nothing anywhere. Raises `Stopped`, `Transient`, `Refused`."""
    run = run_to_undo(world, wanted.run)
    names = set(run.selected or ())
    mappings = tuple(each for each in _writing(world, wanted.select) if each.name in names)
    world.newly_known(mappings)
    see_sentinels(world, mappings)
    refuse_unconfirmed(world, mappings)
    planning = _Planning(world, run, wanted, mappings, _empty(world, mappings))
    prepared = planning.prepared
    try:
        planning.fill()
        if wanted.only is not None and not planning.wrote:
            message = f"run {run.id} wrote nothing to {wanted.only}, nor to what it is linked with"
            raise Stopped(2, Finding("usage/not-written", message, f"see: crmsync history {run.id}"))
        asked = Asked(tuple(each.name for each in mappings), Order(REVERT, allow=wanted.allow), undoes=run.id)
        prepared.trips += [trip for plan in prepared.mappings.values() for trip in trips(world, plan, asked.order)]
        report = report_of(world, mappings, prepared, run_id, planned_counts(prepared), open_reviews(world))
        yield Undoing(
            run.id, wanted.show_pii, asked, mappings, prepared, replace(report, stays=tuple(planning.stays()))
        )
    finally:
        prepared.spool.close()


def revert(world: World, wanted: Wanted, run_id: str, shown: str | None = None) -> Report:
    """Plan and do it. The caller holds the lock. `shown`: the digest of the plan that a person has agreed to. Raises
    `Stopped` (exit 4 for a breaker, 5 where the plan is another one by now), `Transient`, `Refused`, `LedgerError`."""
    recovered = recover(world, chosen(world.project.mappings, ()), run_id)
    with telling(recovered), undoing(world, wanted, run_id) as found:
        if found.prepared.trips:
            raise Stopped(4, *keep(world, found.prepared, found.report, found.asked, run_id))
        if shown is not None and shown != found.report.digest:
            message = "records have changed since the plan was shown; nothing was written"
            raise Stopped(5, Finding("plan/drift", message, f"look at it again: crmsync revert --run {wanted.run}"))
        if not found.prepared.actions:
            return replace(found.report, run="", recovered=recovered)
        done = carry_out(world, found.mappings, found.prepared, found.asked, run_id)
        return replace(done, recovered=recovered, stays=found.report.stays)


def _writing(world: World, select: Sequence[str]) -> list[Declared]:
    """The selected mappings that write to their systems."""
    return [each for each in chosen(world.project.mappings, select) if not each.shadow]


def _empty(world: World, mappings: Sequence[Declared]) -> Prepared:
    prepared = Prepared(Spool(), started=utc_now())
    for number, mapping in enumerate(mappings):
        era = number_of(world, mapping, world.ledger.era(mapping.name))
        prepared.mappings[mapping.name] = MappingPlan(number, Extraction(mapping, era), cut=True)
    return prepared


@dataclass
class _Planning:
    """Reads the journal of the run into a plan, page after page."""

    world: World
    run: Run
    wanted: Wanted
    mappings: Sequence[Declared]
    prepared: Prepared
    kept: list[Kept] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    wrote: int = 0  # of the writes of the run, those that are wanted back

    def stays(self) -> Iterator[Stay]:
        """By record and field."""
        for name, number in sorted(self.unknown.items()):
            yield Stay(
                "",
                "",
                f"{number} writes of mapping {name}, which the project has no more, or which is off or in the shadow",
            )
        if links := 0 if self.wrote or self.unknown else self._linked():
            yield Stay("", "", f"{links} links that it made, and nothing else; crmsync link split REF ends one")
        mask = Mask(self.world.project, self.wanted.show_pii)
        names = self.world.names.showing(self.wanted.show_pii)
        for each in sorted(self.kept, key=lambda kept: (kept.mapping, kept.side, key_text(kept.key), kept.field)):
            end = self.world.project.mapping(each.mapping).ends[each.side]
            now = mask.value(each.mapping, each.field, each.now)
            yield Stay(str(names.ref(end, each.key)), each.field, each.why, now)

    def _linked(self) -> int:
        """How many pairs the run has linked in the mappings that are undone, as its summary says."""
        told = self.run.summary.get("mappings", {}) if isinstance(self.run.summary, dict) else {}
        return sum(told.get(each.name, {}).get("links", 0) for each in self.mappings)

    def fill(self) -> None:
        """Raises `Transient` or `Refused` where the targets cannot be read."""
        known = {each.name: each for each in self.mappings}
        theirs = {each.name for each in _writing(self.world, ())}
        for page in self.world.ledger.journal(self.run.id, ["done"]):
            for (name, side), lines in groupby(page, key=lambda line: (line.mapping, line.side)):
                written = [line for each in lines if (line := _written(each))]
                if name in known:
                    self._fill(known[name], side, written)
                elif name not in theirs and written:
                    self.unknown[name] = self.unknown.get(name, 0) + len(written)

    def _fill(self, mapping: Declared, side: Side, written: Sequence[Wrote]) -> None:
        compiled, plan = self.world.compile(mapping), self.prepared.mappings[mapping.name]
        reverting = Reverting(compiled, "" if self.run.mode == REVERT else self.run.id, self.wanted.deletes)
        lines: list[PlanLine] = []
        for line, target in _Targets(self.world, compiled, side, self.run.id).of(written):
            if self._is_wanted(compiled, line, target.key):
                self.wrote += 1
                back = reverting.back(line, target)
                self.kept += back.kept
                if back.line is not None:
                    plan.count(back.line)
                    lines.append(plan.placed(back.line, 0))
        self.prepared.spool.add(lines)

    def _is_wanted(self, compiled: Compiled, line: Wrote, key: Key) -> bool:
        records = (compiled.ref(line.side, key), compiled.ref(other(line.side), line.source))
        return self.wanted.only is None or self.wanted.only in records


def _written(journaled: JournalLine) -> Wrote | None:
    """The write of a line, as it was sent; None for what writes to no system."""
    line = decode(journaled.sent or journaled.line)
    return None if isinstance(line, Hold | Adopt | Mark) else line


@dataclass(frozen=True, slots=True)
class _Targets:
    """Reads the records that lines of one mapping wrote to one side, as they are now, in bulk."""

    world: World
    compiled: Compiled
    side: Side
    run: str

    @property
    def mapping(self) -> Declared:
        return self.compiled.mapping

    def of(self, lines: Sequence[Wrote]) -> Iterator[tuple[Wrote, Target]]:
        """Each with its target; a create with the record that was made, whatever became of its link."""
        ledger, name = self.world.ledger, self.mapping.name
        made = {row.keys[other(self.side)]: row.keys[self.side] for row in ledger.made_by(self.run, name)}
        keys = [made.get(line.source, ()) if isinstance(line, Create) else line.key for line in lines]
        wanted = sorted({key for key in keys if key}, key=key_text)
        raws = {raw.key: raw for raw in fetch(self.world.door(self.mapping, self.side), wanted)}
        links, states = ledger.links(name, self.side, wanted), ledger.states(name, self.side, wanted)
        beside = self._in_scope(lines)
        for line, key in zip(lines, keys, strict=True):
            link = links.get(key)
            mine = link if link is not None and link.keys[other(self.side)] == line.source else None
            outside = left_alone(self.world, self.mapping, self.side, states[key]) if key in states else ""
            yield line, Target(key, self._record(raws.get(key)), mine, line.source in beside, outside)

    def _record(self, raw: Raw | None) -> Record | None:
        if raw is None:
            return None
        data = None if raw.fault else self.world.door(self.mapping, self.side).decode(raw.body)
        return Record(self.compiled.ref(self.side, raw.key), data, raw.version, raw.modified)

    def _in_scope(self, lines: Sequence[Wrote]) -> set[Key]:
        """The sources of archived records that are there, not deleted, and in scope."""
        archived = [line for line in lines if isinstance(line, Archive)]
        sources = sorted({line.source for line in archived}, key=key_text)
        door = self.world.door(self.mapping, other(self.side))
        seen = [examine(self.compiled, other(self.side), raw, door.decode) for raw in fetch(door, sources)]
        return {each.record.ref.key for each in seen if each.lifted and each.lifted.in_scope and not each.lifted.gone}
