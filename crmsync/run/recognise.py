"""Writes were sent, and no answer came: what became of them? The target is looked at before anything is tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from crmsync.connectors.base import Door, Insert, fetch
from crmsync.core.expression import EvaluationError, get_path, plain_path
from crmsync.core.mapping import Compiled, Lifted
from crmsync.core.merge import agree, same
from crmsync.core.model import (
    ABSENT,
    Archive,
    Change,
    Create,
    Delete,
    Json,
    Key,
    Outcome,
    Raw,
    Restore,
    Side,
    Update,
)
from crmsync.run.wording import Try, Writing
from crmsync.run.world import World


@dataclass(frozen=True, slots=True)
class Untouched:
    """It had no effect: it may be tried again."""


@dataclass(frozen=True, slots=True)
class Took:
    """It took effect. `kept` are the fields that still say, or say again, what they said before: their base stays as
    it was. `doubtful` are those that say a third thing, of the target's own spelling or by somebody's hand, nobody
    can tell: they lose their base, so that the rules of a first link decide."""

    outcome: Outcome
    lifted: Lifted | None = None
    kept: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell, so that it is never tried again unasked. `doubtful` as in `Took`; none of them: a person is
    asked whether the record was made."""

    message: str
    doubtful: frozenset[str] = frozenset()


Fate: TypeAlias = Untouched | Took | Unknown
Name: TypeAlias = tuple[Json, ...]
UNTOUCHED: Final = Untouched()
BY_TOKEN: Final = ("origin field", "idempotency header")  # how a system keeps what a create is known by
COUNTED: Final = ("counter", "append")  # to say again what a field of such a kind was told would count it twice


@dataclass(frozen=True, slots=True)
class Recognise:
    """Looks at one side of one mapping. Raises `Transient` or `Refused` as its door does."""

    world: World
    compiled: Compiled
    side: Side

    @property
    def door(self) -> Door:
        return self.world.door(self.compiled.mapping, self.side)

    def fates(self, tries: Sequence[Try]) -> list[Fate]:
        """What became of each of these, in order."""
        created = [each for each in tries if isinstance(each.line, Create)]
        fates = self._created(created) if created else {}
        keys = [each.line.key for each in tries if not isinstance(each.line, Create)]
        now = {raw.key: raw for raw in fetch(self.door, list(dict.fromkeys(keys)))}
        return [fates[each.seq] if each.seq in fates else self._changed(each, now) for each in tries]

    # Records that were there before

    def _changed(self, tried: Try, now: Mapping[Key, Raw]) -> Fate:
        line = tried.line
        assert not isinstance(line, Create)
        assert not isinstance(tried.write, Insert)
        raw = now.get(line.key)
        if raw is None:
            return Took(Outcome("done")) if isinstance(line, Delete) else UNTOUCHED
        if raw.fault or raw.version == tried.write.expect:
            return UNTOUCHED
        lifted = self.lifted(raw)
        match line:
            case Update():
                return self._updated(line, raw, lifted)
            case Archive():
                archive = self.compiled.entities[self.side].archive or {}
                return self._set(raw, lifted, archive.items())
            case Restore():
                return self._set(raw, lifted, line.values)
            case Delete():  # what is deleted there stays as a tombstone
                return Took(Outcome("done", raw), lifted) if lifted is not None and lifted.gone else UNTOUCHED

    def _set(self, raw: Raw, lifted: Lifted | None, values: Iterable[tuple[str, Json]]) -> Fate:
        record = self.door.decode(raw.body)
        done = all(same(_at(record, path), value) for path, value in values)
        return Took(Outcome("done", raw), lifted) if done else UNTOUCHED

    def _updated(self, line: Update, raw: Raw, lifted: Lifted | None) -> Fate:
        """A write sets all of its fields at once: one that says what we sent speaks for all."""
        changes = [each for each in line.changes if self.is_known(each)]
        if lifted is None or not changes:
            return UNTOUCHED
        said = {each.field: self._says(each, lifted) for each in changes}
        kept = frozenset(each.field for each in changes if said[each.field] == "before")
        doubtful = frozenset(each.field for each in changes if said[each.field] == "else")
        if "after" in said.values():
            return Took(Outcome("done", raw), lifted, kept, doubtful)
        counted = doubtful & {each.field for each in changes if self._counts(each)}
        if counted:
            message = f"{', '.join(sorted(counted))} was sent and never answered, and says neither the old nor the new"
            return Unknown(message, counted)
        return UNTOUCHED

    def _says(self, change: Change, lifted: Lifted) -> Literal["after", "before", "else"]:
        index = self.compiled.index[change.field]
        field, found = self.compiled.mapping.fields[index], lifted.natives[index]
        if same(found, change.before):
            return "before"
        return "after" if agree(field, change.after, found) else "else"

    def is_known(self, change: Change) -> bool:
        """The mapping still writes this field at this place."""
        target = self.compiled.targets[self.side].get(change.field)
        return target is not None and target.text == change.path

    def _counts(self, change: Change) -> bool:
        return self.compiled.mapping.fields[self.compiled.index[change.field]].merge in COUNTED

    def lifted(self, raw: Raw) -> Lifted | None:
        """What a record says, None where it cannot be understood."""
        if raw.fault:
            return None
        try:
            return self.compiled.lift[self.side](self.door.decode(raw.body))
        except EvaluationError:
            return None

    # Records that were to be made

    def _created(self, tries: Sequence[Try]) -> dict[int, Fate]:
        entity = self.compiled.entities[self.side]
        if entity.assigned_by == "caller":
            return self._found(tries, entity.key, {each.seq: _name(_data(each), entity.key) for each in tries})
        match entity.recover_by:
            case "origin field" if entity.origin:
                return self._found(tries, (entity.origin,), {each.seq: (each.token,) for each in tries})
            case "natural key":
                names = {each.seq: _name(_data(each), entity.natural_key) for each in tries}
                return self._found(tries, entity.natural_key, names)
            case "idempotency header":  # the very same insert may be sent again: the system knows it
                return {each.seq: UNTOUCHED for each in tries}
        lost = Unknown(f"a new {entity.full_name} was sent and never answered; nobody can tell whether it was made")
        return {each.seq: lost for each in tries}

    def _found(self, tries: Sequence[Try], paths: Sequence[str], names: Mapping[int, Name]) -> dict[int, Fate]:
        """One record of this name was made by us, none was not made; of several nobody knows."""
        found = self._named(paths, {name for name in names.values() if name})
        place = f"{self.compiled.entities[self.side].full_name} with the same {', '.join(paths)}"
        fates: dict[int, Fate] = {}
        for each in tries:
            records = found.get(names[each.seq], []) if names[each.seq] else None
            if records is None:
                fates[each.seq] = Unknown(f"a create was never answered, and it has no {', '.join(paths)}")
            elif len(records) > 1:
                fates[each.seq] = Unknown(f"a create was never answered, and there are {len(records)} {place}")
            else:
                fates[each.seq] = self._made(each.line, records[0]) if records else UNTOUCHED
        return fates

    def _named(self, paths: Sequence[str], names: set[Name]) -> dict[Name, list[Raw]]:
        """The records that nothing is linked to yet, by their values at `paths`."""
        entity = self.compiled.entities[self.side]
        wide = self.world.open_door(entity, None)  # this mapping may not read these paths
        firsts = sorted({name[0] for name in names}, key=str)
        pages = wide.find(paths[0], firsts) if wide.can.find else wide.list()
        named = ((raw.key, _name(wide.decode(raw.body), paths)) for page in pages for raw in page if not raw.fault)
        wanted = {key: name for key, name in named if name in names}
        linked = self.world.ledger.links(self.compiled.mapping.name, self.side, list(wanted))
        free = [key for key in wanted if key not in linked or linked[key].state == "gone"]
        found: dict[Name, list[Raw]] = {}
        for raw in fetch(self.door, free):
            found.setdefault(wanted[raw.key], []).append(raw)
        return found

    def _made(self, line: Writing, raw: Raw) -> Fate:
        assert isinstance(line, Create)
        return self.recognised(line, Outcome("done", raw))

    def recognised(self, line: Create, outcome: Outcome) -> Took:
        """A record that an earlier try has made: what it says otherwise by now is not what we made it say."""
        lifted = self.lifted(outcome.record) if outcome.record else None
        if lifted is None:
            return Took(outcome)
        changes = [each for each in line.changes if self.is_known(each) and not each.agreed.filled]
        doubtful = frozenset(each.field for each in changes if self._says(each, lifted) != "after")
        return Took(outcome, lifted, doubtful=doubtful)


def _data(tried: Try) -> Json:
    assert isinstance(tried.write, Insert)
    return tried.write.data


def _name(record: Json, paths: Sequence[str]) -> Name:
    """The values at these paths; () where one of them is missing."""
    values = tuple(_plain(_at(record, path)) for path in paths)
    return () if any(value is None or isinstance(value, list | dict) for value in values) else values


def _plain(value: Json) -> Json:
    """5.00 is 5; nothing is null."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    return None if value is ABSENT else value


def _at(record: Json, path: str) -> Json:
    return get_path(record, plain_path(path) or (path,)) if isinstance(record, dict) else ABSENT
