"""How is a plan done? Batch after batch: write, read back, remember. Every effect on a system is in this file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, islice
from typing import Final, TypeAlias

from crmsync.connectors.base import Insert, Patch, Remove, Write
from crmsync.core.mapping import Compiled, Lifted, lower, written_values
from crmsync.core.merge import confirm, same
from crmsync.core.model import (
    Adopt,
    Agreed,
    Archive,
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
    Symbol,
    Update,
    fingerprint,
    other,
)
from crmsync.core.plan import decode
from crmsync.ledger.nouns import NewDead, NewLink, RecordRow
from crmsync.ledger.spool import Line as PlanLine
from crmsync.run.parents import scalar
from crmsync.run.prepared import MappingPlan, Prepared, kind_of, what_is_written
from crmsync.run.world import World, utc_now

BATCH: Final = 500

Writing: TypeAlias = Create | Update | Archive | Delete


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the plan, in the order in which it is done."""

    seq: int
    plan: PlanLine
    line: Writing | Hold | Adopt | Mark

    @property
    def phase(self) -> tuple[int, int, int]:
        return self.plan.mapping_no, self.plan.level, self.plan.side


@dataclass
class Done:
    """What a run has done so far: its writes by mapping, side and kind, and the records that failed or moved."""

    counts: Counter[tuple[str, Side, Kind]] = field(default_factory=Counter)
    failed: set[tuple[str, Side, Key]] = field(default_factory=set)  # by mapping and record written from
    halves: dict[tuple[str, Both[Key], str], Agreed] = field(default_factory=dict)  # bases of values that combine
    moved: dict[tuple[Ref, str], str] = field(default_factory=dict)  # versions that our own writes replaced
    stopped: bool = False


def perform(world: World, prepared: Prepared, run: str, stop: Callable[[], bool] = lambda: False) -> Done:
    """Do the plan in the spool. Raises `Transient` or `Refused` when a system goes away; what was done stays done."""
    done = Done()
    names = {plan.number: name for name, plan in prepared.mappings.items()}
    for phase, jobs in groupby(_jobs(prepared), key=lambda job: job.phase):
        worker = Worker(world, prepared, done, run, names[phase[0]])
        for batch in _batches(jobs):
            if stop():
                done.stopped = True
                return done
            worker.work(batch)
    return done


def journal(world: World, prepared: Prepared, run: str) -> None:
    """Copy the plan into the ledger, before the first write. Links and marks stand under their first record."""
    names = {plan.number: name for name, plan in prepared.mappings.items()}
    rows = (
        (seq, names[line.mapping_no], 1 if line.side == 1 else 0, line.key_text, line.kind, line.text)
        for seq, line in enumerate(prepared.spool.lines())
        if line.kind != "hold"  # a hold is a review, not a write
    )
    with world.writing() as ledger:
        ledger.save_journal(run, rows)


def _jobs(prepared: Prepared) -> Iterator[Job]:
    for seq, line in enumerate(prepared.spool.lines()):
        if line.kind != "hold":
            yield Job(seq, line, decode(line.text))


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    rest = iter(jobs)
    while page := list(islice(rest, BATCH)):
        yield page


@dataclass
class Worker:
    """Does the lines of one mapping."""

    world: World
    prepared: Prepared
    done: Done
    run: str
    name: str

    @cached_property
    def compiled(self) -> Compiled:
        return self.world.compile(self.world.project.mapping(self.name))

    @property
    def plan(self) -> MappingPlan:
        return self.prepared.mappings[self.name]

    def work(self, batch: Sequence[Job]) -> None:
        """Do one batch of links, of writes to one side, or of marks; remember the outcomes in one transaction."""
        match batch[0].line:
            case Adopt():
                self._adopt(batch)
            case Mark():
                self._mark(batch)
            case _:
                self._write(batch)

    def _adopt(self, batch: Sequence[Job]) -> None:
        now = utc_now()
        lines = [job.line for job in batch if isinstance(job.line, Adopt)]
        new = [
            NewLink(self.name, each.keys, each.base, *each.judged, "crmsync", self.run, now)
            for each in lines
            if each.judged
        ]
        with self.world.writing() as ledger:
            ledger.save_links(new)
            ledger.drop_candidates(self.name, 0, [each.keys[0] for each in new])
            ledger.drop_candidates(self.name, 1, [each.keys[1] for each in new])
            ledger.save_bases(self.name, [(each.keys, each.base) for each in lines if not each.judged])
            ledger.settle_journal(self.run, ((job.seq, "done", "", now) for job in batch))

    def _mark(self, batch: Sequence[Job]) -> None:
        now = utc_now()
        marks = [job.line for job in batch if isinstance(job.line, Mark)]
        kept = [mark for mark in marks if not any((self.name, s, mark.keys[s]) in self.done.failed for s in (0, 1))]
        with self.world.writing() as ledger:
            ledger.save_marks(kept)
            ledger.settle_journal(self.run, ((job.seq, "done", "", now) for job in batch))

    # Writing to a system

    def _write(self, batch: Sequence[Job]) -> None:
        side: Side = 1 if batch[0].plan.side else 0
        keys = self._resolve([job.line for job in batch])
        ready: list[tuple[Job, Writing, Write]] = []
        waiting: list[Job] = []
        for job in batch:
            line = self._known(job.line, keys)
            if line is None:
                waiting.append(job)
            else:
                ready.append((job, line, self._order(side, line)))
        outcomes = (
            list(self.world.door(self.compiled.mapping, side).write([write for _, _, write in ready])) if ready else []
        )
        told = [self._judge(side, line, outcome) for (_, line, _), outcome in zip(ready, outcomes, strict=True)]
        self._remember(
            side, [(job, line, outcome) for (job, line, _), outcome in zip(ready, told, strict=True)], waiting
        )

    def _resolve(self, lines: Iterable[object]) -> dict[Symbol, Key]:
        """The keys of parents that were made before, by the symbols that stand for them."""
        changes = (change for line in lines if isinstance(line, Create | Update) for change in line.changes)
        symbols = {change.after for change in changes if isinstance(change.after, Symbol)}
        found = {}
        for mapping, side in {(symbol.mapping, symbol.side) for symbol in symbols}:
            wanted = {symbol.source: symbol for symbol in symbols if (symbol.mapping, symbol.side) == (mapping, side)}
            links = self.world.ledger.links(mapping, side, list(wanted))
            found.update({wanted[key]: link.keys[other(side)] for key, link in links.items() if link.state != "gone"})
        return found

    def _known(self, line: object, keys: dict[Symbol, Key]) -> Writing | None:
        """The action with its parents' keys put in; None while a parent has none."""
        assert isinstance(line, Create | Update | Archive | Delete)
        if isinstance(line, Archive | Delete):
            return line
        changes = [_put_key(change, keys) for change in line.changes]
        known = tuple(change for change in changes if change)
        return replace(line, changes=known) if len(known) == len(changes) else None

    def _order(self, side: Side, line: Writing) -> Write:
        match line:
            case Create():
                return Insert(lower(self.compiled, side, {}, line.changes), self._token(side, line))
            case Update():
                values = written_values(self.compiled, side, line.changes)
                return Patch(
                    line.key, tuple((".".join(path), value) for path, value in values), self._expect(side, line)
                )
            case Archive():
                archive = self.compiled.entities[side].archive or {}
                return Patch(line.key, tuple(archive.items()), self._expect(side, line))
            case Delete():
                return Remove(line.key, self._expect(side, line))

    def _token(self, side: Side, line: Create) -> str:
        """The same for every try of one create; another one once a person has said that what it made is not it."""
        ref = str(self._ref(other(side), line.source))
        told = self.world.ledger.different(self.name, other(side), [line.source]) if self._has_different else set()
        return f"{ref}#{len(told)}" if told else ref

    @cached_property
    def _has_different(self) -> bool:
        return self.world.ledger.has_different(self.name)

    def _expect(self, side: Side, line: Update | Archive | Delete) -> str:
        """The version planned with, or the one that another mapping of this run has made of it since."""
        return self.done.moved.get((self._ref(side, line.key), line.expect), line.expect)

    def _ref(self, side: Side, key: Key) -> Ref:
        return self.compiled.ref(side, key)

    def _judge(self, side: Side, line: Writing, outcome: Outcome) -> Outcome:
        """A target that takes a write and keeps what it had has refused it."""
        if outcome.status != "done" or outcome.record is None or not isinstance(line, Update):
            return outcome
        natives = self._natives(side, outcome)
        ignored = [c.field for c in line.changes if _is_ignored(c, natives[c.field])]
        if not ignored:
            return outcome
        system = self.compiled.mapping.ends[side].system
        return replace(
            outcome, status="refused", message=f"{system} took the write and kept its old {', '.join(ignored)}"
        )

    def _natives(self, side: Side, outcome: Outcome) -> dict[str, Json]:
        lifted = self._lifted(side, outcome)
        return {each.name: value for each, value in zip(self.compiled.mapping.fields, lifted.natives, strict=True)}

    def _lifted(self, side: Side, outcome: Outcome) -> Lifted:
        assert outcome.record is not None
        door = self.world.door(self.compiled.mapping, side)
        return self.compiled.lift[side](door.decode(outcome.record.body))

    # Remembering

    def _remember(self, side: Side, told: Sequence[tuple[Job, Writing, Outcome]], waiting: Sequence[Job]) -> None:
        now = utc_now()
        done = [(line, outcome) for _, line, outcome in told if outcome.status == "done"]
        links = [self._link(side, line, outcome, now) for line, outcome in done if isinstance(line, Create)]
        bases = [self._base(side, line, outcome) for line, outcome in done if isinstance(line, Update)]
        letters = [
            self._letter(side, line, outcome, now)
            for _, line, outcome in told
            if outcome.status in ("refused", "unknown")
        ]
        with self.world.writing() as ledger:
            ledger.save_links(links)
            ledger.drop_candidates(self.name, 0, [link.keys[0] for link in links])
            ledger.drop_candidates(self.name, 1, [link.keys[1] for link in links])
            ledger.save_bases(self.name, bases)
            ledger.save_dead(letters)
            ledger.settle_journal(
                self.run, ((job.seq, outcome.status, outcome.message, now) for job, _, outcome in told)
            )
            ledger.settle_journal(self.run, ((job.seq, "stale", "waits for its parent", now) for job in waiting))
        self._verdicts(side, told, waiting)

    def _link(self, side: Side, line: Create, outcome: Outcome, now: str) -> NewLink:
        assert outcome.record is not None
        natives = self._natives(side, outcome)
        keys: Both[Key] = (line.source, outcome.record.key) if side == 1 else (outcome.record.key, line.source)
        base = {change.field: confirm(change.agreed, side, natives[change.field], None) for change in line.changes}
        for name, value in line.untold:  # what the new record filled in by itself is no edit, and never flows back
            values = (value, natives[name]) if side == 1 else (natives[name], value)
            base[name] = Agreed(values, filled=True)
        return NewLink(self.name, keys, base, 1.0, "created", "crmsync", self.run, now)

    def _base(self, side: Side, line: Update, outcome: Outcome) -> tuple[Both[Key], dict[str, Agreed]]:
        """The new base of the fields written; a value that combines may be the second half of what went before."""
        natives, keys = self._natives(side, outcome), _pair(line)
        base = {}
        for change in line.changes:
            half = self.done.halves.get((self.name, keys, change.field))
            base[change.field] = confirm(change.agreed, side, natives[change.field], half)
            if change.agreed.owed is not None:
                self.done.halves[self.name, keys, change.field] = base[change.field]
        return keys, base

    def _letter(self, side: Side, line: Writing, outcome: Outcome, now: str) -> NewDead:
        snapshot = what_is_written(line)
        message = f"{self.compiled.entities[side].full_name} refused it: {outcome.message}"
        return NewDead(
            self.name, other(side), line.source, "write", "write/refused", "", message,
            "mend the record or the target, then: crmsync dlq retry", snapshot, fingerprint(snapshot), self.run, now,
        )  # fmt: skip

    def _verdicts(self, side: Side, told: Sequence[tuple[Job, Writing, Outcome]], waiting: Sequence[Job]) -> None:
        """The buckets follow what became of the writes; the target's fingerprint is that of what was read back."""
        rows: list[RecordRow] = []
        written: list[RecordRow] = []
        for _, line, outcome in told:
            if outcome.status == "done":
                self.done.counts[self.name, side, kind_of(line)] += 1
                if outcome.record and not isinstance(line, Create) and self._is_shared(side):
                    self.done.moved[self._ref(side, line.key), line.expect] = outcome.record.version
                written += self._written(side, line, outcome)
            else:
                bucket: Bucket = "held" if outcome.status == "stale" else "failed"
                reason = outcome.message or "the record changed since it was planned"
                rows += self._failed(line, side, bucket, reason)
        for job in waiting:
            rows += self._failed(job.line, side, "waiting", "waits for its parent")  # type: ignore[arg-type]  # a write
        self.prepared.spool.save_verdicts(rows)
        self.prepared.spool.save_verdicts(written, read=False)

    def _is_shared(self, side: Side) -> bool:
        """Does another mapping of this run write to the same entity?"""
        end = self.compiled.mapping.ends[side]
        others = (self.world.project.mapping(name) for name in self.prepared.mappings if name != self.name)
        return any((end.system, end.entity) == (each.system, each.entity) for m in others for each in m.ends)

    def _written(self, side: Side, line: Writing, outcome: Outcome) -> list[RecordRow]:
        if outcome.record is None:
            return []
        lifted = self._lifted(side, outcome)
        return [
            RecordRow(
                self.name, side, outcome.record.key, "applied", outcome.record.version, lifted.print,
                self.plan.extraction.era, "", None, self.run,
            )
        ]  # fmt: skip

    def _failed(self, line: Writing, side: Side, bucket: Bucket, reason: str) -> list[RecordRow]:
        self.done.failed.add((self.name, other(side), line.source))
        keys = {other(side): line.source}
        if not isinstance(line, Create):
            keys[side] = line.key
            self.done.failed.add((self.name, side, line.key))
        era = self.plan.extraction.era
        return [
            RecordRow(self.name, at, key, bucket, None, None, era, reason, None, self.run) for at, key in keys.items()
        ]


def _put_key(change: Change, keys: dict[Symbol, Key]) -> Change | None:
    if not isinstance(change.after, Symbol):
        return change
    key = keys.get(change.after)
    if key is None:
        return None
    value = scalar(key)
    sent = value if isinstance(change.agreed.sent, Symbol) else change.agreed.sent
    return change._replace(after=value, agreed=change.agreed._replace(sent=sent))


def _is_ignored(change: Change, found: Json) -> bool:
    return same(found, change.before) and not same(found, change.after)


def _pair(line: Update) -> Both[Key]:
    return (line.key, line.source) if line.side == 0 else (line.source, line.key)
