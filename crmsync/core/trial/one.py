"""What becomes of one record on its way to the other side, and does it hold what must hold?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from crmsync.core.mapping import Seen
from crmsync.core.model import ABSENT, Agreed, Base, Json, Link, Side
from crmsync.core.plan import Pair
from crmsync.core.trial.again import Round
from crmsync.core.trial.back import returns
from crmsync.core.trial.records import settled, without
from crmsync.core.trial.way import KEYS, Failure, Refusal, Trial, Way, cut

_BEFORE: Final = "\u0000before"  # what a side said that says something else now


def try_one(way: Way, record: Json, beside: Json) -> Trial:
    """A new record, and the same one linked with `beside` (ABSENT: with none)."""
    seen = way.records.seen(record, KEYS[way.source])
    if not way.records.judge.accepts(record):
        return Trial(failures=(_disagree(way, way.source),))
    if seen.rejected or seen.lifted is None:
        return _refused(seen)
    if not settled(seen):
        return Trial()
    tried = [returns(way, seen)]
    if seen.lifted.creates:
        tried.append(Round(way, _pair(way, seen, None), {way.source: record, way.target: {}}).trial())
    partner = None if beside is ABSENT else way.others.seen(beside, KEYS[way.target])
    if partner is not None and settled(partner):
        pair = _pair(way, seen, without(partner, way.quiet))
        tried.append(Round(way, pair, {way.source: record, way.target: beside}).trial())
    refused = tuple(dict.fromkeys(why for each in tried for why in each.refused))
    return Trial(refused, tuple(failure for each in tried for failure in each.failures))


def _disagree(way: Way, side: Side) -> Failure:
    end = way.compiled.mapping.ends[side]
    message = f"the two validators do not agree on a record of {end.contract}"
    return Failure("test/validators", "", None, message, "this is a fault of crmsync, or of a validator: report it")


def _refused(seen: Seen) -> Trial:
    """By a check, or since an expression cannot read what the contract allows."""
    fatal = [each for each in seen.rejected if each.rule == "expression/fails"]
    if not fatal:
        refusals = [Refusal(f"{each.path}: {each.message}", each.at) for each in seen.rejected]
        return Trial(tuple(dict.fromkeys(refusals)), stopped=True)
    mend = "let the expression take what the contract allows, such as null: (x || '')"
    return Trial(failures=(Failure("test/expression", "", None, f"an expression fails: {fatal[0].message}", mend),))


def _pair(way: Way, seen: Seen, partner: Seen | None) -> Pair:
    if partner is None:
        return Pair((seen, None) if way.source == 0 else (None, seen))
    both = (seen, partner) if way.source == 0 else (partner, seen)
    return Pair(both, Link(KEYS, _base(way, partner), id=1))


def _base(way: Way, partner: Seen) -> Base:
    """The other side says what it said; the source has changed everything."""
    assert partner.lifted is not None
    base = {}
    for at, each in enumerate(way.compiled.mapping.fields):
        if not each.merge and each.owner in (way.source, "shared"):
            there = partner.lifted.natives[at]
            base[each.name] = Agreed((_BEFORE, there) if way.source == 0 else (there, _BEFORE))
    return base


# Smaller ------------------------------------------------------------------------------------------------------------


def shrunk(way: Way, failure: Failure, record: Json, beside: Json) -> Failure:
    """With the smallest records that still show the same."""

    def shows(one: Json, two: Json) -> Failure | None:
        return next((each for each in try_one(way, one, two).failures if each.fault == failure.fault), None)

    record = way.records.smallest(record, lambda each: shows(each, beside) is not None)
    if beside is not ABSENT and shows(record, ABSENT):
        beside = ABSENT
    elif beside is not ABSENT:
        beside = way.others.smallest(beside, lambda each: shows(record, each) is not None)
    found = shows(record, beside) or failure
    message = f"{found.message}; such as {_shown(way, record, beside)}"
    return replace(found, message=message, record=record, beside=beside)


def _shown(way: Way, record: Json, beside: Json) -> str:
    ends = way.compiled.mapping.ends
    linked = f", linked with {ends[way.target].name} {cut(beside)}" if beside is not ABSENT else ""
    return f"{ends[way.source].name} {cut(record)}{linked}"
