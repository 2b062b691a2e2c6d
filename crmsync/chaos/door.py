"""How does a system misbehave? A wrapper around any connection, whose faults are drawn, named and counted.

It invents nothing: what it gives are records of the system, what it writes was asked for. But it gives them late,
twice, in another order or in part, says that it was not reached when it was, and forgets to answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from crmsync.connectors.base import Connection, Cursor, Door, Findings, Insert, Page, Transient, Write
from crmsync.core.model import Entity, Json, Key, Outcome, Raw

FAULTS: Final[Mapping[str, str]] = {
    "late-page": "a page of a listing comes half a minute late",
    "repeated-page": "a page of a listing comes a second time",
    "reordered": "pages, and records in them, come in another order",
    "broken-listing": "the connection is lost in the middle of a listing, half a page after the last whole one",
    "no-connection": "an entity cannot be opened, because the system is not reached",
    "rate-limit": "429 with the seconds to wait; what was asked for was not done",
    "unavailable": "5xx before anything was done, and it does not say so",
    "lost-answer": "a timeout after a batch took effect",
    "half-batch": "the connection is lost when half of a batch has taken effect",
    "moved": "somebody edits a record between our reading and our writing",
    "skewed-clock": "modified values are hours ahead of ours, or behind",
    "equal-times": "a coarse clock: many modified values are equal",
}
"""What can go wrong in one call."""

LATE: Final = 30.0  # seconds
PAGES: Final = 6  # the first of a listing, in which it goes wrong
PAGE: Final = 9  # records in the largest page, so that a small story has many pages


class Clock:
    """Only sleeping moves it: nothing waits for real."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Effect:
    """A write that really reached the system, and what the system said."""

    entity: str
    write: Write
    status: str


@dataclass
class Trouble:
    """What may go wrong with one system, how often it did, and what reached the system meanwhile.

    `written` is in order, and may be shared by systems. `calm`: nothing goes wrong for now; `blind`: and no account
    is kept of it. `skew` is in hours. `lie`
    makes another listing of a complete one, without a word. `move` lets a person edit a record, and tells whether that
    was possible. `gone_over` are moved records that a write changed nevertheless.
    """

    random: Random
    faults: frozenset[str]
    clock: Clock
    written: list[Effect]
    often: float = 0.12
    calm: bool = True
    blind: bool = False
    skew: int = 0
    lie: Callable[[list[Page]], list[Page]] | None = None
    move: Callable[[Entity, Key], bool] = lambda entity, key: False
    struck: Counter[str] = field(default_factory=Counter)
    served: dict[str, Counter[Key]] = field(default_factory=dict)
    gone_over: list[str] = field(default_factory=list)

    def strikes(self, *names: str) -> str | None:
        """One of these faults, now."""
        likely = [name for name in names if name in self.faults]
        if self.calm or not likely or self.random.random() > self.often:
            return None
        name = self.random.choice(likely)
        self.struck[name] += 1
        return name

    def place(self, name: str) -> int:
        """The page of a listing that this fault is due at, which may have fewer; -1: none."""
        due = not self.calm and name in self.faults and self.random.random() < self.often
        return self.random.randrange(PAGES) if due else -1


class ChaoticConnection:
    """Whoever made `inner` closes it: it outlives the runs that die."""

    def __init__(self, inner: Connection, trouble: Trouble) -> None:
        self._inner = inner
        self._trouble = trouble

    def door(self, entity: Entity, wanted: frozenset[str] | None = None) -> Door:
        if self._trouble.strikes("no-connection"):
            raise Transient(f"{entity.system}: connection refused")
        return ChaoticDoor(self._inner.door(entity, wanted), entity, self._trouble)

    def instance(self) -> str | None:
        return self._inner.instance()

    def close(self) -> None:
        """See above."""


class ChaoticDoor:
    def __init__(self, inner: Door, entity: Entity, trouble: Trouble) -> None:
        self._inner = inner
        self._entity = entity
        self._trouble = trouble
        self.can = inner.can
        self.decode = inner.decode

    # Reading

    def list(self, since: Cursor | None = None) -> Iterator[Page]:
        self._answer()
        pages = self._small(self._inner.list(self._straight(since)))
        if since is None and self._trouble.lie:
            pages = iter(self._trouble.lie([*pages]))
        yield from self._troubled(pages)

    def newest(self) -> Cursor | None:
        self._answer()
        found = self._inner.newest()
        return replace(found, modified=self._shown(found.modified)) if found else None

    def get(self, keys: Sequence[Key]) -> Page:
        self._answer()
        return self._given(self._inner.get(keys))

    def find(self, path: str, values: Sequence[Json]) -> Iterator[Page]:
        self._answer()
        yield from self._troubled(self._small(self._inner.find(path, values)))

    def probe(self) -> Findings:
        return self._inner.probe()

    def _small(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            while page:
                size = len(page) if self._trouble.calm else self._trouble.random.randint(1, PAGE)
                yield page[:size]
                page = page[size:]

    def _troubled(self, pages: Iterator[Page]) -> Iterator[Page]:
        struck, broken, again = (
            self._trouble.struck,
            self._trouble.place("broken-listing"),
            self._trouble.place("repeated-page"),
        )
        if self._trouble.strikes("reordered"):
            pages = iter(_shuffled(self._trouble.random, [*pages]))
        for number, page in enumerate(pages):
            if number == broken:
                struck["broken-listing"] += 1
                yield self._given(page[: len(page) // 2])
                raise Transient(f"{self._entity.system}: connection lost in the middle of a listing")
            if self._trouble.strikes("late-page"):
                self._trouble.clock.sleep(LATE)
            yield self._given(page)
            if number == again and len(page) > 1:
                struck["repeated-page"] += 1
                yield self._given(page)

    def _given(self, page: Page) -> Page:
        if self._trouble.blind:
            return page
        self._trouble.served.setdefault(self._entity.full_name, Counter()).update(raw.key for raw in page)
        return [self._told(raw) for raw in page]

    def _answer(self, *, untouched: bool = False) -> None:
        match self._trouble.strikes("rate-limit", "unavailable"):
            case "rate-limit":
                wait = self._trouble.random.randint(0, 5)
                text = f"{self._entity.system}: 429, try again after {wait} s"
                raise Transient(text, retry_after=wait, untouched=untouched)
            case "unavailable":
                raise Transient(f"{self._entity.system}: 503")

    # Writing

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        self._answer(untouched=True)
        moved = self._move(writes)
        half = len(writes) // 2
        if half and self._trouble.strikes("half-batch"):
            self._do(writes[:half], moved)
            raise Transient(f"{self._entity.system}: connection lost in the middle of a batch")
        outcomes = self._do(writes, moved)
        if self._trouble.strikes("lost-answer"):
            raise Transient(f"{self._entity.system}: timed out")
        return outcomes

    def _move(self, writes: Sequence[Write]) -> Key | None:
        keys = [write.key for write in writes if not isinstance(write, Insert)]
        if not (keys and self.can.conditional and self._trouble.strikes("moved")):
            return None
        key = self._trouble.random.choice(keys)
        return key if self._trouble.move(self._entity, key) else None

    def _do(self, writes: Sequence[Write], moved: Key | None) -> Sequence[Outcome]:
        outcomes = self._inner.write(writes)
        if self._trouble.blind:
            return outcomes
        name = self._entity.full_name
        for write, outcome in zip(writes, outcomes, strict=True):
            self._trouble.written.append(Effect(name, write, outcome.status))
            if not isinstance(write, Insert) and write.key == moved and outcome.status != "stale":
                self._trouble.gone_over.append(f"{name} {moved}: {outcome.status}")
        return [replace(each, record=each.record and self._told(each.record)) for each in outcomes]

    # Clocks

    def _told(self, raw: Raw) -> Raw:
        return replace(raw, modified=self._shown(raw.modified))

    def _shown(self, modified: Json) -> Json:
        coarse = "equal-times" in self._trouble.faults
        return shifted(_coarse(modified) if coarse else modified, self._trouble.skew)

    def _straight(self, since: Cursor | None) -> Cursor | None:
        return replace(since, modified=shifted(since.modified, -self._trouble.skew)) if since else None


def shifted(value: Json, hours: int) -> Json:
    """The same modified value by a clock that is so many hours ahead; of a counter, so many units."""
    if isinstance(value, str) and hours:
        moment = _moment(value)
        return (moment + timedelta(hours=hours)).isoformat() if moment else value
    return value if value is None or isinstance(value, str) else value + hours


def _coarse(value: Json) -> Json:
    """By a clock that only knows hours; of a counter, eights."""
    if isinstance(value, str):
        moment = _moment(value)
        return moment.replace(minute=0, second=0, microsecond=0).isoformat() if moment else value
    return value if value is None else value - value % 8


def _moment(value: str) -> datetime | None:
    """A date alone has no hours."""
    try:
        return datetime.fromisoformat(value) if "T" in value or " " in value else None
    except ValueError:
        return None


def _shuffled(random: Random, pages: list[Page]) -> list[Page]:
    mixed = [random.sample(page, len(page)) for page in pages]
    return random.sample(mixed, len(mixed))
