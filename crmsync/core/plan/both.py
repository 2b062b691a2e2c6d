"""What must be done where both records of a pair are there?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crmsync.core.mapping import Seen, breaks, native
from crmsync.core.merge import Contested, Failed, Merged, Said, Settled, merge
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Adopt,
    Base,
    Both,
    Bucket,
    Change,
    Entry,
    Field,
    Finding,
    Hold,
    Json,
    Side,
    Update,
    other,
)
from crmsync.core.plan.case import Case, held_checks, lifted_of, unfit, would_break
from crmsync.core.plan.gone import archive
from crmsync.core.plan.pair import LEFT_SCOPE, Decided
from crmsync.core.plan.pinned import moving, pinned


def both(case: Case, seen: Both[Seen]) -> Decided:
    outside = [side for side in SIDES if not lifted_of(seen[side]).in_scope]
    if outside:
        return _left_scope(case, seen, outside)
    if holds := held_checks(case, seen):
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


def _left_scope(case: Case, seen: Both[Seen], outside: Sequence[Side]) -> Decided:
    """A linked pair out of scope is frozen: no write, no delete, link and base stay."""
    frozen = Decided("out_of_scope", entries=tuple(_new_link(case, {})), reason="out of scope")
    link, target = case.pair.link, other(outside[0])
    if case.compiled.mapping.on_leave_scope != "archive" or len(outside) == 2 or link is None or link.state == "gone":
        return frozen
    if not link.base or case.compiled.entities[target].archive is None:
        return frozen
    action = archive(case, target, seen[target], LEFT_SCOPE)
    return Decided("applied", (action,), reason=LEFT_SCOPE)


def _merge_fields(case: Case, seen: Both[Seen]) -> list[tuple[Field, Merged]]:
    spoken, pins = list(_spoken(case, seen)), case.pair.pins
    if pins:
        pins, spoken = moving(pins, spoken)
    return _together(
        [(field, pinned(pins, field, said, merge(field, said)) if said else Settled()) for field, said in spoken]
    )


def _spoken(case: Case, seen: Both[Seen]) -> Iterator[tuple[Field, Said | None]]:
    """Each field with what both sides say; None where its gate is closed."""
    lifted = (lifted_of(seen[0]), lifted_of(seen[1]))
    modified = (_seconds(seen[0].record.modified), _seconds(seen[1].record.modified))
    decisions = {decision.field: decision for decision in case.pair.decisions}
    for i, field in enumerate(case.compiled.mapping.fields):
        if not (lifted[0].gates[i] and lifted[1].gates[i]):
            yield field, None
            continue
        now = (lifted[0].natives[i], lifted[1].natives[i])
        yield field, Said(now, case.crosses(i), case.pair.base.get(field.name), decisions.get(field.name), modified)


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


def _stopped(case: Case, merged: list[tuple[Field, Merged]]) -> Decided | None:
    """A value that cannot cross stops the whole record; so does a parent out of scope."""
    failed = [(field, each) for field, each in merged if isinstance(each, Failed)]
    for _, each in failed:
        if each.bucket == "out_of_scope":
            entries = tuple(_new_link(case, {}))
            return Decided("out_of_scope", entries=entries, reason=each.message, waits_for=each.parent)
    rejected = tuple((each.side, unfit(case, field, each)) for field, each in failed if each.bucket == "rejected")
    return Decided("rejected", rejected=rejected, reason=rejected[0][1].message) if rejected else None


def _updates(
    case: Case, seen: Both[Seen], merged: list[tuple[Field, Merged]]
) -> tuple[tuple[Update, ...], tuple[tuple[Side, Finding], ...]]:
    updates: list[Update] = []
    broken: list[tuple[Side, Finding]] = []
    for side in SIDES:
        changes = tuple(_changes(case, side, seen[side], merged))
        if not changes:
            continue
        record = seen[side].record
        found = breaks(case.compiled, side, record.data, changes, record.ref)
        broken += [(other(side), would_break(str(record.ref), finding)) for finding in found]
        updates.append(
            Update(case.name, side, record.ref.key, seen[other(side)].record.ref.key, changes, record.version)
        )
    return tuple(updates), tuple(broken)


def _changes(case: Case, side: Side, seen: Seen, merged: list[tuple[Field, Merged]]) -> Iterator[Change]:
    for field, each in merged:
        if isinstance(each, tuple):
            target = case.compiled.targets[side][field.name]
            for write in each:
                if write.to == side:
                    before = native(target, seen.record.data)
                    yield Change(field.name, target.text, before, write.value, write.reason, write.agreed)


def _holds(case: Case, seen: Both[Seen], merged: list[tuple[Field, Merged]]) -> Iterator[Hold]:
    nobody = (ABSENT, ABSENT)
    for i, (field, each) in enumerate(merged):
        if isinstance(each, Contested) or (isinstance(each, Failed) and each.bucket == "held"):
            kind = each.kind if isinstance(each, Contested) else "lookup"
            values = (lifted_of(seen[0]).natives[i], lifted_of(seen[1]).natives[i])
            base = case.pair.base[field.name].values if field.name in case.pair.base else nobody
            yield Hold(case.name, case.pair.keys, kind, field.name, values, base, f"{field.name}: {each.message}")


def _adoptions(case: Case, merged: list[tuple[Field, Merged]]) -> Iterator[Entry]:
    base = {field.name: each.agreed for field, each in merged if isinstance(each, Settled) and each.agreed}
    link = case.pair.link
    if link and base and not case.pair.judged:
        yield Adopt(case.name, link.keys, base)
    yield from _new_link(case, base)


def _new_link(case: Case, base: Base) -> Iterator[Adopt]:
    judged = case.pair.judged
    if judged:
        yield Adopt(case.name, judged.keys, base, (judged.score, judged.reason))
