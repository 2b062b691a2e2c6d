"""What must be done where a record of a linked pair is not there any more?"""

from __future__ import annotations

from crmsync.core.expression import get_path, plain_path
from crmsync.core.mapping import Seen
from crmsync.core.merge import same
from crmsync.core.model import ABSENT, SIDES, Archive, Both, Delete, Hold, Key, Mark, Side, other
from crmsync.core.plan.case import Case, lifted_of
from crmsync.core.plan.pair import GONE, Decided, Pair


def half(case: Case, side: Side, seen: Seen) -> Decided:
    """Only `side` still has its record of a linked pair."""
    link = case.pair.link
    assert link is not None
    if case.pair.frozen:
        return Decided("out_of_scope", reason="out of scope when its counterpart was last seen")
    absent = other(side)
    if link.state == "gone":
        return Decided("unchanged", reason="its counterpart is gone")
    missing = _missing(case.pair)
    if not _is_gone(case.pair, absent):
        listings = "one complete listing" if missing[absent] else "its system; a complete listing will tell"
        reason = f"its counterpart is missing from {listings}"
        return Decided("waiting", entries=marks(case.name, case.pair), reason=reason)
    return _after_delete(case, side, seen, Mark(case.name, link.keys, "gone", missing))


def both_gone(case: Case) -> Decided:
    link = case.pair.link
    if link is None:  # a tombstone that was never linked
        return Decided("out_of_scope", reason="deleted")
    if link.state == "gone":
        return Decided("unchanged", reason="gone on both sides")
    if not all(_is_gone(case.pair, side) for side in SIDES):
        return Decided("waiting", entries=marks(case.name, case.pair), reason="missing from one complete listing")
    mark = Mark(case.name, link.keys, "gone", _missing(case.pair))
    return Decided("unchanged", entries=(mark,), reason="gone on both sides")


def _is_gone(pair: Pair, side: Side) -> bool:
    """A tombstone says so, or two complete listings in a row."""
    return pair.seen[side] is not None or _missing(pair)[side] == GONE


def _missing(pair: Pair) -> Both[int]:
    """In how many complete listings in a row, this run's included, each record of a link did not appear."""
    assert pair.link is not None
    first, second = (min(pair.link.missing[side] + pair.unlisted[side], GONE) for side in SIDES)
    return 0 if pair.seen[0] else first, 0 if pair.seen[1] else second


def marks(name: str, pair: Pair) -> tuple[Mark, ...]:
    """What there is to remember of these counts; a record that is there again is not missing any more."""
    missing = _missing(pair)
    if pair.link is None or missing == pair.link.missing:
        return ()
    return (Mark(name, pair.link.keys, "missing" if any(missing) else "live", missing),)


def _after_delete(case: Case, side: Side, seen: Seen, gone: Mark) -> Decided:
    policy = case.compiled.mapping.delete[side]
    if not all(lifted_of(each).in_scope for each in case.pair.seen if each):  # a tombstone may say so, too
        return Decided("out_of_scope", reason="out of scope")
    if policy == "ignore":
        return Decided("unchanged", entries=(gone,), reason="its counterpart is gone")
    version = seen.record.version  # an answer is about the record as it was then
    values = (version, None) if side == 0 else (None, version)
    answer = next((each.take for each in case.pair.decisions if not each.field and each.seen == values), None)
    if answer == side:  # a person wants to keep what is still there
        return Decided("unchanged", entries=(gone,), reason="kept by decision")
    if (edited := _edited(case, side, seen)) and answer != other(side):
        message = f"gone on the other side, and {', '.join(edited)} changed here since"
        hold = Hold(case.name, gone.keys, "delete", "", values, (None, None), message)
        return Decided("held", (hold,), marks(case.name, case.pair), reason=message)
    why = "gone on the other side"
    if policy == "archive":
        return Decided("applied", (archive(case, side, seen, why, gone.missing),), reason="gone")
    return Decided("applied", (Delete(*_target(case, side, seen), why, gone.missing),), reason="gone")


def _edited(case: Case, side: Side, seen: Seen) -> list[str]:
    """The fields that `side` changed since both sides last agreed; null is no change of a value that combines."""
    natives = lifted_of(seen).natives
    return [
        field.name
        for field, value in zip(case.compiled.mapping.fields, natives, strict=True)
        if (base := case.pair.base.get(field.name))
        and not (field.merge and (value is None or value is ABSENT))
        and not same(value, base.values[side])
    ]


def archive(case: Case, side: Side, seen: Seen, why: str, missing: Both[int] = (0, 0)) -> Archive:
    sets = case.compiled.entities[side].archive or {}
    before = tuple((path, get_path(seen.record.data, plain_path(path) or (path,))) for path in sets)
    return Archive(*_target(case, side, seen), why, missing, before)


def _target(case: Case, side: Side, seen: Seen) -> tuple[str, Side, Key, Key, str]:
    assert case.pair.link is not None
    return case.name, side, seen.record.ref.key, case.pair.link.keys[other(side)], seen.record.version
