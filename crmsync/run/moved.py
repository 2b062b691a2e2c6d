"""Which lines of an older plan are about records that have moved since?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from crmsync.connectors.base import fetch
from crmsync.core.expression import EvaluationError
from crmsync.core.mapping import Compiled
from crmsync.core.merge import same
from crmsync.core.model import (
    FORGOTTEN,
    REVERTED,
    SIDES,
    UNKNOWN_OUTCOME,
    Adopt,
    Archive,
    Both,
    Change,
    Create,
    Delete,
    Finding,
    Hold,
    Json,
    Key,
    Link,
    Mark,
    Ref,
    Restore,
    Side,
    Update,
    key_text,
    other,
)
from crmsync.core.model import Mapping as Declared
from crmsync.core.plan.lines import Line
from crmsync.core.plan.pair import LEFT_SCOPE
from crmsync.ledger.spool import PlannedLink, Spool
from crmsync.run.prepared import records_of
from crmsync.run.world import World

MEND = "make a new plan: crmsync plan -o FILE; or leave out what has moved: crmsync apply FILE --on-drift skip"
ASKED = "answer what is asked about it first: crmsync review list --kind unknown-outcome"
WRITTEN_BEFORE = ("merged", "decided")  # reasons whose other value is written by a line of the same plan


@dataclass(frozen=True, slots=True)
class _Now:
    """A record as it is now, and what it says by field (nothing, where it cannot be understood any more)."""

    version: str
    says: Mapping[str, Json]
    gone: bool = False
    in_scope: bool = False
    creates: bool = False


@dataclass(frozen=True, slots=True)
class _Present:
    """What is there now, of the pairs of some lines."""

    compiled: Compiled
    records: Both[dict[Key, _Now]]
    links: Both[dict[Key, Link]]
    planned: Mapping[Key, PlannedLink]  # by the key on side 0
    unanswered: Both[frozenset[Key]]  # for which something was sent since, and nobody knows what became of it

    def linked(self, keys: Both[Key], *, though_gone: bool = False) -> bool:
        """They are, or a line of the same plan links them first. `though_gone`: or they were, until one was deleted."""
        link, planned = self.links[0].get(keys[0]), self.planned.get(keys[0])
        if link is not None:
            return link.keys == keys and (though_gone or link.state != "gone")
        return planned is not None and planned.keys == keys

    def ref(self, side: Side, key: Key) -> Ref:
        return self.compiled.ref(side, key)


def drifted(world: World, spool: Spool, mapping: Declared, lines: Sequence[Line]) -> dict[int, Finding]:
    """By place in `lines`, why that line must not be done any more. A finding names fields, never their values. The
    spool has the links that earlier lines will make."""
    keys: Both[set[Key]] = (set(), set())
    for line in lines:
        for side, key in records_of(line):
            keys[side].add(key)
    present = _look(world, spool, mapping, keys)
    found = ((number, _moved(present, line)) for number, line in enumerate(lines))
    return {number: finding for number, finding in found if finding}


def _look(world: World, spool: Spool, mapping: Declared, keys: Both[set[Key]]) -> _Present:
    ledger, sorted_keys = world.ledger, (sorted(keys[0], key=key_text), sorted(keys[1], key=key_text))
    return _Present(
        world.compile(mapping),
        (_records(world, mapping, 0, sorted_keys[0]), _records(world, mapping, 1, sorted_keys[1])),
        (ledger.links(mapping.name, 0, sorted_keys[0]), ledger.links(mapping.name, 1, sorted_keys[1])),
        spool.planned(mapping.name, 0, sorted_keys[0]),
        (_unanswered(world, mapping, 0, sorted_keys[0]), _unanswered(world, mapping, 1, sorted_keys[1])),
    )


def _unanswered(world: World, mapping: Declared, side: Side, keys: Sequence[Key]) -> frozenset[Key]:
    found = world.ledger.reviews_about(mapping.name, side, keys)
    return frozenset(key for key, reviews in found.items() if any(each.kind == UNKNOWN_OUTCOME for each in reviews))


def _records(world: World, mapping: Declared, side: Side, keys: Sequence[Key]) -> dict[Key, _Now]:
    door, compiled = world.door(mapping, side), world.compile(mapping)
    names = [field.name for field in mapping.fields]
    merged = world.ledger.survivors(mapping.name, side, keys)
    found = {}
    for raw in fetch(door, keys):
        found[raw.key] = _Now(raw.version, {})
        if not raw.fault:
            with suppress(EvaluationError):
                lifted = compiled.lift[side](door.decode(raw.body))
                says = dict(zip(names, lifted.natives, strict=True))
                in_scope = lifted.in_scope and raw.key not in merged
                found[raw.key] = _Now(raw.version, says, lifted.gone, in_scope, lifted.creates)
    return found


# Line by line -------------------------------------------------------------------------------------------------


def _moved(present: _Present, line: Line) -> Finding | None:
    match line:
        case Create():
            return _create(present, line)
        case Update() | Archive() | Delete() | Restore():
            return _write(present, line)
        case Adopt(keys=keys, judged=judged) if judged:
            taken = [side for side in SIDES if _has_link(present, side, keys[side])]
            return _finding(present.ref(taken[0], keys[taken[0]]), "was linked") if taken else _adopt(present, line)
        case Mark(keys=keys, state="gone") if all(_is_well(present, side, keys[side]) for side in SIDES):
            return _finding(present.ref(0, keys[0]), "is there again")
        case Adopt(keys=keys) | Mark(keys=keys):
            return None if present.linked(keys) else _finding(present.ref(0, keys[0]), "lost its link")
        case Hold():
            return None


def _create(present: _Present, line: Create) -> Finding | None:
    source = other(line.side)
    ref = present.ref(source, line.source)
    if _has_link(present, source, line.source):
        return _finding(ref, "got a counterpart")
    if line.source in present.unanswered[source]:
        return Finding("plan/drift", "its counterpart may have been made since the plan was made", ASKED, ref=ref)
    now = present.records[source].get(line.source)
    if now and now.says and (now.gone or not (now.in_scope and now.creates)):
        return _finding(ref, "was deleted" if now.gone else "is to have no counterpart any more")
    return _told(ref, present.records[source].get(line.source), line.changes, source)


def _is_well(present: _Present, side: Side, key: Key) -> bool:
    now = present.records[side].get(key)
    return now is not None and now.in_scope and not now.gone


def _has_link(present: _Present, side: Side, key: Key) -> bool:
    link = present.links[side].get(key)
    return link is not None and link.state != "gone"


def _write(present: _Present, line: Update | Archive | Delete | Restore) -> Finding | None:
    ref, now = present.ref(line.side, line.key), present.records[line.side].get(line.key)
    keys = (line.key, line.source) if line.side == 0 else (line.source, line.key)
    if now is None:
        return _finding(ref, "is gone")
    changes = line.changes if isinstance(line, Update) else ()
    if now.version != line.expect:
        fields = [each.field for each in changes if not same(now.says.get(each.field), each.before)]
        return _finding(ref, f"changed in {', '.join(fields)}" if fields else "changed in a field that is not written")
    if _takes_back(line):  # what it writes is the past of this one record, whatever the other one says now
        return None
    # A plan that forgets takes both records of a pair away: where its run died between them, the other one still goes.
    if not present.linked(keys, though_gone=not isinstance(line, Update) and line.reason == FORGOTTEN):
        return _finding(ref, "lost its link")
    source = other(line.side)
    if not isinstance(line, Update):
        return _no_reason_left(present, line, now)
    told = [each for each in changes if each.reason not in WRITTEN_BEFORE]
    if not told:
        return None
    return _told(present.ref(source, line.source), present.records[source].get(line.source), told, source)


def _takes_back(line: Update | Archive | Delete | Restore) -> bool:
    if isinstance(line, Update):
        return all(change.reason == REVERTED for change in line.changes)
    return line.reason == REVERTED


def _no_reason_left(present: _Present, line: Archive | Delete | Restore, now: _Now) -> Finding | None:
    """What the record was to be taken away for: its counterpart is there again, or both are in scope again. A person
    who wants it forgotten does not mind what they say."""
    if line.reason == FORGOTTEN:
        return None
    side = other(line.side)
    there = present.records[side].get(line.source)
    if there is None or there.gone:
        return None
    if line.reason != LEFT_SCOPE:
        return _finding(present.ref(side, line.source), "is there again")
    back = there.in_scope and now.in_scope
    return _finding(present.ref(side, line.source), "is in scope again") if back else None


def _told(ref: Ref, now: _Now | None, changes: Iterable[Change], source: Side) -> Finding | None:
    """Does the record that the values come from still say so?"""
    if now is None:
        return _finding(ref, "is gone")
    fields = [each.field for each in changes if not same(now.says.get(each.field), each.agreed.values[source])]
    return _finding(ref, f"changed in {', '.join(fields)}") if fields else None


def _adopt(present: _Present, line: Adopt) -> Finding | None:
    for side in SIDES:
        ref, now = present.ref(side, line.keys[side]), present.records[side].get(line.keys[side])
        if now is None:
            return _finding(ref, "is gone")
        fields = [name for name, agreed in line.base.items() if not same(now.says.get(name), agreed.values[side])]
        if fields:
            return _finding(ref, f"changed in {', '.join(fields)}")
    return None


def _finding(ref: Ref, what: str) -> Finding:
    return Finding("plan/drift", f"{what} since the plan was made", MEND, ref=ref)
