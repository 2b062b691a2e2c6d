"""What became of everything that was read? Counts that add up, and the reasons behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crmsync.core.audit import Head
from crmsync.core.model import ABSENT, BUCKETS, KINDS, SIDES, Both, Bucket, Json, Kind
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import Halt

LOUD: tuple[Bucket, ...] = ("held", "rejected", "failed")
"""The buckets that make exit code 3: a person should look."""


@dataclass(frozen=True, slots=True, order=True)
class Why:
    """Why records ended in a bucket: how many for this reason, and one of them."""

    bucket: str
    rule: str
    count: int
    example: str
    message: str


@dataclass(frozen=True, slots=True)
class Tally:
    """One mapping's counts."""

    sides: Both[str]
    buckets: Both[Mapping[Bucket, int]]
    actions: Both[Mapping[Kind, int]]
    links: int = 0
    open_holds: int = 0
    why: tuple[Why, ...] = ()
    warned: Mapping[str, int] = field(default_factory=dict)
    shadow: Both[Mapping[Kind, int]] | None = None  # of a mapping that writes nothing: what it would have done

    @property
    def read(self) -> Both[int]:
        return sum(self.buckets[0].values()), sum(self.buckets[1].values())


@dataclass(frozen=True, slots=True)
class Recovered:
    """What runs that died had left behind: their ids, and what their unanswered writes turned out to be: `done`,
    `not done` or `unknown`."""

    runs: tuple[str, ...] = ()
    writes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stay:
    """Something that a revert leaves as it is: which record ("": it is about a whole mapping), which field ("": all of
    it), why, and what stands there now (masked; ABSENT where that is not the reason)."""

    record: str
    field: str
    why: str
    now: Json = ABSENT

    def to_json(self) -> Json:
        now = {} if self.now is ABSENT else {"now": self.now}
        return {"record": self.record or None, "field": self.field or None, "why": self.why, **now}


@dataclass(frozen=True, slots=True)
class Report:
    """What a run, a plan or an apply says at its end."""

    run: str
    mappings: Mapping[str, Tally]
    digest: str = ""
    stopped: int = 0  # the signal that stopped it
    recovered: Recovered = Recovered()
    trace: str = ""
    head: Head | None = None  # of the audit, when the run had ended; None: nothing was done
    halted: tuple[Halt, ...] = ()  # mappings that were left out, or that this run itself has halted
    stays: tuple[Stay, ...] = ()  # what a revert could not take back

    @property
    def exit(self) -> int:
        if self.stopped:
            return 128 + self.stopped
        if any(halt.run == self.run for halt in self.halted):
            return 1
        loud = any(tally.open_holds or _loud(tally) for tally in self.mappings.values())
        return 3 if loud or self.halted or self.stays else 0

    @property
    def writes(self) -> int:
        return sum(sum(side.values()) for tally in self.mappings.values() for side in tally.actions)

    def to_json(self) -> Json:
        """The object that `--output json` prints."""
        tallies = {name: tally_json(tally) for name, tally in self.mappings.items()}
        found = {"runs": list(self.recovered.runs), "writes": dict(self.recovered.writes)}
        taken_up = {"recovered": found} if self.recovered.runs or self.recovered.writes else {}
        halted = {each.mapping: {"run": each.run, "at": each.at, "why": each.why} for each in self.halted}
        asleep = {"halted": halted} if halted else {}
        stays = {"stays": [each.to_json() for each in self.stays]} if self.stays else {}
        return {"run": self.run, **self._audit(), **taken_up, **asleep, "mappings": tallies, **stays, "exit": self.exit}

    def _audit(self) -> dict[str, Json]:
        trace = {"trace": self.trace} if self.trace else {}
        return {**trace, "audit": {"n": self.head.n, "head": self.head.hash}} if self.head else trace


def _loud(tally: Tally) -> bool:
    return any(side.get(bucket, 0) for side in tally.buckets for bucket in LOUD)


def tally_json(tally: Tally) -> Json:
    would = tally.shadow
    shadow = {"shadow": {tally.sides[side]: {kind: would[side].get(kind, 0) for kind in KINDS} for side in SIDES}
              } if would else {}  # fmt: skip
    return {
        "read": {tally.sides[side]: tally.read[side] for side in SIDES},
        "buckets": {tally.sides[side]: {name: tally.buckets[side].get(name, 0) for name in BUCKETS} for side in SIDES},
        "actions": {tally.sides[side]: {kind: tally.actions[side].get(kind, 0) for kind in KINDS} for side in SIDES},
        **shadow,
        "links": tally.links,
        "open_holds": tally.open_holds,
        "why": [
            {"bucket": w.bucket, "rule": w.rule, "count": w.count, "example": w.example, "message": w.message}
            for w in tally.why
        ],
    }


def reasons(found: Iterable[tuple[str, str, str, str]]) -> tuple[Why, ...]:
    """Group (bucket, rule, example, message) by bucket and rule; the first example in sorted order stands for all."""
    groups: dict[tuple[str, str], tuple[str, str]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for bucket, rule, example, message in found:
        counts[bucket, rule] += 1
        shown = groups.get((bucket, rule))
        groups[bucket, rule] = min(shown, (example, message)) if shown else (example, message)
    rows = (Why(bucket, rule, counts[bucket, rule], *groups[bucket, rule]) for bucket, rule in groups)
    return tuple(sorted(rows, key=lambda why: (why.bucket, -why.count, why.rule)))


def sides(mapping: Declared) -> Both[str]:
    return mapping.ends[0].name, mapping.ends[1].name
