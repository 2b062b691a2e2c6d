"""What became of the records that were written, and what does the rest of the run learn of it?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from crmsync.core.mapping import Compiled, Lifted
from crmsync.core.merge import same
from crmsync.core.model import REVERTED, SIDES, Archive, Bucket, Create, Delete, Hold, Side, Update
from crmsync.core.plan import encode
from crmsync.ledger.nouns import PairKeys, RecordRow
from crmsync.run.deeds import Deed, Done
from crmsync.run.match.twins import Twins
from crmsync.run.prepared import Prepared, kind_of, unsettled
from crmsync.run.remember import PARENT, forgotten
from crmsync.run.undo.takeback import keys_of
from crmsync.run.wording import Writing
from crmsync.run.world import World, examined


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
        ended = forgotten(side, [deed.line for deed in good if isinstance(deed.line, Archive | Delete)])
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


REASONS: Final = {"stale": "the record changed since it was planned", "refused": "refused", "unknown": "not answered"}


def _same_but(compiled: Compiled, fields: Collection[str], before: Lifted, after: Lifted) -> bool:
    """Does a record say in all other fields what it said before?"""
    return all(
        same(before.natives[index], after.natives[index])
        for name, index in compiled.index.items()
        if name not in fields
    )
