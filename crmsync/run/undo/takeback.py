"""What is remembered of a write that took an older one back, besides what is remembered of any?

A field that was restored is pinned: a review says so, and no run writes to it until one side changes or a person has
answered. A record whose making was taken back gets no counterpart again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from crmsync.core.mapping import Compiled
from crmsync.core.model import (
    REVERTED,
    Agreed,
    Archive,
    Both,
    Delete,
    Hold,
    Key,
    Link,
    Mark,
    Restore,
    Side,
    Update,
    other,
)
from crmsync.ledger.nouns import CRMSYNC
from crmsync.ledger.writer import Writer
from crmsync.run.world import World

if TYPE_CHECKING:
    from crmsync.run.deeds import Deed

News = Mapping[str, Agreed | None]


@dataclass(frozen=True)
class TakeBack:
    """Of the writes of one run to one side of one mapping."""

    world: World
    run: str
    compiled: Compiled
    side: Side

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    @cached_property
    def who(self) -> str:
        run = self.world.ledger.run(self.run)
        return run.actor if run else CRMSYNC

    def pins(self, deeds: Sequence[Deed], bases: Sequence[tuple[Both[Key], News]]) -> list[Hold]:
        """The questions about the fields that these have restored, of pairs that are linked."""
        lines = [deed.line for deed in deeds if deed.outcome.status == "done" and isinstance(deed.line, Update)]
        undone = {line.key: line for line in lines if line.undoes}
        links = self.world.ledger.links(self.name, self.side, list(undone))
        return [
            pin
            for keys, news in bases
            if (key := keys[self.side]) in undone and _is_linked(links.get(key), keys)
            for pin in self._of(undone[key], keys, news)
        ]

    def _of(self, line: Update, keys: Both[Key], news: News) -> Iterator[Hold]:
        for change in line.changes:
            agreed = news.get(change.field)
            if agreed is not None and change.reason == REVERTED:
                message = f"{change.field}: {self.who} has taken back what run {line.undoes} wrote (in run {self.run})"
                until = "nothing is written until one side changes, or somebody answers"
                yield Hold(self.name, keys, REVERTED, change.field, agreed.values, agreed.values, f"{message}; {until}")

    def note(self, ledger: Writer, good: Sequence[Deed], now: str) -> None:
        """Who makes no counterpart any more, and which links are live again."""
        lines = [deed.line for deed in good if isinstance(deed.line, Archive | Delete | Restore)]
        source = other(self.side)
        taken = [line.source for line in lines if not isinstance(line, Restore) and line.reason == REVERTED]
        if taken:
            ledger.exclude(self.name, source, taken, REVERTED, self.who, now)
        linked = [line for line in lines if isinstance(line, Restore) and line.relink]
        if linked:
            self._relink(ledger, linked, now)

    def _relink(self, ledger: Writer, lines: Sequence[Restore], now: str) -> None:
        source, sources = other(self.side), [line.source for line in lines]
        ledger.save_marks(Mark(self.name, keys_of(line), "live", (0, 0)) for line in lines)
        states = self.world.ledger.states(self.name, source, sources)
        barred = [key for key, state in states.items() if state.excluded == REVERTED]
        if barred:
            ledger.include(self.name, source, barred, self.who, now)
        ledger.look_again(self.name, source, sources, f"linked again by {self.who}")
        ledger.look_again(self.name, self.side, [line.key for line in lines], f"restored by {self.who}")


def keys_of(line: Update | Archive | Delete | Restore) -> Both[Key]:
    return (line.key, line.source) if line.side == 0 else (line.source, line.key)


def _is_linked(link: Link | None, keys: Both[Key]) -> bool:
    return link is not None and link.keys == keys and link.state != "gone"
