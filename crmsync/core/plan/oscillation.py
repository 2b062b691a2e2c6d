"""Do we and somebody else write this field by turns?

Somebody writes it back each time; or we ourselves write one value and another by turns, since what we read comes from
what another mapping of ours has written. A value that changes every day because its source does is neither: it was
found as we had left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from crmsync.core.merge import same
from crmsync.core.model import REVERTED, Agreed, Change, Field, Json, Side

TURNS: Final = 3  # values by turns need as many: A, B, A
FRESH: Final = ("decided", REVERTED)  # a person has spoken: what was before counts no more


class Wrote(NamedTuple):
    """One write of a field that was done."""

    run: str
    before: Json
    after: Json
    reason: str


@dataclass(frozen=True, slots=True)
class Swing:
    """Why a field is not written. `runs`: those that wrote it, oldest first; `stands`: what was found there now."""

    kind: Literal["written back", "by turns"]
    runs: tuple[str, ...]
    stands: Json
    ours: Json


def written_back(field: Field, side: Side, change: Change, past: Sequence[Wrote], base: Agreed | None) -> Swing | None:
    """Would this change be one more of so many in a row that each found something else than the one before had left?
    `past`: the writes of the field on this side, newest first. What both sides may change is only swinging where one
    and the same value comes up each time. Values that combine never are: each write adds to what it found."""
    last = _recent(field, past)
    if field.merge or field.oscillation is None or last is None:
        return None
    left = base.values[side] if base is not None and base.to == side else last[0].after
    respelled = not same(left, last[0].after)  # by its system: of older writes nobody knows what was read back
    found = [not same(change.before, left), *(_was_found_changed(*two, respelled) for two in pairwise(last))]
    if not all(found) or not (field.owner != "shared" or _recurs(change, last)):
        return None
    return Swing("written back", _runs(last), change.before, change.after)


def by_turns(field: Field, change: Change, past: Sequence[Wrote]) -> Swing | None:
    """Would this change write A after B after A? Whether that is our own doing is for who knows the other mappings."""
    last = _recent(field, past, TURNS)
    if field.merge or last is None:
        return None
    values = [change.after, *(wrote.after for wrote in last)]
    swings = all(same(one, two) for one, two in zip(values, values[2:], strict=False))
    if not swings or same(values[0], values[1]):
        return None
    return Swing("by turns", _runs(last), change.before, change.after)


def _recent(field: Field, past: Sequence[Wrote], least: int = 2) -> Sequence[Wrote] | None:
    """As many writes as there must be before this one; None where there are less since a person has spoken."""
    if field.oscillation is None:
        return None
    needed = max(field.oscillation, least) - 1
    since = next((number for number, wrote in enumerate(past) if wrote.reason in FRESH), len(past))
    return past[:needed] if since >= needed else None


def _was_found_changed(newer: Wrote, older: Wrote, respelled: bool) -> bool:
    if respelled:
        return newer.reason == "foreign-edit"
    return not same(newer.before, older.after)


def _recurs(change: Change, last: Sequence[Wrote]) -> bool:
    ours = all(same(change.after, wrote.after) for wrote in last)
    return ours or all(same(change.before, wrote.before) for wrote in last)


def _runs(last: Sequence[Wrote]) -> tuple[str, ...]:
    return tuple(wrote.run for wrote in reversed(last))
