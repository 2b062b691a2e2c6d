"""What do both sides say now, and what follows for one field?

`base` is what both sides said when they last agreed. A side that still says it did not change; a side that does not,
did. Every function looks at one field of one pair; nothing here knows records, mappings or systems.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation, localcontext
from typing import Final, Literal, TypeAlias

from crmsync.core.model import ABSENT, SIDES, Agreed, Both, Decision, Field, Json, Side, Symbol, other, to_json

HUGE: Final = Context(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])  # no number of data overflows or loses digits
NEWEST_MARGIN: Final = 2.0  # seconds: closer than this, nobody knows which edit was the last


@dataclass(frozen=True, slots=True)
class Failed:
    """A value that could not cross to the other side: its record is rejected, held, waits for its parent or follows
    its parent out of scope."""

    bucket: Literal["rejected", "held", "waiting", "out_of_scope"]
    rule: str
    message: str
    side: Side = 0  # whose value it is
    parent: str = ""


Cross: TypeAlias = Callable[[Json], "Json | Failed"]
"""Takes a native value of one side to the other side's terms. It never gets ABSENT."""


@dataclass(frozen=True, slots=True)
class Write:
    to: Side
    value: Json
    reason: str
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to write; `agreed` is the base to remember from now on (None: as it is)."""

    agreed: Agreed | None = None


@dataclass(frozen=True, slots=True)
class Contested:
    kind: str
    message: str


Merged: TypeAlias = Settled | tuple[Write, ...] | Contested | Failed


@dataclass(frozen=True, slots=True)
class Said:
    """What both sides say about one field now, and all that is needed to judge it.

    `cross[side]` takes a value *to* that side. `modified` are seconds since the epoch, None where unknown.
    """

    now: Both[Json]
    cross: Both[Cross]
    base: Agreed | None = None
    decision: Decision | None = None
    modified: Both[float | None] = (None, None)


def merge(field: Field, said: Said) -> Merged:
    """Judge one field of a linked pair."""
    if field.owner is None:  # filled on create only
        return Settled()
    if said.decision and _all_same(said.decision.seen, said.now):
        return _decided(field, said, said.decision)
    if field.owner != "shared":
        return _owned(field, said, field.owner)
    return _combined(field, said) if field.merge else _shared(field, said)


# One owner -------------------------------------------------------------------------------------------


def _want(said: Said, owner: Side) -> Json | Failed:
    """What the owner wants the other side to say; ABSENT where it says nothing."""
    return said.cross[other(owner)](said.now[owner]) if _speaks(said, owner) else ABSENT


def _speaks(said: Said, side: Side) -> bool:
    """Absent says nothing; nor does null where a default was filled in for it."""
    value, base = said.now[side], said.base
    if base is not None and base.filled and side != base.to and (value is None or same(value, base.values[side])):
        return False
    return value is not ABSENT


def _owned(field: Field, said: Said, owner: Side) -> Merged:
    to, base = other(owner), said.base
    want = _want(said, owner)
    if isinstance(want, Failed):
        return want
    if want is ABSENT or (want is None and field.on_null == "keep"):
        return Settled()
    agreed = Agreed(said.now, to, want)
    if agree(field, want, said.now[to]):
        return _settled(agreed, base)
    return _later_owned(field, owner, agreed, base) if base else _first_owned(field, owner, agreed)


def _first_owned(field: Field, owner: Side, agreed: Agreed) -> Merged:
    to, want = other(owner), agreed.sent
    if is_empty(want) and is_empty(agreed.values[to]):  # null here, "" there: nothing worth a write
        return Settled(agreed)
    unsaid = is_empty(want) or is_empty(agreed.values[owner])
    if unsaid and not is_empty(agreed.values[to]) and field.on_first_link == "hold":
        return Contested("first-link", "the owner is empty and the other side is filled (first-link/empty-owner)")
    return (_write(to, want, "first-link", agreed),)


def _later_owned(field: Field, owner: Side, agreed: Agreed, base: Agreed) -> Merged:
    to, want = other(owner), agreed.sent
    edited = not same(agreed.values[owner], base.values[owner])
    moved = _moved(want, to, base, edited)
    foreign = not same(agreed.values[to], base.values[to])
    match edited and moved, foreign, field.on_foreign_edit:
        case True, False, _:
            return (_write(to, want, "owner-changed", agreed),)
        case True, True, "revert" | "keep":  # no lone edit: the owner spoke after it, or with it
            return (_write(to, want, "owner-changed", agreed),)
        case False, False, _:
            if moved:
                return (_write(to, want, "mapping-changed", agreed),)
            return Settled() if base.filled else _settled(agreed, base)  # a default stays known as one
        case False, True, "revert":
            return (_write(to, want, "foreign-edit", agreed),)
        case False, True, "keep":
            return Settled(agreed)
    return Contested("foreign-edit", "changed on the side that does not own it")


def _moved(want: Json, to: Side, base: Agreed, edited: bool) -> bool:
    """Is `want`, which the receiver does not say, something new?"""
    if base.to is None or base.owed == to:  # they agreed by themselves, and would still; or it never got there
        return True
    if base.to == to:
        return not same(want, base.sent)
    return edited  # what was sent went the other way (a seed): all that differs is how its receiver spells it


# Shared ----------------------------------------------------------------------------------------------


def _shared(field: Field, said: Said) -> Merged:
    base = said.base
    if base is None:
        return _first_shared(field, said)
    match _changed(field, said, base, 0), _changed(field, said, base, 1):
        case False, False:
            return _unchanged(field, said, base)
        case True, False:
            return _send(field, said, 1, "peer-changed")
        case False, True:
            return _send(field, said, 0, "peer-changed")
    if _agreeing(field, said):
        return _settled(Agreed(said.now), base)
    return _conflict(field, said, "both sides changed it", "peer-changed")


def _heard(field: Field, said: Said, side: Side) -> bool:
    """Does this side say anything that may change the other?"""
    return _speaks(said, side) and not (said.now[side] is None and field.on_null == "keep")


def _changed(field: Field, said: Said, base: Agreed, side: Side) -> bool:
    """Does this side say what the other has not heard yet?"""
    return _heard(field, said, side) and (base.owed == other(side) or not same(said.now[side], base.values[side]))


def _agreeing(field: Field, said: Said) -> bool:
    """Equal in either side's terms."""
    for side in SIDES:
        want = said.cross[side](said.now[other(side)]) if _heard(field, said, other(side)) else ABSENT
        if want is not ABSENT and not isinstance(want, Failed) and agree(field, want, said.now[side]):
            return True
    return False


def _first_shared(field: Field, said: Said) -> Merged:
    empty = is_empty(said.now[0]), is_empty(said.now[1])
    if all(empty) or _agreeing(field, said):
        return Settled(Agreed(said.now))
    match empty:
        case True, False:
            return _send(field, said, 0, "first-link")
        case False, True:
            return _send(field, said, 1, "first-link")
    return _conflict(field, said, "both sides are filled and differ", "first-link")


def _unchanged(field: Field, said: Said, base: Agreed) -> Merged:
    """Nobody edited. If they differ, the receiver has its own spelling, or the mapping says it otherwise now."""
    if base.to is None:
        return _still_agreed(field, said, base)
    if base.filled or not _heard(field, said, other(base.to)):
        return Settled()
    if base.sent is ABSENT:  # a person gave both sides their value
        return Settled()
    want = said.cross[base.to](said.now[other(base.to)])
    return Settled() if same(want, base.sent) else _send(field, said, base.to, "mapping-changed")


def _still_agreed(field: Field, said: Said, base: Agreed) -> Merged:
    silent = not all(_heard(field, said, side) for side in SIDES)
    if silent or all(map(is_empty, said.now)) or _agreeing(field, said):
        return Settled()
    return _conflict(field, said, "the mapping changed, and the two sides no longer agree", "mapping-changed")


def _conflict(field: Field, said: Said, message: str, reason: str) -> Merged:
    winner = _newest(said.modified) if field.on_conflict == "newest" else field.on_conflict
    if winner == "review" or winner is None or (field.merge and _is_null(said.now[winner])):
        return Contested("conflict", message)
    return _send(field, said, other(winner), reason)


def _newest(modified: Both[float | None]) -> Side | None:
    first, second = modified
    if first is None or second is None or abs(first - second) <= NEWEST_MARGIN:
        return None
    return 0 if first > second else 1


def _send(field: Field, said: Said, to: Side, reason: str) -> Merged:
    """What the other side says goes to `to`, unless `to` says it already, in its own terms."""
    want = _cross(field, said, to, said.now[other(to)])
    if isinstance(want, Failed):
        return want
    agreed = Agreed(said.now, to, want)
    return _settled(agreed, said.base) if agree(field, want, said.now[to]) else (_write(to, want, reason, agreed),)


def _cross(field: Field, said: Said, to: Side, value: Json) -> Json | Failed:
    return carry(said.cross[to], value) if field.merge else said.cross[to](value)


# Values that combine -----------------------------------------------------------------------------------
#
# Each side gets what the other side added to or took from its own base. So what one side cannot hold, or spells in
# its own way, stays as it is on the other. All of it is judged in the terms of one side, `home`.

Combined: TypeAlias = tuple[Json] | None
"""The merged value in home's terms, or None where a person must decide."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What both sides say, in home's terms. `past` is None where there is nothing to count from."""

    home: Side
    now: Both[Json]
    past: Past | None


@dataclass(frozen=True, slots=True)
class Past:
    """What both sides said in the base; `stand` is what they would have said, had every write reached its side."""

    old: Both[Json]
    stand: Both[Json]


def _combined(field: Field, said: Said) -> Merged:
    kind, base = field.merge or "set", said.base
    if base is not None and base.owed is None and not any(_edited(kind, said, base, side) for side in SIDES):
        return Settled()
    parts = _parts(kind, said)
    if isinstance(parts, Failed):
        return parts
    if base and not parts.past:  # nothing to count from: as good as no base
        return _combined(field, replace(said, base=None))
    merged = _later(kind, parts.now, parts.past) if parts.past else _first(kind, parts.now)
    if merged is None:
        return _conflict(field, said, NO_MERGE[kind], "merged")
    if parts.past and base and base.owed is None and _all_alike(kind, parts.now, parts.past.old):
        return Settled()  # only the order or the spelling is another
    return _spread(kind, said, parts, merged)


def _edited(kind: str, said: Said, base: Agreed, side: Side) -> bool:
    """Null and absent are no change of a value that combines."""
    return not _is_null(said.now[side]) and not _alike(kind, said.now[side], base.values[side])


def _is_null(value: Json) -> bool:
    return value is None or value is ABSENT


def _stands(said: Said, side: Side) -> Json:
    """The native value of a side; where it is null now, the one in the base still stands."""
    value, base = said.now[side], said.base
    return base.values[side] if base is not None and _is_null(value) else value


def _parts(kind: str, said: Said) -> Parts | Failed:
    fitting = [side for side in SIDES if _misfit(kind, [_stands(said, side)]) is None]
    home = fitting[0] if fitting else 0
    now = _lifted(said, home, (_stands(said, 0), _stands(said, 1)))
    if isinstance(now, Failed):
        return now
    return _misfitting(kind, home, now) or Parts(home, now, _past(kind, said, home, now))


def _misfitting(kind: str, home: Side, now: Both[Json]) -> Failed | None:
    told = {side: now[side] for side in SIDES if now[side] is not None}
    for side, value in told.items():
        if problem := _misfit(kind, [value]):
            return replace(problem, side=side)
    problem = _misfit(kind, [*told.values()])  # each would do, but not together
    return replace(problem, side=other(home)) if problem else None


def _past(kind: str, said: Said, home: Side, now: Both[Json]) -> Past | None:
    """A base that holds nothing to count from, or what no longer fits, is none."""
    base = said.base
    if base is None:
        return None
    sent = base.values if base.owed is None else _put(base.values, base.owed, base.sent)
    old, stand = _lifted(said, home, base.values), _lifted(said, home, sent)
    if isinstance(old, Failed) or isinstance(stand, Failed):
        return None
    return None if _misfit(kind, [*old, *stand, *now]) else Past(old, stand)


def _from_nothing(values: Both[Json]) -> Both[Json]:
    """A default stays where it was put: the other side of it begins with [], 0 or ""."""
    first, second = values
    return (type(second)() if first is None else first, type(first)() if second is None else second)


def _lifted(said: Said, home: Side, values: Both[Json]) -> Both[Json] | Failed:
    """Native values in home's terms, null where nothing is said."""
    away = other(home)
    crossed = None if _is_null(values[away]) else carry(said.cross[home], values[away])
    if isinstance(crossed, Failed):
        return crossed
    own = None if _is_null(values[home]) else values[home]
    both = (own, crossed) if home == 0 else (crossed, own)
    return _from_nothing(both) if said.base and said.base.filled else both


def carry(cross: Cross, value: Json) -> Json | Failed:
    """A value that combines, in the other side's terms: a list element by element, unless the chain makes something
    else of the whole, one text for example."""
    if not isinstance(value, list):
        return cross(value)
    crossed = [cross(element) for element in value]
    failed = next((element for element in crossed if isinstance(element, Failed)), None)
    if failed is None:
        return crossed
    whole = cross(value)
    return failed if isinstance(whole, Failed | list) else whole


def _misfit(kind: str, values: Sequence[Json]) -> Failed | None:
    wanted, types = COMBINES[kind]
    fitting = next((one for one in types if all(isinstance(value, one) for value in values)), None)
    if fitting is None or any(isinstance(value, bool) for value in values):
        return Failed("rejected", "merge/type", f"merge: {kind} needs {wanted} on both sides")
    return None


COMBINES: Final[dict[str, tuple[str, tuple[type | tuple[type, ...], ...]]]] = {
    "set": ("a list", (list,)),
    "counter": ("a number", ((int, Decimal),)),
    "append": ("text or a list", (str, list)),
}
NO_MERGE: Final = {
    "counter": "the two sides hold different numbers and nothing in common to count from",
    "append": "both sides must begin with what they had in common",
}


def _first(kind: str, now: Both[Json]) -> Both[Json] | None:
    """Nothing in common yet: a set is united; others are equal, or one side says nothing."""
    first, second = now
    if kind == "set":
        merged = _union(first or [], second or [])
        return merged, merged
    if first is None or second is None or same(first, second):
        merged = second if first is None else first
        return merged, merged
    return None


def _later(kind: str, now: Both[Json], past: Past) -> Both[Json] | None:
    first, second = (LATER[kind](now, past.old, stand) for stand in past.stand)
    return None if first is None or second is None else (first[0], second[0])


def _later_set(now: Both[Json], old: Both[Json], stand: Json) -> Combined:
    added = _minus(now[0], old[0]) + _minus(now[1], old[1])
    removed = _minus(old[0], now[0]) + _minus(old[1], now[1])
    return (_union(_minus(stand, removed), added),)


def _later_counter(now: Both[Json], old: Both[Json], stand: Json) -> Combined:
    with localcontext(HUGE):
        return (stand + (now[0] - old[0]) + (now[1] - old[1]),)


def _later_append(now: Both[Json], old: Both[Json], stand: Json) -> Combined:
    merged = stand
    for side in SIDES:
        begin = len(old[side])
        if not same(now[side][:begin], old[side]):
            return None
        merged = merged + now[side][begin:]
    return (merged,)


LATER: Final[dict[str, Callable[[Both[Json], Both[Json], Json], Combined]]] = {
    "set": _later_set,
    "counter": _later_counter,
    "append": _later_append,
}


def _spread(kind: str, said: Said, parts: Parts, merged: Both[Json]) -> Merged:
    """Write to each side what it does not say yet."""
    values, wanted = (_stands(said, 0), _stands(said, 1)), [*said.now]
    todo = [side for side in SIDES if not _alike(kind, parts.now[side], merged[side])]
    for side in todo:
        value = wanted[side] = _lowered(kind, said, parts, side, merged[side])
        if isinstance(value, Failed):
            return value
    match todo:
        case []:
            return _settled(Agreed(values), said.base)
        case [side]:
            return (_write(side, wanted[side], "merged", Agreed(values, side, wanted[side])),)
    return _both(values, (wanted[0], wanted[1]), "merged")


def _alike(kind: str, have: Json, merged: Json) -> bool:
    if have is None:
        return is_empty(merged)
    if kind == "set" and isinstance(have, list) and isinstance(merged, list):
        return set(map(_frozen, have)) == set(map(_frozen, merged))
    return same(have, merged)


def _all_alike(kind: str, first: Both[Json], second: Both[Json]) -> bool:
    return _alike(kind, first[0], second[0]) and _alike(kind, first[1], second[1])


def _lowered(kind: str, said: Said, parts: Parts, side: Side, merged: Json) -> Json | Failed:
    """A merged value in the terms of `side`; elements that a set has there keep their own spelling and place."""
    native = _stands(said, side)
    if kind == "set":
        merged = sorted(merged, key=to_json)  # the order of reading never shows
        if isinstance(native, list):
            return _patched(said, parts, side, merged)
    if side == parts.home:
        return merged
    whole = not _is_null(native) and not isinstance(native, list)
    return said.cross[side](merged) if whole else carry(said.cross[side], merged)


def _patched(said: Said, parts: Parts, side: Side, merged: Json) -> Json | Failed:
    kept = set(map(_frozen, merged))
    stay = [own for own, value in zip(_stands(said, side), parts.now[side], strict=True) if _frozen(value) in kept]
    come = _minus(merged, parts.now[side])
    crossed = come if side == parts.home else carry(said.cross[side], come)
    return crossed if isinstance(crossed, Failed) else stay + crossed


def _union(first: Sequence[Json], second: Sequence[Json]) -> list[Json]:
    return list({_frozen(value): value for value in (*second, *first)}.values())


def _minus(first: Sequence[Json], second: Sequence[Json]) -> list[Json]:
    gone = set(map(_frozen, second))
    return [value for value in first if _frozen(value) not in gone]


def _frozen(value: Json) -> object:
    """Hashable, and equal where the values are the `same`."""
    match value:
        case bool():
            return ("bool", value)
        case list():
            return ("list", tuple(map(_frozen, value)))
        case dict():
            return ("dict", frozenset((name, _frozen(inner)) for name, inner in value.items()))
    return value


# A person's answer ---------------------------------------------------------------------------------------


def _decided(field: Field, said: Said, decision: Decision) -> Merged:
    if field.owner == 0 or field.owner == 1:
        return _decided_owned(said, field.owner, decision)
    if decision.take == "value":
        return _decided_value(field, said, decision.value)
    if said.now[decision.take] is ABSENT:  # nothing to take: let both stay as they are
        return _settled(Agreed(said.now), said.base)
    return _send(field, said, other(decision.take), "decided")


def _decided_owned(said: Said, owner: Side, decision: Decision) -> Merged:
    """The other side gets the owner's value or the person's, or keeps what it has. Nothing goes to the owner."""
    to, want = other(owner), _want(said, owner)
    if isinstance(want, Failed):  # held for an answer, and the answer is: let the other side be
        return Settled() if decision.take == to and want.bucket == "held" else want
    if want is ABSENT:
        return Settled()
    if decision.take == "value":
        return _exception(said, to, decision.value)
    agreed = Agreed(said.now, to, want)
    if decision.take == to or same(want, said.now[to]):
        return _settled(agreed, said.base)
    return (_write(to, want, "decided", agreed),)


def _exception(said: Said, to: Side, value: Json) -> Merged:
    """The value a person gave instead of the owner's stays until the owner speaks again."""
    want = value if to == 0 else said.cross[to](value)
    if isinstance(want, Failed):
        return want
    agreed = Agreed(said.now, other(to), ABSENT)
    return _settled(agreed, said.base) if same(want, said.now[to]) else (_write(to, want, "decided", agreed),)


def _decided_value(field: Field, said: Said, value: Json) -> Merged:
    """The value a person gave, in side 0's terms, goes to both sides."""
    second = _cross(field, said, 1, value)
    if isinstance(second, Failed):
        return second
    match same(value, said.now[0]), same(second, said.now[1]):
        case True, True:
            return _settled(Agreed(said.now), said.base)
        case False, True:
            return (_write(0, value, "decided", Agreed(said.now, 1, ABSENT)),)
        case True, False:
            return (_write(1, second, "decided", Agreed(said.now, 0, ABSENT)),)
    return _both(said.now, (value, second), "decided")


# Equality ------------------------------------------------------------------------------------------------


def same(first: Json, second: Json) -> bool:
    """Equal as JSON values: 5 = 5.00, but true is not 1, null is not absent, and a text is never a number."""
    if first is second:
        return True
    if isinstance(first, bool) or isinstance(second, bool):
        return False
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[name]) for name, value in first.items())
    return bool(first == second)


def agree(field: Field, want: Json, have: Json) -> bool:
    """Does the receiver already say `want`, within the field's tolerance?"""
    if same(want, have):
        return True
    if field.equal_within is None or isinstance(want, Symbol):
        return False
    first, second = _number(want), _number(have)
    if first is None or second is None:
        return False
    with localcontext(HUGE):
        return abs(first - second) <= field.equal_within


def leads_back(field: Field, way: tuple[Json, Json, Json, Json], *, respells: bool) -> bool:
    """`way`: a value, what it became on the other side, what came back of that, and what became of it there again. It
    comes back as it was; or it arrives again as it did, where the chain loses nothing but spelling (`respells`), or the
    field says whose value counts, or how much does not."""
    value, there, back, again = way
    if agree(field, back, value):
        return True
    is_settled = field.owner != "shared" or field.merge is not None or field.equal_within is not None
    return (is_settled or respells) and agree(field, again, there)


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def is_empty(value: Json) -> bool:
    """Absent, null, "" and [] hold nothing that could be lost; 0 and false do."""
    return value is ABSENT or value is None or value == "" or value == [] or value == {}


def _all_same(first: Both[Json], second: Both[Json]) -> bool:
    return same(first[0], second[0]) and same(first[1], second[1])


def _settled(agreed: Agreed, base: Agreed | None) -> Settled:
    """Remember what is agreed, unless the base says it already."""
    if base is None or base.owed is not None or base.filled or not _all_same(agreed.values, base.values):
        return Settled(agreed)
    return Settled() if base.to != agreed.to or same(base.sent, agreed.sent) else Settled(agreed)


# Writes --------------------------------------------------------------------------------------------------


def _both(values: Both[Json], wanted: Both[Json], reason: str) -> tuple[Write, Write]:
    """One value for both sides. Either write may fail alone: each leads to a base that owes the other side what `sent`
    holds."""
    first, second = (Agreed(values, side, wanted[side], owed=side) for side in SIDES)
    return _write(0, wanted[0], reason, second), _write(1, wanted[1], reason, first)


def _write(to: Side, value: Json, reason: str, agreed: Agreed) -> Write:
    return Write(to, value, reason, agreed._replace(values=_put(agreed.values, to, value)))


def _put(values: Both[Json], side: Side, value: Json) -> Both[Json]:
    return (value, values[1]) if side == 0 else (values[0], value)


def left_to_itself(value: Json, side: Side, found: Json) -> Agreed:
    """The base of a field that a new record on `side` was not told: `value` is what its source says, `found` what it
    filled in by itself, which is no edit, and never flows back. Where both say the same nothing, nothing was filled
    in."""
    values = (value, found) if side == 1 else (found, value)
    return Agreed(values, filled=not (is_empty(value) and same(value, found)))


def confirm(agreed: Agreed, side: Side, found: Json, half: Agreed | None) -> Agreed:
    """The base after a write to `side`, when the target was read back and says `found`.

    `half` is the base that the same plan's write of this field to the other side led to, None where there was no such
    write or it did not take effect. Without it a second half would be taken for a lone one, and a counter count twice.
    """
    if half is not None and half.owed == side and agreed.owed is not None:  # now both are done
        return half._replace(values=_put(half.values, side, found), sent=ABSENT, owed=None)
    return agreed._replace(values=_put(agreed.values, side, found))
