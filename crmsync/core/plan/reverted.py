"""How is taken back what a run wrote, where it still stands? One line of its journal and its target in, a line out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from crmsync.core.expression import get_path, plain_path, put_paths
from crmsync.core.mapping import Compiled, breaks, native
from crmsync.core.merge import HUGE, same
from crmsync.core.model import (
    ABSENT,
    REVERTED,
    Agreed,
    Archive,
    Base,
    Both,
    Change,
    Create,
    Delete,
    Json,
    Key,
    Link,
    Record,
    Restore,
    Side,
    Update,
    other,
)
from crmsync.core.plan.lines import Line

Wrote = Create | Update | Archive | Delete | Restore
Paths = tuple[tuple[str, Json], ...]

EDITED: Final = "edited since"
COUNTED: Final = "edited since, and what was added to it is not the same on both sides; a run makes that so"
GONE: Final = "is gone"
UNREADABLE: Final = "cannot be read now"
ENDED: Final = "its link with the record that it was made from has ended since"
DELETED: Final = "was deleted, which cannot be undone"
HALF: Final = "only one half of it was written; the next run completes it"


@dataclass(frozen=True, slots=True)
class Target:
    """The record that a line wrote, as it is now; `record` None: it is not there. `link`: the one that its pair has, if
    any. `beside`: its counterpart is there, and both are in scope. `outside`: why nothing is written to it."""

    key: Key
    record: Record | None
    link: Link | None = None
    beside: bool = False
    outside: str = ""

    @property
    def base(self) -> Base:
        return self.link.base if self.link else {}


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays as it is, and why. `field` "": the whole record. `now`: what stands there instead, ABSENT where that
    is not the reason."""

    mapping: str
    side: Side
    key: Key
    why: str
    field: str = ""
    now: Json = ABSENT


@dataclass(frozen=True, slots=True)
class Back:
    """What becomes of one line: what takes it back (None: nothing has to), and what stays."""

    line: Line | None = None
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Reverting:
    """`undoes`: the run whose values are pinned once they are taken back; "" for a revert that is itself reverted, and
    leaves nothing to be pinned. `deletes`: records that it made, and that cannot be archived, are deleted."""

    compiled: Compiled
    undoes: str = ""
    deletes: bool = False

    def back(self, line: Wrote, target: Target) -> Back:
        """Raises nothing: what cannot be taken back is told."""
        if isinstance(line, Delete):
            return self._kept(line, target, DELETED)
        if target.record is None:
            return self._kept(line, target, GONE)
        if not isinstance(target.record.data, dict):
            return self._kept(line, target, UNREADABLE)
        if target.outside:
            return self._kept(line, target, target.outside)
        match line:
            case Update():
                return self._updated(line, target, target.record)
            case Create():
                return self._created(line, target, target.record)
            case Archive():
                return self._archived(line, target, target.record)
            case Restore():
                return self._restored(line, target, target.record)

    def _kept(self, line: Wrote, target: Target, why: str, field: str = "", now: Json = ABSENT) -> Back:
        return Back(None, (Kept(line.mapping, line.side, target.key, why, field, now),))

    # Values

    def _updated(self, line: Update, target: Target, record: Record) -> Back:
        changes: list[Change] = []
        kept: list[Kept] = []
        for written in line.changes:
            found = self._value(line, written, target, record)
            if isinstance(found, Change):
                changes.append(found)
            else:
                kept += found
        sound, refused = self._sound(line, target, record, changes)
        whole, torn = self._together(line, target, record, sound, (*kept, *refused))
        update = Update(line.mapping, line.side, target.key, line.source, whole, record.version, self.undoes)
        return Back(update if whole else None, (*kept, *refused, *torn))

    def _value(self, line: Update, written: Change, target: Target, record: Record) -> Change | tuple[Kept, ...]:
        side, place = line.side, self.compiled.targets[line.side].get(written.field)
        if place is None or place.text != written.path:
            return self._kept(line, target, f"the mapping does not write {written.path} any more", written.field).kept
        now, before = native(place, record.data), None if written.before is ABSENT else written.before
        base = target.base.get(written.field)
        counts = self.compiled.mapping.fields[self.compiled.index[written.field]].merge == "counter"
        if counts and (less := uncounted(written, side, base, now)) is not None:
            return () if same(less, now) else _restoring(written, now, less, base or written.agreed, side)
        if same(now, before) or same(now, written.before):
            return ()
        if base is not None and base.owed is not None:
            return self._kept(line, target, HALF, written.field).kept
        if not _stands(written, side, base, now):
            return self._kept(line, target, COUNTED if counts else EDITED, written.field, now).kept
        return _restoring(written, now, before, base or written.agreed, side)

    def _sound(
        self, line: Update, target: Target, record: Record, changes: Sequence[Change]
    ) -> tuple[tuple[Change, ...], tuple[Kept, ...]]:
        """The changes that the contract takes; together, else those that it takes alone, if these go together."""
        if not self._broken(line.side, record, changes):
            return tuple(changes), ()
        alone = [change for change in changes if not self._broken(line.side, record, [change])]
        sound = alone if len(alone) < len(changes) and not self._broken(line.side, record, alone) else []
        return tuple(sound), tuple(
            Kept(line.mapping, line.side, target.key, self._broken(line.side, record, [change]) or TORN, change.field)
            for change in changes
            if change not in sound
        )

    def _together(
        self, line: Update, target: Target, record: Record, sound: Sequence[Change], kept: Sequence[Kept]
    ) -> tuple[tuple[Change, ...], tuple[Kept, ...]]:
        """Fields of one group go back together or not at all."""
        groups = {field.name: field.group for field in self.compiled.mapping.fields if field.group}
        written = {change.field for change in line.changes}
        edited = {name for name in groups.keys() - written if self._is_edited(name, line.side, target, record)}
        torn = {groups[name] for name in edited | {each.field for each in kept} if name in groups}
        whole = tuple(change for change in sound if groups.get(change.field) not in torn)
        if len(whole) < len(sound) and self._broken(line.side, record, whole):
            whole = ()
        return whole, tuple(
            Kept(line.mapping, line.side, target.key, _torn(groups.get(change.field), torn), change.field)
            for change in sound
            if change not in whole
        )

    def _is_edited(self, name: str, side: Side, target: Target, record: Record) -> bool:
        """Does a field that the line did not write say something else than what was agreed?"""
        place, base = self.compiled.targets[side].get(name), target.base.get(name)
        return place is not None and base is not None and not same(native(place, record.data), base.values[side])

    def _broken(self, side: Side, record: Record, changes: Sequence[Change]) -> str:
        """What its contract says against the record as it would be."""
        found = breaks(self.compiled, side, record.data, changes, record.ref)
        return f"the contract refuses what stood there before: {found[0].message}" if found else ""

    # Records that were made, archived, restored

    def _created(self, line: Create, target: Target, record: Record) -> Back:
        side, link = line.side, target.link
        sets = self.compiled.entities[side].archive
        if link is not None and link.state == "gone":
            return Back()  # it was taken back before, or went with its source
        if link is None or link.keys[side] != target.key:
            return self._kept(line, target, ENDED)
        if kept := tuple(self._edited(line, target, record)):
            return Back(None, kept)
        names = line.mapping, side, target.key, line.source, record.version, REVERTED
        if sets:
            return Back(Archive(*names, before=_standing(record, sets)))
        if self.deletes:
            return Back(Delete(*names))
        entity = self.compiled.entities[side].full_name
        return self._kept(line, target, f"{entity} declares no archive: delete it by hand, or say --delete-created")

    def _edited(self, line: Create, target: Target, record: Record) -> Iterable[Kept]:
        """The fields in which it does not say any more what it was made with."""
        for written in line.changes:
            place = self.compiled.targets[line.side].get(written.field)
            if place is not None and place.text == written.path:
                now = native(place, record.data)
                if not _stands(written, line.side, target.base.get(written.field), now):
                    yield from self._kept(line, target, EDITED, written.field, now).kept

    def _archived(self, line: Archive, target: Target, record: Record) -> Back:
        sets = self.compiled.entities[line.side].archive or {}
        before = tuple((path, None if value is ABSENT else value) for path, value in line.before)
        if _says(record, line.before) or _says(record, before):
            return Back()
        if not _says(record, tuple((path, sets.get(path)) for path, _ in before)):
            return self._kept(line, target, EDITED)
        if broken := self._unfit(line.side, record, before):
            return self._kept(line, target, broken)
        keys = (target.key, line.source) if line.side == 0 else (line.source, target.key)
        relink = target.beside and target.link is not None and target.link.keys == keys
        return Back(Restore(line.mapping, line.side, target.key, line.source, record.version, before, relink))

    def _unfit(self, side: Side, record: Record, values: Paths) -> str:
        checker = self.compiled.checkers[side]
        after = put_paths(record.data, [(plain_path(path) or (path,), value) for path, value in values])
        if checker.valid(after) or not checker.valid(record.data):
            return ""
        return f"the contract refuses what stood there before: {checker.violations(after)[0].message}"

    def _restored(self, line: Restore, target: Target, record: Record) -> Back:
        sets = self.compiled.entities[line.side].archive or {}
        if _says(record, tuple(sets.items())):
            return Back()
        if not _says(record, line.values):
            return self._kept(line, target, EDITED)
        before = _standing(record, sets)
        names = line.mapping, line.side, target.key, line.source, record.version, REVERTED
        return Back(Archive(*names, before=before))


TORN: Final = "the contract refuses what stood there before, with what stands in the other fields"


def _torn(group: str | None, torn: Collection[str | None]) -> str:
    return f"group {group} goes back as a whole, and another field of it stays" if group in torn else TORN


def _restoring(written: Change, now: Json, value: Json, base: Agreed, side: Side) -> Change:
    return Change(written.field, written.path, now, value, REVERTED, taken_back(base, side, value))


def uncounted(written: Change, side: Side, base: Agreed | None, now: Json) -> Json:
    """A counter without what the run had added: what was counted before and since stays. `now` where that was taken
    back already; None where nobody can tell: something was counted that no run has carried over yet, or the two sides
    have moved apart otherwise."""
    if base is None or base.owed is not None or not same(now, base.values[side]):
        return None
    then = (0, 0) if written.agreed.owed is not None else written.agreed.values
    if not all(map(_is_number, (now, written.before, written.after, *then, *base.values))):
        return None
    with localcontext(HUGE):
        added = written.after - written.before
        moved = _ahead(base.values, side) - _ahead(then, side)
        return {0: now - added, -added: now}.get(moved)


def _ahead(values: Both[Json], side: Side) -> Json:
    """By how much one side counts more than the other."""
    return values[side] - values[other(side)]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def taken_back(agreed: Agreed, side: Side, value: Json) -> Agreed:
    """The base once `side` says `value` again: neither side has news for the other one. What the other side changes
    from here on flows as ever; what was restored never does by itself."""
    values = (value, agreed.values[1]) if side == 0 else (agreed.values[0], value)
    return agreed._replace(values=values)


def _stands(written: Change, side: Side, base: Agreed | None, now: Json) -> bool:
    """Is it still what the run wrote, to the letter, or as it was read back then?"""
    if same(now, written.after):
        return True
    if base is None or base.to != written.agreed.to or not same(base.sent, written.agreed.sent):
        return False
    source = other(side)
    return same(base.values[source], written.agreed.values[source]) and same(now, base.values[side])


def _standing(record: Record, sets: Mapping[str, Json]) -> Paths:
    return tuple((path, _at(record, path)) for path in sets)


def _says(record: Record, values: Paths) -> bool:
    return all(same(_at(record, path), value) for path, value in values)


def _at(record: Record, path: str) -> Json:
    return get_path(record.data, plain_path(path) or (path,))
