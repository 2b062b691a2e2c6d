"""What must be done about a record that nothing is linked to?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmsync.core.mapping import Lifted, Seen, breaks
from crmsync.core.merge import Cross, Failed, carry
from crmsync.core.model import ABSENT, Agreed, Change, Create, Field, Hold, Json, Side, other
from crmsync.core.plan.case import Case, held_checks, lifted_of, unfit, would_break
from crmsync.core.plan.pair import Decided


def newcomer(case: Case, side: Side, seen: Seen) -> Decided:
    """A record that nothing is linked to: create its counterpart, or leave it alone."""
    lifted = lifted_of(seen)
    if not lifted.in_scope:
        return Decided("out_of_scope", reason="out of scope")
    if outside := _parent_outside(case, side, lifted):
        return Decided("out_of_scope", reason=outside.message, waits_for=outside.parent)
    if case.pair.unsure:
        return _unsure(case)
    if not lifted.creates:
        parent = _unlinked_parent(case, side, lifted)
        return Decided("unchanged", reason="no counterpart, and none may be created", waits_for=parent)
    if holds := held_checks(case, case.pair.seen):
        return Decided("held", holds, reason=holds[0].message)
    return _create(case, side, seen, lifted)


def _parent_outside(case: Case, side: Side, lifted: Lifted) -> Failed | None:
    for i, field in enumerate(case.compiled.mapping.fields):
        if field.link and field.paths[side] is not None:
            found = case.crosses(i)[other(side)](lifted.natives[i])
            if isinstance(found, Failed) and found.bucket == "out_of_scope":
                return found
    return None


def _unlinked_parent(case: Case, side: Side, lifted: Lifted) -> str:
    """The parent within which alone it could be matched, and which is not linked yet; "" where there is none."""
    rule = case.compiled.mapping.match
    for i, field in enumerate(case.compiled.mapping.fields):
        if rule and field.name == rule.within and field.paths[side] is not None:
            found = case.crosses(i)[other(side)](lifted.natives[i])
            return found.parent if isinstance(found, Failed) else ""
    return ""


def _unsure(case: Case) -> Decided:
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
            each.against,
        )
        for each in case.pair.unsure
    )
    return Decided("held", holds, reason=holds[0].message)


def _create(case: Case, source: Side, seen: Seen, lifted: Lifted) -> Decided:
    to = other(source)
    filled = [(field, _fill(case, i, source, lifted)) for i, field in enumerate(case.compiled.mapping.fields)]
    failed = [(field, each) for field, each in filled if isinstance(each, Failed)]
    if failed:
        return _not_created(case, source, failed)
    changes = tuple(each for _, each in filled if isinstance(each, Change))
    broken = breaks(case.compiled, to, None, changes, seen.record.ref)
    if broken:
        entity = case.compiled.entities[to].full_name
        findings = tuple((source, would_break(f"the new {entity}", each)) for each in broken)
        return Decided("rejected", rejected=findings, reason=findings[0][1].message)
    told = {change.field for change in changes}
    untold = tuple(
        (field.name, lifted.natives[i])
        for i, field in enumerate(case.compiled.mapping.fields)
        if field.name not in told and field.owner in (to, "shared") and all(place is not None for place in field.paths)
    )
    return Decided("applied", (Create(case.name, to, seen.record.ref.key, changes, untold),), reason="created")


def _not_created(case: Case, source: Side, failed: Sequence[tuple[Field, Failed]]) -> Decided:
    worst = min(failed, key=lambda each: ("rejected", "out_of_scope", "held", "waiting").index(each[1].bucket))
    field, why = worst
    message = f"{field.name}: {why.message}"
    match why.bucket:
        case "rejected":
            all_of = tuple(
                (source, unfit(case, f, replace(e, side=source))) for f, e in failed if e.bucket == "rejected"
            )
            return Decided("rejected", rejected=all_of, reason=message)
        case "held":
            hold = Hold(case.name, case.pair.keys, "lookup", field.name, (None, None), (None, None), message)
            return Decided("held", (hold,), reason=message)
        case _:
            return Decided(why.bucket, reason=message, waits_for=why.parent)


def _fill(case: Case, index: int, source: Side, lifted: Lifted) -> Change | Failed | None:
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
