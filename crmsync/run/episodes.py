"""What has happened to a pair of records, and to one field of theirs? As the audit tells it, oldest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crmsync.core.audit import FieldTold, Row, fields_told, is_told_as_sealed
from crmsync.core.model import SIDES, Both, Json, Key, Project, Side, from_json
from crmsync.core.model import Mapping as Declared
from crmsync.ledger.nouns import AuditTampered
from crmsync.run.people.keyed import Names
from crmsync.run.people.mask import Mask
from crmsync.run.world import World

ANSWERS: Final = ("decide", "reopen")


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of the audit. `told` is {} where it was erased; `fields` are those that were written."""

    row: Row
    told: Mapping[str, Json]
    fields: tuple[FieldTold, ...]

    @classmethod
    def of(cls, row: Row) -> Episode:
        """Raises AuditTampered."""
        if not is_told_as_sealed(row):
            raise AuditTampered(f"what row {row.n} of the audit tells is not what it told when it was sealed")
        told = {} if row.told is None else from_json(row.told)
        return cls(row, told, fields_told(told))

    @property
    def records(self) -> tuple[tuple[Side, Key], ...]:
        """What it is about: what it came from first."""
        return tuple((side, tuple(key)) for side, key in self.told.get("records", ()))

    def written(self, name: str) -> FieldTold | None:
        return next((each for each in self.fields if each.name == name), None)

    def tells_of(self, name: str) -> bool:
        """Does it say something about this field?"""
        asked = self.row.event in ANSWERS and self.told.get("field") == name
        return asked or self.written(name) is not None or name in self.told.get("agreed", ())


def episodes(world: World, mapping: Declared, keys: Both[Key | None]) -> tuple[Episode, ...]:
    """All that was told of one of these records, oldest first."""
    records = [(side, key) for side in SIDES if (key := keys[side]) is not None]
    return tuple(map(Episode.of, world.ledger.audit_of(mapping.name, records)))


def last_written(history: Sequence[Episode], name: str) -> Episode | None:
    """When crmsync wrote the field last, or found both sides to say the same."""
    told = (each for each in reversed(history) if each.tells_of(name) and each.row.event not in ANSWERS)
    return next(told, None)


@dataclass(frozen=True, slots=True)
class Masking:
    """Rows as plain JSON, with people's values masked."""

    project: Project
    mask: Mask
    names: Names

    @classmethod
    def of(cls, world: World, show: bool) -> Masking:
        return cls(world.project, Mask(world.project, show), world.names.showing(show))

    def row(self, row: Row) -> dict[str, Json]:
        """Everything but the salt: the values that it would let be guessed are masked."""
        episode = Episode.of(row)
        public = {
            "n": row.n, "at": row.at, "run": row.run, "trace": row.trace, "actor": row.actor, "event": row.event,
            "mapping": row.mapping, "side": self._side(row),
            "records": [self._ref(row, *each) for each in episode.records],
        }  # fmt: skip
        return {**public, **self._told(row, episode), "erased": row.erased, "hash": row.hash}

    def _told(self, row: Row, episode: Episode) -> dict[str, Json]:
        told = {name: value for name, value in episode.told.items() if name not in ("records", "fields", "in")}
        if row.event in ANSWERS:
            told |= self._answer(row, told)
        if row.event == "merge":
            told["golden"] = {
                name: {**golden, "value": self._value(row, name, golden["value"])}
                for name, golden in (told.get("golden") or {}).items()
            }
        if episode.fields:
            told["fields"] = [self._field(row, episode, each) for each in episode.fields]
        return told

    def _answer(self, row: Row, told: Mapping[str, Json]) -> dict[str, Json]:
        name = told.get("field") or ""
        shown: dict[str, Json] = {}
        if name and "values" in told:
            shown["values"] = [self._value(row, name, each) for each in told["values"]]
        if name and "value" in told:
            shown["value"] = self._value(row, name, told["value"])
        return shown

    def _field(self, row: Row, episode: Episode, each: FieldTold) -> dict[str, Json]:
        told = {
            "field": each.name, "at": f"{episode.told.get('in', '')}:{each.line}", "owner": each.owner, "why": each.why,
            "before": self._value(row, each.name, each.before), "after": self._value(row, each.name, each.after),
        }  # fmt: skip
        return {**told, "who": each.who} if each.who else told

    def _value(self, row: Row, name: str, value: Json) -> Json:
        return self.mask.value(row.mapping or "", name, value)

    def _declared(self, row: Row) -> Declared | None:
        return next((each for each in self.project.mappings if each.name == row.mapping), None)

    def _side(self, row: Row) -> Json:
        mapping = self._declared(row)
        return row.side if mapping is None or row.side is None else mapping.ends[row.side].name

    def _ref(self, row: Row, side: Side, key: Key) -> str:
        mapping = self._declared(row)
        if mapping is None:
            return f"{row.mapping} (gone)"
        return str(self.names.ref(mapping.ends[side], key))
