"""How is a plan done? Batch after batch: say so in the journal, write, read back, remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from typing import Final

from crmsync.connectors.base import Refused
from crmsync.core.mapping import Compiled
from crmsync.core.model import Adopt, Archive, Create, Delete, Key, Mark, Restore, Side, Update, other
from crmsync.core.plan import decode
from crmsync.core.plan.budgets import spent
from crmsync.ledger.spool import Line as PlanLine
from crmsync.ledger.writer import Writer
from crmsync.run.deeds import Deed, Done
from crmsync.run.match.matching import census_at_hand
from crmsync.run.match.twins import Twins
from crmsync.run.prepared import Prepared, unsettled
from crmsync.run.recognise import BY_TOKEN
from crmsync.run.remember import Memory
from crmsync.run.send import Sender
from crmsync.run.verdicts import Verdicts
from crmsync.run.wording import Try, Wording, Writing
from crmsync.run.world import World, utc_now

BATCH: Final = 500
KEPT: Final = frozenset({"adopt", "mark", "hold"})  # the lines that write to no system


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the plan, in the order in which it is done."""

    seq: int
    plan: PlanLine
    line: Writing | Adopt

    @property
    def phase(self) -> tuple[int, int, int]:
        return self.plan.mapping_no, self.plan.level, self.plan.side


def journal(ledger: Writer, prepared: Prepared, run: str) -> None:
    """Copy the plan into the ledger, before the first write. Links and marks stand under their first record."""
    ledger.save_journal(run, _rows(prepared, shadow=False))
    ledger.save_journal(run, _rows(prepared, shadow=True), "shadow")


def _rows(prepared: Prepared, *, shadow: bool) -> Iterator[tuple[int, str, int, str, str, bytes]]:
    """The lines that are done, or those that only would be."""
    names = {plan.number: name for name, plan in prepared.mappings.items()}
    shadows = _shadows(prepared)
    for seq, line in enumerate(prepared.spool.lines()):
        if line.kind != "hold" and _is_kept_back(line, shadows) == shadow:  # a hold is a review, not a write
            yield seq, names[line.mapping_no], 1 if line.side == 1 else 0, line.key_text, line.kind, line.text


def _shadows(prepared: Prepared) -> frozenset[int]:
    """The numbers of the mappings that write nothing."""
    return frozenset(plan.number for plan in prepared.mappings.values() if plan.extraction.mapping.shadow)


def _is_kept_back(line: PlanLine, shadows: frozenset[int]) -> bool:
    return line.mapping_no in shadows and line.kind not in KEPT


def perform(world: World, prepared: Prepared, run: str, stop: Callable[[], bool] = lambda: False) -> Done:
    """Do the plan in the spool, all but the marks, which wait for the end. Raises `Transient` or `Refused` when a
    system goes away; what was done stays done."""
    done = Done()
    names = {plan.number: name for name, plan in prepared.mappings.items()}
    for phase, jobs in groupby(_jobs(prepared), key=lambda job: job.phase):
        worker = Worker(world, prepared, done, run, names[phase[0]])
        for batch in _batches(jobs):
            if stop():
                done.stopped = True
                return done
            worker.work(batch)
            if why := worker.spent:
                done.stopped, done.halted = True, (worker.name, why)
                return done
    return done


def note_unbegun(world: World, prepared: Prepared, run: str, why: str) -> None:
    """The run was stopped: the records of what it has not begun wait, whatever was planned for them."""
    era = {name: plan.extraction.era for name, plan in prepared.mappings.items()}
    for page in world.ledger.journal(run, ["pending"]):
        unbegun = ((line.mapping, decode(line.line)) for line in page if line.kind != "mark")
        rows = (row for name, line in unbegun for row in unsettled(line, "waiting", why, era[name], run))
        prepared.spool.save_verdicts(rows, read=False)


STOPPED: Final = "the run was stopped before its turn"


def marks(prepared: Prepared, number: int) -> Iterator[tuple[int, Mark]]:
    """The marks of one mapping, by their places in the plan."""
    for seq, line in enumerate(prepared.spool.lines()):
        if line.mapping_no == number and line.kind == "mark":
            mark = decode(line.text)
            assert isinstance(mark, Mark)  # by its kind
            yield seq, mark


def _jobs(prepared: Prepared) -> Iterator[Job]:
    shadows = _shadows(prepared)
    for seq, plan in enumerate(prepared.spool.lines()):
        if plan.kind not in ("hold", "mark") and not _is_kept_back(plan, shadows):
            line = decode(plan.text)
            assert isinstance(line, Create | Update | Archive | Delete | Restore | Adopt)  # by its kind
            yield Job(seq, plan, line)


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
    def spent(self) -> str:
        """Why the mapping halts; "" where it goes on."""
        return spent(self.compiled.mapping.limits, self.done.tried[self.name], self.done.failed[self.name])

    @cached_property
    def memory(self) -> Memory:
        return Memory(self.world, self.run, self.compiled)

    @cached_property
    def verdicts(self) -> Verdicts:
        return Verdicts(self.world, self.prepared, self.done, self.run, self.compiled, self.twins)

    @cached_property
    def twins(self) -> Twins | None:
        spool, rule = self.prepared.spool, self.compiled.mapping.match
        census = census_at_hand(self.world, spool, self.name)
        return Twins(self.world, spool, self.compiled, rule, census) if rule else None

    @cached_property
    def wording(self) -> Wording:
        return Wording(self.world, self.compiled)

    def work(self, batch: Sequence[Job]) -> None:
        """Do one batch of links, or of writes to one side; remember the outcomes in one transaction."""
        adopts = [(job.seq, job.line) for job in batch if isinstance(job.line, Adopt)]
        if adopts:
            self.memory.adopt(adopts)
        else:
            self._write(1 if batch[0].plan.side else 0, batch)

    def _write(self, side: Side, batch: Sequence[Job]) -> None:
        lines = [(job.seq, job.line) for job in batch if not isinstance(job.line, Adopt)]
        resolved = self.wording.resolved([line for _, line in lines])
        waiting = [each for each, line in zip(lines, resolved, strict=True) if line is None]
        moved = self._moved(side, lines)
        tries = [
            Try(seq, line, self.wording.write(side, line, None, moved), line is not planned)
            for (seq, planned), line in zip(lines, resolved, strict=True)
            if line
        ]
        sender = Sender(self.world, self.compiled, side)
        deeds = self._send(sender, side, tries) if tries else []
        asked = self.memory.remember(side, deeds, [seq for seq, _ in waiting])
        self.done.count(self.name, deeds)
        if sender.failure and not (isinstance(sender.failure, Refused) and self.spent):  # then the mapping halts
            raise sender.failure
        self.verdicts.note(side, deeds, [line for _, line in waiting], asked)

    def _send(self, sender: Sender, side: Side, tries: Sequence[Try]) -> list[Deed]:
        """The ledger knows that they may have taken effect before they can."""
        with self.world.writing() as ledger:
            ledger.send_journal(self.run, ((each.seq, self._kept(each), each.sent) for each in tries), utc_now())
        return sender.send(tries, self._suspects(side, tries))

    def _suspects(self, side: Side, tries: Sequence[Try]) -> set[int]:
        """The writes with an open dead letter: they have failed alone before."""
        source = other(side)
        letters = self.world.ledger.dead(self.name, source, [each.line.source for each in tries])
        return {each.seq for each in tries if (found := letters.get(each.line.source)) and found.kind == "write"}

    def _kept(self, tried: Try) -> str | None:
        """The token of a create, where the system keeps it."""
        side = tried.line.side
        return tried.token if self.compiled.entities[side].recover_by in BY_TOKEN else None

    def _moved(self, side: Side, lines: Sequence[tuple[int, Writing]]) -> dict[Key, str]:
        """The versions that another mapping of this run has made of records since they were planned."""
        targets = ((line.key, line.expect) for _, line in lines if not isinstance(line, Create))
        found = ((key, self.done.moved.get((self.compiled.ref(side, key), expect))) for key, expect in targets)
        return {key: version for key, version in found if version}
