"""What is remembered of what was done? Links, bases, dead letters, the journal and the buckets, a batch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from crmsync.core.mapping import Compiled, Lifted
from crmsync.core.merge import confirm
from crmsync.core.model import (
    Adopt,
    Agreed,
    Archive,
    Both,
    Bucket,
    Create,
    Delete,
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
from crmsync.ledger.nouns import NewDead, NewLink, RecordRow
from crmsync.run.prepared import Prepared, kind_of, what_is_written
from crmsync.run.world import World, utc_now

Writing: TypeAlias = Create | Update | Archive | Delete


@dataclass(frozen=True, slots=True)
class Deed:
    """A write that was tried, by its place in the plan; `lifted`: what the target says now, where it was read back."""

    seq: int
    line: Writing
    outcome: Outcome
    lifted: Lifted | None
    ignored: tuple[str, ...] = ()  # fields that the target kept as they were


@dataclass
class Done:
    """What a run has done so far: its writes by mapping, side and kind, and what later batches must know of them."""

    counts: Counter[tuple[str, Side, Kind]] = field(default_factory=Counter)
    failed: set[tuple[str, Side, Key]] = field(default_factory=set)  # records of pairs that a write failed for
    halves: dict[tuple[str, Both[Key], str], Agreed] = field(default_factory=dict)  # bases of values that combine
    moved: dict[tuple[Ref, str], str] = field(default_factory=dict)  # versions that our own writes replaced
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Remembers for one mapping of one run."""

    world: World
    prepared: Prepared
    done: Done
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
        return NewLink(self.name, line.keys, line.base, score, reason, "crmsync", self.run, now)

    def mark(self, lines: Sequence[tuple[int, Mark]]) -> None:
        """A link is only gone when what was to follow from it was done."""
        now = utc_now()
        failed = self.done.failed
        kept = [
            m for _, m in lines if (self.name, 0, m.keys[0]) not in failed and (self.name, 1, m.keys[1]) not in failed
        ]
        with self.world.writing() as ledger:
            ledger.save_marks(kept)
            ledger.settle_journal(self.run, ((seq, "done", "", now) for seq, _ in lines))

    def remember(self, side: Side, deeds: Sequence[Deed], waiting: Sequence[tuple[int, Writing]]) -> None:
        """One transaction for one batch; `waiting` are the lines whose parent still has no key."""
        now = utc_now()
        good = [deed for deed in deeds if deed.outcome.status == "done"]
        links = [self._link(side, deed.line, deed, now) for deed in good if isinstance(deed.line, Create)]
        took = [deed for deed in deeds if deed.lifted is not None or deed.outcome.status == "done"]
        bases = [self._base(side, deed.line, deed) for deed in took if isinstance(deed.line, Update)]
        letters = [self._letter(side, deed, now) for deed in deeds if deed.outcome.status in ("refused", "unknown")]
        with self.world.writing() as ledger:
            ledger.save_links(links)
            for at in (0, 1):
                ledger.drop_candidates(self.name, at, [link.keys[at] for link in links])
            ledger.save_bases(self.name, bases)
            ledger.save_dead(letters)
            ledger.settle_journal(
                self.run, ((deed.seq, deed.outcome.status, deed.outcome.message, now) for deed in deeds)
            )
            ledger.settle_journal(self.run, ((seq, "stale", "waits for its parent", now) for seq, _ in waiting))
        self._verdicts(side, deeds, [line for _, line in waiting])

    def _link(self, side: Side, line: Create, deed: Deed, now: str) -> NewLink:
        assert deed.outcome.record is not None  # a create that is done was read back
        key = deed.outcome.record.key
        keys: Both[Key] = (line.source, key) if side == 1 else (key, line.source)
        base = {change.field: self._confirmed(side, change.field, change.agreed, deed, None) for change in line.changes}
        for name, value in line.untold:  # what the new record filled in by itself is no edit, and never flows back
            found = self._found(deed, name, None)
            base[name] = Agreed((value, found) if side == 1 else (found, value), filled=True)
        return NewLink(self.name, keys, base, 1.0, "created", "crmsync", self.run, now)

    def _base(self, side: Side, line: Update, deed: Deed) -> tuple[Both[Key], dict[str, Agreed]]:
        """The new base of the fields written; a value that combines may be the second half of what went before."""
        keys = (line.key, line.source) if side == 0 else (line.source, line.key)
        base = {}
        for change in line.changes:
            if deed.outcome.status != "done" and change.field in deed.ignored:
                continue  # the others were taken, and must not be taken for edits later
            half = self.done.halves.get((self.name, keys, change.field))
            base[change.field] = self._confirmed(side, change.field, change.agreed, deed, half)
            if change.agreed.owed is not None:
                self.done.halves[self.name, keys, change.field] = base[change.field]
        return keys, base

    def _confirmed(self, side: Side, name: str, agreed: Agreed, deed: Deed, half: Agreed | None) -> Agreed:
        return confirm(agreed, side, self._found(deed, name, agreed.values[side]), half)

    def _found(self, deed: Deed, name: str, sent: object) -> object:
        """What the target says in a field; where it was not read back, what it was sent."""
        return sent if deed.lifted is None else deed.lifted.natives[self.compiled.index[name]]

    def _letter(self, side: Side, deed: Deed, now: str) -> NewDead:
        snapshot = what_is_written(deed.line)
        message = f"{self.compiled.entities[side].full_name} refused it: {deed.outcome.message}"
        return NewDead(
            self.name, other(side), deed.line.source, "write", "write/refused", "", message,
            "mend the record or the target, then: crmsync dlq retry", snapshot, fingerprint(snapshot), self.run, now,
        )  # fmt: skip

    # Buckets

    def _verdicts(self, side: Side, deeds: Sequence[Deed], waiting: Sequence[Writing]) -> None:
        """The buckets follow what became of the writes; the target's fingerprint is that of what was read back."""
        bad = [row for deed in deeds if deed.outcome.status != "done" for row in self._failed(side, deed)]
        bad += [row for line in waiting for row in self._rows(side, line, "waiting", "waits for its parent")]
        good = [deed for deed in deeds if deed.outcome.status == "done"]
        for deed in good:
            self.done.counts[self.name, side, kind_of(deed.line)] += 1
        self.prepared.spool.save_verdicts(bad)
        self.prepared.spool.save_verdicts((row for deed in good for row in self._written(side, deed)), read=False)
        self._note_moves(side, good)

    def _failed(self, side: Side, deed: Deed) -> list[RecordRow]:
        stale = deed.outcome.status == "stale"
        reason = deed.outcome.message or ("the record changed since it was planned" if stale else "refused")
        return self._rows(side, deed.line, "held" if stale else "failed", reason)

    def _rows(self, side: Side, line: Writing, bucket: Bucket, reason: str) -> list[RecordRow]:
        """Both records of a pair share the verdict; neither keeps a fingerprint, so that the next run looks again."""
        keys: dict[Side, Key] = {other(side): line.source}
        if not isinstance(line, Create):
            keys[side] = line.key
        self.done.failed.update((self.name, at, key) for at, key in keys.items())
        era = self.prepared.mappings[self.name].extraction.era
        return [
            RecordRow(self.name, at, key, bucket, None, None, era, reason, None, self.run) for at, key in keys.items()
        ]

    def _written(self, side: Side, deed: Deed) -> list[RecordRow]:
        record = deed.outcome.record
        if record is None or deed.lifted is None or self._may_hold_more(side, deed):
            return []
        era = self.prepared.mappings[self.name].extraction.era
        prints = (record.version, deed.lifted.print)
        return [RecordRow(self.name, side, record.key, "applied", *prints, era, "", None, self.run)]

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
