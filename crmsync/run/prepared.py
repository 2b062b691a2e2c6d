"""What is a plan while it is made and done? Its lines are in the spool; here is what was counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crmsync.core.mapping import Seen
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Adopt,
    Archive,
    Both,
    Bucket,
    Change,
    Create,
    Delete,
    Finding,
    Hold,
    Json,
    Key,
    Kind,
    Mark,
    Ref,
    Restore,
    Side,
    Update,
    key_text,
    other,
    to_json,
)
from crmsync.core.plan import Allow, Decided, Read, Trip, encode, worded
from crmsync.core.plan.budgets import CONFLICTS
from crmsync.core.plan.lines import DO, Line, encode_value, is_revert
from crmsync.ledger.nouns import Halt, NewDead, RecordRow
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.spool import Spool
from crmsync.run.extract import Extraction, Mode


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. `only`: one record and its counterpart; `limit`: at most so many pairs a mapping with
    something to do. Both leave cursors and deletes alone."""

    mode: Mode = "batch"
    only: Ref | None = None
    limit: int | None = None
    first_load: bool = False
    allow: Allow = field(default_factory=dict)


@dataclass
class MappingPlan:
    """What is known of one mapping before anything is written. `fields`, `linked`, `emptied` and `read` are what its
    breakers look at (see `Counts`)."""

    number: int
    extraction: Extraction
    actions: Both[Counter[Kind]] = field(default_factory=lambda: (Counter(), Counter()))
    fields: Both[Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    linked: Both[Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    emptied: Both[Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    read: Read = field(default_factory=Read)
    rejected: Counter[Side] = field(default_factory=Counter)
    conflicts: int = 0  # pairs in which a person must choose a side
    links: int = 0
    holds: int = 0
    warned: Counter[str] = field(default_factory=Counter)
    ghosts: Both[list[Key]] = field(default_factory=lambda: ([], []))  # remembered as unlinked, and not there any more
    cut: bool = False  # `limit` was reached: not every record was looked at

    @property
    def writes(self) -> int:
        return sum(self.actions[side].total() for side in SIDES)

    def count(self, line: Line, *, fresh: bool = False) -> None:
        """`fresh`: its pair is linked by this very plan."""
        match line:
            case Hold():
                self.holds += 1
            case Adopt(judged=judged):
                self.links += judged is not None
            case Mark():
                pass
            case _:
                self.actions[line.side][kind_of(line)] += 1
                if isinstance(line, Update):
                    self._count_fields(line, fresh)

    def judge(self, decided: Decided) -> None:
        """What the budgets of errors and conflicts are of."""
        self.rejected.update({side for side, _ in decided.rejected})
        self.conflicts += any(isinstance(each, Hold) and each.kind in CONFLICTS for each in decided.actions)

    def _count_fields(self, line: Update, fresh: bool) -> None:
        names = {change.field for change in line.changes}
        self.fields[line.side].update(names)
        if not fresh:
            self.linked[line.side].update(names)
        self.emptied[line.side].update(change.field for change in line.changes if _empties(change, other(line.side)))

    def placed(self, line: Line, level: int) -> PlanLine:
        """The line with its place in the order of doing."""
        side, key = _sort_place(line)
        return PlanLine(self.number, level, side, key_text(key) if key else "", DO[type(line)], encode(line))


@dataclass
class Prepared:
    """A plan in its spool, and what was counted on the way."""

    spool: Spool
    mappings: dict[str, MappingPlan] = field(default_factory=dict)
    trips: list[Trip] = field(default_factory=list)
    started: str = ""  # when reading began
    halted: Sequence[Halt] = ()  # mappings that were asked for, and are left out until a person resumes them

    def letters(self, mapping: str) -> Iterator[NewDead]:
        """The dead letters to be opened, or tried again."""
        for name, side, key, *rest in self.spool.notes(mapping, "letter"):
            kind, rule, path, message, mend, snapshot, *last = rest
            yield NewDead(name, side, tuple(key), kind, rule, path, message, mend, snapshot.encode(), *last)

    @property
    def tripped(self) -> tuple[Finding, ...]:
        return worded(self.trips)

    @property
    def actions(self) -> int:
        return sum(plan.writes for plan in self.mappings.values())


def _empties(change: Change, source: Side) -> bool:
    """The side that had a value says null now. A person who has decided so is not doubted."""
    return change.reason in ("owner-changed", "peer-changed") and change.agreed.values[source] is None


def kind_of(write: Create | Update | Archive | Delete | Restore) -> Kind:
    """As summaries and limits count it."""
    match write:
        case Create():
            return "create"
        case Update():
            return "revert" if is_revert(write) else "update"
        case Restore():
            return "update"
        case Archive():
            return "archive"
        case Delete():
            return "delete"


def records_of(line: Line) -> list[tuple[Side, Key]]:
    """The records that a line is about, by side."""
    match line:
        case Create(side=side, source=source):
            return [(other(side), source)]
        case Update(side=side, key=key, source=source) | Archive(side=side, key=key, source=source):
            return [(side, key), (other(side), source)]
        case Delete(side=side, key=key, source=source) | Restore(side=side, key=key, source=source):
            return [(side, key), (other(side), source)]
        case Adopt(keys=keys) | Mark(keys=keys):
            return list(zip(SIDES, keys, strict=True))
        case Hold():
            return []


def unsettled(line: Line, bucket: Bucket, reason: str, era: int, run: str) -> list[RecordRow]:
    """The verdict that the records of a line share which was not done. They keep no fingerprint, so that the next run
    looks again."""
    return [
        RecordRow(line.mapping, side, key, bucket, None, None, era, reason, None, run) for side, key in records_of(line)
    ]


def what_is_written(write: Create | Update | Archive | Delete | Restore) -> bytes:
    """The values of a write as JSON, by path: what its dead letter keeps, and is known by."""
    if isinstance(write, Archive | Delete):
        return to_json({"do": kind_of(write)})
    if isinstance(write, Restore):
        return to_json(dict(write.values))
    changes = write.changes
    return to_json({change.path: None if change.after is ABSENT else encode_value(change.after) for change in changes})


def letter(mapping: str, side: Side, seen: Seen, finding: Finding, run: str, now: str) -> Json:
    """A `NewDead` as a note of the spool."""
    record = seen.record
    return [
        mapping, side, record.ref.key, "check", finding.rule, finding.path, finding.message, finding.mend,
        to_json(record.data).decode(), record.version, run, now,
    ]  # fmt: skip


def _sort_place(line: Line) -> tuple[int, Key | None]:
    """Links come first, then the writes of side 0, those of side 1, marks and holds; within, by key."""
    match line:
        case Adopt(keys=keys):
            return -1, keys[0]
        case Hold(keys=keys):
            return 2, keys[0] or keys[1]
        case Mark(keys=keys):
            return 2, keys[0]
        case Create(side=side, source=source):
            return side, source
        case _:
            return line.side, line.key
