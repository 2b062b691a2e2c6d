"""What must be done so that both sides say the same?

One pair in, its actions, entries and bucket out. Nothing here reads, writes or remembers; the run asks for one pair
after the other, in any order, and the answer for a pair depends on nothing but the pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from crmsync.core.expression import get_path, plain_path
from crmsync.core.mapping import Compiled, Lifted, Seen, breaks, native
from crmsync.core.merge import Contested, Cross, Failed, Merged, Said, Settled, carry, merge, same
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Action,
    Adopt,
    Agreed,
    Archive,
    Base,
    Both,
    Bucket,
    Change,
    Create,
    Decision,
    Delete,
    Entry,
    Field,
    Finding,
    Hold,
    Json,
    Judgement,
    Key,
    Link,
    Mark,
    Pin,
    Side,
    Symbol,
    Update,
    as_key,
    other,
)
from crmsync.core.plan.pinned import pinned

Resolve: TypeAlias = Callable[[str, Side, Key], "Json | Symbol | Failed"]
"""The key on the other side of a record that another mapping links: (mapping, side in *this* mapping, key)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing as both sides know it now, plus its base: the unit of decision.

    `unlisted[side]`: a complete listing of that side did not have the linked record. `judged`: the link is new, and
    why. `unsure`: candidates that nobody has judged yet; while there is one, nothing is created.
    `frozen`: the record that is not there now was out of scope when it was last seen. `outside`: why the pair is out of
    scope whatever its records say. `pins`: its fields that wait for a person's answer, whatever their rules say.
    """

    seen: Both[Seen | None]
    link: Link | None = None
    judged: Judgement | None = None
    unsure: tuple[Judgement, ...] = ()
    unlisted: Both[bool] = (False, False)
    frozen: bool = False
    decisions: tuple[Decision, ...] = ()
    outside: str = ""
    pins: tuple[Pin, ...] = ()

    @property
    def keys(self) -> Both[Key | None]:
        if self.link:
            return self.link.keys
        return tuple(seen.record.ref.key if seen else None for seen in self.seen)  # type: ignore[return-value]  # two of two

    @property
    def base(self) -> Base:
        return self.link.base if self.link else {}


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of one pair. `rejected` are dead letters with the side whose record they wait for."""

    bucket: Bucket
    actions: tuple[Action, ...] = ()
    entries: tuple[Entry, ...] = ()
    rejected: tuple[tuple[Side, Finding], ...] = ()
    warned: tuple[Finding, ...] = ()
    reason: str = ""
    waits_for: str = ""


def decide(compiled: Compiled, pair: Pair, resolve: Resolve) -> Decided:
    """What one pair needs."""
    warned = tuple(finding for seen in pair.seen if seen for finding in seen.warned)
    decided = _decide(_Case(compiled, pair, resolve))
    if pair.link and pair.link.state == "missing" and not pair.outside and not _says_state(decided):
        decided = replace(decided, entries=(*decided.entries, *_marks(compiled.mapping.name, pair)))
    return replace(decided, warned=(*warned, *decided.warned))


def _says_state(decided: Decided) -> bool:
    return any(isinstance(each, Mark | Archive | Delete) for each in (*decided.entries, *decided.actions))


LEFT_SCOPE: Final = "left scope"  # why a record is archived whose counterpart is still there
GONE: Final = 2  # complete listings in a row without a record


def _missing(pair: Pair) -> Both[int]:
    """In how many complete listings in a row, this run's included, each record of a link did not appear."""
    assert pair.link is not None
    first, second = (min(pair.link.missing[side] + pair.unlisted[side], GONE) for side in SIDES)
    return 0 if pair.seen[0] else first, 0 if pair.seen[1] else second


def _marks(name: str, pair: Pair) -> tuple[Mark, ...]:
    """What there is to remember of these counts; a record that is there again is not missing any more."""
    missing = _missing(pair)
    if pair.link is None or missing == pair.link.missing:
        return ()
    return (Mark(name, pair.link.keys, "missing" if any(missing) else "live", missing),)


@dataclass(frozen=True, slots=True)
class _Case:
    compiled: Compiled
    pair: Pair
    resolve: Resolve

    @property
    def name(self) -> str:
        return self.compiled.mapping.name

    def crosses(self, index: int) -> Both[Cross]:
        field = self.compiled.mapping.fields[index]
        if field.link:
            return self._follow(field.link, 1), self._follow(field.link, 0)
        return self.compiled.cross[0][index], self.compiled.cross[1][index]

    def _follow(self, link: str, side: Side) -> Cross:
        def cross(value: Json) -> Json | Symbol | Failed:
            if value is None or value is ABSENT:
                return value
            return self.resolve(link, side, as_key(value))

        return cross


def _decide(case: _Case) -> Decided:
    if outside := case.pair.outside or next((seen.outside for seen in case.pair.seen if seen and seen.outside), ""):
        return Decided("out_of_scope", reason=outside)
    rejected = tuple((side, finding) for side in SIDES for finding in _rejections(case.pair.seen[side]))
    if rejected:
        return Decided("rejected", rejected=rejected, reason=rejected[0][1].message)
    alive = tuple(seen if seen and seen.lifted and not seen.lifted.gone else None for seen in case.pair.seen)
    match alive:
        case (Seen() as first, Seen() as second):
            return _both(case, (first, second))
        case (None, None):
            return _both_gone(case)
        case (Seen() as one, None) if case.pair.link:
            return _half(case, 0, one)
        case (None, Seen() as one) if case.pair.link:
            return _half(case, 1, one)
        case (Seen() as one, None):
            return _newcomer(case, 0, one)
        case (None, Seen() as one):
            return _newcomer(case, 1, one)
    raise AssertionError("a pair has two sides")


def _rejections(seen: Seen | None) -> tuple[Finding, ...]:
    return seen.rejected if seen else ()


def _lifted(seen: Seen) -> Lifted:
    assert seen.lifted is not None  # a record without is rejected, and came no further
    return seen.lifted


# Both are there ------------------------------------------------------------------------------------------


def _both(case: _Case, seen: Both[Seen]) -> Decided:
    outside = [side for side in SIDES if not _lifted(seen[side]).in_scope]
    if outside:
        return _left_scope(case, seen, outside)
    if holds := _held_checks(case, seen):
        return Decided("held", holds, reason=holds[0].message)
    merged = _merge_fields(case, seen)
    if (stopped := _stopped(case, merged)) is not None:
        return stopped
    updates, broken = _updates(case, seen, merged)
    if broken:
        return Decided("rejected", rejected=broken, reason=broken[0][1].message)
    holds = tuple(_holds(case, seen, merged))
    waits = [each for _, each in merged if isinstance(each, Failed) and each.bucket == "waiting"]
    bucket: Bucket = "held" if holds else "waiting" if waits else "applied" if updates else "unchanged"
    reason = holds[0].message if holds else waits[0].message if waits else ""
    parent = waits[0].parent if waits else ""
    return Decided(bucket, (*updates, *holds), tuple(_adoptions(case, merged)), reason=reason, waits_for=parent)


def _left_scope(case: _Case, seen: Both[Seen], outside: Sequence[Side]) -> Decided:
    """A linked pair out of scope is frozen: no write, no delete, link and base stay."""
    frozen = Decided("out_of_scope", entries=tuple(_new_link(case, {})), reason="out of scope")
    link, target = case.pair.link, other(outside[0])
    if case.compiled.mapping.on_leave_scope != "archive" or len(outside) == 2 or link is None or link.state == "gone":
        return frozen
    if not link.base or case.compiled.entities[target].archive is None:
        return frozen
    action = _archive(case, target, seen[target], LEFT_SCOPE)
    return Decided("applied", (action,), reason=LEFT_SCOPE)


def _held_checks(case: _Case, seen: Both[Seen | None]) -> tuple[Hold, ...]:
    return tuple(
        Hold(case.name, case.pair.keys, "check", finding.path, (None, None), (None, None), finding.message)
        for each in seen
        if each
        for finding in each.held
    )


def _merge_fields(case: _Case, seen: Both[Seen]) -> list[tuple[Field, Merged]]:
    lifted = (_lifted(seen[0]), _lifted(seen[1]))
    modified = (_seconds(seen[0].record.modified), _seconds(seen[1].record.modified))
    decisions = {decision.field: decision for decision in case.pair.decisions}
    merged: list[tuple[Field, Merged]] = []
    for i, field in enumerate(case.compiled.mapping.fields):
        if not (lifted[0].gates[i] and lifted[1].gates[i]):
            merged.append((field, Settled()))
            continue
        now = (lifted[0].natives[i], lifted[1].natives[i])
        base, decision = case.pair.base.get(field.name), decisions.get(field.name)
        said = Said(now, case.crosses(i), base, decision, modified)
        merged.append((field, pinned(case.pair.pins, field, said, merge(field, said))))
    return _together(merged)


def _seconds(modified: Json) -> float | None:
    """Seconds since the epoch of an ISO 8601 text with an offset; None for anything else."""
    if not isinstance(modified, str):
        return None
    try:
        moment = datetime.fromisoformat(modified)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _together(merged: list[tuple[Field, Merged]]) -> list[tuple[Field, Merged]]:
    """Fields of one group move together or not at all."""
    torn = {name for name in {field.group for field, _ in merged if field.group} if _is_torn(name, merged)}
    return [
        (field, Contested("conflict", f"group {field.group} cannot move as a whole"))
        if field.group in torn and isinstance(each, tuple)
        else (field, each)
        for field, each in merged
    ]


def _is_torn(group: str, merged: list[tuple[Field, Merged]]) -> bool:
    members = [each for field, each in merged if field.group == group]
    ways = {write.to for each in members if isinstance(each, tuple) for write in each}
    return len(ways) == 2 or (bool(ways) and any(isinstance(each, Contested | Failed) for each in members))


def _stopped(case: _Case, merged: list[tuple[Field, Merged]]) -> Decided | None:
    """A value that cannot cross stops the whole record; so does a parent out of scope."""
    failed = [(field, each) for field, each in merged if isinstance(each, Failed)]
    for _, each in failed:
        if each.bucket == "out_of_scope":
            entries = tuple(_new_link(case, {}))
            return Decided("out_of_scope", entries=entries, reason=each.message, waits_for=each.parent)
    rejected = tuple((each.side, _unfit(case, field, each)) for field, each in failed if each.bucket == "rejected")
    return Decided("rejected", rejected=rejected, reason=rejected[0][1].message) if rejected else None


def _unfit(case: _Case, field: Field, failed: Failed) -> Finding:
    key = case.pair.keys[failed.side]
    ref = case.compiled.ref(failed.side, key) if key is not None else None
    message = f"{field.name}: {failed.message}"
    return Finding(
        failed.rule, message, "mend the value at its source", at=field.at, ref=ref, path=_place(field, failed.side)
    )


def _place(field: Field, side: Side) -> str:
    place = field.paths[side]
    return ",".join(place) if isinstance(place, tuple) else place or ""


def _updates(
    case: _Case, seen: Both[Seen], merged: list[tuple[Field, Merged]]
) -> tuple[tuple[Update, ...], tuple[tuple[Side, Finding], ...]]:
    updates: list[Update] = []
    broken: list[tuple[Side, Finding]] = []
    for side in SIDES:
        changes = tuple(_changes(case, side, seen[side], merged))
        if not changes:
            continue
        record = seen[side].record
        found = breaks(case.compiled, side, record.data, changes, record.ref)
        broken += [
            (other(side), replace(finding, message=f"{record.ref} would break its contract: {finding.message}"))
            for finding in found
        ]
        updates.append(
            Update(case.name, side, record.ref.key, seen[other(side)].record.ref.key, changes, record.version)
        )
    return tuple(updates), tuple(broken)


def _changes(case: _Case, side: Side, seen: Seen, merged: list[tuple[Field, Merged]]) -> Iterator[Change]:
    for field, each in merged:
        if isinstance(each, tuple):
            target = case.compiled.targets[side][field.name]
            for write in each:
                if write.to == side:
                    before = native(target, seen.record.data)
                    yield Change(field.name, target.text, before, write.value, write.reason, write.agreed)


def _holds(case: _Case, seen: Both[Seen], merged: list[tuple[Field, Merged]]) -> Iterator[Hold]:
    nobody = (ABSENT, ABSENT)
    for i, (field, each) in enumerate(merged):
        if isinstance(each, Contested) or (isinstance(each, Failed) and each.bucket == "held"):
            kind = each.kind if isinstance(each, Contested) else "lookup"
            values = (_lifted(seen[0]).natives[i], _lifted(seen[1]).natives[i])
            base = case.pair.base[field.name].values if field.name in case.pair.base else nobody
            yield Hold(case.name, case.pair.keys, kind, field.name, values, base, f"{field.name}: {each.message}")


def _adoptions(case: _Case, merged: list[tuple[Field, Merged]]) -> Iterator[Entry]:
    base = {field.name: each.agreed for field, each in merged if isinstance(each, Settled) and each.agreed}
    link = case.pair.link
    if link and base and not case.pair.judged:
        yield Adopt(case.name, link.keys, base)
    yield from _new_link(case, base)


def _new_link(case: _Case, base: Base) -> Iterator[Adopt]:
    judged = case.pair.judged
    if judged:
        yield Adopt(case.name, judged.keys, base, (judged.score, judged.reason))


def _target(case: _Case, side: Side, seen: Seen) -> tuple[str, Side, Key, Key, str]:
    assert case.pair.link is not None
    return case.name, side, seen.record.ref.key, case.pair.link.keys[other(side)], seen.record.version


# One of two is gone ------------------------------------------------------------------------------------------


def _half(case: _Case, side: Side, seen: Seen) -> Decided:
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
        return Decided("waiting", entries=_marks(case.name, case.pair), reason=reason)
    return _after_delete(case, side, seen, Mark(case.name, link.keys, "gone", missing))


def _is_gone(pair: Pair, side: Side) -> bool:
    """A tombstone says so, or two complete listings in a row."""
    return pair.seen[side] is not None or _missing(pair)[side] == GONE


def _after_delete(case: _Case, side: Side, seen: Seen, gone: Mark) -> Decided:
    policy = case.compiled.mapping.delete[side]
    if not all(_lifted(each).in_scope for each in case.pair.seen if each):  # a tombstone may say so, too
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
        return Decided("held", (hold,), _marks(case.name, case.pair), reason=message)
    why = "gone on the other side"
    if policy == "archive":
        return Decided("applied", (_archive(case, side, seen, why, gone.missing),), reason="gone")
    return Decided("applied", (Delete(*_target(case, side, seen), why, gone.missing),), reason="gone")


def _archive(case: _Case, side: Side, seen: Seen, why: str, missing: Both[int] = (0, 0)) -> Archive:
    sets = case.compiled.entities[side].archive or {}
    before = tuple((path, get_path(seen.record.data, plain_path(path) or (path,))) for path in sets)
    return Archive(*_target(case, side, seen), why, missing, before)


def _edited(case: _Case, side: Side, seen: Seen) -> list[str]:
    """The fields that `side` changed since both sides last agreed; null is no change of a value that combines."""
    natives = _lifted(seen).natives
    return [
        field.name
        for field, value in zip(case.compiled.mapping.fields, natives, strict=True)
        if (base := case.pair.base.get(field.name))
        and not (field.merge and (value is None or value is ABSENT))
        and not same(value, base.values[side])
    ]


def _both_gone(case: _Case) -> Decided:
    link = case.pair.link
    if link is None:  # a tombstone that was never linked
        return Decided("out_of_scope", reason="deleted")
    if link.state == "gone":
        return Decided("unchanged", reason="gone on both sides")
    if not all(_is_gone(case.pair, side) for side in SIDES):
        return Decided("waiting", entries=_marks(case.name, case.pair), reason="missing from one complete listing")
    mark = Mark(case.name, link.keys, "gone", _missing(case.pair))
    return Decided("unchanged", entries=(mark,), reason="gone on both sides")


# Somebody new --------------------------------------------------------------------------------------------------


def _newcomer(case: _Case, side: Side, seen: Seen) -> Decided:
    """A record that nothing is linked to: create its counterpart, or leave it alone."""
    lifted = _lifted(seen)
    if not lifted.in_scope:
        return Decided("out_of_scope", reason="out of scope")
    if outside := _parent_outside(case, side, lifted):
        return Decided("out_of_scope", reason=outside.message, waits_for=outside.parent)
    if case.pair.unsure:
        return _unsure(case)
    if not lifted.creates:
        parent = _unlinked_parent(case, side, lifted)
        return Decided("unchanged", reason="no counterpart, and none may be created", waits_for=parent)
    if holds := _held_checks(case, case.pair.seen):
        return Decided("held", holds, reason=holds[0].message)
    return _create(case, side, seen, lifted)


def _parent_outside(case: _Case, side: Side, lifted: Lifted) -> Failed | None:
    for i, field in enumerate(case.compiled.mapping.fields):
        if field.link and field.paths[side] is not None:
            found = case.crosses(i)[other(side)](lifted.natives[i])
            if isinstance(found, Failed) and found.bucket == "out_of_scope":
                return found
    return None


def _unlinked_parent(case: _Case, side: Side, lifted: Lifted) -> str:
    """The parent within which alone it could be matched, and which is not linked yet; "" where there is none."""
    rule = case.compiled.mapping.match
    for i, field in enumerate(case.compiled.mapping.fields):
        if rule and field.name == rule.within and field.paths[side] is not None:
            found = case.crosses(i)[other(side)](lifted.natives[i])
            return found.parent if isinstance(found, Failed) else ""
    return ""


def _unsure(case: _Case) -> Decided:
    holds = tuple(
        Hold(
            case.name,
            each.keys,
            "match",
            "",
            (None, None),
            (None, None),
            f"may be the same ({each.score:.2f}): {each.reason}",
            each.score,
        )
        for each in case.pair.unsure
    )
    return Decided("held", holds, reason=holds[0].message)


def _create(case: _Case, source: Side, seen: Seen, lifted: Lifted) -> Decided:
    to = other(source)
    filled = [(field, _fill(case, i, source, lifted)) for i, field in enumerate(case.compiled.mapping.fields)]
    failed = [(field, each) for field, each in filled if isinstance(each, Failed)]
    if failed:
        return _not_created(case, source, failed)
    changes = tuple(each for _, each in filled if isinstance(each, Change))
    broken = breaks(case.compiled, to, None, changes, seen.record.ref)
    if broken:
        entity = case.compiled.entities[to].full_name
        findings = tuple(
            (source, replace(each, message=f"the new {entity} would break its contract: {each.message}"))
            for each in broken
        )
        return Decided("rejected", rejected=findings, reason=findings[0][1].message)
    told = {change.field for change in changes}
    untold = tuple(
        (field.name, lifted.natives[i])
        for i, field in enumerate(case.compiled.mapping.fields)
        if field.name not in told and field.owner == to and all(place is not None for place in field.paths)
    )
    return Decided("applied", (Create(case.name, to, seen.record.ref.key, changes, untold),), reason="created")


def _not_created(case: _Case, source: Side, failed: Sequence[tuple[Field, Failed]]) -> Decided:
    worst = min(failed, key=lambda each: ("rejected", "out_of_scope", "held", "waiting").index(each[1].bucket))
    field, why = worst
    message = f"{field.name}: {why.message}"
    match why.bucket:
        case "rejected":
            all_of = tuple(
                (source, _unfit(case, f, replace(e, side=source))) for f, e in failed if e.bucket == "rejected"
            )
            return Decided("rejected", rejected=all_of, reason=message)
        case "held":
            hold = Hold(case.name, case.pair.keys, "lookup", field.name, (None, None), (None, None), message)
            return Decided("held", (hold,), reason=message)
        case _:
            return Decided(why.bucket, reason=message, waits_for=why.parent)


def _fill(case: _Case, index: int, source: Side, lifted: Lifted) -> Change | Failed | None:
    """What a new record gets in one field, if anything."""
    field, to = case.compiled.mapping.fields[index], other(source)
    target = case.compiled.targets[to][field.name]
    if not target.paths:
        return None
    value = lifted.natives[index]
    want, is_default = first_said(field, case.crosses(index)[to], source, value if lifted.gates[index] else ABSENT)
    if want is ABSENT:
        return None
    if isinstance(want, Failed):
        return want
    reason = "seeded" if field.owner == to else "created" if field.value is ABSENT else "constant"
    return _change(field, target.text, source, value, want, "default" if is_default else reason)


def first_said(field: Field, cross: Cross, source: Side, value: Json) -> tuple[Json | Failed, bool]:
    """What a record that is not there yet gets in a field, ABSENT for nothing; and whether that is the default. `value`
    is what the source says, ABSENT also behind a closed gate."""
    want, default = _first_value(field, cross, source, value), field.default[other(source)]
    if (want is ABSENT or want is None) and default is not ABSENT:
        return default, True
    return (ABSENT if want is None and field.on_null == "keep" else want), False


def _first_value(field: Field, cross: Cross, source: Side, value: Json) -> Json | Failed:
    """What the source has to say to a record that is not there yet; ABSENT where the field is none of its business."""
    if value is ABSENT or field.owner is None or (field.owner == other(source) and field.seed != source):
        return ABSENT
    return carry(cross, value) if field.merge else cross(value)


def _change(field: Field, path: str, source: Side, value: Json, want: Json, reason: str) -> Change:
    to = other(source)
    values = (value, want) if source == 0 else (want, value)
    return Change(field.name, path, ABSENT, want, reason, Agreed(values, to, want, filled=reason == "default"))
