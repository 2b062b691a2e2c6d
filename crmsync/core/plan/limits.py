"""Is this plan bigger than anyone wanted? Computed from the plan, before the first write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from shlex import quote
from statistics import median
from typing import Final, TypeAlias

from crmsync.core.model import KINDS, SIDES, Both, Finding, Kind, Limit, Side, other
from crmsync.core.model import Mapping as Declared

FLOOR: Final = 20  # a percentage of fewer live links than this says nothing
EMPTIED: Final = 5  # fewer values that vanish at once may well have been taken away by people
RUNS: Final = 5  # the median of fewer runs than this says nothing
SHARE: Final = Decimal("0.2")  # of the live links: as many are nothing unusual, whatever the median
COUNTED: Final[Mapping[Kind, tuple[Kind, ...]]] = {"delete": ("archive", "delete")}  # either way, a record goes
FIRST: Final = ("create", "update")  # what a first load does to everything, and may when it is asked to
FIRST_LOAD: Final = "crmsync run --first-load, or "
RIGHTS: Final = "check the rights of the account that reads it"

Allow: TypeAlias = Mapping[str, int]
"""What a person has allowed for one plan, by name: a kind, `missing`, `errors`, `conflicts`, or `field:NAME`."""


@dataclass(frozen=True, slots=True)
class Read:
    """What only reading can tell, and a plan file therefore keeps.

    `missing[side]`: links whose record a complete listing of that side did not have. `told[side]`: by field, how many
    linked records gave that side a value of it when they last agreed, and could give one now. `able[side]`: how many
    linked records of that side a change could come to; None where more than change in any field. `rejected[side]`: of
    `records[side]` that were looked at, so many are rejected. `conflicts`: pairs in which a person must choose a side.
    """

    missing: Both[int] = (0, 0)
    told: Both[Mapping[str, int]] = ({}, {})
    able: Both[int | None] = (None, None)
    rejected: Both[int] = (0, 0)
    conflicts: int = 0
    records: Both[int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a plan would write in one mapping: by side and kind, beside the links that are live.

    By side and field: `fields` are records in which it changes, `linked` those of them that were linked before this
    run, `emptied` those whose counterpart had a value and says null now. `usual`: what each recent run did.
    """

    actions: Both[Mapping[Kind, int]]
    live_links: int
    loaded: bool = True  # False until a first whole run has ended: a first load may need more than one
    fields: Both[Mapping[str, int]] = ({}, {})
    linked: Both[Mapping[str, int]] = ({}, {})
    emptied: Both[Mapping[str, int]] = ({}, {})
    read: Read = Read()
    usual: Both[Sequence[Mapping[Kind, int]]] = ((), ())


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that trips: the plan would pass it if a person allowed `number` of what is named `allow`.

    `doubt`: what it says is meant, once it is clear that the account may read all; `first`: a first load may do so.
    """

    allow: str
    number: int
    finding: Finding
    doubt: str = ""
    first: bool = False


def refuse(
    mapping: Declared, counts: Counts, *, first_load: bool = False, allow: Allow | None = None
) -> tuple[Trip, ...]:
    """The breakers that trip, all of them."""
    allowed = allow or {}
    found = _trips((_Scale(mapping, counts, 0), _Scale(mapping, counts, 1)), first_load and not counts.loaded)
    return tuple(trip for trip in found if trip.number > allowed.get(trip.allow, 0))


def worded(trips: Sequence[Trip], file: str = "") -> tuple[Finding, ...]:
    """What people are told. All have one mend, whose command allows all that the plan needs: it may be typed as it is,
    where the plan is in `file`."""
    needed: dict[str, int] = {}
    for trip in trips:
        needed[trip.allow] = max(trip.number, needed.get(trip.allow, 0))
    allow = " ".join(f"--allow {quote(f'{name}={number}')}" for name, number in sorted(needed.items()))
    look = "look at it" if file else "look at the plan (crmsync plan -o plan.json)"
    apply = f"crmsync apply {quote(file or 'plan.json')} {allow}"
    doubt = next((f"{RIGHTS}; if {trip.doubt}, " for trip in trips if trip.doubt), "")
    instead = FIRST_LOAD if trips and all(trip.first for trip in trips) else ""
    return tuple(replace(trip.finding, mend=f"{doubt}{look}, then: {instead}{apply}") for trip in trips)


@dataclass(frozen=True, slots=True)
class _Scale:
    """One side of a mapping, and what would be written there."""

    mapping: Declared
    counts: Counts
    side: Side

    @property
    def live(self) -> int:
        return self.counts.live_links

    @property
    def here(self) -> str:
        return self.place(self.side)

    def place(self, side: Side) -> str:
        end = self.mapping.ends[side]
        return f"{end.system}.{end.entity}"

    def most(self, limit: Limit, records: int = 0) -> int:
        """The greatest number that passes; a percentage is of the live links, or of `records` if these are more."""
        if limit.count is not None:
            return limit.count
        return int((limit.percent or Decimal(0)) * max(self.live, records, FLOOR) / 100)

    def more_than(self, limit: Limit, name: str) -> str:
        return f"more than the {self.most(limit)} that limits.{name} allows ({self.live} live links)"

    def trip(self, rule: str, allow: str, number: int, what: str, doubt: str = "", *, first: bool = False) -> Trip:
        message = f"{self.mapping.name}: {what}; nothing was written"
        return Trip(allow, number, Finding(rule, message, at=self.mapping.at), doubt, first)


def _trips(scales: Both[_Scale], first: bool) -> Iterator[Trip]:
    for kind in KINDS:
        if not (kind in FIRST and first):
            yield from (trip for scale in scales for trip in _kind(scale, kind))
    for breaker in (_every_record, _unreadable, _missing, *(() if first else (_fields, _unusual))):
        yield from (trip for scale in scales for trip in breaker(scale))
    yield from (trip for scale in scales for trip in _errors(scale))
    yield from _conflicts(scales[0])


def _kind(scale: _Scale, kind: Kind) -> Iterator[Trip]:
    limit = scale.mapping.limits.kinds.get(kind)
    number = sum(scale.counts.actions[scale.side].get(each, 0) for each in COUNTED.get(kind, (kind,)))
    if limit is not None and number > scale.most(limit):
        what = f"{number} {kind}s in {scale.here}, {scale.more_than(limit, kind)}"
        yield scale.trip(f"limits/{kind}", kind, number, what, first=kind in FIRST and not scale.counts.loaded)


def _fields(scale: _Scale) -> Iterator[Trip]:
    for name, limit in sorted(scale.mapping.limits.fields.items()):
        number = scale.counts.fields[scale.side].get(name, 0)
        if number > scale.most(limit):
            what = f"{name} would change in {number} records of {scale.here}"
            more = scale.more_than(limit, f"fields.{name}")
            yield scale.trip("limits/fields", f"field:{name}", number, f"{what}, {more}")


def _every_record(scale: _Scale) -> Iterator[Trip]:
    """A mistake in a mapping or in a system mostly changes one field of everything."""
    able = scale.counts.read.able[scale.side]
    if not scale.counts.loaded or able is None or able < FLOOR:
        return
    for name, number in sorted(scale.counts.linked[scale.side].items()):
        if number >= able:
            what = f"{name} would change in every record of {scale.here} that it could change in, all {number}"
            allow = max(number, scale.counts.fields[scale.side].get(name, 0))
            yield scale.trip("limits/every-record", f"field:{name}", allow, what)


def _unreadable(scale: _Scale) -> Iterator[Trip]:
    """Who may not read a field is often told null: no reason to empty it everywhere else."""
    counts, side, source = scale.counts, scale.side, scale.place(other(scale.side))
    for name, number in sorted(counts.emptied[side].items()):
        if number >= EMPTIED and number >= counts.read.told[side].get(name, 0):
            what = f"{name} is null now in every record of {source} that had a value, all {number} of them"
            allow = max(number, counts.fields[side].get(name, 0))
            yield scale.trip("limits/unreadable", f"field:{name}", allow, what, "the values are really gone")


def _missing(scale: _Scale) -> Iterator[Trip]:
    number, limit = scale.counts.read.missing[scale.side], scale.mapping.limits.missing
    if number > scale.most(limit):
        what = f"{number} of {scale.live} linked records are not in the listing of {scale.here}"
        more = f"more than the {scale.most(limit)} that limits.missing allows"
        yield scale.trip("limits/missing", "missing", number, f"{what}, {more}", "they are really gone")


def _errors(scale: _Scale) -> Iterator[Trip]:
    """A contract or a check that refuses so many is rather wrong itself, or its system is."""
    limit, number = scale.mapping.limits.errors, scale.counts.read.rejected[scale.side]
    if limit is not None and number > (most := scale.most(limit, scale.counts.read.records[scale.side])):
        what = f"{number} records of {scale.here} are rejected, more than the {most} that limits.errors allows"
        yield scale.trip("limits/errors", "errors", number, what)


def _conflicts(scale: _Scale) -> Iterator[Trip]:
    limit, number = scale.mapping.limits.conflicts, scale.counts.read.conflicts
    if limit is not None and number > (most := scale.most(limit, max(scale.counts.read.records))):
        both = " and ".join(scale.place(side) for side in SIDES)
        what = f"{number} pairs of {both} are in conflict, more than the {most} that limits.conflicts allows"
        yield scale.trip("limits/conflicts", "conflicts", number, what)


def _unusual(scale: _Scale) -> Iterator[Trip]:
    times, runs = scale.mapping.limits.unusual, scale.counts.usual[scale.side]
    if times is None or len(runs) < RUNS:
        return
    for kind in KINDS:
        number = scale.counts.actions[scale.side].get(kind, 0)
        usual = Decimal(median(run.get(kind, 0) for run in runs))
        most = int(max(times * usual, Decimal(FLOOR), SHARE * scale.live))
        if number > most:
            usually = f"the median of the last {len(runs)} runs is {usual}"
            more = f"more than the {most} that are not unusual here ({usually}; limits.unusual: {times})"
            yield scale.trip("limits/unusual", kind, number, f"{number} {kind}s in {scale.here}, {more}")
