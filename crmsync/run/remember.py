"""What is remembered of what was done? Links, bases, dead letters, the journal and the buckets, a batch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from crmsync.core.mapping import Compiled, Lifted
from crmsync.core.merge import confirm, same
from crmsync.core.model import (
    ABSENT,
    FORGOTTEN,
    REVERTED,
    SIDES,
    UNKNOWN_OUTCOME,
    Adopt,
    Agreed,
    Archive,
    Base,
    Both,
    Bucket,
    Change,
    Create,
    Delete,
    Hold,
    Json,
    Key,
    Kind,
    Mark,
    Outcome,
    Ref,
    Side,
    Update,
    fingerprint,
    other,
)
from crmsync.core.plan import encode
from crmsync.core.plan.decide import LEFT_SCOPE
from crmsync.core.plan.reverted import taken_back
from crmsync.ledger.nouns import CREATED, CRMSYNC, POISON, UNANSWERED, NewDead, NewLink, PairKeys, RecordRow
from crmsync.run.match.twins import Twins
from crmsync.run.prepared import Prepared, kind_of, unsettled, what_is_written
from crmsync.run.told import Telling
from crmsync.run.undo.takeback import TakeBack, keys_of
from crmsync.run.wording import Writing
from crmsync.run.world import World, examined, utc_now


@dataclass(frozen=True, slots=True)
class Deed:
    """A write that was tried, by its place in the plan; `lifted`: what the target says now, where it was read back."""

    seq: int
    line: Writing
    outcome: Outcome
    lifted: Lifted | None
    kept: frozenset[str] = frozenset()  # fields that the target kept as they were: their base stays
    doubtful: frozenset[str] = frozenset()  # fields of which nobody knows who said what: they lose their base
    transient: bool = False  # it failed alone, with an error that may pass


def snapshot_print(world: World, line: Writing) -> str:
    """What tells a write from any other: the same values under another mapping are another one."""
    return fingerprint(what_is_written(line) + world.hashes[line.mapping].encode())


@dataclass
class Done:
    """What a run has done so far: its writes by mapping, side and kind, and what later batches must know of them."""

    counts: Counter[tuple[str, Side, Kind]] = field(default_factory=Counter)
    moved: dict[tuple[Ref, str], str] = field(default_factory=dict)  # versions that our own writes replaced
    stopped: bool = False
    tried: Counter[str] = field(default_factory=Counter)  # writes, by mapping
    failed: Counter[str] = field(default_factory=Counter)
    halted: tuple[str, str] | None = None  # the mapping that has spent its budget, and the words for it

    def count(self, name: str, deeds: Sequence[Deed]) -> None:
        self.tried[name] += len(deeds)
        self.failed[name] += sum(deed.outcome.status in ("refused", "unknown") for deed in deeds)


@dataclass(frozen=True, slots=True)
class Memory:
    """Remembers in the ledger what one run did in one mapping, a batch in one transaction."""

    world: World
    run: str
    compiled: Compiled

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def adopt(self, lines: Sequence[tuple[int, Adopt]]) -> None:
        now = utc_now()
        adopts = [line for _, line in lines]
        new = [self._judged(each, now) for each in adopts if each.judged]
        with self.world.writing() as ledger:
            ledger.save_links(new)
            for side in (0, 1):
                ledger.drop_candidates(self.name, side, [each.keys[side] for each in new])
            ledger.save_bases(self.name, [(each.keys, each.base) for each in adopts if not each.judged])
            ledger.settle_journal(self.run, ((seq, "done", "", now) for seq, _ in lines))

    def _judged(self, line: Adopt, now: str) -> NewLink:
        score, reason = line.judged or (1.0, "")
        return NewLink(self.name, line.keys, line.base, score, reason, CRMSYNC, self.run, now)

    def remember(self, side: Side, deeds: Sequence[Deed], waiting: Sequence[int] = ()) -> list[Hold]:
        """`waiting` are the places of lines whose parent still has no key. Gives the questions that were opened."""
        now = utc_now()
        good = [deed for deed in deeds if deed.outcome.status == "done"]
        links = [self._link(side, deed.line, deed, now) for deed in good if isinstance(deed.line, Create)]
        ended = [deed.line for deed in good if isinstance(deed.line, Archive | Delete)]
        bases = self._bases(side, deeds)
        letters = [self._letter(side, deed, now) for deed in deeds if deed.outcome.status == "refused"]
        back = TakeBack(self.world, self.run, self.compiled, side)
        holds = [self._question(side, deed.line, deed) for deed in deeds if _is_question(deed)]
        holds += back.pins(deeds, bases)
        told = Telling(self.world, self.run, self.compiled, side).rows(deeds, now)
        with self.world.writing() as ledger:
            ledger.save_links(links)
            for at in (0, 1):
                ledger.drop_candidates(self.name, at, [link.keys[at] for link in links])
            ledger.save_bases(self.name, bases)
            ledger.end_links(self.name, [_gone(line) for line in ended], _forgotten(side, ended), now)
            back.note(ledger, good, now)
            ledger.close_written(self.name, other(side), [deed.line.source for deed in good], now)
            ledger.save_dead(letters)
            ledger.ask(self.name, holds, self.run, now)
            ledger.audit(told)
            ledger.settle_journal(
                self.run, ((deed.seq, deed.outcome.status, deed.outcome.message, now) for deed in deeds)
            )
            ledger.settle_journal(self.run, ((seq, "stale", PARENT, now) for seq in waiting))
        return holds

    def _link(self, side: Side, line: Create, deed: Deed, now: str) -> NewLink:
        assert deed.outcome.record is not None  # a create that is done was read back
        key = deed.outcome.record.key
        keys: Both[Key] = (line.source, key) if side == 1 else (key, line.source)
        sure = [change for change in line.changes if change.field not in deed.doubtful]
        base = {change.field: self._confirmed(side, change, deed, None) for change in sure}
        for name, value in line.untold:  # what the new record filled in by itself is no edit, and never flows back
            found = self._found(deed, name, None)
            base[name] = Agreed((value, found) if side == 1 else (found, value), filled=True)
        return NewLink(self.name, keys, base, 1.0, CREATED, CRMSYNC, self.run, now)

    def _bases(self, side: Side, deeds: Sequence[Deed]) -> list[tuple[Both[Key], dict[str, Agreed | None]]]:
        """The new bases of the fields written; a value that combines may be the second half of what went before."""
        took = [deed for deed in deeds if deed.lifted or deed.doubtful or deed.outcome.status == "done"]
        updates = [(deed, deed.line) for deed in took if isinstance(deed.line, Update)]
        lines = [line for _, line in updates if any(map(_needs_base, line.changes))]
        halves = self.world.ledger.links(self.name, side, [line.key for line in lines])
        bases = []
        for deed, line in updates:
            half = halves[line.key].base if line.key in halves else {}
            bases.append((keys_of(line), dict(self._base(side, deed, line, half))))
        return bases

    def _base(self, side: Side, deed: Deed, line: Update, half: Base) -> Iterator[tuple[str, Agreed | None]]:
        for change in line.changes:
            first = half.get(change.field)
            if change.field in deed.doubtful:
                yield change.field, None
            elif change.field not in deed.kept and deed.outcome.status != "unknown":
                yield change.field, self._after(side, change, deed, first)

    def _after(self, side: Side, change: Change, deed: Deed, first: Agreed | None) -> Agreed:
        if change.reason == REVERTED:
            return taken_back(first or change.agreed, side, self._found(deed, change.field, change.after))
        return self._confirmed(side, change, deed, first if _is_half(side, change, first) else None)

    def _confirmed(self, side: Side, change: Change, deed: Deed, half: Agreed | None) -> Agreed:
        found = self._found(deed, change.field, change.agreed.values[side])
        return confirm(change.agreed, side, found, half)

    def _found(self, deed: Deed, name: str, sent: Json) -> Json:
        """What the target says in a field; where it was not read back, what it was sent."""
        index = self.compiled.index.get(name)
        return sent if deed.lifted is None or index is None else deed.lifted.natives[index]

    def _letter(self, side: Side, deed: Deed, now: str) -> NewDead:
        said = "failed on it alone" if deed.transient else "refused it"
        rule, mend = (UNANSWERED, AGAIN) if deed.transient else ("write/refused", RETRY)
        message = f"{self.compiled.entities[side].full_name} {said}: {deed.outcome.message}"
        return NewDead(
            self.name, other(side), deed.line.source, "write", rule, "", message, mend, what_is_written(deed.line),
            snapshot_print(self.world, deed.line), self.run, now,
        )  # fmt: skip

    def _question(self, side: Side, line: Writing, deed: Deed) -> Hold:
        """Held until a person has answered."""
        keys: Both[Key | None] = (line.source, None) if side == 1 else (None, line.source)
        nothing = (ABSENT, ABSENT)
        return Hold(self.name, keys, UNKNOWN_OUTCOME, "", nothing, nothing, deed.outcome.message)


def _is_question(deed: Deed) -> bool:
    return deed.outcome.status == "unknown" and isinstance(deed.line, Create)


REASONS: Final = {"stale": "the record changed since it was planned", "refused": "refused", "unknown": "not answered"}
PARENT: Final = "waits for its parent"
AGAIN: Final = f"the next runs try it again, until it has failed {POISON} times"
RETRY: Final = "mend the record or the target, then: crmsync dlq retry"


def _needs_base(change: Change) -> bool:
    """It goes on from the base as it is now."""
    return change.agreed.owed is not None or change.reason == REVERTED


def _forgotten(side: Side, lines: Sequence[Archive | Delete]) -> Both[list[Key]]:
    """The records that are there no more: the one that was deleted, and that for whose absence it was."""
    deleted = [line.key for line in lines if isinstance(line, Delete)]
    absent = [line.source for line in lines if line.reason not in (LEFT_SCOPE, REVERTED, FORGOTTEN)]
    return (deleted, absent) if side == 0 else (absent, deleted)


def _gone(line: Archive | Delete) -> Mark:
    return Mark(line.mapping, keys_of(line), "gone", line.missing)


def _same_but(compiled: Compiled, fields: Collection[str], before: Lifted, after: Lifted) -> bool:
    """Does a record say in all other fields what it said before?"""
    return all(
        same(before.natives[index], after.natives[index])
        for name, index in compiled.index.items()
        if name not in fields
    )


def _is_half(side: Side, change: Change, base: Agreed | None) -> bool:
    """Was this base left by the write of the same value to the other side?"""
    return (
        base is not None
        and change.agreed.owed is not None
        and base.owed == side
        and same(base.sent, change.after)
        and same(base.values[side], change.before)
    )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Notes in the spool what became of the records that were written."""

    world: World
    prepared: Prepared
    done: Done
    run: str
    compiled: Compiled
    twins: Twins | None  # where records are matched

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def note(self, side: Side, deeds: Sequence[Deed], waiting: Sequence[Writing], asked: Sequence[Hold]) -> None:
        """The buckets follow what became of the writes; the target's fingerprint is that of what was read back."""
        bad = [row for deed in deeds if deed.outcome.status != "done" for row in self._failed(deed)]
        pinned = {hold.keys for hold in asked if hold.kind == REVERTED}
        bad += [row for deed in deeds for row in self._pinned(deed, pinned)]
        bad += [row for line in waiting for row in unsettled(line, "waiting", PARENT, self.era, self.run)]
        good = [deed for deed in deeds if deed.outcome.status == "done"]
        for deed in good:
            self.done.counts[self.name, side, kind_of(deed.line)] += 1
        self.prepared.spool.save_verdicts(bad)
        moved = self._moved_by_themselves(side, good)
        written = (row for deed in good if deed.seq not in moved for row in self._written(side, deed))
        self.prepared.spool.save_verdicts(written, read=False)
        self.prepared.spool.note(self.name, "asked", (encode(hold).decode() for hold in asked))
        ended = _forgotten(side, [deed.line for deed in good if isinstance(deed.line, Archive | Delete)])
        self.prepared.spool.note(self.name, "ended", ([at, key, at == side] for at in SIDES for key in ended[at]))
        self._note_moves(side, good)
        if self.twins:
            standing = (deed.outcome.record for deed in good if isinstance(deed.line, Create | Update))
            self.twins.note_written(side, [record for record in standing if record])

    @property
    def era(self) -> int:
        return self.prepared.mappings[self.name].extraction.era

    def _pinned(self, deed: Deed, pinned: Collection[PairKeys]) -> list[RecordRow]:
        """What was restored waits for a person: every run looks at it again."""
        if isinstance(deed.line, Update) and keys_of(deed.line) in pinned:
            return unsettled(deed.line, "held", "a person has reverted it", self.era, self.run)
        return []

    def _failed(self, deed: Deed) -> list[RecordRow]:
        bucket: Bucket = "failed" if deed.outcome.status == "refused" else "held"
        reason = deed.outcome.message or REASONS[deed.outcome.status]
        return unsettled(deed.line, bucket, reason, self.era, self.run)

    def _written(self, side: Side, deed: Deed) -> list[RecordRow]:
        record = deed.outcome.record
        if record is None or deed.lifted is None or deed.kept or deed.doubtful or self._may_hold_more(side, deed):
            return []
        prints = (record.version, deed.lifted.print)
        return [RecordRow(self.name, side, record.key, "applied", *prints, self.era, "", None, self.run)]

    def _moved_by_themselves(self, side: Side, deeds: Sequence[Deed]) -> set[int]:
        """The updates with which the target changed another mapped field, too: that is news, which nobody has seen."""
        updates = [(deed, deed.line, deed.lifted) for deed in deeds if isinstance(deed.line, Update)]
        rows = self.prepared.spool.staged(self.name, side, [line.key for _, line, _ in updates])
        found = set()
        for deed, line, lifted in updates:
            written = {change.field for change in line.changes}
            seen = examined(self.world, self.compiled, side, rows[line.key]).lifted if line.key in rows else None
            if seen is None or lifted is None or not _same_but(self.compiled, written, seen, lifted):
                found.add(deed.seq)
        return found

    def _may_hold_more(self, side: Side, deed: Deed) -> bool:
        """Did the target change otherwise, too, since this mapping looked at it? Then the next run looks again."""
        if isinstance(deed.line, Create):
            return False
        blind = not self.world.door(self.compiled.mapping, side).can.conditional
        return blind or (self.compiled.ref(side, deed.line.key), deed.line.expect) in self.done.moved

    def _note_moves(self, side: Side, good: Sequence[Deed]) -> None:
        """Another mapping of this run that writes to the same records must expect what we left there."""
        end = self.compiled.mapping.ends[side]
        mappings = (self.world.project.mapping(name) for name in self.prepared.mappings if name != self.name)
        if not any((end.system, end.entity) == (each.system, each.entity) for m in mappings for each in m.ends):
            return
        for deed in good:
            if deed.outcome.record and not isinstance(deed.line, Create):
                old = self.compiled.ref(side, deed.line.key), deed.line.expect
                self.done.moved[old] = deed.outcome.record.version
