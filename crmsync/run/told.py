"""What does the audit tell of a write? Every field with its line of the mapping, its owner, both values, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from crmsync.core.audit import signed
from crmsync.core.mapping import Compiled
from crmsync.core.model import (
    ABSENT,
    SIDES,
    Both,
    Create,
    Field,
    Json,
    Key,
    Mapping,
    Mark,
    Side,
    Update,
    other,
)
from crmsync.ledger.nouns import CRMSYNC, NewAudit
from crmsync.run.world import World

if TYPE_CHECKING:
    from crmsync.run.deeds import Deed

UNKNOWN: Final = "unknown"  # the event of a write that was sent and of which nobody knows whether it took effect
GONE: Final = "gone"  # the event of a link whose record is there no more
Place: TypeAlias = tuple[str, int, str]
"""A field, its line of the mapping's file, and who owns it."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells of the writes of one run to one side of one mapping."""

    world: World
    run: str
    compiled: Compiled
    side: Side

    def rows(self, deeds: Sequence[Deed], now: str) -> Iterator[NewAudit]:
        """One row for each write that took effect, or may have; nothing of any other. Each is made when it is asked
        for: whoever writes it down at once need not hold them all."""
        told = [deed for deed in deeds if deed.outcome.status in ("done", "unknown")]
        mapping = self.compiled.mapping
        places = {
            field.name: (field.name, field.at.line if field.at else 0, owner_of(mapping, field))
            for field in mapping.fields
        }
        who, file = self._who_decided(told), self.world.project.file(mapping.at)
        return (self._row(deed, file, self._fields(deed, places, who), now) for deed in told)

    def _row(self, deed: Deed, file: str, fields: list[Json], now: str) -> NewAudit:
        line, event = deed.line, type(deed.line).__name__.lower()
        records: tuple[tuple[Side, Key], ...] = ((other(self.side), line.source),)
        if (target := _target(deed)) is not None:
            records = (*records, (self.side, target))
        told: dict[str, Json] = {}
        if not isinstance(line, Create | Update):
            told["why"] = line.reason
        else:
            told["in"], told["fields"] = file, fields
        if deed.outcome.status == "unknown":
            told["sent"], event = event, UNKNOWN
        return NewAudit(event, line.mapping, self.side, records, told, CRMSYNC, self.run, now)

    def _fields(self, deed: Deed, places: dict[str, Place], who: dict[tuple[Key, str], str]) -> list[Json]:
        """Each as it was read back, where it was. Without a call for each: a first load tells of millions."""
        line, kept = deed.line, deed.kept
        if not isinstance(line, Create | Update):
            return []
        natives = deed.lifted.natives if deed.lifted else ()
        index = self.compiled.index if natives else {}
        told = [
            (
                *(places.get(name) or (name, 0, "")), why, natives[index[name]] if name in index else after,
                *(() if before is ABSENT else (before,)),
            )
            for name, _, before, after, why, _ in line.changes if name not in kept
        ]  # fmt: skip
        return [signed(each, who.get((line.source, each[0]), "")) for each in told] if who else told

    def _who_decided(self, deeds: Sequence[Deed]) -> dict[tuple[Key, str], str]:
        """The people behind the changes that are answers, by the source's key and the field."""
        pairs: list[Both[Key]] = [
            (line.key, line.source) if self.side == 0 else (line.source, line.key)
            for line in (deed.line for deed in deeds)
            if isinstance(line, Update) and any(each.reason == "decided" for each in line.changes)
        ]
        decisions = self.world.ledger.decisions(self.compiled.mapping.name, pairs) if pairs else {}
        apart = other(self.side)
        return {
            (key, each.field): each.who
            for keys, answers in decisions.items()
            for each in answers
            if (key := keys[apart]) is not None
        }


def lost(mark: Mark, run: str, now: str) -> NewAudit:
    """A pair that has lost a record."""
    records = tuple(zip(SIDES, mark.keys, strict=True))
    return NewAudit(GONE, mark.mapping, None, records, {"missing": mark.missing}, CRMSYNC, run, now)


def _target(deed: Deed) -> Key | None:
    if not isinstance(deed.line, Create):
        return deed.line.key
    return deed.outcome.record.key if deed.outcome.record else None


def owner_of(mapping: Mapping, field: Field) -> str:
    """The name of a side, `shared`, `constant`, or `default` for what is only filled on create."""
    if field.value is not ABSENT:
        return "constant"
    match field.owner:
        case 0 | 1:
            return mapping.ends[field.owner].name
        case "shared":
            return "shared"
        case _:
            return "default"
