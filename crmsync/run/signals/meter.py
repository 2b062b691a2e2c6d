"""How long does what a run asks of its systems take, and how often is it asked again?

Counted by the call, never by the record: a page or a batch. Nothing of a record is kept.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from crmsync.connectors.base import Cursor, Door, Findings, Page, Transient, Write
from crmsync.core.model import SIDES, Json, Key, Outcome, Side
from crmsync.core.model import Mapping as Declared
from crmsync.core.signals import Call, Calls, Measured, measured_json

SPANS: Final = 2000  # of one run; more would only be counted
Fact: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a mapping; `end` is the side's name."""

    mapping: str
    side: Side
    end: str
    system: str
    entity: str

    @property
    def facts(self) -> dict[str, Fact]:
        """As the attributes of a span."""
        return {"crmsync.mapping": self.mapping, "crmsync.side": self.end, "crmsync.entity": self.entity}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a run. `began` in seconds since 1970; `parent` is the number of the span that it lies in."""

    name: str
    began: float
    seconds: float
    facts: Mapping[str, Fact]
    parent: int | None
    failed: bool = False


def _nobody(message: str, **facts: Fact) -> None:
    """Nobody listens."""


@dataclass
class Meter:
    """What one run has measured so far. `tell` hears of every batch and every retry; `clock` counts seconds."""

    tell: Callable[..., None] = _nobody
    clock: Callable[[], float] = time.perf_counter
    now: Callable[[], float] = time.time
    calls: dict[Place, dict[Call, Calls]] = field(default_factory=lambda: defaultdict(dict))
    outcomes: dict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    retries: Counter[Place] = field(default_factory=Counter)
    spans: list[Span] = field(default_factory=list)
    dropped: int = 0
    _open: list[int] = field(default_factory=list)
    _last: dict[str, Place] = field(default_factory=dict)  # by system, whom its last call was for

    @contextmanager
    def span(self, name: str, **facts: Fact) -> Iterator[None]:
        """A part of the run; what happens inside of the block lies in it."""
        number, begun = len(self.spans), self.clock()
        self.spans.append(Span(name, self.now(), 0.0, facts, self._open[-1] if self._open else None, failed=True))
        self._open.append(number)
        try:
            yield
            self.spans[number] = replace(self.spans[number], failed=False)
        finally:
            self._open.pop()
            self.spans[number] = replace(self.spans[number], seconds=self.clock() - begun)

    @contextmanager
    def call(self, place: Place, kind: Call) -> Iterator[Counter[str]]:
        """One call to a system. What is counted under `records` is added up; one that raises is a failed call."""
        counted, began, begun = Counter[str](), self.now(), self.clock()
        self._last[place.system] = place
        failed = True
        try:
            yield counted
            failed = False
        finally:
            seconds = self.clock() - begun
            before = self.calls[place].get(kind, Calls())
            self.calls[place][kind] = before.and_one(seconds, counted["records"], failed=failed)
            facts = {**place.facts, "crmsync.records": counted["records"]}
            self._keep(Span(kind, began, seconds, facts, self._open[-1] if self._open else None, failed))

    def _keep(self, span: Span) -> None:
        if len(self.spans) < SPANS:
            self.spans.append(span)
        else:
            self.dropped += 1

    def written(self, place: Place, outcomes: Sequence[Outcome], seconds: float) -> None:
        statuses = Counter(outcome.status for outcome in outcomes)
        self.outcomes[place].update(statuses)
        told: dict[str, Fact] = {**dict(sorted(statuses.items())), "seconds": round(seconds, 3)}
        self.tell("batch written", mapping=place.mapping, side=place.end, writes=len(outcomes), **told)

    def retried(self, system: str, error: Transient, attempt: int, wait: float) -> None:
        """After the failed `attempt` (from 1) it is tried again, after so many seconds. The error's own words are left
        out: they are the system's, and may hold anything."""
        place = self._last.get(system)
        if place is not None:
            self.retries[place] += 1
        where = {"mapping": place.mapping, "side": place.end} if place else {}
        self.tell("retry", system=system, **where, attempt=attempt, wait=round(wait, 3), error=type(error).__name__)

    def measured(self, mapping: str, side: Side) -> Measured:
        of = [place for place in {*self.calls, *self.retries} if (place.mapping, place.side) == (mapping, side)]
        if not of:
            return Measured()
        (place,) = of
        return Measured(dict(self.calls[place]), dict(sorted(self.outcomes[place].items())), self.retries[place])

    def to_json(self, mappings: Sequence[Declared]) -> Json:
        """By mapping and side's name, what the summary of a run keeps."""
        return {
            mapping.name: {
                mapping.ends[side].name: measured_json(self.measured(mapping.name, side)) for side in SIDES
            }
            for mapping in mappings
        }  # fmt: skip


def place_of(mapping: Declared, side: Side) -> Place:
    end = mapping.ends[side]
    return Place(mapping.name, side, end.name, end.system, f"{end.system}.{end.entity}")


class MeteredDoor:
    """A door whose calls are timed. What reads is timed with all its retries; what writes once for each attempt."""

    def __init__(self, inner: Door, meter: Meter, place: Place) -> None:
        self._inner = inner
        self._meter = meter
        self._place = place
        self.can = inner.can
        self.decode = inner.decode  # called for every record: no frame of ours in between

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        return self._pages("list", self._inner.list(since))

    def newest(self) -> Cursor | None:
        return self._inner.newest()

    def get(self, keys: Sequence[Key]) -> Page:
        with self._meter.call(self._place, "get") as counted:
            found = self._inner.get(keys)
            counted["records"] = len(found)
        return found

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        return self._pages("find", self._inner.find(path, values))

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        begun = self._meter.clock()
        with self._meter.call(self._place, "write") as counted:
            counted["records"] = len(writes)
            outcomes = self._inner.write(writes)
        self._meter.written(self._place, outcomes, self._meter.clock() - begun)
        return outcomes

    def probe(self) -> Findings:
        return self._inner.probe()

    def _pages(self, kind: Call, pages: Iterator[Page]) -> Iterator[Page]:
        """The time between two pages is the reader's own, and is not counted."""
        while True:
            with self._meter.call(self._place, kind) as counted:
                page: Any = next(pages, None)
                counted["records"] = len(page or ())
            if page is None:
                return
            yield page
