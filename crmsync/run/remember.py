"""What is remembered of what was done? Links, bases, dead letters and the journal, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crmsync.core.mapping import Compiled
from crmsync.core.merge import confirm, left_to_itself, same
from crmsync.core.model import (
    ABSENT,
    FORGOTTEN,
    REVERTED,
    UNKNOWN_OUTCOME,
    Adopt,
    Agreed,
    Archive,
    Base,
    Both,
    Change,
    Create,
    Delete,
    Hold,
    Json,
    Key,
    Mark,
    Side,
    Update,
    other,
)
from crmsync.core.plan.pair import LEFT_SCOPE
from crmsync.core.plan.reverted import taken_back
from crmsync.ledger.nouns import CREATED, CRMSYNC, POISON, UNANSWERED, NewDead, NewLink
from crmsync.run.deeds import Deed, snapshot_print
from crmsync.run.prepared import what_is_written
from crmsync.run.told import Telling
from crmsync.run.undo.takeback import TakeBack, keys_of
from crmsync.run.wording import Writing
from crmsync.run.world import World, utc_now


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
            ledger.end_links(self.name, [_gone(line) for line in ended], forgotten(side, ended), now)
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
            base[name] = left_to_itself(value, side, self._found(deed, name, None))
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


PARENT: Final = "waits for its parent"
AGAIN: Final = f"the next runs try it again, until it has failed {POISON} times"
RETRY: Final = "mend the record or the target, then: crmsync dlq retry"


def _needs_base(change: Change) -> bool:
    """It goes on from the base as it is now."""
    return change.agreed.owed is not None or change.reason == REVERTED


def forgotten(side: Side, lines: Sequence[Archive | Delete]) -> Both[list[Key]]:
    """The records that are there no more: the one that was deleted, and that for whose absence it was."""
    deleted = [line.key for line in lines if isinstance(line, Delete)]
    absent = [line.source for line in lines if line.reason not in (LEFT_SCOPE, REVERTED, FORGOTTEN)]
    return (deleted, absent) if side == 0 else (absent, deleted)


def _gone(line: Archive | Delete) -> Mark:
    return Mark(line.mapping, keys_of(line), "gone", line.missing)


def _is_half(side: Side, change: Change, base: Agreed | None) -> bool:
    """Was this base left by the write of the same value to the other side?"""
    return (
        base is not None
        and change.agreed.owed is not None
        and base.owed == side
        and same(base.sent, change.after)
        and same(base.values[side], change.before)
    )
