"""How well does each mapping do? Shares, ages and times, from counts that others have taken.

Ages and times are in seconds, shares between 0 and 1. What cannot be known is None: a share of nothing, the age of what
is not there. No value of a record comes in here, and no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from crmsync.core.model import BUCKETS, KINDS, SIDES, Both, Bucket, Json, Kind, Side

Call: TypeAlias = Literal["list", "get", "find", "write"]
CALLS: Final[tuple[Call, ...]] = ("list", "get", "find", "write")
OUTCOMES: Final = ("done", "stale", "refused", "unknown")
PLACES: Final = 6  # of a share or a time, when it is written down
GOOD: Final = frozenset({0, 3})  # exit codes of a run that came to its end


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one kind: how many, how many of them failed, the records that they brought or took, and how long they
    lasted, all together and the longest."""

    count: int = 0
    failed: int = 0
    records: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def and_one(self, seconds: float, records: int, *, failed: bool = False) -> Calls:
        return Calls(
            self.count + 1, self.failed + failed, self.records + records, self.seconds + seconds,
            max(self.longest, seconds),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run saw of one side of a mapping. `outcomes`: of the writes that were answered."""

    calls: Mapping[Call, Calls] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0  # waits after which something was tried again


@dataclass(frozen=True, slots=True)
class SideFacts:
    """What the ledger knows of one side. `fields`: of the links that were looked at, in how many the field has a value
    on this side, and of how many it is known. `duplicates`: questions whether two of its records are one that are open;
    `merged`: records that were merged into another one."""

    buckets: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    duplicates: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger knows of one mapping. Times are ISO 8601; `last_*` are of its last run, whatever became of it,
    `tally` and `measured` of the last one that was counted."""

    sides: Both[SideFacts] = (SideFacts(), SideFacts())
    links: int = 0
    open_reviews: int = 0
    oldest_review: str | None = None
    open_dead: int = 0
    oldest_dead: str | None = None
    last_run: str | None = None
    last_exit: int | None = None
    last_ended: str | None = None
    last_good: str | None = None
    tally: Json = None
    measured: Both[Measured] = (Measured(), Measured())


@dataclass(frozen=True, slots=True)
class SideSignals:
    """One side of a mapping. `read`, `buckets`, `actions` and `measured` are of the last run that was counted; `known`
    are the buckets of all its records that the ledger remembers."""

    name: str
    entity: str
    read: int | None
    buckets: Mapping[Bucket, int]
    actions: Mapping[Kind, int]
    measured: Measured
    known: Mapping[Bucket, int]
    completeness: Mapping[str, float]
    duplicate_rate: float | None


@dataclass(frozen=True, slots=True)
class MappingSignals:
    """`convergence`: of the records in scope that the ledger remembers, those that say what their counterpart says.
    `error_rate`: of the records that the last counted run read, those that it rejected or that failed. `retry_rate`:
    of its calls to the systems, those that had to be tried again."""

    name: str
    sides: Both[SideSignals]
    links: int
    convergence: float | None
    error_rate: float | None
    retry_rate: float | None
    open_reviews: int
    oldest_review: float | None
    open_dead_letters: int
    oldest_dead_letter: float | None
    last_run: str | None
    last_exit: int | None
    last_run_age: float | None
    last_success_age: float | None


@dataclass(frozen=True, slots=True)
class Signals:
    """All of a project at one moment. `runs`: how many ended with each exit code. `time_to_recover`: how long the last
    failure took to pass; `failing`: how long the one that stands lasts already."""

    project: str
    at: str
    mappings: tuple[MappingSignals, ...] = ()
    runs: Mapping[int, int] = field(default_factory=dict)
    time_to_recover: float | None = None
    failing: float | None = None
    last_success_age: float | None = None


def mapping_signals(name: str, ends: Both[tuple[str, str]], facts: Facts, now: str) -> MappingSignals:
    """`ends`: the name and the entity (`crm.account`) of each side."""
    tally = facts.tally if isinstance(facts.tally, dict) else {}
    sides = (_side(ends[0], facts, 0, tally), _side(ends[1], facts, 1, tally))
    return MappingSignals(
        name, sides, facts.links, _convergence(facts.sides), _error_rate(sides), _retry_rate(facts.measured),
        facts.open_reviews, age(facts.oldest_review, now), facts.open_dead, age(facts.oldest_dead, now),
        facts.last_run, facts.last_exit, age(facts.last_ended, now), age(facts.last_good, now),
    )  # fmt: skip


def age(since: str | None, now: str) -> float | None:
    """Never negative: the clocks of two hosts need not agree."""
    if since is None:
        return None
    return max(0.0, (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds())


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _side(end: tuple[str, str], facts: Facts, side: Side, tally: Mapping[str, Json]) -> SideSignals:
    name, entity = end
    known = facts.sides[side]
    buckets, actions = tally.get("buckets", {}).get(name, {}), tally.get("actions", {}).get(name, {})
    filled = {field: part / whole for field, (part, whole) in sorted(known.fields.items()) if whole}
    return SideSignals(
        name, entity, tally.get("read", {}).get(name), {each: int(buckets.get(each, 0)) for each in BUCKETS},
        {each: int(actions.get(each, 0)) for each in KINDS}, facts.measured[side],
        {each: known.buckets.get(each, 0) for each in BUCKETS}, filled,
        share(known.duplicates + known.merged, sum(known.buckets.values())),
    )  # fmt: skip


def _convergence(sides: Both[SideFacts]) -> float | None:
    same = sum(side.buckets.get(each, 0) for side in sides for each in ("unchanged", "applied"))
    scope = sum(number for side in sides for each, number in side.buckets.items() if each != "out_of_scope")
    return share(same, scope)


def _error_rate(sides: Both[SideSignals]) -> float | None:
    wrong = sum(side.buckets[each] for side in sides for each in _WRONG)
    return share(wrong, sum(side.read or 0 for side in sides))


_WRONG: Final[tuple[Bucket, ...]] = ("rejected", "failed")


def _retry_rate(measured: Both[Measured]) -> float | None:
    calls = sum(each.count for side in measured for each in side.calls.values())
    retries = sum(side.retries for side in measured)
    return None if not calls else min(1.0, retries / calls)


# As JSON ----------------------------------------------------------------------------------------------------------


def measured_json(measured: Measured) -> Json:
    calls = {kind: _calls_json(measured.calls[kind]) for kind in CALLS if kind in measured.calls}
    return {"calls": calls, "outcomes": dict(measured.outcomes), "retries": measured.retries}


def _calls_json(calls: Calls) -> Json:
    return {
        "count": calls.count, "failed": calls.failed, "records": calls.records,
        "seconds": number(calls.seconds), "longest": number(calls.longest),
    }  # fmt: skip


def measured_of(written: Json) -> Measured:
    """What `measured_json` has written; nothing, where it is none."""
    if not isinstance(written, dict):
        return Measured()
    calls = {kind: _calls_of(written["calls"][kind]) for kind in CALLS if kind in written["calls"]}
    return Measured(calls, {each: int(n) for each, n in written["outcomes"].items()}, int(written["retries"]))


def _calls_of(written: Mapping[str, Json]) -> Calls:
    count, failed, records = (int(written[each]) for each in ("count", "failed", "records"))
    return Calls(count, failed, records, float(written["seconds"]), float(written["longest"]))


def signals_json(signals: Signals) -> Json:
    """The whole of it; numbers that are not whole are decimals."""
    return {
        "project": signals.project,
        "at": signals.at,
        "runs": {str(code): signals.runs[code] for code in sorted(signals.runs)},
        "time_to_recover_seconds": number(signals.time_to_recover),
        "failing_seconds": number(signals.failing),
        "last_success_age_seconds": number(signals.last_success_age),
        "mappings": {each.name: _mapping_json(each) for each in signals.mappings},
    }


def _mapping_json(each: MappingSignals) -> Json:
    return {
        "links": each.links,
        "convergence": number(each.convergence),
        "error_rate": number(each.error_rate),
        "retry_rate": number(each.retry_rate),
        "open_reviews": each.open_reviews,
        "oldest_review_seconds": number(each.oldest_review),
        "open_dead_letters": each.open_dead_letters,
        "oldest_dead_letter_seconds": number(each.oldest_dead_letter),
        "last_run": each.last_run,
        "last_exit": each.last_exit,
        "last_run_age_seconds": number(each.last_run_age),
        "last_success_age_seconds": number(each.last_success_age),
        "sides": {each.sides[side].name: _side_json(each.sides[side]) for side in SIDES},
    }


def _side_json(side: SideSignals) -> Json:
    return {
        "entity": side.entity,
        "read": side.read,
        "buckets": dict(side.buckets),
        "actions": dict(side.actions),
        "known": dict(side.known),
        "completeness": {field: number(found) for field, found in side.completeness.items()},
        "duplicate_rate": number(side.duplicate_rate),
        **measured_json(side.measured),
    }


def number(given: float | None) -> Decimal | None:
    """A share or a time as it is written down."""
    if given is None:
        return None
    return Decimal(f"{given:.{PLACES}f}").normalize() + 0 if given else Decimal(0)
