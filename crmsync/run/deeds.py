"""What was tried of a plan, and what must later batches know of it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from crmsync.core.mapping import Lifted
from crmsync.core.model import Kind, Outcome, Ref, Side, fingerprint
from crmsync.run.prepared import what_is_written
from crmsync.run.wording import Writing
from crmsync.run.world import World


@dataclass(frozen=True, slots=True)
class Deed:
    """A write that was tried, by its place in the plan; `lifted`: what the target says now, where it was read back."""

    seq: int
    line: Writing
    outcome: Outcome
    lifted: Lifted | None
    kept: frozenset[str] = frozenset()  # fields that the target kept as they were: their base stays
    doubtful: frozenset[str] = frozenset()  # fields of which nobody knows who said what: they lose their base
    transient: bool = False  # it failed alone, with an error that may pass


@dataclass
class Done:
    """What a run has done so far: its writes by mapping, side and kind, and what later batches must know of them."""

    counts: Counter[tuple[str, Side, Kind]] = field(default_factory=Counter)
    moved: dict[tuple[Ref, str], str] = field(default_factory=dict)  # versions that our own writes replaced
    stopped: bool = False
    tried: Counter[str] = field(default_factory=Counter)  # writes, by mapping
    failed: Counter[str] = field(default_factory=Counter)
    halted: tuple[str, str] | None = None  # the mapping that has spent its budget, and the words for it

    def count(self, name: str, deeds: Sequence[Deed]) -> None:
        self.tried[name] += len(deeds)
        self.failed[name] += sum(deed.outcome.status in ("refused", "unknown") for deed in deeds)


def snapshot_print(world: World, line: Writing) -> str:
    """What tells a write from any other: the same values under another mapping are another one."""
    return fingerprint(what_is_written(line) + world.hashes[line.mapping].encode())
