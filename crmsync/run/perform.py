"""How is a plan done? Batch after batch: write, read back, remember. Every effect on a system is in this file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, islice
from typing import Final

from crmsync.connectors.base import Insert, Patch, Remove, Write
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled, Lifted, lower, written_values
from crmsync.core.merge import same
from crmsync.core.model import (
    Adopt,
    Archive,
    Change,
    Create,
    Delete,
    Hold,
    Json,
    Key,
    Mark,
    Outcome,
    Ref,
    Side,
    Symbol,
    Update,
    key_text,
    other,
)
from crmsync.core.plan import decode
from crmsync.ledger.spool import Line as PlanLine
from crmsync.run.parents import scalar
from crmsync.run.prepared import Prepared
from crmsync.run.remember import Deed, Done, Memory, Writing
from crmsync.run.world import World

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the plan, in the order in which it is done."""

    seq: int
    plan: PlanLine
    line: Writing | Hold | Adopt | Mark

    @property
    def phase(self) -> tuple[int, int, int]:
        return self.plan.mapping_no, self.plan.level, self.plan.side


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

    @cached_property
    def memory(self) -> Memory:
        return Memory(self.world, self.prepared, self.done, self.run, self.compiled)

    def work(self, batch: Sequence[Job]) -> None:
        """Do one batch of links, of writes to one side, or of marks; remember the outcomes in one transaction."""
        match batch[0].line:
            case Adopt():
                self.memory.adopt([(job.seq, job.line) for job in batch if isinstance(job.line, Adopt)])
            case Mark():
                self.memory.mark([(job.seq, job.line) for job in batch if isinstance(job.line, Mark)])
            case _:
                self._write(batch)

    # Writing to a system

    def _write(self, batch: Sequence[Job]) -> None:
        side: Side = 1 if batch[0].plan.side else 0
        keys = self._resolve([job.line for job in batch])
        ready: list[tuple[Job, Writing, Write]] = []
        waiting: list[tuple[int, Writing]] = []
        for job in batch:
            assert isinstance(job.line, Create | Update | Archive | Delete)  # links and marks come in other batches
            line = self._known(job.line, keys)
            if line is None:
                waiting.append((job.seq, job.line))
            else:
                ready.append((job, line, self._order(side, line)))
        door = self.world.door(self.compiled.mapping, side)
        outcomes = door.write([write for _, _, write in ready]) if ready else []
        deeds = [self._deed(side, job, line, each) for (job, line, _), each in zip(ready, outcomes, strict=True)]
        self.memory.remember(side, deeds, waiting)

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

    def _known(self, line: Writing, keys: dict[Symbol, Key]) -> Writing | None:
        """The action with its parents' keys put in; None while a parent has none."""
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
        end = self.compiled.mapping.ends[other(side)]
        ref = f"{end.system}.{end.entity}{key_text(line.source)} {self.name}"
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

    def _deed(self, side: Side, job: Job, line: Writing, outcome: Outcome) -> Deed:
        """The write with what was read back. A target that takes it and keeps what it had has refused it."""
        lifted = self._lifted(side, outcome)
        ignored: tuple[str, ...] = ()
        if lifted is not None and isinstance(line, Update):
            found = dict(zip((each.name for each in self.compiled.mapping.fields), lifted.natives, strict=True))
            ignored = tuple(change.field for change in line.changes if _is_ignored(change, found[change.field]))
        if ignored:
            system = self.compiled.mapping.ends[side].system
            message = f"{system} took the write and kept its old {', '.join(ignored)}"
            outcome = replace(outcome, status="refused", message=message)
        return Deed(job.seq, line, outcome, lifted, ignored)

    def _lifted(self, side: Side, outcome: Outcome) -> Lifted | None:
        """What the target says after the write; None where it was not read back, or cannot be understood any more."""
        if outcome.status != "done" or outcome.record is None or outcome.record.fault:
            return None
        data = self.world.door(self.compiled.mapping, side).decode(outcome.record.body)
        try:
            return self.compiled.lift[side](data)
        except EvaluationError:
            return None


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
