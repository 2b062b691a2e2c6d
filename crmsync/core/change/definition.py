"""What decides a mapping's meaning, as data?

Two mappings with one `told` make the same of every record. What stands `beside` is said of the mapping, but no record
becomes anything else by it: limits, labels, golden rules, the order of the fields, the names of contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from crmsync.core.contract.shape import ANNOTATIONS
from crmsync.core.model import (
    ABSENT,
    SIDES,
    At,
    Both,
    Chain,
    Field,
    Json,
    Limits,
    Match,
    Table,
    fingerprint,
    from_json,
    to_json,
)
from crmsync.core.model import Mapping as Declared

_NOTES: Final = ANNOTATIONS - {"default"}  # which a new record may be given
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_VALUES: Final = frozenset({"const", "enum", "default", "required", "dependentRequired", "type"})
_NO_FIELD: Final = Field("", (None, None))
_SETTINGS: Final = (
    "link", "merge", "group", "seed", "on_conflict", "on_foreign_edit", "on_first_link", "on_null", "equal_within",
)  # fmt: skip


def _nowhere(*_: Json) -> At:
    return At("")


@dataclass(frozen=True)
class Definition:
    """A mapping as data, with both contracts, the entities and the tables that it uses. `place` knows where in the
    files a part of it stands; a definition that comes from the ledger stands nowhere."""

    name: str
    told: Json
    beside: Json
    place: Callable[..., At] = field(default=_nowhere, compare=False, repr=False)

    @cached_property
    def hash(self) -> str:
        """Changes when the records must be looked at again."""
        return fingerprint(to_json(self.told))

    def to_json(self) -> Json:
        return {"name": self.name, "told": self.told, "beside": self.beside}

    @classmethod
    def from_json(cls, written: Json) -> Definition:
        return cls(written["name"], written["told"], written["beside"])


def define(
    mapping: Declared,
    entities: Both[Json],
    tables: Mapping[str, Table],
    order: Iterable[str] = (),
    place: Callable[..., At] = _nowhere,
) -> Definition:
    """`entities`: how the records of each side are read. `order`: the fields as they are written one after the other.
    `tables`: those that the mapping uses."""
    sides = (mapping.ends[0].name, mapping.ends[1].name)
    told = {
        "ends": [[end.system, end.entity, end.strict] for end in mapping.ends],
        "contracts": [bare(end.contract.schema) for end in mapping.ends],
        "entities": entities,
        "scope": mapping.scope,
        "create": mapping.create,
        "delete": mapping.delete,
        "on_leave_scope": mapping.on_leave_scope,
        "match": _match(mapping.match) if mapping.match else None,
        "fields": {each.name: _field(each) for each in mapping.fields},
        "checks": [
            {"side": each.side, "expr": each.expr, "apply": _chain(each.apply), "equals": each.equals,
             "within": each.within, "else": each.otherwise}
            for each in mapping.checks
        ],
        "after": mapping.after,
        "together": mapping.together,
        "enabled": mapping.enabled,
        "rollout": [mapping.rollout.percent, *mapping.rollout.select] if mapping.rollout else None,
        "tables": {name: _table(table, sides) for name, table in sorted(tables.items())},
    }  # fmt: skip
    beside = {
        "sides": sides,
        "contracts": [str(end.contract) for end in mapping.ends],
        "notes": [_notes(end.contract.schema) for end in mapping.ends],
        "order": list(order),
        "limits": {**_limits(mapping.limits), "oscillation": _oscillation(mapping.fields)},
        "match": _proof(mapping.match) if mapping.match else None,
    }
    return Definition(mapping.name, from_json(to_json(told)), from_json(to_json(beside)), place)


# A mapping -----------------------------------------------------------------------------------------------------


def _field(each: Field) -> Json:
    """Without what is as it is where nothing is said."""
    owner = each.owner if each.value is ABSENT else _owner_of_constant(each)
    told = {name: value for name in _SETTINGS if (value := getattr(each, name)) != getattr(_NO_FIELD, name)}
    told |= {"value": each.value} if each.value is not ABSENT else {}
    told |= {f"default_{side}": each.default[side] for side in SIDES if each.default[side] is not ABSENT}
    told |= {f"when_{side}": each.when[side] for side in SIDES if each.when[side] is not None}
    told |= {f"to_{side}": _chain(each.to[side]) for side in SIDES if each.to[side]}
    return {"paths": each.paths, "owner": owner, **told}


def _owner_of_constant(each: Field) -> int:
    return 0 if each.paths[0] is None else 1


def _chain(chain: Chain) -> Json:
    return [[call.name, call.args] for call in chain]


def _match(match: Match) -> Json:
    """What decides which is which."""
    card = match.scorecard
    curves = {name: [curve.at, curve.points] for name, curve in card.curves.items()} if card else {}
    return {
        "decide": match.decide,
        "compare": {each.field: [each.kind, each.weight] for each in match.compare},
        "link_at": match.link_at,
        "review_at": match.review_at,
        "within": match.within,
        "points": [card.base, curves] if card else None,
    }


def _proof(match: Match) -> Json:
    """What proves the thresholds, and what stands for records that a person merges."""
    return {"labels": match.labels, "min_precision": match.min_precision, "golden": match.golden}


def _limits(limits: Limits) -> Json:
    def told(limit: Json) -> Json:
        return [limit.count, limit.percent]

    return {
        "kinds": {name: told(each) for name, each in limits.kinds.items()},
        "fields": {name: told(each) for name, each in limits.fields.items()},
        "missing": told(limits.missing),
        "unusual": limits.unusual,
    }


def _oscillation(fields: Iterable[Field]) -> Json:
    """Of the fields that say something else than every one does, so that a new field is no new limit."""
    return {each.name: each.oscillation for each in fields if each.oscillation != _NO_FIELD.oscillation}


def _table(table: Table, sides: Both[str]) -> Json:
    """The rows in no order, for each value has one answer; columns that bear the name of a side by its number."""
    columns = [sides.index(name) if name in sides else name for name in table.columns]
    prefer = {
        str(columns[table.columns.index(name)]): sorted((list(pair) for pair in chosen.items()), key=to_json)
        for name, chosen in table.prefer.items()
    }
    return {
        "columns": columns,
        "rows": sorted((list(row) for row in table.rows), key=to_json),
        "prefer": prefer,
        "unmapped": table.unmapped,
    }


# A contract ----------------------------------------------------------------------------------------------------


def bare(schema: Json) -> Json:
    """A JSON Schema without its annotations: what is left decides which records keep it."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _bare_part(key, value) for key, value in schema.items() if not _is_note(key)}


def _is_note(key: str) -> bool:
    return key in _NOTES or key.startswith("x-")


def _bare_part(key: str, value: Json) -> Json:
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: bare(each) for name, each in value.items()}
    return bare(value)


def _notes(schema: Json) -> str:
    """Tells one text of a contract from another one."""
    return fingerprint(to_json(schema))
