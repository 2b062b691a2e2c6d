"""How does one batch of writes reach a system that may fail, and what became of each of them?

A write whose answer was lost is never simply tried again: the target is looked at first. A batch that fails as a whole
is divided until the record that spoils it is alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Final

from crmsync.connectors.base import ConnectorError, Door, Transient
from crmsync.connectors.retry import Patience
from crmsync.core.mapping import Compiled
from crmsync.core.merge import same
from crmsync.core.model import Change, Create, Json, Outcome, Side, Update
from crmsync.run.deeds import Deed
from crmsync.run.recognise import Recognise, Took, Unknown
from crmsync.run.wording import Try
from crmsync.run.world import World

HOPELESS: Final = 20  # parts of a batch that failed, and none that did not: no record is to blame for that


@dataclass
class Sender:
    """Brings writes to one side of one mapping. Raises `Transient` or `Refused` when the system is to blame; what
    was sent until then may have taken effect."""

    world: World
    compiled: Compiled
    side: Side
    failure: ConnectorError | None = None  # of a batch of which nothing could be written: to be raised, once remembered

    @property
    def door(self) -> Door:
        return self.world.door(self.compiled.mapping, self.side)

    @property
    def patience(self) -> Patience:
        return self.world.patience(self.compiled.mapping.ends[self.side].system)

    @cached_property
    def recognise(self) -> Recognise:
        return Recognise(self.world, self.compiled, self.side)

    def send(self, tries: Sequence[Try], suspects: Collection[int] = ()) -> list[Deed]:
        """One deed for each, in order. `suspects` have failed before: they are tried alone, and last, so that they
        spoil nothing for the others."""
        deeds: dict[int, Deed] = {}
        fresh = [each for each in tries if each.seq not in suspects]
        rest, error = self._persist(fresh, deeds) if fresh else ([], None)
        if rest and error:
            self._divide(rest, error, deeds)
        for each in tries:
            if each.seq in suspects:
                self._alone(each, deeds)
        return [deeds[each.seq] for each in tries]

    def _alone(self, tried: Try, deeds: dict[int, Deed]) -> None:
        rest, error = self._attempt([tried], deeds)
        if error is None:
            return
        if self.patience.is_open:
            raise error
        for each in self._look(rest, error, deeds):
            deeds[each.seq] = self._failed(each, error)

    def _persist(self, tries: Sequence[Try], deeds: dict[int, Deed]) -> tuple[Sequence[Try], ConnectorError | None]:
        """All of them at once, as often as patience lasts; what is left then, and why."""
        for attempt in count(1):
            rest, error = self._attempt(tries, deeds)
            if error is None:
                break
            if not isinstance(error, Transient):
                return self._look(rest, error, deeds), error
            try:
                self.patience.pause(error, attempt)
            except Transient as last:
                self._look(tries, error, deeds)
                if self.patience.is_open:
                    raise
                return [each for each in tries if each.seq not in deeds], last
            tries = self._look(tries, error, deeds)
            if not tries:
                break
        return [], None

    def _divide(self, tries: Sequence[Try], error: ConnectorError, deeds: dict[int, Deed]) -> None:
        """In parts, each tried once, the smaller ones after all of the greater: as long as some go well, the system
        is well."""
        self._blame_system(error)
        parts, failures, good = deque(_halves(tries)), 0, len(deeds)
        while parts:
            part = parts.popleft()
            rest, again = self._attempt(part, deeds)
            good += len(part) - len(rest)
            if again is None:
                continue
            failures += 1
            if self.patience.is_open or (failures >= HOPELESS and not good):
                raise again
            if isinstance(again, Transient):
                self.patience.pause(again, 1)
            rest = self._look(rest, again, deeds)
            if len(rest) == 1:
                deeds[rest[0].seq] = self._failed(rest[0], again)
            elif rest:
                parts.extend(_halves(rest))
        if len(tries) > 1 and not good and all(deeds[each.seq].outcome.status == "refused" for each in tries):
            self.failure = error  # the system, or all of these: the next run tries each alone
            deeds.update({each.seq: replace(deeds[each.seq], transient=True) for each in tries})

    def _blame_system(self, error: ConnectorError) -> None:
        """A batch that fails does not tell whether it is a record or the system: the system is asked."""
        if any(finding.severity == "error" for finding in self.door.probe()):
            raise error

    def _attempt(self, tries: Sequence[Try], deeds: dict[int, Deed]) -> tuple[Sequence[Try], ConnectorError | None]:
        """Once; what is left of it, and why."""
        try:
            with self.world.effect(f"write {self.compiled.entities[self.side].full_name}"):
                outcomes = self.door.write([each.write for each in tries])
        except ConnectorError as error:
            return tries, error
        deeds.update((each.seq, self._deed(each, outcome)) for each, outcome in zip(tries, outcomes, strict=True))
        return [], None

    def _look(self, tries: Sequence[Try], error: ConnectorError, deeds: dict[int, Deed]) -> list[Try]:
        """What became of them; those that had no effect are left. Who refuses one may have done others before."""
        if isinstance(error, Transient) and error.untouched:
            return list(tries)
        fates = zip(tries, self.recognise.fates(tries), strict=True)
        for each, fate in fates:
            if isinstance(fate, Took | Unknown):
                deeds[each.seq] = deed_of(each, fate)
        return [each for each in tries if each.seq not in deeds]

    def _deed(self, tried: Try, outcome: Outcome) -> Deed:
        """The write with what was read back. A target that takes it and keeps what it had has refused it."""
        line = tried.line
        if outcome.recognised and isinstance(line, Create):
            return deed_of(tried, self.recognise.recognised(line, outcome))
        done = outcome.status == "done" and outcome.record is not None
        lifted = self.recognise.lifted(outcome.record) if done and outcome.record else None
        ignored: frozenset[str] = frozenset()
        if lifted is not None and isinstance(line, Update):
            found = dict(zip((each.name for each in self.compiled.mapping.fields), lifted.natives, strict=True))
            ignored = frozenset(change.field for change in line.changes if _is_ignored(change, found[change.field]))
        if ignored:
            system = self.compiled.mapping.ends[self.side].system
            message = f"{system} took the write and kept its old {', '.join(sorted(ignored))}"
            outcome = replace(outcome, status="refused", message=message)
        return Deed(tried.seq, line, outcome, lifted, ignored)

    def _failed(self, tried: Try, error: ConnectorError) -> Deed:
        outcome = Outcome("refused", message=str(error))
        return Deed(tried.seq, tried.line, outcome, None, transient=isinstance(error, Transient))


def deed_of(tried: Try, fate: Took | Unknown) -> Deed:
    """What was found out about a write that was not answered."""
    if isinstance(fate, Unknown):
        return Deed(tried.seq, tried.line, Outcome("unknown", message=fate.message), None, doubtful=fate.doubtful)
    return Deed(tried.seq, tried.line, fate.outcome, fate.lifted, fate.kept, fate.doubtful)


def _halves(tries: Sequence[Try]) -> list[Sequence[Try]]:
    half = len(tries) // 2
    return [tries[:half], tries[half:]] if half else [tries]


def _is_ignored(change: Change, found: Json) -> bool:
    return same(found, change.before) and not same(found, change.after)
