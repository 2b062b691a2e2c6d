"""Do we and somebody else write this field by turns?

Somebody writes it back each time; or we ourselves write one value and another by turns, since what we read comes from
what another mapping of ours has written, or goes to and fro in its own system, run after run. A value that changes
every day because its source does is none of these: it was found as we had left it, and is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from crmsync.core.merge import same
from crmsync.core.model import REVERTED, Agreed, Change, Field, Json, Side

TURNS: Final = 3  # values by turns need as many: A, B, A
ONCE_MORE: Final = 1  # where nobody of ours is at work: who corrects a mistake at once writes A, B, A, too
NEWS: Final = ("owner-changed", "peer-changed", "merged")  # the source has changed it
FRESH: Final = ("decided", REVERTED)  # a person has spoken: what was before counts no more


class Wrote(NamedTuple):
    """One write of a field that was done."""

    run: str
    before: Json
    after: Json
    reason: str


class Ran(NamedTuple):
    """An earlier run of a mapping. `wrote`: it may have written to this side; `looked`: it came to its end, and has
    looked at all that had changed."""

    run: str
    wrote: bool
    looked: bool


@dataclass(frozen=True, slots=True)
class Swing:
    """Why a field is not written. `runs`: those that wrote it, oldest first; `stands`: what was found there now."""

    kind: Literal["written back", "by turns", "by itself"]
    runs: tuple[str, ...]
    stands: Json
    ours: Json


def written_back(field: Field, side: Side, change: Change, past: Sequence[Wrote], base: Agreed | None) -> Swing | None:
    """Would this change be one more of so many in a row that each found something else than the one before had left?
    `past`: the writes of the field on this side, newest first. What both sides may change is only swinging where one
    and the same value comes up each time; a set only where it is both found and left the same each time."""
    last = _recent(field, past)
    if last is None:
        return None
    left = base.values[side] if base is not None and base.to == side else last[0].after
    respelled = not same(left, last[0].after)  # by its system: of older writes nobody knows what was read back
    found = [not same(change.before, left), *(_was_found_changed(*two, respelled) for two in pairwise(last))]
    if not all(found) or not (field.owner != "shared" or _recurs(field, change, last)):
        return None
    return Swing("written back", _runs(last), change.before, change.after)


def by_turns(field: Field, change: Change, past: Sequence[Wrote]) -> Swing | None:
    """Would this change write A after B after A? Whether that is our own doing is for who knows the other mappings."""
    last = _recent(field, past, TURNS)
    return Swing("by turns", _runs(last), change.before, change.after) if last and _alternate(change, last) else None


def by_itself(field: Field, change: Change, past: Sequence[Wrote], ran: Sequence[Ran]) -> Swing | None:
    """Would it write B after A after B after A, because the source says so by turns, run after run? `ran`: the runs of
    the mapping, newest first; one that has left the field alone in between tells that nothing swings."""
    last = _recent(field, past, TURNS, ONCE_MORE)
    if change.reason not in NEWS or not last or not _alternate(change, last) or not _in_a_row(last, ran):
        return None
    return Swing("by itself", _runs(last), change.before, change.after)


def row(ran: Sequence[Ran]) -> Sequence[Ran]:
    """The last of these runs between which no run has looked at everything and written nothing."""
    end = next((number for number, each in enumerate(ran) if each.looked and not each.wrote), len(ran))
    return ran[:end]


def least_by_itself(field: Field) -> int:
    """As many writes must be there before one that `by_itself` holds; 0: it holds none."""
    return max(field.oscillation, TURNS) + ONCE_MORE - 1 if field.oscillation and is_watched(field) else 0


def is_watched(field: Field) -> bool:
    """May it be held at all? Counters and appended texts never are: each write adds to what it found."""
    return field.oscillation is not None and field.merge in (None, "set")


def _alternate(change: Change, last: Sequence[Wrote]) -> bool:
    values = [change.after, *(wrote.after for wrote in last)]
    return not same(values[0], values[1]) and all(map(same, values, values[2:]))


def _in_a_row(last: Sequence[Wrote], ran: Sequence[Ran]) -> bool:
    """Each run that looked at everything since the first of these writes has written the field."""
    theirs = {wrote.run for wrote in last}
    first = next((number for number, each in enumerate(ran) if each.run == last[-1].run), None)
    return first is not None and all(each.run in theirs for each in ran[:first] if each.looked)


def _recent(field: Field, past: Sequence[Wrote], least: int = 2, more: int = 0) -> Sequence[Wrote] | None:
    """As many writes as there must be before this one; None where there are less since a person has spoken."""
    if field.oscillation is None or not is_watched(field):
        return None
    needed = max(field.oscillation, least) + more - 1
    since = next((number for number, wrote in enumerate(past) if wrote.reason in FRESH), len(past))
    return past[:needed] if since >= needed else None


def _was_found_changed(newer: Wrote, older: Wrote, respelled: bool) -> bool:
    if respelled:
        return newer.reason == "foreign-edit"
    return not same(newer.before, older.after)


def _recurs(field: Field, change: Change, last: Sequence[Wrote]) -> bool:
    ours = all(same(change.after, wrote.after) for wrote in last)
    theirs = all(same(change.before, wrote.before) for wrote in last)
    return ours and theirs if field.merge else ours or theirs


def _runs(last: Sequence[Wrote]) -> tuple[str, ...]:
    return tuple(wrote.run for wrote in reversed(last))
