"""What became of the writes that a run had sent when it died? Found out before anything new is planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

from crmsync.core.mapping import Compiled
from crmsync.core.model import (
    Adopt,
    Archive,
    Create,
    Delete,
    Finding,
    Hold,
    Mapping,
    Mark,
    Outcome,
    Restore,
    Side,
    other,
)
from crmsync.core.plan import decode
from crmsync.ledger.lock import held_by, this_process
from crmsync.ledger.nouns import JournalLine
from crmsync.run.deeds import Deed
from crmsync.run.locking import NAME
from crmsync.run.recognise import BY_TOKEN, Fate, Recognise, Untouched
from crmsync.run.remember import Memory
from crmsync.run.report import Recovered
from crmsync.run.send import Sender, deed_of
from crmsync.run.sentinel import see_sentinels
from crmsync.run.wording import Try, Wording, Writing
from crmsync.run.world import Stopped, World, utc_now

KEPT: Final = timedelta(hours=12)  # so long a system surely knows an idempotency key again; most forget it after a day


def recover(world: World, mappings: Sequence[Mapping], run_id: str) -> Recovered:
    """Settle every write of these mappings that was sent and never answered, whatever run sent it. The caller holds the
    lock. Raises `Stopped` for another installation or an unseen sentinel, `Transient` or `Refused`; what is settled by
    then stays settled."""
    world.newly_known(mappings)
    writes: Counter[str] = Counter()
    for page in world.ledger.unanswered([mapping.name for mapping in mappings]):
        see_sentinels(world, mappings)  # who sees only a part would take what was made for not made
        for (run, name, side), lines in groupby(page, key=lambda line: (line.run, line.mapping, line.side)):
            writes += Settler(world, run, name, 1 if side else 0).settle(list(lines))
    dead = tuple(run.id for run in world.ledger.unfinished())
    if dead:
        with world.writing() as ledger:
            for run in dead:
                ledger.end_run(run, utc_now(), 1, {"error": f"it died; run {run_id} took it up"})
    return Recovered(dead, writes)


def left_behind(world: World, mappings: Sequence[Mapping]) -> Recovered:
    """What the next run will look at first; changes nothing. Nothing is left behind by a run that is at work."""
    held = held_by(world.ledger, NAME)
    if held and not held.dead(this_process("")):
        return Recovered()
    number = sum(len(page) for page in world.ledger.unanswered([mapping.name for mapping in mappings]))
    writes = {"to be looked up by the next run": number} if number else {}
    return Recovered(tuple(run.id for run in world.ledger.unfinished()), writes)


@contextmanager
def telling(recovered: Recovered) -> Iterator[None]:
    """What was found out is told, too, when the run stops before its own first write."""
    try:
        yield
    except Stopped as stop:
        if not recovered.writes:
            raise
        found = ", ".join(f"{number} {what}" for what, number in sorted(recovered.writes.items()))
        message = f"before that, writes of a run that had died were looked up: {found}"
        told = Finding("run/recovered", message, severity="warning")
        raise Stopped(stop.exit, *stop.findings, told) from None


@dataclass
class Settler:
    """Settles writes of one run to one side of one mapping."""

    world: World
    run: str
    name: str
    side: Side

    @cached_property
    def compiled(self) -> Compiled:
        return self.world.compile(self.world.project.mapping(self.name))

    @cached_property
    def recognise(self) -> Recognise:
        return Recognise(self.world, self.compiled, self.side)

    def settle(self, lines: Sequence[JournalLine]) -> Counter[str]:
        """In one transaction: what took effect is remembered as if it had been answered."""
        tries = [self._tried(line) for line in lines]
        deeds = self._again([each for each, line in zip(tries, lines, strict=True) if self._may_repeat(each, line)])
        rest = [(each, line) for each, line in zip(tries, lines, strict=True) if each.seq not in deeds]
        fates = self.recognise.fates([each for each, _ in rest])
        deeds |= {
            each.seq: self._deed(each, line, fate) for (each, line), fate in zip(rest, fates, strict=True)
        }  # fmt: skip
        Memory(self.world, self.run, self.compiled).remember(self.side, self._unless_taken([*deeds.values()]))
        told = ("done", "unknown")
        return Counter(each if (each := deed.outcome.status) in told else "not done" for deed in deeds.values())

    def _tried(self, line: JournalLine) -> Try:
        sent = decode(line.sent or line.line)
        assert not isinstance(sent, Hold | Adopt | Mark)  # those are not sent
        told = Wording(self.world, self.compiled).write(self.side, self._still_said(sent), line.token, {})
        return Try(line.seq, sent, told)

    def _still_said(self, line: Writing) -> Writing:
        """Without the fields that the mapping writes no more, or elsewhere: it may have been changed in between."""
        if isinstance(line, Archive | Delete | Restore):
            return line
        return replace(line, changes=tuple(filter(self.recognise.is_known, line.changes)))

    def _may_repeat(self, tried: Try, line: JournalLine) -> bool:
        """The system will know it again, if it was told to, and not too long ago, and in the same words."""
        by = self.compiled.entities[self.side].recover_by
        if line.kind != "create" or by != "idempotency header" or line.token is None or line.at is None:
            return False
        recent = datetime.fromisoformat(utc_now()) - datetime.fromisoformat(line.at) < KEPT
        return recent and self._still_said(tried.line) == tried.line

    def _again(self, tries: Sequence[Try]) -> dict[int, Deed]:
        return {deed.seq: deed for deed in Sender(self.world, self.compiled, self.side).send(tries)} if tries else {}

    def _deed(self, tried: Try, line: JournalLine, fate: Fate) -> Deed:
        entity = self.compiled.entities[self.side]
        keeps = entity.recover_by in BY_TOKEN and entity.assigned_by == "system"
        if (
            isinstance(tried.line, Create)
            and keeps
            and (line.token is None or entity.recover_by == "idempotency header")
        ):
            message = f"a new {entity.full_name} was sent and never answered, and the system cannot be asked any more"
            return Deed(tried.seq, tried.line, Outcome("unknown", message=message), None)
        if isinstance(fate, Untouched):
            return Deed(tried.seq, tried.line, Outcome("stale", message="it had no effect, and is planned again"), None)
        return deed_of(tried, fate)

    def _unless_taken(self, deeds: Sequence[Deed]) -> list[Deed]:
        """What a person has linked to something else in between stays so."""
        made = {
            deed.seq: deed.line.source
            for deed in deeds
            if isinstance(deed.line, Create) and deed.outcome.status == "done"
        }
        links = self.world.ledger.links(self.name, other(self.side), list(made.values()))
        taken = {key for key, link in links.items() if link.state != "gone"}
        message = "its source was linked to another record since: the one that was made may be one too many"
        stale = Outcome("stale", message=message)
        return [Deed(deed.seq, deed.line, stale, None) if made.get(deed.seq) in taken else deed for deed in deeds]
